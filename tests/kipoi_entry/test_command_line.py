"""The entry under the real ``kipoi`` command.

Starting Kipoi with TensorFlow takes seconds, so that each command runs once (module fixtures) and several tests look at
what it did.
"""

import json
import os
import shutil
from collections import namedtuple

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from closeness import assert_expression_close
from entry_copies import ROOT, copy_entry, run, set_writable, state

from yeastpromoter.sequence.reporter import PTPA

Source = namedtuple("Source", "folder entry home")

OTHER_MODEL = """
info:
  authors:
  - name: Somebody
  doc: Adds up the input.
  license: MIT
defined_as: model.Sum
args: {}
default_dataloader: .
schema:
  inputs:
    shape: (4, )
    doc: numbers
  targets:
    shape: (1, )
    doc: their sum
"""

OTHER_MODEL_CODE = """
from kipoi.model import BaseModel


class Sum(BaseModel):
    def predict_on_batch(self, x):
        return x.sum(axis=1)
"""

OTHER_DATALOADER = """
type: Dataset
defined_as: dataloader.Numbers
info:
  authors:
  - name: Somebody
  doc: Counts.
  license: MIT
args:
  n:
    doc: how many records
    example: 3
output_schema:
  inputs:
    shape: (4, )
    doc: numbers
"""

OTHER_DATALOADER_CODE = """
import numpy as np
from kipoi.data import Dataset


class Numbers(Dataset):
    def __init__(self, n):
        self.n = int(n)

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return {"inputs": np.full(4, index, dtype="float32")}
"""

BESIDE_ANOTHER_ENTRY = """
import json, sys
import kipoi
import numpy as np

# The other entry comes first: its modules `model` and `dataloader` are there when ours are looked for.
other = kipoi.get_model("group/other", "zoo")
ours = kipoi.get_model("promoters", "zoo")
batch = next(ours.default_dataloader(sequence_file=sys.argv[1]).batch_iter(batch_size=32))
result = {
    "promoters": np.asarray(ours.predict_on_batch(batch["inputs"])["expression"], dtype=float).tolist(),
    "other": np.asarray(other.pipeline.predict({"n": 3}), dtype=float).tolist(),
    "path": [folder for folder in sys.path if folder.startswith(ours.source_dir.rstrip("/"))],
}
print(json.dumps(result))
"""


def random_inserts(count, seed):
    letters = np.random.default_rng(seed).choice(list("ACGT"), size=(count, 80))
    return ["".join(row) for row in letters]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A local source with two entries, ours being read-only, and a home folder whose Kipoi knows it."""
    root = tmp_path_factory.mktemp("kipoi")
    folder = root / "zoo"
    entry = copy_entry(folder / "promoters")
    other = folder / "group" / "other"
    other.mkdir(parents=True)
    (other / "model.yaml").write_text(OTHER_MODEL)
    (other / "model.py").write_text(OTHER_MODEL_CODE)
    (other / "dataloader.yaml").write_text(OTHER_DATALOADER)
    (other / "dataloader.py").write_text(OTHER_DATALOADER_CODE)
    home = root / "home"
    (home / ".kipoi").mkdir(parents=True)
    config = {"model_sources": {"zoo": {"type": "local", "local_path": str(folder)}}}
    (home / ".kipoi" / "config.yaml").write_text(yaml.safe_dump(config))
    set_writable(entry, False)
    yield Source(folder, entry, home)
    set_writable(entry, True)


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    """A FASTA file of 40 constructs: two batches at Kipoi's default of 32."""
    path = tmp_path_factory.mktemp("input") / "constructs.fa"
    records = [f">record {i}\n{PTPA.add_adapters(insert)}\n" for i, insert in enumerate(random_inserts(40, seed=1))]
    path.write_text("".join(records).replace(">record ", ">record_"))
    return path


