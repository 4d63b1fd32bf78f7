import gzip
import io
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from closeness import assert_expression_close
from matplotlib.image import imread

import yeastpromoter
import yeastpromoter.cli.predict as module
import yeastpromoter.predictor
from yeastpromoter.cli.main import main
from yeastpromoter.sequence.reporter import PTPA

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "model_files" / "example" / "promoters.fa"
RNG = np.random.default_rng(8)
INSERTS = ["".join(RNG.choice(list("ACGT"), 80)) for _ in range(7)]
CONSTRUCTS = [PTPA.add_adapters(insert) for insert in INSERTS]


@pytest.fixture(scope="module")
def wanted():
    return yeastpromoter.load().predict(INSERTS)


def run(*arguments, stdin=None):
    # The class attribute keeps the two streams apart with every version of click.
    return CliRunner().invoke(main, ["predict", *map(str, arguments)], input=stdin)


def rows_of(result):
    """The table on standard output, whatever else was said."""
    assert result.exit_code == 0, result.output
    return pd.read_csv(io.StringIO(result.stdout), sep="\t", dtype={"id": str})


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(module, "is_terminal", lambda: True)


def test_the_example_gives_the_expected_predictions():
    with h5py.File(ROOT / "model_files" / "expected_predictions.h5") as file:
        expected = file["preds/expression"][:]
    rows = rows_of(run(EXAMPLE))
    assert rows.columns.tolist() == ["id", "record", "expression"]
    assert rows.record.tolist() == list(range(20))
    np.testing.assert_allclose(rows.expression, expected, rtol=0, atol=1e-4)


def write_inputs(folder):
    fasta = "".join(f">p{n} x\n{text}\n" for n, text in enumerate(CONSTRUCTS))
    (folder / "c.fa").write_text(fasta)
    (folder / "c.fa.gz").write_bytes(gzip.compress(fasta.encode()))
    (folder / "i.txt").write_text("\n".join(INSERTS))
    (folder / "i.csv").write_text("name,seq\n" + "".join(f"p{n},{text}\n" for n, text in enumerate(INSERTS)))
    (folder / "g.fa").write_text(">chrI\n" + "".join(INSERTS) + "\n")
    (folder / "i.bed").write_text("".join(f"I\t{80 * n}\t{80 * n + 80}\tp{n}\t0\t+\n" for n in range(7)))


@pytest.mark.parametrize(
    ("arguments", "stdin", "has_ids"),
    [
        (["c.fa"], None, True),
        (["c.fa.gz"], None, True),
        (["i.txt", "--sequence-type", "insert"], None, False),
        (["i.csv", "--sequence-type", "insert", "--sequence-column", "seq", "--id-column", "name"], None, True),
        (["--intervals", "i.bed", "--genome", "g.fa"], None, True),
        (["-"], "\n".join(INSERTS), False),
        (["-"], "\n".join(CONSTRUCTS) + "\n", False),
        (["-"], gzip.compress("\n".join(INSERTS).encode()), False),
        (["-", "--sequence-column", "1"], "".join(f"x,{text}\n" for text in INSERTS), False),
        (INSERTS, None, False),
        (CONSTRUCTS, None, False),
        ([text.lower() for text in INSERTS], None, False),
    ],
)
@pytest.mark.parametrize("block", [2, 4096])
def test_every_kind_of_input(tmp_path, monkeypatch, wanted, arguments, stdin, has_ids, block):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(yeastpromoter.predictor, "BLOCK", block)
    write_inputs(tmp_path)
    result = run(*arguments, stdin=stdin)
    rows = rows_of(result)
    assert rows.record.tolist() == list(range(7))
    assert rows.id.tolist() == [f"p{n}" if has_ids else str(n) for n in range(7)]
    np.testing.assert_allclose(rows.expression, wanted, rtol=0, atol=1e-4)
    assert "7 sequences: expression mean" in result.stderr
    assert re.search(r"^7 sequences in \d+\.\d s, [\d,]+ a second$", result.stderr, re.MULTILINE)


def read_rows(path):
    name = path.name
    if name.endswith((".h5", ".hdf5")):
        with h5py.File(path) as file:
            assert file.attrs["weights_version"] == yeastpromoter.load().weights_version
            return pd.DataFrame({key: file[key].asstr()[:] if key in ("id", "note") else file[key][:] for key in file})
    if name.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, sep="," if ".csv" in name else "\t", dtype={"id": str}, keep_default_na=False)


