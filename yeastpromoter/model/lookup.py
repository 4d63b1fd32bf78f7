"""Prediction by look-up in NumPy: the bucket scores of the network without a deep-learning framework.

The first convolution (kernel 7) with its activation and normalisation is a function of 7 bases, of which there are
4^7. The second one (kernel 8) is linear in that before its softmax. So its sums at a position are 8 rows of tables over
7-mers, added up, or 4 rows of tables over the 8-mers that hold two neighbouring 7-mers:

    sums[p] = T_0[8-mer at p] + T_1[8-mer at p + 2] + T_2[8-mer at p + 4] + T_3[8-mer at p + 6]

A softmax does not change when all its inputs get the same number. With E_i = exp(T_i − the largest number in its row),
the softmax at a position is the product of four rows divided by the sum of that product, and no exponentials are left
to take. Where the tables do not prove that no such product underflows, the sums are used.

What follows are matrix products. Each normalisation is affine for each channel and is folded into the layer after it.
Before the pooling, channels with a negative scale change their sign, so that the pooling stays a maximum.

Nothing is approximated: the scores differ from those of the network by rounding alone.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import threadpool_limits

from yeastpromoter.model.network import FIRST_ACTIVATIONS
from yeastpromoter.sequence.construct import CONSTRUCT_LENGTH
from yeastpromoter.sequence.encoding import ALPHABET, check_letters, encoding_table

#: Where Keras stores the weights of each layer in a weights file.
_STORED = {
    "conv_1": "conv1d",
    "norm_1": "batch_normalization",
    "conv_2": "conv1d_1",
    "norm_2": "batch_normalization_1",
    "conv_3": "conv1d_2",
    "norm_3": "batch_normalization_2",
    "conv_4": "conv1d_3",
    "norm_4": "batch_normalization_3",
    "dense_1": "dense",
    "dense_2": "dense_1",
    "bucket_scores": "dense_2",
}
_CONVOLUTIONS = 4

#: Positions of the second convolution that are pooled together.
_POOL = 2

#: What Keras adds to a variance before it takes the root.
_EPSILON = 1e-3

#: Constructs that a thread computes together, and how many of them at once up to the last convolution: these arrays are
#: the larger ones and have to fit into the caches.
BATCH_SIZE = 64
BLOCK_SIZE = 16

#: How far from 0 logarithms may be, by dtype: exponentials up to there neither overflow nor underflow, with a margin
#: for sums of some thousand of them.
_LARGEST_LOGARITHM = {"float32": 80.0, "float64": 700.0}

#: Code of N; those of the bases are 0 to 3.
_N = len(ALPHABET)
_ENCODED = encoding_table()[list(f"{ALPHABET}N".encode())].astype(np.float64)


def _codes() -> np.ndarray:
    codes = np.zeros(256, dtype=np.intp)
    for code, letter in enumerate(f"{ALPHABET}N"):
        codes[[ord(letter), ord(letter.lower())]] = code
    return codes


_CODES = _codes()


def read_layers(path: str | Path) -> dict[str, list[np.ndarray]]:
    """Read a weights file without Keras.

    Parameters
    ----------
    path : str or Path
        A ``.weights.h5`` of the network of `yeastpromoter.model.network.build_network`.

    Returns
    -------
    dict of str to list of numpy.ndarray
        Weights of each layer by its name, in Keras's order: kernel and bias, or gamma, beta, mean and variance.

    Raises
    ------
    ValueError
        If the file does not hold the layers of that network.
    """
    with h5py.File(path) as file:
        missing = [stored for stored in _STORED.values() if f"layers/{stored}/vars" not in file]
        if missing:
            raise ValueError(
                f"weights file {path} has no layers/{missing[0]}/vars: its weights belong to another network, or "
                "another version of Keras wrote it"
            )
        groups = {name: file[f"layers/{stored}/vars"] for name, stored in _STORED.items()}
        return {name: [group[str(index)][()] for index in range(len(group))] for name, group in groups.items()}


class LookupNetwork:
    """The trained network as tables and matrices.

    The tables of all 8-mers take about a second to make and 262 MB (float32). Few constructs get tables of the 8-mers
    that occur in them; the complete ones are made, and kept, once enough constructs came to pay for them. Several
    threads may use one object.

    Parameters
    ----------
    layers : mapping of str to sequence of numpy.ndarray
        Weights of each layer by its name, as `read_layers` reads them and ``layer.get_weights()`` of a Keras layer
        returns them.
    first_activation : {"relu", "softmax"}, optional
        Activation of the first convolution; it has to be the one that the weights were trained with.
    dtype : {"float32", "float64"}, optional
        Arithmetic.
    threads : int, optional
        Threads to compute with. Default: one for each core that this process may use.
    length : int, optional
        Length of the constructs in bp, for which `layers` were made.

    Raises
    ------
    ValueError
        If an argument is not one of those above, or if the layers do not fit one another or `length`.
    """

    def __init__(
        self,
        layers: Mapping[str, Sequence[np.ndarray]],
        first_activation: str = "relu",
        dtype: str = "float32",
        threads: int | None = None,
        length: int = CONSTRUCT_LENGTH,
    ) -> None:
        if first_activation not in FIRST_ACTIVATIONS:
            raise ValueError(
                f"first_activation must be one of {', '.join(FIRST_ACTIVATIONS)} but is {first_activation!r}"
            )
        if dtype not in _LARGEST_LOGARITHM:
            raise ValueError(f"dtype must be one of {', '.join(_LARGEST_LOGARITHM)} but is {dtype!r}")
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1 but is {threads}")
        _check_shapes(layers, length)
        self.length = length
        self.dtype = np.dtype(dtype)
        self.threads = threads or _cores()
        self._limit = _LARGEST_LOGARITHM[dtype]
        weights = {name: [np.asarray(array, dtype=np.float64) for array in layers[name]] for name in _STORED}
        self._first, self._second = weights["conv_1"], weights["conv_2"]
        self._first_activation = first_activation
        self._first_scale, self._first_shift = _scale_and_shift(weights["norm_1"])
        #: Bases that a row of the tables stands for, and that a position of the second convolution sees.
        self._word = len(self._first[0]) + 1
        self._taps = len(self._second[0])
        self._pooled = (length - self._word - self._taps + 3) // _POOL
        self._fold(weights)
        self._lock = threading.Lock()
        self._looked_up = 0
        self._complete: _Tables | None = None

    def _fold(self, weights: Mapping[str, list[np.ndarray]]) -> None:
        """Fold each normalisation into the layer after it."""
        scale, shift = _scale_and_shift(weights["norm_2"])
        self._signs = np.where(scale < 0, -1, 1).astype(self.dtype)
        # The pooling takes the larger of two outputs of a softmax, so what it gives sums to 2 at most.
        self._third = self._folded("conv_3", weights["conv_3"], np.abs(scale), shift, largest_sum=_POOL)
        self._fourth = self._folded("conv_4", weights["conv_4"], *_scale_and_shift(weights["norm_3"]), largest_sum=1)
        scale, shift = _scale_and_shift(weights["norm_4"])
        kernel, bias = weights["dense_1"]
        by_position = kernel.reshape(-1, len(scale), kernel.shape[1])
        first = [(scale[:, np.newaxis] * by_position).reshape(kernel.shape), bias + (shift @ by_position).sum(axis=0)]
        self._dense = [
            [array.astype(self.dtype) for array in layer]
            for layer in (first, weights["dense_2"], weights["bucket_scores"])
        ]

    def _folded(
        self, name: str, layer: Sequence[np.ndarray], scale: np.ndarray, shift: np.ndarray, largest_sum: float
    ) -> _Convolution:
        """Fold a normalisation into the convolution after it.

        The absolute values of what is normalised sum to `largest_sum` at most at each position.
        """
        kernel, bias = layer
        bias = bias + (shift @ kernel).sum(axis=0)
        kernel = scale[:, np.newaxis] * kernel
        largest = np.abs(bias) + largest_sum * np.abs(kernel).max(axis=1).sum(axis=0)
        return _Convolution(
            name=name,
            taps=len(kernel),
            kernel=kernel.reshape(-1, kernel.shape[2]).astype(self.dtype),
            bias=bias.astype(self.dtype),
            bounded=bool(largest.max() < self._limit),
        )

    def bucket_scores(self, letters: np.ndarray) -> np.ndarray:
        """Predict the bucket scores of constructs.

        Parameters
        ----------
        letters : numpy.ndarray
            ASCII letters of the constructs, A, C, G, T and N (0.25 of each base) in either case, `uint8` (N, L).

        Returns
        -------
        numpy.ndarray
            (N, 18), in the dtype of the arithmetic.

        Raises
        ------
        ValueError
            If `letters` has another dtype or shape, or holds another letter.
        """
        letters = np.asarray(letters)
        if letters.dtype != np.uint8 or letters.ndim != 2 or letters.shape[1] != self.length:
            raise ValueError(
                f"letters have dtype {letters.dtype} and shape {letters.shape} but must be the ASCII codes of "
                f"constructs, uint8 (N, {self.length})"
            )
        check_letters(letters)
        scores = np.empty((len(letters), len(self._dense[-1][1])), dtype=self.dtype)
        if not len(letters):
            return scores
        batch_size = min(BATCH_SIZE, math.ceil(len(letters) / self.threads))
        starts = range(0, len(letters), batch_size)

        def work(complete: _Tables | None, remaining: Iterator[int]) -> None:
            buffers = _Buffers(self.dtype)
            for start in remaining:
                rows = slice(start, start + batch_size)
                scores[rows] = self._scores(_CODES[letters[rows]], complete, buffers)

        # Each thread has batches of its own, so BLAS must not start further threads.
        with _ONE_BLAS_THREAD:
            complete = self._complete_if_it_pays(len(letters) * self._windows)
            self._in_threads(partial(work, complete), [iter(starts)] * min(self.threads, len(starts)))
        return scores

    @property
    def _windows(self) -> int:
        """Words of a construct that are looked up."""
        return _POOL * self._pooled + self._taps - 2

    def _in_threads(self, function: Callable, arguments: Sequence) -> list:
        if self.threads == 1 or len(arguments) == 1:
            return [function(argument) for argument in arguments]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(function, arguments))

    def _complete_if_it_pays(self, windows: int) -> _Tables | None:
        """Return the tables of all words once they cost no more than what was looked up without them."""
        with self._lock:
            self._looked_up += windows
            # Neighbouring words share a 7-mer, so all of them take a quarter of the products that as many single ones
            # take, but as many exponentials: about half of the time.
            if self._complete is None and 2 * self._looked_up >= len(ALPHABET) ** self._word:
                every = np.indices((len(ALPHABET),) * self._word).reshape(self._word, -1).T
                complete = self._tables(every, self._in_threads)
                complete.use_products(self._limit)
                self._complete = complete
            return self._complete

    def _scores(self, codes: np.ndarray, complete: _Tables | None, buffers: _Buffers) -> np.ndarray:
        """Bucket scores of a batch, codes (N, L) to (N, 18)."""
        tables, others, index = self._look_up(codes, complete)
        x = buffers("flat", len(codes), len(self._dense[0][0]))
        for start in range(0, len(codes), BLOCK_SIZE):
            block = slice(start, start + BLOCK_SIZE)
            pooled = self._pooled_softmax(tables, others, index[block], buffers)
            outputs = self._fourth(self._third(pooled, buffers), buffers)
            x[block] = outputs.reshape(len(outputs), -1)
        for kernel, bias in self._dense[:-1]:
            x = x @ kernel
            x += bias
            # The sigmoid of x is (1 + tanh(x / 2)) / 2, which does not overflow.
            x *= 0.5
            np.tanh(x, out=x)
            x += 1
            x *= 0.5
        kernel, bias = self._dense[-1]
        return x @ kernel + bias

    def _look_up(self, codes: np.ndarray, complete: _Tables | None) -> tuple[_Tables, _Tables | None, np.ndarray]:
        """Find the rows of a batch, codes (N, L).

        Returns tables, further tables for words with N, and the row of each word, `intp` (N, words). Rows of the
        further tables are counted on from those of the first.
        """
        words = sliding_window_view(codes, self._word, axis=1)[:, : self._windows]
        if complete is not None:
            index = words @ _place_values(len(ALPHABET), self._word)
            with_n = (words == _N).any(axis=2)
            if not with_n.any():
                return complete, None, index
            others, rows = self._tables_of_distinct(words[with_n])
            if complete.are_products:
                others.use_products(self._limit, complete.smallest)
            if others.are_products == complete.are_products:
                index[with_n] = complete.size + rows
                return complete, others, index
        tables, rows = self._tables_of_distinct(words.reshape(-1, self._word))
        tables.use_products(self._limit)
        return tables, None, rows.reshape(words.shape[:2])

    def _tables_of_distinct(self, words: np.ndarray) -> tuple[_Tables, np.ndarray]:
        """Tables of the distinct ones among words, codes (M, 8), and the row of each word, (M,)."""
        values = _place_values(len(_ENCODED), self._word)
        distinct, rows = np.unique(words @ values, return_inverse=True)
        return self._tables(distinct[:, np.newaxis] // values % len(_ENCODED)), rows

    def _tables(self, words: np.ndarray, run: Callable = map) -> _Tables:
        """Tables of some words, codes (M, 8), as logarithms. `run` calls a function on each item of a sequence."""
        values = _place_values(len(_ENCODED), self._word - 1)
        distinct, index = np.unique(
            np.concatenate([words[:, :-1] @ values, words[:, 1:] @ values]), return_inverse=True
        )
        outputs = self._first_layers(distinct[:, np.newaxis] // values % len(_ENCODED)).astype(self.dtype)
        left, right = index.reshape(2, -1)
        kernel, bias = (array.astype(self.dtype) for array in self._second)

        def table(tap: int) -> np.ndarray:
            rows = (outputs @ kernel[tap])[left]
            rows += (outputs @ kernel[tap + 1])[right]
            if not tap:
                rows += bias
            rows -= rows.max(axis=1, keepdims=True)
            return rows

        return _Tables(list(run(table, range(0, self._taps, 2))), self._signs)

    def _first_layers(self, words: np.ndarray) -> np.ndarray:
        """Outputs of norm_1 for some 7-mers, codes (M, 7) to `float64` (M, 250)."""
        kernel, bias = self._first
        x = _ENCODED[words].reshape(len(words), -1) @ kernel.reshape(-1, kernel.shape[2]) + bias
        if self._first_activation == "relu":
            np.maximum(x, 0, out=x)
        else:
            _softmax(x)
        return x * self._first_scale + self._first_shift

    def _pooled_softmax(
        self, tables: _Tables, others: _Tables | None, index: np.ndarray, buffers: _Buffers
    ) -> np.ndarray:
        """Softmax of the second convolution, times the signs, pooled: rows (N, words) to (N, positions, 250)."""
        positions = _POOL * self._pooled
        shape = len(index) * positions, len(self._signs)
        x, rows = buffers("softmax", *shape), buffers("rows", *shape)
        for pair in range(len(tables.rows)):
            out = rows if pair else x
            tables.take(pair, index[:, 2 * pair : 2 * pair + positions].ravel(), out, others)
            if pair and tables.are_products:
                x *= rows
            elif pair:
                x += rows
        if not tables.are_products:
            x -= x.max(axis=1, keepdims=True)
            np.exp(x, out=x)
            x *= self._signs
        x *= np.reciprocal(x @ self._signs)[:, np.newaxis]
        x = x.reshape(len(index), self._pooled, _POOL, -1)
        pooled = buffers("pooled", len(index), self._pooled, len(self._signs))
        return np.maximum(x[:, :, 0], x[:, :, 1], out=pooled)


class _Tables:
    """Tables over some words, one for each pair of taps of the second convolution.

    Their rows are logarithms, less the largest of the row, to be added up; or, after `use_products`, exponentials to be
    multiplied. Those of the first table have the signs of the channels then.
    """

    def __init__(self, rows: list[np.ndarray], signs: np.ndarray) -> None:
        self.rows = rows
        self.size = len(rows[0])
        self.are_products = False
        #: Smallest logarithm in each table.
        self.smallest = np.array([table.min() for table in rows])
        self._signs = signs

    def use_products(self, limit: float, others: np.ndarray | float = 0.0) -> None:
        """Take the exponentials if no product of rows, or of rows of other tables, can underflow.

        `limit` is how far below 0 a logarithm may be, `others` the smallest logarithms of the other tables.
        """
        self.are_products = bool(np.minimum(self.smallest, others).sum() > -limit)
        if self.are_products:
            for table in self.rows:
                np.exp(table, out=table)
            self.rows[0] *= self._signs

    def take(self, pair: int, index: np.ndarray, out: np.ndarray, others: _Tables | None) -> None:
        """Copy rows of a table. Those from `size` on are of the other tables."""
        # Unlike the default, "clip" writes into `out` without another copy.
        np.take(self.rows[pair], index, axis=0, out=out, mode="clip")
        if others is not None:
            places = np.flatnonzero(index >= self.size)
            out[places] = others.rows[pair][index[places] - self.size]


@dataclass(eq=False)
class _Convolution:
    """A convolution and its softmax."""

    name: str
    taps: int
    kernel: np.ndarray  # (taps * channels in, channels out)
    bias: np.ndarray
    #: Whether the exponentials of the sums neither overflow nor underflow.
    bounded: bool

    def __call__(self, x: np.ndarray, buffers: _Buffers) -> np.ndarray:
        """Compute (N, positions, channels in) to (N, positions - taps + 1, channels out)."""
        n, positions, channels = x.shape
        seen = sliding_window_view(x.reshape(n, -1), self.taps * channels, axis=1)[:, ::channels]
        columns = buffers("columns", *seen.shape)
        columns[...] = seen
        sums = buffers(self.name, n * (positions - self.taps + 1), len(self.bias))
        np.matmul(columns.reshape(len(sums), -1), self.kernel, out=sums)
        sums += self.bias
        _softmax(sums, self.bounded)
        return sums.reshape(n, -1, len(self.bias))


class _Buffers:
    """Arrays of one thread, used again for each block: fresh memory costs as much time as some of the steps."""

    def __init__(self, dtype: np.dtype) -> None:
        self._dtype = dtype
        self._flat = {}

    def __call__(self, name: str, *shape: int) -> np.ndarray:
        """Return the array of a name, with any content, in a shape."""
        size = math.prod(shape)
        if name not in self._flat or self._flat[name].size < size:
            self._flat[name] = np.empty(size, dtype=self._dtype)
        return self._flat[name][:size].reshape(shape)


class _OneBlasThread:
    """A context in which BLAS computes on one thread.

    That is a setting of the whole process. Where contexts overlap, in several threads, the first one makes it and the
    last one restores what was before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limits = threadpool_limits(1, "blas")
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limits.restore_original_limits()


