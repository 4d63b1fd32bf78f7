"""Kipoi dataloader for files of promoter sequences."""

from __future__ import annotations

import runpy
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from kipoi.data import Dataset
from kipoi_utils.external.torch import data

# The package lies beside this file, where Kipoi does not look, and another copy of it may be loaded.
_PACKAGE = Path(__file__).resolve().parent / "yeastpromoter"
with runpy.run_path(str(_PACKAGE / "kipoi_layer" / "own_package.py"))["own_package"](__file__):
    from yeastpromoter.io.interval_files import open_sequences
    from yeastpromoter.kipoi_layer.messages import message_only
    from yeastpromoter.kipoi_layer.whole_batches import WholeBatches, one_record, sequence_batch
    from yeastpromoter.model.shipped import shipped_reporter
    from yeastpromoter.sequence.model_input import mark_recognised


class YeastPromoterSequences(Dataset):
    """Promoter sequences of a file, or of intervals of a genome, one-hot encoded as constructs of the entry's reporter.

    The whole file is checked before the first batch. What a user should know of it (sequences that were dropped or
    fitted, ids that occur twice) is given as Python warnings, which go to stderr, and stays in the attribute `notes`.

    Parameters
    ----------
    sequence_file : str
        FASTA, table (tab or comma) or one sequence per line, or with `fasta_file` a BED file; plain, gzip or bgzip.
    fasta_file : str, optional
        Genome that the intervals of `sequence_file` are cut from.
    sequence_column, id_column, target_columns, header, sequence_type, other_lengths, check_adapters, first_record
        As for `yeastpromoter.io.sequence_files.SequenceFile` or, with `fasta_file`,
        `yeastpromoter.io.interval_files.IntervalFile`; ``dataloader.yaml`` describes them for users.

    Attributes
    ----------
    sequences : yeastpromoter.io.sequence_files.SequenceFile or yeastpromoter.io.interval_files.IntervalFile
        The file, with the counts `n_records`, `n_dropped` and `n_fitted`.
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
        sequence_type=None,
        other_lengths="error",
        check_adapters=True,
        first_record=0,
        fasta_file=None,
    ):
        with message_only():
            self.sequences = open_sequences(
                sequence_file,
                fasta_file,
                sequence_type=sequence_type,
                other_lengths=other_lengths,
                check_adapters=check_adapters,
                sequence_column=sequence_column,
                id_column=id_column,
                target_columns=target_columns,
                header=header,
                first_record=first_record,
                reporter=shipped_reporter(_PACKAGE.parent),
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
        """Read and encode some of the sequences; see `yeastpromoter.kipoi_layer.whole_batches.sequence_batch`."""
        return sequence_batch(self.sequences, indices)

    def _batch_iterable(self, batch_size=32, shuffle=False, num_workers=0, drop_last=False, **kwargs):
        """Return an iterable over batches; `kipoi.data.Dataset` documents the arguments.

        Kipoi collects a batch one sample at a time. Here one item of the loader is a whole batch, so that it is read
        and encoded at once, in this process or in a worker.
        """
        batches = WholeBatches(partial(sequence_batch, self.sequences), len(self), batch_size, shuffle, drop_last)
        return _Recognised(batches.loader(data, num_workers, **kwargs))

    def load_all(self, *args, **kwargs):
        """Return everything as one batch; `kipoi.data.Dataset` documents the arguments."""
        return _recognised(super().load_all(*args, **kwargs))


class _Recognised:
    """Batches whose constructs the model takes as they are: they were checked when the file was opened."""

    def __init__(self, batches) -> None:
        self._batches = batches

    def __iter__(self):
        return _Recognised(iter(self._batches))

    def __next__(self) -> dict:
        return _recognised(next(self._batches))

    def __len__(self) -> int:
        return len(self._batches)


def _recognised(batch: dict) -> dict:
    mark_recognised(batch["inputs"])
    return batch