@pytest.mark.parametrize("name", ["o.tsv", "o", "o.tsv.gz", "o.csv", "o.CSV.gz", "o.h5", "o.parquet"])
def test_each_format_holds_the_same_rows(tmp_path, monkeypatch, wanted, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", exc_type=ImportError)
    monkeypatch.setattr(yeastpromoter.predictor, "BLOCK", 3)
    note = ['a "b", c'] + ["é"] * 6
    cells = zip([f"p{n}" for n in range(7)], note, INSERTS, strict=True)
    lines = ['"' + '","'.join(cell.replace('"', '""') for cell in row) + '"\n' for row in cells]
    (tmp_path / "i.csv").write_text("id,note,seq\n" + "".join(lines))
    options = ["--sequence-type", "insert", "--sequence-column", "seq", "--id-column", "id"]
    path = tmp_path / name
    result = run(tmp_path / "i.csv", *options, "--keep-columns", "--bucket-scores", "-o", path)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert f"Written: {path}" in result.stderr
    path = path.rename(tmp_path / name.lower())
    rows = read_rows(path)
    buckets = [f"bucket_{bucket:02d}" for bucket in range(18)]
    columns = ["id", "note", "seq", "record", "expression", *buckets]
    assert sorted(rows.columns) == sorted(columns)
    if not name.endswith(".h5"):  # whose data sets are in the order of the alphabet
        assert rows.columns.tolist() == columns
    assert rows.id.tolist() == [f"p{n}" for n in range(7)]
    assert rows.note.tolist() == note
    assert_expression_close(rows.expression, wanted)
    assert_expression_close((rows[buckets] * range(18)).sum(axis=1) / rows[buckets].sum(axis=1), wanted)
    assert not list(tmp_path.glob("partial.*"))


def test_columns_are_kept_for_the_rows_that_are_left(tmp_path, wanted):
    lines = [f"{n},{text}\n" for n, text in enumerate(INSERTS)]
    lines.insert(3, "short,ACGT\n")
    (tmp_path / "i.csv").write_text(",seq\n" + "".join(lines))
    options = ["--sequence-type", "insert", "--sequence-column", "seq", "--other-lengths", "drop", "--keep-columns"]
    result = run(tmp_path / "i.csv", *options)
    rows = rows_of(result)
    assert rows.columns.tolist() == ["column_0", "seq", "id", "record", "expression"]
    assert rows.column_0.tolist() == list(range(7))
    assert rows.seq.tolist() == INSERTS
    assert rows.record.tolist() == [0, 1, 2, 4, 5, 6, 7]
    np.testing.assert_allclose(rows.expression, wanted, rtol=0, atol=1e-4)
    assert "1 of 8 sequences are left out because they are not 80 bp long: record 3" in result.stderr


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (f"expression,seq\n1,{INSERTS[0]}\n", [], "two columns 'expression' in what is written"),
        (f"a,a,seq\n1,2,{INSERTS[0]}\n", [], "two columns 'a'"),
        (f"bucket_00,seq\n1,{INSERTS[0]}\n", ["--bucket-scores"], "two columns 'bucket_00'"),
    ],
)
def test_columns_that_would_be_two_are_refused(tmp_path, text, options, message):
    (tmp_path / "i.csv").write_text(text)
    result = run(
        tmp_path / "i.csv", "--sequence-type", "insert", "--sequence-column", "seq", "--keep-columns", *options
    )
    assert result.exit_code == 1
    assert message in result.output


def test_a_terminal_shows_the_first_rows_and_how_to_get_the_others(tmp_path, terminal):
    result = run(EXAMPLE)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["id", "expression"]
    assert re.fullmatch(r"random_gc20_1 +2\.608", lines[1])
    assert len(lines) == 21
    assert re.search(r"20 sequences: expression mean 11\.14\d, min 2\.4\d+, max 15\.7\d+", result.stderr)
    (tmp_path / "many.txt").write_text((INSERTS[0] + "\n") * 25)
    lines = run(tmp_path / "many.txt", "--sequence-type", "insert").stdout.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "… and 5 more: -o predictions.tsv writes all of them"
    result = run(EXAMPLE, "-o", tmp_path / "o.tsv")
    assert result.stdout == ""
    assert len((tmp_path / "o.tsv").read_text().splitlines()) == 21


PROMOTER = "".join(RNG.choice(list("ACGT"), 215))


@pytest.fixture(scope="module")
def tiles():
    return yeastpromoter.load().predict([PROMOTER[start : start + 80] for start in (0, 50, 100, 135)])


