"""Lines from the values of one source to those of another, through the sequences that both measured.

Both sources have errors. Ordinary least squares takes those of the second source for signal, so that its slope is too
small. Deming regression (Deming 1943, Statistical Adjustment of Data; for the estimates of the errors, Fuller 1987,
Measurement Error Models, section 1.2) is free of that if the ratio of the error variances is right.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from training.evaluate.metrics import as_interval
from yeastpromoter.statistics import MIN_GROUPS, RESAMPLES, bootstrap, percentile_interval

#: Where the error variances are from, in words.
ERRORS_FROM = {
    "both": "the replicates of both",
    "second": "the replicates of the second; what else the values scatter about the line is error of the first",
    "first": "the replicates of the first; what else the values scatter about the line is error of the second",
    "neither": "no replicates: assumed to be the same share of the variance in both",
}
VALUES = ["expression", "replicate_1", "replicate_2"]
#: The bootstrap draws sequences, or, where there are more of them, groups of this number that chance has put together.
_MOST_GROUPS = 10_000


class _Spread(NamedTuple):
    """Of two variables, each (r,): their number of values, means, variances and covariance."""

    number: np.ndarray
    mean_a: np.ndarray
    mean_b: np.ndarray
    var_a: np.ndarray
    cov: np.ndarray
    var_b: np.ndarray

    @property
    def pearson(self) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.cov / np.sqrt(self.var_a * self.var_b)


def _terms(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What `_spread` needs of each pair of values, (N, 6); nothing of pairs with NaN."""
    known = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(known, a, 0), np.where(known, b, 0)
    return np.column_stack([known, a, b, a * a, a * b, b * b])


def _spread(sums: np.ndarray) -> _Spread:
    """From sums of `_terms`, (r, 6)."""
    number, a, b, aa, ab, bb = sums.T
    a, b = a / number, b / number
    return _Spread(number, a, b, aa / number - a * a, ab / number - a * b, bb / number - b * b)


