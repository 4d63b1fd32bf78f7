from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import yaml
from click.testing import CliRunner
from closeness import assert_expression_close
from toy_networks import linear_network

import yeastpromoter.cli.plant as plant_command
from yeastpromoter.cli.main import main
from yeastpromoter.interpret.planting import (
    Planting,
    insert_expression,
    plant,
    plant_everywhere,
    position_table,
    possible_positions,
    summarise,
)
from yeastpromoter.interpret.sites import Site
from yeastpromoter.sequence.encoding import letters, one_hot
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA

SITE = Site("Toy", "GATTACA", "+", "GATTACA")
REVERSE = "TGTAATC"
PALINDROME = Site("Toy", "GAATTC", "-", "GAATTC")


def strings(matrix):
    return [row.tobytes().decode() for row in matrix]


def find(*motifs):
    """Predict 100 + the position of the first motif that is found, 0 without any."""

    def predict(inserts):
        places = [[s.find(motif) for motif in motifs if motif in s] for s in strings(inserts)]
        return np.array([100.0 + min(found) if found else 0.0 for found in places])

    return predict


def test_plant_by_hand():
    inserts = letters(["C" * 80, "ACGT" * 20])
    before = inserts.copy()
    assert strings(plant(inserts, letters(["GATTACA"]), 3)) == [
        "CCCGATTACA" + "C" * 70,
        "ACGGATTACA" + "GTAC" * 17 + "GT",
    ]
    assert strings(plant(inserts, letters(["GATTACA", "AAAAAAA"]), 73)) == [
        "C" * 73 + "GATTACA",
        ("ACGT" * 20)[:73] + "A" * 7,
    ]
    np.testing.assert_array_equal(inserts, before)
    for position in (-1, 74):
        with pytest.raises(ValueError, match=f"a site of 7 bp does not fit into 80 bp at position {position + 1}"):
            plant(inserts, letters(["GATTACA"]), position)


def test_possible_positions():
    assert possible_positions(SITE, 80).tolist() == list(range(74))
    assert possible_positions(SITE, 80, 30).tolist() == [0, 30, 60]
    with pytest.raises(ValueError, match="step must be at least 1 bp but is 0"):
        possible_positions(SITE, 80, 0)


def test_every_position_and_strand_is_planted():
    inserts = letters(["C" * 80] * 4)
    positions = possible_positions(SITE, 80)
    calls = []
    forward = plant_everywhere(
        find("GATTACA"), inserts, SITE, positions, np.random.default_rng(1), lambda: calls.append(0)
    )
    assert len(calls) == 2 * 74
    np.testing.assert_array_equal(forward.effects["+"], np.broadcast_to(100 + positions, (4, 74)))
    np.testing.assert_array_equal(forward.effects["-"], 0)
    backward = plant_everywhere(find(REVERSE), inserts, SITE, positions, np.random.default_rng(1))
    np.testing.assert_array_equal(backward.effects["-"], np.broadcast_to(100 + positions, (4, 74)))
    np.testing.assert_array_equal(backward.effects["+"], 0)


def test_palindromes_are_planted_once():
    planting = plant_everywhere(
        find("GAATTC"), letters(["C" * 80] * 2), PALINDROME, np.array([5]), np.random.default_rng(1)
    )
    assert list(planting.effects) == ["+"]
    np.testing.assert_array_equal(planting.effects["+"], [[105], [105]])


def test_controls_are_the_shuffled_site_in_the_same_place():
    seen = []

    def predict(inserts):
        seen.append(strings(inserts))
        return np.zeros(len(inserts))

    inserts = random_inserts(6, seed=1)
    plant_everywhere(predict, inserts, SITE, np.array([10, 40]), np.random.default_rng(1))
    rest = [sequence[:10] + sequence[17:] for sequence in strings(inserts)]
    assert [sequence[:10] + sequence[17:] for sequence in seen[0]] == 2 * rest
    assert [sequence[10:17] for sequence in seen[0][:6]] == ["GATTACA"] * 6
    controls = [sequence[10:17] for sequence in seen[0][6:]]
    assert len(set(controls)) > 1
    assert {"".join(sorted(control)) for control in controls} == {"AAACGTT"}
    # One control for each insert: at all positions, and on the other strand as its reverse complement.
    assert [sequence[40:47] for sequence in seen[1][6:]] == controls
    assert [sequence[10:17] for sequence in seen[2][:6]] == [REVERSE] * 6
    complement = str.maketrans("ACGT", "TGCA")
    assert [sequence[10:17].translate(complement)[::-1] for sequence in seen[2][6:]] == controls


