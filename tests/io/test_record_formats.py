import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.io.record_formats import Fasta, Spans, Table, detect, looks_like_dna, split_row

names = st.text("abcXYZ019_.|:", min_size=1, max_size=12)
sequences = st.text("ACGTN", min_size=1, max_size=12)
line_ends = st.sampled_from(["\n", "\r\n"])
cells = st.text(st.characters(codec="utf-8", exclude_characters='\n\r\t"', exclude_categories=["Cc", "Cs"]), max_size=8)


def strings(spans: Spans) -> list[str]:
    return spans.strings()


@given(st.lists(st.tuples(names, sequences), min_size=1, max_size=6), st.integers(1, 12), line_ends, st.booleans())
def test_fasta_whatever_its_line_length(records, width, end, blank_lines):
    text, starts = "", []
    for name, sequence in records:
        starts.append(len(text))
        lines = [sequence[i : i + width] for i in range(0, len(sequence), width)]
        text += end.join([f">{name} some words", *lines, ""]) + (end if blank_lines else "")
    found = Fasta().parse(text.encode())
    assert strings(found.ids) == [name for name, _ in records]
    assert strings(found.sequences) == [sequence for _, sequence in records]
    assert found.sequences.joined().tobytes().decode() == "".join(sequence for _, sequence in records)
    assert found.start.tolist() == starts


def test_fasta_headers():
    found = Fasta().parse(b">a\tb c\nA\n>d\nC\n>\nG\n>e f\nT\n> \tg h\nA\n> \nC\n>  i\nG\n")
    assert strings(found.ids) == ["a", "d", "", "e", "g", "", "i"]


def test_fasta_record_without_sequence():
    assert Fasta().parse(b">a\n>b\nAC\n>c\n\n").sequences.lengths.tolist() == [0, 2, 0]
    assert Fasta().parse(b">a\n\n>b\nAC\n").sequences.lengths.tolist() == [0, 2]


def test_where_whole_records_end():
    assert Fasta().end_of_records(b">a\nAC\n>b\nA") == 6
    assert Fasta().end_of_records(b">a\nAC\n") == 0  # the sequence may go on
    assert Table("", 1, False, 0, None, ()).end_of_records(b"AC\nGT\nA") == 6


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6), st.sampled_from("\t,"), line_ends)
def test_tables_agree_with_the_csv_module(rows, delimiter, end):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    text = out.getvalue()
    found = Table(delimiter, 3, False, 1, 0, [2]).parse(text.encode())
    assert strings(found.ids) == [row[0] for row in rows]
    assert strings(found.sequences) == [row[1] for row in rows]
    assert strings(found.targets) == [row[2] for row in rows]
    assert [split_row(line, delimiter) for line in text.split(end)[:-1]] == [list(row) for row in rows]


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5), line_ends)
def test_tables_with_everything_in_quotation_marks(rows, end):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(
        [(f'{a}"{b}', b) for a, b in rows]  # a quotation mark inside is doubled
    )
    found = Table(",", 2, False, 1, 0, []).parse(out.getvalue().encode())
    assert strings(found.ids) == [f'{a}"{b}' for a, b in rows]
    assert strings(found.sequences) == [b for _, b in rows]


def test_quotation_marks_in_a_tab_table_are_letters_unless_they_enclose_the_cell():
    found = Table("\t", 2, False, 1, 0, []).parse(b'5" end\tAC\n"b"\t"GT"\n"\tA\n')
    assert strings(found.ids) == ['5" end', "b", '"']
    assert strings(found.sequences) == ["AC", "GT", "A"]


def test_starts_of_rows():
    assert Table("\t", 2, False, 0, None, []).parse(b"A\tx\r\nAC\ty\r\n").start.tolist() == [0, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"A,1\nC,2,3\n", r"record 8 \(line 10\) has 3 columns, but the first line of the comma-separated table has 2"),
        (b"A,1\nC\n", r"record 8 \(line 10\) has 1 column,"),
        (b"A,1\n\nC,1\n", r"record 8 \(line 10\) is empty"),
        (b'A,"1\nC,2\n', r"record 7 \(line 9\) has a quotation mark that is not closed"),
        # The same number of delimiters in all, but not on every row.
        (b"A,1,2\nC\n", r"record 7 \(line 9\) has 3 columns"),
    ],
)
def test_ragged_tables(text, message):
    with pytest.raises(ValueError, match=message):
        Table(",", 2, True, 0, None, ()).parse(text, first_record=7)


def test_header_that_r_writes():
    with pytest.raises(ValueError, match=r"row\.names=FALSE"):
        Table("\t", 2, True, 0, None, ()).parse(b"1\tA\t1\n2\tC\t2\n")


@given(st.lists(sequences, min_size=1, max_size=20))
def test_joined_skips_what_lies_between(parts):
    text = "-".join(parts).encode()
    stops = np.cumsum([len(part) for part in parts]) + np.arange(len(parts))
    spans = Spans(text, stops - [len(part) for part in parts], stops)
    assert spans.joined().tobytes().decode() == "".join(parts)
    assert strings(spans) == parts


def test_joined_of_adjacent_and_empty_stretches():
    assert Spans(b"ACGT", np.array([0, 1, 1]), np.array([1, 1, 4])).joined().tobytes() == b"ACGT"
    assert Spans(b"", np.array([], int), np.array([], int)).joined().size == 0


