import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_tables import constructs_of, random_inserts, write_tables

from training.data.assay import PUBLIC
from training.data.gc_sampling import (
    distribution,
    draw,
    effective_number,
    gc_bin,
    gc_sampling,
    genome_gc,
    reweight,
    sampling_weights,
    set_aside,
    tilt,
)
from training.data.tables import letters_of, read_table, sequences_of, write_table
from yeastpromoter.sequence.encoding import gc_content

SETTINGS = {
    "method": "sampling",
    "weighting": "importance",
    "fraction": 0.8,
    "cap": None,
    "replacement": False,
    "target": "all",
    "genome": None,
    "bin_width": 0.05,
    "seed": 4,
}


ASIDE = {"constructs": 40, "learn_from": "set_aside", "use": None, "seed": 0}


@given(st.lists(st.integers(0, 30), min_size=60, max_size=120), st.integers(1, 40), st.integers(0, 5))
def test_constructs_are_set_aside_in_whole_groups(groups, constructs, seed):
    group, rows = np.array(groups), np.arange(3, len(groups))
    settings = ASIDE | {"constructs": constructs, "seed": seed}
    aside, others = (set_aside(group, rows, settings | {"learn_from": name}) for name in ("set_aside", "others"))
    assert len(aside) == constructs
    assert not set(group[aside]) & set(group[others])
    assert set(aside) | set(others) <= set(rows)
    # No more groups than are needed: without any one of them there would be too few constructs.
    left_out = np.setdiff1d(rows, others)
    smallest = max(np.unique(group[left_out], return_counts=True)[1])
    assert len(left_out) - smallest < constructs


def test_fewer_constructs_set_aside_are_among_more():
    group = np.arange(100) // 2
    rows = np.arange(100)
    few, many = (set_aside(group, rows, ASIDE | {"use": use}) for use in (10, 25))
    assert (len(few), len(many)) == (10, 25)
    assert set(few) < set(many) < set(set_aside(group, rows, ASIDE))


def test_not_all_constructs_can_be_set_aside():
    with pytest.raises(ValueError, match=r"set_aside\.constructs is 40, but there are only 40 constructs"):
        set_aside(np.arange(40), np.arange(40), ASIDE)


def test_bins_are_centred_on_multiples_of_the_width():
    assert gc_bin(np.array([0, 0.049, 0.051, 0.16, 1]), 0.1).tolist() == [0, 0, 1, 2, 10]


def test_weights_by_hand():
    bins = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    bucket = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=np.uint8)
    target = np.array([0.5, 0.5])
    # Bucket 0 holds 3/4 of bin 0, bucket 1 holds 1/4: 0.5 / 0.75 = 2/3 and 0.5 / 0.25 = 2.
    expected = [2 / 3, 2 / 3, 2 / 3, 2, 2, 2 / 3, 2 / 3, 2 / 3]
    np.testing.assert_allclose(sampling_weights(bins, bucket, target, "importance"), expected)
    np.testing.assert_allclose(sampling_weights(bins, bucket, np.array([0.3, 0.7]), "authors")[[0, 3]], [0.3, 0.7])


def test_importance_weights_turn_every_bucket_into_the_target():
    rng = np.random.default_rng(0)
    bucket = rng.integers(0, 3, 3000).astype(np.uint8)
    bins = np.clip(rng.binomial(10, 0.3 + 0.15 * bucket), 2, 8)
    target = distribution(bins, 11)
    rows = draw(sampling_weights(bins, bucket, target, "importance"), bucket, 20, None, True, rng)
    for number in range(3):
        found = distribution(bins[rows][bucket[rows] == number], 11)
        assert 0.5 * np.abs(found - target).sum() < 0.02
    authors = draw(sampling_weights(bins, bucket, target, "authors"), bucket, 20, None, True, rng)
    distance = 0.5 * np.abs(distribution(bins[authors][bucket[authors] == 0], 11) - target).sum()
    assert distance > 0.1, "the authors' weights do not reach it"


