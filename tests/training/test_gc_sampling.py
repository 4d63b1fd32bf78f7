import json

import numpy as np
import pytest
from training_tables import write_tables

from training.assemble import insert_letters
from training.gc_sampling import distribution, draw, gc_bin, gc_sampling, genome_gc, sampling_weights
from training.tables import letters_of, read_table
from yeastpromoter.encoding import gc_content

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
    gc = gc_content(insert_letters(letters_of(columns["sequence"])))
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
    np.testing.assert_allclose(genome_gc(fasta), [1, 0.5])
    paths = write_tables(tmp_path, count=400)
    fasta.write_text(">one\n" + "AC" * 40 + "\n")
    settings = SETTINGS | {"target": "genome", "genome": {"file": "g.fa", "sha256": None}}
    gc_sampling(
        settings, tmp_path, paths["table"], paths["buckets"], paths["split"], tmp_path / "o.h5", tmp_path / "o.json"
    )
    rows = read_table(tmp_path / "o.h5", "row")["row"]
    gc = gc_content(insert_letters(letters_of(read_table(paths["table"], "sequence")["sequence"][rows])))
    assert len(rows)
    assert (gc_bin(gc, 0.05) == 10).all(), "a genome of one GC value leaves constructs of that value only"
