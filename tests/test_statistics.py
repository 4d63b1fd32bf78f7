"""Intervals over groups."""

import numpy as np
import pytest
import scipy.stats

from yeastpromoter.statistics import MIN_GROUPS, bootstrap, drawn_groups, mean_with_interval, percentile_interval


def test_whole_groups_are_drawn_as_many_as_there_are():
    counts = drawn_groups(3, np.random.default_rng(0), 200)
    assert counts.shape == (200, 3)
    np.testing.assert_array_equal(counts.sum(axis=1), 3)
    assert len(np.unique(counts, axis=0)) == 10  # ways to draw 3 of 3
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.15)


def test_a_bound_on_memory_changes_nothing():
    def means(weights):
        return weights @ np.arange(5.0)[:, np.newaxis]

    whole = bootstrap(means, 5, 40, seed=3)
    np.testing.assert_array_equal(bootstrap(means, 5, 40, seed=3, values=1_500_000), whole)
    assert (bootstrap(means, 5, 40, seed=4) != whole).any()


def test_bootstrap_intervals_are_those_of_scipy():
    values = np.random.default_rng(1).exponential(size=60)
    draws = bootstrap(lambda weights: (weights @ values / 60)[:, np.newaxis], 60, 4000, seed=0)
    (low,), (high,) = percentile_interval(draws, 60)
    wanted = scipy.stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=1)
    assert (low, high) == pytest.approx(tuple(wanted.confidence_interval), abs=0.02)


def test_few_groups_have_no_interval_and_what_is_undefined_is_left_out():
    nan, inf = np.nan, np.inf
    # One in three undefined: left out. Two in three: no interval.
    draws = np.array([[1.0, 1, nan, inf, 4, inf], [2, 2, nan, 5, 4, nan], [3, 3, nan, 5, 4, 5]])
    low, high = percentile_interval(draws, np.array([MIN_GROUPS, MIN_GROUPS - 1, 99, 99, 99, 99]))
    np.testing.assert_allclose(low, [1.05, nan, nan, 5, 4, nan])
    np.testing.assert_allclose(high, [2.95, nan, nan, 5, 4, nan])
    assert np.isnan(percentile_interval(draws, MIN_GROUPS - 1)).all()


def test_mean_with_interval_of_few_values():
    np.testing.assert_equal(mean_with_interval(np.array([np.nan])), (0, np.nan, np.nan, np.nan, np.nan))
    np.testing.assert_equal(mean_with_interval(np.array([3.0])), (1, 3.0, np.nan, np.nan, np.nan))
    np.testing.assert_equal(mean_with_interval(np.arange(MIN_GROUPS - 1.0))[3:], (np.nan, np.nan))
    assert np.isfinite(mean_with_interval(np.arange(float(MIN_GROUPS)))).all()


def test_intervals_of_the_fewest_groups_hold_the_mean_nearly_as_often_as_they_say():
    rng = np.random.default_rng(2)
    held = 0
    for number in range(400):
        values = rng.exponential(size=MIN_GROUPS)
        draws = bootstrap(lambda weights, v=values: (weights @ v / MIN_GROUPS)[:, np.newaxis], MIN_GROUPS, 200, number)
        (low,), (high,) = percentile_interval(draws, MIN_GROUPS)
        held += low <= 1 <= high
    assert 0.86 < held / 400 < 0.97
