"""Kipoi dataloader for variants: VCF, genome and annotation in, pairs of constructs out."""

from __future__ import annotations

import runpy
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from kipoi.data import Dataset
from kipoi_utils.external.torch import data

# The package lies in the folder above, where Kipoi does not look, and another copy of it may be loaded.
_PACKAGE = Path(__file__).resolve().parent.parent / "yeastpromoter"
with runpy.run_path(str(_PACKAGE / "kipoi_layer" / "own_package.py"))["own_package"](__file__):
    from yeastpromoter.io.annotation import UPSTREAM
    from yeastpromoter.kipoi_layer.messages import message_only
    from yeastpromoter.kipoi_layer.whole_batches import WholeBatches, one_record, variant_batch
    from yeastpromoter.model.shipped import shipped_reporter
    from yeastpromoter.variants.rows import VariantRows


class YeastVariantConstructs(Dataset):
    """Variants of a VCF file as pairs of one-hot constructs, a row for each allele and gene.

    All files are read before the first batch. What happened to the records is given as a Python warning, which goes to
    stderr, and stays in the attribute `notes`.

    Parameters
    ----------
    vcf_file, fasta_file, annotation_file, upstream, offsets, skipped_file
        As for `yeastpromoter.variants.rows.VariantRows`; ``dataloader.yaml`` describes them for users.

    Attributes
    ----------
    rows : yeastpromoter.variants.rows.VariantRows
        The rows, with the counts of what is scored and what is not.
    notes : tuple of str
        The warnings that were given.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        If a file or an argument is wrong, or if there are alleles but none can be scored; the message says where and
        how.
    """

    def __init__(
        self,
        vcf_file,
        fasta_file,
        annotation_file=None,
        upstream=UPSTREAM,
        offsets=None,
        skipped_file=None,
    ):
        with message_only():
            reporter = shipped_reporter(_PACKAGE.parent)
            self.rows = VariantRows(vcf_file, fasta_file, annotation_file, upstream, offsets, skipped_file, reporter)
        self.notes = self.rows.notes
        for note in self.notes:
            warnings.warn(note, stacklevel=2)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict:
        """Return one sample: what `read_batch` returns, without the first axis."""
        return one_record(self.read_batch, len(self), index)

    def read_batch(self, indices: np.ndarray) -> dict:
        """Cut out and encode some of the rows; see `yeastpromoter.kipoi_layer.whole_batches.variant_batch`."""
        return variant_batch(self.rows, indices)

    def _batch_iterable(self, batch_size=32, shuffle=False, num_workers=0, drop_last=False, **kwargs):
        """Return an iterable over whole batches; `kipoi.data.Dataset` documents the arguments."""
        batches = WholeBatches(partial(variant_batch, self.rows), len(self), batch_size, shuffle, drop_last)
        return batches.loader(data, num_workers, **kwargs)
