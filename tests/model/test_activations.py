import numpy as np
import pytest
from closeness import assert_close_by_size, assert_scores_close
from networks import lively_network, random_one_hot

from yeastpromoter.model.activations import find_layer, network_to
from yeastpromoter.model.prediction import run_network


@pytest.fixture(scope="module")
def network():
    return lively_network()


X = random_one_hot(3, 110, seed=4)


def weights(network, layer):
    return network.get_layer(layer).get_weights()


def test_first_convolution_by_hand(network):
    kernel, bias = weights(network, "conv_1")
    windows = np.lib.stride_tricks.sliding_window_view(X, 7, axis=1)  # (N, 104, 4, 7)
    wanted = np.einsum("npck,kcf->npf", windows, kernel) + bias
    assert_close_by_size(run_network(network_to(network, "conv_1", pre_nonlinearity=True), X), wanted)
    assert_close_by_size(run_network(network_to(network, "conv_1"), X), np.maximum(wanted, 0))


def test_softmax_and_sigmoid_undo_to_before_the_nonlinearity(network):
    before = run_network(network_to(network, "conv_3", pre_nonlinearity=True), X).astype(float)
    softmax = np.exp(before) / np.exp(before).sum(axis=2, keepdims=True)
    assert_close_by_size(run_network(network_to(network, "conv_3"), X), softmax)
    before = run_network(network_to(network, "dense_1", pre_nonlinearity=True), X).astype(float)
    assert_close_by_size(run_network(network_to(network, "dense_1"), X), 1 / (1 + np.exp(-before)))


def test_last_layer_from_the_one_before(network):
    kernel, bias = weights(network, "bucket_scores")
    scores = run_network(network_to(network, "bucket_scores"), X)
    assert_scores_close(run_network(network_to(network, "dense_2"), X) @ kernel + bias, scores)
    assert_scores_close(network.predict_on_batch(X), scores)


@pytest.mark.parametrize("layer", ["construct", "norm_1", "pool_1", "dropout_3", "flatten", "bucket_scores"])
def test_layers_without_a_nonlinearity_are_the_same_before_it(network, layer):
    assert_close_by_size(
        run_network(network_to(network, layer, pre_nonlinearity=True), X), run_network(network_to(network, layer), X)
    )


def test_input_and_dropout(network):
    # The input, as it is.
    np.testing.assert_array_equal(run_network(network_to(network, "construct"), X), X)
    assert_close_by_size(
        run_network(network_to(network, "dropout_3"), X), run_network(network_to(network, "dense_1"), X)
    )


def test_the_network_itself_is_left_alone(network):
    before = network.predict_on_batch(X)
    names = [layer.name for layer in network.layers]
    run_network(network_to(network, "conv_2", pre_nonlinearity=True), X)
    assert_scores_close(network.predict_on_batch(X), before)
    assert [layer.name for layer in network.layers] == names
    assert network.get_layer("conv_2").activation.__name__ == "softmax"


def test_index(network):
    assert find_layer(network, 0).name == "construct"
    assert find_layer(network, 1).name == "conv_1"
    assert find_layer(network, np.int64(17)).name == "bucket_scores"


@pytest.mark.parametrize("layer", ["conv_5", "Conv_1", "1", 18, -1, None, True])
def test_unknown_layer(network, layer):
    with pytest.raises(ValueError, match=r"layer must be one of construct, conv_1, .* 0 to 17\) but is"):
        find_layer(network, layer)
