"""Bucket scores of the tiles of a long sequence, where what neighbouring tiles share is computed once.

A tile stands between the adapters. The last convolution sees 21 bases of the construct: at 9 positions the left adapter
among them, at 6 the right one, and at 30 the tile alone. Those 30 are the same for every tile that holds these bases at
an even distance, so they are computed for a stretch of the sequence as a whole, and the others for each tile.

Nothing is approximated: the scores are those of the whole constructs up to rounding.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from yeastpromoter.lookup.tables import POOL
from yeastpromoter.lookup.threads import Buffers

if TYPE_CHECKING:
    from yeastpromoter.lookup.network import LookupNetwork

#: Tiles that a thread computes together.
TILES = 128

#: Tiles of a block on average under which tiles share too little: their constructs are computed as any others.
_FEW = 4


def score_tiles(
    network: LookupNetwork, left: np.ndarray, codes: np.ndarray, right: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Score tiles of a sequence.

    Parameters
    ----------
    network : LookupNetwork
        The network.
    left, right : numpy.ndarray
        `yeastpromoter.lookup.tables.CODES` of the adapters, `intp` (A,) and (B,).
    codes : numpy.ndarray
        Codes of the sequence, `intp` (L,).
    starts : numpy.ndarray
        Where the tiles of network.length − A − B bases start, from 0, `int64` (T,).

    Returns
    -------
    numpy.ndarray
        Bucket scores, (T, 18), in the network's dtype.
    """
    tile = network.length - len(left) - len(right)
    places = np.lexsort([starts, starts % POOL])
    ordered = starts[places]
    scores = np.empty((len(starts), network.n_scores), dtype=network.dtype)

    def constructs(starts: np.ndarray) -> np.ndarray:
        ends = (np.broadcast_to(end, (len(starts), len(end))) for end in (left, right))
        return np.concatenate([next(ends), codes[starts[:, np.newaxis] + np.arange(tile)], *ends], axis=1)

    # The positions of the last convolution that see nothing of the adapters.
    positions = network.positions
    first, stop = -(-len(left) // POOL), (len(left) + tile - network.field) // POOL + 1
    # An odd number of outputs at the right: the convolution before then has an even one, and gives them in pairs.
    stop -= stop > first and (positions - stop) % 2 == 0

    def seen(positions: slice) -> slice:
        return slice(POOL * positions.start, POOL * (positions.stop - 1) + network.field)

    def work(rows: slice, buffers: Buffers) -> None:
        some = ordered[rows]
        outputs = network.room_for_outputs(len(some), buffers)
        of_tiles = constructs(some)
        for side in (slice(0, first), slice(stop, positions)):
            outputs[:, side] = network.outputs(of_tiles[:, seen(side)], buffers)
        shared = seen(slice(first, stop))
        stretch = codes[some[0] + shared.start - len(left) : some[-1] + shared.stop - len(left)]
        along = sliding_window_view(network.outputs(stretch[np.newaxis], buffers)[0], stop - first, axis=0)
        outputs[:, first:stop] = along[(some - some[0]) // POOL].swapaxes(1, 2)
        scores[places[rows]] = network.scores_of(network.dense_sums(outputs))

    blocks = _blocks(ordered, tile, min(TILES, math.ceil(len(starts) / network.threads.count)))
    if _FEW * len(blocks) <= len(starts):
        network.threads.share(work, blocks)
    else:
        network.score(lambda rows: constructs(starts[rows])[:, : network.bases_read], scores)
    return scores


def _blocks(starts: np.ndarray, tile: int, size: int) -> list[slice]:
    """Tiles in blocks of a size at most, those together that lie at even distances and overlap."""
    apart = np.diff(starts)
    breaks = np.flatnonzero((apart % POOL != 0) | (apart < 0) | (apart >= tile)) + 1
    edges = [0, *breaks.tolist(), len(starts)]
    return [
        slice(begin, min(begin + size, stop))
        for start, stop in pairwise(edges)
        for begin in range(start, stop, max(1, size))
    ]
