import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.construct import (
    CONSTRUCT_LENGTH,
    INSERT_LENGTH,
    LEFT_ADAPTER,
    LEFT_FLANK,
    MIN_FIT_LENGTH,
    RIGHT_ADAPTER,
    RIGHT_FLANK,
    add_adapters,
    fit_construct,
)


def test_the_sequences_are_those_of_the_plasmid():
    assert LEFT_ADAPTER == "TGCATTTTTTTCACATC"
    assert RIGHT_ADAPTER == "GGTTACGGCTGTT"
    assert LEFT_FLANK == "CACCCTAATCAAGTGCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAAC"
    assert RIGHT_FLANK == "TCTTAATTAAAAAAAGATAGAAAACATTAGGAGTGTAACACAAGACTTTCGGATCC"


def test_lengths():
    assert (len(LEFT_ADAPTER), INSERT_LENGTH, len(RIGHT_ADAPTER), CONSTRUCT_LENGTH) == (17, 80, 13, 110)


def test_adapters_stand_around_the_insert():
    assert add_adapters("ACGT") == "TGCATTTTTTTCACATCACGTGGTTACGGCTGTT"
    assert len(add_adapters("A" * 80)) == 110


@pytest.mark.parametrize(
    ("length", "left", "right"),
    [
        (110, "", ""),
        (109, "C", ""),  # the left side gets the odd base
        (108, "C", "T"),
        (107, "AC", "T"),  # the first base of the right flank is a T
        (105, "AAC", "TC"),
        (104, "AAC", "TCT"),
    ],
)
def test_short_constructs_are_filled_from_the_plasmid(length, left, right):
    construct = "G" * length
    assert fit_construct(construct) == left + construct + right


@pytest.mark.parametrize(("length", "start"), [(111, 1), (112, 1), (113, 2), (115, 3), (200, 45)])
def test_long_constructs_are_cut_centrally(length, start):
    construct = "".join("ACGT"[(i * i + i // 7) % 4] for i in range(length))
    assert fit_construct(construct) == construct[start : start + 110]


def test_shortest_construct():
    assert MIN_FIT_LENGTH == 8
    assert fit_construct("G" * 8) == LEFT_FLANK + "G" * 8 + RIGHT_FLANK[:51]
    with pytest.raises(ValueError, match="a construct of 7 bp cannot be fitted to 110 bp"):
        fit_construct("G" * 7)


@given(st.text("ACGTN", min_size=8, max_size=300))
def test_fitting_keeps_the_centre(construct):
    fitted = fit_construct(construct)
    assert len(fitted) == 110
    if len(construct) <= 110:
        assert fitted in LEFT_FLANK + construct + RIGHT_FLANK
        assert construct in fitted
    else:
        assert fitted in construct
    assert fit_construct(fitted) == fitted