def deming_slope(var_x: Any, cov: Any, var_y: Any, error_x: Any, error_y: Any) -> np.ndarray:
    """Slope of the line y = slope * x + intercept by Deming regression.

    Parameters
    ----------
    var_x, cov, var_y : float or numpy.ndarray
        Variances and covariance of what was measured.
    error_x, error_y : float or numpy.ndarray
        Error variances of x and y, of which only the ratio counts. With errors in y alone this is ordinary least
        squares; with equal ones it is orthogonal regression.

    Returns
    -------
    numpy.ndarray
        The slope; not finite where there is none, as with x or y constant, or no errors in either.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        steeper = error_x * var_y - error_y * var_x
        root = np.sqrt(steeper**2 + 4 * error_x * error_y * np.square(cov))
        # Two forms of one root: in each no large numbers are subtracted from one another.
        return np.where(
            np.asarray(steeper) >= 0, (steeper + root) / (2 * error_x * cov), 2 * error_y * cov / (root - steeper)
        )


def _reliability(replicates: _Spread) -> np.ndarray:
    """Share of the variance of a source's values that is signal, by its replicates.

    Of the mean of two equally noisy replicates it is ``2 r / (1 + r)`` (Spearman 1910, Br. J. Psychol. 3, 271-295;
    Brown 1910, ibid. 296-322), whatever the scale of each: replicates often differ in that.
    """
    r = np.clip(replicates.pearson, 0, 1)
    return 2 * r / (1 + r)


def _have_errors(replicates: _Spread) -> bool:
    """Whether replicates tell of errors: not if they are few, constant, or copies of one another."""
    return bool(replicates.number[0] >= MIN_GROUPS and replicates.pearson[0] < 1 - 1e-9)


def _error_variances(of: _Spread, errors_from: str, replicates: dict[str, _Spread]) -> tuple[np.ndarray, np.ndarray]:
    """Error variances of the second source (a of the spread) and the first (b)."""
    if errors_from == "neither":
        return of.var_a, of.var_b
    if errors_from == "both":
        first, second = (_reliability(replicates[name]) for name in ("first", "second"))
        return of.var_a * (1 - second), of.var_b * (1 - first)
    # Not more error than the scatter about the line: the other source would have a variance below 0.
    reliability = np.maximum(_reliability(replicates[errors_from]), of.pearson**2)
    # By rounding alone it would be below 0, too.
    if errors_from == "second":
        return of.var_a * (1 - reliability), np.maximum(of.var_b - of.cov**2 / (of.var_a * reliability), 0)
    return np.maximum(of.var_a - of.cov**2 / (of.var_b * reliability), 0), of.var_b * (1 - reliability)


def source_line(first: pd.DataFrame, second: pd.DataFrame, seed: int = 0) -> dict[str, Any]:
    """Find the line that brings the values of the second source to those of the first, by Deming regression.

    The error variance of a source is found from the correlation of its replicates, where at least
    `yeastpromoter.statistics.MIN_GROUPS` sequences have both. If only one source has replicates, the scatter about the
    line tells the error variance of the other; if neither has, errors are assumed to be the same share of the variance
    in both, so that the slope is the ratio of the standard deviations.

    Parameters
    ----------
    first, second : pandas.DataFrame
        ``expression``, ``replicate_1`` and ``replicate_2`` (NaN where there are none) of the N sequences that both
        measured, in one order.
    seed : int, optional
        Seed of the bootstrap, which draws sequences.

    Returns
    -------
    dict
        ``sequences``, N; ``pearson``; ``line_second_to_first`` with ``slope`` and ``intercept``, each with ``value``,
        ``low`` and ``high`` (95 % interval; None for fewer than `MIN_GROUPS` sequences); ``errors_from``, a key of
        `ERRORS_FROM`; ``error_sd`` of ``first`` and ``second``, None without replicates; and
        ``ordinary_line``, the slope and intercept of ordinary least squares. Any number is None where it is undefined.
    """
    x, y = (source["expression"].to_numpy(dtype=np.float64) for source in (second, first))
    centre_x, centre_y = x.mean(), y.mean()
    pairs = [(x - centre_x, y - centre_y)]
    for source in (first, second):
        one, other = source[VALUES[1:]].to_numpy(dtype=np.float64).T
        both = np.isfinite(one) & np.isfinite(other)
        pairs.append((one - one[both].mean(), other - other[both].mean()) if both.any() else (one, other))
    terms = np.concatenate([_terms(*pair) for pair in pairs], axis=1)
    if len(terms) > _MOST_GROUPS:
        chance = np.random.default_rng(seed).permutation(len(terms)) % _MOST_GROUPS
        terms = np.column_stack([np.bincount(chance, column, _MOST_GROUPS) for column in terms.T])

    def spreads(weights: np.ndarray) -> tuple[_Spread, dict[str, _Spread]]:
        sums = weights @ terms
        values, *replicates = (_spread(sums[:, start : start + 6]) for start in (0, 6, 12))
        return values, dict(zip(("first", "second"), replicates, strict=True))

    def lines(weights: np.ndarray) -> np.ndarray:
        values, replicates = spreads(weights)
        errors = _error_variances(values, errors_from, replicates)
        slope = deming_slope(values.var_a, values.cov, values.var_b, *errors)
        return np.column_stack([slope, centre_y + values.mean_b - slope * (centre_x + values.mean_a)])

    with np.errstate(invalid="ignore", divide="ignore"):
        once = np.ones((1, len(terms)))
        values, replicates = spreads(once)
        with_errors = [name for name, spread in replicates.items() if _have_errors(spread)]
        errors_from = {0: "neither", 1: "".join(with_errors), 2: "both"}[len(with_errors)]
        found = lines(once)[0]
        low, high = percentile_interval(bootstrap(lines, len(terms), RESAMPLES, seed), len(terms))
        ordinary = (values.cov / values.var_a)[0]
        error_sd = np.sqrt(_error_variances(values, errors_from, replicates))[::-1, 0]
    if errors_from == "neither":
        error_sd = np.full(2, np.nan)
    return {
        "sequences": len(x),
        "pearson": _known(values.pearson[0]),
        "line_second_to_first": {
            name: as_interval(*bounds) for name, *bounds in zip(("slope", "intercept"), found, low, high, strict=True)
        },
        "errors_from": errors_from,
        "error_sd": dict(zip(("first", "second"), map(_known, error_sd), strict=True)),
        "ordinary_line": {"slope": _known(ordinary), "intercept": _known(centre_y - ordinary * centre_x)},
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def values_by_source(
    sequence: np.ndarray, source: np.ndarray, columns: dict[str, np.ndarray]
) -> dict[int, pd.DataFrame]:
    """Mean values of each sequence in each source, from measurements.

    Parameters
    ----------
    sequence, source : numpy.ndarray
        Sequence (or its number) and number of the source of each measurement, (N,).
    columns : dict of str to numpy.ndarray
        ``expression``, ``replicate_1`` and ``replicate_2``, (N,). A replicate without the other one is left out.

    Returns
    -------
    dict of int to pandas.DataFrame
        By source, in ascending order, these columns with the sequence as index.
    """
    table = pd.DataFrame({name: columns[name] for name in VALUES})
    table.loc[table[VALUES[1:]].isna().any(axis=1), VALUES[1:]] = np.nan
    return {
        number: rows.groupby(sequence[rows.index])[VALUES].mean() for number, rows in table.groupby(source, sort=True)
    }


def shared_values(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of two sources of `values_by_source` the rows of the sequences that both measured, in one order."""
    shared = first.index.intersection(second.index)
    return first.loc[shared], second.loc[shared]
