"""Prediction by look-up in NumPy: the bucket scores of the network without a deep-learning framework.

Up to the pooling the network is looked up in tables (`yeastpromoter.lookup.tables`). What follows are matrix
products (`yeastpromoter.lookup.layers`). Each normalisation is affine for each channel and is folded into the layer
after it.

Nothing is approximated: the scores differ from those of the network by rounding alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from yeastpromoter.lookup.layers import Convolution, scale_and_shift, sigmoid
from yeastpromoter.lookup.pieces import score_in_pieces
from yeastpromoter.lookup.substitutions import score_substitutions
from yeastpromoter.lookup.tables import CODES, POOL, PooledSoftmax
from yeastpromoter.lookup.threads import ONE_BLAS_THREAD, Buffers, Threads, thread_count
from yeastpromoter.lookup.tiles import score_tiles
from yeastpromoter.model.network import FIRST_ACTIVATIONS
from yeastpromoter.sequence.encoding import ALPHABET, check_rows, letters
from yeastpromoter.sequence.reporter import PTPA

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
BATCH_SIZE = 128
BLOCK_SIZE = 16

#: How far from 0 logarithms may be, by dtype: exponentials up to there neither overflow nor underflow, with a margin
#: for sums of some thousand of them.
_LARGEST_LOGARITHM = {"float32": 80.0, "float64": 700.0}


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
    threads : Threads
        What they compute in.
    dense : list of list of numpy.ndarray
        Kernel and bias of ``dense_1``, ``dense_2`` and ``bucket_scores``.
    n_scores : int
        Number of bucket scores.
    bases_read : int
        Bases from the left that the network looks at: the pooling may leave out the last one.
    field, positions : int
        Bases that a position of the last convolution sees, and number of its positions.

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
        length: int = PTPA.construct_length,
    ) -> None:
        if first_activation not in FIRST_ACTIVATIONS:
            raise ValueError(
                f"first_activation must be one of {', '.join(FIRST_ACTIVATIONS)} but is {first_activation!r}"
            )
        if dtype not in _LARGEST_LOGARITHM:
            raise ValueError(f"dtype must be one of {', '.join(_LARGEST_LOGARITHM)} but is {dtype!r}")
        _check_shapes(layers, length)
        self.length = length
        self.dtype = np.dtype(dtype)
        self.threads = Threads(thread_count(threads), self.dtype)
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
        self.field = self.tables.field - 1 + POOL * (1 + sum(layer.taps - 1 for layer in self.convolutions))
        self.positions = (self.bases_read - self.field) // POOL + 1
        scale, shift = scale_and_shift(weights["norm_4"])
        kernel, bias = weights["dense_1"]
        by_position = kernel.reshape(-1, len(scale), kernel.shape[1])
        first = [(scale[:, np.newaxis] * by_position).reshape(kernel.shape), bias + (shift @ by_position).sum(axis=0)]
        self.dense = [
            [array.astype(self.dtype) for array in layer]
            for layer in (first, weights["dense_2"], weights["bucket_scores"])
        ]
        self.n_scores = len(self.dense[-1][1])

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
        letters = check_rows(letters, self.length)
        scores = np.empty((len(letters), self.n_scores), dtype=self.dtype)
        with ONE_BLAS_THREAD:
            self.tables.expect(letters.size, self.threads)
            self.score(lambda rows: CODES[letters[rows, : self.bases_read]], scores)
        return scores

    def substitution_scores(
        self, letters: np.ndarray, positions: range, bases: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Score constructs, and each of them with one base replaced.

        Parameters
        ----------
        letters : numpy.ndarray
            As for `bucket_scores`, (N, L).
        positions : range
            The P positions at which bases are replaced, from 0.
        bases : numpy.ndarray
            ASCII letters that stand there instead, `uint8` (N, P, A).

        Returns
        -------
        reference : numpy.ndarray
            Bucket scores of the constructs, (N, 18), in the dtype of the arithmetic.
        substituted : numpy.ndarray
            Bucket scores with the replaced bases, (N, P, A, 18).

        Raises
        ------
        ValueError
            As from `bucket_scores`, or if a position is not within the constructs.
        """
        letters = check_rows(letters, self.length)
        if positions and not 0 <= min(positions) <= max(positions) < self.length:
            raise ValueError(f"positions must be within 0 to {self.length - 1} but are {positions}")
        codes = CODES[letters[:, : self.bases_read]]
        with ONE_BLAS_THREAD:
            self.tables.expect(letters.size + bases.size * self.tables.field, self.threads)
            return score_substitutions(self, codes, positions, CODES[bases])

    def related_scores(self, letters: np.ndarray) -> np.ndarray:
        """Predict the bucket scores of constructs that have pieces in common, such as windows around one variant.

        Parameters, result and errors are those of `bucket_scores`. It is faster where at least a third of the pieces
        are repeated.
        """
        letters = check_rows(letters, self.length)
        with ONE_BLAS_THREAD:
            self.tables.expect(letters.size, self.threads)
            return score_in_pieces(self, CODES[letters[:, : self.bases_read]].astype(np.uint8))

    def tile_scores(self, left: str, sequence: np.ndarray, right: str, starts: np.ndarray) -> np.ndarray:
        """Score the tiles of a sequence, each between two adapters.

        Parameters
        ----------
        left, right : str
            The adapters.
        sequence : numpy.ndarray
            ASCII letters, A, C, G, T and N in either case, `uint8` (L,).
        starts : numpy.ndarray
            Where the tiles start, from 0, ascending, `int64` (T,). Neighbours at an even distance share most of the
            work.

        Returns
        -------
        numpy.ndarray
            Bucket scores of the constructs, (T, 18), in the dtype of the arithmetic.

        Raises
        ------
        ValueError
            If `sequence` has another dtype or shape, or holds another letter.
        """
        sequence = check_rows(np.asarray(sequence)[np.newaxis], len(sequence))[0]
        with ONE_BLAS_THREAD:
            self.tables.expect(min(len(sequence), self.length * len(starts)), self.threads)
            return score_tiles(self, CODES[letters([left])[0]], CODES[sequence], CODES[letters([right])[0]], starts)

    def score(self, codes_of: Callable[[slice], np.ndarray], scores: np.ndarray) -> None:
        """Put the bucket scores of constructs into `scores`, (N, 18), from the codes, (n, bases), of n rows."""
        batch_size = max(1, min(BATCH_SIZE, math.ceil(len(scores) / self.threads.count)))

        def work(start: int, buffers: Buffers) -> None:
            rows = slice(start, min(start + batch_size, len(scores)))
            scores[rows] = self._scores(codes_of(rows), buffers)

        self.threads.share(work, range(0, len(scores), batch_size))

    def _scores(self, codes: np.ndarray, buffers: Buffers) -> np.ndarray:
        """Bucket scores of a batch, codes (N, L) to (N, 18)."""
        found = self.tables.find(codes)
        outputs = self.room_for_outputs(len(codes), buffers)
        for start in range(0, len(codes), BLOCK_SIZE):
            block = slice(start, start + BLOCK_SIZE)
            outputs[block] = self._convolved(self.tables.pooled(found, buffers, block), buffers)
        return self.scores_of(self.dense_sums(outputs))

    def _convolved(self, x: np.ndarray, buffers: Buffers) -> np.ndarray:
        for convolution in self.convolutions:
            x = convolution.sums(x, buffers)
            convolution.finish(x)
        return x

    def outputs(self, codes: np.ndarray, buffers: Buffers) -> np.ndarray:
        """Outputs of the last convolution for sequences of any length, codes (N, L), in one of the buffers."""
        return self._convolved(self.tables.pooled(self.tables.find(codes), buffers), buffers)

    def room_for_outputs(self, n: int, buffers: Buffers) -> np.ndarray:
        """Return one of the buffers for the outputs of the last convolution for n constructs, with any content."""
        return buffers("outputs", n, self.positions, len(self.convolutions[-1].bias))

    def dense_sums(self, outputs: np.ndarray) -> np.ndarray:
        """Sums of the first dense layer, (N, 300), of outputs of the last convolution, (N, positions, channels)."""
        kernel, bias = self.dense[0]
        sums = outputs.reshape(len(outputs), -1) @ kernel
        sums += bias
        return sums

    def scores_of(self, sums: np.ndarray) -> np.ndarray:
        """Bucket scores, (N, 18), of the sums of the first dense layer, (N, 300), which are changed."""
        sigmoid(sums)
        for kernel, bias in self.dense[1:-1]:
            sums = sums @ kernel
            sums += bias
            sigmoid(sums)
        kernel, bias = self.dense[-1]
        return sums @ kernel + bias


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
