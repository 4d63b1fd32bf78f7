"""What the differences between two constructs do, each alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from yeastpromoter.sequence.construct_rules import upper_case
from yeastpromoter.sequence.reporter import Reporter


class Differences(NamedTuple):
    """The differences between two constructs, A and B, in the order of their positions.

    Attributes
    ----------
    positions : numpy.ndarray
        Positions in the insert, from 1 at its first base, `int64` (D,).
    bases_a, bases_b : str
        The bases of A and of B there, D letters.
    effects_in_a : numpy.ndarray
        Expression of A with one base of B, minus that of A, `float64` (D,).
    effects_in_b : numpy.ndarray
        Expression of B, minus that of B with one base of A, `float64` (D,).
    expression_a, expression_b : float
        Expression of A and of B.
    """

    positions: np.ndarray
    bases_a: str
    bases_b: str
    effects_in_a: np.ndarray
    effects_in_b: np.ndarray
    expression_a: float
    expression_b: float


def compare_constructs(
    expression: Callable[[np.ndarray], np.ndarray], a: np.ndarray, b: np.ndarray, reporter: Reporter
) -> Differences:
    """Predict what each difference between two constructs does.

    Parameters
    ----------
    expression : callable
        From constructs, ASCII letters, `uint8` (N, L), to their expression, (N,).
    a, b : numpy.ndarray
        ASCII letters of the constructs, `uint8` (L,). Lower case is not a difference.
    reporter : Reporter
        The reporter of the constructs.

    Returns
    -------
    Differences
    """
    a, b = upper_case(a), upper_case(b)
    places = np.flatnonzero(a != b)
    rows = np.arange(places.size)
    changed_a, changed_b = (np.repeat(x[np.newaxis], places.size, axis=0) for x in (a, b))
    changed_a[rows, places], changed_b[rows, places] = b[places], a[places]
    of_a, of_b, *of_changed = expression(np.concatenate([[a, b], changed_a, changed_b]))
    of_changed = np.reshape(of_changed, (2, places.size))
    return Differences(
        np.array(reporter.positions("construct"))[places],
        a[places].tobytes().decode("ascii"),
        b[places].tobytes().decode("ascii"),
        of_changed[0] - of_a,
        of_b - of_changed[1],
        float(of_a),
        float(of_b),
    )
