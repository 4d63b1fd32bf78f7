"""Model input: what an array must be to count as one-hot constructs or inserts."""

from __future__ import annotations

import weakref
from collections import Counter
from itertools import permutations

import numpy as np

from yeastpromoter.sequence.adapters import forms, forms_of, refusal
from yeastpromoter.sequence.encoding import ALPHABET, letters_of, one_hot
from yeastpromoter.sequence.reporter import PTPA, Reporter

#: Orders of the columns that may have been meant, the right one left out.
_ORDERS = [order for order in permutations(range(len(ALPHABET))) if order != tuple(range(len(ALPHABET)))]
#: Records that a message names.
_NAMED = 5


#: Arrays of constructs that need no look at their adapters, by their identity. They are not kept alive by it.
_RECOGNISED: dict[int, weakref.ref] = {}


def mark_recognised(constructs: np.ndarray) -> np.ndarray:
    """Mark one-hot constructs as recognised by their reader, or as wanted as they are.

    `as_constructs` takes them without looking for the adapters, which are not at their places in constructs that were
    fitted. The mark is on this array alone: what is computed, copied or cut out of it is checked like any other.

    Parameters
    ----------
    constructs : numpy.ndarray
        (N, L, 4).

    Returns
    -------
    numpy.ndarray
        The same array.
    """
    key = id(constructs)
    _RECOGNISED[key] = weakref.ref(constructs, lambda _: _RECOGNISED.pop(key, None))
    return constructs


def _is_recognised(x: object) -> bool:
    reference = _RECOGNISED.get(id(x))
    return reference is not None and reference() is x


def construct_letters(x: np.ndarray, check_adapters: bool = True, reporter: Reporter = PTPA) -> np.ndarray:
    """Check one-hot model input and read the constructs that it is of.

    Parameters
    ----------
    x : numpy.ndarray
        One-hot constructs, (N, L, 4), or inserts, to which the adapters are added, as `as_constructs` takes them.
    check_adapters, reporter
        As for `as_constructs`.

    Returns
    -------
    numpy.ndarray
        Upper-case ASCII letters of the constructs, `uint8` (N, L).

    Raises
    ------
    ValueError
        As from `as_constructs`.
    """
    check_adapters = check_adapters and not _is_recognised(x)
    x = _as_numbers(x, reporter)
    found = letters_of(x)
    if not np.array_equal(one_hot(found), x):
        _check_finite(x)
        _check_one_hot(x)
    _check_known(found, reporter)
    if found.shape[1] != reporter.construct_length:
        return reporter.constructs(found)
    if check_adapters and reporter.has_adapters:
        _check_adapters(x, found, reporter)
    return found


def as_constructs(
    x: np.ndarray, only_one_hot: bool = True, check_adapters: bool = True, reporter: Reporter = PTPA
) -> np.ndarray:
    """Check model input and bring it to one-hot constructs.

    Parameters
    ----------
    x : numpy.ndarray
        Constructs, (N, L, 4), or inserts, to which the adapters are added; of the public reporter (N, 110, 4) and
        (N, 80, 4). Columns in the order A, C, G, T; any floating, integer or boolean dtype.
    only_one_hot : bool, optional
        Whether every position must be one base (a 1 and three 0) or N (four times 0.25). Without it any finite
        numbers are taken, as methods that walk between sequences (integrated gradients) need them.
    check_adapters : bool, optional
        Whether constructs must have their adapters (`yeastpromoter.sequence.adapters`); only with `only_one_hot`.
        Constructs of `mark_recognised` are not checked again.
    reporter : Reporter, optional
        The reporter of the constructs.

    Returns
    -------
    numpy.ndarray
        Constructs, `float32` (N, L, 4).

    Raises
    ------
    ValueError
        If the shape or the dtype is wrong, if a value is NaN or infinite, or, with `only_one_hot`, if a position
        is neither a base nor N, an insert holds nothing but N, or a construct lacks its adapters; the message says
        what they show instead, such as columns in another order.
    """
    if only_one_hot:
        return one_hot(construct_letters(x, check_adapters, reporter))
    x = _as_numbers(x, reporter)
    _check_finite(x)
    x = np.ascontiguousarray(x, dtype=np.float32)
    if x.shape[1] == reporter.construct_length:
        return x
    constructs = one_hot(reporter.constructs(np.full(x.shape[:2], ord("N"), dtype=np.uint8)))
    constructs[:, reporter.insert] = x
    return constructs


def of_input(constructs: np.ndarray, length: int, reporter: Reporter = PTPA) -> np.ndarray:
    """Cut values for constructs back to what was given: constructs, or their inserts.

    Parameters
    ----------
    constructs : numpy.ndarray
        Values for each base of each construct, (N, L, 4).
    length : int
        Length of the sequences that were given, that of a construct or of an insert.
    reporter : Reporter, optional
        The reporter of the constructs.

    Returns
    -------
    numpy.ndarray
        The same values for constructs, (N, L, 4), or for the inserts within them.
    """
    if length == reporter.construct_length:
        return constructs
    return constructs[:, reporter.insert]


