"""Running a network for prediction: compiled for many batches, or as it is for a few."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


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
