"""Kipoi dataloader for files of promoter sequences."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path

import numpy as np
from kipoi.data import Dataset
from kipoi_utils.external.torch.data import DataLoader

# The package lies beside this file, where Kipoi does not look, and another copy of it may be loaded.
_PACKAGE = Path(__file__).resolve().parent / "yeastpromoter"
with runpy.run_path(str(_PACKAGE / "own_package.py"))["own_package"](__file__):
    from yeastpromoter.encoding import one_hot
    from yeastpromoter.sequence_files import SequenceFile
    from yeastpromoter.whole_batches import WholeBatches, one_record


class YeastPromoterSequences(Dataset):
    """Promoter sequences of a file, one-hot encoded as 110-bp constructs.

    The whole file is checked before the first batch. What a user should know of it (sequences that were dropped or
    fitted, ids that occur twice) is given as Python warnings, which go to stderr, and stays in the attribute `notes`.

    Parameters
    ----------
    sequence_file : str
        FASTA, table (tab or comma) or one sequence per line; plain, gzip or bgzip.
    sequence_column, id_column, target_columns, header, sequence_type, other_lengths, first_record
        As for `yeastpromoter.sequence_files.SequenceFile`; ``dataloader.yaml`` describes them for users.

    Attributes
    ----------
    sequences : yeastpromoter.sequence_files.SequenceFile
        The file, with the counts `n_records`, `n_dropped`, `n_fitted` and `n_duplicates`.
    notes : tuple of str
        The warnings that were given.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file or an argument is wrong; the message says where and how.
    """

    def __init__(
        self,
        sequence_file,
        sequence_column=0,
        id_column=None,
        target_columns=None,
        header="auto",
        sequence_type="construct",
        other_lengths="error",
        first_record=0,
    ):
        self.sequences = SequenceFile(
            sequence_file,
            sequence_column=sequence_column,
            id_column=id_column,
            target_columns=target_columns,
            header=header,
            sequence_type=sequence_type,
            other_lengths=other_lengths,
            first_record=first_record,
        )
        self.notes = self.sequences.notes
        for note in self.notes:
            warnings.warn(note, stacklevel=2)

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, index: int) -> dict:
        """Return one sample: what `read_batch` returns, without the first axis."""
        return one_record(self.read_batch, len(self), index)

    def read_batch(self, indices: np.ndarray) -> dict:
        """Read and encode some of the sequences.

        Parameters
        ----------
        indices : numpy.ndarray
            `int64` (N,), each at least 0 and less than ``len()``.

        Returns
        -------
        dict
            ``inputs``, `float32` (N, 110, 4), columns A, C, G, T; ``metadata`` with ``id``, `str` (N,), ``record``,
            `int64` (N,), and ``length``, in bp, `int64` (N,); if target columns were chosen, ``targets``, `float32`
            (N, T).
        """
        batch = self.sequences.read(indices)
        sample = {
            "inputs": one_hot(batch.constructs),
            "metadata": {"id": batch.ids, "record": batch.records, "length": batch.lengths},
        }
        if batch.targets is not None:
            sample["targets"] = batch.targets
        return sample

    def _batch_iterable(self, batch_size=32, shuffle=False, num_workers=0, drop_last=False, **kwargs):
        """Return an iterable over batches; `kipoi.data.Dataset` documents the arguments.

        Kipoi collects a batch one sample at a time. Here one item of the loader is a whole batch, so that it is read
        and encoded at once, in this process or in a worker.
        """
        batches = WholeBatches(self.read_batch, len(self), batch_size, shuffle, drop_last)
        return DataLoader(**batches.loader_arguments(), num_workers=num_workers, **kwargs)
