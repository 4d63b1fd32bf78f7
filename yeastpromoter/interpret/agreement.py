"""How well contributions agree with saturation mutagenesis, by rank, sequence by sequence."""

from __future__ import annotations

import numpy as np

from yeastpromoter.sequence.encoding import ALPHABET

#: What is compared; see `rank_agreement`.
MEASURES = ("positions", "substitutions")


def rank_agreement(hypothetical: np.ndarray, effects: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Spearman correlation of contributions with the effects of substitutions, for each sequence.

    Parameters
    ----------
    hypothetical : numpy.ndarray
        Hypothetical contributions of the four bases, (N, L, 4).
    effects : numpy.ndarray
        Effects (alt − ref) of putting each base there, (N, L, 4). That of the base that is there is not used.
    x : numpy.ndarray
        The sequences, one-hot, without N, (N, L, 4).

    Returns
    -------
    dict of str to numpy.ndarray
        For each of `MEASURES`, `float64` (N,); NaN where there is nothing to rank.

        - ``positions``: over the L positions, the contribution of the base that is there against minus the mean effect
          of the three substitutions;
        - ``substitutions``: over the 3 L substitutions, the hypothetical contribution of the new base minus that of the
          old one against the effect.

        A network that is linear in its input would have 1 in both, for either method of
        `yeastpromoter.interpret.contributions`.

    Raises
    ------
    ValueError
        If the shapes differ or a position is not a single base.
    """
    if not hypothetical.shape == effects.shape == x.shape or x.shape[2:] != (len(ALPHABET),):
        raise ValueError(
            f"contributions, effects and sequences have shapes {hypothetical.shape}, {effects.shape} and {x.shape} but "
            f"must have one shape (N, L, {len(ALPHABET)})"
        )
    is_base = x == 1
    if not (is_base.sum(axis=2) == 1).all():
        raise ValueError("a position is not a single base, but N cannot be compared")
    count = len(x)
    own = (hypothetical * is_base).sum(axis=2)
    mean_effect = np.where(is_base, 0, effects).sum(axis=2) / (len(ALPHABET) - 1)
    change = (hypothetical - own[:, :, np.newaxis])[~is_base].reshape(count, -1)
    return {
        "positions": spearman(own, -mean_effect),
        "substitutions": spearman(change, effects[~is_base].reshape(count, -1)),
    }


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman correlation of each row of one matrix with the same row of another.

    Parameters
    ----------
    first, second : numpy.ndarray
        (N, M). Ties have their mean rank.

    Returns
    -------
    numpy.ndarray
        `float64` (N,); NaN where a row does not vary or holds NaN.
    """
    import pandas as pd

    ranks = [pd.DataFrame(matrix).rank(axis=1).to_numpy() for matrix in (first, second)]
    first, second = (matrix - matrix.mean(axis=1, keepdims=True) for matrix in ranks)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.divide((first * second).sum(axis=1), scale, out=np.full(len(first), np.nan), where=scale > 0)
