import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from closeness import EXPRESSION, assert_expression_close
from made_up_results import N, columns, config, insert_gc, make_results, matrix, run_of

from training.data.tables import sha256_of, write_table
from training.evaluate.evaluation import by_source, evaluate, summarise
from training.evaluate.metrics import (
    affordable,
    mape,
    noise_ceiling,
    pearson,
    statistics,
    weighted_pearson,
    weighted_ranks,
    with_intervals,
)
from yeastpromoter.sequence.encoding import one_hot


def test_a_run_of_other_settings_or_tables_is_not_scored(tmp_path):
    results, _ = make_results(tmp_path)
    other = config()
    other["runs"]["plain"]["first_activation"] = "softmax"
    with pytest.raises(
        ValueError, match=r"trained with other settings than the configuration has now \(first_activation"
    ):
        evaluate(run_of(other, results), resamples=5)
    run = run_of(config(), results)
    summary = json.loads((run.folder / "summary.json").read_text())
    inputs = {"split": sha256_of(run.layout.split), "table": "0" * 64}
    (run.folder / "summary.json").write_text(json.dumps(summary | {"inputs": inputs}))
    with pytest.raises(ValueError, match=r"trained on other tables than those in .* now \(table\)"):
        evaluate(run, resamples=5)


def test_pearson_by_hand():
    assert pearson([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)
    assert pearson([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert pearson([1, 1, 1], [3, 2, 1]) is None
    # 0.1 is no binary fraction: its mean differs from it by rounding.
    assert pearson([0.1] * 10, np.arange(10)) is None


def test_equal_values_share_their_mean_rank():
    weights = np.array([[1, 1, 1, 1], [2, 1, 0, 1]], dtype=float)
    ranks = weighted_ranks(weights, np.array([5.0, 1.0, 5.0, 3.0]))
    np.testing.assert_allclose(ranks[0], [3.5, 1, 3.5, 2])
    np.testing.assert_allclose(ranks[1][[0, 1, 3]], [3.5, 1, 2])


def test_statistics_of_a_weighting_are_those_of_repeated_constructs():
    rng = np.random.default_rng(3)
    measured, predicted, gc = rng.integers(0, 8, 30), rng.normal(size=30), rng.integers(0, 5, 30) / 5
    weights = rng.integers(0, 4, (6, 30)).astype(float)
    found = statistics(weights, measured, predicted, gc)
    for row, repeats in enumerate(weights.astype(int)):
        x, y, z = (np.repeat(values, repeats) for values in (predicted, measured, gc))
        wanted = {
            "pearson": scipy.stats.pearsonr(x, y)[0],
            "spearman": scipy.stats.spearmanr(x, y)[0],
            "mse": np.mean((x - y) ** 2),
            "mae": np.mean(abs(x - y)),
            "mape": 100 * np.mean(abs(x - y)[y >= 1] / y[y >= 1]),
            "gc_predicted": scipy.stats.pearsonr(x, z)[0],
            "gc_measured": scipy.stats.pearsonr(y, z)[0],
        }
        for name, value in wanted.items():
            assert found[name][row] == pytest.approx(value), name
        assert found["gc_excess"][row] == pytest.approx(wanted["gc_predicted"] - wanted["gc_measured"])


def test_percentage_errors_leave_out_what_is_measured_near_0():
    measured, predicted = np.array([0.0, 0.5, 1, 4, 10]), np.array([3.0, 1, 1.5, 3, 10])
    assert mape(measured, predicted) == pytest.approx((50 + 25 + 0) / 3)
    assert mape([-1.0, 0, 0.99], [1.0, 2, 3]) is None
    found = with_intervals(measured, predicted, np.linspace(0.2, 0.6, 5), np.arange(5), resamples=5)["mape"]
    assert found == {"value": pytest.approx(25), "low": None, "high": None}
    found = with_intervals(measured / 11, predicted, np.linspace(0.2, 0.6, 5), np.arange(5), resamples=5)["mape"]
    assert found == {"value": None, "low": None, "high": None, "reason": "no measured expression reaches 1"}


def test_the_interval_of_percentage_errors_is_of_the_groups_that_have_some():
    measured = np.where(np.arange(60) < 30, 10.0, 0)
    predicted = measured + np.where(np.arange(60) % 2, 1, 2)
    gc = np.linspace(0.2, 0.6, 60)
    found = with_intervals(measured, predicted, gc, np.arange(60), resamples=2000, seed=1)["mape"]
    # Errors of 10 and 20 % in 15 groups each: a standard error of 5 / sqrt(30), a little more for the varying number.
    assert found["value"] == pytest.approx(15)
    assert (found["low"], found["high"]) == (pytest.approx(13.2, abs=0.25), pytest.approx(16.8, abs=0.25))
    measured[0] = 0
    found = with_intervals(measured, predicted, gc, np.arange(60), resamples=50, seed=1)
    assert found["mape"]["low"] is None, "29 groups are too few"
    assert found["mae"]["low"] is not None


def test_interval_of_two_kinds_of_groups_by_hand():
    # Errors of 1 in half of the groups and 3 in the other: the mean error is 1 + 2 k / 40, and k, how many of the 40
    # drawn groups are of the second half, is binomial: 14 to 26 in at least 95 % of the draws.
    group = np.repeat(np.arange(40), 2)
    measured, gc = np.arange(80.0), np.linspace(0.2, 0.9, 80)
    found = with_intervals(measured, measured + np.where(group < 20, 1, 3), gc, group, resamples=4000, seed=1)
    assert found["mae"] == {"value": 2, "low": pytest.approx(1.7, abs=0.051), "high": pytest.approx(2.3, abs=0.051)}
    assert found["mse"] == {"value": 5, "low": pytest.approx(3.8, abs=0.21), "high": pytest.approx(6.2, abs=0.21)}


def test_interval_covers_what_it_should_and_copies_do_not_narrow_it():
    rng = np.random.default_rng(5)
    measured = rng.normal(size=400)
    predicted = measured + rng.normal(size=400)
    gc, group = rng.uniform(size=400), np.arange(400)
    single = with_intervals(measured, predicted, gc, group)["pearson"]
    # Fisher's interval of a correlation of normal variables.
    half = 1.96 / np.sqrt(400 - 3)
    assert single["low"] == pytest.approx(np.tanh(np.arctanh(single["value"]) - half), abs=0.02)
    assert single["high"] == pytest.approx(np.tanh(np.arctanh(single["value"]) + half), abs=0.02)
    copies = [np.repeat(values, 9) for values in (measured, predicted, gc, group)]
    assert with_intervals(*copies)["pearson"] == {name: pytest.approx(value) for name, value in single.items()}


def test_interval_follows_from_the_seed():
    rng = np.random.default_rng(5)
    values = [rng.normal(size=30), rng.normal(size=30), rng.uniform(size=30), np.arange(30)]
    assert with_intervals(*values, seed=4) == with_intervals(*values, seed=4)
    assert with_intervals(*values, seed=4) != with_intervals(*values, seed=5)


@pytest.mark.parametrize("group", [np.zeros(4, int), np.arange(4)])
def test_few_groups_have_no_interval(group):
    found = with_intervals(np.arange(4.0), np.array([1.0, 3, 2, 4]), np.full(4, 0.5), group)
    assert found["pearson"] == {"value": pytest.approx(0.8), "low": None, "high": None}
    assert found["gc_measured"]["value"] is None


@pytest.mark.parametrize("spread", [0.0, 1e-6, 5e-5])
def test_a_correlation_of_constant_predictions_is_not_a_number(spread):
    rng = np.random.default_rng(4)
    # As a network of too few steps predicts: one value and rounding, which follows the measurements a little.
    measured, gc, noise = rng.uniform(0, 17, 200), rng.uniform(size=200), rng.normal(size=200)
    predicted = (12.0256 + spread * (measured / 17 + noise) / 2).astype(np.float32)
    found = with_intervals(measured, predicted, gc, np.arange(200), resamples=50)
    undefined = {"value": None, "low": None, "high": None, "reason": "the predictions do not vary"}
    for name in ("pearson", "spearman", "gc_predicted", "gc_excess"):
        assert found[name] == undefined, name
    assert found["gc_measured"]["low"] < found["gc_measured"]["value"] < found["gc_measured"]["high"]
    assert found["mae"]["value"] == pytest.approx(np.mean(abs(predicted - measured)))
    assert found["mae"]["low"] < found["mae"]["value"] < found["mae"]["high"]
    assert pearson(predicted, measured) is None
    # Ten times the bound varies.
    assert pearson(12 + 1e-3 * noise, measured) == pytest.approx(scipy.stats.pearsonr(noise, measured)[0], abs=1e-9)


def test_what_does_not_vary_is_named():
    measured, predicted, gc = np.arange(9.0), np.arange(9.0)[::-1], np.linspace(0.2, 0.6, 9)
    flat = np.full(9, 0.3)
    for arguments, name, reason in (
        ((flat, predicted, gc), "pearson", "the measurements do not vary"),
        ((flat, predicted, gc), "gc_measured", "the measurements do not vary"),
        ((measured, predicted, flat), "gc_predicted", "the GC content does not vary"),
        ((measured, flat, flat), "gc_excess", "the predictions do not vary"),
    ):
        assert with_intervals(*arguments, np.arange(9), resamples=5)[name]["reason"] == reason
    assert all("reason" not in bounds for bounds in with_intervals(measured, predicted, gc, np.arange(9)).values())


def test_noise_ceiling_by_hand():
    first, other = np.array([1.0, -1, 1, -1]), np.array([1.0, 1, -1, -1])
    found = noise_ceiling(first, 0.6 * first + 0.8 * other)  # they correlate at 0.6
    assert found == {
        "replicate_pearson": pytest.approx(0.6),
        "reliability": pytest.approx(0.75),
        "ceiling": pytest.approx(np.sqrt(0.75)),
    }
    assert noise_ceiling(first, -first)["ceiling"] is None
    assert noise_ceiling(first, np.ones(4))["replicate_pearson"] is None


def test_perfect_predictions_reach_the_noise_ceiling():
    rng = np.random.default_rng(2)
    signal = rng.normal(size=20_000)
    first, second = signal + rng.normal(0, 0.8, (2, len(signal)))
    assert pearson(signal, (first + second) / 2) == pytest.approx(noise_ceiling(first, second)["ceiling"], abs=0.01)


def frame(**changed):
    made = pd.DataFrame(
        {
            "source": ["a", "a", "b", "a", "b"],
            "group": [0, 1, 2, 3, 4],
            "fitted": [False, False, False, True, False],
            "bucket": [0, 2, 4, 6, 8],
            "gc": [0.1, 0.2, 0.3, 0.4, 0.5],
            "measured": [0.0, 2.0, 4.0, 6.0, 8.0],
            "predicted": [1.0, 2.0, 3.0, 6.0, np.nan],
            "replicate_1": [0.0, 1.0, 4.0, np.nan, 8.0],
            "replicate_2": [0.0, 3.0, 4.0, 6.0, 8.0],
        }
    )
    return made.assign(**changed)


def one_hot_scores(buckets):
    return np.eye(18, dtype=np.float32)[buckets]


def test_summary_by_hand():
    scores = one_hot_scores([0, 2, 5, 6, 8])
    scores[0, 0] = 0.4  # still the largest
    found = summarise(frame(), scores)
    assert (found["constructs"], found["groups"], found["undefined"]) == (4, 4, 1)
    assert found["mae"]["value"] == pytest.approx(2 / 4)
    assert found["mse"]["value"] == pytest.approx(2 / 4)
    assert found["mape"]["value"] == pytest.approx((0 + 25 + 0) / 3)
    assert found["mape_left_out"] == 1
    assert found["gc_measured"]["value"] == pytest.approx(1)
    # Four rows with a prediction: one is 0.6 short in one score, one has a 1 in the wrong bucket.
    assert found["bucket_scores"] == {
        "mse": pytest.approx((0.36 + 2) / 72),
        "mae": pytest.approx(2.6 / 72),
        "accuracy": 3 / 4,
    }
    ceiling = found["noise_ceiling"]
    assert ceiling["constructs"] == 3  # one has a single replicate, one no prediction
    r = np.corrcoef([0, 1, 4], [0, 3, 4])[0, 1]
    assert ceiling["replicate_pearson"] == pytest.approx(r)
    assert ceiling["predicted_pearson"] == pytest.approx(1)


def test_nothing_to_summarise():
    assert summarise(frame(predicted=np.nan), one_hot_scores([0] * 5)) is None
    assert "noise_ceiling" not in summarise(frame(replicate_2=np.nan), one_hot_scores([0] * 5))


def test_each_source_with_and_without_fitted_constructs():
    found = by_source(frame(), one_hot_scores([0] * 5), resamples=5)
    assert list(found) == ["a", "b", "all_sources"]
    counts = {source: [found[source][length]["constructs"] for length in found[source]] for source in found}
    assert counts == {"a": [2, 3], "b": [1, 1], "all_sources": [3, 4]}


def test_the_same_constructs_are_summarised_once(monkeypatch):
    counted = []

    def summarise_and_count(constructs, *others):
        counted.append(len(constructs))
        return summarise(constructs, *others)

    monkeypatch.setattr("training.evaluate.evaluation.summarise", summarise_and_count)
    found = by_source(frame(source="a", fitted=False), one_hot_scores([0] * 5), resamples=5)
    assert counted == [5]
    assert found["a"] == found["all_sources"]
    assert found["a"]["full_length"] == found["a"]["all_lengths"]
    counted.clear()
    by_source(frame(fitted=False), one_hot_scores([0] * 5), resamples=5)
    assert counted == [3, 2, 5]  # a, b and both


def test_many_groups_have_fewer_resamples_and_say_so(monkeypatch):
    assert [affordable(1000, groups) for groups in (48_531, 100_000, 100_001)] == [1000, 1000, 200]
    assert affordable(50, 100_001) == 50
    rows = pd.concat([frame()] * 6).assign(group=range(30), predicted=np.arange(30) ** 2 % 17)
    scores = one_hot_scores([0] * 30)
    few = summarise(rows, scores, resamples=300)
    monkeypatch.setattr("training.evaluate.metrics.MANY_GROUPS", 29)
    many = summarise(rows, scores, resamples=300)
    assert "resamples" not in few
    assert many["resamples"] == 200
    columns = [rows[name].to_numpy() for name in ("measured", "predicted", "gc", "group")]
    wanted = {resamples: with_intervals(*columns, resamples=resamples)["mae"] for resamples in (200, 300)}
    assert wanted[200] != wanted[300]
    assert (many["mae"], few["mae"]) == (wanted[200], wanted[300])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("results"))


def test_evaluation_of_a_run(made, tmp_path):
    results, network = made
    found = evaluate(run_of(config(), results), output=tmp_path, resamples=20)
    assert found == json.loads((tmp_path / "evaluation.json").read_text())
    assert list(found["parts"]) == ["train", "validation"]

    rows = np.arange(27, N)  # validation
    scores = np.asarray(network(one_hot(matrix()[rows])), dtype=np.float64)
    predicted = np.array([np.average(range(18), weights=row) for row in scores])
    measured = columns()["expression"][rows]
    whole = found["parts"]["validation"]["all_sources"]["all_lengths"]
    assert predicted.std() > 0.1, "or rounding would show in the correlations"
    assert whole["constructs"] == 9
    assert whole["groups"] == 5
    assert whole["pearson"]["value"] == pytest.approx(scipy.stats.pearsonr(predicted, measured)[0], abs=1e-3)
    assert whole["gc_predicted"]["value"] == pytest.approx(np.corrcoef(predicted, insert_gc(rows))[0, 1], abs=1e-3)
    unfitted = (rows % 3 != 2) & (rows % 2 == 1)
    tiles = found["parts"]["validation"]["tiles"]["full_length"]
    assert tiles["mae"]["value"] == pytest.approx(abs(predicted - measured)[unfitted].mean(), abs=EXPRESSION)
    large = unfitted & (measured >= 1)
    wanted = 100 * (abs(predicted - measured)[large] / measured[large]).mean()
    assert tiles["mape"]["value"] == pytest.approx(wanted, abs=100 * EXPRESSION)
    assert tiles["noise_ceiling"]["constructs"] == unfitted.sum()

    table = pd.read_csv(tmp_path / "predictions.tsv", sep="\t")
    assert set(table["part"]) == {"train", "validation"}
    table = table[table["part"] == "validation"]
    assert table["row"].tolist() == rows.tolist()
    assert_expression_close(table["predicted"], predicted)
    np.testing.assert_allclose(table["measured"], measured, atol=1e-4)
    np.testing.assert_allclose(table["gc"], insert_gc(rows))
    assert table["source"].tolist() == ["tiles" if row % 2 else "random" for row in rows]


def test_training_part_as_sampled(made, tmp_path):
    results, _ = made
    sampled = config()
    sampled["runs"]["plain"]["gc_sampling"] = {"method": "sampling"}
    with pytest.raises(ValueError, match=r"samples by GC \(step sample\)"):
        evaluate(run_of(sampled, results), output=tmp_path, resamples=2)
    write_table(tmp_path / "sample.h5", {"row": np.array([3, 3, 3, 4])})
    found = evaluate(run_of(sampled, results), output=tmp_path, sample=tmp_path / "sample.h5", resamples=2)["parts"]
    assert found["train"]["all_sources"]["all_lengths"]["constructs"] == 18
    drawn = found["train_sampled"]["all_sources"]["all_lengths"]
    assert (drawn["constructs"], drawn["groups"]) == (4, 2)
    table = pd.read_csv(tmp_path / "predictions.tsv", sep="\t").set_index("row")
    error = abs(table["predicted"] - table["measured"])
    assert drawn["mae"]["value"] == pytest.approx((3 * error[3] + error[4]) / 4, abs=EXPRESSION)
    write_table(tmp_path / "sample.h5", {"row": np.array([3, 30])})
    with pytest.raises(ValueError, match="outside the train part"):
        evaluate(run_of(sampled, results), output=tmp_path, sample=tmp_path / "sample.h5", resamples=2)


def test_reweighting_leaves_the_training_part_as_it_is(made, tmp_path):
    results, _ = made
    weighted = config()
    weighted["runs"]["plain"]["gc_sampling"] = {"method": "reweighting"}
    assert set(evaluate(run_of(weighted, results), output=tmp_path, resamples=2)["parts"]) == {"train", "validation"}


def test_what_cannot_be_evaluated(made, tmp_path):
    results, _ = made
    with pytest.raises(ValueError, match="train, test, validation but are training"):
        evaluate(run_of(config(), results), ["training"])
    with pytest.raises(ValueError, match="no run 'other'; it has plain"):
        evaluate(run_of(config(), results, "other"))
    with pytest.raises(ValueError, match="has not finished"):
        evaluate(run_of(config(), tmp_path))


def test_weightings_do_not_mix():
    weights = np.array([[1.0, 1, 1, 0], [0, 1, 1, 1]])
    found = weighted_pearson(weights, np.array([1.0, 2, 3, 0]), np.array([1.0, 3, 2, 9]))
    np.testing.assert_allclose(found, [0.5, np.corrcoef([2, 3, 0], [3, 2, 9])[0, 1]])
