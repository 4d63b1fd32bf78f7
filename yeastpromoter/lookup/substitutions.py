"""Bucket scores of constructs with one base replaced, where only what the base reaches is computed again.

A base reaches 14 positions of the second convolution, 7 or 8 of the pooling, and one or two more with each convolution
after it. Up to the pooling these positions are looked up. What is carried on is the difference from the unchanged
construct: a convolution, and the first dense layer, turn a difference into a difference, so that positions out of reach
do not enter at all. From the second dense layer on everything has changed and is computed as usual.

Nothing is approximated: the scores are those of the whole construct up to rounding.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from yeastpromoter.lookup.layers import Convolution
from yeastpromoter.lookup.tables import POOL
from yeastpromoter.lookup.threads import Buffers

if TYPE_CHECKING:
    from yeastpromoter.lookup.network import LookupNetwork

#: Replaced bases that a thread computes together, about: fewer make the matrix products slow, more do not fit the
#: caches (by benchmarks/saturation_speed.py).
ROWS = 384

#: About as many replaced bases does a thread take on at a time, of this many constructs at most, whose layers it keeps.
_PIECE = 7680
_CONSTRUCTS = 96

#: Unchanged constructs that a thread computes together.
_REFERRED = 16


class _Stretch(NamedTuple):
    """Positions of a layer's output, one after the other."""

    start: int
    stop: int


class _Reference(NamedTuple):
    """What the layers make of unchanged constructs, (N, positions, channels) each."""

    pooled: np.ndarray
    sums: list[np.ndarray]
    outputs: list[np.ndarray]
    #: Sums of the first dense layer, (N, 300).
    dense: np.ndarray


