"""A simulated library of another reporter: random inserts, and their cells in each sorting bucket."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.data.assay import PUBLIC, Assay
from training.data.votes import count_columns
from training.studies.simulate import BASES, planted_expression, refuse_existing
from yeastpromoter.io.whole_files import whole_table

LIBRARY_FILE = "library.tsv"

#: Cells of each promoter, and the standard deviation of what each cell shows, as a share of the scale.
_CELLS, _NOISE = 60, 0.08


def simulate_library(folder: str | Path, assay: Assay, promoters: int = 600, seed: int = 1) -> Path:
    """Write a table of random inserts and of their cells in each bucket.

    Parameters
    ----------
    folder : str or Path
        Where to write ``library.tsv``; made if need be.
    assay : Assay
        Length of the inserts, and what the buckets stand for.
    promoters : int, optional
        Number of rows.
    seed : int, optional
        Seed: the same one gives the same file, byte for byte.

    Returns
    -------
    Path
        The table, separated by tabs, with a header: ``sequence``, the insert, and ``count_0``, ``count_1`` and so on,
        the cells in each bucket.

    Raises
    ------
    ValueError
        If the file is there already.
    """
    path = Path(folder) / LIBRARY_FILE
    refuse_existing([path])
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    inserts = BASES[rng.integers(0, 4, (promoters, assay.reporter.insert_length))]
    # The planted expression is on the scale of the public measurements.
    share = planted_expression(inserts) / PUBLIC.ends[1]
    low, high = assay.ends
    shown = low + (high - low) * (share[:, np.newaxis] + rng.normal(0, _NOISE, (promoters, _CELLS)))
    edges = np.convolve(assay.bucket_values, [0.5, 0.5], "valid")
    bucket = np.digitize(shown, edges)
    counts = np.stack([(bucket == number).sum(axis=1) for number in range(assay.buckets)], axis=1)
    with whole_table(path) as table:
        table.write("\t".join(["sequence", *count_columns(assay.buckets)]) + "\n")
        for insert, cells in zip(inserts, counts.tolist(), strict=True):
            table.write("\t".join([insert.tobytes().decode("ascii"), *map(str, cells)]) + "\n")
    return path