def _as_numbers(x: np.ndarray, reporter: Reporter) -> np.ndarray:
    wanted = (reporter.construct_length, reporter.insert_length)
    shapes = " or ".join(f"(N, {length}, {len(ALPHABET)}) for {name}s" for name, length in reporter.lengths.items())
    try:
        x = np.asarray(x)
    except ValueError:
        raise ValueError(f"model input is a list of arrays of different shapes but must have shape {shapes}") from None
    if x.dtype.name == "bfloat16":  # numpy does not know it as a floating dtype
        x = x.astype(np.float32)
    if x.dtype.kind not in "fiub":
        hint = ""
        if x.ndim == 0 and isinstance(x.item(), dict):
            hint = "; of a dataloader's batch the model takes batch['inputs']"
        if x.dtype.kind in "US":
            hint = "; one-hot encode sequences first: yeastpromoter.sequence.encoding.one_hot(letters(sequences))"
        raise ValueError(f"model input has dtype {x.dtype} but must be an array of numbers{hint}")
    if x.ndim != 3 or x.shape[1] not in wanted or x.shape[2] != len(ALPHABET):
        hint = ""
        if x.ndim == 2 and x.shape[0] in wanted and x.shape[1] == len(ALPHABET):
            hint = "; a single sequence needs a batch axis: x[numpy.newaxis]"
        elif x.ndim == 3 and x.shape[1] == len(ALPHABET) and x.shape[2] in wanted:
            hint = "; the bases are on the second axis and belong on the last: x.swapaxes(1, 2)"
        elif x.ndim == 3 and x.shape[2] == len(ALPHABET):
            hint = (
                "; sequences of another length have to be brought to one of these first "
                "(yeastpromoter.sequence.reporter.Reporter.fit_construct), and a genome interval comes out shorter "
                "where it "
                "reaches over the end of its chromosome"
            )
        raise ValueError(f"model input has shape {x.shape} but must have shape {shapes}{hint}")
    return x


def _check_finite(x: np.ndarray) -> None:
    finite = np.isfinite(x)
    if not finite.all():
        record, position, column = _first(~finite)
        raise ValueError(
            f"model input holds {x[record, position, column]} at {_where(record, position)}, column "
            f"{ALPHABET[column]}, but must be finite"
        )


def _check_one_hot(x: np.ndarray) -> None:
    ones = (x == 1).sum(axis=2)
    zeros = (x == 0).sum(axis=2)
    base = (ones == 1) & (zeros == len(ALPHABET) - 1)
    valid = base | (x == 1 / len(ALPHABET)).all(axis=2)
    record, position = _first(~valid)
    count = int((~valid).any(axis=1).sum())
    hint = ""
    if zeros[record, position] == len(ALPHABET):
        hint = (
            "; some encoders make zeros of lower-case letters (soft-masked genomes) and of letters other than "
            "A, C, G, T, N"
        )
    raise ValueError(
        f"model input is not one-hot in {count} of {len(x)} records: {_where(record, position)} is "
        f"{x[record, position].tolist()} but must hold a single 1 and otherwise 0, or 0.25 each for N{hint}"
    )


def _check_known(found: np.ndarray, reporter: Reporter) -> None:
    """Refuse inserts that hold nothing but N."""
    inserts = found[:, reporter.insert] if found.shape[1] == reporter.construct_length else found
    unknown = (inserts == ord("N")).all(axis=1)
    if unknown.any():
        raise ValueError(
            f"{unknown.sum():,} of {len(found):,} records of the model input hold nothing but N, which cannot be "
            f"predicted; the first is record {np.argmax(unknown)} of the batch (counted from 0)"
        )


def _check_adapters(x: np.ndarray, found: np.ndarray, reporter: Reporter) -> None:
    def shown(rows: np.ndarray) -> np.ndarray:
        return forms_of(reporter, rows[:, : reporter.end_length], rows[:, -reporter.end_length :])

    numbers = shown(found)
    strange = np.flatnonzero(numbers)
    if not strange.size:
        return
    for order in _ORDERS:
        # Where column c holds the base order[c].
        reordered = letters_of(x[strange][:, :, [order.index(base) for base in range(len(ALPHABET))]])
        if not shown(reordered).any():
            found = "".join(ALPHABET[base] for base in order)
            columns = [found.index(base) for base in ALPHABET]
            raise ValueError(
                f"the columns of the model input look like the order {found} (that way the adapters stand at the ends "
                f"of the constructs) but must have the order {ALPHABET}: x[:, :, {columns}]"
            )
    named = ", ".join(f"record {row} ({forms(reporter)[numbers[row]].name})" for row in strange[:_NAMED].tolist())
    more = ", …" if strange.size > _NAMED else ""
    raise ValueError(
        "model input: "
        + refusal(
            reporter, Counter(numbers.tolist()), len(x), named + more, "the model's argument check_adapters: false"
        )
    )


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    return tuple(int(index) for index in np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def _where(record: int, position: int) -> str:
    return f"record {record} of the batch (counted from 0), position {position + 1}"
