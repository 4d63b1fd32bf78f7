"""Telling whole constructs from other sequences, by the adapters at their ends."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from yeastpromoter.sequence.construct import LEFT_ADAPTER, RIGHT_ADAPTER
from yeastpromoter.sequence.encoding import letters, reverse_complement

#: Substitutions that each adapter of a construct may have: mutagenesis of whole constructs changes one or a few bases,
#: and the public measurements (de Boer et al. 2020) have up to three. An N in an adapter counts as a substitution.
MOST_SUBSTITUTIONS = 3

#: Letters at each end of a sequence that are looked at.
END_LENGTH = max(len(LEFT_ADAPTER), len(RIGHT_ADAPTER))


def _reversed_complement(sequence: str) -> str:
    return reverse_complement(letters([sequence]))[0].tobytes().decode("ascii")


def _complement(sequence: str) -> str:
    return _reversed_complement(sequence)[::-1]


class Form(NamedTuple):
    """What the ends of a sequence can show it to be.

    Attributes
    ----------
    name : str
        What it is, for messages.
    start, end : str
        What it begins and ends with; an empty text stands for anything.
    advice : str
        What to do about it.
    """

    name: str
    start: str
    end: str
    advice: str


CONSTRUCT = Form("a construct", LEFT_ADAPTER, RIGHT_ADAPTER, "")

#: The forms, tried in this order.
FORMS = (
    CONSTRUCT,
    Form(
        "the reverse complement of a construct",
        _reversed_complement(RIGHT_ADAPTER),
        _reversed_complement(LEFT_ADAPTER),
        "give the strand that reads toward the reporter gene, by taking the reverse complement",
    ),
    Form(
        "a construct with its adapters swapped",
        RIGHT_ADAPTER,
        LEFT_ADAPTER,
        f"put {LEFT_ADAPTER} before the insert and {RIGHT_ADAPTER} after it",
    ),
    Form(
        "a construct written backwards",
        RIGHT_ADAPTER[::-1],
        LEFT_ADAPTER[::-1],
        "write them 5' to 3': reverse the text",
    ),
    Form(
        "the complement of a construct",
        _complement(LEFT_ADAPTER),
        _complement(RIGHT_ADAPTER),
        "take the complement of each base, without reversing the text",
    ),
    Form("a sequence with the left adapter alone", LEFT_ADAPTER, "", f"the right adapter, {RIGHT_ADAPTER}, is missing"),
    Form("a sequence with the right adapter alone", "", RIGHT_ADAPTER, f"the left adapter, {LEFT_ADAPTER}, is missing"),
    Form(
        "a sequence without adapters",
        "",
        "",
        "give the 80 bp between the adapters, as an insert: the adapters are added to it",
    ),
)


def _differences(ends: np.ndarray, wanted: str, at_start: bool) -> np.ndarray:
    """Substitutions between the ends of sequences and what they are compared with, `int64` (N,)."""
    part = ends[:, : len(wanted)] if at_start else ends[:, END_LENGTH - len(wanted) :]
    return (part != letters([wanted])).sum(axis=1)


def _shows(form: Form, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return (_differences(starts, form.start, True) <= MOST_SUBSTITUTIONS) & (
        _differences(ends, form.end, False) <= MOST_SUBSTITUTIONS
    )


def forms_of(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Find what sequences are, by their ends.

    Parameters
    ----------
    starts, ends : numpy.ndarray
        The first and the last 17 letters of each sequence, upper-case ASCII codes, `uint8` (N, 17).

    Returns
    -------
    numpy.ndarray
        Index of the first of `FORMS` that each one shows, `int64` (N,): 0 is a construct.
    """
    found = np.zeros(len(starts), dtype=np.int64)
    others = np.flatnonzero(~_shows(CONSTRUCT, starts, ends))
    for index, form in enumerate(FORMS[1:], start=1):
        if not others.size:
            break
        seen = _shows(form, starts[others], ends[others])
        found[others[seen]] = index
        others = others[~seen]
    return found


def hold_adapters(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Find the sequences that are constructs, or parts of them with an adapter, where inserts are wanted.

    Parameters
    ----------
    starts, ends : numpy.ndarray
        As for `forms_of`.

    Returns
    -------
    numpy.ndarray
        `bool` (N,): both adapters are recognised, on either strand, or one of them: the left one with at most one
        substitution, with which a random insert begins 3 times in 10^9, or the right one, which is shorter, without
        any (15 times in 10^9).
    """
    left = _differences(starts, LEFT_ADAPTER, True) <= 1
    right = _differences(ends, RIGHT_ADAPTER, False) == 0
    return left | right | _shows(CONSTRUCT, starts, ends) | _shows(FORMS[1], starts, ends)


def refusal(counts: Counter[int], n: int, first: str, switch: str) -> str:
    """Say which sequences are not constructs, and what to do.

    Parameters
    ----------
    counts : Counter of int
        Number of sequences of each form, by its index in `FORMS`; those of constructs do not matter.
    n : int
        Number of sequences.
    first : str
        The first ones that are not constructs, named.
    switch : str
        How the check is switched off, such as ``check_adapters=False``.

    Returns
    -------
    str
        Sentences.
    """
    others = {FORMS[index]: count for index, count in sorted(counts.items()) if FORMS[index] is not CONSTRUCT and count}
    advice = " ".join(f"{form.name.capitalize()} ({count:,} of them): {form.advice}." for form, count in others.items())
    return (
        f"{sum(others.values()):,} of {n:,} sequences are not constructs, which begin with the adapter {LEFT_ADAPTER} "
        f"and end with {RIGHT_ADAPTER}, each with at most {MOST_SUBSTITUTIONS} substitutions: {first}. {advice} To "
        f"predict them as they stand all the same: {switch}"
    )