def test_draw_respects_fraction_cap_and_replacement():
    rng = np.random.default_rng(0)
    bucket = np.repeat([2, 5], [100, 10]).astype(np.uint8)
    weights = np.ones(110)
    rows = draw(weights, bucket, 0.8, None, False, rng)
    assert np.bincount(bucket[rows], minlength=6)[[2, 5]].tolist() == [80, 8]
    assert len(np.unique(rows)) == len(rows)
    assert (np.diff(rows) > 0).all()
    capped = draw(weights, bucket, 0.8, 20, False, rng)
    assert np.bincount(bucket[capped], minlength=6)[[2, 5]].tolist() == [20, 8]
    more = draw(weights, bucket, 2, None, True, rng)
    assert len(more) == 220
    assert len(np.unique(more)) < 110
    weights[:99] = 0
    assert draw(weights, bucket, 0.8, None, False, rng).tolist()[:1] == [99], "weight 0 is never drawn"


def test_draw_without_replacement_follows_the_weights():
    bucket = np.zeros(3, dtype=np.uint8)
    rng = np.random.default_rng(1)
    first = [draw(np.array([1.0, 2.0, 5.0]), bucket, 0.34, None, False, rng)[0] for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(first) / 4000, [1 / 8, 2 / 8, 5 / 8], atol=0.03)


def test_step_draws_from_the_training_part_only_and_reports(tmp_path):
    paths = write_tables(tmp_path, count=400)
    arguments = (tmp_path, paths["table"], paths["buckets"], paths["split"])
    gc_sampling(SETTINGS, *arguments, tmp_path / "out.h5", tmp_path / "out.json")
    rows = read_table(tmp_path / "out.h5", "row")["row"]
    part = read_table(paths["split"], "part")["part"]
    assert (part[rows] == 0).all()
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["before"]["constructs"] == 280
    assert report["after"]["constructs"] == len(rows)
    columns = read_table(paths["table"], "sequence", "expression")
    gc = gc_content(PUBLIC.inserts(letters_of(columns["sequence"])))
    found = np.corrcoef(gc[rows], columns["expression"][rows])[0, 1]
    assert report["after"]["gc_expression_pearson"] == pytest.approx(found)
    bucket = read_table(paths["buckets"], "bucket")["bucket"]
    bins = np.rint(gc / 0.05)
    # Total variation distance: half the sum of the differences of the shares, the target being all constructs.
    for name, chosen in (("before", np.flatnonzero(part == 0)), ("after", rows)):
        distance = [
            sum(abs((bins[chosen][bucket[chosen] == b] == i).mean() - (bins == i).mean()) for i in range(21)) / 2
            for b in range(18)
        ]
        assert report[name]["bucket_distance_to_target"] == pytest.approx(distance)
        assert report[name]["bucket_constructs"] == np.bincount(bucket[chosen], minlength=18).tolist()
    assert np.mean(report["after"]["bucket_distance_to_target"]) < np.mean(
        report["before"]["bucket_distance_to_target"]
    )
    gc_sampling(SETTINGS, *arguments, tmp_path / "again.h5", tmp_path / "again.json")
    assert (read_table(tmp_path / "again.h5", "row")["row"] == rows).all()
    gc_sampling(SETTINGS | {"method": "none"}, *arguments, tmp_path / "all.h5", tmp_path / "all.json")
    assert (read_table(tmp_path / "all.h5", "row")["row"] == np.flatnonzero(part == 0)).all()
    outputs = (tmp_path / "both.h5", tmp_path / "both.json")
    gc_sampling(SETTINGS | {"method": "none"}, *arguments, *outputs, ["train", "validation"])
    assert (read_table(outputs[0], "row")["row"] == np.flatnonzero(part != 1)).all()


