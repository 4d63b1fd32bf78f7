"""Sorting buckets: the class of an expression value, and the labels that the network learns from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import PUBLIC, Assay
from training.data.tables import read_table, write_report, write_table
from training.notices import warn

METHODS = ("round", "truncate")
#: It is warned of labels of which most are in so few buckets.
FEW_BUCKETS, MOST = 2, 0.95


def bucket_of(expression: np.ndarray, method: str = "round", assay: Assay = PUBLIC) -> np.ndarray:
    """Assign each expression value to one of the buckets.

    Parameters
    ----------
    expression : numpy.ndarray
        Expression, (N,). Values beyond the scale go to the bucket at that end.
    method : {"round", "truncate"}, optional
        The bucket with the nearest value, as the report says (a value in the middle goes to the even bucket), or the
        one with the next value below, as its authors' code does.
    assay : Assay, optional
        What the buckets stand for.

    Returns
    -------
    numpy.ndarray
        Number of the bucket, from 0, `uint8` (N,).

    Raises
    ------
    ValueError
        If `method` is unknown or a value is not a number.
    """
    if method not in METHODS:
        raise ValueError(f"bucket method must be one of {', '.join(METHODS)} but is {method!r}")
    if np.isnan(expression).any():
        raise ValueError(f"expression {int(np.isnan(expression).argmax())} is not a number: it has no bucket")
    # How many buckets, and parts of one, above the first: the values need not be evenly spaced.
    place = np.interp(expression, assay.bucket_values, np.arange(assay.buckets))
    return (np.rint(place) if method == "round" else np.floor(place)).astype(np.uint8)


def hard_labels(bucket: np.ndarray, buckets: int = PUBLIC.buckets) -> np.ndarray:
    """One-hot encode buckets, `uint8` (N,), as labels, `float32` (N, buckets): a column for empty buckets, too."""
    return np.eye(buckets, dtype=np.float32)[bucket]


def soft_labels(expression: np.ndarray, sd: float, assay: Assay = PUBLIC) -> np.ndarray:
    """Spread each expression value over the buckets as a normal density around it.

    Parameters
    ----------
    expression : numpy.ndarray
        Expression, (N,).
    sd : float
        Standard deviation of the density, in the unit of expression.
    assay : Assay, optional
        What the buckets stand for.

    Returns
    -------
    numpy.ndarray
        Labels, `float32` (N, buckets), each row summing to 1.
    """
    distance = (np.asarray(assay.bucket_values, dtype=np.float32) - expression[:, np.newaxis].astype(np.float32)) / sd
    log_density = -0.5 * distance**2
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    return (density / density.sum(axis=1, keepdims=True)).astype(np.float32)


def buckets(settings: Mapping[str, Any], table: str | Path, output: str | Path, report: str | Path) -> None:
    """Assign a bucket to every construct of an assembled table.

    Parameters
    ----------
    settings : mapping
        The ``buckets`` section of a validated configuration.
    table : str or Path
        Table of the assemble step.
    output : str or Path
        Table to write: ``bucket`` uint8, from 0.
    report : str or Path
        JSON file for the number of constructs in each bucket.

    Raises
    ------
    ValueError
        If all constructs are in one bucket.
    """
    expression = read_table(table, "expression")["expression"]
    assay = Assay.of_table(table)
    bucket = bucket_of(expression, settings["method"], assay)
    occupancy = np.bincount(bucket, minlength=assay.buckets)
    fullest = np.argsort(-occupancy, kind="stable")[:FEW_BUCKETS]
    found = f"with an expression of {expression.min():.6g} to {expression.max():.6g}"
    if occupancy.max() == len(bucket):
        raise ValueError(
            f"all {len(bucket):,} constructs of {table}, {found}, are in bucket {fullest[0]} of 0 to "
            f"{assay.buckets - 1}, "
            "so there is nothing to learn: the column of the expression is another one, or needs another calibration"
        )
    warnings = []
    if occupancy[fullest].sum() >= MOST * len(bucket):
        warnings.append(
            warn(
                f"of the {len(bucket):,} constructs, {found}, {occupancy[fullest].sum():,} are in the buckets "
                f"{' and '.join(map(str, sorted(fullest)))}: a network can learn little else than which of them. Does "
                "the expression need another calibration?"
            )
        )
    write_table(output, {"bucket": bucket})
    write_report(report, {"method": settings["method"], "constructs": occupancy.tolist(), "warnings": warnings})
