import hashlib
import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from calibrations import NO_LIMITS, calibration
from closeness import EXPRESSION

import yeastpromoter
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA
from yeastpromoter.uncertainty.calibration import SCALE_TERMS, parse_calibration, read_calibration
from yeastpromoter.uncertainty.signals import signals_of


def signals(insert="ACGTTGCA" * 10, expression=5.0, scores=None):
    scores = np.array([[0.5, 0.5]] if scores is None else [scores], dtype=float)
    return signals_of(letters([PTPA.add_adapters(insert)]), scores, np.array([expression]))


def test_an_interval_is_expression_plus_multiples_of_the_scale():
    found = calibration().bounds(signals(), 80)
    assert (found.lower.tolist(), found.upper.tolist(), found.flags) == ([3.5], [7.0], [""])
    twice = calibration([np.log(2)] + [0.0] * len(SCALE_TERMS)).bounds(signals(), 50)
    assert (twice.lower[0], twice.upper[0]) == pytest.approx((4.0, 7.0))


def test_the_scale_follows_its_terms():
    by_name = dict.fromkeys(SCALE_TERMS, 0.0)
    for name, value, wanted in (
        ("entropy", 1.0, np.log(2)),
        ("gc", 2.0, 0.5),
        ("gc_squared", 4.0, 0.25),
        ("expression", 0.1, 5.0),
        ("expression_squared", 0.02, 25.0),
        ("CA", 10.0, 10 / 79),
    ):
        scale = calibration([0.0, *(by_name | {name: value}).values()]).scales(signals())
        assert scale[0] == pytest.approx(np.exp(value * wanted)), name
    assert calibration([9.0] + [0.0] * len(SCALE_TERMS)).scales(signals())[0] == 4, "not beyond the largest"
    assert calibration([-9.0] + [0.0] * len(SCALE_TERMS)).scales(signals())[0] == 0.25


def test_the_interval_of_an_effect_follows_from_both_scales():
    found = calibration().effect_half_widths(np.array([3.0, 1.0]), np.array([4.0, 1.0]), 80)
    np.testing.assert_allclose(found, [10.0, 2 * np.sqrt(2)])
    with pytest.raises(ValueError, match=r"no intervals of 90 % of effects: .* too few pairs"):
        calibration().effect_half_widths(np.ones(1), np.ones(1), 90)
    with pytest.raises(ValueError, match="too few pairs"):
        calibration(effects=None).effect_half_widths(np.ones(1), np.ones(1), 50)


@pytest.mark.parametrize("level", [30, 60, 99, 90.5, True, None])
def test_other_levels_are_refused(level):
    with pytest.raises(ValueError, match="whole number of percent from 50 to 90 but is"):
        calibration().bounds(signals(), level)


def test_flags_say_what_is_outside_of_the_limits():
    limits = NO_LIMITS | {"gc": (0.3, 0.6), "longest_run": (None, 9.0), "distinct_4mers": (40.0, None)}
    limits |= {"unknown": (None, 0.0), "expression": (2.0, 16.0), "negative": (None, 0.1)}
    made = calibration(limits=limits)
    insert = random_inserts(1, 3)[0].tobytes().decode()
    assert made.flags(signals(insert)) == [""]
    assert made.flags(signals("A" * 80)) == [
        "unlike the training data: GC 0.00, 80 equal bases in a row, only 1 different 4-mers"
    ]
    flags = made.flags(signals("N" + insert[1:], 16.01, [1.3, -0.2]))
    assert flags == [
        "unlike the training data: unknown bases: 1, expression 16.01, negative bucket scores, 0.20 in sum"
    ]
    assert made.flagged(signals("N" + insert[1:])).tolist() == [True]
    assert made.flagged(signals(insert, 2.0)).tolist() == [False], "a limit itself is within"


def test_percentiles_are_shares_of_measured_constructs():
    made = calibration()
    assert made.percentiles(2.5) == {"tiles": 25.0}
    assert made.percentiles(-3) == {"tiles": 0.0}
    assert made.percentiles(12) == {"tiles": 100.0}


def test_a_file_is_read_back_and_verified(tmp_path):
    path = tmp_path / "calibration.json"
    text = json.dumps(calibration().content())
    path.write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert read_calibration(path, digest) == calibration(measured={"tiles": tuple(n / 10 for n in range(101))})
    for wrong in ("0" * 64, None, ""):
        with pytest.raises(ValueError, match="is not the one that is expected"):
            read_calibration(path, wrong)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_calibration(tmp_path / "other.json", digest)