def test_genome_as_target(tmp_path):
    fasta = tmp_path / "g.fa"
    fasta.write_text(">one\n" + "G" * 80 + "\n" + "AC" * 40 + "\n" + "A" * 79 + "N\nGG\n>two\nACG\n")
    np.testing.assert_allclose(genome_gc(fasta, 80), [1, 0.5])
    paths = write_tables(tmp_path, count=400)
    fasta.write_text(">one\n" + "AC" * 40 + "\n")
    settings = SETTINGS | {"target": "genome", "genome": {"file": "g.fa", "sha256": None}}
    gc_sampling(
        settings, tmp_path, paths["table"], paths["buckets"], paths["split"], tmp_path / "o.h5", tmp_path / "o.json"
    )
    rows = read_table(tmp_path / "o.h5", "row")["row"]
    gc = gc_content(PUBLIC.inserts(letters_of(read_table(paths["table"], "sequence")["sequence"][rows])))
    assert len(rows)
    assert (gc_bin(gc, 0.05) == 10).all(), "a genome of one GC value leaves constructs of that value only"


def test_tilting_by_hand():
    # Three weights a and one b with a mean of 1 and 0.2 * 3 a + 0.6 * b = 4 * 0.5: a = 1/3, b = 3, nine times as much
    # at 0.4 more.
    weights, rate = tilt(np.array([0.2, 0.2, 0.2, 0.6]), 0.5)
    np.testing.assert_allclose(weights, [1 / 3, 1 / 3, 1 / 3, 3])
    assert rate == pytest.approx(np.log(9) / 0.4)


def test_tilting_agrees_with_a_search_over_rates():
    gc = np.random.default_rng(3).integers(20, 60, 40) / 80
    target = gc.mean() + 0.06
    rates = np.linspace(-60, 60, 120_001)
    density = np.exp(rates[:, np.newaxis] * (gc - 0.5))
    best = np.abs((density @ gc) / density.sum(axis=1) - target).argmin()
    weights, rate = tilt(gc, target)
    assert rate == pytest.approx(rates[best], abs=1e-3)
    np.testing.assert_allclose(weights, density[best] / density[best].mean(), rtol=1e-3)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 80), min_size=1, max_size=30), st.integers(0, 800))
def test_tilting_reaches_every_mean_within_the_values(numbers, target):
    gc, target = np.array(numbers) / 80, target / 800
    found = tilt(gc, target)
    attainable = gc.min() < target < gc.max() or (gc.min() == gc.max() == target)
    assert (found is not None) == attainable
    if found:
        weights, rate = found
        assert weights.min() > 0
        assert weights.mean() == pytest.approx(1)
        assert np.average(gc, weights=weights) == pytest.approx(target, abs=1e-9)
        order = np.argsort(gc)
        assert (np.diff(weights[order]) * np.sign(rate) >= -1e-9).all(), "weights rise, or fall, with GC content"


def test_groups_are_weighted_by_themselves_and_what_cannot_be_calibrated_is_left():
    gc = np.array([0.2, 0.6, 0.4, 0.5, 0.3, 0.3, 0.5])
    group = np.array([0, 0, 7, 7, 3, 3, 9])
    weights, rates = reweight(gc, group, 0.5)
    np.testing.assert_allclose(weights, [0.5, 1.5, 1, 1, 1, 1, 1])
    assert rates[0] == pytest.approx(np.log(3) / 0.4)
    assert {number: rate for number, rate in rates.items() if number} == {7: None, 3: None, 9: 0}


def test_over_many_buckets_next_to_no_correlation_is_left():
    rng = np.random.default_rng(5)
    gc = rng.binomial(80, rng.beta(30, 30, 30_000)) / 80
    expression = np.clip(8.5 + 15 * (gc - 0.5) + rng.normal(0, 3, len(gc)), 0, 17)
    weights, _ = reweight(gc, np.rint(expression), gc.mean())
    before, after = (
        np.cov(gc, expression, aweights=values)[0, 1] / np.sqrt(np.cov(gc, aweights=values) * np.cov(expression))
        for values in (np.ones(len(gc)), weights)
    )
    assert before > 0.3
    assert abs(after) < 0.01


def test_effective_number_by_hand():
    assert effective_number(np.ones(7)) == 7
    assert effective_number(np.array([3.0, 1, 0])) == pytest.approx(16 / 10)