@pytest.mark.parametrize("block", [3, 4096])
def test_a_scan_has_a_row_for_each_tile(tmp_path, monkeypatch, tiles, block):
    monkeypatch.setattr(yeastpromoter.predictor, "BLOCK", block)
    (tmp_path / "p.fa").write_text(f">long\n{PROMOTER}\n>short\n{PROMOTER[:80]}\n>masked\n{'N' * 100}\n")
    table, figure = tmp_path / "o.csv", tmp_path / "o.png"
    result = run(tmp_path / "p.fa", "--scan", "--step", 50, "-o", table, "--figure", figure)
    assert result.exit_code == 0, result.output
    rows = pd.read_csv(table)
    assert rows.columns.tolist() == ["id", "record", "position", "expression"]
    assert rows.id.tolist() == ["long"] * 4 + ["short"] + ["masked"] * 2
    assert rows.record.tolist() == [0] * 4 + [1] + [2] * 2
    assert rows.position.tolist() == [1, 51, 101, 136, 1, 1, 21]
    np.testing.assert_allclose(rows.expression[:5], [*tiles, tiles[0]], rtol=0, atol=1e-4)
    assert rows.expression[5:].isna().all()
    assert "2 tiles hold nothing but N, so their expression is missing" in result.stderr
    header, long, short, masked = (line.split() for line in result.stdout.splitlines())
    assert header == ["id", "tiles", "mean", "best", "position", "of", "best"]
    best = int(np.argmax(tiles))
    assert long == ["long", "4", f"{tiles.mean():.3f}", f"{tiles[best]:.3f}", str([1, 51, 101, 136][best])]
    assert short == ["short", "1", f"{tiles[0]:.3f}", f"{tiles[0]:.3f}", "1"]
    assert masked == ["masked", "2"]
    picture = imread(figure)[..., :3]
    assert 0.01 < (picture.min(axis=2) < 0.9).mean() < 0.9