@pytest.fixture(scope="module")
def predicted(source, sequences, tmp_path_factory):
    """`kipoi predict` of the read-only member of a local source, called from an unrelated folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    before = state(source.entry)
    result = run(
        *["kipoi", "predict", "promoters", "--source", "zoo", "--keep_metadata"],
        *["--dataloader_args", f"sequence_file={sequences}", "-o", "out.tsv", "out.h5"],
        cwd=folder,
        home=source.home,
    )
    assert result.status == 0, result.stderr
    return folder, result, before


def test_predict_writes_a_row_for_every_record_with_its_id(predicted):
    folder, _, _ = predicted
    frame = pd.read_csv(folder / "out.tsv", sep="\t")
    assert list(frame["metadata/id"]) == [f"record_{i}" for i in range(40)]
    assert frame["preds/expression"].between(-2, 19).all()
    assert frame["preds/expression"].nunique() > 1


def test_predict_writes_the_same_to_hdf5(predicted):
    folder, _, _ = predicted
    frame = pd.read_csv(folder / "out.tsv", sep="\t")
    with h5py.File(folder / "out.h5") as file:
        assert_expression_close(file["preds/expression"][:], frame["preds/expression"])
        assert [name.decode() for name in file["metadata/id"][:]] == list(frame["metadata/id"])


def test_predict_keeps_quiet(predicted):
    _, result, _ = predicted
    for noise in ("WARNING", "oneDNN", "cpu_feature_guard", "cuda", "absl"):
        assert noise not in result.stdout + result.stderr


def test_predict_writes_nothing_into_the_entry(source, predicted):
    _, _, before = predicted
    assert state(source.entry) == before


def test_works_beside_another_entry_in_one_process(source, sequences, predicted, tmp_path):
    result = run("python", "-c", BESIDE_ANOTHER_ENTRY, sequences, cwd=tmp_path, home=source.home)
    assert result.status == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    frame = pd.read_csv(predicted[0] / "out.tsv", sep="\t")
    assert_expression_close(found["promoters"], frame["preds/expression"][:32])
    assert found["other"] == [0.0, 4.0, 8.0]
    assert found["path"] == []  # our folder on sys.path would shadow the `model` of other entries


def test_kipoi_test_passes_from_elsewhere(source, tmp_path):
    result = run("kipoi", "test", source.entry, cwd=tmp_path, home=source.home)
    output = result.stdout + result.stderr
    assert result.status == 0, output
    assert "All predictions match" in output
    assert "WARNING" not in output


def test_preproc_writes_the_inputs_as_one_hot(source, sequences, tmp_path):
    result = run(
        *["kipoi", "preproc", os.path.relpath(source.entry, tmp_path), "--source", "dir", "--keep_metadata"],
        *["--dataloader_args", json.dumps({"sequence_file": str(sequences)}), "-o", "inputs.h5"],
        cwd=tmp_path,
        home=source.home,
    )
    output = result.stdout + result.stderr
    assert result.status == 0, output
    assert "WARNING" not in output
    with h5py.File(tmp_path / "inputs.h5") as file:
        inputs = file["inputs"][:]
    text = [line for line in sequences.read_text().splitlines() if not line.startswith(">")]
    assert ["".join("ACGT"[i] for i in row) for row in inputs.argmax(axis=2)] == text
    assert (inputs.sum(axis=2) == 1).all()


def test_info_and_get_example_describe_the_entry(source):
    info = run("kipoi", "info", ".", "--source", "dir", cwd=source.entry, home=source.home)
    assert info.status == 0, info.stderr
    assert "sequence_file" in info.stdout + info.stderr

    before = state(source.entry)
    example = run(
        "kipoi", "get-example", "promoters", "--source", "zoo", "-o", "example", cwd=source.home, home=source.home
    )
    assert example.status == 0, example.stderr
    # As the README says: nothing is copied; what it prints is the dataloader's arguments, relative to the entry.
    arguments = json.loads(example.stdout.splitlines()[-1])
    assert (source.entry / arguments["sequence_file"]).is_file()
    assert not (source.home / "example").exists()
    assert state(source.entry) == before
    assert "WARNING" not in info.stdout + info.stderr + example.stdout + example.stderr


def test_env_export_gives_the_locked_versions(source, tmp_path):
    result = run(
        *["kipoi", "env", "export", "promoters", "--source", "zoo", "-o", "environment.yaml"],
        cwd=tmp_path,
        home=source.home,
    )
    assert result.status == 0, result.stderr
    environment = yaml.safe_load((tmp_path / "environment.yaml").read_text())
    *conda, last = environment["dependencies"]
    assert "python=3.11" in conda
    lock = (ROOT / "requirements" / "runtime.lock").read_text().splitlines()
    pins = {line.removesuffix(" \\") for line in lock if "==" in line}
    assert set(last["pip"]) == pins
    assert len(last["pip"]) == len(pins)
    assert "kipoi==0.8.6" in pins
    assert "conda-forge" in environment["channels"]


INSIDE_THE_ENTRY = """
import json, re, shlex, sys
from pathlib import Path
import h5py
import kipoi
import numpy as np
import pandas as pd
import yaml
from kipoi.__main__ import main
from yeastpromoter.cli.main import main as commands