@pytest.fixture(scope="module")
def biased(tmp_path_factory):
    """Tables of 600 constructs in 4 buckets whose expression follows GC content, and one bucket beyond all GC."""
    folder = tmp_path_factory.mktemp("biased")
    paths = write_tables(folder, count=600)
    inserts = random_inserts(600, 0)
    gc = gc_content(inserts)
    source = (np.arange(600) % 2).astype(np.uint8)
    noise = np.random.default_rng(1).normal(0, 1, 600)
    expression = np.clip(7.5 + 12 * (gc - 0.5) + 0.3 * source + 1.2 * noise, 5.6, 9.4).astype(np.float32)
    inserts[:3] = ord("G")
    expression[:3] = 12
    columns = read_table(paths["table"]) | {
        "sequence": sequences_of(constructs_of(inserts)),
        "expression": expression,
        "source": source,
    }
    write_table(paths["table"], columns, sources=["first", "second"])
    write_table(paths["buckets"], {"bucket": np.rint(expression).astype(np.uint8)})
    return folder, paths


@pytest.mark.parametrize("method", ["reweighting", "reweighting_by_source"])
def test_step_reweights_every_training_construct(biased, method):
    folder, paths = biased
    tables = (paths["table"], paths["buckets"], paths["split"])
    gc_sampling(SETTINGS | {"method": method}, folder, *tables, folder / "out.h5", folder / "out.json")
    found, report = read_table(folder / "out.h5"), json.loads((folder / "out.json").read_text())
    part = read_table(paths["split"], "part")["part"]
    assert (found["row"] == np.flatnonzero(part == 0)).all()
    columns = read_table(paths["table"])
    everything = gc_content(PUBLIC.inserts(letters_of(columns["sequence"])))
    rows, weights = found["row"], found["weight"]
    gc, expression, source = everything[rows], columns["expression"][rows], columns["source"][rows]
    bucket = read_table(paths["buckets"], "bucket")["bucket"][rows]

    def correlation(chosen, values=expression):
        covariance = np.cov(gc[chosen], values[chosen], aweights=weights[chosen])
        return covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])

    apart = method == "reweighting_by_source"
    groups = [(b, s) for b in range(6, 10) for s in ((0, 1) if apart else (None,))]
    for b, s in groups:
        chosen = (bucket == b) & (True if s is None else source == s)
        assert weights[chosen].sum() == pytest.approx(chosen.sum()), "the expression keeps its distribution"
        assert np.average(gc[chosen], weights=weights[chosen]) == pytest.approx(everything.mean())
    assert (weights[bucket == 12] == 1).all()
    calibration = report["calibration"]
    assert calibration["target_mean_gc"] == pytest.approx(everything.mean())
    assert len(calibration["rates"]) == len(groups)
    lost = [{"bucket": 12, "source": "first", "constructs": 2}, {"bucket": 12, "source": "second", "constructs": 1}]
    assert calibration["not_calibrated"] == (lost if apart else [{"bucket": 12, "constructs": 3}])

    after, inner = report["after"], bucket != 12
    assert report["before"]["gc_expression_pearson"] > 0.4
    assert correlation(inner, bucket) == pytest.approx(0, abs=1e-9)
    assert abs(correlation(inner)) < 0.1, "what is left is within the buckets"
    assert after["gc_expression_pearson"] == pytest.approx(correlation(rows >= 0))
    for number, name in enumerate(("first", "second")):
        assert after["gc_expression_pearson_by_source"][name] == pytest.approx(correlation(source == number))
    assert after["effective_constructs"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), abs=0.1)
    assert after["largest_weight"] == pytest.approx(weights.max() / weights.mean())
    assert after["distinct_constructs"] == after["constructs"] == len(rows)
    assert after["bucket_constructs"] == report["before"]["bucket_constructs"]


