"""Losses of the 18 bucket scores, by their names in the configuration."""

import math

import keras

#: Where a loss takes the logarithm of the scores, those below this are continued by an exponential.
FLOOR = 0.01


def positive(scores):
    """Read linear outputs as positive numbers, for losses that take their logarithm.

    From `FLOOR` on a score s stands for itself, below it for ``FLOOR * exp(s / FLOOR - 1)``, which joins there with the
    same slope. Cut off at a bound instead, a score below it would have no gradient, and about half of the 18 outputs
    of a new network are below 0 for every sequence: those buckets would never be learnt.

    Parameters
    ----------
    scores : tensor
        Bucket scores, (N, 18), any real dtype.

    Returns
    -------
    numbers, logarithms : tensor
        Both (N, 18); the logarithms are finite also where the numbers are too small for their dtype.
    """
    exponent = keras.ops.minimum(scores, FLOOR) / FLOOR - 1
    above, low = keras.ops.maximum(scores, FLOOR), scores < FLOOR
    return (
        keras.ops.where(low, FLOOR * keras.ops.exp(exponent), above),
        keras.ops.where(low, math.log(FLOOR) + exponent, keras.ops.log(above)),
    )


class Poisson(keras.losses.Loss):
    """Poisson loss of linear outputs, read as positive numbers (`positive`)."""

    def call(self, labels, scores):
        """Mean over the buckets of ``number - label * log(number)``, (N,)."""
        numbers, logarithms = positive(scores)
        return keras.ops.mean(numbers - labels * logarithms, axis=-1)


class CategoricalCrossentropy(keras.losses.Loss):
    """Cross-entropy of linear outputs, read as positive numbers (`positive`), as shares of their sum."""

    def call(self, labels, scores):
        """Sum over the buckets of ``-label * log(number / sum of the numbers)``, (N,)."""
        numbers, logarithms = positive(scores)
        total = keras.ops.log(keras.ops.sum(numbers, axis=-1, keepdims=True))
        return -keras.ops.sum(labels * (logarithms - total), axis=-1)


def loss_function(name: str) -> keras.losses.Loss:
    """Make the loss of one construct's 18 scores.

    Parameters
    ----------
    name : {"mse", "huber", "poisson", "categorical_crossentropy"}
        Mean squared error; Huber's with delta 0.1; Poisson; or cross-entropy of the scores as shares of their sum, the
        same reading as the weighted mean that decodes them.

    Returns
    -------
    keras.losses.Loss
        Averaged over the constructs of a batch.
    """
    return {
        "mse": keras.losses.MeanSquaredError,
        "huber": lambda: keras.losses.Huber(delta=0.1),
        "poisson": Poisson,
        "categorical_crossentropy": CategoricalCrossentropy,
    }[name]()
