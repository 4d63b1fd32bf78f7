"""Export a run: put its weights, and everything that is said of them, into the Kipoi entry.

After an export the entry holds one recorded run and nothing else: weights, their calibration, what the model.yaml of
every model that uses them says of them, the run's record beside them, the predictions that ``kipoi test`` compares
with, and what MODEL_CARD.md and README.md say of weights, training data and figures. What a person wrote there about
other weights is taken out.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from training.config.loading import NOT_EXPORTED
from training.data.assay import PUBLIC, Assay
from training.data.tables import sha256_of, write_report
from training.evaluate.card import (
    RECORD_FILE,
    TO_WRITE,
    evaluation_text,
    long_figures,
    reporter_text,
    short_figures,
    trained_on,
    training_data,
    weights_text,
)
from training.evaluate.coverage import intervals_text
from training.evaluate.expected import expected_predictions
from training.evaluate.markdown import read_document, with_block
from training.evaluate.record import make_record, read_calibration
from training.fit.networks import KIRCHERLAB
from training.paths import ROOT
from training.run import Run
from yeastpromoter.io.whole_files import whole_file, write_whole
from yeastpromoter.model.network import build_network
from yeastpromoter.model.shipped import shipped_arguments, shipped_reporter

MODEL_YAML = "model.yaml"
#: The calibration of the weights, and the level of the intervals that the Kipoi models give, in percent.
CALIBRATION_FILE = "model_files/calibration.json"
INTERVAL = 90
#: Those of the models that share the weights, in the entry.
MODEL_YAMLS = (MODEL_YAML, f"variant_effects/{MODEL_YAML}")
DATALOADER_YAMLS = ("dataloader.yaml", "variant_effects/dataloader.yaml")
DOCUMENTS = ("MODEL_CARD.md", "README.md")
#: What this project consists of, of which a new entry is a copy.
PROJECT = (
    *("model.yaml", "model.py", "dataloader.yaml", "dataloader.py", "model_files", "variant_effects", "many_files"),
    *("yeastpromoter", "training", "tests", "benchmarks", "docs", "examples", "requirements", "start.py"),
    *("pyproject.toml", "README.md", "MODEL_CARD.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE"),
)
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def with_values(path: str | Path, values: Mapping[str, Mapping[str, Any]], text: str | None = None) -> str:
    """Replace values in the text of a model.yaml; all else in it stays, to the byte.

    Parameters
    ----------
    path : str or Path
        The file. Each value must stand under a key of its section, ``    KEY: VALUE``, and may go on in lines that are
        indented further.
    values : mapping of str to mapping
        By section (``args``, ``info``) and key the new values: a word, a text of any length, a number, None, or a list
        or mapping of them.
    text : str, optional
        Text in place of that of the file.

    Returns
    -------
    str
        The new text.

    Raises
    ------
    ValueError
        If a key does not stand there exactly once, or the text does not say the new values then.
    """
    before = text = read_document(path) if text is None else text
    end = "\r\n" if "\r\n" in text else "\n"
    keys = {key: value for named in values.values() for key, value in named.items()}
    for key, value in keys.items():
        place = re.compile(rf"^    {re.escape(key)}:[^\r\n]*(?:\r?\n {{5,}}[^\r\n]*)*", re.MULTILINE)
        found = len(place.findall(text))
        if found != 1:
            raise ValueError(
                f"{path} must have exactly one key '    {key}: …' but has {found}: the new value has no certain place"
            )
        new = value if isinstance(value, str) else json.dumps(value)
        # A hash of digits alone would be a number.
        if isinstance(value, str) and (" " in value or value.isdigit()):
            lines = textwrap.wrap(value, 112, break_long_words=False, break_on_hyphens=False)
            new = (end + 8 * " ").join([">-", *lines])
        text = place.sub(lambda _, new=f"    {key}: {new}": new, text)
    wanted = yaml.safe_load(before)
    wanted |= {section: wanted.get(section, {}) | named for section, named in values.items()}
    if yaml.safe_load(text) != wanted:
        raise ValueError(f"{path}: the keys {', '.join(keys)} do not stand under {' and '.join(values)}")
    return text


def of_these_weights(text: str, version: str) -> str:
    """Take out of a document what a person wrote about other weights.

    Such texts stand between ``<!-- by hand for VERSION: begin -->`` and ``<!-- by hand: end -->``. Where VERSION is
    another one, a sentence takes the place of the text that says that it has to be written.
    """

    def replaced(block: re.Match) -> str:
        if block[1] == version:
            return block[0]
        sentence = f"{TO_WRITE}: what stood here was about other weights.*"
        return f"<!-- by hand for {version}: begin -->\n{sentence}\n<!-- by hand: end -->"

    return re.sub(r"<!-- by hand for (\S+): begin -->.*?<!-- by hand: end -->", replaced, text, flags=re.DOTALL)


def unwritten(entry: str | Path) -> list[str]:
    """Where the documents of an entry have a text that a person has to write: file, line and heading of each."""
    found = []
    for document in DOCUMENTS:
        heading = ""
        for line, text in enumerate(read_document(Path(entry) / document).splitlines(), start=1):
            heading = text.lstrip("# ") if text.startswith("#") else heading
            if TO_WRITE in text:
                found.append(f"{document}, line {line}, under {heading!r}")
    return found


def weights_version(configuration: str, run_name: str, sha256: str) -> str:
    """Name the version of exported weights: configuration, run, and how their sha256 begins.

    Raises
    ------
    ValueError
        If the name would not be a plain word of YAML.
    """
    version = f"{configuration}-{run_name}-{sha256[:12]}"
    if not PLAIN.fullmatch(version):
        raise ValueError(
            f"the weights' version would be {version!r}: names of configurations and runs must be letters, digits, "
            "'.', '_' and '-', a letter first"
        )
    return version


def new_entry(folder: str | Path) -> bool:
    """Make a copy of this project where there is none: in a folder that is new or empty.

    Parameters
    ----------
    folder : str or Path
        The folder.

    Returns
    -------
    bool
        Whether it was made.

    Raises
    ------
    ValueError
        If the folder holds other files.
    """
    folder = Path(folder)
    if (folder / MODEL_YAML).is_file():
        return False
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(
            f"{folder} is neither a Kipoi entry of this project, since it has no {MODEL_YAML}, nor empty: name a new "
            "folder, which becomes a copy of this project"
        )
    # Whatever hidden folders and caches lie here stays here.
    ignored = shutil.ignore_patterns("__pycache__", ".*", "results")
    for name in PROJECT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return True


def parameters(assay: Assay) -> int:
    """Number of parameters of the report's network for an assay, of which 1,700 are not trained.

    That of the public measurements has 2,194,768 (Table 1 of the report). Another length changes the inputs of the
    first dense layer, 100 channels at (length - 13) // 2 - 3 positions with 300 weights each; another number of buckets
    the last layer, 300 weights and a bias each.
    """

    def positions(length: int) -> int:
        return (length - 13) // 2 - 3

    here, public = assay.network, PUBLIC.network
    longer = positions(here["length"]) - positions(public["length"])
    return 2_194_768 + 30_000 * longer + 301 * (here["buckets"] - public["buckets"])


def _size(assay: Assay) -> str:
    number = parameters(assay)
    return f"{number:,} parameters ({number - 1_700:,} trainable); {4e-6 * number:.1f} MB"


def for_assay(text: str, before: Assay, after: Assay) -> str:
    """Put the adapters, lengths and buckets of another assay into what a YAML file of the entry says."""
    if before == after:
        return text
    old, new = before.reporter, after.reporter
    words = {
        old.name: new.name,
        old.left_adapter: new.left_adapter,
        old.right_adapter: new.right_adapter,
        f"{len(old.left_adapter)}-bp left": f"{len(new.left_adapter)}-bp left",
        f"{len(old.right_adapter)}-bp right": f"{len(new.right_adapter)}-bp right",
        f"{len(old.left_adapter)}-bp adapter": f"{len(new.left_adapter)}-bp adapter",
        f"{len(old.right_adapter)}-bp adapter": f"{len(new.right_adapter)}-bp adapter",
        f"to {old.insert_length - 1}, the end": f"to {new.insert_length - 1}, the end",
        f"{before.buckets} buckets": f"{after.buckets} buckets",
        f"{before.buckets} bucket scores": f"{after.buckets} bucket scores",
        _size(before): _size(after),
        "{:g} to {:g}".format(*before.ends): "{:g} to {:g}".format(*after.ends),
        "{:g} (lowest) to {:g} (highest)".format(*before.ends): "{:g} (lowest) to {:g} (highest)".format(*after.ends),
    }
    for ours, theirs in zip(old.lengths.values(), new.lengths.values(), strict=True):
        words |= {f"{ours} bp": f"{theirs} bp", f"{ours}-bp": f"{theirs}-bp", f"{ours}, 4)": f"{theirs}, 4)"}
    if old.has_adapters and not new.has_adapters:
        words[f", {old.left_adapter} and {old.right_adapter},"] = ""
    # All at once: what is put in must not be replaced again. The longest first, as one can begin like another. Lines
    # may end within one.
    longest_first = sorted(filter(None, words), key=len, reverse=True)
    found = "|".join(
        (r"\b" if word[0].isalnum() else "") + r"\s+".join(map(re.escape, word.split())) for word in longest_first
    )
    return re.sub(found, lambda match: words[" ".join(match[0].split())], text)


def assay_of(entry: str | Path) -> Assay:
    """The assay that an entry is for."""
    return Assay(shipped_reporter(entry), tuple(shipped_arguments(entry)["bucket_values"]))


def export(run: Run, entry: str | Path) -> dict[str, Any]:
    """Export a finished and evaluated run into a Kipoi entry.

    Parameters
    ----------
    run : Run
        A run, finished.
    entry : str or Path
        Folder of the entry: this project's root, a copy of it, or a new folder, which becomes one.

    Returns
    -------
    dict
        What ``model_files/training_run.json`` holds: the record of the run, with the sha256 and version of the
        exported weights and the sha256 of their calibration, None without one.

    Raises
    ------
    ValueError
        If the run has not finished or not been evaluated since, or a file of the entry does not have the place
        where something has to be written; the entry is then as it was.
    """
    entry = Path(entry)
    weights_version(run.config["name"], run.name, "0" * 64)  # before anything is written
    if (network := run.settings.get("network", KIRCHERLAB)) != KIRCHERLAB:
        raise ValueError(f"run {run.name!r} cannot be exported: {NOT_EXPORTED.format(network)}")
    record = make_record(run)
    new_entry(entry)
    activation = record["settings"]["first_activation"]
    path = entry / yaml.safe_load((entry / MODEL_YAML).read_text(encoding="utf-8"))["args"]["weights"]
    # Built and saved again: the file then holds the network's weights and no optimiser state, whatever was stored.
    assay, before = Assay.of(run.config), assay_of(entry)
    network = build_network(activation, **assay.network)
    network.load_weights(run.weights)
    with whole_file(path) as partial:
        network.save_weights(partial)
        sha256 = sha256_of(partial)
        version = weights_version(run.config["name"], run.name, sha256)
        calibration = calibration_text(read_calibration(run, record["weights_sha256"]), sha256)
        exported = {
            "weights_version": version,
            "weights_sha256": sha256,
            "calibration_sha256": calibration and hashlib.sha256(calibration.encode()).hexdigest(),
            "run": record,
        }
        texts = entry_texts(exported, entry)
        for file, text in texts.items():
            write_whole(entry / file, text)
        if assay.reporter != before.reporter:
            make_example(entry)
        if calibration:
            write_whole(entry / CALIBRATION_FILE, calibration)
        else:
            (entry / CALIBRATION_FILE).unlink(missing_ok=True)
    write_report(entry / RECORD_FILE, exported)
    expected_predictions(entry)
    return exported


def make_example(entry: Path) -> None:
    """Make the example promoters of an entry for its reporter.

    Raises
    ------
    ValueError
        If that fails.
    """
    command = [sys.executable, str((entry / "model_files" / "example" / "make_promoters.py").absolute())]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def calibration_text(found: Mapping[str, Any] | None, weights_sha256: str) -> str | None:
    """The text of an entry's calibration, for its weights; None for a run that has none.

    Parameters
    ----------
    found : mapping or None
        What the step calibrate found.
    weights_sha256 : str
        SHA-256 of the exported weights.
    """
    if not found or not found["calibration"]:
        return None
    return json.dumps(found["calibration"] | {"weights_sha256": weights_sha256}, indent=1) + "\n"


def entry_texts(exported: Mapping[str, Any], entry: str | Path) -> dict[str, str]:
    """What the files of an entry say after an export.

    Parameters
    ----------
    exported : mapping
        What `export` returns.
    entry : str or Path
        Folder of the entry.

    Returns
    -------
    dict of str to str
        The new text of each file, by its path in the entry.

    Raises
    ------
    ValueError
        If a file does not have the place where something has to be written.
    """
    record = exported["run"]
    arguments = {name: exported[name] for name in ("weights_sha256", "weights_version", "calibration_sha256")}
    arguments |= {"first_activation": record["settings"]["first_activation"]}
    calibrated = bool(exported["calibration_sha256"])
    arguments |= {"interval": INTERVAL if calibrated else None}
    assay, before = Assay.of(record), assay_of(entry)
    described = None if assay.reporter == PUBLIC.reporter else assay.reporter.description()
    arguments |= {"reporter": described, "bucket_values": list(assay.bucket_values)}
    texts = {}
    for name in MODEL_YAMLS:
        path = "../" * name.count("/") + CALIBRATION_FILE if calibrated else None
        values = {"args": arguments | {"calibration": path}, "info": {"trained_on": trained_on(record)}}
        texts[name] = with_values(name, values, for_assay(read_document(Path(entry) / name), before, assay))
    for name in DATALOADER_YAMLS if assay != before else ():
        texts[name] = for_assay(read_document(Path(entry) / name), before, assay)
    blocks = {
        "MODEL_CARD.md": {
            "weights": weights_text(exported),
            "reporter": reporter_text(record),
            "training data": training_data(record),
            "evaluation": evaluation_text(record),
            "intervals": intervals_text(record),
            "figures": long_figures(record),
        },
        "README.md": {
            "weights": weights_text(exported),
            "reporter": reporter_text(record),
            "figures": short_figures(record),
        },
    }
    for document, contents in blocks.items():
        path = Path(entry) / document
        text = of_these_weights(read_document(path), exported["weights_version"])
        if document == DOCUMENTS[0]:
            # The table at its head.
            head, mark, rest = text.partition("<!--")
            text = for_assay(head, before, assay) + mark + rest
        for name, content in contents.items():
            text = with_block(text, name, content, path)
        texts[document] = text
    return texts
