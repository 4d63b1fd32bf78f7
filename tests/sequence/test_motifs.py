import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.motifs import IUPAC, check_motif, occurrences, strands


@given(st.text("ACGTN", min_size=5, max_size=40), st.text("".join(IUPAC), min_size=3, max_size=6))
def test_occurrences_are_those_of_a_regular_expression(sequence, motif):
    pattern = "".join(f"[{IUPAC[letter]}]" for letter in motif)
    found = [match.start() for match in re.finditer(f"(?=({pattern}))", sequence)]
    assert np.flatnonzero(occurrences(letters([sequence]), motif)[0]).tolist() == found


def test_lower_case_matches_and_a_long_motif_is_nowhere():
    assert occurrences(letters(["ttacccgg"]), "ACCC")[0].tolist() == [False, False, True, False, False]
    assert occurrences(letters(["ACG"]), "ACGT").shape == (1, 0)


def test_strands():
    assert strands("GGTCTC") == ("GGTCTC", "GAGACC")
    assert strands("GAATTC") == ("GAATTC",)
    assert strands("RTCAYN") == ("RTCAYN", "NRTGAY")
    assert strands("BDHVKMSW")[1] == "WSKMBDHV"


@pytest.mark.parametrize(
    ("motif", "said"), [("AXG", "letters of IUPAC"), ("", "letters"), ("AC", "has 2 bp"), ("NNNN", "not all")]
)
def test_wrong_motifs(motif, said):
    with pytest.raises(ValueError, match=said):
        check_motif(motif, "x")
