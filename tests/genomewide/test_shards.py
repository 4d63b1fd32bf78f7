import csv
import gzip
import io
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from fake_kipoi import predict
from hypothesis import given, settings
from hypothesis import strategies as st

from yeastpromoter.cli.main import main
from yeastpromoter.genomewide import shards as shards_module
from yeastpromoter.genomewide.shards import check_predictions, check_source, join, read_manifest, shard_rows, split
from yeastpromoter.io.sequence_files import SequenceFile


def inserts(count, seed=0, length=80):
    letters = np.array(list("ACGT"))[np.random.default_rng(seed).integers(0, 4, (count, length))]
    return ["".join(row) for row in letters]


@given(n_rows=st.integers(0, 500), batch_size=st.integers(1, 40), batches=st.integers(1, 6))
def test_shards_cover_every_row_once_in_the_batches_of_the_whole(n_rows, batch_size, batches):
    stretches = shard_rows(n_rows, batch_size * batches, batch_size)

    def batches_of(start, stop):
        return [list(range(first, min(first + batch_size, stop))) for first in range(start, stop, batch_size)]

    assert [batch for stretch in stretches for batch in batches_of(*stretch)] == batches_of(0, n_rows)


@pytest.mark.parametrize(
    ("shard_size", "batch_size", "match"), [(10, 4, "multiple"), (0, 4, "multiple"), (8, 0, "least 1")]
)
def test_sizes_that_do_not_go_together(shard_size, batch_size, match):
    with pytest.raises(ValueError, match=match):
        shard_rows(20, shard_size, batch_size)


def fasta(rows):
    return "".join(f">{name} some words\n{row[:50]}\n{row[50:]}\n" for name, row in rows)


def comma(rows):
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(["name", "seq"])
    writer.writerows(rows)
    return file.getvalue()


def listed(rows):
    return "\n".join(row for _, row in rows)


FORMATS = {
    "FASTA": (fasta, {}),
    "table": (comma, {"sequence_column": "seq", "id_column": "name"}),
    "list": (listed, {}),
}

ids = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=6), max_size=25
)


@settings(max_examples=60)
@given(
    names=ids,
    lengths=st.lists(st.sampled_from([80, 80, 80, 79, 81]), min_size=25, max_size=25),
    kind=st.sampled_from(list(FORMATS)),
    batch_size=st.integers(1, 4),
    batches=st.integers(1, 3),
    compress=st.booleans(),
)
def test_joined_predictions_are_those_of_the_whole_file(
    tmp_path_factory, names, lengths, kind, batch_size, batches, compress
):
    folder = tmp_path_factory.mktemp("shards")
    names = ["first", *names]
    write, arguments = FORMATS[kind]
    rows = [
        (name, row[:length]) for name, row, length in zip(names, inserts(26, length=81), [80, *lengths], strict=False)
    ]
    text = write(rows).encode()
    path = folder / "sequences"
    path.write_bytes(gzip.compress(text) if compress else text)
    arguments = {"sequence_type": "insert", "other_lengths": "drop", **arguments}
    predict({"sequence_file": path, **arguments}, batch_size, folder / "whole.tsv")

    manifest = split(path, arguments, batches * batch_size, batch_size, folder / "shards")
    read, shards = read_manifest(folder / "shards")
    assert read == manifest
    assert sum(shard.records for shard in shards) == len(rows)
    tables = []
    for shard in shards:
        tables.append(folder / f"{shard.name}.tsv")
        shard_arguments = {"sequence_file": folder / "shards" / shard.file, "first_record": shard.first_record}
        predict(shard_arguments | arguments, batch_size, tables[-1])
    assert join(shards, tables, folder / "joined.tsv") == sum(length == 80 for length in [80, *lengths][: len(rows)])
    assert (folder / "joined.tsv").read_bytes() == (folder / "whole.tsv").read_bytes()


@pytest.fixture
def one(tmp_path):
    """A file of seven inserts in two shards of four and three, and their predictions."""
    path = tmp_path / "seven.tsv"
    path.write_text("".join(f"n{number}\t{row}\n" for number, row in enumerate(inserts(7))))
    arguments = {"sequence_column": 1, "id_column": 0, "sequence_type": "insert"}
    split(path, arguments, 4, 2, tmp_path)
    _, shards = read_manifest(tmp_path)
    tables = [tmp_path / f"{shard.name}.tsv" for shard in shards]
    for shard, table in zip(shards, tables, strict=True):
        read = {"sequence_file": tmp_path / shard.file, "first_record": shard.first_record}
        predict(read | arguments, 2, table)
    return shards, tables