_ONE_BLAS_THREAD = _OneBlasThread()


def _softmax(x: np.ndarray, bounded: bool = False) -> None:
    """Replace each row of a matrix by its softmax; `bounded` if the exponentials are known to be in range."""
    if not bounded:
        x -= x.max(axis=1, keepdims=True)
    np.exp(x, out=x)
    x *= np.reciprocal(x.sum(axis=1, keepdims=True))


def _scale_and_shift(norm: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What a batch normalisation does at prediction: multiply by a scale and add a shift, for each channel."""
    gamma, beta, mean, variance = norm
    scale = gamma / np.sqrt(variance + _EPSILON)
    return scale, beta - mean * scale


def _place_values(base: int, digits: int) -> np.ndarray:
    """What the digits of a number are worth, the first one most."""
    return base ** np.arange(digits)[::-1]


def _cores() -> int:
    """Count the cores that this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_shapes(layers: Mapping[str, Sequence[np.ndarray]], length: int) -> None:
    missing = [name for name in _STORED if not layers.get(name)]
    if missing:
        raise ValueError(f"layers must have weights for {', '.join(_STORED)} but have none for {', '.join(missing)}")
    shapes = {name: [np.shape(array) for array in layers[name]] for name in _STORED}
    wanted = {}
    positions, inputs = length, len(ALPHABET)
    for number in range(1, _CONVOLUTIONS + 1):
        taps, *_, outputs = shapes[f"conv_{number}"][0]
        wanted[f"conv_{number}"] = [(taps, inputs, outputs), (outputs,)]
        wanted[f"norm_{number}"] = [(outputs,)] * 4
        positions -= taps - 1
        if number == 2:
            if taps % 2:
                raise ValueError(
                    f"conv_2 must have an even number of taps, which are looked up in pairs, but has {taps}"
                )
            positions //= _POOL
        inputs = outputs
    inputs *= positions
    for name in ("dense_1", "dense_2", "bucket_scores"):
        outputs = shapes[name][0][-1]
        wanted[name] = [(inputs, outputs), (outputs,)]
        inputs = outputs
    for name, found in shapes.items():
        if found != wanted[name]:
            raise ValueError(
                f"weights of {name} have shapes {found} but must have shapes {wanted[name]} in a network for "
                f"constructs of {length} bp"
            )
