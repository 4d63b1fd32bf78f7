"""Networks for tests: an untrained one answers almost the same to every sequence, these do not."""

import numpy as np

from yeastpromoter.model.network import build_network


def random_one_hot(count, length, seed, dtype=np.float32):
    return np.eye(4, dtype=dtype)[np.random.default_rng(seed).integers(0, 4, (count, length))]


def lively_network(dtype="float32", first_activation="relu"):
    """Build a network whose scores vary with the sequence by some hundredths and sum to about 9."""
    import keras

    network = build_network(first_activation, dtype=dtype, seed=5)
    x = random_one_hot(16, 110, seed=0)
    for layer in network.layers:
        if layer.name in ("conv_2", "conv_3", "conv_4"):
            kernel, bias = layer.get_weights()
            layer.set_weights([3 * kernel, bias])
        elif layer.name.startswith("norm_"):
            values = np.asarray(keras.Model(network.input, layer.input)(x))
            mean, variance = values.mean(axis=(0, 1)), values.var(axis=(0, 1))
            # Keras adds 1e-3 to the variance, which is much more than softmax outputs have.
            layer.set_weights([np.sqrt((variance + 1e-3) / variance), 0 * mean, mean, variance])
        elif layer.name == "bucket_scores":
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, bias + 0.5])
    return network
