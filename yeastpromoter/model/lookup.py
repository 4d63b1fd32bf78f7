"""Prediction by look-up in NumPy: the bucket scores of the network without a deep-learning framework.

Up to the pooling the network is looked up in tables (`yeastpromoter.model.lookup_tables`). What follows are matrix
products. Each normalisation is affine for each channel and is folded into the layer after it. A convolution with three
taps gives its outputs in pairs, by four products in place of six (the algorithm F(2, 3) of Winograd 1980, *Arithmetic
Complexity of Computations*; for networks Lavin and Gray 2016, doi:10.1109/CVPR.2016.435).

Nothing is approximated: the scores differ from those of the network by rounding alone.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from threadpoolctl import ThreadpoolController

from yeastpromoter.model.lookup_tables import CODES, POOL, Buffers, PooledSoftmax, scale_and_shift, softmax
from yeastpromoter.model.network import FIRST_ACTIVATIONS
from yeastpromoter.sequence.construct import CONSTRUCT_LENGTH
from yeastpromoter.sequence.encoding import ALPHABET, check_letters

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

#: Constructs that a thread computes together, and how many of them at once up to the last convolution: these arrays are
#: the larger ones and have to fit into the caches.
BATCH_SIZE = 64
BLOCK_SIZE = 16

#: How far from 0 logarithms may be, by dtype: exponentials up to there neither overflow nor underflow, with a margin
#: for sums of some thousand of them.
_LARGEST_LOGARITHM = {"float32": 80.0, "float64": 700.0}

#: Environment variable with the number of threads.
THREADS = "YEASTPROMOTER_THREADS"


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

    The tables of all 8-mers take about half a second to make and 270 MB (float32). Few constructs get tables of the
    8-mers that occur in them; the complete ones are made, and kept, once enough constructs came to pay for them.
    Several threads may use one object.

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
        Threads to compute with. Default: the environment variable ``YEASTPROMOTER_THREADS``, or else one for each core
        that this process may use.
    length : int, optional
        Length of the constructs in bp, for which `layers` were made.

    Attributes
    ----------
    tables : PooledSoftmax
        The network up to ``pool_1``.
    convolutions : list of Convolution
        ``conv_3`` and ``conv_4``.
    dense : list of list of numpy.ndarray
        Kernel and bias of ``dense_1``, ``dense_2`` and ``bucket_scores``.
    bases_read : int
        Bases from the left that the network looks at: the pooling may leave out the last one.

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
        self.threads = threads or _threads()
        limit = _LARGEST_LOGARITHM[dtype]
        weights = {name: [np.asarray(array, dtype=np.float64) for array in layers[name]] for name in _STORED}
        self.tables = PooledSoftmax(weights, first_activation, self.dtype, limit)
        self.bases_read = (length - self.tables.field + 1) // POOL * POOL + self.tables.field - 1
        # The pooling takes the larger of two outputs of a softmax, so what it gives sums to 2 at most.
        scale, shift = scale_and_shift(weights["norm_2"])
        self.convolutions = [
            Convolution.folded("conv_3", weights["conv_3"], np.abs(scale), shift, POOL, limit, self.dtype),
            Convolution.folded("conv_4", weights["conv_4"], *scale_and_shift(weights["norm_3"]), 1, limit, self.dtype),
        ]
        scale, shift = scale_and_shift(weights["norm_4"])
        kernel, bias = weights["dense_1"]
        by_position = kernel.reshape(-1, len(scale), kernel.shape[1])
        first = [(scale[:, np.newaxis] * by_position).reshape(kernel.shape), bias + (shift @ by_position).sum(axis=0)]
        self.dense = [
            [array.astype(self.dtype) for array in layer]
            for layer in (first, weights["dense_2"], weights["bucket_scores"])
        ]

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
        letters = self.checked(letters)
        scores = np.empty((len(letters), len(self.dense[-1][1])), dtype=self.dtype)
        if not len(letters):
            return scores
        batch_size = min(BATCH_SIZE, math.ceil(len(letters) / self.threads))

        def work(start: int, buffers: Buffers) -> None:
            rows = slice(start, start + batch_size)
            scores[rows] = self._scores(CODES[letters[rows, : self.bases_read]], buffers)

        with ONE_BLAS_THREAD:
            self.tables.expect(letters.size, self.in_threads)
            self.share(work, range(0, len(letters), batch_size))
        return scores

    def checked(self, letters: np.ndarray) -> np.ndarray:
        """Return letters if they are as `bucket_scores` takes them, and raise a `ValueError` if not."""
        letters = np.asarray(letters)
        if letters.dtype != np.uint8 or letters.ndim != 2 or letters.shape[1] != self.length:
            raise ValueError(
                f"letters have dtype {letters.dtype} and shape {letters.shape} but must be the ASCII codes of "
                f"constructs, uint8 (N, {self.length})"
            )
        check_letters(letters)
        return letters

    def in_threads(self, function: Callable, arguments: Sequence) -> list:
        """Call a function on each argument, in this network's threads."""
        if self.threads == 1 or len(arguments) == 1:
            return [function(argument) for argument in arguments]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(function, arguments))

    def share(self, work: Callable, pieces: Sequence) -> None:
        """Call ``work(piece, buffers)`` for each piece, in threads with buffers of their own."""
        remaining = iter(pieces)

        def work_on(pieces: Iterator) -> None:
            buffers = Buffers(self.dtype)
            for piece in pieces:
                work(piece, buffers)

        # The threads take the pieces from one iterator, whoever is ready the next one.
        self.in_threads(work_on, [remaining] * min(self.threads, len(pieces)))

    def _scores(self, codes: np.ndarray, buffers: Buffers) -> np.ndarray:
        """Bucket scores of a batch, codes (N, L) to (N, 18)."""
        found = self.tables.find(codes)
        flat = buffers("flat", len(codes), len(self.dense[0][0]))
        for start in range(0, len(codes), BLOCK_SIZE):
            block = slice(start, start + BLOCK_SIZE)
            x = self.tables.pooled(found, buffers, block)
            for convolution in self.convolutions:
                x = convolution.sums(x, buffers)
                convolution.finish(x)
            flat[block] = x.reshape(len(x), -1)
        kernel, bias = self.dense[0]
        sums = flat @ kernel
        sums += bias
        return self.scores_of(sums)

    def scores_of(self, sums: np.ndarray) -> np.ndarray:
        """Bucket scores, (N, 18), of the sums of the first dense layer, (N, 300), which are changed."""
        _sigmoid(sums)
        for kernel, bias in self.dense[1:-1]:
            sums = sums @ kernel
            sums += bias
            _sigmoid(sums)
        kernel, bias = self.dense[-1]
        return sums @ kernel + bias


