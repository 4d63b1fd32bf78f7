"""What a design is to reach: a target expression, a range, the highest or the lowest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: How near to a target expression a design has to be, in buckets.
TOLERANCE = 0.1


@dataclass(frozen=True)
class Goal:
    """An expression to be reached.

    Parameters
    ----------
    name : str
        What tables call it.
    low, high : float
        The range of expression that it is reached in, in buckets; both infinite for the highest expression there is,
        both minus infinity for the lowest.
    """

    name: str
    low: float
    high: float

    @property
    def is_extreme(self) -> bool:
        """Whether it is the highest or the lowest expression, which is never reached."""
        return math.isinf(self.low)

    def distance(self, expression: np.ndarray) -> np.ndarray:
        """How far expressions are from the goal, in buckets, of any shape; 0 within the range.

        For an extreme it is the expression itself, with its sign turned for the highest.
        """
        if self.is_extreme:
            return -np.asarray(expression) if self.low > 0 else np.asarray(expression)
        return np.maximum(0, np.maximum(self.low - expression, expression - self.high))


HIGHEST = Goal("highest", math.inf, math.inf)
LOWEST = Goal("lowest", -math.inf, -math.inf)


def target(expression: float) -> Goal:
    """The goal of an expression, within `TOLERANCE`.

    Raises
    ------
    ValueError
        If it is not a finite number.
    """
    if not math.isfinite(expression):
        raise ValueError(f"the target is {expression} but must be a finite number, on the scale from 0 to 17")
    return Goal(f"{expression:g}", expression - TOLERANCE, expression + TOLERANCE)


def within(low: float, high: float) -> Goal:
    """The goal of an expression in a range.

    Raises
    ------
    ValueError
        If the range does not consist of two finite numbers, the lower one first.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"the range is {low:g} to {high:g} but must be two numbers, the lower one first")
    return Goal(f"{low:g} to {high:g}", low, high)
