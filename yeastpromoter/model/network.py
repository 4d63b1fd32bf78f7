"""The convolutional network: Table 1 of the KircherLab report (DREAM Challenge 2022)."""

from __future__ import annotations

from itertools import count, repeat
from typing import TYPE_CHECKING

from yeastpromoter.model.decoding import BUCKET_VALUES
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.reporter import PTPA

if TYPE_CHECKING:
    import keras

FIRST_ACTIVATIONS = ("relu", "softmax")


def build_network(
    first_activation: str = "relu",
    dtype: str = "float32",
    dropout_scale: float = 1.0,
    seed: int | None = None,
    synchronized: bool = False,
    length: int = PTPA.construct_length,
    buckets: int = len(BUCKET_VALUES),
) -> keras.Model:
    """Build the network.

    For constructs of 110 bp and 18 buckets it has 2,194,768 parameters, of which 2,193,068 are trainable.

    Parameters
    ----------
    first_activation : {"relu", "softmax"}, optional
        Activation of the first convolution. The report's Table 1 says softmax, its authors' code uses ReLU;
        the other three convolutions are softmax in both.
    dtype : str, optional
        Keras dtype policy of the layers, for example ``"float32"`` or, to train in bfloat16 with float32
        weights, ``"mixed_bfloat16"``. The output is float32 (float64 under ``"float64"``) either way.
    dropout_scale : float, optional
        Factor on the three dropout rates (0.1, 0.1 and 0.3); 0 turns dropout off.
    seed : int, optional
        Seed of the initial weights and of the dropout. Without it they differ from call to call.
    synchronized : bool, optional
        Whether the batch normalisations take their statistics over all devices of a TensorFlow strategy. Other
        backends reject it: JAX computes over the whole batch anyway.
    length : int, optional
        Length of the constructs in bp.
    buckets : int, optional
        Number of sorting buckets.

    Returns
    -------
    keras.Model
        One input, one-hot constructs (N, length, 4) in the order A, C, G, T; one output, the bucket scores
        (N, buckets) of the layer ``bucket_scores``, linear. Not compiled.

    Raises
    ------
    ValueError
        If `first_activation` is unknown.
    """
    if first_activation not in FIRST_ACTIVATIONS:
        raise ValueError(f"first_activation must be one of {', '.join(FIRST_ACTIVATIONS)} but is {first_activation!r}")
    import keras
    from keras import layers

    # A seed of its own for each layer: layers that share one would start from the same random numbers.
    seeds = repeat(None) if seed is None else count(1000 * seed)

    def weights() -> dict:
        return {"kernel_initializer": keras.initializers.GlorotUniform(next(seeds)), "dtype": dtype}

    def dropout(rate: float, name: str) -> keras.layers.Layer:
        return layers.Dropout(rate * dropout_scale, seed=next(seeds), dtype=dtype, name=name)

    def normalization(name: str) -> keras.layers.Layer:
        return layers.BatchNormalization(name=name, dtype=dtype, synchronized=synchronized)

    # dtype and data_format are given everywhere: their defaults are the user's, from ~/.keras/keras.json.
    full_precision = "float64" if dtype == "float64" else "float32"
    last = "channels_last"
    inputs = layers.Input((length, len(ALPHABET)), dtype=full_precision, name="construct")
    x = layers.Conv1D(250, 7, activation=first_activation, name="conv_1", data_format=last, **weights())(inputs)
    x = normalization("norm_1")(x)
    x = layers.Conv1D(250, 8, activation="softmax", name="conv_2", data_format=last, **weights())(x)
    x = normalization("norm_2")(x)
    x = layers.MaxPooling1D(2, data_format=last, name="pool_1", dtype=dtype)(x)
    x = dropout(0.1, "dropout_1")(x)
    x = layers.Conv1D(250, 3, activation="softmax", name="conv_3", data_format=last, **weights())(x)
    x = normalization("norm_3")(x)
    x = layers.Conv1D(100, 2, activation="softmax", name="conv_4", data_format=last, **weights())(x)
    x = normalization("norm_4")(x)
    # A pool of 1 changes nothing; it stands in Table 1 and keeps the layers countable against it.
    x = layers.MaxPooling1D(1, data_format=last, name="pool_2", dtype=dtype)(x)
    x = dropout(0.1, "dropout_2")(x)
    x = layers.Flatten(data_format=last, name="flatten", dtype=dtype)(x)
    x = layers.Dense(300, activation="sigmoid", name="dense_1", **weights())(x)
    x = dropout(0.3, "dropout_3")(x)
    x = layers.Dense(300, activation="sigmoid", name="dense_2", **weights())(x)
    outputs = layers.Dense(buckets, name="bucket_scores", **(weights() | {"dtype": full_precision}))(x)
    return keras.Model(inputs, outputs, name="yeastpromoter")
