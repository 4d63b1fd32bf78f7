import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.sequence.encoding import letters, reverse_complement
from yeastpromoter.variants.windows import Change, check_offsets, distance, smallest_change, span, windows

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def as_letters(text):
    return letters([text])[0]


def as_text(rows):
    return [row.tobytes().decode() for row in rows]


def random_text(count, seed):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), count))


GENOME = random_text(300, seed=3)


def cut(genome, position, ref, alt, strand="+", offsets=(10, 40)):
    """Inserts of a variant at a position, from 0."""
    assert genome[position : position + len(ref)] == ref
    change = smallest_change(as_letters(genome), position, ref, alt, strand)
    first, after = span(change, strand, offsets, 80)
    if first < 0 or after > len(genome):
        return None
    return tuple(as_text(part) for part in windows(as_letters(genome), change, strand, offsets, 80))


def other(base):
    return "ACGT"[("ACGT".index(base) + 1) % 4]


def test_a_substitution_is_at_the_offset():
    base = GENOME[150]
    ref, alt = cut(GENOME, 150, base, other(base))
    assert ref == [GENOME[140:220], GENOME[110:190]]
    assert alt == [
        GENOME[140:150] + other(base) + GENOME[151:220],
        GENOME[110:150] + other(base) + GENOME[151:190],
    ]


def test_a_substitution_on_the_reverse_strand_is_at_the_offset_as_it_reads_there():
    base = GENOME[150]
    ref, alt = cut(GENOME, 150, base, other(base), "-", offsets=[10])
    # Position 10 of the insert is base 150, and the insert reads to the left: from 160 down to 81.
    assert ref == [GENOME[81:161].translate(COMPLEMENT)[::-1]]
    assert alt == [(GENOME[81:150] + other(base) + GENOME[151:161]).translate(COMPLEMENT)[::-1]]


# A T before and after the changed bases, so that they can be written at one place only.
UNIQUE = random_text(100, 1) + "T" + "GCA" + "T" + random_text(100, 2)


def test_an_insertion_pushes_bases_out_at_the_upstream_end():
    genome = random_text(100, 1) + "TT" + random_text(100, 2)
    ref, alt = cut(genome, 100, "T", "TGCA", offsets=[10])
    # The last inserted base is at position 10; ref has the T before the insertion there.
    assert ref == [genome[90:170]]
    assert alt == [genome[93:101] + "GCA" + genome[101:170]]
    assert len(alt[0]) == 80
    ref, alt = cut(genome, 100, "T", "TGCA", "-", offsets=[10])
    assert ref == [genome[32:112].translate(COMPLEMENT)[::-1]]
    assert alt == [(genome[32:101] + "GCA" + genome[101:109]).translate(COMPLEMENT)[::-1]]


def test_a_deletion_draws_bases_in_at_the_upstream_end():
    ref, alt = cut(UNIQUE, 100, "TGCA", "T", offsets=[10])
    # The last deleted base, 103, is at position 10.
    assert ref == [UNIQUE[93:173]]
    assert alt == [UNIQUE[90:101] + UNIQUE[104:173]]
    ref, alt = cut(UNIQUE, 100, "TGCA", "T", "-", offsets=[10])
    assert ref == [UNIQUE[32:112].translate(COMPLEMENT)[::-1]]
    assert alt == [(UNIQUE[32:101] + UNIQUE[104:115]).translate(COMPLEMENT)[::-1]]


def test_what_lies_toward_the_gene_stays_in_place():
    for ref, alt in (("TGCA", "T"), ("TGC", "TGCAAAC"), ("TGCA", "CA")):
        for with_ref, with_alt in zip(*cut(UNIQUE, 100, ref, alt, offsets=[15, 60]), strict=True):
            assert with_ref[61:] == with_alt[61:]
            assert with_ref != with_alt


def test_long_alleles_start_at_the_upstream_end():
    insertion = random_text(80, 9)
    genome = random_text(150, 1) + "A" + "C" + random_text(150, 2)
    change = smallest_change(as_letters(genome), 150, "A", "A" + insertion, "+")
    assert change.length == 80
    ref, alt = cut(genome, 150, "A", "A" + insertion, offsets=[10, 79])
    rolled = genome[: change.start] + change.alt + genome[change.start :]
    assert rolled == genome[:151] + insertion + genome[151:]
    assert alt == [change.alt] * 2
    assert ref == [genome[change.start - 80 : change.start]] * 2
    # Twenty bases: at offset 10 they cover positions 0 to 19, at offset 40 positions 21 to 40.
    change = smallest_change(as_letters(genome), 150, "A", "A" + insertion[:20], "+")
    _, alt = cut(genome, 150, "A", "A" + insertion[:20], offsets=[10, 40])
    assert alt[0][:20] == change.alt
    assert alt[1][21:41] == change.alt


def test_shared_bases_do_not_count():
    # ACGTA to ACTTA changes the third base, however it is written.
    genome = random_text(100, 1) + "ACGTA" + random_text(100, 2)
    written = [(100, "ACGTA", "ACTTA"), (101, "CG", "CT"), (102, "G", "T"), (102, "GTA", "TTA")]
    for strand in "+-":
        found = {smallest_change(as_letters(genome), *variant, strand) for variant in written}
        assert found == {Change(102, 103, "T")}


