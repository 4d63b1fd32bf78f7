"""Toy networks whose best design is known by hand: expression is 10 times a sum over the bases."""

from itertools import combinations, product

import numpy as np
import pytest
from calibrations import NO_LIMITS, calibration
from toy_networks import bilinear_network, linear_network

from yeastpromoter.design.constraints import Constraints
from yeastpromoter.design.designs import Request, design
from yeastpromoter.design.goals import HIGHEST, LOWEST, target, within
from yeastpromoter.design.search import Search
from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.reporter import PTPA

ANY = np.ones((1, 80), dtype=bool)


def weights(**values):
    """Weights of a base at a position of the insert, as A12=0.3; 0.05 of expression 0.5 is always there."""
    found = np.zeros((110, 4))
    found[0] = 0.05  # a base of the adapter
    for name, value in values.items():
        found[16 + int(name[1:]), "ACGT".index(name[0])] = value
    return found


def toy(**values):
    return linear_network(weights(**values))


def text(insert):
    return insert.tobytes().decode()


def best(trained, start, goal, changes, beam=10, constraints=None, known=None, free=ANY):
    search = Search(trained, constraints or Constraints(), known, changes, beam)
    return search.run(letters([start]), [goal], free)[0], search


START = "A" * 40 + "C" * 40


def test_one_change_is_the_best_of_all():
    trained = toy(G12=0.2, T50=0.3, A51=0.25)
    (first, *others), search = best(trained, START, HIGHEST, 1)
    assert text(first.insert) == START[:49] + "T" + START[50:]
    assert first.expression == pytest.approx(0.5 + 3)
    assert [(change.position, change.before, change.after) for change in first.path] == [(50, "C", "T")]
    assert [round(state.expression, 6) for state in others[:2]] == [3.0, 2.5]
    assert search.evaluations == 1 + 240


def test_few_changes_are_the_best_of_their_number():
    trained = toy(G12=0.2, T50=0.3, A51=0.25, C3=0.1)
    (first, *_), _ = best(trained, START, HIGHEST, 3)
    assert sorted(change.position for change in first.path) == [12, 50, 51]
    assert first.expression == pytest.approx(0.5 + 7.5)
    (lowest, *_), _ = best(toy(A5=0.1, C45=0.1), START, LOWEST, 5)
    assert lowest.expression == pytest.approx(0.5)
    assert sorted(change.position for change in lowest.path) == [5, 45]


def test_a_search_stops_when_nothing_comes_nearer():
    (first, *_), _ = best(toy(G12=0.2), START, HIGHEST, 60)
    assert len(first.path) == 1


def test_a_target_is_reached_by_the_nearest_sum():
    trained = toy(G12=0.2, T50=0.3, A51=0.26)
    (first, *_), _ = best(trained, START, target(5.1), 5)
    assert first.expression == pytest.approx(5.1)
    assert sorted(change.position for change in first.path) == [12, 51]
    within_range, _ = best(trained, START, within(3.3, 3.6), 5)
    assert [change.position for change in within_range[0].path] == [50]
    already, search = best(trained, START, within(0, 1), 5)
    assert already[0].path == ()
    assert search.evaluations == 1


def test_a_beam_finds_what_one_insert_after_another_misses():
    # Two changes together do what neither does alone: with G12 T50 is worth 4, without it nothing.
    first, second = np.zeros((110, 4)), np.zeros((110, 4))
    first[0] = second[0] = 0.25
    first[28, 2] = 1.0  # G12
    second[66, 3] = 1.0  # T50
    first[30, 2] = second[30, 2] = 0.01  # G14, the best alone only if nothing else were
    trained = bilinear_network(first, second)
    scores = {
        pair: 10 * (0.25 + ("G12" in pair) + 0.01 * ("G14" in pair)) * (0.25 + ("T50" in pair) + 0.01 * ("G14" in pair))
        for pair in product(["G12", ""], ["G14", ""], ["T50", ""])
    }
    (found, *_), _ = best(trained, START, HIGHEST, 2)
    assert found.expression == pytest.approx(max(value for pair, value in scores.items() if pair.count("") >= 1))
    assert sorted(change.position for change in found.path) == [12, 50]


def test_positions_and_motifs_stay():
    trained = toy(G12=0.2, T50=0.3, A51=0.25)
    free = ANY.copy()
    free[0, 49] = False
    (first, *_), _ = best(trained, START, HIGHEST, 1, free=free)
    assert [change.position for change in first.path] == [51]


