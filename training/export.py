"""Export a run: put its weights, and everything that is said of them, into the Kipoi entry.

After an export the entry holds one recorded run and nothing else: weights, their sha256 and version in the model.yaml
of every model that uses them, the run's record beside them, the predictions that ``kipoi test`` compares with, and the
tables of figures in MODEL_CARD.md and README.md.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import yaml

from training.config import ALL_SOURCES
from training.evaluate import run_weights, some_fewer_resamples
from training.markdown import markdown_table, replace_block, words
from training.metrics import MANY_GROUPS, RESAMPLES_OF_MANY
from training.record import make_record, read_evaluation
from training.tables import sha256_of, write_report
from yeastpromoter.network import build_network
from yeastpromoter.whole_files import whole_file, write_whole

MODEL_YAML = "model.yaml"
#: Folders of the models that share the weights, from that of the entry.
MODELS = (".", "variant_effects")
RECORD_FILE = "model_files/training_run.json"
DOCUMENTS = ("MODEL_CARD.md", "README.md")
BLOCK = "figures"
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def set_arguments(path: str | Path, values: Mapping[str, str]) -> None:
    """Set arguments of the model in model.yaml; every other byte of the file stays.

    Parameters
    ----------
    path : str or Path
        The file. Each argument must stand on one line, ``    NAME: VALUE``.
    values : mapping of str to str
        New values, plain words of YAML (letters, digits, ``.``, ``_`` and ``-``).

    Raises
    ------
    ValueError
        If an argument does not stand there exactly once, or the file does not say the new values afterwards.
    """
    path = Path(path)
    with path.open(newline="", encoding="utf-8") as file:
        before = file.read()
    text = before
    for name, value in values.items():
        lines = re.findall(rf"^    {re.escape(name)}:[^\r\n]*", text, re.MULTILINE)
        if len(lines) != 1:
            raise ValueError(
                f"{path} must have exactly one line '    {name}: …' but has {len(lines)}: the new value has no "
                "certain place"
            )
        text = text.replace(lines[0], f"    {name}: {value}")
    wanted = yaml.safe_load(before)
    wanted["args"] |= values
    if yaml.safe_load(text) != wanted:
        raise ValueError(f"{path}: {', '.join(values)} stand there, but not as arguments (args) of the model")
    write_whole(path, text)


def _interval(bounds: Mapping[str, float | None], decimals: int = 3) -> str:
    if bounds["value"] is None:
        return "–"
    text = f"{bounds['value']:.{decimals}f}"
    if bounds["low"] is not None:
        text += f" ({bounds['low']:.{decimals}f} to {bounds['high']:.{decimals}f})"
    return text


def scored_part(evaluation: Mapping[str, Any]) -> str:
    """The part whose figures count: test where it was scored, else validation.

    Raises
    ------
    ValueError
        If neither was evaluated, or the run learned from the only one that was.
    """
    for part in ("test", "validation"):
        if part in evaluation["parts"] and part not in evaluation.get("learned_from", []):
            return part
    raise ValueError(
        f"the evaluation of run {evaluation['run']!r} has neither the test nor the validation part, or the run learned "
        "from it: rerun evaluate, for the chosen run with --parts train,validation,test"
    )


def short_figures(evaluation: Mapping[str, Any]) -> str:
    """Markdown for a README: Pearson and Spearman of each source in the part that counts, 110-bp constructs."""
    part = scored_part(evaluation)
    rows = []
    for source, lengths in evaluation["parts"][part].items():
        summary = lengths["110_bp"]
        if source == ALL_SOURCES or summary is None:
            continue
        ceiling = summary.get("noise_ceiling", {}).get("ceiling")
        rows.append(
            [
                words(source),
                f"{summary['constructs']:,}",
                _interval(summary["pearson"]),
                _interval(summary["spearman"]),
                _interval({**summary["mae"], "low": None}, 2),
                "–" if ceiling is None else f"{ceiling:.3f}",
            ]
        )
    table = markdown_table(
        ["Measurements", "Constructs", "Pearson (95 % interval)", "Spearman (95 % interval)", "MAE", "Ceiling"], rows
    )
    return f"{table}\n\n{_caption(part, evaluation)}"


def _caption(part: str, evaluation: Mapping[str, Any]) -> str:
    unseen = (
        "the test part, by which nothing was chosen"
        if part == "test"
        else "the validation part, which chose epochs and runs"
    )
    kept = (
        ", none of whose inserts shares a 30-mer with a training one"
        if evaluation["split"]["method"] == "grouped"
        else " of a random split"
    )
    return (
        f"Constructs of 110 bp of {unseen}{kept}. MAE in buckets. Ceiling: what perfect predictions would reach, "
        "estimated from the replicates. "
        f"Run `{evaluation['run']}` of configuration `{evaluation['configuration']}`."
    )


def long_figures(evaluation: Mapping[str, Any]) -> str:
    """Markdown for the model card: every part and source, 110-bp constructs and all lengths."""
    header = ["Part", "Measurements", "Lengths", "Constructs", "Pearson", "Spearman", "MSE", "MAE"]
    header += ["GC, predicted", "GC, measured", "GC excess", "Ceiling", "Predicted, same constructs"]
    rows = []
    for part, sources in evaluation["parts"].items():
        for source, lengths in sources.items():
            for length, summary in lengths.items():
                if summary is None or (
                    length != "110_bp"
                    and lengths["110_bp"]
                    and summary["constructs"] == lengths["110_bp"]["constructs"]
                ):
                    continue
                ceiling = summary.get("noise_ceiling", {})
                rows.append(
                    [
                        words(part) + (" (learned)" if part in evaluation.get("learned_from", []) else ""),
                        words(source),
                        length.replace("_", " "),
                        f"{summary['constructs']:,}",
                        _interval(summary["pearson"]),
                        _interval(summary["spearman"]),
                        *(_interval({**summary[name], "low": None}, 2) for name in ("mse", "mae")),
                        *(_interval({**summary[name], "low": None}, 2) for name in ("gc_predicted", "gc_measured")),
                        _interval(summary["gc_excess"], 2),
                        *(
                            "–" if ceiling.get(name) is None else f"{ceiling[name]:.3f}"
                            for name in ("ceiling", "predicted_pearson")
                        ),
                    ]
                )
    bootstrap = evaluation["bootstrap"]
    drawn = (
        "groups of constructs whose inserts share a 30-mer"
        if evaluation["split"]["method"] == "grouped"
        else "constructs"
    )
    drawn += f"; {RESAMPLES_OF_MANY} of more than {MANY_GROUPS:,}" if some_fewer_resamples(evaluation) else ""
    note = (
        f"Run `{evaluation['run']}` of configuration `{evaluation['configuration']}`, weights with sha256 "
        f"`{evaluation['weights_sha256']}` before export; everything recorded of it is in `{RECORD_FILE}`. In "
        f"brackets: 95 % bootstrap intervals ({bootstrap['resamples']:,} resamples of {drawn}). MSE and MAE in "
        "buckets. GC: Pearson correlation of predicted and of measured expression with the GC content of the insert; "
        "excess: their difference. Ceiling: the correlation that perfect predictions would have with the mean of two "
        "replicates, beside the one that the predictions have on the same constructs."
    )
    return f"{markdown_table(header, rows, text_columns=3)}\n\n{note}"


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


def expected_predictions(entry: str | Path) -> Path:
    """Make the predictions that ``kipoi test`` compares with, by ``kipoi test`` itself.

    Parameters
    ----------
    entry : str or Path
        Folder of a model: the one that its model.yaml is in.

    Returns
    -------
    Path
        The file, as ``test: expect:`` in model.yaml names it.

    Raises
    ------
    ValueError
        If model.yaml names no such file or the command fails; the message holds its output.
    """
    entry = Path(entry).absolute()
    expect = yaml.safe_load((entry / MODEL_YAML).read_text(encoding="utf-8")).get("test", {}).get("expect")
    if not expect:
        raise ValueError(f"{entry / MODEL_YAML} does not say under test: expect: where the predictions go")
    path = entry / expect
    with whole_file(path) as partial:
        partial.unlink()  # Kipoi wants to make it
        # -P: else Python would look for the entry's module `model` in the folder that this runs in, which may be
        # another entry.
        command = [sys.executable, "-P", "-m", "kipoi", "test", str(entry), "-o", str(partial)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode or not partial.is_file():
            raise ValueError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        _repack(partial)
    return path


def _repack(path: Path) -> None:
    """Write an HDF5 file anew without Kipoi's chunks of 10,000 rows, which are read, and mostly stored, as zeros."""
    arrays = {}

    def keep(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()], item.dtype

    with h5py.File(path) as file:
        file.visititems(keep)
    with h5py.File(path, "w") as file:
        for name, (values, dtype) in arrays.items():
            file.create_dataset(name, data=values, dtype=dtype, compression="gzip")