def test_a_scan_of_typed_sequences_and_of_intervals(tmp_path, tiles, terminal, monkeypatch):
    (tmp_path / "g.fa").write_text(f">chrI\nACGT{PROMOTER}\n")
    (tmp_path / "i.bed").write_text("I\t4\t219\tgene\t0\t+\n")
    typed = run(PROMOTER, "--scan", "--step", 50)
    assert typed.stdout.splitlines()[1].split()[:3] == ["0", "4", f"{tiles.mean():.3f}"]
    assert typed.stdout.endswith("-o scan.tsv writes the expression of every tile\n")
    monkeypatch.setattr(module, "is_terminal", lambda: False)
    rows = rows_of(run("--intervals", tmp_path / "i.bed", "--genome", tmp_path / "g.fa", "--scan", "--step", "50"))
    assert rows.id.unique().tolist() == ["gene"]
    np.testing.assert_allclose(rows.expression, tiles, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        ([], None, "give the sequences: a file"),
        (["c.fa", "--intervals", "i.bed", "--genome", "g.fa"], None, "SEQUENCES and --intervals are given"),
        (["--intervals", "i.bed"], None, "--intervals and --genome go together"),
        (["c.fa", "i.txt"], None, "2 inputs are given, one of them 'c.fa': give a single file"),
        (["-", INSERTS[0]], "", "2 inputs are given, one of them '-'"),
        (["none.fa"], None, "none.fa: there is no such file"),
        (["cat"], None, "cat: there is no such file, and a sequence has 80 bp"),
        (["i.txt"], None, "7 of 7 sequences are not 110 bp long"),
        (["-"], "", "standard input: the file is empty"),
        (["-"], INSERTS[0] + "\nACGT\n", "standard input: 1 of 2 sequences are not 80 bp long"),
        ([INSERTS[0], CONSTRUCTS[0]], None, "the command line: 1 of 2 sequences are not 80 bp long"),
        (["U" + INSERTS[0][1:]], None, "the command line: record 0 (line 1) has 'U' at position 1"),
        (["A" * 110], None, "1 of 1 sequences are not constructs"),
        (["c.fa", "--figure", "o.png"], None, "--figure goes with --scan, which is not given"),
        (["c.fa", "--step", "10"], None, "--step goes with --scan"),
        (["c.fa", "--scan"], None, "7 of 7 sequences are constructs, with adapters"),
        (["c.fa", "--scan", "--sequence-type", "insert"], None, "--sequence-type does not go with --scan"),
        (["i.csv", "--scan", "--keep-columns"], None, "--keep-columns does not go with --scan"),
        (["A" * 79, "--scan"], None, "1 of 1 sequences are shorter than 80 bp"),
        (["c.fa", "--keep-columns"], None, "c.fa: is not a table, so it has no columns for --keep-columns"),
        (["i.txt", "-o", "./i.txt"], None, "i.txt is the file of"),
        (["c.fa", "-o", "o.xlsx"], None, "what is written is a table, Parquet or HDF5"),
        (["c.fa", "-o", "no/o.tsv"], None, "o.tsv cannot be written: the folder"),
        (
            ["--intervals", "i.bed", "--genome", "g.fa", "--id-column", "1"],
            None,
            "--id-column must be left out with --genome",
        ),
        (["ten.fa", "--scan", "--figure", "o.png"], None, "--figure shows at most 8 sequences, but there are 10"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, monkeypatch, arguments, stdin, message):
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    (tmp_path / "ten.fa").write_text("".join(f">{n}\n{INSERTS[0]}\n" for n in range(10)))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = run(*arguments, stdin=stdin)
    assert result.exit_code in (1, 2)
    assert message in " ".join(result.output.split())
    assert "yeastpromoter-" not in result.output, "the name of a temporary file"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_standard_input_of_another_length_type_can_be_told():
    result = run("-", "--other-lengths", "fit", "--sequence-type", "insert", stdin=INSERTS[0] + "\n" + INSERTS[1][:-1])
    assert len(rows_of(result)) == 2
    assert "Note: standard input: 1 of 2 sequences are not 80 bp long and are fitted" in result.stderr


def test_no_framework_is_imported():
    code = (
        "import sys\nfrom yeastpromoter.cli.main import main\n"
        f"main(['predict', {INSERTS[0]!r}], standalone_mode=False)\n"
        "found = {'tensorflow', 'keras', 'kipoi', 'kipoiseq', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("id\trecord\texpression\n0\t0\t")


def test_intervals_and_flags(tmp_path):
    inserts = [*INSERTS, "A" * 80]
    (tmp_path / "in.txt").write_text("".join(f"{insert}\n" for insert in inserts))
    wanted = yeastpromoter.load().predict(inserts, interval=80)
    result = run(tmp_path / "in.txt", "--sequence-type", "insert", "--interval", 80, "--bucket-scores")
    rows = rows_of(result).fillna({"flag": ""})
    assert rows.columns.tolist()[:6] == ["id", "record", "expression", "lower", "upper", "flag"]
    assert rows.columns[6] == "bucket_00"
    for name in ("expression", "lower", "upper"):
        assert_expression_close(rows[name], wanted[name])
    assert rows.flag.tolist() == wanted.flag.tolist()
    assert rows.flag.iloc[-1] == "unlike the training data: GC 0.00, 80 equal bases in a row, only 1 different 4-mers"
    flagged = int((wanted.flag != "").sum())
    assert f"{flagged} of 8 sequences are unlike the training data" in result.stderr
    assert (
        run(tmp_path / "in.txt", "--sequence-type", "insert", "--interval", 90, "-o", tmp_path / "o.h5").exit_code == 0
    )
    with h5py.File(tmp_path / "o.h5") as file:
        assert file["flag"].asstr()[:].tolist() == wanted.flag.tolist()
        assert (file["upper"][:] - file["lower"][:] > wanted.upper - wanted.lower).all()


def test_intervals_of_tiles(tmp_path):
    sequence = INSERTS[0] + "A" * 80
    (tmp_path / "in.fa").write_text(f">x\n{sequence}\n")
    rows = rows_of(run(tmp_path / "in.fa", "--scan", "--step", 40, "--interval", 90)).fillna({"flag": ""})
    wanted = yeastpromoter.load().scan(sequence, 40, 90)
    assert rows.flag.tolist() == wanted.flag.tolist()
    assert_expression_close(rows.lower, wanted.lower)


def test_intervals_on_a_terminal(terminal, tmp_path):
    (tmp_path / "in.txt").write_text("".join(f"{insert}\n" for insert in (INSERTS[0], "A" * 80)))
    result = run(tmp_path / "in.txt", "--sequence-type", "insert", "--interval", 90)
    assert re.search(r"^id +expression +90 % interval", result.stdout, re.MULTILINE)
    assert re.search(r"^0 +\d+\.\d{3} +-?\d+\.\d to \d+\.\d *$", result.stdout, re.MULTILINE)
    assert re.search(r"^1 .* unlike the training data: GC 0\.00, 80 equal", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("level", [49, 100, "x"])
def test_other_levels_are_refused(level):
    result = run(EXAMPLE, "--interval", level)
    assert result.exit_code == 2
    assert "--interval" in result.output


def test_kept_columns_that_intervals_would_repeat(tmp_path):
    (tmp_path / "in.csv").write_text(f"seq,lower\n{INSERTS[0]},x\n")
    options = ("--sequence-type", "insert", "--sequence-column", "seq", "--keep-columns")
    assert run(tmp_path / "in.csv", *options).exit_code == 0
    result = run(tmp_path / "in.csv", *options, "--interval", 90)
    assert result.exit_code == 1
    assert "two columns 'lower'" in result.output
