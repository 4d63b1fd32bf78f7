from dataclasses import replace

import numpy as np
import pytest
from closeness import EXPRESSION
from networks import lively_network

from yeastpromoter.interpret.saturation import METHODS, Mutagenesis, delete_bases, saturation_mutagenesis
from yeastpromoter.model.decoding import BUCKET_VALUES
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network
from yeastpromoter.model.network import build_network
from yeastpromoter.sequence.construct import LEFT_ADAPTER, RIGHT_ADAPTER, add_adapters, fit_construct
from yeastpromoter.sequence.encoding import letters, one_hot

RNG = np.random.default_rng(12)
CONSTRUCTS = [add_adapters("".join(RNG.choice(list("ACGT"), 80))) for _ in range(3)]
WITH_N = CONSTRUCTS[0][:40] + "N" + CONSTRUCTS[0][41:]


@pytest.fixture(scope="module")
def lively():
    return TrainedNetwork(lively_network("float64"), "weighted_mean", BUCKET_VALUES, "lively")


@pytest.fixture(scope="module")
def mutate(lively):
    """All changes in whole constructs: one function for all tests, since it is compiled."""
    return Mutagenesis(lively, "construct", deletions=True, batch_size=2)


@pytest.fixture(scope="module")
def shipped():
    return load_trained_network()


def expression(trained, constructs):
    return trained.decode(trained.compiled()(one_hot(letters(constructs)).astype(trained.network.input.dtype)))


def assert_same(one, other, tolerance):
    for name in ("reference", "effects", "deletions"):
        assert np.isfinite(getattr(one, name)).all()
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=tolerance)


def test_partial_is_plain_with_the_shipped_weights_in_float32(shipped):
    constructs = letters([*CONSTRUCTS[:1], WITH_N.lower()])
    partial, plain = (
        saturation_mutagenesis(shipped, constructs, deletions=True, method=method) for method in ("partial", "plain")
    )
    assert np.abs(plain.effects).max() > 0.5
    assert_same(partial, plain, EXPRESSION)


def test_partial_is_plain_in_float64(lively, mutate):
    constructs = letters(CONSTRUCTS[:1])
    plain = saturation_mutagenesis(lively, constructs, "construct", deletions=True, method="plain")
    assert np.abs(plain.effects).max() > 0.01
    assert_same(mutate(constructs), plain, 1e-9)


def test_effect_is_alt_minus_ref(lively, mutate):
    construct = CONSTRUCTS[0]
    result = mutate(letters([construct]))
    assert result.effects.shape == (1, 110, 4)
    assert result.deletions.shape == (1, 110)
    places = (0, 17, 50, 96, 109)
    changed = [construct[:place] + base + construct[place + 1 :] for place in places for base in "ACGT"]
    deleted = [fit_construct(construct[:place] + construct[place + 1 :]) for place in places]
    ref, *alts = expression(lively, [construct, *changed, *deleted])
    assert result.reference[0] == pytest.approx(ref, abs=1e-9)
    assert result.effects[0, places].ravel() == pytest.approx(np.array(alts[: len(changed)]) - ref, abs=1e-9)
    assert result.deletions[0, places] == pytest.approx(np.array(alts[len(changed) :]) - ref, abs=1e-9)


def test_an_n_has_four_effects_against_itself(lively, mutate):
    result = mutate(letters([CONSTRUCTS[1], WITH_N]))
    ref, *alts = expression(lively, [WITH_N, *(WITH_N.replace("N", base) for base in "ACGT")])
    assert result.effects[1, 40] == pytest.approx(np.array(alts) - ref, abs=1e-9)
    # The sequence beside it is not touched by that, and where its own bases stand the effect is exactly 0.
    alone = mutate(letters([CONSTRUCTS[1]]))
    assert result.effects[0] == pytest.approx(alone.effects[0], abs=1e-9)
    for one in (alone, result):
        assert (one.effects[0][one_hot(letters([CONSTRUCTS[1]]))[0] == 1] == 0).all()


def test_going_back_has_the_opposite_effect(mutate):
    there = mutate(letters(CONSTRUCTS[:1])).effects[0]
    changes = [(0, "A"), (17, "A"), (50, "C"), (51, "G"), (96, "T"), (102, "A"), (109, "G")]
    mutated = [CONSTRUCTS[0][:position] + base + CONSTRUCTS[0][position + 1 :] for position, base in changes]
    back = mutate(letters(mutated)).effects
    for row, (position, base) in enumerate(changes):
        original = "ACGT".index(CONSTRUCTS[0][position])
        assert back[row, position, original] == pytest.approx(-there[position, "ACGT".index(base)], abs=1e-9)


def test_region_and_batches_change_nothing(lively, mutate):
    constructs = letters(CONSTRUCTS)
    whole = mutate(constructs)
    insert = saturation_mutagenesis(lively, constructs, deletions=True)
    assert insert.reference == pytest.approx(whole.reference, abs=1e-9)
    assert insert.effects == pytest.approx(whole.effects[:, 17:97], abs=1e-9)
    assert insert.deletions == pytest.approx(whole.deletions[:, 17:97], abs=1e-9)


def test_no_constructs_have_no_effects(lively):
    for method in METHODS:
        nothing = saturation_mutagenesis(lively, letters(CONSTRUCTS)[:0], method=method)
        assert nothing.effects.shape == (0, 80, 4)
        assert nothing.reference.shape == (0,)
        assert nothing.deletions is None


def test_a_deletion_takes_in_the_plasmid_on_the_left():
    insert = "ACGT" * 20
    first, middle, last, in_left, in_right = (
        row.tobytes().decode()
        for position in (17, 50, 96, 0, 109)
        for row in delete_bases(letters([add_adapters(insert)]), range(position, position + 1))[0]
    )
    assert first == "C" + LEFT_ADAPTER + insert[1:] + RIGHT_ADAPTER
    assert middle == "C" + LEFT_ADAPTER + insert[:33] + insert[34:] + RIGHT_ADAPTER
    assert last == "C" + LEFT_ADAPTER + insert[:-1] + RIGHT_ADAPTER
    assert in_left == "C" + LEFT_ADAPTER[1:] + insert + RIGHT_ADAPTER
    assert in_right == "C" + LEFT_ADAPTER + insert + RIGHT_ADAPTER[:-1]


def test_wrong_arguments_are_named(lively):
    with pytest.raises(ValueError, match="region must be one of insert, construct but is 'all'"):
        Mutagenesis(lively, region="all")
    with pytest.raises(ValueError, match="method must be one of partial, plain but is 'fast'"):
        Mutagenesis(lively, method="fast")
    with pytest.raises(ValueError, match="batch_size must be at least 1 but is 0"):
        Mutagenesis(lively, batch_size=0)
    mutagenesis = Mutagenesis(lively)
    with pytest.raises(ValueError, match=r"uint8 and shape \(1, 80\) but must be ASCII letters, uint8 \(N, 110\)"):
        mutagenesis(letters(["A" * 80]))
    with pytest.raises(ValueError, match="float32 and shape"):
        mutagenesis(one_hot(letters(CONSTRUCTS)))
    with pytest.raises(ValueError, match="'R' at position 5"):
        mutagenesis(letters(["ACGTR" + "A" * 105]))


def test_an_undefined_expression_is_an_error(lively):
    network = build_network(seed=1)
    network.layers[-1].set_weights([0 * weight for weight in network.layers[-1].get_weights()])
    with pytest.raises(ValueError, match=r"construct 0 \(from 0\) is undefined"):
        saturation_mutagenesis(replace(lively, network=network), letters(CONSTRUCTS), method="plain")