def test_composition_alone_has_no_effect():
    def gc(inserts):
        return np.isin(inserts, list(b"GC")).sum(axis=1)

    planting = plant_everywhere(
        gc, random_inserts(5, 2), SITE, possible_positions(SITE, 80, 7), np.random.default_rng(3)
    )
    assert all((effects == 0).all() for effects in planting.effects.values())


def test_sign_on_a_network():
    # Expression is the number of letters of the first 7 bp of the insert that are those of the site.
    weights = np.zeros((110, 4))
    weights[17:24] = one_hot(letters(["GATTACA"]))[0] / 10
    predict = partial(insert_expression, linear_network(weights))
    planting = plant_everywhere(predict, random_inserts(4, 1), SITE, np.array([0]), np.random.default_rng(1))
    assert (planting.effects["+"] > 0).all()
    assert (planting.effects["+"] < 7.001).all()
    wanted = [sum(a == b for a, b in zip(s, "GATTACA", strict=False)) for s in strings(random_inserts(4, 1))]
    assert_expression_close(predict(random_inserts(4, 1)), wanted)


def test_tables_by_an_independent_computation():
    rng = np.random.default_rng(5)
    effects = {"+": rng.normal(1, 2, (40, 3)), "-": rng.normal(-2, 1, (40, 3))}
    effects["+"][7, 1] = np.nan
    planting = Planting(SITE, np.array([0, 10, 20]), effects)
    table = position_table(planting).set_index(["strand", "position"])
    assert list(table.index) == [(strand, position) for strand in "+-" for position in (1, 11, 21)]
    for strand, values in effects.items():
        for position, column in zip((1, 11, 21), values.T, strict=True):
            column = column[~np.isnan(column)]
            row = table.loc[(strand, position)]
            low, high = scipy.stats.norm.interval(0.95, column.mean(), scipy.stats.sem(column))
            np.testing.assert_allclose(
                row[["inserts", "mean_effect", "sd", "low", "high"]].astype(float),
                [len(column), column.mean(), column.std(ddof=1), low, high],
                rtol=1e-6,
            )
    (summary,) = summarise([planting]).to_dict("records")
    of_inserts = np.delete(np.concatenate([effects["+"], effects["-"]], axis=1), 7, axis=0).mean(axis=1)
    assert summary["inserts"] == 39
    np.testing.assert_allclose(summary["mean_effect"], of_inserts.mean())
    low, high = scipy.stats.norm.interval(0.95, of_inserts.mean(), scipy.stats.sem(of_inserts))
    np.testing.assert_allclose([summary["low"], summary["high"]], [low, high], rtol=1e-5)
    np.testing.assert_allclose(summary["reverse"], effects["-"].mean())
    strongest = int(np.abs(effects["-"].mean(axis=0)).argmax())
    assert (summary["strongest_strand"], summary["strongest_position"]) == ("-", 10 * strongest + 1)
    np.testing.assert_allclose(summary["strongest_effect"], effects["-"].mean(axis=0)[strongest])
    assert (summary["expected"], summary["observed"], summary["as_expected"]) == ("+", "-", "no")


@pytest.mark.parametrize(
    ("mean", "sd", "expected", "observed", "as_expected"),
    [
        (1.0, 0.5, "+", "+", "yes"),
        (-1.0, 0.5, "+", "-", "no"),
        (-1.0, 0.5, "-", "-", "yes"),
        (1.0, 0.5, "depends", "+", "open"),
        (0.05, 0.001, "+", "none", "no"),  # certain, but small
        (0.5, 30.0, "+", "none", "no"),  # large, but uncertain
    ],
)
def test_verdicts(mean, sd, expected, observed, as_expected):
    values = mean + sd * np.resize([-1.0, 1.0], 100)
    site = Site("Toy", "GAATTC", expected, "GAATTC")
    (row,) = summarise([Planting(site, np.array([0]), {"+": values[:, np.newaxis]})]).to_dict("records")
    assert (row["observed"], row["as_expected"]) == (observed, as_expected)
    assert np.isnan(row["reverse"])


