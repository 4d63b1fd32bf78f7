"""Labels of laboratory tables that have no expression column: reads of sorted cells, and RNA/DNA ratios of an MPRA.

Reads a bucket become cells with the numbers of sorted cells, and then a label as counts do (`training.data.votes`).
RNA and DNA counts become log ratios, and a line brings these to the scale of the buckets. Whatever has no label is NaN.
"""

from collections.abc import Sequence

import numpy as np


def check_sorted_cells(totals: np.ndarray, sorted_cells: Sequence[float], place: str) -> None:
    """Check that the numbers of sorted cells fit the reads.

    Parameters
    ----------
    totals : numpy.ndarray
        Reads of the whole file in each bucket, (B,).
    sorted_cells : sequence of float
        Cells that were sorted into each bucket.
    place : str
        The file and its source, for the message.

    Raises
    ------
    ValueError
        If they are not one number a bucket, or a bucket has reads but no cells, or cells but no reads.
    """
    if len(sorted_cells) != len(totals):
        raise ValueError(
            f"{place}: reads.sorted_cells has {len(sorted_cells)} numbers but columns.counts has {len(totals)} "
            "columns: give one number for each bucket, in the order of the columns"
        )
    for bucket, (reads, cells) in enumerate(zip(totals, sorted_cells, strict=True)):
        if (reads > 0) != (cells > 0):
            raise ValueError(
                f"{place}: bucket {bucket} has {reads:,g} reads in the whole file but {cells:,g} sorted cells: are "
                "reads.sorted_cells and columns.counts in the same order, and is the file whole? Where a bucket was "
                "not sequenced, give 0 cells for it"
            )


def cells_of_reads(reads: np.ndarray, totals: np.ndarray, sorted_cells: Sequence[float]) -> np.ndarray:
    """Number of cells of each sequence in each bucket: its share of the bucket's reads, times the bucket's cells.

    Buckets are sequenced to different depths, so that reads of two buckets cannot be compared, but these cells can.

    Parameters
    ----------
    reads : numpy.ndarray
        Reads of each sequence in each bucket, none negative, (N, B).
    totals : numpy.ndarray
        Reads of the whole file in each bucket, (B,).
    sorted_cells : sequence of float
        Cells that were sorted into each bucket, (B,).

    Returns
    -------
    numpy.ndarray
        `float64` (N, B); 0 in a bucket without reads.
    """
    totals, cells = np.asarray(totals, dtype=np.float64), np.asarray(sorted_cells, dtype=np.float64)
    return reads * np.divide(cells, totals, out=np.zeros_like(cells), where=totals > 0)


def share_of_counts(counts: np.ndarray, barcodes: np.ndarray, pseudocount: float) -> np.ndarray:
    """Share of each oligo in the counts of one replicate, with a pseudocount for each of its barcodes.

    Parameters
    ----------
    counts : numpy.ndarray
        DNA or RNA counts of each oligo, (N,).
    barcodes : numpy.ndarray
        Barcodes of each oligo that were observed, in DNA or RNA, (N,).
    pseudocount : float
        What is added for each barcode.

    Returns
    -------
    numpy.ndarray
        `float64` (N,), sums to 1; all 0 where nothing was counted.
    """
    counts = counts + pseudocount * barcodes
    total = counts.sum()
    return counts / total if total else np.zeros(len(counts))


def log_ratio(rna: np.ndarray, dna: np.ndarray) -> np.ndarray:
    """Log2 of RNA over DNA, NaN where one of them is 0 or missing (NaN)."""
    ratio = np.full(len(rna), np.nan)
    both = (rna > 0) & (dna > 0)
    ratio[both] = np.log2(rna[both] / dna[both])
    return ratio


def mean_of_replicates(values: np.ndarray) -> np.ndarray:
    """Mean of each sequence over the replicates that have a value.

    Parameters
    ----------
    values : numpy.ndarray
        Value of each sequence in each replicate, NaN where it has none, (N, R).

    Returns
    -------
    numpy.ndarray
        `float64` (N,); NaN where no replicate has a value.
    """
    there = ~np.isnan(values)
    number = there.sum(axis=1)
    return np.divide(np.where(there, values, 0).sum(axis=1), number, out=np.full(len(values), np.nan), where=number > 0)


def range_of(values: np.ndarray, quantiles: Sequence[float]) -> tuple[float, float]:
    """Two quantiles of some values (linear between neighbours), NaN left out.

    Raises
    ------
    ValueError
        If there are no two different ones.
    """
    values = values[~np.isnan(values)]
    low, high = map(float, np.quantile(values, quantiles)) if len(values) else (0.0, 0.0)
    if not low < high:
        raise ValueError(
            f"the quantiles {quantiles[0]:g} and {quantiles[1]:g} of {len(values):,} values are {low:g} and {high:g}, "
            "but must differ to make a scale: are there enough measurements? A range can be given by hand (from)"
        )
    return low, high


def line_between(ends: Sequence[float], wanted: Sequence[float]) -> tuple[float, float]:
    """Slope and intercept of the line that brings two values, which differ, to two wanted ones."""
    slope = (wanted[1] - wanted[0]) / (ends[1] - ends[0])
    return slope, wanted[0] - slope * ends[0]


def inner_buckets(bucket_values: Sequence[float]) -> tuple[float, float]:
    """Where a scale ends by default: the second bucket and the last but one, which leaves room for extreme values.

    Of fewer than four buckets it is the first and the last.
    """
    inner = bucket_values[1:-1] if len(bucket_values) > 3 else bucket_values
    return inner[0], inner[-1]
