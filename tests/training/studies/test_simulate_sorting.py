import gzip
import inspect

import numpy as np
import pytest
from click.testing import CliRunner

from training.cli.main import main
from training.studies import simulate_sorting as module
from training.studies.simulate import planted_expression
from training.studies.simulate_sorting import LENGTHS, held_out_inserts, sorted_promoters
from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.reporter import PTPA


def read(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        return [line.rstrip("\n").split("\t") for line in file]


def make(folder, *arguments):
    counts = folder / "counts.tsv"
    folder.mkdir()
    command = ["simulate-sorting", "--output", folder, "--sequences", 700, "--held-out", 40, "--counts", counts]
    result = CliRunner().invoke(main, [str(argument) for argument in [*command, *arguments]])
    assert result.exit_code == 0, result.output
    return [folder / name for name in (module.TRAIN_FILE, module.HELD_OUT_FILE, "counts.tsv")]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS_AT_ONCE", 300)
        return make(tmp_path_factory.mktemp("data") / "one")


def test_measured_is_the_mean_bucket_of_the_cells(files):
    train, (names, *rows) = read(files[0]), read(files[2])
    assert names == ["sequence", "true_expression", *(f"count_{bucket}" for bucket in range(18))]
    assert len(train) == len(rows) == 700
    assert len({sequence for sequence, _ in train}) > 690, "pieces are not repeated"
    for (sequence, measured), (again, _, *counts) in zip(train, rows, strict=True):
        assert sequence == again
        cells = [int(count) for count in counts]
        assert sum(cells) >= 1
        assert float(measured) == pytest.approx(np.average(range(18), weights=cells), abs=1e-4)


def test_true_expression_is_what_is_planted_in_the_insert_as_it_stands(files):
    for sequence, true, *_ in read(files[2])[1:]:
        assert sequence.startswith(PTPA.left_adapter)
        assert sequence.endswith(PTPA.right_adapter)
        (planted,) = planted_expression(letters([sequence[17:-13]]), module.MIDDLE, module.GC_EFFECT)
        assert float(true) == pytest.approx(planted, abs=1e-4)


def test_held_out_sequences_are_constructs_of_110_bp(files):
    rows = read(files[1])
    assert len(rows) == 40
    assert {len(sequence) for (sequence,) in rows} == {110}


def test_files_follow_from_the_seed(tmp_path, files, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 300)
    again, other = make(tmp_path / "again"), make(tmp_path / "other", "--seed", 2)
    for first, second, third in zip(files, again, other, strict=True):
        assert first.read_bytes() == second.read_bytes() != third.read_bytes()


def test_lengths_gc_and_noise_are_those_of_the_public_sample():
    assert sum(LENGTHS.values()) == 6370
    promoters = next(sorted_promoters(30_000, held_out_inserts(0, 1), 2.8, 3))
    lengths = promoters.lengths + 30
    share = {length: (lengths == length).mean() for length in (108, 109, 110)}
    assert share == {length: pytest.approx(LENGTHS[length] / 6370, abs=0.01) for length in share}
    assert set(np.unique(lengths)) <= set(LENGTHS)
    measured = promoters.mean_bucket
    gc = np.isin(promoters.inserts, list(b"GC")).sum(axis=1) / promoters.lengths
    assert (gc.mean(), gc.std()) == (pytest.approx(0.473, abs=0.005), pytest.approx(0.082, abs=0.003))
    assert (measured.mean(), measured.std()) == (pytest.approx(11.1, abs=0.1), pytest.approx(2.3, abs=0.1))
    assert (measured == np.rint(measured)).mean() == pytest.approx(0.58, abs=0.02)
    assert np.corrcoef(gc, measured)[0, 1] == pytest.approx(0.35, abs=0.02)
    # Noise only adds: the measurement is right on average where the scale does not end.
    middle = np.abs(promoters.expression - 8.5) < 2
    assert (measured - promoters.expression)[middle].mean() == pytest.approx(0, abs=0.05)


def test_many_cells_show_the_true_expression():
    held_out = held_out_inserts(0, 1)
    far = [
        np.abs(promoters.mean_bucket - promoters.expression).mean()
        for cells in (1, 400)
        for promoters in sorted_promoters(500, held_out, cells, 3)
    ]
    assert far[0] > 1.2
    assert far[1] < 0.4
    (single,) = sorted_promoters(500, held_out, 1, 3)
    assert (single.counts.sum(axis=1) == 1).all()


def test_defaults_of_the_command_are_those_of_the_function():
    given = {option.name: option.default for option in main.get_command(None, "simulate-sorting").params}
    wanted = inspect.signature(module.simulate_sorting).parameters
    for name in ("sequences", "held_out", "cells", "seed"):
        assert given[name] == wanted[name].default


@pytest.mark.parametrize("name", ["train_sequences.txt", "held_out_sequences.txt.gz", "counts.tsv"])
def test_a_file_that_is_there_is_not_replaced(tmp_path, name):
    (tmp_path / name).write_text("measured")
    command = ["simulate-sorting", "--output", tmp_path, "--sequences", 5, "--held-out", 2]
    command += ["--counts", tmp_path / "counts.tsv"]
    result = CliRunner().invoke(main, list(map(str, command)))
    assert result.exit_code == 1
    assert f"{tmp_path / name} is there already" in result.output

    assert "Name another folder for the output, or remove the file" in result.output
    assert [path.name for path in tmp_path.iterdir()] == [name], "nothing else is written"
    assert (tmp_path / name).read_text() == "measured"


def test_nothing_is_written_where_something_is_wrong_and_no_empty_list_without_held_out_ones(tmp_path):
    with pytest.raises(ValueError, match=r"the folder .*missing does not exist"):
        module.simulate_sorting(tmp_path, sequences=10, held_out=2, counts=tmp_path / "missing" / "counts.tsv")
    assert list(tmp_path.iterdir()) == []
    module.simulate_sorting(tmp_path, sequences=10, held_out=0)
    assert [path.name for path in tmp_path.iterdir()] == [module.TRAIN_FILE]
