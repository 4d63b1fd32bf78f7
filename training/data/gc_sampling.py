"""GC correction of the training part: draw, or weight, each bucket's constructs towards one GC distribution.

Expression rises with GC content. Drawing every bucket towards the same GC distribution takes that association
out of the training data (report of the KircherLab model, section 1), so that the network cannot use base
composition in place of motifs. Weighting does the same and keeps every construct.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import Assay
from training.data.data_files import DataFiles
from training.data.tables import in_parts, letters_of, read_attribute, read_table, write_report, write_table
from training.evaluate.metrics import weighted_pearson
from yeastpromoter.io.genome import read_genome
from yeastpromoter.sequence.encoding import gc_content


def gc_bin(gc: np.ndarray, width: float) -> np.ndarray:
    """Number of the GC bin of each value, `int64` (N,): bins of `width` centred on its multiples."""
    return np.rint(np.asarray(gc) / width).astype(np.int64)


def distribution(bins: np.ndarray, n_bins: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of each bin, of the count or of `weights`, `float64` (n_bins,), summing to 1 (all 0 for no values)."""
    amounts = np.bincount(bins, weights, minlength=n_bins)
    return amounts / (amounts.sum() or 1)


def genome_gc(fasta: str | Path, length: int) -> np.ndarray:
    """GC content of a genome's consecutive windows without N, `float64` (W,).

    Parameters
    ----------
    fasta : str or Path
        Genome, plain or bgzip.
    length : int
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
        At most this many of one bucket.
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


def tilt(gc: np.ndarray, target: float) -> tuple[np.ndarray, float] | None:
    """Weight values so that their weighted mean is the target's: exponential tilting.

    Among all weights that reach the mean, those proportional to ``exp(rate * gc)`` are the closest to equal ones in
    Kullback-Leibler divergence (Csiszar 1975, Ann. Probab. 3, 146-158).

    Parameters
    ----------
    gc : numpy.ndarray
        Values, (N,).
    target : float
        Mean to reach.

    Returns
    -------
    weights : numpy.ndarray
        `float64` (N,), with a mean of 1.
    rate : float
        The rate of the exponential, per unit of `gc`.

    None, in place of the two, where no finite rate reaches the target: it is not strictly between the smallest and the
    largest value (and these are not all equal to it).
    """
    from scipy.optimize import brentq

    distance = np.asarray(gc, dtype=np.float64) - target
    if np.allclose(distance, 0, rtol=0, atol=1e-12):
        return np.ones(len(distance)), 0.0
    if not distance.min() < 0 < distance.max():
        return None

    def weights_at(rate: float) -> np.ndarray:
        exponent = rate * distance
        return np.exp(exponent - exponent.max())

    # The weighted mean rises with the rate, from the smallest value to the largest one.
    bound = 1.0
    while (weights_at(bound) @ distance) * (weights_at(-bound) @ distance) >= 0:
        bound *= 2
    rate = brentq(lambda rate: weights_at(rate) @ distance, -bound, bound, xtol=1e-12)
    weights = weights_at(rate)
    return weights * (len(weights) / weights.sum()), float(rate)


def reweight(gc: np.ndarray, group: np.ndarray, target: float) -> tuple[np.ndarray, dict[int, float | None]]:
    """Weight all constructs so that the weighted mean GC content of every group is the target's.

    Parameters
    ----------
    gc : numpy.ndarray
        GC content of each construct, (N,).
    group : numpy.ndarray
        Group of each construct, whole numbers (N,): its bucket, say.
    target : float
        Mean GC content to reach.

    Returns
    -------
    weights : numpy.ndarray
        `float64` (N,). Those of a group sum to its number of constructs, so that each group keeps its share. In a
        group that cannot be calibrated (see `tilt`) all are 1.
    rates : dict of int to float or None
        For each group the rate of the exponential; None for those that cannot be calibrated.
    """
    weights, rates = np.ones(len(gc)), {}
    for number in np.unique(group).tolist():
        rows = group == number
        found = tilt(gc[rows], target)
        if found is None:
            rates[number] = None
        else:
            weights[rows], rates[number] = found
    return weights, rates


def effective_number(weights: np.ndarray) -> float:
    """Effective sample size of weighted constructs: ``sum(w)^2 / sum(w^2)`` (Kish 1965, Survey Sampling)."""
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0


def set_aside(group: np.ndarray, rows: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Choose between the constructs that are set aside and all others.

    Whole groups are set aside in a random order until there are as many constructs as were asked for, or a few more:
    none of them resembles one of the others. Fewer of them are used in a second random order, which does not depend on
    how many: those of a smaller number are among those of a larger one.

    Parameters
    ----------
    group : numpy.ndarray
        Group of each construct of the split, `int` (N,).
    rows : numpy.ndarray
        Constructs to choose from, `int64` (R,).
    settings : mapping
        ``set_aside`` of a run in a validated configuration.

    Returns
    -------
    numpy.ndarray
        The chosen ones among `rows`, in their order.

    Raises
    ------
    ValueError
        If there are not more constructs than are set aside.
    """
    if len(rows) <= settings["constructs"]:
        raise ValueError(
            f"set_aside.constructs is {settings['constructs']:,}, but there are only {len(rows):,} constructs to learn "
            "from"
        )
    rng = np.random.default_rng(settings["seed"])
    groups, members = np.unique(group[rows], return_inverse=True)
    order = rng.permutation(len(groups))
    before = np.cumsum(np.bincount(members)[order]) - np.bincount(members)[order]
    chosen = np.zeros(len(groups), dtype=bool)
    chosen[order[before < settings["constructs"]]] = True
    aside = chosen[members]
    if settings["learn_from"] == "others":
        return rows[~aside]
    found = rng.permutation(rows[aside])
    return np.sort(found[: settings["use"] or settings["constructs"]])


