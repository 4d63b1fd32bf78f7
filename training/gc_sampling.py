"""GC sampling of the training part: draw each bucket's constructs towards one GC distribution.

Expression rises with GC content. Drawing every bucket towards the same GC distribution takes that association
out of the training data (report of the KircherLab model, section 1), so that the network cannot use base
composition in place of motifs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.assemble import check_sha256, insert_letters
from training.tables import in_parts, letters_of, read_table, write_report, write_table
from yeastpromoter.construct import INSERT_LENGTH
from yeastpromoter.decoding import N_BUCKETS
from yeastpromoter.encoding import gc_content
from yeastpromoter.genome import read_genome


def gc_bin(gc: np.ndarray, width: float) -> np.ndarray:
    """Number of the GC bin of each value, `int64` (N,): bins of `width` centred on its multiples."""
    return np.rint(np.asarray(gc) / width).astype(np.int64)


def distribution(bins: np.ndarray, n_bins: int) -> np.ndarray:
    """Share of each bin, `float64` (n_bins,), summing to 1 (all 0 for no values)."""
    counts = np.bincount(bins, minlength=n_bins)
    return counts / max(counts.sum(), 1)


def genome_gc(fasta: str | Path, length: int = INSERT_LENGTH) -> np.ndarray:
    """GC content of a genome's consecutive windows without N, `float64` (W,).

    Parameters
    ----------
    fasta : str or Path
        Genome, plain or bgzip.
    length : int, optional
        Window in bp; windows do not overlap.
    """
    values = []
    for chromosome in read_genome(fasta).values():
        windows = chromosome[: len(chromosome) // length * length].reshape(-1, length)
        values.append(gc_content(windows[np.isin(windows, list(b"ACGT")).all(axis=1)]))
    return np.concatenate(values)


def sampling_weights(bins: np.ndarray, bucket: np.ndarray, target: np.ndarray, weighting: str) -> np.ndarray:
    """Weight with which each construct is drawn within its bucket.

    Parameters
    ----------
    bins : numpy.ndarray
        GC bin of each construct, `int` (N,).
    bucket : numpy.ndarray
        Bucket of each construct, `uint8` (N,).
    target : numpy.ndarray
        Share of each GC bin in the distribution to draw towards, `float64` (n_bins,).
    weighting : {"importance", "authors"}
        ``importance``: ``p_target(gc) / p_bucket(gc)``, which turns the bucket's distribution into the target.
        ``authors``: ``p_target(gc)`` alone, as in the code of the report's authors, which ignores how common a
        GC value already is within the bucket.

    Returns
    -------
    numpy.ndarray
        `float64` (N,), not normalised.
    """
    weights = target[bins]
    if weighting == "importance":
        for number in np.unique(bucket):
            rows = bucket == number
            weights[rows] /= distribution(bins[rows], len(target))[bins[rows]]
    return weights


def draw(
    weights: np.ndarray,
    bucket: np.ndarray,
    fraction: float,
    cap: int | None,
    replacement: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw a share of each bucket.

    Parameters
    ----------
    weights : numpy.ndarray
        Weight of each construct, (N,).
    bucket : numpy.ndarray
        Bucket of each construct, `uint8` (N,).
    fraction : float
        Share of each bucket to draw, over 0; over 1 only with replacement.
    cap : int or None
        At most so many of one bucket.
    replacement : bool
        Whether a construct can be drawn more than once.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Drawn positions, `int64`, sorted. Without replacement a bucket gives at most as many as it has
        constructs of positive weight.
    """
    drawn = []
    for number in np.unique(bucket):
        rows = np.flatnonzero((bucket == number) & (weights > 0))
        size = round(fraction * int((bucket == number).sum()))
        size = min(size, cap) if cap is not None else size
        if not len(rows):
            continue
        if replacement:
            drawn.append(rng.choice(rows, size, replace=True, p=weights[rows] / weights[rows].sum()))
        else:
            # The largest keys log(u) / w are a weighted draw without replacement (Efraimidis and Spirakis 2006,
            # Inf. Process. Lett. 97, 181-185).
            keys = np.log(rng.random(len(rows))) / weights[rows]
            drawn.append(rows[np.argsort(-keys, kind="stable")[:size]])
    return np.sort(np.concatenate(drawn)) if drawn else np.empty(0, dtype=np.int64)


def _summary(gc: np.ndarray, bins: np.ndarray, expression: np.ndarray, bucket: np.ndarray, target: np.ndarray) -> dict:
    """GC-expression correlation, and each bucket's total variation distance to the target."""
    distance = [
        float(0.5 * np.abs(distribution(bins[bucket == b], len(target)) - target).sum())
        if (bucket == b).any()
        else None
        for b in range(N_BUCKETS)
    ]
    return {
        "constructs": len(gc),
        "gc_expression_pearson": float(np.corrcoef(gc, expression)[0, 1]),
        "bucket_distance_to_target": distance,
        "bucket_constructs": np.bincount(bucket, minlength=N_BUCKETS).tolist(),
    }


def gc_sampling(
    settings: Mapping[str, Any],
    folder: str | Path,
    table: str | Path,
    buckets: str | Path,
    split: str | Path,
    output: str | Path,
    report: str | Path,
    learn_from: Sequence[str] = ("train",),
) -> None:
    """Choose the training constructs of one run.

    Parameters
    ----------
    settings : mapping
        The ``gc_sampling`` section of a run in a validated configuration.
    folder : str or Path
        Folder of the data files, for a genome as target.
    table, buckets, split : str or Path
        Tables of the steps before.
    output : str or Path
        Table to write: ``row`` int64, the rows of `table` to train on; a row drawn twice stands twice.
    report : str or Path
        JSON file: counts, GC-expression correlation and each bucket's distance to the target, before and after.
    learn_from : sequence of str, optional
        Parts of the split to choose from.
    """
    columns = read_table(table, "sequence", "expression")
    bucket = read_table(buckets, "bucket")["bucket"]
    rows = np.flatnonzero(in_parts(read_table(split, "part")["part"], learn_from))
    gc = gc_content(insert_letters(letters_of(columns["sequence"])))
    width = settings["bin_width"]
    bins = gc_bin(gc, width)
    n_bins = int(gc_bin(np.ones(1), width)[0]) + 1
    if settings["target"] == "genome":
        path = Path(folder) / settings["genome"]["file"]
        check_sha256(path, settings["genome"]["sha256"])
        target = distribution(gc_bin(genome_gc(path), width), n_bins)
    else:
        target = distribution(bins, n_bins)
    train = (gc[rows], bins[rows], columns["expression"][rows], bucket[rows])
    summary = {"settings": dict(settings), "before": _summary(*train, target)}
    kept = rows
    if settings["method"] == "sampling":
        weights = sampling_weights(train[1], train[3], target, settings["weighting"])
        kept = rows[
            draw(
                weights,
                train[3],
                settings["fraction"],
                settings["cap"],
                settings["replacement"],
                np.random.default_rng(settings["seed"]),
            )
        ]
    summary["after"] = _summary(gc[kept], bins[kept], columns["expression"][kept], bucket[kept], target)
    summary["after"]["distinct_constructs"] = len(np.unique(kept))
    write_table(output, {"row": kept})
    write_report(report, summary)
