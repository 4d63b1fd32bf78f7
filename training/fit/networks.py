"""The networks that a run can train, by the names that the configuration calls them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count, repeat
from typing import TYPE_CHECKING, Any

from training.data.assay import Assay
from yeastpromoter.model import network as kircherlab
from yeastpromoter.sequence.encoding import ALPHABET

if TYPE_CHECKING:
    import keras

#: The one that the Kipoi entry runs.
KIRCHERLAB = "kircherlab"

#: The layers of each network that have weights, in their order; `frozen` of a phase names some of them.
LAYERS = {
    KIRCHERLAB: (
        *("conv_1", "norm_1", "conv_2", "norm_2", "conv_3", "norm_3", "conv_4", "norm_4"),
        *("dense_1", "dense_2", "bucket_scores"),
    ),
    "conv_gru": ("conv_1", "norm_1", "conv_2", "norm_2", "squeeze", "gru", "dense_1", "bucket_scores"),
}


def build_network(
    network: str = KIRCHERLAB,
    first_activation: str = "relu",
    dtype: str = "float32",
    dropout_scale: float = 1.0,
    seed: int | None = None,
    synchronized: bool = False,
    length: int = 110,
    buckets: int = 18,
) -> keras.Model:
    """Build one of the networks.

    Parameters
    ----------
    network : {"kircherlab", "conv_gru"}, optional
        Which one: that of `yeastpromoter.model.network`, or `conv_gru`.
    first_activation : {"relu", "softmax"}, optional
        As for `yeastpromoter.model.network.build_network`; only of ``kircherlab``.
    dtype, dropout_scale, seed, synchronized, length, buckets
        As for `yeastpromoter.model.network.build_network`.

    Returns
    -------
    keras.Model
        From one-hot constructs, (N, length, 4), to bucket scores, (N, buckets), of the linear layer ``bucket_scores``.
        Not compiled.

    Raises
    ------
    ValueError
        If there is no such network, or a first activation is given to one that has none.
    """
    if network not in LAYERS:
        raise ValueError(f"network must be one of {', '.join(LAYERS)} but is {network!r}")
    if network == KIRCHERLAB:
        return kircherlab.build_network(
            first_activation, dtype, dropout_scale, seed, synchronized, length=length, buckets=buckets
        )
    if first_activation != "relu":
        raise ValueError(f"first_activation is {first_activation!r}, but the network {network} has no such choice")
    return conv_gru(dtype, dropout_scale, seed, synchronized, length, buckets)


def conv_gru(
    dtype: str, dropout_scale: float, seed: int | None, synchronized: bool, length: int, buckets: int
) -> keras.Model:
    """Build a small network: two convolutions, squeeze and excitation, and a recurrent layer on pooled positions.

    For constructs of 110 bp and 18 buckets it has 487,558 parameters, and a construct takes 22.7 million
    multiplications, 0.37 of those of the KircherLab network. Squeeze and excitation is that of Hu et al. 2018
    (arXiv:1709.01507), the recurrent layer a gated recurrent unit in both directions (Cho et al. 2014,
    arXiv:1406.1078).

    Parameters
    ----------
    dtype, dropout_scale, seed, synchronized, length, buckets
        As for `yeastpromoter.model.network.build_network`; the dropout rates are 0.1 and 0.3.

    Returns
    -------
    keras.Model
        As of `build_network`.
    """
    import keras
    from keras import layers

    seeds = repeat(None) if seed is None else count(1000 * seed)
    last = "channels_last"

    def weights() -> dict[str, Any]:
        return {"kernel_initializer": keras.initializers.GlorotUniform(next(seeds)), "dtype": dtype}

    class SqueezeAndExcitation(layers.Layer):
        """Scales each channel by what the means of all channels over the positions say: one layer of the network."""

        def build(self, shape):
            channels = shape[-1]
            self.squeeze = layers.Dense(channels // 8, activation="relu", name="squeeze", **weights())
            self.excite = layers.Dense(channels, activation="sigmoid", name="excite", **weights())
            self.squeeze.build((None, channels))
            self.excite.build((None, channels // 8))
            super().build(shape)

        def call(self, x):
            return x * keras.ops.expand_dims(self.excite(self.squeeze(keras.ops.mean(x, axis=1))), 1)

    full_precision = "float64" if dtype == "float64" else "float32"
    inputs = layers.Input((length, len(ALPHABET)), dtype=full_precision, name="construct")
    x = inputs
    for number, taps in ((1, 11), (2, 7)):
        x = layers.Conv1D(160, taps, activation="relu", name=f"conv_{number}", data_format=last, **weights())(x)
        x = layers.BatchNormalization(name=f"norm_{number}", dtype=dtype, synchronized=synchronized)(x)
    x = SqueezeAndExcitation(name="squeeze", dtype=dtype)(x)
    x = layers.MaxPooling1D(4, data_format=last, name="pool", dtype=dtype)(x)
    x = layers.Dropout(0.1 * dropout_scale, seed=next(seeds), name="dropout_1", dtype=dtype)(x)
    unit = layers.GRU(
        128,
        kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
        recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
        dtype=dtype,
    )
    x = layers.Bidirectional(unit, name="gru", dtype=dtype)(x)
    x = layers.Dense(256, activation="relu", name="dense_1", **weights())(x)
    x = layers.Dropout(0.3 * dropout_scale, seed=next(seeds), name="dropout_2", dtype=dtype)(x)
    outputs = layers.Dense(buckets, name="bucket_scores", **(weights() | {"dtype": full_precision}))(x)
    return keras.Model(inputs, outputs, name="conv_gru")


def described(run: Mapping[str, Any], assay: Assay) -> dict[str, Any]:
    """Arguments of `build_network` that say which network a run's weights are of."""
    return {
        "network": run.get("network", KIRCHERLAB),
        "first_activation": run["first_activation"],
        **assay.network,
    }
