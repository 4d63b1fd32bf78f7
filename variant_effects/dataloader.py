"""Kipoi dataloader for variants: VCF, genome and annotation in, pairs of constructs out."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path

import numpy as np
from kipoi.data import Dataset
from kipoi_utils.external.torch.data import DataLoader

# The package lies in the folder above, where Kipoi does not look, and another copy of it may be loaded.
_PACKAGE = Path(__file__).resolve().parent.parent / "yeastpromoter"
with runpy.run_path(str(_PACKAGE / "own_package.py"))["own_package"](__file__):
    from yeastpromoter.annotation import UPSTREAM
    from yeastpromoter.encoding import one_hot
    from yeastpromoter.variant_rows import VariantRows
    from yeastpromoter.variant_windows import OFFSETS
    from yeastpromoter.whole_batches import WholeBatches, one_record


class YeastVariantConstructs(Dataset):
    """Variants of a VCF file as pairs of one-hot constructs, a row for each allele and gene.

    All files are read before the first batch. What became of the records is given as a Python warning, which goes to
    stderr, and stays in the attribute `notes`.

    Parameters
    ----------
    vcf_file, fasta_file, annotation_file, upstream, offsets, skipped_file
        As for `yeastpromoter.variant_rows.VariantRows`; ``dataloader.yaml`` describes them for users.

    Attributes
    ----------
    rows : yeastpromoter.variant_rows.VariantRows
        The rows, with the counts of what is scored and what is not.
    notes : tuple of str
        The warnings that were given.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        If a file or an argument is wrong, or if no allele can be scored; the message says where and how.
    """

    def __init__(
        self,
        vcf_file,
        fasta_file,
        annotation_file=None,
        upstream=UPSTREAM,
        offsets=OFFSETS,
        skipped_file=None,
    ):
        self.rows = VariantRows(vcf_file, fasta_file, annotation_file, upstream, offsets, skipped_file)
        self.notes = self.rows.notes
        for note in self.notes:
            warnings.warn(note, stacklevel=2)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict:
        """Return one sample: what `read_batch` returns, without the first axis."""
        return one_record(self.read_batch, len(self), index)

    def read_batch(self, indices: np.ndarray) -> dict:
        """Cut out and encode some of the rows.

        Parameters
        ----------
        indices : numpy.ndarray
            `int64` (N,), each at least 0 and less than ``len()``.

        Returns
        -------
        dict
            ``inputs`` with ``ref`` and ``alt``, `float32` (N, O, 110, 4) for O offsets, columns A, C, G, T;
            ``metadata`` as `yeastpromoter.variant_rows.VariantRows.read` describes it.
        """
        batch = self.rows.read(indices)
        shape = (*batch.ref.shape, -1)
        inputs = {
            name: one_hot(constructs.reshape(-1, shape[2])).reshape(shape)
            for name, constructs in (("ref", batch.ref), ("alt", batch.alt))
        }
        return {"inputs": inputs, "metadata": batch.metadata}

    def _batch_iterable(self, batch_size=32, shuffle=False, num_workers=0, drop_last=False, **kwargs):
        """Return an iterable over whole batches; `kipoi.data.Dataset` documents the arguments."""
        batches = WholeBatches(self.read_batch, len(self), batch_size, shuffle, drop_last)
        return DataLoader(**batches.loader_arguments(), num_workers=num_workers, **kwargs)