class _Chosen:
    """Constructs with their weights: what the reports say of them."""

    def __init__(self, columns: Mapping[str, np.ndarray], sources: Sequence[str], target: np.ndarray, buckets: int):
        self._columns, self._sources, self._target, self._buckets = columns, sources, target, buckets

    def of_weights(self, weights: np.ndarray) -> dict[str, Any]:
        """Say what weights, (N,), make of the constructs.

        Returns the effective number, the largest weight in units of the mean of those that are not 0, and the
        GC-expression correlation, over all and within each source.
        """
        there = weights > 0
        gc, expression, source = (self._columns[name][there] for name in ("gc", "expression", "source"))
        weights = weights[there]

        def correlation(rows: np.ndarray) -> float | None:
            (r,) = weighted_pearson(weights[np.newaxis, rows], gc[rows], expression[rows])
            return float(r) if np.isfinite(r) else None

        return {
            "effective_constructs": round(effective_number(weights), 1),
            "largest_weight": float(weights.max() / weights.mean()) if len(weights) else None,
            "gc_expression_pearson": correlation(np.ones(len(weights), dtype=bool)),
            "gc_expression_pearson_by_source": {
                name: correlation(source == number) for number, name in enumerate(self._sources)
            },
        }

    def summary(self, weights: np.ndarray) -> dict[str, Any]:
        """Summarise constructs that count as often as their weights, (N,), say.

        Returns the number that count and the different ones among them, what `of_weights` says, and each bucket's
        number and total variation distance to the target.
        """
        bins, bucket = self._columns["bins"], self._columns["bucket"]
        distance = [
            float(0.5 * np.abs(distribution(bins[rows], len(self._target), weights[rows]) - self._target).sum())
            if rows.any()
            else None
            for rows in ((bucket == number) & (weights > 0) for number in range(self._buckets))
        ]
        return {
            "constructs": round(weights.sum()),
            "distinct_constructs": int((weights > 0).sum()),
            **self.of_weights(weights),
            "bucket_distance_to_target": distance,
            "bucket_constructs": np.rint(np.bincount(bucket, weights, minlength=self._buckets)).astype(int).tolist(),
        }


