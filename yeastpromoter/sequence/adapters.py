"""Telling whole constructs from other sequences, by the adapters at their ends."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import NamedTuple

import numpy as np

from yeastpromoter.sequence.encoding import letters, reverse_complement
from yeastpromoter.sequence.reporter import Reporter

#: Substitutions that each adapter of a construct may have: mutagenesis of whole constructs changes one or a few bases,
#: and the public measurements (de Boer et al. 2020) have up to three. An N in an adapter counts as a substitution.
MOST_SUBSTITUTIONS = 3

#: Bases of an adapter for each substitution that it may have: shorter adapters may have fewer, as they are met by
#: chance otherwise.
_BASES_PER_SUBSTITUTION = 4


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


@cache
def forms(reporter: Reporter) -> tuple[Form, ...]:
    """List the forms that are told apart, in the order in which they are tried; the first is a construct."""
    left, right = reporter.left_adapter, reporter.right_adapter
    return (
        Form("a construct", left, right, ""),
        Form(
            "the reverse complement of a construct",
            _reversed_complement(right),
            _reversed_complement(left),
            "give the strand that reads toward the reporter gene, by taking the reverse complement",
        ),
        Form(
            "a construct with its adapters swapped",
            right,
            left,
            f"put {left} before the insert and {right} after it",
        ),
        Form("a construct written backwards", right[::-1], left[::-1], "write them 5' to 3': reverse the text"),
        Form(
            "the complement of a construct",
            _complement(left),
            _complement(right),
            "take the complement of each base, without reversing the text",
        ),
        Form("a sequence with the left adapter alone", left, "", f"the right adapter, {right}, is missing"),
        Form("a sequence with the right adapter alone", "", right, f"the left adapter, {left}, is missing"),
        Form(
            "a sequence without adapters",
            "",
            "",
            f"give the {reporter.insert_length} bp between the adapters, as an insert: the adapters are added to it",
        ),
    )


def _differences(ends: np.ndarray, wanted: str, at_start: bool) -> np.ndarray:
    """Substitutions between the ends of sequences and what they are compared with, `int64` (N,)."""
    part = ends[:, : len(wanted)] if at_start else ends[:, ends.shape[1] - len(wanted) :]
    return (part != letters([wanted])).sum(axis=1)


def most_substitutions(adapter: str) -> int:
    """Substitutions that an adapter may have: `MOST_SUBSTITUTIONS`, or fewer in a short one."""
    return min(MOST_SUBSTITUTIONS, len(adapter) // _BASES_PER_SUBSTITUTION)


def _shows(form: Form, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return (_differences(starts, form.start, True) <= most_substitutions(form.start)) & (
        _differences(ends, form.end, False) <= most_substitutions(form.end)
    )


def forms_of(reporter: Reporter, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Find what sequences are, by their ends.

    Parameters
    ----------
    reporter : Reporter
        The reporter.
    starts, ends : numpy.ndarray
        The first and the last `Reporter.end_length` letters of each sequence, upper-case ASCII codes, `uint8` (N, 17)
        for the public reporter.

    Returns
    -------
    numpy.ndarray
        Index of the first of `forms` that each one shows, `int64` (N,): 0 is a construct.
    """
    known = forms(reporter)
    found = np.zeros(len(starts), dtype=np.int64)
    others = np.flatnonzero(~_shows(known[0], starts, ends))
    for index, form in enumerate(known[1:], start=1):
        if not others.size:
            break
        seen = _shows(form, starts[others], ends[others])
        found[others[seen]] = index
        others = others[~seen]
    return found


def hold_adapters(reporter: Reporter, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Find the sequences that are constructs, or parts of them with an adapter, where inserts are wanted.

    Parameters
    ----------
    reporter, starts, ends
        As for `forms_of`.

    Returns
    -------
    numpy.ndarray
        `bool` (N,): both adapters are recognised, on either strand, or one of them: the left one with at most one
        substitution (a random insert begins with that of the public reporter 3 times in 10^9), or the right one, which
        is shorter there, without any (15 times in 10^9).
    """
    if not reporter.has_adapters:
        return np.zeros(len(starts), dtype=bool)
    found = np.zeros(len(starts), dtype=bool)
    if reporter.left_adapter:
        found |= _differences(starts, reporter.left_adapter, True) <= min(1, most_substitutions(reporter.left_adapter))
    if reporter.right_adapter:
        found |= _differences(ends, reporter.right_adapter, False) == 0
    whole, reversed_ = forms(reporter)[:2]
    return found | _shows(whole, starts, ends) | _shows(reversed_, starts, ends)


def refusal(reporter: Reporter, counts: Counter[int], n: int, first: str, switch: str) -> str:
    """Say which sequences are not constructs, and what to do.

    Parameters
    ----------
    reporter : Reporter
        The reporter.
    counts : Counter of int
        Number of sequences of each form, by its index in `forms`; those of constructs do not matter.
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
    known = forms(reporter)
    others = {known[index]: count for index, count in sorted(counts.items()) if index and count}
    advice = " ".join(f"{form.name.capitalize()} ({count:,} of them): {form.advice}." for form, count in others.items())
    left, right = reporter.left_adapter, reporter.right_adapter
    most = {most_substitutions(left), most_substitutions(right)}
    return (
        f"{sum(others.values()):,} of {n:,} sequences are not constructs, which begin with the adapter {left} "
        f"and end with {right}, each with at most {' and '.join(map(str, sorted(most)))} substitutions: {first}. "
        f"{advice} To predict them as they stand all the same: {switch}"
    )
