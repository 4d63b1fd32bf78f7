"""Tracks of predicted expression along a genome, as bigWig files, one for each strand.

The value of an insert stands at its centre: it covers as many bases around the centre as the inserts are apart, at
most the 80 of the insert, so that the values of neighbouring inserts meet and never overlap. Where there is no insert
there is no value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yeastpromoter.extras import require
from yeastpromoter.genomewide.shards import ID
from yeastpromoter.genomewide.tiling import STRANDS
from yeastpromoter.io.genome import ChromosomeNames
from yeastpromoter.io.prediction_tables import read_columns
from yeastpromoter.io.whole_files import whole_file
from yeastpromoter.sequence.construct import INSERT_LENGTH

EXPRESSION = "preds/expression"

_ID_PARTS = r"\A(?P<chromosome>.+):(?P<start>[0-9]{1,12})-(?P<stop>[0-9]{1,12}):(?P<strand>[+-])\Z"


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


def read_inserts(path: str | Path) -> dict[tuple[str, str], Inserts]:
    """Read the predictions of the inserts of a genome.

    Parameters
    ----------
    path : str or Path
        Table of ``kipoi predict --keep_metadata``, separated by tabs, with ids as
        `yeastpromoter.genomewide.tiling.insert_id` makes them.

    Returns
    -------
    dict of tuple of str to Inserts
        By chromosome and strand.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the table is not whole (see `yeastpromoter.io.prediction_tables.read_columns`) or has no rows, an id is not
        that of an insert of 80 bp, an insert occurs twice, or an expression is not a finite number.
    """
    import pandas as pd

    table = read_columns(path, [ID], [EXPRESSION])
    if not table[ID]:
        raise ValueError(f"{path}: has no rows, so that there is nothing to draw tracks of")
    parts = pd.Series(table[ID]).str.extract(_ID_PARTS)
    wrong = parts["chromosome"].isna()
    if not wrong.any():
        parts = parts.astype({"start": np.int64, "stop": np.int64})
        wrong = parts["stop"] - parts["start"] != INSERT_LENGTH
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{path}: line {row + 2:,} has the id {table[ID][row][:80]!r}, but must have that of an insert of a "
            "genome, such as II:278600-278680:+ (0-based, half-open, 80 bp). Did `python -m yeastpromoter tile-genome` "
            "make them?"
        )
    parts["expression"] = table[EXPRESSION]
    inserts = {}
    for (chromosome, strand), rows in parts.groupby(["chromosome", "strand"], sort=False):
        rows = rows.sort_values("start", kind="stable")
        starts = rows["start"].to_numpy()
        if (np.diff(starts) == 0).any():
            start = int(starts[1:][np.diff(starts) == 0][0])
            raise ValueError(f"{path}: the insert of {chromosome} that starts at {start} on {strand} occurs twice")
        inserts[chromosome, strand] = Inserts(starts, rows["expression"].to_numpy())
    return inserts


def covered(starts: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Bases that the value of each insert covers.

    Parameters
    ----------
    starts : numpy.ndarray
        Positions of the inserts' first bases, from 0, `int64` (N,).
    step : int
        Distance in bp from one insert to the next, at least 1.

    Returns
    -------
    first, stop : numpy.ndarray
        `int64` (N,), 0-based and half-open: `step` bases, at most 80, around the insert's centre, which lies between
        its 40th and its 41st base; the odd base is on the right.
    """
    span = min(step, INSERT_LENGTH)
    first = starts + INSERT_LENGTH // 2 - span // 2
    return first, first + span


