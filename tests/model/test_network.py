import numpy as np
import pytest
from closeness import assert_scores_close
from networks import random_one_hot

from yeastpromoter.model.network import FIRST_ACTIVATIONS, build_network

# Table 1 of the report: output shape and number of parameters. Flatten and the dropouts have none.
TABLE_1 = {
    "conv_1": ((104, 250), 7250),
    "norm_1": ((104, 250), 1000),
    "conv_2": ((97, 250), 500250),
    "norm_2": ((97, 250), 1000),
    "pool_1": ((48, 250), 0),
    "dropout_1": ((48, 250), 0),
    "conv_3": ((46, 250), 187750),
    "norm_3": ((46, 250), 1000),
    "conv_4": ((45, 100), 50100),
    "norm_4": ((45, 100), 400),
    "pool_2": ((45, 100), 0),
    "dropout_2": ((45, 100), 0),
    "flatten": ((4500,), 0),
    "dense_1": ((300,), 1350300),
    "dropout_3": ((300,), 0),
    "dense_2": ((300,), 90300),
    "bucket_scores": ((18,), 5418),
}


def test_layers_are_those_of_table_1():
    network = build_network()
    layers = network.layers[1:]  # the first is the input
    found = {layer.name: (tuple(layer.output.shape[1:]), layer.count_params()) for layer in layers}
    assert found == TABLE_1
    assert list(found) == list(TABLE_1)
    assert network.input_shape == (None, 110, 4)
    assert network.count_params() == 2_194_768
    assert sum(int(np.prod(variable.shape)) for variable in network.trainable_variables) == 2_193_068


@pytest.mark.parametrize("first_activation", FIRST_ACTIVATIONS)
def test_activations(first_activation):
    network = build_network(first_activation)
    found = [layer.activation.__name__ for layer in network.layers if hasattr(layer, "activation")]
    assert found == [first_activation, "softmax", "softmax", "softmax", "sigmoid", "sigmoid", "linear"]


def test_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="first_activation must be one of relu, softmax but is 'gelu'"):
        build_network("gelu")


def test_dropout_rates_and_their_scale():
    assert [build_network().get_layer(f"dropout_{i}").rate for i in (1, 2, 3)] == [0.1, 0.1, 0.3]
    assert [build_network(dropout_scale=0).get_layer(f"dropout_{i}").rate for i in (1, 2, 3)] == [0, 0, 0]


def test_seed_decides_the_weights():
    first, again, other = (build_network(seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    # conv_3 and conv_2 have kernels of different sizes, dense_1 and dense_2 too, but no two may start alike.
    kernels = [weights.ravel()[:100] for weights in first if weights.ndim > 1]
    assert len({kernel.tobytes() for kernel in kernels}) == 7


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_outputs_are_float32(dtype):
    scores = build_network(dtype=dtype)(random_one_hot(2, 110, seed=0))
    assert scores.shape == (2, 18)
    assert "float32" in str(scores.dtype)


def test_weights_survive_save_and_load(tmp_path):
    network = build_network(seed=1)
    network.save_weights(tmp_path / "network.weights.h5")
    other = build_network(seed=2)
    other.load_weights(tmp_path / "network.weights.h5")
    # Weights are stored as they are; what is computed with them goes through sums.
    assert all(np.array_equal(a, b) for a, b in zip(network.get_weights(), other.get_weights(), strict=True))
    x = random_one_hot(3, 110, seed=0)
    assert_scores_close(network.predict_on_batch(x), other.predict_on_batch(x))


def test_a_users_keras_settings_do_not_change_the_network():
    import keras

    before = keras.config.floatx(), keras.config.image_data_format()
    try:
        keras.config.set_floatx("float16")
        keras.config.set_image_data_format("channels_first")
        network = build_network()
        assert network.input_shape == (None, 110, 4)
        assert network.get_layer("pool_1").output.shape == (None, 48, 250)
        assert {str(variable.dtype) for variable in network.trainable_variables} == {"float32"}
        assert network.input.dtype == "float32"
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_image_data_format(before[1])
