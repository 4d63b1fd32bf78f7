import gzip
import importlib.util
import inspect
import itertools
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import kipoi
import numpy as np
import pytest
from kipoi_utils.data_utils import numpy_collate

from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.sequence.encoding import from_one_hot, letters, one_hot
from yeastpromoter.sequence.reporter import PTPA

ENTRY = Path(__file__).resolve().parents[2]
N = 50


@pytest.fixture(scope="module")
def loader_class():
    return kipoi.get_dataloader_factory(str(ENTRY), "dir")


@pytest.fixture(scope="module")
def sequences():
    generator = random.Random(0)
    return [PTPA.add_adapters("".join(generator.choices("ACGTN", [24, 24, 24, 24, 1], k=80))) for _ in range(N)]


@pytest.fixture(scope="module")
def table(tmp_path_factory, sequences):
    path = tmp_path_factory.mktemp("table") / "table.tsv"
    path.write_text("".join(f"promoter {i}\t{s}\t{i / 4}\t{-i}\n" for i, s in enumerate(sequences)))
    return {"sequence_file": str(path), "sequence_column": 1, "id_column": 0, "target_columns": [2, 3]}


@pytest.fixture(scope="module")
def expected(sequences):
    return {
        "inputs": one_hot(letters(sequences)),
        "targets": np.array([[i / 4, -i] for i in range(N)], dtype=np.float32),
        "metadata": {
            "id": np.array([f"promoter {i}" for i in range(N)]),
            "record": np.arange(N),
            "length": np.full(N, 110),
        },
    }


def assert_same(batch, expected, rows=slice(None)):
    assert set(batch) == set(expected)
    for name in ("inputs", "targets"):
        np.testing.assert_array_equal(batch[name], expected[name][rows])
        assert batch[name].dtype == np.float32
    for name, column in expected["metadata"].items():
        np.testing.assert_array_equal(batch["metadata"][name], column[rows])
        assert batch["metadata"][name].dtype.kind == column.dtype.kind


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 7, 25, 64])
def test_load_all_gives_every_record_in_order(loader_class, table, expected, batch_size, num_workers):
    loader = loader_class(**table)
    assert_same(loader.load_all(batch_size=batch_size, num_workers=num_workers), expected)
    assert loader_class.get_output_schema().compatible_with_batch(next(loader.batch_iter(batch_size=batch_size)))


def test_workers_read_a_compressed_file(loader_class, table, expected, tmp_path):
    path = tmp_path / "table.tsv.gz"
    path.write_bytes(gzip.compress(Path(table["sequence_file"]).read_bytes()))
    loader = loader_class(**(table | {"sequence_file": str(path)}))
    assert_same(loader.load_all(batch_size=7, num_workers=3), expected)


SPAWNED_WORKERS = """
import multiprocessing, sys, warnings
import numpy as np

def flat(batch):
    for value in batch.values():
        yield from flat(value) if isinstance(value, dict) else [value]

if __name__ == "__main__":
    import kipoi
    warnings.simplefilter("ignore")
    multiprocessing.set_start_method("spawn")
    entry, table = sys.argv[1:]
    sequences = kipoi.get_dataloader_factory(entry, "dir")(table, sequence_column=1, id_column=0, target_columns=[2, 3])
    variants = kipoi.get_dataloader_factory(entry + "/variant_effects", "dir").init_example()
    for loader in (sequences, variants):
        for here, there in zip(*(flat(loader.load_all(num_workers=workers)) for workers in (0, 1)), strict=True):
            np.testing.assert_array_equal(there, here)
"""


def test_workers_that_are_not_forked_read_too(table, tmp_path):
    """As on macOS, where a worker imports what it gets; the entry's folder is not on its path."""
    script = tmp_path / "script.py"
    script.write_text(SPAWNED_WORKERS)
    command = [sys.executable, str(script), str(ENTRY), table["sequence_file"]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_batches_and_drop_last(loader_class, table):
    loader = loader_class(**table)
    sizes = [len(batch["inputs"]) for batch in loader.batch_iter(batch_size=20)]
    assert sizes == [20, 20, 10]
    sizes = [len(batch["inputs"]) for batch in loader.batch_iter(batch_size=20, drop_last=True, num_workers=1)]
    assert sizes == [20, 20]
    assert len(loader.batch_iter(batch_size=20)) == 3
    assert list(loader.batch_iter(batch_size=64, drop_last=True)) == []
    with pytest.raises(ValueError, match="batch_size must be at least 1 but is 0"):
        loader.batch_iter(batch_size=0)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_shuffle_gives_the_same_records_in_another_order(loader_class, table, expected, num_workers):
    loader = loader_class(**table)
    np.random.seed(5)  # noqa: NPY002 - the seed that decides in Kipoi
    first = loader.load_all(batch_size=8, shuffle=True, num_workers=num_workers)
    second = loader.load_all(batch_size=8, shuffle=True, num_workers=num_workers)
    order = first["metadata"]["record"]
    assert sorted(order) == list(range(N))
    assert (order != np.arange(N)).any()
    assert (order != second["metadata"]["record"]).any()
    assert_same(first, expected, order)
    np.random.seed(5)  # noqa: NPY002
    assert_same(loader.load_all(batch_size=8, shuffle=True), expected, order)


def test_single_samples_collate_to_the_same(loader_class, table, expected):
    loader = loader_class(**table)
    assert len(loader) == N
    assert_same(numpy_collate([loader[i] for i in range(N)]), expected)
    assert loader[-1]["metadata"]["record"] == N - 1
    assert loader[3]["inputs"].shape == (110, 4)
    for index in (N, -N - 1):
        with pytest.raises(IndexError):
            loader[index]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_training_batches(loader_class, table, expected, num_workers):
    loader = loader_class(**table)
    batches = list(loader.batch_train_iter(cycle=False, batch_size=20, num_workers=num_workers))
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), expected["inputs"])
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), expected["targets"])
    cycled = itertools.islice(loader.batch_train_iter(batch_size=20, num_workers=num_workers), 5)
    assert [len(x) for x, _ in cycled] == [20, 20, 10, 20, 20]


