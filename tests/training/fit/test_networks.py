"""The networks by their names: sizes by hand, and what goes with which."""

import numpy as np
import pytest
from closeness import SCORES

from training.config.loading import complete_config
from training.data.assay import PUBLIC, Assay
from training.data.distil import label_synthetic
from training.data.tables import read_table, sequences_of, write_table
from training.fit.engine import engine_of
from training.fit.networks import LAYERS, build_network, described
from yeastpromoter.model.layers import layers_of
from yeastpromoter.sequence.encoding import one_hot
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA, Reporter

CONSTRUCTS = PTPA.constructs(random_inserts(8, 2))


def multiplications(network):
    """Of weights with one construct, from the shapes of the layers."""
    total = 0
    for layer in network.layers:
        shapes = [weight.shape for weight in layer.weights if weight.name != "bias" and len(weight.shape) > 1]
        steps = {"Conv1D": layer.output.shape[1], "Bidirectional": 23}.get(type(layer).__name__, 1)
        total += steps * sum(int(np.prod(shape)) for shape in shapes)
    return total


def test_sizes_by_hand():
    small, large = build_network("conv_gru"), build_network()
    norms = 4 * 160
    convolutions = (11 * 4 * 160 + 160) + (7 * 160 * 160 + 160)
    excitation = (160 * 20 + 20) + (20 * 160 + 160)
    # Three gates in two directions, each with two vectors of biases.
    recurrent = 2 * 3 * (160 * 128 + 128 * 128 + 2 * 128)
    dense = (256 * 256 + 256) + (256 * 18 + 18)
    assert small.count_params() == convolutions + 2 * norms + excitation + recurrent + dense == 487_558
    assert large.count_params() == 2_194_768
    assert multiplications(large) == 61_548_400
    assert multiplications(small) == 22_712_576


@pytest.mark.parametrize("name", LAYERS)
def test_layers_follow_one_another_and_have_their_names(name):
    network = build_network(name, length=130, buckets=5)
    assert tuple(layer.name for layer in network.layers if layer.weights) == LAYERS[name]
    assert layers_of(network)[-1].shape == (5,)
    assert network.input_shape == (None, 130, 4)


def test_the_squeezed_channels_are_scaled():
    network = build_network("conv_gru", seed=3)
    layer = network.get_layer("squeeze")
    x = np.random.default_rng(0).normal(size=(2, 94, 160)).astype(np.float32)
    first, first_bias, second, second_bias = map(np.asarray, layer.get_weights())
    squeezed = np.maximum(x.mean(axis=1) @ first + first_bias, 0) @ second + second_bias
    wanted = x / (1 + np.exp(-squeezed))[:, np.newaxis]
    np.testing.assert_allclose(np.asarray(layer(x)), wanted, rtol=0, atol=1e-5)


def test_an_ensemble_of_both_is_the_mean_of_their_scores(tmp_path):
    runs = [{"network": name, "first_activation": "relu"} for name in LAYERS]
    scores = []
    for run in runs:
        network = build_network(**described(run, PUBLIC), seed=4)
        network.save_weights(tmp_path / f"{run['network']}.weights.h5")
        scores.append(network.predict(one_hot(CONSTRUCTS), verbose=0))
    weights = [tmp_path / f"{run['network']}.weights.h5" for run in runs]
    write_table(tmp_path / "s.h5", {"sequence": sequences_of(CONSTRUCTS)})
    label_synthetic(weights, runs, tmp_path / "s.h5", tmp_path / "t.h5", tmp_path / "t.json")
    found = read_table(tmp_path / "t.h5", "scores")["scores"].astype(np.float32)
    # Half precision of the file: 11 bits.
    np.testing.assert_allclose(found, np.mean(scores, axis=0), rtol=1e-3, atol=SCORES)
    small = engine_of(runs[1], weights[1], PUBLIC).bucket_scores(CONSTRUCTS)
    np.testing.assert_allclose(small, scores[1], rtol=0, atol=SCORES)


def test_other_lengths_go_through_both():
    assay = Assay(Reporter("x", "GATTACAGGACT", "CCTAGGTTCAAG", 60), (0, 1, 3))
    for name in LAYERS:
        network = build_network(**described({"network": name, "first_activation": "relu"}, assay))
        assert network.output_shape == (None, 3)


@pytest.mark.parametrize(
    ("runs", "export", "said"),
    [
        ({"a": {"network": "conv_gru", "first_activation": "softmax"}}, None, "first_activation is for the network"),
        ({"a": {"network": "conv_gru", "initial": "shipped"}}, None, "a network kircherlab, but its own is conv_gru"),
        ({"a": {"network": "conv_gru", "initial": "b"}, "b": {}}, None, "starts from a network kircherlab"),
        ({"a": {"network": "transformer"}}, None, "must be one of kircherlab, conv_gru"),
        ({"a": {"network": "conv_gru", "phases": [{"frozen": ["conv_3"]}]}}, None, "frozen has 'conv_3', but"),
        ({"a": {"phases": [{"frozen": list(LAYERS["kircherlab"])}]}}, None, "frozen has all layers"),
        ({"a": {"network": "conv_gru"}}, {"run": "a"}, "the Kipoi entry runs the network kircherlab, not conv_gru"),
    ],
)
def test_what_does_not_go_together_is_refused(runs, export, said):
    source = {"name": "one", "file": "one.tsv", "columns": {"sequence": 0, "expression": 1}}
    config = {"name": "x", "data": {"sources": [source]}, "runs": runs} | ({"export": export} if export else {})
    with pytest.raises(ValueError, match=said):
        complete_config(config)


def test_another_first_activation_is_refused():
    with pytest.raises(ValueError, match="has no such choice"):
        build_network("conv_gru", "softmax")
    with pytest.raises(ValueError, match="network must be one of kircherlab, conv_gru"):
        build_network("other")
