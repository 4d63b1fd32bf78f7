"""Longer promoters as rows of inserts: where the tiles are, which are as long as an insert, and what can be scanned."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.sequence.adapters import hold_adapters
from yeastpromoter.sequence.construct_rules import Counted, upper_case
from yeastpromoter.sequence.reporter import Reporter


def tile_starts(length: int, step: int, tile: int) -> np.ndarray:
    """Place the tiles of a sequence.

    Parameters
    ----------
    length : int
        Length of the sequence in bp, at least that of a tile.
    step : int
        Distance in bp from the start of one tile to the start of the next, at least 1.
    tile : int
        Length of a tile in bp, that of an insert.

    Returns
    -------
    numpy.ndarray
        Positions of the first bases of the tiles, from 0, ascending, `int64`: the multiples of `step` from which a
        tile lies within the sequence, and the start of the last tile, so that every base is in a tile.

    Raises
    ------
    ValueError
        If the sequence is shorter than a tile, or `step` is under 1.
    """
    if step < 1:
        raise ValueError(f"{argument('step')} must be at least 1 bp but is {step}")
    last = length - tile
    if last < 0:
        raise ValueError(f"a sequence of {length} bp cannot be scanned: a tile has {tile} bp")
    starts = np.arange(0, last + 1, step, dtype=np.int64)
    return starts if starts[-1] == last else np.append(starts, last)


class PromoterRules:
    """Which sequences of a file can be scanned: those that are as long as a tile and not constructs.

    It is used as `yeastpromoter.sequence.construct_rules.ConstructRules` is.

    Parameters
    ----------
    reporter : Reporter
        The reporter: a tile is as long as its insert.
    check_adapters : bool
        Whether a sequence with the adapters of a construct is an error.
    """

    drops = False
    n_dropped = n_fitted = 0

    def __init__(self, reporter: Reporter, check_adapters: bool) -> None:
        self._reporter = reporter
        self._check_adapters = check_adapters and reporter.has_adapters
        self._short, self._whole = Counted(), Counted()

    def look_at(self, joined: np.ndarray, lengths: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
        """Look at some sequences, as `ConstructRules.look_at`; all of them are taken."""
        long = lengths >= self._reporter.insert_length
        self._short.add(np.flatnonzero(~long), name)
        rows = np.flatnonzero(long)
        if self._check_adapters and rows.size:
            end = self._reporter.end_length
            index = np.arange(end)
            stops = np.cumsum(lengths)[rows, np.newaxis]
            starts = stops - lengths[rows, np.newaxis]
            ends = (upper_case(joined[starts + index]), upper_case(joined[stops - end + index]))
            self._whole.add(rows[hold_adapters(self._reporter, *ends)], name)
        return np.ones(lengths.size, dtype=bool)

    def finish(self, path: str, n: int, hint: str = "") -> None:
        """Refuse the file if a sequence cannot be scanned.

        Raises
        ------
        ValueError
            If a sequence is shorter than a tile, or is a construct and `check_adapters` is true.
        """
        if self._short.count:
            raise ValueError(
                f"{path}: {self._short.count:,} of {n:,} sequences are shorter than {self._reporter.insert_length} "
                f"bp, the length of a tile, and cannot be scanned: {self._short}.{hint * (self._short.count == n)}"
            )
        if self._whole.count:
            raise ValueError(
                f"{path}: {self._whole.count:,} of {n:,} sequences are constructs, with adapters, whose tiles would "
                f"hold parts of the adapters: {self._whole}. Predict them without {argument('scan')}, or take the "
                f"adapters off. To scan them all the same: {argument('check_adapters', False)}"
            )

    def notes(self, path: str, n: int) -> Iterator[str]:
        """Nothing needs to be said of the sequences."""
        yield from ()
