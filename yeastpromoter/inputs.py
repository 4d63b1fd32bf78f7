"""Model input: what an array must be to count as one-hot constructs or inserts."""

from itertools import permutations

import numpy as np

from yeastpromoter.construct import CONSTRUCT_LENGTH, INSERT_LENGTH, LEFT_ADAPTER, RIGHT_ADAPTER
from yeastpromoter.encoding import ALPHABET, letters, one_hot

SHAPES = f"(N, {CONSTRUCT_LENGTH}, {len(ALPHABET)}) for constructs or (N, {INSERT_LENGTH}, {len(ALPHABET)}) for inserts"

#: Share of the adapters' bases that must be in place for a column order to count as seen.
ADAPTERS_SEEN = 0.9

_LEFT = one_hot(letters([LEFT_ADAPTER]))
_RIGHT = one_hot(letters([RIGHT_ADAPTER]))
_ADAPTERS = np.concatenate([_LEFT[0], _RIGHT[0]])
_ORDERS = list(permutations(range(len(ALPHABET))))


def as_constructs(x: np.ndarray, only_one_hot: bool = True) -> np.ndarray:
    """Check model input and bring it to constructs.

    Parameters
    ----------
    x : numpy.ndarray
        Constructs, (N, 110, 4), or inserts, (N, 80, 4), to which the adapters are added. Columns in the order
        A, C, G, T; any floating, integer or boolean dtype.
    only_one_hot : bool, optional
        Whether every position must be one base (a 1 and three 0) or N (four times 0.25). Without it any finite
        numbers are taken, as methods that walk between sequences (integrated gradients) need them.

    Returns
    -------
    numpy.ndarray
        Constructs, `float32` (N, 110, 4).

    Raises
    ------
    ValueError
        If the shape or the dtype is wrong, if a value is NaN or infinite, or, with `only_one_hot`, if a position
        is neither a base nor N or if the adapters show that the columns have another order.
    """
    x = _as_numbers(x)
    _check_finite(x)
    if only_one_hot:
        _check_one_hot(x)
    x = np.ascontiguousarray(x, dtype=np.float32)
    if x.shape[1] == CONSTRUCT_LENGTH:
        if only_one_hot:
            _check_order(x)
        return x
    left, right = (np.broadcast_to(adapter, (len(x), *adapter.shape[1:])) for adapter in (_LEFT, _RIGHT))
    return np.concatenate([left, x, right], axis=1)


def of_input(constructs: np.ndarray, length: int) -> np.ndarray:
    """Cut values for constructs back to what was given: constructs, or their inserts.

    Parameters
    ----------
    constructs : numpy.ndarray
        Values for each base of each construct, (N, 110, 4).
    length : int
        Length of the sequences that were given, 110 or 80.

    Returns
    -------
    numpy.ndarray
        The same values for constructs, (N, 110, 4), or for the inserts within them, (N, 80, 4).
    """
    if length == CONSTRUCT_LENGTH:
        return constructs
    return constructs[:, len(LEFT_ADAPTER) : len(LEFT_ADAPTER) + INSERT_LENGTH]


def _as_numbers(x: np.ndarray) -> np.ndarray:
    try:
        x = np.asarray(x)
    except ValueError:
        raise ValueError(f"model input is a list of arrays of different shapes but must have shape {SHAPES}") from None
    if x.dtype.name == "bfloat16":  # numpy does not know it as a floating dtype
        x = x.astype(np.float32)
    if x.dtype.kind not in "fiub":
        hint = ""
        if x.ndim == 0 and isinstance(x.item(), dict):
            hint = "; of a dataloader's batch the model takes batch['inputs']"
        if x.dtype.kind in "US":
            hint = "; one-hot encode sequences first: yeastpromoter.encoding.one_hot(letters(sequences))"
        raise ValueError(f"model input has dtype {x.dtype} but must be an array of numbers{hint}")
    wanted = (CONSTRUCT_LENGTH, INSERT_LENGTH)
    if x.ndim != 3 or x.shape[1] not in wanted or x.shape[2] != len(ALPHABET):
        hint = ""
        if x.ndim == 2 and x.shape[0] in wanted and x.shape[1] == len(ALPHABET):
            hint = "; a single sequence needs a batch axis: x[numpy.newaxis]"
        elif x.ndim == 3 and x.shape[1] == len(ALPHABET) and x.shape[2] in wanted:
            hint = "; the bases are on the second axis and belong on the last: x.swapaxes(1, 2)"
        elif x.ndim == 3 and x.shape[2] == len(ALPHABET):
            hint = (
                "; sequences of another length have to be brought to one of these first "
                "(yeastpromoter.construct.fit_construct), and a genome interval comes out shorter where it reaches "
                "over the end of its chromosome"
            )
        raise ValueError(f"model input has shape {x.shape} but must have shape {SHAPES}{hint}")
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
    if base.all():
        return
    valid = base | (x == 1 / len(ALPHABET)).all(axis=2)
    if valid.all():
        return
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


def _check_order(x: np.ndarray) -> None:
    """Refuse constructs that show the adapters when their columns are put in another order, and only then."""
    if not len(x):
        return
    ends = np.concatenate([x[:, : len(LEFT_ADAPTER)], x[:, -len(RIGHT_ADAPTER) :]], axis=1)
    # seen[a, c]: how much of adapter base a (of all that there is in a construct) is found in column c.
    seen = np.einsum("pa,pc->ac", _ADAPTERS, ends.mean(axis=0, dtype=np.float64)) / len(_ADAPTERS)
    if np.trace(seen) >= ADAPTERS_SEEN:
        return
    best = max(_ORDERS, key=lambda order: sum(seen[base, column] for base, column in enumerate(order)))
    if sum(seen[base, column] for base, column in enumerate(best)) < ADAPTERS_SEEN:
        return
    order = "".join(ALPHABET[best.index(column)] for column in range(len(ALPHABET)))
    columns = [order.index(base) for base in ALPHABET]
    raise ValueError(
        f"the columns of the model input look like the order {order} (that way the adapters stand at the ends of the "
        f"constructs) but must have the order {ALPHABET}: x[:, :, {columns}]"
    )


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    return tuple(int(index) for index in np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def _where(record: int, position: int) -> str:
    return f"record {record} of the batch (counted from 0), position {position + 1}"