@dataclass(eq=False)
class Convolution:
    """A convolution and its softmax, with the normalisation before it folded in.

    Attributes
    ----------
    name : str
        Name of the layer.
    kernel : numpy.ndarray
        (taps, channels in, channels out).
    bias : numpy.ndarray
        (channels out,).
    bounded : bool
        Whether the exponentials of the sums neither overflow nor underflow.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    bounded: bool

    @classmethod
    def folded(
        cls,
        name: str,
        layer: Sequence[np.ndarray],
        scale: np.ndarray,
        shift: np.ndarray,
        largest_sum: float,
        limit: float,
        dtype: np.dtype,
    ) -> Convolution:
        """Fold a normalisation into the convolution after it.

        The absolute values of what is normalised sum to `largest_sum` at most at each position. `limit` is how far from
        0 a sum may be.
        """
        kernel, bias = layer
        bias = bias + (shift @ kernel).sum(axis=0)
        kernel = scale[:, np.newaxis] * kernel
        largest = np.abs(bias) + largest_sum * np.abs(kernel).max(axis=1).sum(axis=0)
        return cls(name, kernel.astype(dtype), bias.astype(dtype), bool(largest.max() < limit))

    def __post_init__(self) -> None:
        taps, channels, _ = self.kernel.shape
        self._side_by_side = np.ascontiguousarray(self.kernel.swapaxes(0, 1)).reshape(channels, -1)
        if taps == 3:
            first, middle, last = self.kernel
            self._of_pairs = [first, (first + middle + last) / 2, (first - middle + last) / 2, last]

    @property
    def taps(self) -> int:
        """Positions that an output sees."""
        return len(self.kernel)

    def sums(self, x: np.ndarray, buffers: Buffers) -> np.ndarray:
        """Sums before the softmax, of (N, positions, channels in): (N, positions - taps + 1, channels out)."""
        n, positions, channels = x.shape
        outputs = positions - self.taps + 1
        sums = buffers(self.name, n, outputs, len(self.bias))
        if self.taps == 3 and outputs % 2 == 0:
            self._in_pairs(x, sums, buffers)
            return sums
        products = buffers("products", n, positions, self.taps, len(self.bias))
        np.matmul(x.reshape(-1, channels), self._side_by_side, out=products.reshape(n * positions, -1))
        np.add(products[:, :outputs, 0], self.bias, out=sums)
        for tap in range(1, self.taps):
            sums += products[:, tap : tap + outputs, tap]
        return sums

    def _in_pairs(self, x: np.ndarray, sums: np.ndarray, buffers: Buffers) -> None:
        n, positions, channels = x.shape
        pairs, width = positions // 2 - 1, len(self.bias)
        even, odd = x[:, 0::2], x[:, 1::2]
        zeroth, first, second, third = even[:, :-1], odd[:, :-1], even[:, 1:], odd[:, 1:]
        inputs = buffers("inputs", n, pairs, channels)
        both, between = (buffers(name, n * pairs, width) for name in ("products", "further products"))
        even, odd = (sums.reshape(-1, width)[parity::2] for parity in (0, 1))
        for combine, left, right, kernel, out in (
            (np.subtract, zeroth, second, self._of_pairs[0], even),
            (np.add, first, second, self._of_pairs[1], both),
            (np.subtract, second, first, self._of_pairs[2], between),
            (np.subtract, third, first, self._of_pairs[3], odd),
        ):
            combine(left, right, out=inputs)
            np.matmul(inputs.reshape(-1, channels), kernel, out=out)
        both += self.bias
        even += both
        even += between
        odd += both
        odd -= between

    def finish(self, sums: np.ndarray) -> None:
        """Replace sums, (..., channels out), by their softmax."""
        softmax(sums.reshape(-1, sums.shape[-1]), self.bounded)


class _OneBlasThread:
    """A context in which BLAS computes on one thread, as every thread of ours has matrices of its own.

    That is a setting of the whole process. Where contexts overlap, in several threads, the first one makes it and the
    last one restores what was before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._controller: ThreadpoolController | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._controller is None:  # once: to look for the libraries takes milliseconds
                self._controller = ThreadpoolController()
            if not self._inside:
                self._limits = self._controller.limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limits.restore_original_limits()


#: The one such context of this process.
ONE_BLAS_THREAD = _OneBlasThread()


def _sigmoid(x: np.ndarray) -> None:
    """Replace numbers by their sigmoid: (1 + tanh(x / 2)) / 2, which does not overflow."""
    x *= 0.5
    np.tanh(x, out=x)
    x += 1
    x *= 0.5


def _threads() -> int:
    """Count the threads that are wanted: those of the environment variable, or the cores that this process may use."""
    text = os.environ.get(THREADS)
    if text:
        if not text.isdecimal() or not int(text):
            raise ValueError(f"the environment variable {THREADS} must be a number of threads but is {text!r}")
        return int(text)
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
            positions //= POOL
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
