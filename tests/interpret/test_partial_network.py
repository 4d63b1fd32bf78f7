import numpy as np
import pytest
from closeness import assert_scores_close
from networks import lively_network, random_one_hot

from yeastpromoter.interpret.partial_network import PartialNetwork
from yeastpromoter.model.network import build_network
from yeastpromoter.model.prediction import compile_network

ALL = np.arange(4)


def substituted_whole(network, x, positions, alternatives):
    """Scores of every construct with every base put in, each through the whole network."""
    predict = compile_network(network)
    scores = np.empty((*alternatives.shape, network.output_shape[-1]))
    for n, construct in enumerate(x):
        changed = np.repeat(construct[np.newaxis], alternatives[n].size, axis=0)
        for row, (index, a) in enumerate(np.ndindex(alternatives[n].shape)):
            changed[row, positions[index]] = np.eye(4)[alternatives[n, index, a]]
        scores[n] = predict(changed).reshape(scores[n].shape)
    return scores


def everything(n, positions):
    return np.broadcast_to(ALL, (n, len(positions), 4))


@pytest.mark.parametrize("first_activation", ["relu", "softmax"])
def test_equals_the_whole_network_at_every_position(first_activation):
    network = lively_network("float64", first_activation)
    x = random_one_hot(1, 110, seed=3, dtype=np.float64)
    x[0, 50] = 0.25  # an N
    positions = range(110)
    alternatives = everything(1, positions)
    reference, scores = PartialNetwork(network, batch_size=1).score_substitutions(x, positions, alternatives)
    assert reference == pytest.approx(compile_network(network)(x), abs=1e-12)
    expected = substituted_whole(network, x, positions, alternatives)
    # It would be easy to agree if nothing changed.
    assert np.ptp(expected, axis=2).max(axis=(0, 2))[:103].min() > 1e-6
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_positions_and_alternatives_are_a_free_choice():
    network = lively_network()
    x = random_one_hot(3, 110, seed=6)
    partial = PartialNetwork(network, batch_size=40)  # blocks of at most 7: two of 5, which overlap, for 9 positions
    for positions in (range(109, 110), range(88, 106)):
        alternatives = np.random.default_rng(1).integers(0, 4, (3, len(positions), 2))
        _, scores = partial.score_substitutions(x, positions, alternatives)
        expected = substituted_whole(network, x, positions, alternatives)
        assert_scores_close(scores, expected)
    reference, scores = partial.score_substitutions(x[:0], range(88, 106), np.zeros((0, 18, 2), dtype=int))
    assert reference.shape == (0, 18)
    assert scores.shape == (0, 18, 2, 18)


def small_network(*layers, length=47):
    import keras

    inputs = keras.Input((length, 4), dtype="float64")
    x = inputs
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def test_follows_other_convolutions_and_poolings():
    from keras import initializers, layers

    options = {"dtype": "float64", "kernel_initializer": initializers.GlorotUniform(3)}
    norm = layers.BatchNormalization(dtype="float64", center=False)
    network = small_network(
        layers.Conv1D(5, 4, activation="tanh", **options),
        layers.MaxPooling1D(3, dtype="float64"),  # 44 positions: leaves out two
        norm,
        layers.Conv1D(6, 2, **options),
        norm_2 := layers.BatchNormalization(dtype="float64", scale=False),
        layers.MaxPooling1D(2, dtype="float64"),  # 13 positions: leaves out one
        layers.Dropout(0.5, dtype="float64"),
        layers.Flatten(dtype="float64"),
        layers.Dense(3, activation="tanh", **options),
    )
    rng = np.random.default_rng(8)
    # Factors below 0 turn the order around that the pooling goes by.
    norm.set_weights([rng.normal(size=5), rng.normal(size=5), rng.uniform(0.5, 2, 5)])
    norm_2.set_weights([rng.normal(size=6), rng.normal(size=6), rng.uniform(0.5, 2, 6)])
    x = random_one_hot(2, 47, seed=9, dtype=np.float64)
    _, scores = PartialNetwork(network).score_substitutions(x, range(47), everything(2, range(47)))
    expected = substituted_whole(network, x, range(47), everything(2, range(47)))
    assert np.ptp(expected, axis=2)[:, :36].max() > 1e-2
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_has_the_weights_of_when_it_was_made():
    network = build_network(seed=1)
    x, positions = random_one_hot(1, 110, seed=2), range(60, 61)
    partial = PartialNetwork(network)
    before = compile_network(network)(x)
    network.layers[-1].set_weights([2 * weight for weight in network.layers[-1].get_weights()])
    reference, _ = partial.score_substitutions(x, positions, everything(1, positions))
    assert_scores_close(reference, before)


def test_refuses_networks_that_it_does_not_know():
    from keras import Input, Model, layers

    def float64(layer, *arguments, **options):
        return layer(*arguments, dtype="float64", **options)

    def network_with(*wrong):
        return small_network(*wrong, float64(layers.Flatten), float64(layers.Dense, 2))

    for wrong in (
        float64(layers.Conv1D, 3, 4, padding="same"),
        float64(layers.Conv1D, 3, 4, strides=2),
        float64(layers.Conv1D, 3, 4, dilation_rate=2),
        float64(layers.AveragePooling1D, 2),
    ):
        with pytest.raises(ValueError, match=f"the layer {wrong.name} "):
            PartialNetwork(network_with(float64(layers.Conv1D, 3, 4), wrong))
    overlapping = float64(layers.MaxPooling1D, 3, strides=2)
    with pytest.raises(ValueError, match=overlapping.name):
        PartialNetwork(network_with(float64(layers.Conv1D, 3, 4), overlapping))
    with pytest.raises(ValueError, match="must have convolutions"):
        PartialNetwork(network_with())
    with pytest.raises(ValueError, match="one dtype but conv_1 does in bfloat16"):
        PartialNetwork(build_network(dtype="mixed_bfloat16"))
    inputs = Input((9, 4), dtype="float32")
    branch = layers.Conv1D(4, 1)(inputs)
    with pytest.raises(ValueError, match="branches off"):
        PartialNetwork(Model(inputs, layers.Dense(2)(layers.Flatten()(layers.Add()([inputs, branch])))))


@pytest.mark.parametrize("positions", [range(-1, 5), range(100, 111), range(0, 10, 2), range(5, 5)])
def test_refuses_positions_outside_of_the_construct(positions):
    partial = PartialNetwork(build_network(seed=1))
    with pytest.raises(ValueError, match="positions must be a range"):
        partial.score_substitutions(np.zeros((1, 110, 4)), positions, np.zeros((1, len(positions), 3), dtype=int))