Path("results").mkdir()
pages = "".join(Path(name).read_text() for name in ("README.md", "docs/kipoi.md"))
blocks = re.findall(r"^```(sh|python)\\n(.*?)^```", pages, re.MULTILINE | re.DOTALL)
results, counts = [], {}
for language, text in blocks:
    if language == "python":
        variables = {}
        exec(text, variables)
        if "expression" in variables:
            results.append(variables["expression"].tolist())
        else:  # kipoi-interpret
            model, x, effects = (variables[name] for name in ("model", "x", "effects"))
            mutants = np.repeat(x, 4, axis=0)
            mutants[:, 40] = np.eye(4)
            expression = model.predict_on_batch(mutants)["expression"]
            interpreted = {
                "contributed": (variables["contributions"] != 0).tolist(),
                "effects": [None if effect is None else float(effect[0]) for effect in effects[0][40]],
                "expected": (expression - expression[x[0, 40].argmax()]).tolist(),
            }
    elif text.startswith("yeastpromoter"):
        for line in text.replace(chr(92) + chr(10), " ").splitlines():
            words = shlex.split(line)
            commands(words[1:], standalone_mode=False)
            for table in (word for word in words if word.endswith(".tsv")):
                frame = pd.read_csv(table, sep="\\t")
                counts[table] = [len(frame), frame["id"].nunique()]
    elif text.startswith("kipoi predict"):
        sys.argv = shlex.split(text.replace(chr(92) + chr(10), " "))  # a backslash continues a line
        main()
        frame = pd.read_csv("predictions.tsv", sep="\\t")
        results.append({name: frame[name].tolist() for name in frame})

sys.argv = ["kipoi", "test", "."]
main()

for stream in (sys.stdout, sys.stderr):
    print("ALTERED", file=stream, flush=True)
expected = yaml.safe_load(Path("model.yaml").read_text())["test"]["expect"]
with h5py.File(expected, "r+") as file:
    values = file["preds/expression"][:]
    values[-1] += 0.01
    file["preds/expression"][...] = values
failed = None
try:
    main()
except SystemExit as ended:
    failed = ended.code

for stream in (sys.stdout, sys.stderr):
    print("ANOTHER ENTRY", file=stream, flush=True)