def score_substitutions(
    network: LookupNetwork, codes: np.ndarray, positions: range, bases: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Score constructs, and each of them with one base replaced.

    Parameters
    ----------
    network : LookupNetwork
        The network.
    codes : numpy.ndarray
        `yeastpromoter.lookup.tables.CODES` of the bases that the network reads, `intp` (N, bases).
    positions : range
        The P positions at which bases are replaced, from 0.
    bases : numpy.ndarray
        Codes of what stands there instead, `intp` (N, P, A).

    Returns
    -------
    reference, substituted : numpy.ndarray
        Bucket scores, (N, 18) and (N, P, A, 18).
    """
    n, n_positions, n_bases = bases.shape
    scores = np.empty((n, network.n_scores), dtype=network.dtype)
    substituted = np.empty((*bases.shape, network.n_scores), dtype=network.dtype)

    def work(piece: tuple[slice, range], buffers: Buffers) -> None:
        some, indices = piece
        reference = _refer(network, codes[some], buffers)
        scores[some] = network.scores_of(reference.dense.copy())
        substituted[some, indices.start : indices.stop] = scores[some, np.newaxis, np.newaxis]
        for block in _blocks(network, positions, indices, max(1, ROWS // (len(reference.dense) * max(1, n_bases)))):
            new = bases[some, block].swapaxes(0, 1)
            found = _score(network, codes[some], reference, [positions[index] for index in block], new, buffers)
            substituted[some, block] = found.swapaxes(0, 1)

    threads = network.threads.count
    at_once = min(_CONSTRUCTS, -(-_PIECE // max(1, n_positions * n_bases)))
    rounds = -(-n // (at_once * threads))
    at_once = max(1, -(-n // max(1, rounds * threads)))
    # Of fewer constructs than there are threads, each takes some of the positions.
    width = max(1, -(-n_positions // max(1, threads // max(1, n))))
    constructs = [slice(start, start + at_once) for start in range(0, n, at_once)]
    indices = [range(start, min(start + width, n_positions)) for start in range(0, max(1, n_positions), width)]
    network.threads.share(work, list(product(constructs, indices)))
    return scores, substituted


def _reach(network: LookupNetwork, position: int) -> list[_Stretch]:
    """Positions of the pooling and of each convolution after it that a base reaches."""
    length = (network.bases_read - network.tables.field + 1) // POOL
    start = max(0, position - network.tables.field + 1) // POOL
    stop = min(position // POOL + 1, length)
    stretches = [_Stretch(start, stop)]
    for convolution in network.convolutions:
        length -= convolution.taps - 1
        start, stop = max(0, start - convolution.taps + 1), min(stop, length)
        stretches.append(_Stretch(start, stop))
    return stretches


def _blocks(network: LookupNetwork, positions: range, indices: range, size: int) -> list[list[int]]:
    """Indices of positions in blocks of a size at most, those together whose stretches lie in the same way.

    Positions that reach nothing are left out: the last base, say, where the pooling leaves a position out.
    """
    alike: dict[tuple, list[int]] = {}
    for index in indices:
        stretches = _reach(network, positions[index])
        start = stretches[0].start
        if start < stretches[0].stop:
            lie = tuple((stretch.start - start, stretch.stop - start) for stretch in stretches)
            alike.setdefault((positions[index] - POOL * start, *lie), []).append(index)
    return [group[start : start + size] for group in alike.values() for start in range(0, len(group), size)]


def _refer(network: LookupNetwork, codes: np.ndarray, buffers: Buffers) -> _Reference:
    """Compute all layers of unchanged constructs, codes (N, L)."""
    n = len(codes)
    length = (network.bases_read - network.tables.field + 1) // POOL
    pooled = buffers("reference", n, length, len(network.tables.signs))
    sums, outputs = [], []
    for convolution in network.convolutions:
        length -= convolution.taps - 1
        for arrays, name in ((sums, "sums"), (outputs, "outputs")):
            arrays.append(buffers(f"reference {name} {convolution.name}", n, length, len(convolution.bias)))
    for start in range(0, n, _REFERRED):
        rows = slice(start, start + _REFERRED)
        x = pooled[rows]
        x[...] = network.tables.pooled(network.tables.find(codes[rows]), buffers)
        for convolution, before, after in zip(network.convolutions, sums, outputs, strict=True):
            before[rows] = convolution.sums(x, buffers)
            x = after[rows]
            x[...] = before[rows]
            convolution.finish(x)
    return _Reference(pooled, sums, outputs, network.dense_sums(outputs[-1]))


def _score(
    network: LookupNetwork,
    codes: np.ndarray,
    reference: _Reference,
    positions: list[int],
    new: np.ndarray,
    buffers: Buffers,
) -> np.ndarray:
    """Score bases `new`, codes (P, N, A), at some positions that lie alike: (P, N, A, 18)."""
    stretches = list(zip(*(_reach(network, position) for position in positions), strict=True))
    first = POOL * stretches[0][0].start
    bases = _Stretch(first, POOL * stretches[0][0].stop + network.tables.field - 1)
    moved = np.array(positions) - positions[0]

    def windows(values: np.ndarray, stretch: _Stretch, steps: np.ndarray) -> np.ndarray:
        """Values (N, positions, ...) in a stretch that moves on with the replaced base: (P, N, 1, width, ...)."""
        places = steps[:, np.newaxis] + np.arange(*stretch)
        return values[:, places].swapaxes(0, 1)[:, :, np.newaxis]

    changed = np.repeat(windows(codes, bases, moved), new.shape[2], axis=2)
    changed[..., positions[0] - first] = new
    x = network.tables.pooled(network.tables.find(changed.reshape(-1, changed.shape[-1])), buffers)
    steps = moved // POOL
    by_change = x.reshape(*new.shape, *x.shape[1:])
    by_change -= windows(reference.pooled, stretches[0][0], steps)
    for number, convolution in enumerate(network.convolutions):
        before, after = stretches[number][0], stretches[number + 1][0]
        sums = buffers(convolution.name, len(x), after.stop - after.start, len(convolution.bias))
        _convolve(convolution, x, after.start - before.start, sums)
        by_change = sums.reshape(*new.shape, *sums.shape[1:])
        by_change += windows(reference.sums[number], after, steps)
        convolution.finish(sums)
        by_change -= windows(reference.outputs[number], after, steps)
        x = sums
    kernel, bias = network.dense[0]
    dense = buffers("dense", len(positions), new[0].size, len(bias))
    for rows, out, stretch in zip(x.reshape(len(positions), new[0].size, -1), dense, stretches[-1], strict=True):
        np.matmul(rows, kernel[stretch.start * x.shape[2] : stretch.stop * x.shape[2]], out=out)
    dense = dense.reshape(*new.shape, -1)
    dense += reference.dense[:, np.newaxis]
    return network.scores_of(dense.reshape(-1, len(bias))).reshape(*new.shape, -1)


def _convolve(convolution: Convolution, x: np.ndarray, first: int, out: np.ndarray) -> None:
    """Convolve differences, (rows, width, channels in), that are 0 to both sides, into (rows, outputs, channels out).

    The first output begins `first` positions after the first difference, or before it if that is negative.
    """
    width = x.shape[1]
    for number in range(out.shape[1]):
        begin = first + number
        seen = slice(max(0, begin), min(width, begin + convolution.taps))
        kernel = convolution.kernel[seen.start - begin : seen.stop - begin].reshape(-1, out.shape[2])
        np.matmul(x[:, seen].reshape(len(x), -1), kernel, out=out[:, number])
