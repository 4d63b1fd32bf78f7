"""Gradients with respect to the input: of the expression, of bucket scores, of any layer.

A gradient is computed in two steps. The first, in numpy, says how much each output of the network counts (its
*cotangent*): one for a score that is selected, the derivative of the decoding for the expression. The second
takes that back to the input by the automatic differentiation of the Keras backend: TensorFlow or JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.model.decoding import BUCKET_VALUES, decode

if TYPE_CHECKING:
    import keras

REDUCTIONS = ("sum", "max", "min", "absmax")

#: What `filter_idx` may be: numpy's indices for the last axis, or a tuple of them for all axes after the first.
FilterIndex = int | slice | list | tuple | None


def input_gradient(network: keras.Model, x: np.ndarray, cotangent: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Gradient of a weighted sum of a network's outputs with respect to its input.

    Parameters
    ----------
    network : keras.Model
        A network with one input and one output. It is run as for prediction (no dropout).
    x : numpy.ndarray
        Input, (N, 110, 4).
    cotangent : callable
        Takes the network's outputs, (N, ...), and returns their weights in the sum, of the same shape. It is
        treated as a constant: the derivative of a function of the outputs is passed by returning its derivative
        with respect to them.

    Returns
    -------
    numpy.ndarray
        Gradient, (N, 110, 4), in the network's dtype.

    Raises
    ------
    NotImplementedError
        If the Keras backend is neither TensorFlow nor JAX.
    """
    import keras

    backend = keras.config.backend()
    if backend not in _BACKENDS:
        raise NotImplementedError(f"gradients need the Keras backend {' or '.join(_BACKENDS)} but it is {backend}")
    x = np.asarray(x, dtype=network.input.dtype)
    if not len(x):  # the convolutions refuse a batch without records
        return np.zeros_like(x)
    return _BACKENDS[backend](network, x, cotangent)


def expression_cotangent(scores: np.ndarray, bucket_values: Sequence[float] = BUCKET_VALUES) -> np.ndarray:
    """Derivative of the expression, the score-weighted mean bucket, with respect to the bucket scores.

    With scores ``s``, bucket values ``b`` and expression ``e = sum(s * b) / sum(s)`` it is
    ``(b - e) / sum(s)``.

    Parameters
    ----------
    scores : numpy.ndarray
        Bucket scores, (N, B).
    bucket_values : sequence of float, optional
        Expression that each bucket stands for, (B,). Default 0 to 17.

    Returns
    -------
    numpy.ndarray
        `float64` (N, B); NaN in rows whose expression is undefined (see `yeastpromoter.model.decoding.decode`).
    """
    expression = decode(scores, bucket_values)[:, np.newaxis]
    total = np.asarray(scores, dtype=np.float64).sum(axis=1, keepdims=True)
    values = np.asarray(bucket_values, dtype=np.float64)
    return (values - expression) / np.where(np.isnan(expression), 1.0, total)


def selection_cotangent(outputs: np.ndarray, filter_idx: FilterIndex = None, avg_func: str | None = None) -> np.ndarray:
    """Derivative of a reduction over selected outputs with respect to all outputs.

    Parameters
    ----------
    outputs : numpy.ndarray
        Outputs of a layer, (N, ..., F).
    filter_idx : int, slice, list or tuple, optional
        The outputs that are selected: an index of the last axis (of the filters), or a tuple of indices of all
        axes after the first. Default: all.
    avg_func : {"sum", "max", "min", "absmax"}, optional
        How the selected outputs of each record are reduced to one number. Default: their sum.

    Returns
    -------
    numpy.ndarray
        `float64`, as `outputs`.

    Raises
    ------
    ValueError
        If `filter_idx` selects nothing or does not fit, or if `avg_func` is unknown.
    """
    if avg_func is not None and avg_func not in REDUCTIONS:
        raise ValueError(f"avg_func must be one of {', '.join(REDUCTIONS)} but is {avg_func!r}")
    selected = np.zeros(outputs.shape[1:], dtype=bool)
    index = (slice(None),) if filter_idx is None else filter_idx
    try:
        selected[index if isinstance(index, tuple) else (..., index)] = True
    except IndexError as error:
        raise ValueError(
            f"filter_idx {filter_idx!r} does not fit a layer whose outputs have shape (N, "
            f"{', '.join(map(str, selected.shape))}): {error}"
        ) from None
    if not selected.any():
        raise ValueError(f"filter_idx {filter_idx!r} selects none of the layer's outputs")
    cotangent = np.zeros(outputs.shape, dtype=np.float64)
    if avg_func in (None, "sum"):
        cotangent[:, selected] = 1.0
        return cotangent
    values = outputs[:, selected]
    score = {"max": values, "min": -values, "absmax": np.abs(values)}[avg_func]
    chosen = score.argmax(axis=1) if len(values) else np.zeros(0, dtype=int)
    rows = np.arange(len(values))
    weights = np.zeros(values.shape, dtype=np.float64)
    weights[rows, chosen] = np.sign(values[rows, chosen]) if avg_func == "absmax" else 1.0
    cotangent[:, selected] = weights
    return cotangent


def _tensorflow_gradient(network: keras.Model, x: np.ndarray, cotangent: Callable) -> np.ndarray:
    import tensorflow as tf

    inputs = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = network(inputs, training=False)
    weights = tf.convert_to_tensor(cotangent(outputs.numpy()), dtype=outputs.dtype)
    return tape.gradient(outputs, inputs, output_gradients=weights).numpy()


def _jax_gradient(network: keras.Model, x: np.ndarray, cotangent: Callable) -> np.ndarray:
    import jax

    state = [[variable.value for variable in network.trainable_variables]]
    state.append([variable.value for variable in network.non_trainable_variables])
    outputs, pull_back = jax.vjp(lambda inputs: network.stateless_call(*state, inputs, training=False)[0], x)
    (gradient,) = pull_back(np.asarray(cotangent(np.asarray(outputs)), dtype=outputs.dtype))
    return np.asarray(gradient)


_BACKENDS = {"tensorflow": _tensorflow_gradient, "jax": _jax_gradient}
