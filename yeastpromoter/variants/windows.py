"""Windows around variants: which bases of the reference and of the altered genome become the two inserts.

A *change* is what a variant does once the bases that REF and ALT share are taken off, such as the base that VCF
puts before an insertion or a deletion. Everything is laid out as it reads toward the gene, so that a gene on the
reverse strand is treated exactly as it would be on the reverse-complemented genome:

- An insertion or deletion within a repeat can be written at several places. It is taken at the one that lies
  farthest upstream of the gene, so that equivalent records have equal effects.
- At offset ``o`` the last base of the change is at position ``o`` of the insert (from 0, the upstream end). Where
  the longer allele has more than ``o + 1`` bases, it starts at position 0 instead, so that alleles of up to the
  length of an insert are whole in every window.
- REF and ALT have the same bases between the change and the insert's downstream end, the one toward the gene. An
  insertion pushes as many bases out at the upstream end as it brings, and a deletion draws as many in there. So both
  inserts have the right length, and what lies between the variant and the gene keeps its distance from the gene, as it
  does
  in the genome.

All of this depends on the two alleles in the same way, so that on a genome that carries ALT, the variant from ALT to
REF has the same two inserts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.sequence.encoding import letters, reverse_complement

#: Default number of places of a variant in the insert.
_PLACES = 7

STRANDS = ("+", "-")


class Change(NamedTuple):
    """What a variant does to one chromosome.

    Attributes
    ----------
    start, stop : int
        Bases that are replaced: positions on the forward strand, from 0, half-open. Equal for an insertion, which
        comes before `start`.
    alt : str
        Bases that stand there instead, on the forward strand; empty for a deletion.
    """

    start: int
    stop: int
    alt: str

    @property
    def length(self) -> int:
        """Bases of the longer allele."""
        return max(self.stop - self.start, len(self.alt))


def check_offsets(offsets: Sequence[int] | None, insert_length: int) -> tuple[int, ...]:
    """Check places of a variant in the insert.

    Parameters
    ----------
    offsets : sequence of int or None
        Positions of the insert, from 0 at its upstream end. None for seven evenly spaced ones: 10, 20, 30, 40, 50, 60
        and 70 of 80 bp.
    insert_length : int
        Length of the insert in bp.

    Returns
    -------
    tuple of int
        The offsets.

    Raises
    ------
    ValueError
        If there are none, one occurs twice, or one is not a position of the insert.
    """
    if offsets is None:
        return tuple(place * insert_length // (_PLACES + 1) for place in range(1, _PLACES + 1))
    values = [offsets] if isinstance(offsets, (int, np.integer)) else offsets
    if isinstance(values, str) or not all(
        isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 0 <= value < insert_length
        for value in values
    ):
        raise ValueError(
            f"{argument('offsets')} must be whole numbers from 0 to {insert_length - 1} but are {offsets!r}"
        )
    if not len(values) or len(set(values)) < len(values):
        raise ValueError(f"{argument('offsets')} must be at least one number, none of them twice, but are {offsets!r}")
    return tuple(int(value) for value in values)


def smallest_change(chromosome: np.ndarray, start: int, ref: str, alt: str, strand: str) -> Change:
    """Take off what two alleles share, and move what is left of an indel upstream as far as it goes.

    Parameters
    ----------
    chromosome : numpy.ndarray
        Upper-case letters of the chromosome, `uint8` (length,); `ref` must stand in it at `start`.
    start : int
        Position of the first base of `ref`, from 0.
    ref, alt : str
        The alleles, upper-case, not equal.
    strand : {"+", "-"}
        Strand of the gene: upstream is to the left for ``"+"`` and to the right for ``"-"``.

    Returns
    -------
    Change
        The change.
    """
    if len(ref) == len(alt) == 1:  # most variants, and there is nothing to take off
        return Change(start, start + 1, alt)
    shorter = min(len(ref), len(alt))
    if strand == "+":  # downstream bases go first, as upstream ones can take their place
        after = _shared(ref[::-1], alt[::-1], shorter)
        before = _shared(ref, alt, shorter - after)
    else:
        before = _shared(ref, alt, shorter)
        after = _shared(ref[::-1], alt[::-1], shorter - before)
    start, stop = start + before, start + len(ref) - after
    alt = alt[before : len(alt) - after]
    if (start == stop) != (not alt):
        start, stop, alt = _roll(chromosome, start, stop, alt, strand)
    return Change(start, stop, alt)


def _shared(first: str, second: str, most: int) -> int:
    count = 0
    while count < most and first[count] == second[count]:
        count += 1
    return count


def _roll(chromosome: np.ndarray, start: int, stop: int, alt: str, strand: str) -> tuple[int, int, str]:
    moved = letters([alt])[0] if alt else chromosome[start:stop]
    count, size, length = 0, moved.size, chromosome.size
    if strand == "+":
        # The base that comes in on the left must be the one that goes out on the right.
        while count < start and chromosome[start - count - 1] == moved[-1 - count % size]:
            count += 1
        turned = np.roll(moved, count)
        count = -count
    else:
        while stop + count < length and chromosome[stop + count] == moved[count % size]:
            count += 1
        turned = np.roll(moved, -count)
    return start + count, stop + count, turned.tobytes().decode("ascii") if alt else ""


def ends(change: Change, offsets: Sequence[int]) -> np.ndarray:
    """Position in the insert of the last base of the change, for each offset, `int64` (O,)."""
    return np.maximum(np.asarray(offsets, dtype=np.int64), change.length - 1)


def span(change: Change, strand: str, offsets: Sequence[int], insert_length: int) -> tuple[int, int]:
    """Part of the chromosome that the windows of a change take bases from.

    Parameters
    ----------
    change : Change
        A change that is not longer than the insert.
    strand : {"+", "-"}
        Strand of the gene.
    offsets : sequence of int
        Places of the change in the insert.
    insert_length : int
        Length of the insert in bp.

    Returns
    -------
    tuple of int
        First position and the one after the last, from 0 on the forward strand. They lie outside of the chromosome
        where a window would.
    """
    last = ends(change, offsets)
    replaced = change.stop - change.start
    upstream = int(last.max()) + 1 - min(replaced, len(change.alt))
    downstream = insert_length - 1 - int(last.min())
    if strand == "+":
        return change.start - upstream, change.stop + downstream
    return change.start - downstream, change.stop + upstream


def windows(
    chromosome: np.ndarray, change: Change, strand: str, offsets: Sequence[int], insert_length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the inserts with the two alleles out.

    Parameters
    ----------
    chromosome : numpy.ndarray
        Letters of the chromosome, `uint8` (length,).
    change : Change
        A change that is not longer than the insert and whose `span` lies within the chromosome.
    strand : {"+", "-"}
        Strand of the gene, on which the inserts are read.
    offsets : sequence of int
        Places of the change in the insert, O of them.
    insert_length : int
        Length of the insert in bp, L.

    Returns
    -------
    ref, alt : numpy.ndarray
        Inserts with the bases of the genome and with those of the change, 5' to 3' toward the gene, `uint8` (O, L).
    """
    first, after = span(change, strand, offsets, insert_length)
    left, right = chromosome[first : change.start], chromosome[change.stop : after]
    alleles = chromosome[change.start : change.stop], letters([change.alt])[0]
    last = ends(change, offsets)
    # The window that starts farthest downstream ends with the stretch; the others end so much before it.
    before_end = last - last.min()
    return tuple(_cut(np.concatenate([left, allele, right]), strand, before_end, insert_length) for allele in alleles)


def _cut(stretch: np.ndarray, strand: str, before_end: np.ndarray, insert_length: int) -> np.ndarray:
    if strand == "-":
        stretch = reverse_complement(stretch[np.newaxis])[0]
    starts = stretch.size - insert_length - before_end
    return stretch[starts[:, np.newaxis] + np.arange(insert_length)]


def distance(change: Change, strand: str, coding_start: int) -> int:
    """Distance of a change to the coding start of a gene.

    Parameters
    ----------
    change : Change
        The change.
    strand : {"+", "-"}
        Strand of the gene.
    coding_start : int
        Position of the first coding base, from 0.

    Returns
    -------
    int
        Bases from the first coding base to the changed base that is nearest to the gene's inside, negative upstream:
        -1 is the base before the start codon, 0 its first base. For an insertion it is the base directly upstream
        of it.
    """
    return change.stop - 1 - coding_start if strand == "+" else coding_start - change.start