def test_numbers_worked_out_by_hand(one):
    shards, tables = one
    assert [(shard.name, shard.first_record, shard.records, shard.rows) for shard in shards] == [
        ("00000", 0, 4, 4),
        ("00001", 4, 3, 3),
    ]
    assert pd.read_csv(tables[1], sep="\t")["metadata/record"].tolist() == [4, 5, 6]


def with_last(line, cell):
    """A line of a table with another last cell."""
    return f"{line.rpartition(chr(9))[0]}\t{cell}\n"


def test_numbers_in_any_writing_are_numbers(one):
    shards, tables = one
    lines = lines_of(tables[1])
    for cell in ("-0.25", "7", "+1.", "1.5e-07", "12E+2"):
        tables[1].write_text("".join([*lines[:3], with_last(lines[3], cell)]))
        assert check_predictions(tables[1], shards[1]) == lines[0].encode()


def lines_of(table):
    return table.read_text().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda lines: lines[:-1], r"has 3 rows, but 2 were predicted"),
        (lambda lines: [*lines, lines[-1]], r"has 3 rows, but 4 were predicted"),
        (lambda lines: [*lines[:-1], lines[-2]], "the rows are not those of shard 00001, records 4 to 6"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "not those of shard 00001"),
        (lambda lines: [*lines[:-1], lines[-1].replace("n6", "n5")], "not those of shard 00001"),
        (lambda lines: [*lines[:-1], lines[-1][:-3]], "cut off"),
        (lambda lines: [*lines[:-1], lines[-1].rpartition("\t")[0] + "\n"], "line 4 has 3 columns"),
        (lambda lines: [], "the file is empty"),
        (lambda lines: [*lines, lines[0]], "line 5 is the header again"),
        (lambda lines: [line.replace("metadata/", "") for line in lines], "has no column metadata/id"),
        (lambda lines: [line.replace("preds/", "") for line in lines], "has no column with predictions, preds/"),
        (lambda lines: [line.rpartition("\t")[0] + "\n" for line in lines], "has no column with predictions, preds/"),
        (
            lambda lines: [f"{line[:-1]}\t{line.split()[-1]}\n" for line in lines],
            "column preds/expression occurs twice",
        ),
        (lambda lines: [*lines[:3], with_last(lines[3], "high")], r"line 4 .* has 'high'; its id is 'n6'"),
        (lambda lines: [*lines[:3], with_last(lines[3], "")], "line 4 .* has nothing .Kipoi writes NaN"),
        (lambda lines: [*lines[:3], with_last(lines[3], "nan")], "has 'nan'"),
        (lambda lines: [*lines[:3], with_last(lines[3], "-inf")], "has '-inf'"),
        (lambda lines: [*lines[:3], with_last(lines[3], "1e999")], "has '1e999'"),
        (lambda lines: [*lines[:3], with_last(lines[3], "1_0")], "has '1_0'"),
        (lambda lines: [*lines[:3], with_last(lines[3], " 1")], "has ' 1'"),
        (lambda lines: [*lines[:3], with_last(lines[3], "\0\0")], "line 4 .*control byte|has '.x00.x00'"),
        (lambda lines: [*lines[:3], with_last(lines[3], "9" * 140_000)], "line 4 .*must have a finite number"),
        (lambda lines: [*lines[:3], with_last(lines[3], "\udcff")], "line 4 is not UTF-8"),
    ],
)
def test_predictions_that_are_not_whole_are_found_and_set_aside(one, change, match):
    shards, tables = one
    whole = tables[1].read_text()
    tables[1].write_text("".join(change(lines_of(tables[1]))), encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ValueError, match=match):
        check_predictions(tables[1], shards[1])
    joined = tables[0].with_name("joined.tsv")
    with pytest.raises(ValueError, match=match):
        join(shards, tables, joined)
    assert tables[0].exists()
    assert not tables[1].exists()
    assert not joined.exists()
    assert tables[1].with_name("damaged.00001.tsv").exists()
    tables[1].write_text(whole)
    assert join(shards, tables, joined) == 7


def test_a_joined_table_is_compressed_where_its_name_says_so(one):
    shards, tables = one
    plain, compressed = (tables[0].with_name(name) for name in ("joined.tsv", "joined.tsv.gz"))
    assert join(shards, tables, plain) == join(shards, tables, compressed)
    assert gzip.decompress(compressed.read_bytes()) == plain.read_bytes()


def test_shards_of_different_columns_are_not_joined(one):
    shards, tables = one
    tables[1].write_text(tables[1].read_text().replace("preds/expression", "preds/other"))
    with pytest.raises(ValueError, match="preds/other"):
        join(shards, tables, tables[0].with_name("joined.tsv"))