def test_numbers():
    text = b"1.5 -2 1e3 nan inf x 1_5   7"
    stops = np.array([3, 6, 10, 14, 18, 20, 24, 25, 28])
    starts = np.array([0, 4, 7, 11, 15, 19, 21, 25, 26])
    np.testing.assert_array_equal(
        Spans(text, starts, stops).numbers(), [1.5, -2, 1000, np.nan, np.nan, np.nan, np.nan, np.nan, 7]
    )


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "-2.50", "+3e-2", ".5", "6.", "0.1", "1234567890123456789", "1e999", "inf", "-Infinity", "nan"],
        ["1 2", " "],  # as many numbers as cells, but not one in each
        ["1", " 7", "8 "],
        ["1", ""],
        ["1-2", "5"],
        ["1.5.5", "5"],
        ["1", "1,5"],
        ["0x1", "1_5", "-", "1e", "two", "٣"],
        ["1" * 50, "5"],
    ],
)
def test_numbers_are_read_as_python_reads_them(cells):
    found = Table("\t", 2, False, 0, None, [1]).parse("".join(f"A\t{cell}\n" for cell in cells).encode()).targets
    for cell, number in zip(cells, found.numbers().tolist(), strict=True):
        try:
            wanted = float(cell.replace("_", "x"))
        except ValueError:
            wanted = np.nan
        np.testing.assert_equal(number, wanted if np.isfinite(wanted) else np.nan)


@given(st.lists(st.floats(), min_size=1))
def test_numbers_are_read_exactly(values):
    text = "".join(f"A\t{value!r}\n" for value in values).encode()
    found = Table("\t", 2, False, 0, None, [1]).parse(text).targets.numbers()
    np.testing.assert_array_equal(found, [value if np.isfinite(value) else np.nan for value in values])


@pytest.mark.parametrize(
    "cell",
    ["ACGT", "acgtn", "", "ACGU" * 5, "ACGTACGTACGX", "AUGCAUGCAU", "RYSWKMBDHV" * 11, "-" * 110, "MKVLSPADKTNW" * 8],
)
def test_looks_like_dna(cell):
    assert looks_like_dna(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "seq",
        "sequence",
        "DNA",
        "Construct",
        "nucleotides",
        "promoter_sequence",
        "x",
        "sequence of the promoter, without its adapters",
    ],
)
def test_does_not_look_like_dna(cell):
    assert not looks_like_dna(cell)


@pytest.mark.parametrize(
    ("line", "arguments", "name", "has_header"),
    [
        (">a", {}, "FASTA", False),
        ("ACGT", {}, "list of sequences", False),
        ("sequence", {}, "list of sequences", True),
        ("ACGT\t1", {}, "tab-separated table", False),
        ("ACGT,1", {}, "comma-separated table", False),
        ("ACGT\ta,b", {}, "tab-separated table", False),
        ("seq\tvalue", {}, "tab-separated table", True),
        ("seq\tvalue", {"sequence_column": "seq"}, "tab-separated table", True),
        ("ACGT\tvalue", {"sequence_column": "ACGT"}, "tab-separated table", True),
        ("ACGT\tvalue", {"header": True}, "tab-separated table", True),
        ("seq\tvalue", {"header": False}, "tab-separated table", False),
        ('"id","seq"', {"sequence_column": "seq", "id_column": 0}, "comma-separated table", True),
        ("id,ACGT", {"sequence_column": 1}, "comma-separated table", False),
        (",seq", {"sequence_column": 1}, "comma-separated table", True),
        (",EL", {"header": True}, "comma-separated table", True),  # the sequences are the index
    ],
)
def test_detect(line, arguments, name, has_header):
    found, header = detect(line, **arguments)
    assert (found.name, header) == (name, has_header)


@pytest.mark.parametrize(
    ("line", "arguments", "message"),
    [
        (">a", {"id_column": 0}, "is FASTA, which has neither columns"),
        (">a", {"sequence_column": "seq"}, "is FASTA, which has neither columns"),
        (">a", {"header": True}, "is FASTA, which has neither columns"),
        (">a", {"header": True, "id_column": 1}, "leave out id_column and header$"),
        ("@read", {}, "FASTQ"),
        (
            "seq;EL",
            {"sequence_column": "seq"},
            "no column named 'seq'; .* It looks separated by semicolons",
        ),
        ("ACGT|1", {"id_column": 1}, "no column 1: .* It looks separated by bars"),
        (
            ",seq,EL",
            {},
            r"nothing in column 0, .*index=False\), or .* with sequence_column; .* 1 'seq'",
        ),
        ('"",seq', {"target_columns": [1]}, "nothing in column 0"),
        ('seq,"EL', {}, "line 1 has a quotation mark that is not closed"),
        ("seq\tvalue", {"target_columns": ["EL"]}, "no column named 'EL'; the first line has 0 'seq', 1 'value'"),
        ("seq\tvalue", {"target_columns": ["1"]}, "a number is given without quotation marks"),
        ("seq\tx\tx", {"id_column": "x"}, "more than one column named 'x'"),
        ("ACGT\t1", {"id_column": 2}, "no column 2: columns are numbered from 0; the first line has 0 'ACGT', 1 '1'$"),
        ("ACGT\t1", {"id_column": -1}, "no column -1"),
        ("seq\tvalue", {"sequence_column": "seq", "header": False}, "by name although header=False says"),
    ],
)
def test_detect_refuses(line, arguments, message):
    with pytest.raises(ValueError, match=message):
        detect(line, **arguments)
