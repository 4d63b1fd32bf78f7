import numpy as np
import pytest
from closeness import EXPRESSION
from networks import lively_network
from toy_networks import trained

from yeastpromoter.interpret import saturation
from yeastpromoter.interpret.saturation import delete_bases, saturation_mutagenesis
from yeastpromoter.lookup.network import LookupNetwork
from yeastpromoter.model.decoding import BUCKET_VALUES
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network
from yeastpromoter.model.network import build_network
from yeastpromoter.sequence.encoding import letters, one_hot
from yeastpromoter.sequence.reporter import PTPA

RNG = np.random.default_rng(12)
CONSTRUCTS = [PTPA.add_adapters("".join(RNG.choice(list("ACGT"), 80))) for _ in range(3)]
WITH_N = CONSTRUCTS[0][:40] + "N" + CONSTRUCTS[0][41:]


@pytest.fixture(scope="module")
def keras_network():
    return trained(lively_network("float64"), values=BUCKET_VALUES)


@pytest.fixture(scope="module")
def lively(keras_network):
    """The same network, by look-up."""
    layers = {layer.name: layer.get_weights() for layer in keras_network.network.layers}
    engine = LookupNetwork(layers, dtype="float64")
    return TrainedNetwork(engine, lambda: keras_network.network, "weighted_mean", BUCKET_VALUES, "lively")


def all_changes(trained, constructs, region=slice(17, 97)):
    """Reference, effects and effects of deletions, by predicting every changed construct as a whole."""
    results = []
    for construct in constructs:
        places = range(110)[region]
        changed = [construct[:place] + base + construct[place + 1 :] for place in places for base in "ACGT"]
        deleted = [PTPA.fit_construct(construct[:place] + construct[place + 1 :]) for place in places]
        reference, *others = trained.expression(letters([construct, *changed, *deleted]))
        effects = np.array(others) - reference
        results.append((reference, effects[: len(changed)].reshape(-1, 4), effects[len(changed) :]))
    return [np.array(values) for values in zip(*results, strict=True)]


def assert_same(found, wanted, tolerance):
    for name, values in zip(("reference", "effects", "deletions"), wanted, strict=True):
        assert np.isfinite(values).all()
        np.testing.assert_allclose(getattr(found, name), values, rtol=0, atol=tolerance)


def test_shipped_weights_in_float32():
    sequences = [*CONSTRUCTS[:1], WITH_N.lower()]
    found = saturation_mutagenesis(load_trained_network(), letters(sequences), deletions=True)
    wanted = all_changes(load_trained_network(engine="keras"), sequences)
    assert np.abs(wanted[1]).max() > 0.5
    assert_same(found, wanted, EXPRESSION)


@pytest.mark.parametrize("engine", ["lively", "keras_network"])
def test_both_engines_are_the_keras_network_in_float64(engine, keras_network, request):
    found = saturation_mutagenesis(request.getfixturevalue(engine), letters(CONSTRUCTS[:1]), "construct", True)
    wanted = all_changes(keras_network, CONSTRUCTS[:1], slice(None))
    assert np.abs(wanted[1]).max() > 0.01
    assert_same(found, wanted, 1e-9)


def test_an_n_has_four_effects_against_itself(lively):
    result = saturation_mutagenesis(lively, letters([CONSTRUCTS[1], WITH_N]), "construct", True)
    ref, *alts = lively.expression(letters([WITH_N, *(WITH_N.replace("N", base) for base in "ACGT")]))
    assert result.effects[1, 40] == pytest.approx(np.array(alts) - ref, abs=1e-9)
    # The sequence beside it is not touched by that, and where its own bases stand the effect is exactly 0.
    alone = saturation_mutagenesis(lively, letters([CONSTRUCTS[1]]), "construct", True)
    assert result.effects[0] == pytest.approx(alone.effects[0], abs=1e-9)
    for one in (alone, result):
        assert (one.effects[0][one_hot(letters([CONSTRUCTS[1]]))[0] == 1] == 0).all()


def test_going_back_has_the_opposite_effect(lively):
    there = saturation_mutagenesis(lively, letters(CONSTRUCTS[:1]), "construct", True).effects[0]
    changes = [(0, "A"), (17, "A"), (50, "C"), (51, "G"), (96, "T"), (102, "A"), (109, "G")]
    mutated = [CONSTRUCTS[0][:position] + base + CONSTRUCTS[0][position + 1 :] for position, base in changes]
    back = saturation_mutagenesis(lively, letters(mutated), "construct", True).effects
    for row, (position, base) in enumerate(changes):
        original = "ACGT".index(CONSTRUCTS[0][position])
        assert back[row, position, original] == pytest.approx(-there[position, "ACGT".index(base)], abs=1e-9)


def test_region_and_batches_change_nothing(lively, monkeypatch):
    constructs = letters(CONSTRUCTS)
    whole = saturation_mutagenesis(lively, constructs, "construct", True)
    monkeypatch.setattr(saturation, "BATCH_SIZE", 2)
    insert = saturation_mutagenesis(lively, constructs, deletions=True)
    assert insert.reference == pytest.approx(whole.reference, abs=1e-9)
    assert insert.effects == pytest.approx(whole.effects[:, 17:97], abs=1e-9)
    assert insert.deletions == pytest.approx(whole.deletions[:, 17:97], abs=1e-9)


def test_no_constructs_have_no_effects(lively):
    nothing = saturation_mutagenesis(lively, letters(CONSTRUCTS)[:0])
    assert nothing.effects.shape == (0, 80, 4)
    assert nothing.reference.shape == (0,)
    assert nothing.deletions is None


def test_a_deletion_takes_in_the_plasmid_on_the_left():
    insert = "ACGT" * 20
    first, middle, last, in_left, in_right = (
        row.tobytes().decode()
        for position in (17, 50, 96, 0, 109)
        for row in delete_bases(letters([PTPA.add_adapters(insert)]), range(position, position + 1), PTPA)[0]
    )
    assert first == "C" + PTPA.left_adapter + insert[1:] + PTPA.right_adapter
    assert middle == "C" + PTPA.left_adapter + insert[:33] + insert[34:] + PTPA.right_adapter
    assert last == "C" + PTPA.left_adapter + insert[:-1] + PTPA.right_adapter
    assert in_left == "C" + PTPA.left_adapter[1:] + insert + PTPA.right_adapter
    assert in_right == "C" + PTPA.left_adapter + insert + PTPA.right_adapter[:-1]


def test_wrong_arguments_are_named(lively):
    with pytest.raises(ValueError, match="region must be one of insert, construct but is 'all'"):
        saturation_mutagenesis(lively, letters(CONSTRUCTS), "all")
    with pytest.raises(ValueError, match=r"uint8 and shape \(1, 80\) but must be ASCII codes of sequences of 110 bp"):
        saturation_mutagenesis(lively, letters(["A" * 80]))
    with pytest.raises(ValueError, match="float32 and shape"):
        saturation_mutagenesis(lively, one_hot(letters(CONSTRUCTS)))
    with pytest.raises(ValueError, match="'R' at position 5"):
        saturation_mutagenesis(lively, letters(["ACGTR" + "A" * 105]))


def test_an_undefined_expression_is_an_error():
    network = build_network(seed=1)
    network.layers[-1].set_weights([0 * weight for weight in network.layers[-1].get_weights()])
    with pytest.raises(ValueError, match=r"construct 0 \(from 0\) is undefined"):
        saturation_mutagenesis(trained(network, values=BUCKET_VALUES), letters(CONSTRUCTS))