def test_without_an_interval_nothing_is_said_of_a_site():
    values = np.full((40, 1), 5.0)
    values[20:] = np.nan  # undefined: their bucket scores cancel
    (row,) = summarise([Planting(SITE, np.array([0]), {"+": values})]).to_dict("records")
    assert (row["inserts"], row["mean_effect"], row["observed"], row["as_expected"]) == (20, 5, "unknown", "open")


def test_random_inserts():
    inserts = random_inserts(500, seed=1, gc=0.3)
    assert inserts.shape == (500, 80)
    share = {letter: (inserts == ord(letter)).mean() for letter in "ACGT"}
    np.testing.assert_allclose([share[letter] for letter in "ACGT"], [0.35, 0.15, 0.15, 0.35], atol=0.01)
    np.testing.assert_array_equal(random_inserts(500, seed=1, gc=0.3), inserts)
    assert (random_inserts(500, seed=2, gc=0.3) != inserts).any()
    assert set(strings(random_inserts(3, 1, gc=1))[0]) == {"C", "G"}
    with pytest.raises(ValueError, match="must be at least 1 but is 0"):
        random_inserts(0, 1)
    with pytest.raises(ValueError, match=r"from 0 to 1 but is 1\.5"):
        random_inserts(1, 1, gc=1.5)


def run(*arguments):
    return CliRunner().invoke(main, ["plant", *map(str, arguments)])


def test_command(monkeypatch, tmp_path):
    # A network that knows a TATA box in the last 8 bp of the insert, and nothing else: 5 / 8 buckets for each letter.
    weights = np.zeros((110, 4))
    weights[89:97] = one_hot(letters(["TATAAAAG"]))[0] / 16
    monkeypatch.setattr(plant_command, "load_trained_network", lambda *_, **__: linear_network(weights))
    options = ("--count", 30, "--step", 36, "--gc", 0.4)
    result = run("--output", tmp_path / "all", *options)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "all" / "positions.tsv", sep="\t")
    summary = pd.read_csv(tmp_path / "all" / "summary.tsv", sep="\t").set_index("factor")
    assert len(summary) == 16
    tata = table[table["factor"] == "TATA box"].set_index(["strand", "position"])
    assert list(tata.index) == [(strand, position) for strand in "+-" for position in (1, 37, 73)]
    inserts = [PTPA.add_adapters(s) for s in strings(random_inserts(30, 1, 0.4))]
    assert tata.loc[("+", 73), "mean_effect"] > 1
    assert_expression_close(tata["mean_effect"].xs(1, level="position"), 0)
    assert summary.loc["TATA box", ["strongest_position", "strongest_strand"]].tolist() == [73, "+"]
    background = np.mean([5 / 8 * sum(a == b for a, b in zip(s[89:97], "TATAAAAG", strict=True)) for s in inserts])
    assert f"is {background:.2f} on average" in result.stdout
    assert result.stdout.count("\n|") >= 17
    assert "| TATA box | `TATAAAAG` | + | + | yes |" in result.stdout
    assert (tmp_path / "all" / "figure.png").read_bytes().startswith(b"\x89PNG")

    # A choice of factors changes none of their numbers.
    assert run("-o", tmp_path / "one", "--factor", "tata BOX", "--figure-format", "svg", *options).exit_code == 0
    assert b"<svg" in (tmp_path / "one" / "figure.svg").read_bytes()
    one = pd.read_csv(tmp_path / "one" / "positions.tsv", sep="\t")
    assert_expression_close(one["mean_effect"], tata["mean_effect"])


def test_command_with_sites_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setattr(plant_command, "load_trained_network", lambda *_, **__: linear_network(np.ones((110, 4)) / 300))
    entry = {"factor": "Mine", "site": "GATTACA", "consensus": "", "expected": "+", "reason": "", "references": []}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"sites": [entry]}))
    result = run("--sites", tmp_path / "mine.yaml", "--count", 30, "--step", 70, "--output", tmp_path)
    assert result.exit_code == 0, result.output
    assert "| Mine | `GATTACA` | + | none | no | +0.00 (+0.00 to +0.00) |" in result.stdout.replace("−0.00", "+0.00")


def test_command_says_what_is_wrong(tmp_path):
    result = run("--factor", "Reb2", "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "there is no factor 'Reb2' in the file of sites: it has Reb1, Abf1" in " ".join(result.stderr.split())
    (tmp_path / "wrong.yaml").write_text("sites: 3")
    result = run("--sites", tmp_path / "wrong.yaml", "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert "must have a list of sites" in result.stderr
    assert not (tmp_path / "out").exists()
