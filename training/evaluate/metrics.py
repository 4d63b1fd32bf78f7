"""How well predictions agree with measurements, with bootstrap intervals.

Every statistic is computed for many weightings of the same constructs at once. A weighting says how often each
construct counts: once each for the value itself, and as often as it was drawn for a bootstrap resample.
"""

import numpy as np

from yeastpromoter.statistics import RESAMPLES, bootstrap, percentile_interval

#: Standard deviation below which values count as constant. Of expression, in buckets, that is a ten-thousandth of one,
#: about what rounding in float32 and the order of additions make of equal predictions.
LEAST_SD = 1e-4
#: Measured expression from which on an error is also given as a percentage of it. Below, the quotient says more of how
#: near to 0 the measurement is than of the error, and at 0 there is none.
LEAST_MEASURED = 1.0
#: What the statistics need, in the order in which the reason for an undefined one is looked for.
_SIDES = {
    "pearson": ("predicted", "measured"),
    "spearman": ("predicted", "measured"),
    "mse": (),
    "mae": (),
    "mape": ("percentage",),
    "gc_predicted": ("predicted", "gc"),
    "gc_measured": ("measured", "gc"),
    "gc_excess": ("predicted", "measured", "gc"),
}
#: What notes of tables say of percentages.
MAPE_NOTE = (
    "MAPE: mean absolute error in percent of the measured expression, of constructs measured at "
    f"{LEAST_MEASURED:g} or above."
)
#: Decimals that tables show of statistics where these are not 3.
DECIMALS = {"mape": 1}
#: Above this many groups a resample takes seconds, and intervals are narrow enough for fewer of them.
MANY_GROUPS = 100_000
RESAMPLES_OF_MANY = 200


