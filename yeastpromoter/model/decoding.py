"""Decoding: from the bucket scores of a construct to its expression.

The network gives one score for each sorting bucket. They are the raw outputs of a linear layer, neither
probabilities nor logits, so single scores may be negative and their sum need not be 1.
"""

import math
from collections.abc import Sequence
from numbers import Real

import numpy as np

#: What the 18 buckets of the public measurements stand for.
BUCKET_VALUES = tuple(range(18))

METHODS = ("weighted_mean", "argmax")

#: Scores whose sum is smaller than this share of the sum of their absolute values cancel one another: the
#: weighted mean would be a quotient of rounding errors.
CANCELLATION = 1e-6


def check_bucket_values(bucket_values: Sequence[float]) -> np.ndarray:
    """Check what the buckets stand for.

    Parameters
    ----------
    bucket_values : sequence of float
        Expression that each of B buckets stands for.

    Returns
    -------
    numpy.ndarray
        `float64` (B,).

    Raises
    ------
    ValueError
        If there are fewer than two, one is not a finite number, one is below the one before (the buckets are in the
        order of rising expression), or all are equal.
    """
    found = list(bucket_values)
    if len(found) < 2:
        raise ValueError(f"bucket_values must be two numbers or more but are {found}")
    for number, value in enumerate(found):
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise ValueError(f"bucket_values[{number}] is {value!r} but must be a finite number")
        if number and value < found[number - 1]:
            raise ValueError(
                f"bucket_values[{number}] is {value!r}, less than the {found[number - 1]!r} before it, but the buckets "
                "are in the order of rising expression"
            )
    if found[0] == found[-1]:
        raise ValueError(f"bucket_values are all {found[0]!r}, but buckets have to differ in expression")
    return np.array(found, dtype=np.float64)


def decode(
    scores: np.ndarray,
    bucket_values: Sequence[float] = BUCKET_VALUES,
    method: str = "weighted_mean",
) -> np.ndarray:
    """Decode bucket scores into expression.

    With scores ``s`` and bucket values ``b``, the two methods are

    - ``weighted_mean``: ``sum(s * b) / sum(s)``, the mean bucket weighted by the scores, as in the report of
      the KircherLab model (DREAM Challenge 2022, section 3: ``numpy.average(range(18), weights=s)``);
    - ``argmax``: the value of the bucket with the largest score, the lowest such bucket on a tie.

    Parameters
    ----------
    scores : numpy.ndarray
        Bucket scores, any real dtype, (N, B).
    bucket_values : sequence of float, optional
        Expression that each bucket stands for, (B,). Default 0 to 17.
    method : {"weighted_mean", "argmax"}, optional
        How to decode.

    Returns
    -------
    numpy.ndarray
        Expression on the scale of `bucket_values`, `float64` (N,).

        Negative scores count with their sign, so a weighted mean can lie outside the range of the bucket
        values; nothing is clipped. The weighted mean is NaN where it is undefined: where the scores sum to
        zero or cancel to less than 1e-6 of the sum of their absolute values. A row that holds a NaN or an
        infinite score is NaN with either method.

    Raises
    ------
    ValueError
        If `method` is unknown or the shapes do not fit.
    """
    if method not in METHODS:
        raise ValueError(f"decoding method must be one of {', '.join(METHODS)} but is {method!r}")
    values = np.asarray(bucket_values, dtype=np.float64)
    weights = np.asarray(scores, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1:] != values.shape:
        raise ValueError(
            f"bucket scores have shape {weights.shape} but must have shape (N, {values.size}), one score for each "
            "bucket value"
        )
    undefined = ~np.isfinite(weights).all(axis=1)
    weights = np.where(undefined[:, np.newaxis], 0.0, weights)
    if method == "argmax":
        expression = values[weights.argmax(axis=1)]
    else:
        total = weights.sum(axis=1)
        undefined |= np.abs(total) <= CANCELLATION * np.abs(weights).sum(axis=1)
        expression = weights @ values / np.where(undefined, 1.0, total)
    return np.where(undefined, np.nan, expression)
