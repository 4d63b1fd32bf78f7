import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.design.constraints import (
    Constraints,
    joined,
    motif_positions,
    positions_of,
    preset,
    restriction_sites,
)
from yeastpromoter.sequence.encoding import letters

PLAIN = "ACTGCATGTCAGTACGATCTGACTAGCATCGTATGCATCAGTCTAGCTGATCGATACGTCATGCTACGTAGCATGCATCG"

#: No stretch of 8 bp or more stands twice in it, on either strand.
WITHOUT_PALINDROMES = "GTTGCACGAATCTCGGTATTCCGAGACATACTGGCTTAACGTGCCATAGGATTTGACCTAGAGTCAAGCGTATCCTGAAC"


def count(constraints, insert):
    return int(constraints.count(letters([insert]))[0])


def changed(insert, position, bases):
    return insert[: position - 1] + bases + insert[position - 1 + len(bases) :]


def test_nothing_is_asked_for():
    assert count(Constraints(), "A" * 80) == 0


def test_gc_content_counts_the_bases_that_are_too_many():
    constraints = Constraints(gc=(0.25, 0.5))
    assert count(constraints, "A" * 60 + "G" * 20) == 0
    assert count(constraints, "A" * 40 + "C" * 40) == 0
    assert count(constraints, "A" * 61 + "G" * 19) == 1
    assert count(constraints, "A" * 37 + "C" * 43) == 3


def test_sites_are_found_on_both_strands_and_where_an_adapter_begins_them():
    constraints = Constraints(avoid={"BsaI site": "GGTCTC"})
    assert count(constraints, PLAIN) == 0
    assert count(constraints, changed(PLAIN, 30, "GGTCTC")) == 1
    assert count(constraints, changed(PLAIN, 30, "GAGACC")) == 1
    # The left adapter ends in CACATC, the right one begins with GGTTACGG.
    assert count(Constraints(avoid={"x": "CATCAC"}), PLAIN) == 1
    assert count(Constraints(avoid={"x": "CGGGTT"}), PLAIN) == 1
    assert count(Constraints(avoid={"x": "TGCATTTT"}), PLAIN) == 0, "that is in the adapter alone"


def test_runs():
    constraints = Constraints(longest_run=dict.fromkeys("ACGT", 4))
    assert count(constraints, changed(PLAIN, 20, "ATTTTA")) == count(constraints, PLAIN) == 0
    assert count(constraints, changed(PLAIN, 30, "CCCCC")) == 1
    # The right adapter begins with GG.
    assert count(constraints, PLAIN[:76] + "AGGG") == 1
    assert count(Constraints(longest_run={"T": 4}), changed(PLAIN, 30, "CCCCC")) == 0


def test_repeats():
    constraints = Constraints(longest_repeat=9)
    word = "ACCTGATCAA"  # its other strand is TTGATCAGGT
    plain = WITHOUT_PALINDROMES
    assert count(constraints, plain) == 0
    assert count(constraints, changed(changed(plain, 1, word), 50, word)) == 1
    assert count(constraints, changed(changed(plain, 1, word), 50, "TTGATCAGGT")) == 1
    assert count(constraints, changed(plain, 20, "AACCTGCAGGTA")) == 1, "a palindrome stands on both strands"


def brute(insert, length):
    other = insert[::-1].translate(str.maketrans("ACGT", "TGCA"))
    words = [insert[start : start + length] for start in range(80 - length + 1)]
    reverse = [other[80 - length - start : 80 - start] for start in range(80 - length + 1)]
    return sum(
        any((a != b and words[a] == words[b]) or words[a] == reverse[b] for b in range(a, len(words)))
        for a in range(len(words))
    )


@given(st.text("ACGT", min_size=80, max_size=80), st.integers(4, 12))
def test_repeats_of_any_insert_are_those_of_plain_python(insert, longest):
    assert count(Constraints(longest_repeat=longest), insert) == brute(insert, longest + 1)


def test_positions_of_a_motif():
    covered = motif_positions(letters([changed(changed(PLAIN, 11, "GGTCTC"), 41, "GAGACC")]), "GGTCTC")
    assert (np.flatnonzero(covered[0]) + 1).tolist() == [*range(11, 17), *range(41, 47)]


def test_positions_as_text():
    assert (np.flatnonzero(positions_of("1-3, 35,80", 80)) + 1).tolist() == [1, 2, 3, 35, 80]
    for wrong in ("0-3", "5-3", "81", "x", "1,,2", ""):
        with pytest.raises(ValueError, match="must be positions in the insert"):
            positions_of(wrong, 80)


def test_restriction_sites_are_those_of_biopython():
    assert restriction_sites(["bsai", "EcoRI", "SfiI"]) == {
        "BsaI site": "GGTCTC",
        "EcoRI site": "GAATTC",
        "SfiI site": "GGCCNNNNNGGCC",
    }
    with pytest.raises(ValueError, match=r"no restriction enzyme 'EcoXX' .* like it are Eco"):
        restriction_sites(["EcoXX"])


def test_presets_are_constraints_with_a_source():
    for name in ("idt-gblocks", "twist-fragments"):
        assert count(preset(name), WITHOUT_PALINDROMES) == 0
        assert count(preset(name), changed(WITHOUT_PALINDROMES, 30, "A" * 12)) > 0
    with pytest.raises(ValueError, match="there are idt-gblocks, twist-fragments"):
        preset("gen9")


def test_several_together_are_the_narrowest():
    both = joined(
        Constraints(gc=(0.2, 0.6), longest_run={"A": 5, "C": 9}, avoid={"x": "ACCT"}),
        Constraints(gc=(0.3, 0.8), longest_run={"A": 8, "G": 4}, longest_repeat=12),
    )
    assert both == Constraints((0.3, 0.6), {"x": "ACCT"}, {"A": 5, "C": 9, "G": 4}, 12)
    with pytest.raises(ValueError, match=r"no GC content is at least 0\.7 and at most 0\.5"):
        joined(Constraints(gc=(0.7, 0.9)), Constraints(gc=(0.1, 0.5)))


@pytest.mark.parametrize(
    "wrong",
    [{"gc": (0.6, 0.5)}, {"avoid": {"x": "AX"}}, {"longest_run": {"A": 0}}, {"longest_repeat": 3}],
)
def test_wrong_constraints(wrong):
    with pytest.raises(ValueError, match="must"):
        Constraints(**wrong)
