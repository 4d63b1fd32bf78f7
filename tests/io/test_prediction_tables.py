import gzip

import numpy as np
import pytest

from yeastpromoter.io.prediction_tables import read_columns, read_rows

TABLE = "id\tn\tx\n" + "".join(f"r{i}\t{i}\t{i / 8}\n" for i in range(70_000))  # more than one block


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_columns_of_whole_tables(tmp_path, compress):
    (tmp_path / "t.tsv").write_bytes(compress(TABLE.encode()))
    found = read_columns(tmp_path / "t.tsv", ["id"], ["x"])
    assert found["id"] == [f"r{i}" for i in range(70_000)]
    np.testing.assert_array_equal(found["x"], np.arange(70_000) / 8)
    assert found["x"].dtype == np.float64


def test_cells_with_tabs_and_quotation_marks_as_pandas_writes_them(tmp_path):
    (tmp_path / "t.tsv").write_text('id\tx\n"a\tb"\t1\n"say ""A"""\t\n')
    found = read_columns(tmp_path / "t.tsv", ["id"], ["x"], missing=["x"])
    assert found["id"] == ["a\tb", 'say "A"']
    np.testing.assert_array_equal(found["x"], [1, np.nan])


def test_commas_where_the_header_has_them_and_no_tabs(tmp_path):
    (tmp_path / "t.csv").write_text('id,x\n"a,b",1\nc\td,2\n')
    found = read_columns(tmp_path / "t.csv", ["id"], ["x"])
    assert found["id"] == ["a,b", "c\td"]
    np.testing.assert_array_equal(found["x"], [1, 2])


def test_a_table_without_rows(tmp_path):
    (tmp_path / "t.tsv").write_text("id\tx\n")
    found = read_columns(tmp_path / "t.tsv", ["id"], ["x"])
    assert found["id"] == []
    assert found["x"].shape == (0,)


def test_rows_with_the_numbers_of_their_lines(tmp_path):
    (tmp_path / "t.tsv").write_bytes(b"\xef\xbb\xbfid\tx\r\na\t1\r\n")
    assert list(read_rows(tmp_path / "t.tsv")) == [(1, ["id", "x"]), (2, ["a", "1"])]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "the file is empty"),
        ("id\tx", "ends within a line, line 1: it is cut off"),
        ("id\tx\na\t15.01867\nb\t1", "ends within a line, line 3: it is cut off"),
        ("id\tx\na\t1\nid\tx\nb\t2\n", "line 3 is the header again: were tables joined"),
        ("id\tx\na\t1\nb\n", "line 3 has 1 columns, but the header has 2: is the table damaged"),
        ("id\tx\na\t1\n\nb\t2\n", "line 3 has 1 columns"),
        ("id\tx\na\t1\t2\n", "line 2 has 3 columns, but the header has 2"),
        ('id\tx\n"a\t1\nb"\t2\n', "line 2 has a quotation mark that is not closed"),
        ("id\tid\tx\n", "the column id occurs twice in the header"),
        ("name\ty\n", "has no column id, x, but a table of predictions, written with metadata, is needed.*name, y"),
        ("id\tx\na\tone\n", "line 2 has 'one' in column x, but must have a finite number"),
        ("id\tx\na\t\n", "line 2 has '' in column x, but must have a finite number"),
        ("id\tx\na\tinf\n", "line 2 has 'inf' in column x"),
        ("id\tx\na\t1_5\n", "line 2 has '1_5' in column x"),
        (TABLE + "r\t1\tx\n", "line 70,002 has 'x' in column x"),
    ],
)
def test_tables_that_are_not_whole(tmp_path, text, match):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(ValueError, match=match) as error:
        read_columns(tmp_path / "t.tsv", ["id"], ["x"])
    assert str(tmp_path / "t.tsv") in str(error.value)
