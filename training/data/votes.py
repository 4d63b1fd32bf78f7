"""Labels from the cells (or reads) of each sequence in the sorting buckets: their mean, or the majority's bucket.

The mean bucket is what the public data have as expression. A clear assignment to one bucket suits a network with one
output a bucket better: sequences whose cells scatter are left out, and the others get the bucket that most of their
cells are in (report of the KircherLab model, section 4).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import PUBLIC, Assay
from training.data.buckets import bucket_of
from training.evaluate.markdown import markdown_table, percent
from yeastpromoter.io.text_tables import TextTable

TRUTH_COLUMN = "true_expression"


def count_columns(buckets: int) -> tuple[str, ...]:
    """Names of the columns of counts in a table of simulated sorting."""
    return tuple(f"count_{bucket}" for bucket in range(buckets))


def mean_bucket(counts: np.ndarray, assay: Assay = PUBLIC) -> np.ndarray:
    """Mean value of the buckets of the cells of each sequence.

    Parameters
    ----------
    counts : numpy.ndarray
        Cells in each bucket, none negative, (N, buckets).
    assay : Assay, optional
        What the buckets stand for.

    Returns
    -------
    numpy.ndarray
        `float64` (N,); NaN for a sequence without cells.
    """
    support = counts.sum(axis=1)
    return np.divide(
        counts @ np.asarray(assay.bucket_values), support, out=np.full(len(counts), np.nan), where=support > 0
    )


def majority_bucket(counts: np.ndarray, support: float, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Assign each sequence to the bucket of most of its cells, where it has enough of them and they agree.

    Parameters
    ----------
    counts : numpy.ndarray
        Cells in each bucket, none negative, whole numbers or `float64` (N, buckets): in `float32`, rounding would
        decide.
    support : float
        Cells that a sequence must have, over 0.
    share : float
        Share of them that must be in the largest bucket, over 0.5 (so that there is only one such bucket) and up to 1.

    Returns
    -------
    bucket : numpy.ndarray
        Largest bucket of each sequence, `uint8` (N,).
    supported : numpy.ndarray
        Which have enough cells, `bool` (N,).
    clear : numpy.ndarray
        Which of these have enough of them in that bucket, `bool` (N,): those to keep.
    """
    total = counts.sum(axis=1)
    supported = total >= support
    # A rounding error of the product must not decide: 0.55 * 100 is more than 55.
    clear = supported & (counts.max(axis=1) >= share * total * (1 - 1e-12))
    return counts.argmax(axis=1).astype(np.uint8), supported, clear


def _compared(name: str, label: np.ndarray, truth: np.ndarray, kept: np.ndarray, counts: dict[str, int]) -> dict:
    label, truth = label[kept], truth[kept]
    occupancy = np.bincount(label, minlength=PUBLIC.buckets) / max(len(label), 1)
    used = occupancy[occupancy > 0]
    return {
        "labels": name,
        "kept": len(label),
        "share_kept": float(kept.mean()),
        **counts,
        "right": float((label == bucket_of(truth)).mean()) if len(label) else None,
        "mae": float(np.abs(label - truth).mean()) if len(label) else None,
        "effective_buckets": float(np.exp(-(used * np.log(used)).sum())) if len(label) else None,
    }


def compare_labels(
    counts: np.ndarray, truth: np.ndarray, support: float, shares: Sequence[float]
) -> list[dict[str, Any]]:
    """Compare majority labels with the rounded mean bucket where the true expression is known.

    Parameters
    ----------
    counts : numpy.ndarray
        Cells in each bucket, (N, 18).
    truth : numpy.ndarray
        True expression, 0 to 17, (N,).
    support, shares
        As for `majority_bucket`; each share is compared.

    Returns
    -------
    list of dict
        First the rounded mean of all sequences with cells, then that of those with enough cells, then for each share
        the majority and the rounded mean of the same sequences. Each with ``labels`` (name), ``kept``,
        ``share_kept`` (of all N), ``lost_for_support``, ``lost_without_majority``, ``right`` (share of the labels that
        are the bucket nearest to the truth), ``mae`` (mean absolute difference from the truth, in buckets) and
        ``effective_buckets`` (exponential of the entropy of the labels: 18 if all are equally common).
    """
    mean = mean_bucket(counts)
    measured = np.isfinite(mean)
    rounded = bucket_of(np.where(measured, mean, 0))
    supported = counts.sum(axis=1) >= support
    none = {"lost_for_support": 0, "lost_without_majority": 0}
    lost = none | {"lost_for_support": int((~supported).sum())}
    rows = [
        _compared("mean, all", rounded, truth, measured, none | {"lost_for_support": int((~measured).sum())}),
        _compared(f"mean, at least {support:g} cells", rounded, truth, supported, lost),
    ]
    for share in shares:
        bucket, _, clear = majority_bucket(counts, support, share)
        lost = lost | {"lost_without_majority": int((supported & ~clear).sum())}
        rows.append(_compared(f"majority of {percent(share, 0)}", bucket, truth, clear, lost))
        rows.append(_compared(f"mean, the same as with {percent(share, 0)}", rounded, truth, clear, lost))
    return rows


def compare_labels_of(
    path: str | Path, support: float, shares: Sequence[float], truth_column: str = TRUTH_COLUMN
) -> str:
    """Compare the labels of a table of simulated sorting; see `compare_labels`.

    Parameters
    ----------
    path : str or Path
        Tab-separated table, plain or gzip, with the true expression and the columns ``count_0`` to ``count_17``.
    support, shares
        As for `compare_labels`.
    truth_column : str, optional
        Column with the true expression.

    Returns
    -------
    str
        Markdown table.

    Raises
    ------
    ValueError
        If the table cannot be read, lacks a column, has no row, or holds a count that is not a number of at least 0,
        or a true expression that is not within 0 to 17.
    """
    table = TextTable(path)
    names = count_columns(PUBLIC.buckets)
    lacking = [column for column in (truth_column, *names) if column not in table.columns]
    if lacking:
        raise ValueError(
            f"{path} has no column {', '.join(lacking)}; it has {', '.join(table.columns)}. A table of simulated "
            f"sorting must have the columns {truth_column} and count_0 to count_17"
        )
    counts, truth = [], []
    for rows in table.blocks():
        truth.append(rows.numbers(truth_column, lowest=0, highest=PUBLIC.ends[1]))
        counts.append(np.stack([rows.numbers(name, lowest=0) for name in names], axis=1))
    if not sum(map(len, truth)):
        raise ValueError(f"{path} has a header but no rows: there are no labels to compare")
    compared = compare_labels(np.concatenate(counts), np.concatenate(truth), support, shares)
    header = ["Labels", "Sequences", "Of all", "Too few cells", "No majority", "Right bucket", "MAE", "Buckets in use"]
    rows = [
        [
            row["labels"],
            f"{row['kept']:,}",
            percent(row["share_kept"], 1),
            f"{row['lost_for_support']:,}",
            f"{row['lost_without_majority']:,}",
            *("–" if row["right"] is None else percent(row["right"], 1),),
            *("–" if row[name] is None else f"{row[name]:.2f}" for name in ("mae", "effective_buckets")),
        ]
        for row in compared
    ]
    return markdown_table(header, rows)