def test_no_targets_unless_asked_for(loader_class, table):
    loader = loader_class(table["sequence_file"], sequence_column=1)
    batch = next(loader.batch_iter())
    assert set(batch) == {"inputs", "metadata"}
    assert batch["metadata"]["id"].tolist() == [str(i) for i in range(32)]
    assert loader_class.get_output_schema().compatible_with_batch(batch)


def test_notes_are_warnings_and_stay(loader_class, tmp_path, sequences):
    path = tmp_path / "odd.fa"
    path.write_text("".join(f">{'same' if i < 2 else i}\n{s[: 110 - (i == 3)]}\n" for i, s in enumerate(sequences)))
    with pytest.warns(UserWarning, match="of (50|49) sequences") as caught:
        loader = loader_class(str(path), other_lengths="drop")
    assert [str(warning.message) for warning in caught] == list(loader.notes)
    assert len(loader.notes) == 2
    assert (loader.sequences.n_dropped, loader.sequences.n_duplicates) == (1, 2)


def test_example(loader_class, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = loader_class.init_example()
    batch = loader.load_all()
    assert batch["inputs"].shape == (20, 110, 4)
    assert loader_class.get_output_schema().compatible_with_batch(batch)
    script = ENTRY / "model_files/example/make_promoters.py"
    spec = importlib.util.spec_from_file_location("make_promoters", script)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    names, constructs = zip(*made.promoters(), strict=True)
    assert batch["metadata"]["id"].tolist() == [name.split()[0] for name in names]
    assert from_one_hot(batch["inputs"]) == [construct.upper() for construct in constructs]


def test_yaml_describes_the_arguments(loader_class):
    parameters = inspect.signature(loader_class).parameters
    assert list(loader_class.args) == list(parameters)
    shared = inspect.signature(SequenceFile).parameters
    for name, parameter in parameters.items():
        described = loader_class.args[name]
        assert described.optional == (parameter.default is not inspect.Parameter.empty), name
        assert "Example: " in described.doc, name
        if described.optional:
            default = f'"{parameter.default}"' if isinstance(parameter.default, str) else str(parameter.default)
            if name == "sequence_type":
                default = '"construct"'
            assert f"Default: {'true' if parameter.default is True else default}" in described.doc, name
            if name not in ("fasta_file", "sequence_type"):
                assert parameter.default == shared[name].default, name


def test_the_entry_is_not_left_on_the_path(tmp_path):
    code = (
        "import sys; before = list(sys.path); import kipoi; "
        f"Loader = kipoi.get_dataloader_factory({str(ENTRY)!r}, 'dir'); assert sys.path == before, sys.path; "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def preproc(arguments, output, cwd):
    command = ["preproc", str(ENTRY), "--source", "dir", "--batch_size", "16", "--keep_metadata", "-o", str(output)]
    kipoi_command = os.path.join(os.path.dirname(sys.executable), "kipoi")
    return subprocess.run(
        [kipoi_command, *command, "--dataloader_args", *arguments], cwd=cwd, capture_output=True, text=True
    )


def test_kipoi_preproc(table, expected, tmp_path):
    (tmp_path / "sequences.tsv").write_bytes(
        Path(table["sequence_file"]).read_bytes() + b"short\tACGT\t0\t0\n"  # dropped, and said so
    )
    arguments = ["sequence_file=sequences.tsv", "sequence_column=1", "id_column=0", "target_columns=[2,3]"]
    done = preproc([*arguments, "other_lengths=drop"], tmp_path / "out.h5", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of 51 sequences are left out" in done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_array_equal(file["inputs"], expected["inputs"])
        np.testing.assert_array_equal(file["targets"], expected["targets"])
        assert file["metadata/id"].asstr()[:].tolist() == expected["metadata"]["id"].tolist()
        np.testing.assert_array_equal(file["metadata/record"], np.arange(N))

    failed = preproc(arguments, tmp_path / "failed.h5", tmp_path)
    assert failed.returncode != 0
    assert "1 of 51 sequences are not 110 bp long" in failed.stderr.splitlines()[-1]