def write_tracks(
    inserts: Mapping[tuple[str, str], Inserts], lengths: Mapping[str, int], step: int, prefix: str | Path
) -> dict[str, Path]:
    """Write the tracks of both strands.

    Parameters
    ----------
    inserts : mapping of tuple of str to Inserts
        By chromosome and strand (see `read_inserts`).
    lengths : mapping of str to int
        Length in bp of each chromosome of the genome, in the order in which the files shall have them.
    step : int
        Distance in bp from one insert to the next.
    prefix : str or Path
        The files are ``PREFIX.plus.bw`` and ``PREFIX.minus.bw``. Each appears when it is complete.

    Returns
    -------
    dict of str to Path
        The file of each strand that has inserts.

    Raises
    ------
    ValueError
        If there are inserts that do not fit the chromosomes, or are not multiples of `step` apart, or if even the
        nearest ones are so much further apart that bases between them would have no value.
    """
    if step < 1:
        raise ValueError(f"the step must be at least 1 bp but is {step}")
    for (chromosome, strand), some in inserts.items():
        length = lengths.get(chromosome)
        if length is None:
            raise ValueError(f"the genome has no chromosome {chromosome}; it has {', '.join(list(lengths)[:20])}")
        if some.starts[-1] + INSERT_LENGTH > length:
            raise ValueError(
                f"an insert of the predictions ends at {some.starts[-1] + INSERT_LENGTH:,}, but chromosome "
                f"{chromosome} of the genome at {length:,}: is it the genome that they are of?"
            )
        apart = np.diff(some.starts) % step
        if apart.any():
            at = int(np.argmax(apart > 0))
            raise ValueError(
                f"the step is {step} bp, but inserts of {chromosome} on {strand} start at {some.starts[at]:,} and "
                f"{some.starts[at + 1]:,}: give the step that they were cut with"
            )
    # Some are further apart, where an insert between them was left out; hardly ever all of them.
    nearest = min((int(np.diff(some.starts).min()) for some in inserts.values() if some.starts.size > 1), default=step)
    if step < min(nearest, INSERT_LENGTH):
        raise ValueError(
            f"the step is {step} bp, but no two inserts are less than {nearest:,} bp apart, so that bases between "
            f"them would have no value: give the step that they were cut with, which is probably {nearest}"
        )
    files = {}
    for strand, word in STRANDS.items():
        if any(found == strand for _, found in inserts):
            files[strand] = Path(f"{prefix}.{word}.bw")
            with whole_file(files[strand]) as partial:
                _library().open(str(partial), "w").write(dict(lengths), _values(inserts, lengths, strand, step))
                _check_written(partial, files[strand], inserts, lengths, strand, step)
    return files


def _check_written(partial: Path, final: Path, inserts: Mapping, lengths: Mapping, strand: str, step: int) -> None:
    """Read a track back: the library prints what goes wrong while it writes, and raises nothing."""
    for (chromosome, of_strand), some in inserts.items():
        if of_strand == strand:
            first, stop = covered(some.starts, step)
            wanted = np.full(lengths[chromosome], np.nan)
            for offset in range(int(stop[0] - first[0])):
                wanted[first + offset] = some.expression.astype(np.float32)
            if not np.array_equal(read_track(partial, chromosome, 0, wanted.size), wanted, equal_nan=True):
                raise ValueError(f"{final}: could not be written: the values of {chromosome} are not those put in")


def _values(inserts: Mapping, lengths: Mapping[str, int], strand: str, step: int) -> Iterator[tuple]:
    for chromosome in lengths:
        if (chromosome, strand) in inserts:
            some = inserts[chromosome, strand]
            first, stop = covered(some.starts, step)
            yield from zip(
                [chromosome] * first.size, first.tolist(), stop.tolist(), some.expression.tolist(), strict=True
            )


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
        If it is no bigWig file, or does not have the interval.
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
        If it is no bigWig file.
    """
    return _open(path).chroms()


def _open(path: str | Path) -> Any:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    library = _library()
    try:
        return library.open(str(path))
    except (library.BBIReadError, ValueError) as error:
        raise ValueError(f"{path}: is no bigWig file ({error})") from None


def _library() -> Any:
    require("tracks")
    import pybigtools

    return pybigtools
