import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from closeness import assert_expression_close
from matplotlib.image import imread

import yeastpromoter
import yeastpromoter.cli.saturate as module
from yeastpromoter.cli.main import main
from yeastpromoter.interpret.saturation import Saturation, saturation_mutagenesis
from yeastpromoter.interpret.saturation_files import table_rows
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.plots.saturation import draw_saturation
from yeastpromoter.plots.style import file_name
from yeastpromoter.sequence.reporter import PTPA

RNG = np.random.default_rng(21)
INSERTS = ["".join(RNG.choice(list("ACGT"), 80)) for _ in range(3)]
INSERTS[1] = INSERTS[1][:9] + "N" + INSERTS[1][10:]
INSERTS[2] = INSERTS[2].lower()


@pytest.fixture
def inserts(tmp_path):
    path = tmp_path / "inserts.csv"
    rows = [f"{name},{insert}\n" for name, insert in zip(["b", "a/1", "b"], INSERTS, strict=True)]
    path.write_text("name,seq\n" + "".join(rows))
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["saturate", *map(str, arguments)])


def test_table_hdf5_and_figures_hold_the_same_effects(inserts, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    table, hdf5, figures = tmp_path / "out.tsv.gz", tmp_path / "out.h5", tmp_path / "new" / "figures"
    options = ["--sequence-type", "insert", "--sequence-column", "seq", "--id-column", 0, "--deletions"]
    done = run(inserts, *options, "--table", table, "--hdf5", hdf5, "--figures", figures)
    assert done.exit_code == 0, done.output
    assert "2 of 3 sequences share their id" in done.output
    assert "Effects (alt − ref) of all changes in 3 sequences" in done.output

    trained = load_trained_network()
    sequences = SequenceFile(inserts, sequence_column="seq", id_column=0, sequence_type="insert")
    plain = saturation_mutagenesis(trained, sequences.read(range(3)).constructs, deletions=True)

    with h5py.File(hdf5) as file:
        assert dict(file.attrs).items() >= {"region": "insert", "bases": "ACGT"}.items()
        assert file["position"][:].tolist() == list(range(1, 81))
        assert "from 1 at its first base" in file["position"].attrs["description"]
        assert file.attrs["weights_version"] == trained.weights_version
        assert all("alt - ref" in file[name].attrs["description"] for name in ("effects", "deletions"))
        assert file["id"].asstr()[:].tolist() == ["b", "a/1", "b"]
        assert file["record"][:].tolist() == [0, 1, 2]
        assert file["length"][:].tolist() == [80, 80, 80]
        assert file["sequence"].asstr()[:].tolist() == [insert.upper() for insert in INSERTS]
        stored = {name: file[name][:] for name in ("reference", "effects", "deletions")}
    for name, values in stored.items():
        assert_expression_close(values, getattr(plain, name))

    rows = pd.read_csv(table, sep="\t", dtype={"id": str})
    assert rows.columns[-1] == "effect_alt_minus_ref"
    expected = [
        (record, position + 1, base, alt)
        for record, insert in enumerate(INSERTS)
        for position, base in enumerate(insert.upper())
        for alt in "ACGT-"
        if alt != base
    ]
    assert list(zip(rows.record, rows.position, rows.ref, rows.alt, strict=True)) == expected
    assert rows.id.tolist() == [("b", "a/1", "b")[record] for record in rows.record]
    for row in rows.itertuples():
        everywhere = "deletions" if row.alt == "-" else "effects"
        change = () if row.alt == "-" else ("ACGT".index(row.alt),)
        stored_effect = stored[everywhere][(row.record, row.position - 1, *change)]
        assert row.effect_alt_minus_ref == pytest.approx(stored_effect, abs=2e-6)
        assert row.alt_expression - row.ref_expression == pytest.approx(row.effect_alt_minus_ref, abs=3e-6)

    assert sorted(path.name for path in figures.iterdir()) == ["0_b.png", "1_a_1.png", "2_b.png"]
    for path in figures.iterdir():
        picture = imread(path)[..., :3]
        assert picture.shape[1] > 1500
        # Neither blank nor of one colour.
        assert 0.05 < (picture.min(axis=2) < 0.9).mean() < 0.9
        assert (np.ptp(picture, axis=2) > 0.2).mean() > 0.01
    assert not list(tmp_path.rglob("partial.*"))


def test_what_cannot_be_done_is_said(inserts, tmp_path):
    options = ["--sequence-type", "insert", "--sequence-column", "seq"]
    done = run(inserts, *options)
    assert done.exit_code == 2
    assert "nothing would be written: give at least one of --table, --hdf5 and --figures" in done.output
    done = run(inserts, "--table", tmp_path / "out.tsv", "--sequence-column", "seq")
    assert done.exit_code == 1
    assert "3 of 3 sequences are not 110 bp long" in done.output
    done = run(inserts, *options, "--table", tmp_path / "nowhere" / "out.tsv")
    assert done.exit_code == 1
    assert "nowhere does not exist" in done.output
    (tmp_path / "short.txt").write_text("ACGT" * 19 + "\n")
    fitted = [tmp_path / "short.txt", "--sequence-type", "insert", "--other-lengths", "fit", "--deletions"]
    done = run(*fitted, "--table", tmp_path / "out.tsv")
    assert done.exit_code == 1
    assert "1 of 1 sequences are fitted to 110 bp" in done.output
    assert not (tmp_path / "out.tsv").exists()
    # Refused even with the value that is the default, as what a user writes down shall do something.
    done = run(inserts, *options, "--table", tmp_path / "out.tsv", "--figure-format", "png")
    assert done.exit_code == 2
    assert "--figure-format goes with --figures, which is not given" in done.output
    assert not (tmp_path / "out.tsv").exists()
    for folder_or_file in (["--table", tmp_path], ["--hdf5", tmp_path], ["--figures", inserts]):
        done = run(inserts, *options, *folder_or_file)
        assert done.exit_code == 2
        assert "is a directory" in done.output or "is a file" in done.output
    # Every mention of an effect can be traced to what the help says it is.
    assert "alt − ref" in run("--help").output


def test_a_run_that_breaks_off_leaves_what_was_there(inserts, tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise ValueError("broken")

    monkeypatch.setattr(module, "saturation_mutagenesis", broken)
    table = tmp_path / "out.tsv"
    table.write_text("of before")
    options = ["--sequence-type", "insert", "--sequence-column", "seq", "--table", table, "--hdf5", tmp_path / "out.h5"]
    done = run(inserts, *options)
    assert done.exit_code == 1
    assert "broken" in done.output
    assert table.read_text() == "of before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inserts.csv", "out.tsv"]


def test_ids_that_would_break_the_table_are_quoted(tmp_path):
    (tmp_path / "in.csv").write_text(f'seq,name\n{"ACGT" * 20},"x""y"\n')
    batch = SequenceFile(tmp_path / "in.csv", id_column="name", sequence_type="insert").read([0])
    (rows,) = table_rows(batch, "insert", PTPA, Saturation(np.zeros(1), np.zeros((1, 80, 4)), None))
    assert rows.startswith('"x""y"\t0\t1\tA\tC\t0.000000\t0.000000\t0.000000\n')


def test_figure_of_a_construct_marks_the_adapters():
    rng = np.random.default_rng(1)
    bases = "".join(rng.choice(list("ACGTN"), 110))
    figure = draw_saturation(PTPA, bases, rng.normal(size=(110, 4)), rng.normal(size=110), 8.0, "price: $5 and $6")
    logo, heat, _ = figure.axes
    assert [text.get_text() for text in logo.texts] == ["left adapter", "right adapter"]
    assert "".join(text.get_text() for text in heat.texts) == bases
    image = heat.images[0]
    assert image.get_array().shape == (5, 110)
    assert image.get_clim()[0] == -image.get_clim()[1]
    assert "alt − ref" in figure.axes[2].get_ylabel()
    figure.draw_without_rendering()  # the title is no formula
    # Positions are those of the insert: its first base, the 18th of the construct, is at 1.
    assert "".join(text.get_text() for text in heat.texts if 1 <= text.xy[0] <= 80) == bases[17:97]
    assert heat.get_xlim() == (-16.5, 93.5)
    assert image.get_extent()[:2] == [-16.5, 93.5]
    assert [label.get_text() for label in heat.get_xticklabels()] == ["−10", "1", *map(str, range(10, 91, 10))]
    insert = draw_saturation(PTPA, "A" * 80, np.ones((80, 4)))
    assert not insert.axes[0].texts
    assert insert.axes[1].get_xlim() == (0.5, 80.5)
    with pytest.raises(ValueError, match=r"the sequence has 79 bp but must have 80 or 110"):
        draw_saturation(PTPA, "A" * 79, np.zeros((79, 4)))
    with pytest.raises(ValueError, match=r"effects have shape \(80, 4\) but must have shape \(110, 4\)"):
        draw_saturation(PTPA, "A" * 110, np.zeros((80, 4)))
    with pytest.raises(ValueError, match=r"deletions have shape \(80, 1\)"):
        draw_saturation(PTPA, "A" * 80, np.zeros((80, 4)), np.zeros((80, 1)))


@pytest.mark.parametrize(
    ("record", "name", "expected"),
    [(3, "YAL001C", "3_YAL001C.png"), (3, "3", "3.png"), (0, "../x y", "0_.._x_y.png"), (1, "é" * 80, "1__.png")],
)
def test_names_of_figures(record, name, expected):
    assert file_name(record, name, "png") == expected


def test_intervals_of_effects(inserts, tmp_path):
    reading = ("--sequence-type", "insert", "--sequence-column", "seq")
    assert run(inserts, *reading, "--table", tmp_path / "with.tsv", "--interval", 80).exit_code == 0
    assert run(inserts, *reading, "--table", tmp_path / "without.tsv").exit_code == 0
    with_interval, without = (pd.read_csv(tmp_path / f"{name}.tsv", sep="\t") for name in ("with", "without"))
    assert list(with_interval) == [*without, "effect_lower", "effect_upper"]
    effects = without.effect_alt_minus_ref
    assert_expression_close(with_interval.effect_alt_minus_ref, effects)
    calibration = load_trained_network().calibration
    ends = calibration.lower[calibration.levels.index(80)], calibration.upper[calibration.levels.index(80)]
    bounds = yeastpromoter.load().predict(INSERTS, interval=80)
    scales = ((bounds.upper - bounds.lower) / (ends[1] - ends[0])).to_numpy()
    half = calibration.effect_half_widths(scales, scales, 80)[with_interval.record]
    assert_expression_close(with_interval.effect_lower, effects - half)
    assert_expression_close(with_interval.effect_upper, effects + half)
    result = run(inserts, "--hdf5", tmp_path / "o.h5", "--interval", 80)
    assert result.exit_code == 2
    assert "--interval goes with --table" in result.output
