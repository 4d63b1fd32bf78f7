"""Calibrate a finished run: prediction intervals, what is unlike the training data, and how well the intervals hold.

A calibration needs measurements that no training saw: the validation part, or, for a run that learned from it, the test
part. The coverage is reported by cross-fitting: groups of constructs that share a 30-mer are shared out into `FOLDS`
folds, and the intervals of each fold are those of a calibration on the others. The calibration that is shipped is made
on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from training.config.loading import ALL_SOURCES
from training.data.assay import PUBLIC, Assay
from training.data.similarity import related_pairs
from training.data.tables import in_parts, letters_of, read_attribute, read_table, sha256_of, write_report
from training.evaluate.staleness import check_unchanged_since_training
from training.fit.engine import engine_of
from training.notices import warn
from training.run import Run
from yeastpromoter.model.decoding import decode
from yeastpromoter.statistics import LEVEL, RESAMPLES, bootstrap, percentile_interval
from yeastpromoter.uncertainty.calibration import LIMITED, Calibration, EffectErrors, scale_terms
from yeastpromoter.uncertainty.signals import Signals, signals_of

DECODING = "weighted_mean"

#: Levels that a calibration may have, in percent, and those that the coverage is reported of. The subsets are reported
#: of `SHOWN_LEVEL` alone, without which there is no calibration.
LEVELS = range(50, 100)
SHOWN_LEVELS = (50, 80, 90, 95)
SHOWN_LEVEL = 90

#: Most constructs that calibrate, and that give the limits: more would change nothing that can be seen.
MOST_CONSTRUCTS = 100_000

#: Fewest constructs, and fewest pairs of related constructs, that calibrate.
MIN_CONSTRUCTS = 100
MIN_PAIRS = 30

#: Folds of the groups, for the coverage; and, within a calibration, for the quotients of error and scale, each of which
#: comes from a scale that was learned without it.
FOLDS = 10
_SCALE_FOLDS = 5

#: Share of the training constructs that a limit leaves out at its end.
_BEYOND = 0.001
#: The signals that are unlike the training data where they are low, and where they are high.
_LOW, _HIGH = ("gc", "distinct_4mers", "expression"), ("gc", "longest_run", "unknown", "expression", "negative")

_EXPLANATIONS = {
    "coverage": "share of constructs whose measured expression lies in the interval, with the 95 % interval of that "
    "share by resampling groups of constructs that share a 30-mer",
    "width": "mean width of the intervals, in the unit of expression",
    "constant_width": "width of the interval, the same for all constructs, that would hold as many of them, as many of "
    "the others below it as above",
    "mae": "mean absolute error of the predictions, in the unit of expression",
    "narrowest, widest": "mae of the tenth of the constructs with the narrowest and with the widest intervals",
    "flagged": "constructs with a flag",
    "effects": "pairs of constructs that overlap by at least 70 bp, or differ in at most 3 bases: measured against "
    "predicted difference",
}


class _Measured(NamedTuple):
    """N measured constructs, letters of their inserts (N, L), with their predictions; each of the others (N,)."""

    inserts: np.ndarray
    source: np.ndarray
    group: np.ndarray
    measured: np.ndarray
    signals: Signals

    @property
    def errors(self) -> np.ndarray:
        return self.measured - self.signals.expression

    def take(self, rows: np.ndarray) -> _Measured:
        signals = Signals(*(values[rows] for values in self.signals))
        return _Measured(self.inserts[rows], self.source[rows], self.group[rows], self.measured[rows], signals)


def calibrate(run: Run, output: str | Path | None = None) -> dict[str, Any]:
    """Calibrate a run.

    Parameters
    ----------
    run : Run
        A run, finished.
    output : str or Path, optional
        JSON file; by default ``runs/<run>/calibration.json``.

    Returns
    -------
    dict
        What the file holds: ``calibration``, the arguments of a
        `yeastpromoter.uncertainty.calibration.Calibration`, or None where too little was measured; ``coverage``, by
        cross-fitting; ``warnings``; and what it was made from.

    Raises
    ------
    ValueError
        If the configuration asks for no calibration, names a source that does not exist, or the run has not finished,
        was trained with other settings or tables, or learned from all parts.
    """
    wanted = run.config["prediction_intervals"]
    if wanted is None:
        raise ValueError(f"configuration {run.config['name']!r} asks for none: take prediction_intervals: null out")
    learned = run.settings["learn_from"]
    part = next((name for name in ("validation", "test") if name not in learned), None)
    if part is None:
        raise ValueError(f"run {run.name!r} learned from all parts: nothing is left to calibrate it on")
    paths, weights = run.layout, run.weights
    check_unchanged_since_training(run)
    split = read_table(paths.split, "part", "group")
    columns = read_table(paths.constructs, "sequence", "source", "expression")
    names = read_attribute(paths.constructs, "sources")
    if unknown := [name for name in wanted["sources"] if name not in names]:
        raise ValueError(
            f"prediction_intervals.sources has {', '.join(unknown)}, but the sources are {', '.join(names)}"
        )
    assay = Assay.of_table(paths.constructs)
    network = engine_of(run.settings, weights, assay)

    def measured(rows: np.ndarray) -> _Measured:
        letters = letters_of(columns["sequence"][rows])
        scores = network.bucket_scores(letters)
        source = np.array(names, dtype=object)[columns["source"][rows]]
        expression = columns["expression"][rows].astype(np.float64)
        signals = signals_of(letters, scores, decode(scores, assay.bucket_values), assay.reporter)
        return _Measured(assay.inserts(letters), source, split["group"][rows], expression, signals)

    counts = np.isin(columns["source"], [names.index(name) for name in wanted["sources"] or names])
    there = np.flatnonzero(in_parts(split["part"], [part]) & counts)
    taken = _some_groups(split["group"][there], MOST_CONSTRUCTS, wanted["seed"])
    unseen = measured(there[taken])
    defined = np.isfinite(unseen.errors) & np.isfinite(unseen.signals.entropy)
    unseen = unseen.take(np.flatnonzero(defined))
    found: dict[str, Any] = {
        "configuration": run.config["name"],
        "run": run.name,
        "weights_sha256": sha256_of(weights),
        "settings": dict(wanted),
        "part": part,
        "undefined": int((~defined).sum()),
        "not_needed": len(there) - int(taken.sum()),
        "constructs": {name: int((unseen.source == name).sum()) for name in np.unique(unseen.source.astype(str))},
        "groups": len(np.unique(unseen.group)),
        "folds": FOLDS,
        "bootstrap": {"resamples": RESAMPLES, "seed": 0, "level": LEVEL},
        "explanations": _EXPLANATIONS,
    }
    # Of all sources: what is unlike them is unlike what the network learned from.
    learned_from = np.flatnonzero(in_parts(split["part"], learned))
    taken = _some_groups(split["group"][learned_from], MOST_CONSTRUCTS, wanted["seed"])
    limits = _limits(measured(learned_from[taken]).signals)

    def fitted(some: _Measured) -> Calibration:
        return fit_calibration(some, limits, found["weights_sha256"], wanted["seed"], assay.bucket_values)

    try:
        if len(unseen.measured) < MIN_CONSTRUCTS:
            raise TooFewError(f"{len(unseen.measured)} constructs calibrate, but at least {MIN_CONSTRUCTS} are needed")
        fold = _folds(unseen.group, FOLDS, wanted["seed"])
        parts = [unseen.take(np.flatnonzero(fold == number)) for number in range(FOLDS)]
        others = [fitted(unseen.take(np.flatnonzero(fold != number))) for number in range(FOLDS)]
        coverage = coverage_of(list(zip(others, parts, strict=True)))
        found |= {"calibration": fitted(unseen).content(), "coverage": coverage, "warnings": []}
    except TooFewError as error:
        warning = warn(f"there is no calibration, and so no prediction intervals: of the {part} part, {error}")
        found |= {"calibration": None, "coverage": None, "warnings": [warning]}
    write_report(output if output is not None else paths.calibration(run.name), found)
    return found


class TooFewError(ValueError):
    """There are too few measurements to calibrate."""


def _folds(group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Number of the fold of each construct, (N,): groups are shared out by chance and stay whole."""
    groups, of_group = np.unique(group, return_inverse=True)
    return np.random.default_rng(seed).permutation(len(groups))[of_group] % folds


