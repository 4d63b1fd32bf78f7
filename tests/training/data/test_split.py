import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_tables import constructs_of, random_inserts, write_tables

from training.data.split import assign_parts, split
from training.data.tables import PARTS, read_attribute, read_table, sequences_of, write_table
from yeastpromoter.sequence.encoding import reverse_complement

FRACTIONS = {"train": 0.7, "test": 0.2, "validation": 0.1}


@given(
    group=st.lists(st.integers(0, 20), min_size=1, max_size=60),
    seed=st.integers(0, 3),
)
@settings(max_examples=100)
def test_groups_stay_together(group, seed):
    group = np.unique(group, return_inverse=True)[1]
    part = assign_parts(group, np.arange(len(group)) % 3, FRACTIONS, seed)
    for number in np.unique(group):
        assert len(np.unique(part[group == number])) == 1


def test_single_constructs_are_divided_exactly_within_each_stratum():
    stratum = np.repeat([0, 1, 2], [100, 200, 50])
    part = assign_parts(np.arange(350), stratum, FRACTIONS, 5)
    counts = [np.bincount(part[stratum == number], minlength=3).tolist() for number in range(3)]
    assert counts == [[70, 20, 10], [140, 40, 20], [35, 10, 5]]


def test_groups_and_single_constructs_together_come_near_the_fractions():
    rng = np.random.default_rng(0)
    group = np.concatenate([np.repeat(np.arange(100), rng.integers(2, 9, 100)), 100 + np.arange(300)])
    stratum = rng.integers(0, 4, len(group))
    part = assign_parts(group, stratum, FRACTIONS, 1)
    for number in range(4):
        share = np.bincount(part[stratum == number], minlength=3) / (stratum == number).sum()
        np.testing.assert_allclose(share, [0.7, 0.2, 0.1], atol=0.05)


