"""Sorting buckets: the class of an expression value, and the 18 labels that the network learns from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.tables import read_table, write_report, write_table
from training.notices import warn
from yeastpromoter.model.decoding import BUCKET_VALUES, N_BUCKETS

METHODS = ("round", "truncate")
#: It is warned of labels of which most are in so few buckets.
FEW_BUCKETS, MOST = 2, 0.95


def bucket_of(expression: np.ndarray, method: str = "round") -> np.ndarray:
    """Assign each expression value to one of the 18 buckets.

    Parameters
    ----------
    expression : numpy.ndarray
        Expression, 0 to 17, (N,). Values outside go to the bucket at that end.
    method : {"round", "truncate"}, optional
        Nearest bucket, as the report says (a value in the middle goes to the even bucket), or the whole
        number below, as its authors' code does.

    Returns
    -------
    numpy.ndarray
        Bucket, `uint8` (N,), 0 to 17.

    Raises
    ------
    ValueError
        If `method` is unknown or a value is not a number.
    """
    if method not in METHODS:
        raise ValueError(f"bucket method must be one of {', '.join(METHODS)} but is {method!r}")
    if np.isnan(expression).any():
        raise ValueError(f"expression {int(np.isnan(expression).argmax())} is not a number: it has no bucket")
    whole = np.rint(expression) if method == "round" else np.floor(expression)
    return np.clip(whole, 0, N_BUCKETS - 1).astype(np.uint8)


def hard_labels(bucket: np.ndarray) -> np.ndarray:
    """One-hot encode buckets, `uint8` (N,), as labels, `float32` (N, 18): always 18 columns, also for empty buckets."""
    return np.eye(N_BUCKETS, dtype=np.float32)[bucket]


def soft_labels(expression: np.ndarray, sd: float) -> np.ndarray:
    """Spread each expression value over the buckets as a normal density around it.

    Parameters
    ----------
    expression : numpy.ndarray
        Expression, 0 to 17, (N,).
    sd : float
        Standard deviation of the density, in buckets.

    Returns
    -------
    numpy.ndarray
        Labels, `float32` (N, 18), each row summing to 1.
    """
    distance = (np.asarray(BUCKET_VALUES, dtype=np.float32) - expression[:, np.newaxis].astype(np.float32)) / sd
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
        Table to write: ``bucket`` uint8, 0 to 17.
    report : str or Path
        JSON file for the number of constructs in each bucket.

    Raises
    ------
    ValueError
        If all constructs are in one bucket.
    """
    expression = read_table(table, "expression")["expression"]
    bucket = bucket_of(expression, settings["method"])
    occupancy = np.bincount(bucket, minlength=N_BUCKETS)
    fullest = np.argsort(-occupancy, kind="stable")[:FEW_BUCKETS]
    found = f"with an expression of {expression.min():.6g} to {expression.max():.6g}"
    if occupancy.max() == len(bucket):
        raise ValueError(
            f"all {len(bucket):,} constructs of {table}, {found}, are in bucket {fullest[0]} of 0 to {N_BUCKETS - 1}, "
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
