"""Tracks of predicted expression along a genome, as bigWig files, one for each strand.

The value of an insert stands at its centre: it covers as many bases around the centre as the inserts are apart, at
most those of the insert, so that the values of neighbouring inserts meet and never overlap. Where there is no insert
there is no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yeastpromoter.extras import require
from yeastpromoter.io.genome import ChromosomeNames, unknown_bases_before
from yeastpromoter.io.whole_files import whole_file
from yeastpromoter.sequence.encoding import ALPHABET, reverse_complement

if TYPE_CHECKING:
    from yeastpromoter.model.entry import TrainedNetwork

#: Strands of a track, with the word for each in file names.
STRANDS = {"+": "plus", "-": "minus"}

#: Inserts that are predicted at once.
_BLOCK = 1 << 15


@dataclass(frozen=True)
class Inserts:
    """The inserts of one strand of one chromosome, with their predictions.

    Attributes
    ----------
    starts : numpy.ndarray
        Positions of their first bases on the forward strand, from 0, ascending, `int64` (N,).
    expression : numpy.ndarray
        Predicted expression, `float64` (N,).
    """

    starts: np.ndarray
    expression: np.ndarray


def insert_starts(letters: np.ndarray, step: int, insert_length: int) -> tuple[np.ndarray, int]:
    """Place the inserts of a chromosome.

    Parameters
    ----------
    letters : numpy.ndarray
        The chromosome, upper-case ASCII codes, `uint8` (length,).
    step : int
        Distance in bp from the start of one insert to the start of the next.
    insert_length : int
        Length of an insert in bp.

    Returns
    -------
    starts : numpy.ndarray
        Positions of the first bases of the inserts on the forward strand, from 0, `int64`: the multiples of `step`
        from which an insert lies within the chromosome and holds nothing but A, C, G and T.
    unknown : int
        How many more there would be if other letters were allowed.

    Raises
    ------
    ValueError
        If `step` is under 1.
    """
    if step < 1:
        raise ValueError(f"the step must be at least 1 bp but is {step}")
    starts = np.arange(0, letters.size - insert_length + 1, step, dtype=np.int64)
    counts = unknown_bases_before(letters)
    known = counts[starts + insert_length] == counts[starts]
    return starts[known], int((~known).sum())


def predict_inserts(
    trained: TrainedNetwork, letters: np.ndarray, step: int, advance: Callable[[int], object] = lambda count: None
) -> tuple[dict[str, Inserts], int]:
    """Predict the inserts of a chromosome, on both strands.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    letters : numpy.ndarray
        The chromosome, upper-case ASCII codes, `uint8` (length,).
    step : int
        Distance in bp from the start of one insert to the start of the next.
    advance : callable, optional
        Called with how many inserts were predicted, every now and then.

    Returns
    -------
    inserts : dict of str to Inserts
        By strand. Those of the minus strand are predicted as reverse complements: every insert reads toward a gene on
        its strand.
    unknown : int
        How many inserts were left out because they hold a letter other than A, C, G and T, both strands together.

    Raises
    ------
    ValueError
        If `step` is under 1, or an expression is undefined.
    """
    length = trained.reporter.insert_length
    starts, unknown = insert_starts(letters, step, length)
    if not starts.size:
        return {}, 2 * unknown
    known = np.where(np.isin(letters, np.frombuffer(ALPHABET.encode(), np.uint8)), letters, np.uint8(ord("N")))
    inserts = {}
    for strand in STRANDS:
        sequence, places = known, starts
        if strand == "-":
            sequence = reverse_complement(known[np.newaxis])[0]
            places = letters.size - length - starts
        expression = np.empty(starts.size)
        for first in range(0, starts.size, _BLOCK):
            rows = slice(first, first + _BLOCK)
            expression[rows] = trained.decode(trained.tile_scores(sequence, places[rows]))
            advance(expression[rows].size)
        if np.isnan(expression).any():
            raise ValueError(
                f"the expression of the insert that starts at {starts[np.isnan(expression).argmax()]} (from 0) on "
                f"{strand} is undefined: its bucket scores cancel one another. Are the weights those of this network?"
            )
        inserts[strand] = Inserts(starts, expression)
    return inserts, 2 * unknown


def covered(starts: np.ndarray, step: int, insert_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Bases that the value of each insert covers.

    Parameters
    ----------
    starts : numpy.ndarray
        Positions of the inserts' first bases, from 0, `int64` (N,).
    step : int
        Distance in bp from one insert to the next, at least 1.
    insert_length : int
        Length of an insert in bp.

    Returns
    -------
    first, stop : numpy.ndarray
        `int64` (N,), 0-based and half-open: `step` bases, at most as many as an insert has, around the insert's
        centre, which lies between the 40th and the 41st base of 80; the odd base is on the right.
    """
    span = min(step, insert_length)
    first = starts + insert_length // 2 - span // 2
    return first, first + span


