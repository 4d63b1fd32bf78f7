"""Trained networks whose expression is a formula that can be worked out by hand."""

import numpy as np

from yeastpromoter.model.entry import TrainedNetwork
from yeastpromoter.model.prediction import CompiledNetwork

#: Two buckets: scores (1 - q, q) mean an expression of 10 q, whatever q is.
VALUES = (0.0, 10.0)


def trained(network, decoding="weighted_mean", values=VALUES):
    """Put a Keras network into the place of the trained one."""
    return TrainedNetwork(CompiledNetwork(network), lambda: network, decoding, tuple(values), "toy")


def linear_network(weights, dtype="float64"):
    """Build a network with expression 10 * sum(weights * x), for weights (110, 4)."""
    return _network([weights], dtype)


def bilinear_network(first, second, dtype="float64"):
    """Build a network with expression 10 * sum(first * x) * sum(second * x)."""
    return _network([first, second], dtype)


def _network(factors, dtype):
    import keras
    from keras import layers

    inputs = layers.Input((110, 4), dtype=dtype, name="construct")
    flat = layers.Flatten(dtype=dtype)(inputs)
    dense = [layers.Dense(1, use_bias=False, dtype=dtype) for _ in factors]
    parts = [layer(flat) for layer in dense]
    q = layers.Multiply(dtype=dtype)(parts) if len(parts) > 1 else parts[0]
    scores = layers.Dense(2, dtype=dtype, name="scores")
    network = keras.Model(inputs, scores(q))
    scores.set_weights([np.array([[-1.0, 1.0]]), np.array([1.0, 0.0])])
    for layer, weights in zip(dense, factors, strict=True):
        layer.set_weights([np.asarray(weights).reshape(-1, 1)])
    return trained(network)