@pytest.mark.parametrize(
    "wrong",
    [
        {"levels": [50]},
        {"scale": [0.0]},
        {"scale_deciles": [1.0, 2.0]},
        {"lower": [float("nan")] * 3},
        {"limits": {}},
        {"effects": {"pairs": 1}},
        {"more": 1},
        {"scale_deciles": [float(11 - n) for n in range(11)]},
        {"scale_deciles": [-1.0, *map(float, range(10))]},
        {"levels": [90, 90, 90]},
        {"lower": [9.0, 9.0, 9.0]},
        {"effects": {"half_widths": [1.0], "pairs": 4, "groups": 2}},
        {"effects": {"half_widths": ["a", 1.0, 1.0], "pairs": 4, "groups": 2}},
        {"limits": NO_LIMITS | {"gc": [0.5]}},
        {"limits": NO_LIMITS | {"gc": [0.6, 0.5]}},
        {"limits": NO_LIMITS | {"gc": ["a", None]}},
        {"measured": {"a": [1.0, 2.0]}},
    ],
)
def test_what_is_not_a_calibration_is_refused(wrong):
    with pytest.raises(ValueError, match="x: is not a calibration"):
        parse_calibration(json.dumps(calibration().content() | wrong), "x")
    with pytest.raises(ValueError, match="x: is not a calibration"):
        parse_calibration("[]", "x")


# The shipped calibration.


def test_wider_intervals_have_higher_levels():
    predictor = yeastpromoter.load()
    inserts = [row.tobytes().decode() for row in random_inserts(20, 5)]
    tables = [predictor.predict(inserts, interval=level) for level in (50, 80, 90, 99)]
    for narrow, wide in pairwise(tables):
        assert (wide.lower < narrow.lower).all()
        assert (wide.upper > narrow.upper).all()
    np.testing.assert_allclose(tables[0].expression, predictor.predict(inserts), rtol=0, atol=EXPRESSION)
    assert ((tables[2].lower < tables[2].expression) & (tables[2].expression < tables[2].upper)).all()


def test_frames_and_series_keep_their_rows():
    predictor = yeastpromoter.load()
    inserts = [row.tobytes().decode() for row in random_inserts(3, 5)]
    wanted = predictor.predict(inserts, interval=90)
    assert list(wanted) == ["expression", "lower", "upper", "flag"]
    series = predictor.predict(pd.Series(inserts, index=["a", "b", "c"]), interval=90)
    assert series.index.tolist() == ["a", "b", "c"]
    frame = predictor.predict(pd.DataFrame({"n": [1, 2, 3], "seq": inserts}), sequence_column="seq", interval=90)
    assert list(frame) == ["n", "seq", "expression", "lower", "upper", "flag"]
    for table in (series, frame):
        np.testing.assert_allclose(table.lower, wanted.lower, rtol=0, atol=EXPRESSION)
    with pytest.raises(ValueError, match="has a column 'lower' already"):
        predictor.predict(frame.drop(columns="expression"), sequence_column="seq", interval=90)


def test_a_scan_has_the_intervals_of_its_tiles():
    predictor = yeastpromoter.load()
    sequence = random_inserts(1, 9)[0].tobytes().decode() + "ACGT" * 10 + "N" * 120
    scan = predictor.scan(sequence, step=40, interval=80)
    tiles = [sequence[start - 1 : start + 79] for start in scan.position]
    assert scan.expression.isna().tolist() == [tile == "N" * 80 for tile in tiles]
    known = ~scan.expression.isna()
    wanted = predictor.predict([tile for tile in tiles if tile != "N" * 80], interval=80)
    for name in ("lower", "upper"):
        np.testing.assert_allclose(scan[name][known], wanted[name], rtol=0, atol=2 * EXPRESSION)
        assert scan[name][~known].isna().all()
    assert (scan.flag[~known] == "").all()
    assert scan.flag[known].tolist() == wanted.flag.tolist()


def test_extremes_of_the_network_are_flagged():
    """Sequences that a search without limits comes to, found here by hand-made repeats of strong sites."""
    trained = load_trained_network()
    table = yeastpromoter.load().predict(["TTACCCGG" * 10, "CG" * 40, "AT" * 40], interval=90)
    assert (table.flag != "").all()
    assert trained.calibration.weights_sha256 != ""
