"""Whole batches for a data loader that thinks in samples, such as Kipoi's.

Kipoi collects a batch one sample at a time. Here one item of the loader is a whole batch, so that it is read and
encoded at once, in this process or in a worker.

A worker that is not forked (on macOS, say) gets the batches pickled. Kipoi loads a dataloader from a file, where the
worker would not find its class, so nothing but this package and the standard library is in the pickle.
"""

from __future__ import annotations

import operator
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yeastpromoter.kipoi_layer import own_package
from yeastpromoter.sequence.encoding import ALPHABET, one_hot

if TYPE_CHECKING:
    from types import ModuleType

    from yeastpromoter.io.sequence_files import SequenceFile
    from yeastpromoter.variants.rows import VariantBatch, VariantRows


def sequence_batch(sequences: SequenceFile, indices: np.ndarray) -> dict:
    """Read and encode some of the sequences of a file.

    Parameters
    ----------
    sequences : SequenceFile
        The file.
    indices : numpy.ndarray
        `int64` (N,), each at least 0 and less than ``len(sequences)``.

    Returns
    -------
    dict
        ``inputs``, `float32` (N, 110, 4), columns A, C, G, T; ``metadata`` with ``id``, `str` (N,), ``record``,
        `int64` (N,), and ``length``, in bp, `int64` (N,); if target columns were chosen, ``targets``, `float32`
        (N, T).
    """
    batch = sequences.read(indices)
    sample = {
        "inputs": batch.encoded(),
        "metadata": {"id": batch.ids, "record": batch.records, "length": batch.lengths},
    }
    if batch.targets is not None:
        sample["targets"] = batch.targets
    return sample


def variant_batch(rows: VariantRows, indices: np.ndarray) -> dict:
    """Cut out and encode some rows of variants.

    Parameters
    ----------
    rows : VariantRows
        The rows.
    indices : numpy.ndarray
        `int64` (N,), each at least 0 and less than ``len(rows)``.

    Returns
    -------
    dict
        ``inputs`` with ``ref`` and ``alt``, `float32` (N, O, 110, 4) for O offsets, columns A, C, G, T;
        ``metadata`` as `yeastpromoter.variants.rows.VariantRows.read` describes it.
    """
    batch = rows.read(indices)
    return {"inputs": variant_inputs(batch), "metadata": batch.metadata}


def variant_inputs(batch: VariantBatch) -> dict[str, np.ndarray]:
    """Encode rows of variants: ``ref`` and ``alt`` as in `variant_batch`."""
    shape = (*batch.ref.shape, len(ALPHABET))
    return {
        name: one_hot(constructs.reshape(-1, shape[2])).reshape(shape)
        for name, constructs in (("ref", batch.ref), ("alt", batch.alt))
    }


class WholeBatches:
    """The batches of a data set, as items and as the order in which they come.

    Parameters
    ----------
    read : callable
        From indices of records, `int64` (N,), to their batch. For workers it must be of this package, such as
        `sequence_batch` with a file.
    n : int
        Number of records. If there are none, there is one batch of none, which tells the columns of a table.
    batch_size : int
        Number of records of a batch; the last one may have fewer.
    shuffle : bool
        Whether the records are shuffled, again each time; numpy's global seed decides, as it does in Kipoi.
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
        self._drop_last = drop_last
        self._stop = n - n % batch_size if drop_last else n

    def loader(self, data: ModuleType, num_workers: int = 0, **kwargs: Any) -> Any:
        """Return a loader that yields these batches.

        Parameters
        ----------
        data : module
            Kipoi's copy of torch.utils.data, with the classes `DataLoader` and `DataLoaderIter`.
        num_workers : int, optional
            Number of processes that read; 0 reads in this one.
        **kwargs
            Further arguments of the loader.
        """

        class BatchIterator(data.DataLoaderIter):
            def __del__(self) -> None:
                super().__del__()
                # One that starts when all is read would not find the queues, and print a traceback.
                for worker in getattr(self, "workers", ()):
                    worker.terminate()

        class BatchLoader(data.DataLoader):
            def __iter__(self) -> BatchIterator:
                return BatchIterator(self)

        return BatchLoader(
            dataset=self, batch_sampler=self, collate_fn=operator.itemgetter(0), num_workers=num_workers, **kwargs
        )

    def __reduce__(self) -> tuple:
        if vars(sys.modules.get(__name__, operator)) is not globals():
            raise RuntimeError(
                f"worker processes cannot read for {Path(__file__).parents[2]}, because another package of this name "
                f"was loaded first: {sys.modules['yeastpromoter']}. Set num_workers to 0, or use a "
                "Python process for each"
            )
        # Unpickling makes the parts in their order, and keeps the second: a worker can import the package by then.
        importable = _Call(runpy.run_path, own_package.__file__, None, own_package.WORKER)
        batches = _Call(WholeBatches, self._read, self._n, self._batch_size, self._shuffle, self._drop_last)
        return operator.getitem, ((importable, batches), 1)

    def __getitem__(self, indices: np.ndarray) -> dict:
        return self._read(indices)

    def __iter__(self) -> Iterator[list[np.ndarray]]:
        order = np.random.permutation(self._n) if self._shuffle else None  # noqa: NPY002
        for start in range(0, self._stop if self._n else 1, self._batch_size):
            stop = min(start + self._batch_size, self._stop)
            yield [np.arange(start, stop) if order is None else order[start:stop]]

    def __len__(self) -> int:
        return -(-self._stop // self._batch_size) if self._n else 1


class _Call:
    """Is pickled as a call, which unpickling makes."""

    def __init__(self, function: Callable, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple:
        return self._call


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