def test_an_indel_in_a_repeat_is_taken_upstream_of_the_gene():
    genome = as_letters("GG" + "CA" * 4 + "TT")
    deletion = [(2, "CAC", "C"), (4, "CACA", "CA"), (1, "GCA", "G"), (7, "ACA", "A")]
    assert {smallest_change(genome, *variant, "+") for variant in deletion} == {Change(2, 4, "")}
    assert {smallest_change(genome, *variant, "-") for variant in deletion} == {Change(8, 10, "")}
    insertion = [(2, "C", "CAC"), (1, "G", "GCA"), (9, "A", "ACA")]
    assert {smallest_change(genome, *variant, "+") for variant in insertion} == {Change(2, 2, "CA")}
    assert {smallest_change(genome, *variant, "-") for variant in insertion} == {Change(10, 10, "CA")}
    # Up to the ends of the chromosome.
    assert smallest_change(as_letters("AAAA"), 2, "AA", "A", "+") == Change(0, 1, "")
    assert smallest_change(as_letters("AAAA"), 0, "AA", "A", "-") == Change(3, 4, "")


def test_distance_to_the_coding_start():
    # Forward gene, first coding base 100; reverse gene, first coding base 99.
    assert distance(Change(99, 100, "A"), "+", 100) == -1
    assert distance(Change(100, 101, "A"), "+", 100) == 0
    assert distance(Change(100, 101, "A"), "-", 99) == -1
    assert distance(Change(90, 103, ""), "+", 100) == 2
    assert distance(Change(97, 110, ""), "-", 99) == 2
    assert distance(Change(100, 100, "A"), "+", 100) == -1
    assert distance(Change(100, 100, "A"), "-", 99) == -1


@pytest.mark.parametrize("offsets", [[], [1, 1], [80], [-1], [1.5], "12", [True], ["3"]])
def test_wrong_offsets(offsets):
    with pytest.raises(ValueError, match="offsets must be"):
        check_offsets(offsets, 80)


def test_a_single_offset_needs_no_list():
    assert check_offsets(40, 80) == (40,)
    assert check_offsets([10, 70], 80) == (10, 70)


# Few letters, so that repeats, which can be written at several places, are frequent.
def bases(least, most):
    return st.text("AC", min_size=least, max_size=most)


@st.composite
def variants(draw):
    """A genome, and a record of it: 0-based position, REF, ALT."""
    left, middle, right = draw(bases(170, 175)), draw(bases(1, 8)), draw(bases(170, 175))
    alt = draw(bases(1, 8).filter(lambda alt: alt != middle))
    return left + middle + right, len(left), middle, alt


def altered(genome, position, ref, alt):
    return genome[:position] + alt + genome[position + len(ref) :]


OFFSETS = (0, 3, 33, 79)


@given(variants())
def test_on_the_genome_with_alt_the_inserts_change_places(variant):
    genome, position, ref, alt = variant
    for strand in "+-":
        forth = cut(genome, position, ref, alt, strand, OFFSETS)
        back = cut(altered(*variant), position, alt, ref, strand, OFFSETS)
        if forth is None or back is None:
            assert forth is back  # both reach over the end of the chromosome
            continue
        assert forth == back[::-1]
        assert all(len(insert) == 80 for insert in forth[0] + forth[1])


@given(variants())
def test_the_reverse_strand_is_the_forward_strand_of_the_reverse_complement(variant):
    genome, position, ref, alt = variant
    turned, *alleles = (text.translate(COMPLEMENT)[::-1] for text in (genome, ref, alt))
    assert as_letters(turned).tobytes() == reverse_complement(letters([genome]))[0].tobytes()
    turned_position = len(genome) - position - len(ref)
    for strand, opposite in ("+-", "-+"):
        here = cut(genome, position, ref, alt, strand, OFFSETS)
        assert here == cut(turned, turned_position, *alleles, opposite, OFFSETS)
        change = smallest_change(as_letters(genome), position, ref, alt, strand)
        mirrored = smallest_change(as_letters(turned), turned_position, *alleles, opposite)
        coding_start = 300
        assert distance(change, strand, coding_start) == distance(mirrored, opposite, len(genome) - 1 - coding_start)


@given(variants(), st.integers(0, 20), st.integers(0, 20))
def test_more_shared_bases_change_nothing(variant, before, after):
    genome, position, ref, alt = variant
    left = genome[position - before : position]
    right = genome[position + len(ref) : position + len(ref) + after]
    for strand in "+-":
        wide = smallest_change(as_letters(genome), position - before, left + ref + right, left + alt + right, strand)
        change = smallest_change(as_letters(genome), position, ref, alt, strand)
        assert wide == change
        assert altered(genome, change.start, genome[change.start : change.stop], change.alt) == altered(*variant)


@given(variants())
def test_windows_are_pieces_of_the_two_genomes(variant):
    genome, position, ref, alt = variant
    found = cut(genome, position, ref, alt, "+", OFFSETS)
    if found is not None:
        assert all(insert in genome for insert in found[0])
        assert all(insert in altered(*variant) for insert in found[1])
