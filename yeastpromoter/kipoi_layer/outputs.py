"""What the Kipoi models give for a batch, also to those who have no Kipoi."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from yeastpromoter.model.entry import TrainedNetwork


def expression_outputs(trained: TrainedNetwork, letters: np.ndarray, interval: int | None) -> dict[str, np.ndarray]:
    """Predict expression, in the form of the Kipoi model.

    Parameters
    ----------
    trained : TrainedNetwork
        The network.
    letters : numpy.ndarray
        ASCII codes of constructs, `uint8` (N, L).
    interval : int or None
        Level of the prediction intervals, in percent; None for none.

    Returns
    -------
    dict of numpy.ndarray
        ``expression``, `float32` (N,), mean sorting bucket, NaN where the decoding is undefined. With an `interval`
        also its ends, ``lower`` and ``upper``, `float32` (N,), and ``flagged``, `uint8` (N,), 1 where the sequence or
        its prediction is unlike the training data.
    """
    scores = trained.bucket_scores(letters)
    expression = trained.decode(scores)
    outputs = {"expression": expression.astype(np.float32)}
    if interval is not None:
        lower, upper, flags = trained.bounds(letters, scores, expression, interval)
        outputs |= {"lower": lower.astype(np.float32), "upper": upper.astype(np.float32)}
        outputs["flagged"] = np.array([bool(flag) for flag in flags], dtype=np.uint8)
    return outputs


def effect_interval(trained: TrainedNetwork, interval: int | None) -> int | None:
    """Return the level of the intervals of effects: the model's, or None where its calibration has none of effects.

    Raises
    ------
    ValueError
        If a level is asked for, but the network has no calibration, or not for that level.
    """
    if interval is not None and trained.need_calibration(interval).effects is None:
        return None
    return interval
