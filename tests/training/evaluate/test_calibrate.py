import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_results import config, make_results, run_of

from training.data.similarity import related_pairs
from training.evaluate import calibrate as module
from training.evaluate.calibrate import (
    TooFewError,
    _Measured,
    _some_groups,
    calibrate,
    conformal_quantile,
    coverage_of,
    fit_calibration,
)
from training.evaluate.coverage import coverage_tables, intervals_text
from training.evaluate.evaluation import evaluate
from training.evaluate.record import make_record
from yeastpromoter.sequence.encoding import enclose, letters
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA
from yeastpromoter.uncertainty.calibration import LIMITED, SCALE_TERMS, parse_calibration
from yeastpromoter.uncertainty.signals import signals_of

NO_LIMITS = dict.fromkeys(LIMITED, (None, None))


def test_a_conformal_quantile_by_hand():
    values = np.array([3.0, 1.0, 2.0, 4.0])
    even = np.ones(4)
    # Of five equally likely places, four lie below or at the fourth value, and nothing reaches beyond it.
    assert [conformal_quantile(values, even, share) for share in (0.2, 0.5, 0.6, 0.8)] == [1, 3, 3, 4]
    assert conformal_quantile(values, even, 0.81) == np.inf
    # With weights 1, 2, 1, 1 in the order of the values the sum is 5, and the further value counts as 2.
    weights = np.array([1.0, 1.0, 2.0, 1.0])
    assert [conformal_quantile(values, weights, share) for share in (1 / 7, 3 / 7, 4 / 7, 5 / 7)] == [1, 2, 3, 4]
    assert conformal_quantile(values, weights, 5.1 / 7) == np.inf


