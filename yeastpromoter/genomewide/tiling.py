"""A genome cut into overlapping inserts on both strands, for tracks of predicted expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from yeastpromoter.io.genome import unknown_bases_before
from yeastpromoter.sequence.construct import INSERT_LENGTH
from yeastpromoter.sequence.encoding import reverse_complement

#: Strands of a track, with the word for each in file names.
STRANDS = {"+": "plus", "-": "minus"}

#: Columns of the table of inserts.
COLUMNS = ("id", "insert")

#: Inserts that are written at once.
_BLOCK = 1 << 14


@dataclass(frozen=True)
class TilingCounts:
    """What became of the inserts of a chromosome.

    Attributes
    ----------
    chromosome : str
        Its name.
    length : int
        Its length in bp.
    inserts : int
        Number of inserts written, both strands together.
    unknown : int
        Number of inserts left out because they hold a letter other than A, C, G and T, both strands together.
    """

    chromosome: str
    length: int
    inserts: int
    unknown: int


def insert_starts(letters: np.ndarray, step: int) -> tuple[np.ndarray, int]:
    """Place the inserts of a chromosome.

    Parameters
    ----------
    letters : numpy.ndarray
        The chromosome, upper-case ASCII codes, `uint8` (length,).
    step : int
        Distance in bp from the start of one insert to the start of the next.

    Returns
    -------
    starts : numpy.ndarray
        Positions of the first bases of the inserts on the forward strand, from 0, `int64`: the multiples of `step`
        from which 80 bp lie within the chromosome and hold nothing but A, C, G and T.
    unknown : int
        How many more there would be if other letters were allowed.

    Raises
    ------
    ValueError
        If `step` is under 1.
    """
    if step < 1:
        raise ValueError(f"the step must be at least 1 bp but is {step}")
    starts = np.arange(0, letters.size - INSERT_LENGTH + 1, step, dtype=np.int64)
    counts = unknown_bases_before(letters)
    known = counts[starts + INSERT_LENGTH] == counts[starts]
    return starts[known], int((~known).sum())


def insert_id(chromosome: str, start: int, strand: str) -> str:
    """Id of an insert: chromosome, interval (0-based, half-open) and strand, such as ``II:278600-278680:+``."""
    return f"{chromosome}:{start}-{start + INSERT_LENGTH}:{strand}"


def write_inserts(genome: Mapping[str, np.ndarray], step: int, file: TextIO) -> Iterator[TilingCounts]:
    """Write the inserts of a genome as a table that the dataloader reads.

    The rows are sorted by chromosome (in the order of the genome), strand (plus, then minus) and start. Inserts of the
    minus strand are reverse complements: every insert reads toward a gene on its strand.

    Parameters
    ----------
    genome : mapping of str to numpy.ndarray
        Letters of each chromosome (see `yeastpromoter.io.genome.read_genome`).
    step : int
        Distance in bp from one insert to the next.
    file : text file
        What to write to: a header with ``id`` and ``insert``, then a line for each insert, separated by tabs.

    Yields
    ------
    TilingCounts
        For each chromosome, after its rows were written.

    Raises
    ------
    ValueError
        If `step` is under 1.
    """
    file.write("\t".join(COLUMNS) + "\n")
    for chromosome, letters in genome.items():
        starts, unknown = insert_starts(letters, step)
        for strand in STRANDS:
            for first in range(0, starts.size, _BLOCK):
                some = starts[first : first + _BLOCK]
                inserts = letters[some[:, np.newaxis] + np.arange(INSERT_LENGTH)]
                if strand == "-":
                    inserts = reverse_complement(inserts)
                text = inserts.tobytes().decode("ascii")
                file.writelines(
                    f"{insert_id(chromosome, start, strand)}\t{text[at : at + INSERT_LENGTH]}\n"
                    for start, at in zip(some.tolist(), range(0, len(text), INSERT_LENGTH), strict=True)
                )
        yield TilingCounts(chromosome, letters.size, 2 * starts.size, 2 * unknown)
