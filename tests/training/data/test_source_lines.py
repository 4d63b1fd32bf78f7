import numpy as np
import pandas as pd
import pytest

from training.data.source_lines import deming_slope, shared_values, source_line, values_by_source

SLOPE, INTERCEPT = 1.2, 0.5


def measured(rng, truth, error_sd, replicates=True, second_scale=1.0):
    """Means of two replicates of true values; with the replicates, the second of them in a unit of its own."""
    both = truth[:, np.newaxis] + rng.normal(0, error_sd * np.sqrt(2), (len(truth), 2))
    columns = {"expression": both.mean(axis=1)}
    for number, scale in ((1, 1), (2, second_scale)):
        columns[f"replicate_{number}"] = both[:, number - 1] * scale if replicates else np.nan
    return pd.DataFrame(columns)


def pair(seed=1, count=2000, error_sds=(1, 1), replicates=(True, True), **options):
    """The first and the second source; the second one's values have a standard deviation of 2.2 without errors."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(8, 2.2, count)
    first = measured(rng, SLOPE * truth + INTERCEPT, error_sds[0], replicates[0], **options)
    return first, measured(rng, truth, error_sds[1], replicates[1], **options)


def exact(expression):
    return pd.DataFrame({"expression": expression, "replicate_1": np.nan, "replicate_2": np.nan})


@pytest.mark.parametrize(
    ("var_x", "cov", "var_y", "error_x", "error_y", "slope"),
    [
        # (ex Vy - ey Vx + sqrt((ex Vy - ey Vx)^2 + 4 ex ey C^2)) / (2 ex C)
        (4, 2, 7, 1, 1, 2),  # (3 + sqrt(9 + 16)) / 4
        (7, 2, 4, 1, 1, 0.5),  # (-3 + 5) / 4: x and y have changed places
        (4, -2, 7, 1, 1, -2),
        (1, 2, 10, 1, 4, 4),  # (6 + sqrt(36 + 64)) / 4
        (1, 2, 10, 3, 12, 4),  # only the ratio of the errors counts
        (4, 3, 8, 0, 1, 0.75),  # C / Vx, ordinary least squares
        (4, 3, 8, 1, 0, 8 / 3),  # Vy / C
        (4, 3, 9, 4, 9, 1.5),  # sqrt(Vy / Vx)
    ],
)
def test_deming_slope_by_hand(var_x, cov, var_y, error_x, error_y, slope):
    assert deming_slope(var_x, cov, var_y, error_x, error_y) == pytest.approx(slope)


def test_orthogonal_regression_is_the_first_principal_component():
    x, y = np.random.default_rng(3).normal(size=(2, 50)) * [[2], [1]] + np.linspace(0, 5, 50)
    (var_x, cov), (_, var_y) = np.cov(x, y)
    _, components = np.linalg.eigh(np.cov(x, y))
    along = components[:, -1]
    assert deming_slope(var_x, cov, var_y, 1, 1) == pytest.approx(along[1] / along[0])


@pytest.mark.parametrize(("var_x", "cov", "var_y"), [(0, 0, 1), (0, 0, 0), (1, 0, 1)])
def test_there_is_no_slope_of_what_does_not_vary_or_rise(var_x, cov, var_y):
    assert not np.isfinite(deming_slope(var_x, cov, var_y, var_x, var_y))


@pytest.mark.parametrize(
    ("replicates", "error_sds", "errors_from"),
    [
        ((True, True), (1, 1), "both"),
        ((True, True), (0.5, 1), "both"),
        ((False, True), (0.5, 1), "second"),
        ((True, False), (0.5, 1), "first"),
        # Errors that are the same share of the variance in both, as is assumed then.
        ((False, False), (1.2, 1), "neither"),
    ],
)
def test_noise_in_both_flattens_the_ordinary_line_alone(replicates, error_sds, errors_from):
    found = source_line(*pair(replicates=replicates, error_sds=error_sds))
    line = found["line_second_to_first"]
    assert found["errors_from"] == errors_from
    assert line["slope"]["low"] < SLOPE < line["slope"]["high"] < SLOPE + 0.1
    assert line["intercept"]["low"] < INTERCEPT < line["intercept"]["high"]
    # Of the variance of the second 2.2^2 / (2.2^2 + 1) is signal: 1.2 becomes 0.995.
    assert found["ordinary_line"]["slope"] == pytest.approx(0.995, abs=0.03)
    assert found["ordinary_line"]["slope"] < line["slope"]["low"] - 0.1
    if errors_from != "neither":
        assert list(found["error_sd"].values()) == pytest.approx(error_sds, rel=0.1)


def test_replicates_may_differ_in_scale():
    one, other = (source_line(*pair(second_scale=scale)) for scale in (1, 0.7))
    assert other["error_sd"] == pytest.approx(one["error_sd"])
    for name in ("slope", "intercept"):
        assert other["line_second_to_first"][name] == pytest.approx(one["line_second_to_first"][name])


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    lines = [source_line(*pair(seed, 200))["line_second_to_first"]["slope"] for seed in range(60)]
    # 95 % of 60 are 57, with a standard deviation of 1.7.
    assert sum(line["low"] < SLOPE < line["high"] for line in lines) >= 52


def test_values_without_replicates_have_the_ratio_of_their_standard_deviations():
    # Deviations -1.5, -0.5, 0.5, 1.5 against -1, -3, 3, 1: sums of squares 5 and 20, of products 6.
    found = source_line(exact([2, 0, 6, 4]), exact([1, 2, 3, 4]))
    assert found["line_second_to_first"] == {
        "slope": {"value": pytest.approx(2), "low": None, "high": None},
        "intercept": {"value": pytest.approx(-2), "low": None, "high": None},
    }
    assert found["ordinary_line"] == {"slope": pytest.approx(6 / 5), "intercept": pytest.approx(0)}
    assert found["pearson"] == pytest.approx(0.6)
    assert found["error_sd"] == {"first": None, "second": None}


def test_replicates_that_are_copies_or_few_tell_of_no_errors():
    first, second = pair(count=100)
    second["replicate_2"] = second["replicate_1"]
    first.loc[29:, ["replicate_1", "replicate_2"]] = np.nan
    assert source_line(first, second)["errors_from"] == "neither"
    assert source_line(pair(count=100)[0], second)["errors_from"] == "first"


def test_errors_are_at_most_the_scatter_about_the_line():
    # Replicates noisier than the values are: all errors are then the second source's, which gives the steepest line.
    first, second = pair(count=500, replicates=(False, True))
    second["replicate_2"] = np.random.default_rng(5).normal(size=500)
    found = source_line(first, second)
    variances = np.cov(second["expression"], first["expression"])
    assert found["line_second_to_first"]["slope"]["value"] == pytest.approx(variances[1, 1] / variances[0, 1])
    assert found["error_sd"]["first"] == pytest.approx(0, abs=1e-6)


def test_constant_values_have_no_line():
    found = source_line(exact(np.full(40, 3.0)), exact(np.arange(40.0)))
    assert found["pearson"] is None
    assert {bound for bounds in found["line_second_to_first"].values() for bound in bounds.values()} == {None}


def test_more_sequences_than_the_bootstrap_draws_give_the_same_line(monkeypatch):
    one = source_line(*pair())["line_second_to_first"]["slope"]
    monkeypatch.setattr("training.data.source_lines._MOST_GROUPS", 200)
    other = source_line(*pair())["line_second_to_first"]["slope"]
    assert other["value"] == pytest.approx(one["value"])
    assert other["high"] - other["low"] == pytest.approx(one["high"] - one["low"], rel=0.2)


def test_values_of_a_source_are_the_means_of_its_repeats():
    columns = {
        "expression": np.array([1.0, 3, 5, 7, 9]),
        "replicate_1": np.array([0.0, 2, 4, np.nan, 1]),
        "replicate_2": np.array([2.0, 4, np.nan, 6, 3]),
    }
    values = values_by_source(np.array([8, 8, 9, 9, 9]), np.array([0, 0, 0, 0, 1]), columns)
    assert list(values) == [0, 1]
    pd.testing.assert_frame_equal(
        values[0],
        pd.DataFrame({"expression": [2.0, 6], "replicate_1": [1, np.nan], "replicate_2": [3, np.nan]}, index=[8, 9]),
    )
    first, second = shared_values(*values.values())
    assert list(first.index) == list(second.index) == [9]
