import json

import numpy as np
import pytest
from closeness import EXPRESSION
from made_up_results import config, make_results, run_of
from networks import lively_network

from training.evaluate.evaluation import evaluate
from training.evaluate.record import record
from training.studies.base_changes import CLASSES, RATIOS, SIGNED, base_changes, class_effects
from yeastpromoter.model.decoding import decode
from yeastpromoter.sequence.encoding import letters, one_hot
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA


def effects_of(values, text):
    """Effects of the bases A, C, G, T at each position, as differences of a value of each base."""
    values = dict(zip("ACGT", values, strict=True))
    return np.array([[[values[new] - values[old] for new in "ACGT"] for old in row] for row in text])


def values(found, group):
    return {name: bounds["value"] for name, bounds in found[group].items()}


def test_every_change_is_in_its_classes():
    changes = {old + new for old in "ACGT" for new in "ACGT" if old != new}
    assert set(CLASSES["strong_weak"]) | set(CLASSES["gc_kept"]) == changes
    assert set(CLASSES["strong_strong"]) | set(CLASSES["weak_weak"]) == set(CLASSES["gc_kept"])
    assert set(CLASSES["transitions"]) | set(CLASSES["transversions"]) == changes
    assert set(CLASSES["transitions"]) | set(CLASSES["strong_weak_transversions"]) == set(CLASSES["strong_weak"])
    assert set(SIGNED["weak_to_strong"]) | set(SIGNED["strong_to_weak"]) == set(CLASSES["strong_weak"])
    for name in ("strong_weak", "transversions"):
        assert len(set(CLASSES[name])) == len(CLASSES[name]) == 8
    for pair in (*CLASSES["transitions"],):
        assert set(pair) in ({"A", "G"}, {"C", "T"})


def test_a_network_that_counts_strong_bases_by_hand():
    text = ["ACGT", "AATT"]
    found = class_effects(effects_of((0, 2, 2, 0), text), letters(text), 20)
    absolute = values(found, "mean_absolute_effect")
    assert absolute["strong_weak"] == absolute["transitions"] == absolute["strong_weak_transversions"] == 2
    assert absolute["strong_strong"] == absolute["weak_weak"] == absolute["gc_kept"] == 0
    # Of the two transversions from each base one keeps the GC content.
    assert absolute["transversions"] == 1
    assert values(found, "ratio") == {
        "strong_weak_to_gc_kept": None,
        "transitions_to_transversions": 2,
        "transitions_to_strong_weak_transversions": 1,
    }
    assert values(found, "mean_effect") == {"weak_to_strong": 2, "strong_to_weak": -2}


def test_all_changes_count_alike_and_sequences_are_resampled():
    text = ["ACCC", "GGGG", "ATAT"]
    bases = letters(text)
    effects = np.random.default_rng(0).normal(size=(3, 4, 4))
    found = class_effects(effects, bases, 4000, 1)

    def picked(row, changes):
        changed = [(place, pair) for place in range(4) for pair in changes if text[row][place] == pair[0]]
        return [abs(effects[row, place, "ACGT".index(pair[1])]) for place, pair in changed]

    means = {}
    for name, changes in CLASSES.items():
        means[name] = np.mean([effect for row in range(3) for effect in picked(row, changes)])
        assert found["mean_absolute_effect"][name]["value"] == pytest.approx(means[name])
    for name, (above, below) in RATIOS.items():
        assert found["ratio"][name]["value"] == pytest.approx(means[above] / means[below])
    assert found["mean_absolute_effect"]["strong_weak"]["low"] is None  # of three sequences


def test_intervals_are_over_the_sequences():
    # All effects of a sequence are alike, so that only the number of sequences counts: 40, of 1 and 3 in turn.
    effects = np.resize([1.0, 3.0], 40)[:, np.newaxis, np.newaxis] * np.ones((40, 20, 4))
    found = class_effects(effects, letters(["ACGT" * 5] * 40), 4000, 1)
    bounds = found["mean_absolute_effect"]["strong_weak"]
    # How many of the 40 that are drawn have 3 is binomial: 14 to 26 in at least 95 % of the draws.
    assert bounds == {"value": 2, "low": pytest.approx(1.7, abs=0.051), "high": pytest.approx(2.3, abs=0.051)}
    assert found["ratio"]["transitions_to_transversions"] == {"value": 1, "low": 1, "high": 1}


def test_step_scores_every_change_and_the_record_has_it(tmp_path):
    results, _ = make_results(tmp_path)
    wanted = {"sequences": 2, "gc": 0.4, "seed": 3}
    settings = config() | {"base_changes": wanted}
    with pytest.raises(ValueError, match=r"made_up does not ask .* add base_changes: \{\} to it"):
        base_changes(run_of(config() | {"base_changes": None}, results))
    evaluate(run_of(settings, results), resamples=2)
    with pytest.raises(ValueError, match=r"base_changes\.json does not exist"):
        record(run_of(settings, results), tmp_path / "plain.json")
    base_changes(run_of(settings, results))
    found = json.loads((results / "runs/plain/base_changes.json").read_text())

    network, inserts = lively_network(), random_inserts(2, 3, 0.4)
    changed = np.repeat(inserts[:, np.newaxis, np.newaxis], 80, axis=1).repeat(4, axis=2)
    for place in range(80):
        changed[:, place, :, place] = letters(["ACGT"])
    rows = np.concatenate([inserts, changed.reshape(-1, 80)])
    constructs = letters([PTPA.add_adapters(row.tobytes().decode()) for row in rows])
    expression = decode(network.predict(one_hot(constructs), verbose=0))
    effects = expression[2:].reshape(2, 80, 4) - expression[:2, np.newaxis, np.newaxis]
    expected = class_effects(effects, inserts)
    for group in ("mean_absolute_effect", "mean_effect"):
        assert values(found, group) == pytest.approx(values(expected, group), abs=EXPRESSION)

    made = record(run_of(settings, results), tmp_path / "plain.json")
    assert made["base_changes"]["settings"] == wanted
    value, low, high = made["base_changes"]["ratio"]["strong_weak_to_gc_kept"]
    bounds = found["ratio"]["strong_weak_to_gc_kept"]
    assert (value, low, high) == (round(bounds["value"], 6), None, None)  # two sequences are too few
    assert made["gc_correction"]["after"]["gc_expression_pearson"] == 0.3
    assert "bucket_distance_to_target" not in made["gc_correction"]["after"]
    path = results / "runs/plain/base_changes.json"
    path.write_text(json.dumps(found | {"weights_sha256": "other"}))
    with pytest.raises(ValueError, match="other weights than run 'plain' has: rerun the step base-changes"):
        record(run_of(settings, results), tmp_path / "plain.json")
