"""Running a Keras network for prediction: compiled for many batches, or as it is for a few."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.sequence.encoding import check_rows, enclose, one_hot

if TYPE_CHECKING:
    import keras

#: Constructs that pass through the network at once: the size from which on it is no faster.
BATCH_SIZE = 1024


class CompiledNetwork:
    """A Keras network that takes letters, as `yeastpromoter.lookup.network.LookupNetwork` does.

    Parameters
    ----------
    network : keras.Model
        From one-hot constructs, (N, L, 4), to bucket scores, (N, B).
    """

    def __init__(self, network: keras.Model) -> None:
        self._run = compile_network(network)
        self._length, self._dtype = network.input_shape[1], network.input.dtype

    def bucket_scores(self, letters: np.ndarray) -> np.ndarray:
        """Predict the bucket scores of constructs.

        Parameters
        ----------
        letters : numpy.ndarray
            ASCII letters, A, C, G, T and N in either case, `uint8` (N, L).

        Returns
        -------
        numpy.ndarray
            (N, B), in the dtype of the network.

        Raises
        ------
        ValueError
            If `letters` has another dtype or shape, or holds another letter.
        """
        letters = check_rows(letters, self._length)
        batches = [letters[start : start + BATCH_SIZE] for start in range(0, max(1, len(letters)), BATCH_SIZE)]
        return np.concatenate([self._run(one_hot(batch).astype(self._dtype, copy=False)) for batch in batches])

    def related_scores(self, letters: np.ndarray) -> np.ndarray:
        """Predict the bucket scores of constructs; as `bucket_scores`."""
        return self.bucket_scores(letters)

    def substitution_scores(
        self, letters: np.ndarray, positions: range, bases: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Score constructs, and each of them with one base replaced.

        As `yeastpromoter.lookup.network.LookupNetwork.substitution_scores`, by scoring every changed construct.
        """
        letters = check_rows(letters, self._length)
        changed = np.tile(letters[:, np.newaxis, np.newaxis], (1, *bases.shape[1:], 1))
        for index, position in enumerate(positions):
            changed[:, index, :, position] = bases[:, index]
        scores = self.bucket_scores(changed.reshape(-1, self._length))
        return self.bucket_scores(letters), scores.reshape(*bases.shape, -1)

    def tile_scores(self, left: str, sequence: np.ndarray, right: str, starts: np.ndarray) -> np.ndarray:
        """Score the tiles of a sequence, each between two adapters.

        As `yeastpromoter.lookup.network.LookupNetwork.tile_scores`, by scoring every construct.
        """
        within = np.arange(self._length - len(left) - len(right))
        batches = [starts[first : first + BATCH_SIZE] for first in range(0, max(1, len(starts)), BATCH_SIZE)]
        return np.concatenate(
            [self.bucket_scores(enclose(left, sequence[some[:, np.newaxis] + within], right)) for some in batches]
        )


def compile_network(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a network once for batches of any size.

    Parameters
    ----------
    network : keras.Model
        A network with one input and one output.

    Returns
    -------
    callable
        From input, (N, ...) in the dtype of the network's input, to output, (N, ...) in the dtype of its output.
    """
    import keras

    if keras.config.backend() != "tensorflow":
        return partial(_run_or_empty, network.predict_on_batch, network)
    import tensorflow as tf

    # Keras's own predict_on_batch traces the network twice as soon as batch sizes differ, and TensorFlow warns of
    # that when a process loads several models. A signature without a batch size needs one trace; a partial, unlike
    # a function defined here, is not counted together with those of other models.
    signature = tf.TensorSpec((None, *network.input_shape[1:]), network.input.dtype)
    compiled = tf.function(partial(network, training=False), input_signature=[signature], autograph=False)
    return partial(_run_or_empty, lambda x: compiled(x).numpy(), network)


def run_network(network: keras.Model, x: np.ndarray) -> np.ndarray:
    """Run a network without compiling it.

    Parameters
    ----------
    network : keras.Model
        A network with one input and one output.
    x : numpy.ndarray
        Input, (N, ...), in the dtype of the network's input.

    Returns
    -------
    numpy.ndarray
        Output, (N, ...), in the dtype of the network's output.
    """
    import keras

    return _run_or_empty(lambda x: keras.ops.convert_to_numpy(network(x, training=False)), network, x)


def _run_or_empty(function: Callable, network: keras.Model, x: np.ndarray) -> np.ndarray:
    if not len(x):  # the convolutions refuse a batch without records
        return np.zeros((0, *network.output_shape[1:]), dtype=network.output.dtype)
    return np.asarray(function(x))
