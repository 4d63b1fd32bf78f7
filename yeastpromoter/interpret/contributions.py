"""Contributions: how much each base of a sequence adds to its predicted expression.

Both methods start from gradients of the decoded expression and give *hypothetical contributions*, one number for
each base at each position: what that base adds there, in units of expression (buckets), compared with the base
composition of a baseline at that position. The contribution of the base that the sequence has is one of the four.

Gradient × input, corrected for the simplex
    The four inputs of a position always sum to 1, so the part of the gradient that all four share says nothing
    about DNA: training never constrained it. It is taken off by subtracting the mean over the four bases
    (Majdandzic et al. 2023, Genome Biol. 24, 109, doi:10.1186/s13059-023-02956-3).

Integrated gradients
    The mean of the gradient along the straight path from a baseline to the sequence, times their difference
    (Sundararajan et al. 2017, arXiv:1703.01365). The contributions of a sequence sum to its expression minus that
    of the baseline (*completeness*), up to the error of the numerical integral.

    The baseline has the adapters as they are, which therefore contribute nothing, and each base with 0.25 in the
    insert. With it the method is the first one with the corrected gradient averaged along the path, needs no random
    numbers and one path for each sequence. It costs meaning: an insert of N lies far from all inserts that were
    measured, so its predicted expression, and with it the level that contributions are counted from, is an
    extrapolation of the network. The differences between the bases of a position do not depend on that level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.model.gradients import expression_cotangent, input_gradient
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.model_input import as_constructs, of_input

if TYPE_CHECKING:
    from yeastpromoter.model.entry import TrainedNetwork
    from yeastpromoter.sequence.reporter import Reporter

#: Points of the integral. With the trained network that was tried the remainder of `integrated_gradients` is then about
#: a hundredth of a bucket (64 random inserts: median 0.004, largest 0.018; half of that with 128); the command reports
#: the largest.
STEPS = 64

#: Rows that pass through the network at once: with their inner layers about 0.6 GB of memory.
BATCH_SIZE = 256


def gradient_x_input(trained: TrainedNetwork, x: np.ndarray, batch_size: int = BATCH_SIZE) -> np.ndarray:
    """Hypothetical contributions by the gradient of the expression, corrected for the simplex.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    x : numpy.ndarray
        One-hot constructs or inserts, (N, L, 4), as `yeastpromoter.sequence.model_input.as_constructs`
        takes them.
    batch_size : int, optional
        Rows that pass through the network at once.

    Returns
    -------
    numpy.ndarray
        Gradient minus its mean over the four bases, in buckets, `float64`, the shape of `x`: each position sums to
        zero. NaN in records whose expression is undefined. `at_sequence` takes the contributions of the sequence.

    Raises
    ------
    ValueError
        If `x` is not as above, or if the expression is decoded by argmax, which is a step function.
    NotImplementedError
        If the Keras backend is neither TensorFlow nor JAX.
    """
    constructs = as_constructs(x, reporter=trained.reporter)
    gradients = expression_gradient(trained, constructs, batch_size)
    return of_input(relative_to(gradients, np.full(len(ALPHABET), 1 / len(ALPHABET))), np.shape(x)[1], trained.reporter)


def integrated_gradients(
    trained: TrainedNetwork,
    x: np.ndarray,
    batch_size: int = BATCH_SIZE,
    steps: int = STEPS,
    baseline: np.ndarray | None = None,
) -> np.ndarray:
    """Hypothetical contributions by integrated gradients of the expression.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    x : numpy.ndarray
        One-hot constructs or inserts, (N, L, 4), as `yeastpromoter.sequence.model_input.as_constructs`
        takes them.
    batch_size : int, optional
        Rows that pass through the network at once.
    steps : int, optional
        Points of the integral along the path (Gauss and Legendre's), each of which costs one gradient.
    baseline : numpy.ndarray, optional
        Where the path starts, (N, L, 4) or (L, 4), each position summing to 1. Default: `uniform_baseline`.

    Returns
    -------
    numpy.ndarray
        In buckets, `float64`, the shape of `x`; at each position the sum weighted by the baseline is zero. NaN in
        records where the expression is undefined somewhere on the path. The contributions that `at_sequence` takes
        of it sum, over a whole construct, to the expression of `x` minus that of the baseline.

    Raises
    ------
    ValueError
        If an argument is none of that, or if the expression is decoded by argmax.
    NotImplementedError
        If the Keras backend is neither TensorFlow nor JAX.
    """
    if steps < 1:
        raise ValueError(f"the number of steps must be at least 1 but is {steps}")
    constructs = as_constructs(x, reporter=trained.reporter).astype(np.float64)
    baseline = uniform_baseline(constructs, trained.reporter) if baseline is None else _checked(baseline, constructs)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    nodes, weights = (nodes + 1) / 2, weights / 2
    mean = np.zeros_like(constructs)
    # Rows are pairs of a record and a step, so that few sequences fill a batch as well as many.
    for first in range(0, len(constructs) * steps, batch_size):
        pair = np.arange(first, min(first + batch_size, len(constructs) * steps))
        record, step = pair // steps, pair % steps
        start = baseline[record]
        points = start + nodes[step, np.newaxis, np.newaxis] * (constructs[record] - start)
        gradients = expression_gradient(trained, points, batch_size)
        np.add.at(mean, record, weights[step, np.newaxis, np.newaxis] * gradients)
    return of_input(relative_to(mean, baseline), np.shape(x)[1], trained.reporter)


def uniform_baseline(constructs: np.ndarray, reporter: Reporter) -> np.ndarray:
    """Baseline of constructs that says nothing of the insert: every base with 0.25, adapters as they are.

    Parameters
    ----------
    constructs : numpy.ndarray
        (N, L, 4).
    reporter : Reporter
        Their reporter.

    Returns
    -------
    numpy.ndarray
        (N, L, 4), dtype of `constructs`.
    """
    baseline = constructs.copy()
    baseline[:, reporter.insert] = 1 / len(ALPHABET)
    return baseline


def at_sequence(hypothetical: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Contributions of the bases that a sequence has.

    Parameters
    ----------
    hypothetical : numpy.ndarray
        Hypothetical contributions, (N, L, 4).
    x : numpy.ndarray
        One-hot sequences, (N, L, 4).

    Returns
    -------
    numpy.ndarray
        (N, L). At an N, the mean over the four bases: zero where the baseline is uniform.
    """
    return (hypothetical * x).sum(axis=2)


def relative_to(gradients: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Take off of gradients what the bases of a position have in common, as a baseline weighs them.

    Parameters
    ----------
    gradients : numpy.ndarray
        (N, L, 4).
    baseline : numpy.ndarray
        Weights of the four bases, summing to 1: (4,), or (N, L, 4) by position.

    Returns
    -------
    numpy.ndarray
        Gradients minus their weighted mean at each position, (N, L, 4).
    """
    return gradients - (gradients * baseline).sum(axis=-1, keepdims=True)


def expression_gradient(trained: TrainedNetwork, x: np.ndarray, batch_size: int = BATCH_SIZE) -> np.ndarray:
    """Gradient of the decoded expression with respect to the input, in batches.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    x : numpy.ndarray
        Input, any finite numbers, (N, L, 4).
    batch_size : int, optional
        Rows that pass through the network at once.

    Returns
    -------
    numpy.ndarray
        `float64` (N, L, 4); NaN in records whose expression is undefined.

    Raises
    ------
    ValueError
        If the expression is decoded by argmax, or if `batch_size` is below 1.
    NotImplementedError
        If the Keras backend is neither TensorFlow nor JAX.
    """
    if trained.decoding == "argmax":
        raise ValueError(
            "an expression decoded by argmax has no gradient: it is a step function. Set decoding to weighted_mean in "
            "model.yaml"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1 but is {batch_size}")
    gradients = np.empty(x.shape, dtype=np.float64)
    for first in range(0, len(x), batch_size):
        rows = slice(first, first + batch_size)
        gradients[rows] = input_gradient(
            trained.network, x[rows], lambda scores: expression_cotangent(scores, trained.bucket_values)
        )
    return gradients


def _checked(baseline: np.ndarray, constructs: np.ndarray) -> np.ndarray:
    baseline = np.asarray(baseline, dtype=np.float64)
    shape = constructs.shape[1:]
    if baseline.shape not in (shape, constructs.shape):
        raise ValueError(f"the baseline has shape {baseline.shape} but must have shape {shape} or {constructs.shape}")
    if not np.allclose(baseline.sum(axis=-1), 1):
        raise ValueError("the baseline must sum to 1 over the four bases at every position")
    return np.broadcast_to(baseline, constructs.shape)


#: The methods by their names on the command line; all give hypothetical contributions.
METHODS: dict[str, Callable[..., np.ndarray]] = {
    "gradient_x_input": gradient_x_input,
    "integrated_gradients": integrated_gradients,
}
