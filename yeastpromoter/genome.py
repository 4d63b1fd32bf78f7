"""A genome as letters, for GC targets and synthetic sequences."""

from pathlib import Path

import numpy as np
import pysam


def read_genome(fasta: str | Path) -> dict[str, np.ndarray]:
    """Read a genome.

    Parameters
    ----------
    fasta : str or Path
        FASTA, plain, gzip or bgzip; no index is needed or written.

    Returns
    -------
    dict of str to numpy.ndarray
        Upper-case letters of each sequence, `uint8` (length,), by its name.
    """
    with pysam.FastxFile(str(fasta)) as file:
        return {record.name: np.frombuffer(record.sequence.upper().encode("ascii"), dtype=np.uint8) for record in file}