def test_constraints_are_kept_on_the_way():
    trained = toy(G12=0.3, G13=0.3, G14=0.3, T60=0.1)
    start = "ACTGCATGTCAGTACGATCTGACTAGCATCGTATGCATCAGTCTAGCTGATCGATACGTCATGCTACGTAGCATGCATCG"
    (first, *_), _ = best(trained, start, HIGHEST, 10, constraints=Constraints(longest_run={"G": 2}))
    assert Constraints(longest_run={"G": 2}).count(first.insert[np.newaxis])[0] == 0
    assert sum(text(first.insert)[place - 1] == "G" for place in (12, 13, 14)) == 2
    every = [sum(0.3 for place in places) + 0.1 for n in range(4) for places in combinations((12, 13, 14), n) if n < 3]
    assert first.expression == pytest.approx(0.5 + 10 * max(every))


def test_a_start_that_violates_is_repaired_first():
    trained = toy(T60=0.3)
    start = "ACTGCATGTCAGTACGATCTGGTCTCGCATCGTATGCATCAGTCTAGCTGATCGATACGTCATGCTACGTAGCATGCATC"
    constraints = Constraints(avoid={"BsaI site": "GGTCTC"})
    assert constraints.count(letters([start]))[0] == 1
    (first, *_), _ = best(trained, start, HIGHEST, 2, constraints=constraints)
    assert first.violations == 0
    assert first.expression == pytest.approx(3.5)
    assert "GGTCTC" not in text(first.insert)


def test_a_search_goes_only_where_it_may():
    trained = toy(G12=0.2, T50=0.3)

    def known(constructs):
        return constructs[:, 66] != ord("T")

    (first, *_), _ = best(trained, START, HIGHEST, 5, known=known)
    assert [change.position for change in first.path] == [12]


# Requests.


def with_calibration(trained, **changes):
    from dataclasses import replace

    return replace(trained, calibration=calibration(**changes))


def test_designs_from_nothing_reach_their_goals_and_are_reproducible():
    trained = with_calibration(toy(**{f"G{place}": 0.05 for place in range(1, 81)}))
    request = Request([target(6), target(9)], count=4, apart=20, constraints=Constraints(gc=(0.2, 0.8)))
    found = design(trained, request)
    table = found.table(trained, 90)
    assert table.goal.tolist() == ["6"] * 4 + ["9"] * 4
    assert table.id.tolist()[:2] == ["design_6_1", "design_6_2"]
    # Expression is 0.5, and 0.5 for each G: both goals are reached exactly.
    assert (abs(table.expression - table.goal.astype(float)) <= 0.1).all()
    assert (table.reached == "yes").all()
    assert table["gc"].between(0.2, 0.8).all()
    matrix = letters(table["insert"].tolist())
    distances = (matrix[:, np.newaxis] != matrix).sum(axis=2) + 99 * np.eye(8, dtype=int)
    assert table.nearest.tolist() == distances.min(axis=1).tolist()
    assert table.nearest.min() >= 20
    np.testing.assert_allclose(table.upper - table.lower, 5.0)  # -2 to 3 times the scale of 1
    again = design(trained, request)
    assert again.table(trained, 90).equals(table)
    other = design(trained, Request([target(6), target(9)], count=4, apart=20, seed=2))
    assert set(other.table(trained)["insert"]).isdisjoint(table["insert"])


def test_a_template_is_kept():
    trained = with_calibration(toy(G12=0.3))
    template = "N" * 10 + "CCGGGTAA" + "N" * 62
    table = design(trained, Request([HIGHEST], count=3, template=template)).table(trained)
    assert table["insert"].str[10:18].tolist() == ["CCGGGTAA"] * 3
    assert table["insert"].str[:10].nunique() == 3


def test_designs_from_promoters_name_their_changes():
    trained = with_calibration(toy(G12=0.2, T50=0.3, A51=0.25))
    request = Request([HIGHEST], promoters=letters([START, START[::-1]]), ids=["a", "b"], most_changes=2, count=2)
    table = design(trained, request).table(trained)
    assert table.id.tolist() == ["a_highest_1", "a_highest_2", "b_highest_1", "b_highest_2"]
    assert table.changes[0] == "C50T C51A"
    assert table.substitutions[0] == 2
    assert table.start_expression[0] == pytest.approx(0.5)
    assert table.reached.tolist() == [""] * 4
    best_two = table.expression.to_numpy().reshape(2, 2)
    assert (best_two[:, 0] >= best_two[:, 1]).all()


def test_motifs_of_a_promoter_are_kept():
    promoter = START[:46] + "CCGGGTAA" + START[54:]
    trained = with_calibration(toy(T50=0.3, A52=0.0, G12=0.1))
    request = Request([HIGHEST], promoters=letters([promoter]), ids=["a"], keep_motifs=["TTACCCGG"])
    table = design(trained, request).table(trained)
    assert table.changes.tolist() == ["A12G"]


