"""What a sequence and its bucket scores say of how sure a prediction is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from yeastpromoter.sequence.construct_rules import upper_case
from yeastpromoter.sequence.encoding import ALPHABET, gc_content, letters
from yeastpromoter.sequence.reporter import PTPA, Reporter

#: Letters of the words that are counted: nearly all of the 256 words of 4 letters differ in a random insert.
WORD_LENGTH = 4

#: The pairs of neighbouring bases, in alphabetical order.
DINUCLEOTIDES = tuple(first + second for first in ALPHABET for second in ALPHABET)

_N = ord("N")

#: Number of each base by its ASCII code; 4 for any other letter.
_CODES = np.full(256, len(ALPHABET))
_CODES[letters([ALPHABET])[0]] = range(len(ALPHABET))


class Signals(NamedTuple):
    """What is looked at of N constructs and their bucket scores, each `float64` (N,) unless it says otherwise.

    Attributes
    ----------
    gc : numpy.ndarray
        GC content of the insert, 0 to 1.
    longest_run : numpy.ndarray
        Length of the longest run of one base in the insert, in bp; N is not a base.
    distinct_4mers : numpy.ndarray
        Number of different words of 4 letters in the insert: few in repeats.
    unknown : numpy.ndarray
        Number of N in the insert.
    expression : numpy.ndarray
        Predicted expression, on the scale of the buckets.
    negative : numpy.ndarray
        Sum of the negative bucket scores, its sign turned: 0 for scores that are a distribution.
    entropy : numpy.ndarray
        Entropy of the positive bucket scores, divided by their sum, in nats: 0 where one bucket has all, and with 18
        buckets ln 18 = 2.89 where all have the same. NaN where no score is positive.
    dinucleotides : numpy.ndarray
        Share of each of `DINUCLEOTIDES` among the pairs of neighbouring bases in the insert, (N, 16).
    """

    gc: np.ndarray
    longest_run: np.ndarray
    distinct_4mers: np.ndarray
    unknown: np.ndarray
    expression: np.ndarray
    negative: np.ndarray
    entropy: np.ndarray
    dinucleotides: np.ndarray


def signals_of(
    constructs: np.ndarray, scores: np.ndarray, expression: np.ndarray, reporter: Reporter = PTPA
) -> Signals:
    """Compute the signals of some constructs.

    Parameters
    ----------
    constructs : numpy.ndarray
        ASCII letters, A, C, G, T and N in either case, `uint8` (N, L).
    scores : numpy.ndarray
        Their bucket scores, (N, B).
    expression : numpy.ndarray
        The expression that these are decoded into, (N,).
    reporter : Reporter, optional
        The reporter of the constructs.

    Returns
    -------
    Signals
        Of each construct.
    """
    inserts = upper_case(constructs[:, reporter.insert])
    scores = np.asarray(scores, dtype=np.float64)
    positive = np.maximum(scores, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = positive / positive.sum(axis=1, keepdims=True)
        surprise = np.where(share > 0, -share * np.log(share), share)
    return Signals(
        gc=gc_content(inserts),
        longest_run=_longest_run(inserts),
        distinct_4mers=_distinct_words(inserts),
        unknown=(inserts == _N).sum(axis=1).astype(np.float64),
        expression=np.asarray(expression, dtype=np.float64),
        negative=(positive - scores).sum(axis=1),
        entropy=surprise.sum(axis=1),
        dinucleotides=_dinucleotides(inserts),
    )


def _longest_run(inserts: np.ndarray) -> np.ndarray:
    longest = run = np.ones(len(inserts))
    for column in range(1, inserts.shape[1]):
        same = (inserts[:, column] == inserts[:, column - 1]) & (inserts[:, column] != _N)
        run = np.where(same, run + 1, 1)
        longest = np.maximum(longest, run)
    return longest


def _distinct_words(inserts: np.ndarray) -> np.ndarray:
    words = np.lib.stride_tricks.sliding_window_view(inserts, WORD_LENGTH, axis=1)
    # Four bytes are one number, so that equal words are equal numbers, next to each other once they are sorted.
    numbers = np.sort(np.ascontiguousarray(words).view(np.uint32)[..., 0], axis=1)
    return 1.0 + (np.diff(numbers, axis=1) != 0).sum(axis=1)


def _dinucleotides(inserts: np.ndarray) -> np.ndarray:
    # Of five letters, N the last, the pairs are the numbers 0 to 24; each row counts its own.
    codes = _CODES[inserts]
    pairs = 5 * codes[:, :-1] + codes[:, 1:] + 25 * np.arange(len(inserts))[:, np.newaxis]
    counts = np.bincount(pairs.ravel(), minlength=25 * len(inserts)).reshape(len(inserts), 5, 5)
    return counts[:, :4, :4].reshape(len(inserts), len(DINUCLEOTIDES)) / (inserts.shape[1] - 1)
