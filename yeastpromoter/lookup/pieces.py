"""Bucket scores of constructs that have pieces in common, each distinct piece computed once.

The outputs of the last convolution for 21 bases do not depend on where in a construct these are, as long as that is an
even position. So constructs are cut into overlapping pieces of a few outputs each: some of the same piece at another
place, as in windows of a genome that are ten bases apart, or with another base elsewhere, as in the alleles of a
variant, share it. Only the dense layers are computed for each construct.

Nothing is approximated: the scores are those of the whole constructs up to rounding.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.lookup.tables import POOL
from yeastpromoter.lookup.threads import Buffers

if TYPE_CHECKING:
    from yeastpromoter.lookup.network import LookupNetwork

#: Outputs of the first piece, which sees the left adapter, and of those after it: windows at a distance of ten bases
#: share pieces of five.
_FIRST, _OUTPUTS = 9, 5

#: Pieces and constructs that a thread computes together.
_PIECES, _CONSTRUCTS = 128, 64


def score_in_pieces(network: LookupNetwork, codes: np.ndarray) -> np.ndarray:
    """Score constructs that have pieces in common.

    Parameters
    ----------
    network : LookupNetwork
        The network.
    codes : numpy.ndarray
        `yeastpromoter.lookup.tables.CODES` of the bases that the network reads, `uint8` (N, bases).

    Returns
    -------
    numpy.ndarray
        Bucket scores, (N, 18), in the network's dtype.
    """
    n = len(codes)
    pieces: list[tuple[slice, np.ndarray, np.ndarray]] = []
    for size, starts in _cut(network.positions).items():
        length = network.field + POOL * (size - 1)
        keys = np.stack([codes[:, POOL * start : POOL * start + length] for start in starts], axis=1)
        distinct, inverse = np.unique(keys.reshape(-1).view(f"V{length}"), return_inverse=True)
        outputs = _outputs(network, distinct.view(np.uint8).reshape(-1, length), size)
        for start, rows in zip(starts, inverse.reshape(n, len(starts)).T, strict=True):
            pieces.append((slice(start, start + size), outputs, rows))
    scores = np.empty((n, network.n_scores), dtype=network.dtype)

    def finish(start: int, buffers: Buffers) -> None:
        some = slice(start, min(start + _CONSTRUCTS, n))
        outputs = network.room_for_outputs(some.stop - start, buffers)
        for place, of_pieces, rows in pieces:
            outputs[:, place] = of_pieces[rows[some]]
        scores[some] = network.scores_of(network.dense_sums(outputs))

    network.threads.share(finish, range(0, n, _CONSTRUCTS))
    return scores


def _cut(positions: int) -> dict[int, list[int]]:
    """Cut outputs into pieces: where those of each size start. The last piece takes in what is left.

    Sizes are odd, where that can be: the convolution before then gives its even number of outputs in pairs.
    """
    edges = [0, *range(min(_FIRST, positions), positions - _OUTPUTS + 1, _OUTPUTS)]
    cut: dict[int, list[int]] = {}
    for start, stop in pairwise([*edges, positions]):
        begin = start - (start > 0 and (stop - start) % 2 == 0)
        cut.setdefault(stop - begin, []).append(begin)
    return cut


def _outputs(network: LookupNetwork, pieces: np.ndarray, size: int) -> np.ndarray:
    """Outputs of the last convolution for pieces, codes (P, length) to (P, size, channels)."""
    outputs = np.empty((len(pieces), size, len(network.convolutions[-1].bias)), dtype=network.dtype)

    def work(start: int, buffers: Buffers) -> None:
        rows = slice(start, start + _PIECES)
        outputs[rows] = network.outputs(pieces[rows].astype(np.intp), buffers)

    network.threads.share(work, range(0, len(pieces), _PIECES))
    return outputs