def test_a_file_that_changed_is_not_what_was_split(tmp_path, monkeypatch):
    path = tmp_path / "list.txt"
    path.write_text("\n".join(inserts(3)))
    manifest = split(path, {"sequence_type": "insert"}, 2, 2, tmp_path / "shards")
    check_source(manifest)
    older = path.stat().st_mtime_ns - 10**12
    os.utime(path, ns=(older, older))  # as `mv` and `cp -p` of another file do
    with pytest.raises(ValueError, match=r"list\.txt has changed since it was split"):
        check_source(manifest)
    path.write_text("\n".join(inserts(4)))
    os.utime(path, ns=(manifest["source_mtime_ns"],) * 2)
    with pytest.raises(ValueError, match="has changed"):
        check_source(manifest)

    def slow(*arguments):
        os.utime(path, ns=(0, 0))
        return _check_shard(*arguments)

    _check_shard = shards_module._check_shard
    monkeypatch.setattr(shards_module, "_check_shard", slow)
    with pytest.raises(ValueError, match=r"list\.txt changed while it was split"):
        split(path, {"sequence_type": "insert"}, 2, 2, tmp_path / "again")
    assert not (tmp_path / "again" / "shards.json").exists()


def test_a_cut_that_changes_the_format_is_refused(tmp_path):
    # The first line of the second shard has a tab, which a quoted cell of a comma-separated table may hold.
    first, second = inserts(2)
    (tmp_path / "a.csv").write_text(f'{first},x,y\n{second},z,"a\tb"\n')
    with pytest.raises(ValueError, match="cut before record 1 its records are not the same"):
        split(tmp_path / "a.csv", {"sequence_type": "insert", "id_column": 1}, 1, 1, tmp_path / "shards")
    assert not (tmp_path / "shards" / "shards.json").exists()


def test_records_keep_the_numbers_of_the_whole_file(tmp_path):
    path = tmp_path / "list.txt"
    rows = inserts(6)
    path.write_text("\n".join(rows))
    whole = SequenceFile(path, sequence_type="insert")
    part = tmp_path / "part.txt"
    part.write_bytes(whole.text_of(2, 5))
    cut = SequenceFile(part, sequence_type="insert", first_record=2)
    assert (cut.n_records, len(cut)) == (3, 3)
    some, same = cut.read([2, 0]), whole.read([4, 2])
    assert some.ids.tolist() == same.ids.tolist() == ["4", "2"]
    assert some.records.tolist() == same.records.tolist()
    assert np.array_equal(some.constructs, same.constructs)
    part.write_text("\n".join([rows[2], rows[3], "ACGX"]))
    with pytest.raises(ValueError, match=r"record 4 \(line 5\) has 'X'"):
        SequenceFile(part, sequence_type="insert", first_record=2)
    for wrong in (-1, "0", 1.0, True):
        with pytest.raises(ValueError, match="first_record must be"):
            SequenceFile(path, sequence_type="insert", first_record=wrong)


def test_commands(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("\n".join(inserts(5)))
    folder = tmp_path / "shards"

    def call(*arguments, status=0):
        result = CliRunner().invoke(main, ["shards", *map(str, arguments)])
        assert result.exit_code == status, result.output
        return result.output

    sizes = ("--batch-size", 2, "--shard-size", 4)
    arguments = json.dumps({"sequence_type": "insert"})
    assert "5 sequences in 2 shards" in call("split", path, "-o", folder, "--arguments", arguments, *sizes)
    for name, first in (("00000", 0), ("00001", 4)):
        predict(
            {"sequence_file": folder / f"{name}.txt", "sequence_type": "insert", "first_record": first},
            2,
            folder / f"{name}.tsv",
        )
        call("check", folder, name, folder / f"{name}.tsv")
    assert "5 rows of 5 records" in call("join", folder, folder, "-o", tmp_path / "all.tsv")
    os.utime(path, ns=(0, 0))
    assert "has changed since it was split" in call("join", folder, folder, "-o", tmp_path / "late.tsv", status=1)
    assert not (tmp_path / "late.tsv").exists()
    path.unlink()
    assert "list.txt is gone" in call("join", folder, folder, "-o", tmp_path / "all.tsv")
    assert "shard 00001 has 1 rows, but 4 were predicted" in call(
        "check", folder, "00001", folder / "00000.tsv", status=1
    )
    assert "no shard '7'" in call("check", folder, "7", folder / "00000.tsv", status=1)
    assert "has target" in call("split", path, "-o", folder, "--arguments", '{"target": 1}', status=2)
    assert "is not JSON" in call("split", path, "-o", folder, "--arguments", "{", status=2)
    assert Path(tmp_path / "all.tsv").read_text().count("\n") == 6