results.append(kipoi.get_model("group/other", "zoo").pipeline.predict({"n": 3}).tolist())
print(json.dumps({"results": results, "interpreted": interpreted, "counts": counts, "failed": failed}))
"""


@pytest.fixture(scope="module")
def inside(source, tmp_path_factory):
    """The commands of the README and `kipoi test .`, called in a copy of the entry, and again with one value altered.

    They run in one process, which saves starting TensorFlow for each.
    """
    entry = copy_entry(tmp_path_factory.mktemp("inside") / "entry")
    shutil.copy(ROOT / "README.md", entry)
    shutil.copytree(ROOT / "docs", entry / "docs")
    left, right, inserts = "ACGTACGTAC", "GGTTAACCAT", ["ACGTTGCA" * 10, "TTTTGAAA" * 10]
    complement = str.maketrans("ACGT", "TGCA")
    (entry / "inserts.csv").write_text("name,seq\n" + "".join(f"i{n},{text}\n" for n, text in enumerate(inserts)))
    # Chromosome XVI has the second insert on its other strand.
    chromosomes = {"I": left + inserts[0] + right, "XVI": left + inserts[1].translate(complement)[::-1] + right}
    (entry / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in chromosomes.items()))
    (entry / "inserts.bed").write_text("I\t10\t90\ta\t0\t+\nXVI\t10\t90\tb\t0\t-\n")
    result = run("python", "-c", INSIDE_THE_ENTRY, cwd=entry, home=source.home)
    assert result.status == 0, result.stderr
    return result


def test_the_commands_of_the_readme_agree(inside):
    """The package, FASTA, a table, intervals, strings and Keras: the same inserts give the same predictions."""
    package, fasta, table, intervals, strings, keras_alone, _ = json.loads(inside.stdout.splitlines()[-1])["results"]
    assert len(fasta["metadata/id"]) > 2
    assert table["metadata/id"] == ["i0", "i1"]
    assert intervals["metadata/id"] == ["a", "b"]
    assert_expression_close(package, strings)
    assert_expression_close(table["preds/expression"], strings)
    assert_expression_close(intervals["preds/expression"], strings)
    assert_expression_close(keras_alone, strings)
    assert abs(strings[0] - strings[1]) > 0.01  # or the comparisons above would say nothing


def test_the_readme_says_which_bases_matter(inside):
    found = json.loads(inside.stdout.splitlines()[-1])
    lines = (ROOT / "model_files" / "example" / "promoters.fa").read_text().splitlines()
    n_sequences = sum(line.startswith(">") for line in lines)
    n_unknown = sum(line.count("N") for line in lines if not line.startswith(">"))  # four substitutions each
    assert found["counts"] == {
        "predictions.tsv": [n_sequences, n_sequences],
        "effects.tsv": [31, 29],  # two records have two alleles each
        "ladder.tsv": [30, 30],
        "stronger.tsv": [n_sequences, n_sequences],
        "substitutions.tsv": [n_sequences * 80 * 3 + n_unknown, n_sequences],
        "contributions.tsv": [n_sequences * 80, n_sequences],
    }


def test_kipoi_interpret_works_as_the_readme_says(inside):
    found = json.loads(inside.stdout.splitlines()[-1])["interpreted"]
    contributed = np.array(found["contributed"])
    assert contributed.shape == (1, 80, 4)
    assert contributed.any(axis=2).mean() > 0.9
    assert contributed.sum(axis=2).max() == 1
    assert found["effects"][0] is None  # the base that is there, an A
    assert_expression_close(found["effects"][1:], found["expected"][1:])
    assert np.abs(found["effects"][1:]).max() > 0.01


def test_kipoi_test_passes_inside_and_compares(inside):
    output = "".join(stream.partition("ALTERED")[0] for stream in (inside.stdout, inside.stderr))
    assert "All predictions match" in output
    assert "WARNING" not in output


def test_kipoi_test_fails_when_a_prediction_differs(inside):
    assert json.loads(inside.stdout.splitlines()[-1])["failed"] == 1
    altered = [stream.partition("ALTERED")[2] for stream in (inside.stdout, inside.stderr)]
    output = "".join(stream.partition("ANOTHER ENTRY")[0] for stream in altered)
    assert "predictions don't match" in output
    assert "All predictions match" not in output


def test_another_entry_works_after_this_one(inside):
    assert json.loads(inside.stdout.splitlines()[-1])["results"][-1] == [0.0, 4.0, 8.0]
