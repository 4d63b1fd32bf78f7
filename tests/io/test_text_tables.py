import gzip
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yeastpromoter.io import text_files, text_tables
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.io.text_tables import TextTable

TEXT = "name\tEL\tn\na\t1.5\t1\nb\tNA\t2\nc\t\t3\n\n"


def rows_of(table, column):
    return [cell for rows in table.blocks() for cell in rows.text(column)]


@pytest.mark.parametrize("block", [1, 9, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"])
def test_columns_by_name_and_number(tmp_path, monkeypatch, block, end):
    monkeypatch.setattr(text_tables, "_BLOCK_BYTES", block)
    (tmp_path / "a").write_bytes(gzip.compress(TEXT.replace("\n", end).encode("utf-8-sig")))
    table = TextTable(tmp_path / "a")
    assert table.columns == ["name", "EL", "n"]
    assert (table.number("EL"), table.number(1)) == (1, 1)
    assert rows_of(table, "name") == rows_of(table, 0) == ["a", "b", "c"]
    assert np.concatenate([rows.lines for rows in table.blocks()]).tolist() == [2, 3, 4]
    values = np.concatenate([rows.numbers("EL", missing=True) for rows in table.blocks()])
    np.testing.assert_array_equal(values, [1.5, np.nan, np.nan])
    chosen = [rows.where(np.array(rows.text("name")) != "b") for rows in table.blocks()]
    assert np.concatenate([rows.numbers("n") for rows in chosen]).tolist() == [1, 3]
    assert np.concatenate([rows.lines for rows in chosen]).tolist() == [2, 4]


def test_without_a_header_columns_have_numbers(tmp_path):
    (tmp_path / "a").write_text('x;y\n"1;2";3\n')
    table = TextTable(tmp_path / "a", ";", header=False)
    assert table.columns == [0, 1]
    assert rows_of(table, 0) == ["x", "1;2"]
    with pytest.raises(ValueError, match="a: has no header: choose columns by number"):
        table.number("x")


@pytest.mark.parametrize(
    ("column", "limits", "message"),
    [
        ("EL", {}, "a, line 3: column 'EL' is 'NA' but must be a number$"),
        ("n", {"highest": 2}, "a, line 4: column 'n' is '3' but must be a number from -inf to 2"),
        ("n", {"lowest": 2}, "a, line 2: column 'n' is '1' but must be a number of at least 2"),
        ("name", {"missing": True}, "a, line 2: column 'name' is 'a' but must be a number"),
        ("m", {}, "a: has no column named 'm'; the first line has 0 'name', 1 'EL', 2 'n'$"),
    ],
)
def test_wrong_numbers_are_named_by_line_and_column(tmp_path, column, limits, message):
    (tmp_path / "a").write_text(TEXT)
    with pytest.raises(ValueError, match=message):
        [rows.numbers(column, **limits) for rows in TextTable(tmp_path / "a").blocks()]


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("", {}, "a: the file is empty"),
        ("\nx\n", {}, "a: the first line is empty"),
        ("x\ty\n1\n", {}, "a: line 2 has 1 column, but the first line of the tab-separated table has 2"),
        ("x,y\n1,2\n\n1,2\n", {"separator": ","}, "a: line 3 is empty"),
        ('x,y\n1,"2\n1,2\n', {"separator": ","}, "a: line 2 has a quotation mark that is not closed on its line"),
        ('x,"y\n1,2\n', {"separator": ","}, "a: line 1 has a quotation mark that is not closed"),
        ("x\n" + "1\n" * 70_000 + "\0", {}, "a: .* line 70002 holds the control byte 0x00"),
        ("x," * (1 << 20), {"separator": ","}, "a: the first line is longer than 1 MiB"),
        ("x\n1\n", {"separator": "::"}, "the separator of a table must be one ASCII character but is '::'"),
    ],
)
def test_what_is_not_a_table(tmp_path, text, arguments, message):
    (tmp_path / "a").write_text(text)
    with pytest.raises(ValueError, match=message):
        list(TextTable(tmp_path / "a", **arguments).blocks())


def test_a_header_alone_has_no_rows(tmp_path):
    for text in ("x\ty", "x\ty\n"):
        (tmp_path / "a").write_text(text)
        assert list(TextTable(tmp_path / "a").blocks()) == []


def attempt(function):
    """Return what a function returns, and the message of its ValueError."""
    try:
        return function(), None
    except ValueError as error:
        return None, str(error)


def columns_of(table):
    return {name: rows_of(table, name) for name in ("id", "seq")}


# What training reads and what is predicted must be the same rows of a file.
pieces = st.lists(st.sampled_from(['"', '""', "\r", " ", ",", "\t", ";", "a", "é", "\n", "1"]), max_size=4).map("".join)
whole_rows = st.tuples(pieces, st.text("ACGTN", min_size=1, max_size=3).map(lambda text: text.ljust(110, "A")), pieces)


@given(
    st.lists(whole_rows | st.tuples(pieces), min_size=1, max_size=5),
    st.sampled_from("\t,"),
    st.sampled_from(["\n", "\r\n", "\r\r\n"]),
    st.booleans(),
    st.integers(1, 300),
)
@example([('"a', "A" * 110, "1"), ('b"', "C" * 110, "2")], "\t", "\n", True, 1)
@example([('"a', "A" * 110, "1"), ('b"', "C" * 110, "2")], ",", "\n", True, 1)
def test_training_and_prediction_read_the_same_rows(tmp_path_factory, rows, delimiter, end, quoted, block):
    path = tmp_path_factory.mktemp("table") / "a"
    form = '"{}"'.format if quoted else "{}".format
    lines = [["id", "seq", "n"], *([form(row[0]), *row[1:]] for row in rows)]
    path.write_bytes("".join(delimiter.join(row) + end for row in lines).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "BLOCK_BYTES", block)
        patch.setattr(text_tables, "_BLOCK_BYTES", block)
        read, problem = attempt(lambda: columns_of(TextTable(path, delimiter)))
        batch, refused = attempt(
            lambda: SequenceFile(path, sequence_column="seq", id_column="id", check_adapters=False)
        )
    if problem:
        assert str(path) in problem
        assert refused
    elif refused:  # for what is checked of sequences and ids alone
        assert re.search("control character|has no sequence|no records|at position", refused)
    else:
        found = batch.read(np.arange(len(batch)))
        assert found.ids.tolist() == [name or str(number) for number, name in enumerate(read["id"])]
        assert [row.tobytes().decode() for row in found.constructs] == read["seq"]