def _some_groups(group: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Which constructs to take, `bool` (N,): all, or whole groups, drawn by chance, of at most a number of them."""
    groups, of_group, sizes = np.unique(group, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(groups))
    taken = np.zeros(len(groups), dtype=bool)
    taken[order[np.cumsum(sizes[order]) <= most]] = True
    taken[order[:1]] = True  # one group can be larger than that
    return taken[of_group]


def _equal_sources(source: np.ndarray) -> np.ndarray:
    """Weights, (N,), with which each source counts as much as another, of mean 1."""
    _, inverse, counts = np.unique(source.astype(str), return_inverse=True, return_counts=True)
    return len(source) / len(counts) / counts[inverse]


def _limits(learned: Signals) -> dict[str, tuple[float | None, float | None]]:
    def limit(values: np.ndarray, share: float) -> float:
        return float(np.quantile(values[np.isfinite(values)], share, method="nearest"))

    return {
        name: (
            limit(getattr(learned, name), _BEYOND) if name in _LOW else None,
            limit(getattr(learned, name), 1 - _BEYOND) if name in _HIGH else None,
        )
        for name in LIMITED
    }


def fit_calibration(
    constructs: _Measured,
    limits: Mapping[str, tuple[float | None, float | None]],
    weights_sha256: str,
    seed: int,
    bucket_values: Sequence[float] = PUBLIC.bucket_values,
) -> Calibration:
    """Make a calibration from constructs that no training saw.

    The logarithm of the scale is linear in its terms (a gamma regression of the absolute error). Each source counts as
    much as another, however many constructs it has.

    Raises
    ------
    TooFewError
        If there are too few constructs.
    """
    groups = len(np.unique(constructs.group))
    if groups < _SCALE_FOLDS:
        raise TooFewError(f"{groups} groups of constructs calibrate, but at least {_SCALE_FOLDS} are needed")
    weights = _equal_sources(constructs.source)
    terms = scale_terms(constructs.signals)
    size = np.abs(constructs.errors)
    fold = _folds(constructs.group, _SCALE_FOLDS, seed)
    quotients = np.empty(len(constructs.measured))
    for number in range(_SCALE_FOLDS):
        rest, own = fold != number, fold == number
        scale = _scale(terms[rest], size[rest], weights[rest])
        quotients[own] = constructs.errors[own] / np.exp(scale[0] + terms[own] @ scale[1:])
    ends = [
        (-conformal_quantile(-quotients, weights, share), conformal_quantile(quotients, weights, share))
        for share in (0.5 + level / 200 for level in LEVELS)
    ]
    levels = [level for level, both in zip(LEVELS, ends, strict=True) if np.isfinite(both).all()]
    if SHOWN_LEVEL not in levels:
        raise TooFewError(f"{len(constructs.measured)} constructs calibrate, too few for intervals of {SHOWN_LEVEL} %")
    coefficients = _scale(terms, size, weights)
    scale = np.exp(coefficients[0] + terms @ coefficients[1:])
    return Calibration(
        weights_sha256,
        DECODING,
        tuple(map(float, bucket_values)),
        tuple(coefficients.tolist()),
        tuple(np.quantile(scale, np.linspace(0, 1, 11)).tolist()),
        tuple(levels),
        *(tuple(float(both[end]) for both in ends[: len(levels)]) for end in (0, 1)),
        _effect_errors(constructs, scale, levels),
        limits,
        {
            source: tuple(np.percentile(constructs.measured[constructs.source == source], range(101)).tolist())
            for source in np.unique(constructs.source.astype(str))
        },
    )


def _scale(terms: np.ndarray, size: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients of the logarithm of the scale: intercept, and one for each of the terms, (N, K)."""
    from sklearn.linear_model import GammaRegressor

    centre, spread = terms.mean(axis=0), terms.std(axis=0)
    spread[spread == 0] = 1
    # An error of exactly 0 has no logarithm; the penalty keeps a term that hardly varies near 0.
    model = GammaRegressor(alpha=1e-3, solver="newton-cholesky", max_iter=1000).fit(
        (terms - centre) / spread, np.maximum(size, 1e-6), weights
    )
    slopes = model.coef_ / spread
    return np.concatenate([[model.intercept_ - slopes @ centre], slopes])


def conformal_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """Value that a further one, exchangeable with N values, does not exceed with at least a probability.

    The further value may be larger than all: it counts with the largest of the weights, at infinity (Tibshirani et al.
    2019, Conformal prediction under covariate shift, equation 6).

    Parameters
    ----------
    values, weights : numpy.ndarray
        (N,).
    share : float
        The probability, 0 to 1.

    Returns
    -------
    float
        One of the values, or infinity where there are too few of them.
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / (weights.sum() + weights.max())
    place = int(np.searchsorted(reached, share - 1e-12))
    return float(values[order][place]) if place < len(values) else np.inf


class _Pairs(NamedTuple):
    """P pairs of related constructs, each (P,): error of the difference, its scale, and the group."""

    error: np.ndarray
    scale: np.ndarray
    group: np.ndarray


def _pairs(constructs: _Measured, scales: np.ndarray) -> _Pairs:
    a, b = related_pairs(constructs.inserts)
    same = constructs.source[a] == constructs.source[b]
    a, b = a[same], b[same]
    return _Pairs(constructs.errors[a] - constructs.errors[b], np.hypot(scales[a], scales[b]), constructs.group[a])


def _effect_errors(constructs: _Measured, scales: np.ndarray, levels: Sequence[int]) -> EffectErrors | None:
    """Errors of differences from pairs of related constructs; None where there are too few.

    Every pair counts the same, though pairs of one group have errors in common: the intervals are approximate.
    """
    pairs = _pairs(constructs, scales)
    if len(pairs.group) < MIN_PAIRS:
        return None
    quotients = np.abs(pairs.error) / pairs.scale
    widths = [conformal_quantile(quotients, np.ones(len(quotients)), level / 100) for level in levels]
    finite = tuple(width if np.isfinite(width) else None for width in widths)
    return EffectErrors(finite, len(pairs.group), len(np.unique(pairs.group)))


class _Stated(NamedTuple):
    """What calibrations that do not know N constructs state of them, each (N,)."""

    source: np.ndarray
    group: np.ndarray
    error: np.ndarray
    gc: np.ndarray
    expression: np.ndarray
    scale: np.ndarray
    flagged: np.ndarray
    #: Ends of the intervals less the expression, (N, levels, 2).
    ends: np.ndarray

    def take(self, rows: np.ndarray) -> _Stated:
        return _Stated(*(values[rows] for values in self))


def _stated(made: Calibration, some: _Measured) -> _Stated:
    ends = [made.bounds(some.signals, level)[:2] for level in SHOWN_LEVELS if level in made.levels]
    return _Stated(
        some.source,
        some.group,
        some.errors,
        some.signals.gc,
        some.signals.expression,
        made.scales(some.signals),
        made.flagged(some.signals),
        np.moveaxis(np.array(ends), 2, 0) - some.signals.expression[:, np.newaxis, np.newaxis],
    )


def coverage_of(fitted: Sequence[tuple[Calibration, _Measured]]) -> dict[str, Any]:
    """How well intervals hold, by source and by kind of construct.

    Parameters
    ----------
    fitted : sequence of tuple
        Calibrations, each with measured constructs that it was not made on.
    """
    levels = [level for level in SHOWN_LEVELS if all(level in made.levels for made, _ in fitted)]
    stated = [_stated(made, some) for made, some in fitted if len(some.measured)]
    every = _Stated(
        *(
            np.concatenate([values[:, : len(levels)] if values.ndim == 3 else values for values in column])
            for column in zip(*stated, strict=True)
        )
    )
    found: dict[str, Any] = {"levels": {}, "subsets": {}, "tenths": {}, "flagged": {}}
    shown = levels.index(SHOWN_LEVEL)
    for source in [*np.unique(every.source.astype(str)), ALL_SOURCES]:
        some = every if source == ALL_SOURCES else every.take(np.flatnonzero(every.source == source))
        found["levels"][source] = {str(level): _row(some, place) for place, level in enumerate(levels)}
        found["subsets"][source] = {
            name: {label: _row(some.take(np.flatnonzero(rows)), shown) for label, rows in kinds}
            for name, kinds in _subsets(some).items()
        }
        order = np.argsort(some.scale, kind="stable")
        tenth = max(1, len(order) // 10)
        ends = {"narrowest": order[:tenth], "widest": order[-tenth:]}
        found["tenths"][source] = {name: float(np.abs(some.error[rows]).mean()) for name, rows in ends.items()}
        found["flagged"][source] = {
            "share": float(some.flagged.mean()),
            "flagged": _row(some.take(np.flatnonzero(some.flagged)), shown),
            "not_flagged": _row(some.take(np.flatnonzero(~some.flagged)), shown),
        }
    found["effects"] = _effect_coverage(fitted)
    return found


def _subsets(some: _Stated) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Kinds of constructs, by what tells them apart: their name, and whether each construct is of it."""
    found = {}
    for name, values, cuts in (
        ("gc", some.gc, (0.3, 0.4, 0.5)),
        ("predicted_expression", some.expression, (4, 8, 12)),
    ):
        place = np.searchsorted(cuts, values, side="right")
        labels = [
            f"below {cuts[0]}",
            *(f"{a} to {b}" for a, b in pairwise(cuts)),
            f"from {cuts[-1]}",
        ]
        found[name] = [(label, place == number) for number, label in enumerate(labels)]
    rank = np.argsort(np.argsort(some.scale, kind="stable"), kind="stable")
    fifth = rank * 5 // max(1, len(rank))
    names = ("narrowest fifth", "second", "third", "fourth", "widest fifth")
    return found | {"width": [(name, fifth == number) for number, name in enumerate(names)]}


def _row(some: _Stated, place: int) -> dict[str, Any] | None:
    """Coverage and width of the intervals of a level for some constructs; None for none."""
    if not len(some.error):
        return None
    lower, upper = some.ends[:, place].T
    inside, error = (lower <= some.error) & (some.error <= upper), np.abs(some.error)
    return {
        "constructs": len(error),
        **_share(inside, some.group),
        "width": float((upper - lower).mean()),
        "constant_width": _constant_width(some.error, inside.mean()),
        "mae": float(error.mean()),
    }


def _constant_width(errors: np.ndarray, share: float) -> float:
    """Width of the interval that holds a share of the errors, as many of the others below it as above."""
    return float(np.diff(np.quantile(errors, [(1 - share) / 2, (1 + share) / 2]))[0])


def _share(inside: np.ndarray, group: np.ndarray) -> dict[str, Any]:
    """Share of the values that are inside, with its interval by groups."""
    groups, inverse = np.unique(group, return_inverse=True)
    counts, hits = (np.bincount(inverse, some, minlength=len(groups)) for some in (np.ones(len(group)), inside))

    def statistic(weights: np.ndarray) -> np.ndarray:
        return (weights @ hits / (weights @ counts))[:, np.newaxis]

    low, high = percentile_interval(bootstrap(statistic, len(groups), RESAMPLES, 0), len(groups))
    ends = (None if np.isnan(end[0]) else float(end[0]) for end in (low, high))
    return {
        "groups": len(groups),
        "coverage": dict(zip(("value", "low", "high"), (float(inside.mean()), *ends), strict=True)),
    }


def _effect_coverage(fitted: Sequence[tuple[Calibration, _Measured]]) -> dict[str, Any] | None:
    """How well intervals of differences hold; None where a calibration has none."""
    place = [made.levels.index(SHOWN_LEVEL) for made, _ in fitted]
    if any(
        made.effects is None or made.effects.half_widths[at] is None
        for (made, _), at in zip(fitted, place, strict=True)
    ):
        return None
    pairs = [_pairs(some, made.scales(some.signals)) for made, some in fitted]
    multiples = [made.effects.half_widths[at] for (made, _), at in zip(fitted, place, strict=True)]
    half = np.concatenate([multiple * some.scale for multiple, some in zip(multiples, pairs, strict=True)])
    errors = np.concatenate([some.error for some in pairs])
    inside = np.abs(errors) <= half
    return {
        "pairs": len(errors),
        **_share(inside, np.concatenate([some.group for some in pairs])),
        "width": float(2 * half.mean()),
        "constant_width": _constant_width(errors, inside.mean()),
        "mae": float(np.abs(errors).mean()),
    }