def export(config: Mapping[str, Any], run_name: str, results: str | Path, entry: str | Path) -> dict[str, Any]:
    """Export a finished and evaluated run into a Kipoi entry.

    Parameters
    ----------
    config, run_name, results
        As for `training.record.make_record`.
    entry : str or Path
        Folder of the entry: this project's root, or a copy of it.

    Returns
    -------
    dict
        What ``model_files/training_run.json`` holds: the record of the run, with the sha256 and version of the
        exported weights.

    Raises
    ------
    ValueError
        If the run has not finished or not been evaluated since, or a file of the entry does not have the place
        where something has to be written.
    """
    entry = Path(entry)
    weights_version(config["name"], run_name, "0" * 64)  # before anything is written
    evaluation = read_evaluation(results, run_name)
    made = make_record(config, run_name, results)
    figures = dict(zip(DOCUMENTS, (long_figures(evaluation), short_figures(evaluation)), strict=True))

    arguments = yaml.safe_load((entry / MODEL_YAML).read_text(encoding="utf-8"))["args"]
    path = entry / arguments["weights"]
    # Built and saved anew: the file then holds the network's weights and no optimiser state, whatever was stored.
    network = build_network(made["settings"]["first_activation"])
    network.load_weights(run_weights(results, run_name))
    with whole_file(path) as partial:
        network.save_weights(partial)
        sha256 = sha256_of(partial)
        version = weights_version(config["name"], run_name, sha256)
        values = {
            "weights_sha256": sha256,
            "weights_version": version,
            "first_activation": made["settings"]["first_activation"],
        }
        for model in MODELS:
            set_arguments(entry / model / MODEL_YAML, values)
    exported = {"weights_version": version, "weights_sha256": sha256, "run": made}
    write_report(entry / RECORD_FILE, exported)
    for document, text in figures.items():
        replace_block(entry / document, BLOCK, text)
    for model in MODELS:
        expected_predictions(entry / model)
    return exported