def test_what_is_unlike_the_training_data_is_left_out_unless_asked_for():
    trained = with_calibration(toy(G12=0.4, T50=0.4), limits=NO_LIMITS | {"expression": (None, 6.0)})
    table = design(trained, Request([HIGHEST], count=2)).table(trained, 50)
    assert (table.expression <= 6).all()
    assert (table.flag == "").all()
    table = design(trained, Request([HIGHEST], count=2, any_uncertainty=True)).table(trained, 50)
    assert table.expression.tolist() == pytest.approx([8.5, 8.5])
    assert table.flag.str.contains("expression 8.50").all()
    found = design(trained, Request([target(8.5)], count=2))
    assert not found.found
    assert list(found.missing) == ["goal 8.5: 2 of 2 designs were not found, mostly because the goal was not reached"]


def test_what_is_too_unsure_is_left_out():
    # The scale of 2 for expressions of 5 is more than the ninth decile of 1.5.
    deciles = (0.25, *np.linspace(0.3, 1.5, 9).tolist(), 4.0)
    scale = [0.0] * 21
    scale[4] = np.log(2) / 5
    trained = with_calibration(toy(G12=0.45, T50=0.1), scale=tuple(scale), scale_deciles=deciles)
    table = design(trained, Request([HIGHEST], count=1)).table(trained)
    assert table.expression[0] == pytest.approx(1.5)


def test_without_a_calibration_uncertainty_has_to_be_accepted():
    trained = toy(G12=0.45)
    with pytest.raises(ValueError, match="exported without a calibration"):
        design(trained, Request([HIGHEST]))
    assert len(design(trained, Request([HIGHEST], any_uncertainty=True)).found) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"count": 0}, "at least 1"),
        ({"apart": 0}, "must differ in at least 1 base"),
        ({"template": "N" * 79}, "has 79 letters but must have 80"),
        ({"template": "X" * 80}, "among them 'X'"),
        ({"most_changes": 3}, "for given promoters"),
        ({"most_changes": 0}, "at least 1"),
    ],
)
def test_wrong_requests(wrong, said):
    with pytest.raises(ValueError, match=said):
        Request([HIGHEST], **wrong).of_reporter(PTPA)
    with pytest.raises(ValueError, match="finite"):
        target(float("nan"))
    with pytest.raises(ValueError, match="the lower one first"):
        within(3, 2)


def test_no_design_is_worse_than_its_promoter():
    trained = with_calibration(toy(A3=0.1, C60=0.2))  # START is the best already
    found = design(trained, Request([HIGHEST], promoters=letters([START]), ids=["a"], count=5))
    assert found.found == []
    (reason,) = found.missing
    assert reason.endswith("mostly because the promoter comes no nearer by other changes allowed")
    one = design(with_calibration(toy(G3=0.1)), Request([HIGHEST], promoters=letters([START]), count=5, most_changes=1))
    assert [found.changes for found in one.found] == [["A3G"]]
    assert one.missing


def test_a_search_goes_on_until_as_many_as_are_wanted_reach_the_goal():
    trained = with_calibration(toy(G12=0.2, T50=0.2, A51=0.2, G5=0.2))
    request = Request([within(4.4, 4.6)], promoters=letters([START]), count=6, most_changes=4)
    table = design(trained, request).table(trained)
    assert len(table) == 6  # all pairs of the four
    assert (table.reached == "yes").all()
    assert (table.substitutions == 2).all()


def test_given_inserts_in_lower_case_are_kept_away_from():
    trained = with_calibration(toy(G12=0.2))
    (first,) = design(trained, Request([HIGHEST])).found
    lower = letters([text(first.insert).lower()])
    table = design(trained, Request([HIGHEST], apart_from=lower, apart=40)).table(trained)
    assert (letters(table["insert"].tolist()) != first.insert).sum(axis=1).min() >= 40


def test_any_number_of_designs_is_found():
    trained = with_calibration(toy(**{f"G{place}": 0.05 for place in range(1, 81)}))
    found = design(trained, Request([within(0, 10)], count=500))
    assert len(found.found) == 500
    assert not found.missing
    assert len({one.id for one in found.found}) == 500


def test_ids_are_words():
    trained = with_calibration(toy(G12=0.2))
    (one,) = design(trained, Request([HIGHEST], promoters=letters([START]), ids=["x y\té"])).found
    assert one.id == "x_y__highest_1"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"keep_motifs": ["XYZ"]}, "must have letters of IUPAC"),
        ({"keep_motifs": [""]}, "must have letters of IUPAC"),
        ({"promoters": letters(["A" * 110])}, "sequences of 80 bp"),
        ({"apart_from": letters(["A" * 110])}, "sequences of 80 bp"),
        ({"only": np.arange(3)}, "only must be bool"),
        ({"promoters": letters([START]), "ids": [""]}, "none empty"),
        ({"promoters": letters([START]), "ids": ["a", "b"]}, "an id for each promoter"),
    ],
)
def test_wrong_arrays_of_requests(wrong, said):
    with pytest.raises(ValueError, match=said):
        Request([HIGHEST], **wrong).of_reporter(PTPA).of_reporter(PTPA)
