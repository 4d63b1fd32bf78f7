"""Whole batches for a data loader that thinks in samples, such as Kipoi's.

Kipoi collects a batch one sample at a time. Here one item of the loader is a whole batch, so that it is read and
encoded at once, in this process or in a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class WholeBatches:
    """The batches of a data set, as items and as the order in which they come.

    Parameters
    ----------
    read : callable
        From indices of records, `int64` (N,), to their batch.
    n : int
        Number of records. If there are none, there is one batch of none, which tells the columns of a table.
    batch_size : int
        Number of records of a batch; the last one may have fewer.
    shuffle : bool
        Whether the records are shuffled, anew each time; numpy's global seed decides, as it does in Kipoi.
    drop_last : bool
        Whether a last batch with fewer records is left out.

    Raises
    ------
    ValueError
        If `batch_size` is under 1.
    """

    def __init__(self, read: Callable[[np.ndarray], dict], n: int, batch_size: int, shuffle: bool, drop_last: bool):
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1 but is {batch_size}")
        self._read, self._n, self._batch_size, self._shuffle = read, n, batch_size, shuffle
        self._stop = n - n % batch_size if drop_last else n

    def loader_arguments(self) -> dict[str, Any]:
        """Arguments of torch's DataLoader (of which Kipoi has a copy) that make it yield these batches."""
        return {"dataset": self, "batch_sampler": self, "collate_fn": _only_item}

    def __getitem__(self, indices: np.ndarray) -> dict:
        return self._read(indices)

    def __iter__(self) -> Iterator[list[np.ndarray]]:
        order = np.random.permutation(self._n) if self._shuffle else None  # noqa: NPY002
        for start in range(0, self._stop if self._n else 1, self._batch_size):
            stop = min(start + self._batch_size, self._stop)
            yield [np.arange(start, stop) if order is None else order[start:stop]]

    def __len__(self) -> int:
        return -(-self._stop // self._batch_size) if self._n else 1


def _only_item(items: list) -> dict:
    return items[0]


def one_record(read: Callable[[np.ndarray], dict], n: int, index: int) -> dict:
    """Read one record: its batch without the first axis.

    Parameters
    ----------
    read : callable
        From indices of records, `int64` (N,), to their batch, nested dictionaries of arrays.
    n : int
        Number of records.
    index : int
        Which one; negative from the end.

    Returns
    -------
    dict
        The batch of that record, the first row of each array.

    Raises
    ------
    IndexError
        If there is no such record.
    """
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of range: there are {n} records")
    return _first_row(read(np.array([index % n])))


def _first_row(batch: dict) -> dict:
    return {name: _first_row(value) if isinstance(value, dict) else value[0] for name, value in batch.items()}