def write_tracks(
    inserts: Mapping[tuple[str, str], Inserts],
    lengths: Mapping[str, int],
    step: int,
    insert_length: int,
    prefix: str | Path,
) -> dict[str, Path]:
    """Write the tracks of both strands.

    Parameters
    ----------
    inserts : mapping of tuple of str to Inserts
        By chromosome and strand (see `predict_inserts`).
    lengths : mapping of str to int
        Length in bp of each chromosome of the genome, in the order in which the files shall have them.
    step : int
        Distance in bp from one insert to the next.
    insert_length : int
        Length of an insert in bp.
    prefix : str or Path
        The files are ``PREFIX.plus.bw`` and ``PREFIX.minus.bw``. Each appears when it is complete.

    Returns
    -------
    dict of str to Path
        The file of each strand that has inserts.

    Raises
    ------
    ValueError
        If a file could not be written.
    """
    files = {}
    for strand, word in STRANDS.items():
        if any(found == strand for _, found in inserts):
            files[strand] = Path(f"{prefix}.{word}.bw")
            with whole_file(files[strand]) as partial:
                of_strand = {
                    chromosome: (*covered(some.starts, step, insert_length), some.expression)
                    for chromosome in lengths
                    if (some := inserts.get((chromosome, strand))) is not None
                }
                _library().open(str(partial), "w").write(dict(lengths), _values(of_strand))
                _check_written(partial, files[strand], of_strand, lengths)
    return files


def _check_written(partial: Path, final: Path, inserts: Mapping[str, tuple], lengths: Mapping[str, int]) -> None:
    """Read a track back: the library prints what goes wrong while it writes, and raises nothing."""
    for chromosome, (first, stop, expression) in inserts.items():
        wanted = np.full(lengths[chromosome], np.nan)
        for offset in range(int(stop[0] - first[0])):
            wanted[first + offset] = expression.astype(np.float32)
        if not np.array_equal(read_track(partial, chromosome, 0, wanted.size), wanted, equal_nan=True):
            raise ValueError(f"{final}: could not be written: the values of {chromosome} are not those put in")


def _values(inserts: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Iterator[tuple]:
    for chromosome, (first, stop, expression) in inserts.items():
        yield from zip([chromosome] * first.size, first.tolist(), stop.tolist(), expression.tolist(), strict=True)


def read_track(path: str | Path, chromosome: str, start: int, stop: int) -> np.ndarray:
    """Read part of a track.

    Parameters
    ----------
    path : str or Path
        bigWig file.
    chromosome : str
        Name of a chromosome; ``chrII`` finds ``II`` and the other way round.
    start, stop : int
        Interval, 0-based and half-open.

    Returns
    -------
    numpy.ndarray
        Value at each base, `float64` (stop - start,); NaN where there is none.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a bigWig file, or does not have the interval.
    """
    file = _open(path)
    lengths = file.chroms()
    name = ChromosomeNames(lengths).find(chromosome)
    if name is None:
        raise ValueError(f"{path}: has no chromosome {chromosome}; it has {', '.join(list(lengths)[:20])}")
    if not 0 <= start < stop <= lengths[name]:
        raise ValueError(f"{path}: chromosome {name} has {lengths[name]:,} bp, which do not hold {start:,} to {stop:,}")
    return np.asarray(file.values(name, start, stop, fillna=np.nan), dtype=np.float64)


def track_lengths(path: str | Path) -> dict[str, int]:
    """Read which chromosomes a track has.

    Parameters
    ----------
    path : str or Path
        bigWig file.

    Returns
    -------
    dict of str to int
        Length in bp of each chromosome that has values.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a bigWig file.
    """
    return _open(path).chroms()


def _open(path: str | Path) -> Any:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    library = _library()
    try:
        return library.open(str(path))
    except (library.BBIReadError, ValueError) as error:
        raise ValueError(f"{path}: is not a bigWig file ({error})") from None


def _library() -> Any:
    require("tracks")
    import pybigtools

    return pybigtools