def _calibration(
    group: np.ndarray, rates: Mapping[int, float | None], sources: Sequence[str], buckets: int
) -> dict[str, Any]:
    """What reweighting did to each group, named by its bucket and, where the sources are apart, its source."""
    constructs = dict(zip(*np.unique(group, return_counts=True), strict=True))

    def named(number: int) -> dict[str, Any]:
        source, bucket = divmod(number, buckets)
        return {"bucket": bucket} | ({"source": sources[source]} if sources else {})

    return {
        "rates": [named(number) | {"rate": rate} for number, rate in rates.items() if rate is not None],
        "not_calibrated": [
            named(number) | {"constructs": int(constructs[number])} for number, rate in rates.items() if rate is None
        ],
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
    source_weights: bool = False,
    downloaded: str | Path | None = None,
    aside: Mapping[str, Any] | None = None,
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
        Table to write: ``row`` int64, the rows of `table` to train on; a row drawn twice stands twice. With
        reweighting all rows, and ``weight`` float64, the weight of each in the loss, 1 in the mean of every bucket.
    report : str or Path
        JSON file: counts, effective number, largest weight, GC-expression correlation and each bucket's distance to
        the target, before and after; with reweighting also what could not be calibrated.
    learn_from : sequence of str, optional
        Parts of the split to choose from.
    source_weights : bool, optional
        Whether the weights of the sources count in the loss. They change neither the draw nor the correction's
        weights, but the report then says of the products, too, what effective number, largest weight and
        correlation they have, as ``in_loss``.
    downloaded : str or Path, optional
        Report of the step download: a genome has to be the file that it found.
    aside : mapping, optional
        The ``set_aside`` section of the run (see `set_aside`); by default all constructs are chosen from.

    Raises
    ------
    ValueError
        If there is no construct to choose from, if none is chosen, or if the genome has no window to count.
    """
    columns = read_table(table, "sequence", "expression", "source", "weight")
    sources = read_attribute(table, "sources")
    bucket = read_table(buckets, "bucket")["bucket"]
    rows = np.flatnonzero(in_parts(read_table(split, "part")["part"], learn_from))
    if not len(rows):
        raise ValueError(
            f"{split} has no construct to learn from, of the part {' or '.join(learn_from)}: too little data"
        )
    if aside is not None:
        rows = set_aside(read_table(split, "group")["group"], rows, aside)
    assay = Assay.of_table(table)
    gc = gc_content(assay.inserts(letters_of(columns["sequence"])))
    width = settings["bin_width"]
    n_bins = int(gc_bin(np.ones(1), width)[0]) + 1
    target_gc = gc
    if settings["target"] == "genome":
        with DataFiles(folder, downloaded).reading(settings["genome"]) as (path, _):
            target_gc = genome_gc(path, assay.reporter.insert_length)
        if not len(target_gc):
            raise ValueError(
                f"{path} has no window of {assay.reporter.insert_length} bp of A, C, G and T, so there is no GC "
                "distribution to go towards: its sequences are too short, or are not a genome"
            )
    target = distribution(gc_bin(target_gc, width), n_bins)
    train = {
        "gc": gc[rows],
        "bins": gc_bin(gc, width)[rows],
        "expression": columns["expression"][rows],
        "bucket": bucket[rows],
        "source": columns["source"][rows],
    }
    chosen = _Chosen(train, sources, target, assay.buckets)
    summary = {
        "settings": dict(settings),
        "set_aside": aside and dict(aside),
        "before": chosen.summary(np.ones(len(rows))),
    }
    result, weights = {"row": rows}, np.ones(len(rows))
    if settings["method"] == "sampling":
        drawn = draw(
            sampling_weights(train["bins"], train["bucket"], target, settings["weighting"]),
            train["bucket"],
            settings["fraction"],
            settings["cap"],
            settings["replacement"],
            np.random.default_rng(settings["seed"]),
        )
        if not len(drawn):
            raise ValueError(
                f"none of {len(rows):,} constructs is drawn: gc_sampling.fraction, {settings['fraction']:g}, takes "
                "less than one of every bucket, or no construct has a GC content of the target's"
            )
        result, weights = {"row": rows[drawn]}, np.bincount(drawn, minlength=len(rows)).astype(np.float64)
    elif settings["method"] in ("reweighting", "reweighting_by_source"):
        apart = settings["method"] == "reweighting_by_source"
        group = train["bucket"].astype(np.int64) + (assay.buckets * train["source"].astype(np.int64) if apart else 0)
        mean = float(np.mean(target_gc))
        weights, rates = reweight(train["gc"], group, mean)
        result["weight"] = weights
        summary["calibration"] = {"target_mean_gc": mean} | _calibration(
            group, rates, sources if apart else [], assay.buckets
        )
    summary["after"] = chosen.summary(weights)
    if source_weights:
        summary["in_loss"] = chosen.of_weights(weights * columns["weight"][rows])
    write_table(output, result)
    write_report(report, summary)