def test_seed_decides():
    arguments = (np.arange(100), np.zeros(100, dtype=int), FRACTIONS)
    first, again, other = (assign_parts(*arguments, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("method", ["grouped", "random"])
def test_relatives_share_a_part_only_in_a_grouped_split(tmp_path, method):
    paths = write_tables(tmp_path, count=200)
    inserts = random_inserts(100, 3)
    relatives = reverse_complement(inserts)
    columns = read_table(paths["table"])
    columns["sequence"] = sequences_of(constructs_of(np.concatenate([inserts, relatives])))
    write_table(paths["table"], columns, sources=["first", "second"])
    settings_ = {"method": method, "fractions": FRACTIONS, "seed": 2022}
    split(settings_, paths["table"], paths["buckets"], tmp_path / "out.h5", tmp_path / "out.json")
    part = read_table(tmp_path / "out.h5", "part")["part"]
    assert (part[:100] == part[100:]).all() == (method == "grouped")
    assert read_attribute(tmp_path / "out.h5", "parts") == ["train", "test", "validation"]
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["constructs"] == {name: int((part == index).sum()) for index, name in enumerate(PARTS)}
    assert report["largest_group"] == (2 if method == "grouped" else 1)
    assert sum(report["by_source"]["second"].values()) == 100


def split_of(folder, sequences, sources, given, **changes):
    """Split a table whose constructs have parts, and read what came out."""
    table, buckets, out, report = few(folder, sequences, sources)
    write_table(table, read_table(table) | {"part": np.array(given, dtype=np.uint8)}, sources=["first", "second"])
    split({"method": "grouped", "fractions": FRACTIONS, "seed": 2022} | changes, table, buckets, out, report)
    return read_table(out, "part")["part"].tolist(), json.loads(report.read_text())


def test_parts_that_are_all_given_stay_as_they_are(tmp_path, capsys):
    given = [0] * 40 + [1] * 8 + [2] * 32
    part, report = split_of(tmp_path, random_inserts(80, 3), [0] * 40 + [1] * 40, given)
    assert part == given
    assert report["given_parts"] == {
        "constructs": {"train": 40, "test": 8, "validation": 32},
        "with_relatives": 0,
        "at_random": 0,
        "validation_from_train": 0,
        "train_related_to": {"test": 0, "validation": 0},
    }
    # A source that is a file for one part does not lack the others.
    assert report["warnings"] == []
    assert (
        "40 train, 8 test, 32 validation; 0 others go with relatives of these, 0 are split" in capsys.readouterr().err
    )


def test_relatives_of_given_constructs_follow_them_and_the_rest_is_divided(tmp_path):
    inserts = random_inserts(160, 3)
    relatives = reverse_complement(inserts[:4])
    # A chain: the last but one shares its beginning with a given test and its end with a given training construct.
    chain = np.concatenate([inserts[4][:40], inserts[5][40:]])[np.newaxis]
    alone = 255
    given = [0, 1, 2, 1, 0, 1] + [alone] * 154 + [alone] * 4 + [alone]
    part, report = split_of(tmp_path, np.concatenate([inserts, relatives, chain]), [0] * 165, given)
    assert part[:6] == [0, 1, 2, 1, 0, 1]
    assert part[160:164] == [0, 1, 2, 1]
    assert part[164] == 1, "test before train"
    # Test and validation are given, so that all others are learned from.
    assert set(part[6:160]) == {0}
    assert report["given_parts"]["with_relatives"] == 5
    assert report["given_parts"]["at_random"] == 154
    assert report["given_parts"]["train_related_to"] == {"test": 1, "validation": 0}
    assert "1 of 2 constructs that the sources put into the train part share a 30-mer" in " ".join(report["warnings"])


def test_a_test_set_of_ones_own_leaves_the_rest_to_train_and_validation(tmp_path):
    part, report = split_of(tmp_path, random_inserts(154, 3), [0] * 144 + [1] * 10, [255] * 144 + [1] * 10)
    assert part[144:] == [1] * 10
    # Eight in each bucket, in the proportion of 0.7 and 0.1.
    assert np.bincount(part[:144]).tolist() == [126, 0, 18]
    assert report["by_source"]["first"] == {"train": 126, "test": 0, "validation": 18}


def test_a_validation_part_that_no_source_gives_is_taken_from_the_training_part(tmp_path, capsys):
    given = [0] * 144 + [1] * 10
    part, report = split_of(tmp_path, random_inserts(154, 3), [0] * 154, given)
    assert np.bincount(part[:144]).tolist() == [126, 0, 18]
    assert part[144:] == [1] * 10
    assert report["given_parts"] == {
        "constructs": {"train": 144, "test": 10, "validation": 0},
        "with_relatives": 0,
        "at_random": 0,
        "validation_from_train": 18,
        "train_related_to": {"test": 0, "validation": 0},
    }
    said = capsys.readouterr().err
    assert "no source gives a validation part: it is taken" in said
    assert "144 train, 10 test; 0 others go with relatives of these, 0 are split at random" in said


def test_a_few_constructs_without_a_part_do_not_stand_in_for_a_validation_part(tmp_path, capsys):
    given = [0] * 144 + [1] * 10 + [255] * 2
    part, report = split_of(tmp_path, random_inserts(156, 3), [0] * 156, given)
    assert part[144:154] == [1] * 10
    numbers = np.bincount(part[:144] + part[154:])
    assert numbers.sum() == 146
    assert numbers[2] == pytest.approx(146 / 8, abs=2)
    assert report["given_parts"]["at_random"] == 2
    assert "it is taken from the constructs of the train part" in capsys.readouterr().err


def few(folder, sequences, sources):
    """Tables of constructs with an expression of 0, 1, 2 …: every bucket is a stratum of its own."""
    count = len(sequences)
    paths = {name: folder / f"{name}.h5" for name in ("table", "buckets", "out")}
    columns = {"sequence": sequences_of(constructs_of(sequences)), "source": np.array(sources, dtype=np.uint8)}
    write_table(paths["table"], columns, sources=["first", "second"])
    write_table(paths["buckets"], {"bucket": (np.arange(count) % 18).astype(np.uint8)})
    return paths["table"], paths["buckets"], paths["out"], folder / "out.json"


SETTINGS = {"method": "grouped", "fractions": FRACTIONS, "seed": 2022}


def test_few_constructs_are_divided_though_no_stratum_can_be(tmp_path):
    tables = few(tmp_path, random_inserts(36, 3), [0] * 36)
    split(SETTINGS, *tables)
    part = read_table(tmp_path / "out.h5", "part")["part"]
    assert np.bincount(part, minlength=3).tolist() == [25, 7, 4]  # 25.2, 7.2, 3.6


@pytest.mark.parametrize(("count", "message"), [(1, "train|validation"), (3, "validation")])
def test_a_split_without_a_part_that_is_needed_is_refused(tmp_path, count, message):
    inserts = np.repeat(random_inserts(1, 3), 20, axis=0) if count == 1 else random_inserts(count, 3)
    with pytest.raises(ValueError, match=rf"the ({message}) part, which .* has no construct: there are .* groups"):
        split(SETTINGS, *few(tmp_path, inserts, [0] * len(inserts)))
    assert not (tmp_path / "out.h5").exists()


def test_parts_that_say_little_are_warned_of(tmp_path, capsys):
    inserts = np.concatenate([random_inserts(60, 3), np.repeat(random_inserts(1, 4), 20, axis=0)])
    split(SETTINGS, *few(tmp_path, inserts, [0] * 60 + [1] * 20))
    report = json.loads((tmp_path / "out.json").read_text())
    alone = [name for name in PARTS if report["by_source"]["second"][name]]
    assert len(alone) == 1
    few_constructs, one_part = report["warnings"]
    assert f"only {report['constructs']['validation']} of 80 constructs are in the validation part" in few_constructs
    missing = " and the ".join(name for name in PARTS if name not in alone)
    assert one_part == f"source 'second' has no construct in the {missing} part"
    said = capsys.readouterr().err
    assert few_constructs in said
    assert one_part in said
