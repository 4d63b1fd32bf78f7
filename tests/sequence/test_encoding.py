import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.sequence import encoding
from yeastpromoter.sequence.encoding import (
    encoding_table,
    find_invalid,
    from_one_hot,
    gc_content,
    letters,
    one_hot,
    reverse_complement,
)

batches = st.integers(0, 12).flatmap(
    lambda length: st.lists(st.text("ACGTN", min_size=length, max_size=length), min_size=1, max_size=5)
)


def test_one_hot_by_hand():
    encoded = one_hot(letters(["ACGTN", "tgcan"]))
    quarter = [0.25] * 4
    a, c, g, t = np.eye(4)
    np.testing.assert_array_equal(encoded, [[a, c, g, t, quarter], [t, g, c, a, quarter]])
    assert encoded.dtype == np.float32
    assert encoded.flags.c_contiguous


@given(batches)
def test_round_trip(sequences):
    encoded = one_hot(letters(sequences))
    assert encoded.shape == (len(sequences), len(sequences[0]), 4)
    assert from_one_hot(encoded) == sequences
    np.testing.assert_array_equal(one_hot(letters([s.lower() for s in sequences])), encoded)
    np.testing.assert_array_equal(encoded.sum(axis=2), 1)


@given(batches)
def test_reverse_complement_agrees_with_str_translate(sequences):
    expected = [s[::-1].translate(str.maketrans("ACGT", "TGCA")) for s in sequences]
    assert from_one_hot(one_hot(reverse_complement(letters(sequences)))) == expected
    # On the encoding it is a flip of both axes, since A, C, G, T is its own complement backwards.
    np.testing.assert_array_equal(one_hot(letters(expected)), one_hot(letters(sequences))[:, ::-1, ::-1])


@given(st.integers(0, 255))
def test_exactly_ten_bytes_are_letters(byte):
    matrix = np.array([[byte]], dtype=np.uint8)
    if bytes([byte]) in (b"A", b"C", b"G", b"T", b"N", b"a", b"c", b"g", b"t", b"n"):
        assert find_invalid(matrix) is None
    else:
        assert find_invalid(matrix) == (0, 0)
        with pytest.raises(ValueError, match="only A, C, G, T and N can be encoded"):
            one_hot(matrix)


def test_first_invalid_letter():
    matrix = letters(["ACGT", "ACUT", "XXXX"])
    assert find_invalid(matrix) == (1, 2)
    with pytest.raises(ValueError, match="sequence 1 has 'U' at position 3"):
        one_hot(matrix)


def test_first_invalid_letter_of_many_rows(monkeypatch):
    monkeypatch.setattr(encoding, "_CHECKED_ROWS", 2)
    assert find_invalid(letters(["ACGT", "ACGT", "ACGT", "ANGX", "XXXX"])) == (3, 3)
    assert find_invalid(letters(["ACGT"] * 5)) is None


def test_the_table_is_that_of_one_hot_and_a_copy():
    table, matrix = encoding_table(), letters(["ACGTN", "tgcan"])
    assert (table[matrix] == one_hot(matrix)).all()
    table[:] = 7
    assert one_hot(matrix).max() == 1


def test_letters_refuses_what_is_no_matrix():
    assert letters([]).shape == (0, 0)
    with pytest.raises(ValueError, match=r"one length but have lengths \[2, 3\]"):
        letters(["AC", "ACG"])
    with pytest.raises(ValueError, match="ASCII letters but hold 'é'"):
        letters(["Aé"])


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float16, np.float64])
def test_from_one_hot_reads_any_dtype_and_what_has_no_1_as_n(dtype):
    assert from_one_hot(np.array([[[0, 0, 1, 0], [0, 0, 0, 0]]], dtype=dtype)) == ["GN"]


def test_check_rows():
    assert encoding.check_rows(letters(["ACgn"]), 4).tolist() == [[65, 67, 103, 110]]
    for matrix in (letters(["ACG"]), letters(["ACGT"])[0], np.zeros((2, 4))):
        with pytest.raises(ValueError, match=r"must be ASCII codes of sequences of 4 bp, uint8 \(N, 4\)"):
            encoding.check_rows(matrix, 4)
    with pytest.raises(ValueError, match="sequence 1 has 'X' at position 2"):
        encoding.check_rows(letters(["ACGT", "AXGT"]), 4)


def test_gc_content():
    np.testing.assert_array_equal(gc_content(letters(["ACGT", "gggc", "ATNN"])), [0.5, 1.0, 0.0])