def test_the_report_says_what_the_weights_of_the_sources_leave_of_a_correction(biased):
    folder, paths = biased
    columns = read_table(paths["table"])
    weight = np.where(columns["source"] == 0, 2.0, 0.35).astype(np.float32)
    table = folder / "weighted.h5"
    write_table(table, columns | {"weight": weight}, sources=["first", "second"])
    results = (folder / "weighted.out.h5", folder / "weighted.json")
    arguments = (SETTINGS | {"method": "reweighting"}, folder, table, paths["buckets"], paths["split"], *results)
    gc_sampling(*arguments)
    without = json.loads(results[1].read_text())
    assert "in_loss" not in without
    gc_sampling(*arguments, source_weights=True)
    report = json.loads(results[1].read_text())
    assert report["after"] == without["after"], "they do not change the correction"
    found = read_table(results[0])
    rows, product = found["row"], found["weight"] * weight[found["row"]]
    gc = gc_content(PUBLIC.inserts(letters_of(columns["sequence"])))[rows]
    covariance = np.cov(gc, columns["expression"][rows], aweights=product)
    in_loss = report["in_loss"]
    r = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert in_loss["gc_expression_pearson"] == pytest.approx(r)
    assert in_loss["effective_constructs"] == pytest.approx(product.sum() ** 2 / (product**2).sum(), abs=0.1)
    assert in_loss["largest_weight"] == pytest.approx(product.max() / product.mean())


def test_nothing_to_choose_or_to_go_towards_is_an_error(biased):
    folder, paths = biased
    tables = (paths["table"], paths["buckets"], paths["split"])
    out = (folder / "nothing.h5", folder / "nothing.json")
    with pytest.raises(ValueError, match=r"none of \d+ constructs is drawn: gc_sampling.fraction, 0\.0001,"):
        gc_sampling(SETTINGS | {"fraction": 0.0001}, folder, *tables, *out)
    (folder / "short.fa").write_text(">one\n" + "ACGT" * 19 + "\n>two\n" + "N" * 200 + "\n")
    genome = {"target": "genome", "genome": {"file": "short.fa", "sha256": None}}
    for method in ("sampling", "reweighting"):
        with pytest.raises(ValueError, match=r"short\.fa has no window of 80 bp of A, C, G and T"):
            gc_sampling(SETTINGS | genome | {"method": method}, folder, *tables, *out)
    write_table(folder / "all_test.h5", {"part": np.ones(len(read_table(paths["split"], "part")["part"]), np.uint8)})
    with pytest.raises(ValueError, match="has no construct to learn from, of the part train"):
        gc_sampling(SETTINGS, folder, paths["table"], paths["buckets"], folder / "all_test.h5", *out)
    assert not out[0].exists()


def test_a_repeated_draw_counts_as_a_weight(biased):
    folder, paths = biased
    tables = (paths["table"], paths["buckets"], paths["split"])
    gc_sampling(SETTINGS | {"replacement": True}, folder, *tables, folder / "r.h5", folder / "r.json")
    times = np.unique(read_table(folder / "r.h5", "row")["row"], return_counts=True)[1]
    after = json.loads((folder / "r.json").read_text())["after"]
    assert list(read_table(folder / "r.h5")) == ["row"]
    assert (after["constructs"], after["distinct_constructs"]) == (times.sum(), len(times))
    assert after["effective_constructs"] == pytest.approx(times.sum() ** 2 / (times**2).sum(), abs=0.1)
    assert after["largest_weight"] == pytest.approx(times.max() / times.mean())


def test_weights_of_the_sample_count_in_the_loss_with_those_of_the_sources(biased):
    from training.fit.run_data import RunData

    folder, paths = biased
    tables = (paths["table"], paths["buckets"], paths["split"])
    gc_sampling(SETTINGS | {"method": "reweighting"}, folder, *tables, folder / "w.h5", folder / "w.json")
    sample = read_table(folder / "w.h5")
    of_source = read_table(paths["table"], "weight")["weight"][sample["row"]]
    for both in (True, False):
        run = {"learn_from": ["train"], "source_weights": both, "soft_label_sd": 0.7}
        found = RunData(run, *tables, folder / "w.h5").examples({"constructs": "measured", "shift": None}).weight
        expected = sample["weight"] * (of_source if both else 1)
        np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-5)
        assert found.mean() == pytest.approx(1, rel=1e-5)
