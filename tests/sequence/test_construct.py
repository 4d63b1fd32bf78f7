import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.sequence.reporter import MOST_FITTED, PTPA


def test_the_sequences_are_those_of_the_plasmid():
    assert PTPA.left_adapter == "TGCATTTTTTTCACATC"
    assert PTPA.right_adapter == "GGTTACGGCTGTT"
    assert PTPA.left_flank == "CACCCTAATCAAGTGCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAAC"
    assert PTPA.right_flank == "TCTTAATTAAAAAAAGATAGAAAACATTAGGAGTGTAACACAAGACTTTCGGATCC"


def test_lengths():
    assert (len(PTPA.left_adapter), PTPA.insert_length, len(PTPA.right_adapter), PTPA.construct_length) == (
        17,
        80,
        13,
        110,
    )


def test_adapters_stand_around_the_insert():
    assert PTPA.add_adapters("ACGT") == "TGCATTTTTTTCACATCACGTGGTTACGGCTGTT"
    assert len(PTPA.add_adapters("A" * 80)) == 110


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
    assert PTPA.fit_construct(construct) == left + construct + right


@pytest.mark.parametrize(("length", "start"), [(111, 1), (112, 1), (113, 2), (115, 3), (134, 12), (135, 13)])
def test_long_constructs_are_cut_centrally(length, start):
    construct = "".join("ACGT"[(i * i + i // 7) % 4] for i in range(length))
    assert PTPA.fit_construct(construct) == construct[start : start + 110]


def test_only_what_is_nearly_right_is_fitted():
    assert MOST_FITTED == 25
    assert PTPA.fit_construct("G" * 85) == PTPA.left_flank[-13:] + "G" * 85 + PTPA.right_flank[:12]
    with pytest.raises(ValueError, match="a construct of 84 bp cannot be filled to 110 bp: at most 25 bp"):
        PTPA.fit_construct("G" * 84)
    with pytest.raises(ValueError, match="1,040 bp cannot be cut to 110 bp: 930 bp would be lost, but at most 25"):
        PTPA.fit_construct("G" * 1040)


@pytest.mark.parametrize(
    ("length", "left", "kept", "right"),
    [
        (80, "", slice(None), ""),
        (77, "AC", slice(None), "T"),  # the left side gets the odd base
        (81, "", slice(1, 81), ""),
        (84, "", slice(2, 82), ""),
        (105, "", slice(13, 93), ""),
    ],
)
def test_fitted_inserts_keep_both_adapters(length, left, kept, right):
    insert = "".join("ACGT"[(i * i + i // 7) % 4] for i in range(length))
    assert PTPA.fit_insert(insert) == left + PTPA.left_adapter + insert[kept] + PTPA.right_adapter + right


@pytest.mark.parametrize("length", [54, 106])
def test_inserts_far_from_80_bp_are_not_fitted(length):
    with pytest.raises(ValueError, match="at most 25"):
        PTPA.fit_insert("A" * length)


@given(st.text("ACGTN", min_size=85, max_size=135))
def test_fitting_keeps_the_centre(construct):
    fitted = PTPA.fit_construct(construct)
    assert len(fitted) == 110
    if len(construct) <= 110:
        assert fitted in PTPA.left_flank + construct + PTPA.right_flank
        assert construct in fitted
    else:
        assert fitted in construct
    assert PTPA.fit_construct(fitted) == fitted