def weighted_pearson(weights: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson correlation under each of several weightings.

    Parameters
    ----------
    weights : numpy.ndarray
        How often each value counts, `float64` (R, N).
    first, second : numpy.ndarray
        Values, (N,), or for each weighting others, (R, N).

    Returns
    -------
    numpy.ndarray
        `float64` (R,); NaN where either side does not vary.
    """
    first, second = (np.broadcast_to(values, weights.shape) for values in (first, second))
    total = weights.sum(axis=1)

    def centred(values: np.ndarray) -> np.ndarray:
        return values - (np.einsum("rn,rn->r", weights, values) / total)[:, np.newaxis]

    def varies(values: np.ndarray) -> np.ndarray:
        counts = weights > 0
        return np.where(counts, values, -np.inf).max(axis=1, initial=-np.inf) > np.where(counts, values, np.inf).min(
            axis=1, initial=np.inf
        )

    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = centred(first), centred(second)
        covariance = np.einsum("rn,rn,rn->r", weights, x, y)
        variances = np.einsum("rn,rn,rn->r", weights, x, x) * np.einsum("rn,rn,rn->r", weights, y, y)
        return np.where(varies(first) & varies(second), covariance / np.sqrt(variances), np.nan)


def varies(values: np.ndarray) -> bool:
    """Whether values, (N,), vary by more than rounding."""
    return len(values) > 1 and float(np.std(values)) >= LEAST_SD


def pearson(first: np.ndarray, second: np.ndarray) -> float | None:
    """Pearson correlation of two arrays, (N,); None where either side does not vary by more than rounding."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not (varies(first) and varies(second)):
        return None
    (r,) = weighted_pearson(np.ones((1, len(first))), first, second)
    return float(r) if np.isfinite(r) else None


def weighted_ranks(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rank of each value among all values as often as they count; equal values share their mean rank.

    Parameters
    ----------
    weights : numpy.ndarray
        How often each value counts, `float64` (R, N).
    values : numpy.ndarray
        Values, (N,).

    Returns
    -------
    numpy.ndarray
        Ranks from 1, `float64` (R, N).
    """
    distinct, position = np.unique(values, return_inverse=True)
    order = np.argsort(position, kind="stable")
    starts = np.searchsorted(position[order], np.arange(len(distinct)))
    count = np.add.reduceat(weights[:, order], starts, axis=1)
    rank = np.cumsum(count, axis=1) - (count - 1) / 2
    return rank[:, position]


def spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman correlation of two arrays, (N,); None where either side does not vary by more than rounding."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not (varies(first) and varies(second)):
        return None
    once = np.ones((1, len(first)))
    (rho,) = weighted_pearson(once, weighted_ranks(once, first), weighted_ranks(once, second))
    return float(rho)


def percentage_errors(measured: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Absolute errors as percentages of the measured expression.

    Parameters
    ----------
    measured, predicted : numpy.ndarray
        Expression, (N,).

    Returns
    -------
    numpy.ndarray
        ``100 |predicted - measured| / measured``, `float64` (N,); NaN below `LEAST_MEASURED`.
    """
    measured, predicted = np.asarray(measured, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    counts = measured >= LEAST_MEASURED
    return np.where(counts, 100 * np.abs(predicted - measured) / np.where(counts, measured, 1), np.nan)


def mape(measured: np.ndarray, predicted: np.ndarray) -> float | None:
    """Mean of `percentage_errors`, in percent; None where no measurement reaches `LEAST_MEASURED`."""
    errors = percentage_errors(measured, predicted)
    return float(np.nanmean(errors)) if np.isfinite(errors).any() else None


def statistics(
    weights: np.ndarray, measured: np.ndarray, predicted: np.ndarray, gc: np.ndarray
) -> dict[str, np.ndarray]:
    """Agreement of predictions with measurements under each of several weightings.

    Parameters
    ----------
    weights : numpy.ndarray
        How often each construct counts, `float64` (R, N).
    measured, predicted : numpy.ndarray
        Expression, (N,).
    gc : numpy.ndarray
        GC content of the insert, (N,), 0 to 1.

    Returns
    -------
    dict of str to numpy.ndarray
        ``pearson``, ``spearman``, ``mse``, ``mae`` (in buckets), ``mape`` (mean of `percentage_errors`),
        ``gc_predicted`` and ``gc_measured`` (Pearson correlation of either expression with GC content) and their
        difference ``gc_excess`` (predicted less measured), each `float64` (R,). NaN are correlations of what does not
        vary by more than rounding, and ``mape`` where no construct that counts reaches `LEAST_MEASURED`.
    """
    total = weights.sum(axis=1)
    error = predicted - measured
    percentage = percentage_errors(measured, predicted)
    has_percentage = np.isfinite(percentage)
    with np.errstate(invalid="ignore"):
        mean_percentage = (weights @ np.where(has_percentage, percentage, 0)) / (weights @ has_percentage)
    measured, predicted = (values if varies(values) else np.zeros_like(values) for values in (measured, predicted))
    values = {
        "pearson": weighted_pearson(weights, predicted, measured),
        "spearman": weighted_pearson(weights, weighted_ranks(weights, predicted), weighted_ranks(weights, measured)),
        "mse": weights @ error**2 / total,
        "mae": weights @ np.abs(error) / total,
        "mape": mean_percentage,
        "gc_predicted": weighted_pearson(weights, gc, predicted),
        "gc_measured": weighted_pearson(weights, gc, measured),
    }
    return values | {"gc_excess": values["gc_predicted"] - values["gc_measured"]}


def affordable(resamples: int, groups: int) -> int:
    """How many of some wanted bootstrap resamples are drawn: at most 200 of above 100,000 groups."""
    return min(resamples, RESAMPLES_OF_MANY) if groups > MANY_GROUPS else resamples


def with_intervals(
    measured: np.ndarray,
    predicted: np.ndarray,
    gc: np.ndarray,
    group: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, dict[str, float | None]]:
    """Agreement of predictions with measurements, each statistic with its bootstrap interval.

    Constructs of one group share parts of their sequence, so whole groups are resampled: see
    `yeastpromoter.statistics`.

    Parameters
    ----------
    measured, predicted, gc : numpy.ndarray
        As for `statistics`, all finite.
    group : numpy.ndarray
        Group of each construct, `int` (N,).
    resamples : int, optional
        Number of resamples.
    seed : int, optional
        Seed of the resampling.

    Returns
    -------
    dict of str to dict
        For each of `statistics`: ``value`` and the bounds ``low`` and ``high`` of the 95 % percentile interval;
        None where it is undefined (values that do not vary, percentages of what is near 0), and the bounds also for
        fewer groups than `yeastpromoter.statistics.MIN_GROUPS`. Without a value, ``reason`` says why.
    """
    measured, predicted, gc = (np.asarray(values, dtype=np.float64) for values in (measured, predicted, gc))
    names, position = np.unique(group, return_inverse=True)
    value = statistics(np.ones((1, len(measured))), measured, predicted, gc)

    def of_groups(weights: np.ndarray) -> np.ndarray:
        return np.column_stack(list(statistics(weights[:, position], measured, predicted, gc).values()))

    draws = bootstrap(of_groups, len(names), resamples, seed, values=len(measured))
    has_percentage = measured >= LEAST_MEASURED
    with_percentage = len(np.unique(position[has_percentage]))
    counted = np.array([with_percentage if name == "mape" else len(names) for name in value])
    bounds = zip(*percentile_interval(draws, counted), strict=True)
    lacking = {
        "predicted": None if varies(predicted) else "the predictions do not vary",
        "measured": None if varies(measured) else "the measurements do not vary",
        "gc": None if varies(gc) else "the GC content does not vary",
        "percentage": None if has_percentage.any() else f"no measured expression reaches {LEAST_MEASURED:g}",
    }
    result = {}
    for (name, (number,)), (low, high) in zip(value.items(), bounds, strict=True):
        if np.isfinite(number):
            result[name] = as_interval(number, low, high)
        else:
            reasons = (lacking[side] for side in _SIDES[name])
            result[name] = as_interval(np.nan, np.nan, np.nan) | {
                "reason": next(filter(None, reasons), "it is undefined")
            }
    return result


def as_interval(value: float, low: float, high: float) -> dict[str, float | None]:
    """A statistic with the bounds of its interval as JSON can hold it: None for what is undefined."""
    named = {"value": value, "low": low, "high": high}
    return {name: float(number) if np.isfinite(number) else None for name, number in named.items()}


def noise_ceiling(first: np.ndarray, second: np.ndarray) -> dict[str, float | None]:
    """The correlation that perfect predictions would have with the mean of two replicates.

    The reliability of the mean of two equally noisy replicates that correlate at ``r`` is ``2 r / (1 + r)``
    (Spearman 1910, Br. J. Psychol. 3, 271-295; Brown 1910, ibid. 296-322): the share of its variance that is
    signal. A perfect prediction is the signal itself, and correlates with the mean at the square root of that.

    Parameters
    ----------
    first, second : numpy.ndarray
        Replicates, (N,), finite.

    Returns
    -------
    dict of str to float or None
        ``replicate_pearson``, ``reliability`` and ``ceiling``; None where they are undefined, the latter two also
        where the replicates do not correlate positively.
    """
    r = pearson(first, second)
    if r is None or r <= 0:
        return {"replicate_pearson": r, "reliability": None, "ceiling": None}
    reliability = 2 * r / (1 + r)
    return {"replicate_pearson": r, "reliability": reliability, "ceiling": float(np.sqrt(reliability))}
