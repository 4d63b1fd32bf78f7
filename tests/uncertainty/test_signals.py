import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.reporter import PTPA
from yeastpromoter.uncertainty.signals import DINUCLEOTIDES, signals_of


def of(insert, scores=None):
    scores = np.full((1, 18), 1 / 18) if scores is None else np.array([scores], dtype=float)
    return signals_of(letters([PTPA.add_adapters(insert)]), scores, np.array([7.0]))


def test_signals_of_an_insert_by_hand():
    found = of("ACGT" * 19 + "GGGG")
    assert found.gc[0] == (38 + 4) / 80
    assert found.longest_run[0] == 4
    # ACGT, CGTA, GTAC, TACG; then CGTG, GTGG, TGGG, GGGG.
    assert found.distinct_4mers[0] == 8
    assert found.unknown[0] == 0
    assert found.expression[0] == 7
    pairs = dict(zip(DINUCLEOTIDES, found.dinucleotides[0] * 79, strict=True))
    # 19 times AC, CG, GT; 18 times TA between them; then TG and three times GG.
    wanted = {"AC": 19, "CG": 19, "GT": 19, "TA": 18, "TG": 1, "GG": 3}
    assert {name: round(count, 9) for name, count in pairs.items() if count} == wanted


def test_adapters_do_not_count():
    assert of("ACGTACGT" * 10).longest_run[0] == 1, "the left adapter has a run of seven T"


def test_unknown_bases_and_lower_case():
    upper, lower = of("ACGT" * 20), of("acgt" * 20)
    for one, other in zip(upper, lower, strict=True):
        np.testing.assert_array_equal(one, other)
    some = of("NNACGT" * 13 + "NN")
    assert some.unknown[0] == 28
    assert some.dinucleotides.sum() == pytest.approx(13 * 3 / 79), "a pair with an N counts nowhere"


def test_signals_of_scores_by_hand():
    even = of("ACGT" * 20)
    assert even.entropy[0] == pytest.approx(np.log(18))
    assert even.negative[0] == 0
    one = of("ACGT" * 20, [1.0] + [0.0] * 17)
    assert one.entropy[0] == 0
    two = of("ACGT" * 20, [3.0, 1.0, -0.5, -0.25] + [0.0] * 14)
    assert two.negative[0] == 0.75
    assert two.entropy[0] == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    assert np.isnan(of("ACGT" * 20, [-1.0] * 18).entropy[0])


@given(st.text("ACGTN", min_size=80, max_size=80))
def test_signals_of_any_insert_are_those_of_plain_python(insert):
    found = of(insert)
    runs = [0]
    for position, letter in enumerate(insert):
        runs.append(runs[-1] + 1 if position and letter == insert[position - 1] != "N" else 1)
    assert found.longest_run[0] == max(runs)
    assert found.distinct_4mers[0] == len({insert[start : start + 4] for start in range(77)})
    pairs = [insert[start : start + 2] for start in range(79)]
    np.testing.assert_allclose(found.dinucleotides[0] * 79, [pairs.count(pair) for pair in DINUCLEOTIDES])
