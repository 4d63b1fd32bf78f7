"""Random inserts: as a neutral background to try things out on, and to learn from."""

from collections.abc import Sequence

import numpy as np

from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.reporter import PTPA

_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


def random_inserts(count: int, seed: int, gc: float = 0.5, length: int = PTPA.insert_length) -> np.ndarray:
    """Draw random inserts, each base independently of the others.

    Parameters
    ----------
    count : int
        How many, N.
    seed : int
        Seed; the same one gives the same inserts.
    gc : float, optional
        Expected fraction of G and C, half of it each; A and T share the rest.
    length : int, optional
        Their length in bp, L.

    Returns
    -------
    numpy.ndarray
        ASCII letters, `uint8` (N, L).

    Raises
    ------
    ValueError
        If `count` is below 1 or `gc` is not between 0 and 1.
    """
    if count < 1:
        raise ValueError(f"the number of random inserts must be at least 1 but is {count}")
    if not 0 <= gc <= 1:
        raise ValueError(f"the GC content of random inserts must be from 0 to 1 but is {gc}")
    share = np.array([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
    return np.random.default_rng(seed).choice(_LETTERS, size=(count, length), p=share)


def inserts_of_any_gc(
    count: int, gc_beta: Sequence[float], rng: np.random.Generator, length: int = PTPA.insert_length
) -> np.ndarray:
    """Draw random inserts whose GC content is spread like a beta distribution.

    Parameters
    ----------
    count : int
        How many, N.
    gc_beta : sequence of float
        Both parameters of the beta distribution.
    rng : numpy.random.Generator
        Source of the random numbers.
    length : int, optional
        Their length in bp, L.

    Returns
    -------
    numpy.ndarray
        ASCII letters, `uint8` (N, L).
    """
    gc = rng.beta(*gc_beta, size=(count, 1))
    is_gc = rng.random((count, length)) < gc
    second = rng.integers(0, 2, (count, length), dtype=np.uint8)
    return np.where(is_gc, _LETTERS[1 + second], _LETTERS[3 * second])