def simulated(n, seed, sources=("a", "b"), sizes=None):
    """Measurements whose error is 0.3, plus 0.7 times the entropy that the scores say: known, and not constant."""
    rng = np.random.default_rng(seed)
    constructs = enclose(PTPA.left_adapter, random_inserts(n, seed), PTPA.right_adapter)
    sharp = rng.uniform(0.3, 4, n)
    scores = np.exp(-(((np.arange(18) - rng.uniform(3, 14, n)[:, np.newaxis]) / sharp[:, np.newaxis]) ** 2) / 2)
    scores /= scores.sum(axis=1, keepdims=True)
    expression = scores @ np.arange(18)
    signals = signals_of(constructs, scores, expression)
    true = 0.3 + 0.7 * signals.entropy
    measured = expression + rng.laplace(0, true)
    source = rng.choice(np.array(sources, dtype=object), n, p=sizes)
    return _Measured(constructs[:, 17:97], source, np.arange(n) // 2, measured, signals), true


def fit(n, seed=1, **kwargs):
    return fit_calibration(simulated(n, seed, **kwargs)[0], NO_LIMITS, "ab", 0)


def test_intervals_hold_what_they_promise_and_the_scale_is_learned():
    made = fit(4000)
    some, true = simulated(8000, 2)
    for level in (50, 80, 90, 95):
        bounds = made.bounds(some.signals, level)
        inside = ((bounds.lower <= some.measured) & (some.measured <= bounds.upper)).mean()
        # 8,000 values: the standard error is at most 0.6 %, that of 4,000 calibrating ones 0.8 %.
        assert inside == pytest.approx(level / 100, abs=0.025)
    assert np.corrcoef(made.scales(some.signals), true)[0, 1] > 0.95
    assert len(made.scale_deciles) == 11
    assert list(made.scale_deciles) == sorted(made.scale_deciles)


def test_errors_that_are_not_symmetric_have_intervals_that_are_not():
    some, _ = simulated(4000, 3)
    skewed = some._replace(measured=some.signals.expression + np.random.default_rng(0).exponential(1.0, 4000))
    made = fit_calibration(skewed, NO_LIMITS, "ab", 0)
    bounds = made.bounds(skewed.signals, 90)
    # An exponential error of scale 1 lies between its 5 % and its 95 % quantile, 0.05 and 3.0.
    assert np.median(bounds.lower - skewed.signals.expression) == pytest.approx(0.05, abs=0.05)
    assert np.median(bounds.upper - skewed.signals.expression) == pytest.approx(3.0, abs=0.35)


def test_a_small_source_counts_as_much_as_a_large_one():
    some, _ = simulated(6000, 4, sizes=[0.05, 0.95])
    # The errors of the small one are three times as large, and nothing tells them apart.
    error = np.where(some.source == "a", 3.0, 1.0) * np.random.default_rng(1).normal(0, 1, 6000)
    some = some._replace(measured=some.signals.expression + error)
    made = fit_calibration(some, NO_LIMITS, "ab", 0)
    bounds = made.bounds(some.signals, 90)
    inside = (bounds.lower <= some.measured) & (some.measured <= bounds.upper)
    both = [inside[some.source == name].mean() for name in ("a", "b")]
    assert np.mean(both) == pytest.approx(0.9, abs=0.02)
    assert both[0] < 0.87


def test_too_few_measurements_give_no_calibration():
    with pytest.raises(TooFewError, match="15 constructs calibrate, too few for intervals of 90 %"):
        fit(15)
    some, _ = simulated(300, 1)
    with pytest.raises(TooFewError, match="2 groups of constructs calibrate, but at least 5"):
        fit_calibration(some._replace(group=some.group % 2), NO_LIMITS, "ab", 0)
    assert fit(120).levels[-1] < 99, "120 constructs do not reach to 99 %"


def test_of_many_constructs_whole_groups_are_taken():
    group = np.repeat(np.arange(50), 4)
    assert _some_groups(group, 200, 1).all()
    taken = _some_groups(group, 90, 1)
    assert taken.sum() == 88
    assert (taken.reshape(50, 4).all(axis=1) | ~taken.reshape(50, 4).any(axis=1)).all()
    assert (taken != _some_groups(group, 90, 2)).any()
    assert _some_groups(np.zeros(50), 40, 1).all(), "one group can be larger"


def test_coverage_is_that_of_constructs_that_did_not_calibrate():
    made = fit(2000)
    parts = [(made, simulated(600, seed)[0]) for seed in (5, 6)]
    found = coverage_of(parts)
    row = found["levels"]["all_sources"]["90"]
    assert row["constructs"] == 1200
    assert row["groups"] == 300, "numbers of groups repeat between the two simulations"
    inside = []
    for one, some in parts:
        bounds = one.bounds(some.signals, 90)
        inside.append((bounds.lower <= some.measured) & (some.measured <= bounds.upper))
    assert row["coverage"]["value"] == np.concatenate(inside).mean()
    assert row["coverage"]["low"] < row["coverage"]["value"] < row["coverage"]["high"]
    counts = [kind["constructs"] for kind in found["subsets"]["all_sources"]["gc"].values() if kind]
    assert sum(counts) == 1200
    tenths = found["tenths"]["all_sources"]
    assert tenths["widest"] > 2 * tenths["narrowest"]
    assert found["flagged"]["a"]["share"] == 0
    assert found["flagged"]["a"]["flagged"] is None
    assert found["effects"] is None


def test_pairs_give_errors_of_differences():
    some, _ = simulated(400, 7)
    # Each construct once more, shifted by two bases, with an error of the difference of 1.
    shifted = np.concatenate([some.inserts[:, 2:], np.tile(letters(["AC"]), (400, 1))], axis=1)
    rng = np.random.default_rng(0)
    expression = some.signals.expression + rng.normal(0, 2, 400)
    twins = _Measured(
        shifted,
        some.source,
        some.group,
        expression + some.errors + rng.choice([-1.0, 1.0], 400),
        some.signals._replace(expression=expression),
    )
    both = _Measured(
        np.concatenate([some.inserts, twins.inserts]),
        np.concatenate([some.source, twins.source]),
        np.concatenate([some.group, twins.group]),
        np.concatenate([some.measured, twins.measured]),
        type(some.signals)(*(np.concatenate(values) for values in zip(some.signals, twins.signals, strict=True))),
    )
    made = fit_calibration(both, NO_LIMITS, "ab", 0)
    assert (made.effects.pairs, made.effects.groups) == (400, 200)
    # All errors of differences are 1: the multiples of 90 % are the 90 % quantile of 1 / scale.
    scales = made.scales(both.signals)
    quotients = np.sort(1 / np.hypot(scales[:400], scales[400:]))
    assert made.effects.half_widths[made.levels.index(90)] == pytest.approx(quotients[361 - 1], rel=1e-6)


@given(st.lists(st.text("ACGT", min_size=24, max_size=24), min_size=1, max_size=12, unique=True), st.data())
def test_related_pairs_are_those_of_plain_python(texts, data):
    # Relatives of some of them, so that there are pairs.
    for _ in range(4):
        one = data.draw(st.sampled_from(texts))
        shift = data.draw(st.integers(0, 4))
        changed = list((one + data.draw(st.text("ACGT", min_size=shift, max_size=shift)))[shift:])
        for place in data.draw(st.lists(st.integers(0, 23), max_size=4)):
            changed[place] = data.draw(st.sampled_from("ACGT"))
        texts = list(dict.fromkeys([*texts, "".join(changed)]))

    def related(a, b):
        shifted = any(x[shift:] == y[: 24 - shift] for x, y in ((a, b), (b, a)) for shift in (1, 2, 3))
        return shifted or sum(x != y for x, y in zip(a, b, strict=True)) <= 2

    wanted = {(i, j) for j in range(len(texts)) for i in range(j) if related(texts[i], texts[j])}
    assert set(map(tuple, related_pairs(letters(texts), 3, 2).T.tolist())) == wanted


# The step.


@pytest.fixture
def results(tmp_path):
    return make_results(tmp_path)[0]


def settings(**changes):
    return config() | {"prediction_intervals": {"sources": [], "seed": 1} | changes}


def test_too_few_constructs_are_said_and_leave_the_run_without(results, capfd):
    run = run_of(settings(), results)
    found = calibrate(run)
    assert (found["part"], found["calibration"], found["coverage"]) == ("validation", None, None)
    assert "no prediction intervals: of the validation part" in capfd.readouterr().err
    evaluate(run, resamples=5)
    record = make_record(run)
    assert record["prediction_intervals"]["coverage"] is None
    assert any("no prediction intervals" in warning for warning in record["warnings"])
    assert "have no calibration" in intervals_text(record)


def test_a_run_is_calibrated_and_recorded(results, monkeypatch):
    # 9 constructs are enough here: what comes out is checked for its form alone.
    monkeypatch.setattr(module, "MIN_CONSTRUCTS", 4)
    monkeypatch.setattr(module, "FOLDS", 2)
    monkeypatch.setattr(module, "_SCALE_FOLDS", 2)
    monkeypatch.setattr(module, "SHOWN_LEVEL", 50)
    monkeypatch.setattr(module, "conformal_quantile", lambda values, weights, share: float(np.quantile(values, share)))
    run = run_of(settings(), results)
    found = calibrate(run)
    made = parse_calibration(json.dumps(found["calibration"]), "x")
    assert made.weights_sha256 == found["weights_sha256"]
    assert len(made.scale) == 1 + len(SCALE_TERMS)
    assert set(made.measured) == {"random", "tiles"}
    assert made.limits["gc"][0] <= made.limits["gc"][1]
    assert sum(found["constructs"].values()) == 9
    evaluate(run, resamples=5)
    record = make_record(run)
    assert record["prediction_intervals"]["coverage"]["levels"].keys() == {"random", "tiles", "all_sources"}
    assert "calibration" not in record["prediction_intervals"]
    for cells in coverage_tables(record["prediction_intervals"]):
        assert {len(row) for row in cells.rows} == {len(cells.header)}
    assert "calibrated on the validation part" in intervals_text(record)

    learned = settings()
    learned["runs"]["plain"] |= {"learn_from": ["train", "validation"]}
    assert calibrate(run_of(learned, results))["part"] == "test"
    assert list(calibrate(run_of(settings(sources=["tiles"]), results))["constructs"]) == ["tiles"]


def test_wrong_requests(results):
    with pytest.raises(ValueError, match=r"prediction_intervals\.sources has mine, but the sources are random, tiles"):
        calibrate(run_of(settings(sources=["mine"]), results))
    with pytest.raises(ValueError, match="asks for none"):
        calibrate(run_of(config() | {"prediction_intervals": None}, results))
    learned = settings()
    learned["runs"]["plain"] |= {"learn_from": ["train", "validation", "test"]}
    with pytest.raises(ValueError, match="learned from all parts"):
        calibrate(run_of(learned, results))


def test_a_calibration_of_other_weights_is_refused(results):
    run = run_of(settings(), results)
    path = run.layout.calibration("plain")
    calibrate(run)
    evaluate(run, resamples=5)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights_sha256": "0" * 64}))
    with pytest.raises(ValueError, match="rerun the step calibrate"):
        make_record(run)
