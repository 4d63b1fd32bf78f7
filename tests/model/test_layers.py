import pytest
from report_table import TABLE_1, short_network

from yeastpromoter.model.layers import layers_of
from yeastpromoter.model.network import build_network


def test_the_network_is_table_1_of_the_report():
    layers = layers_of(build_network("softmax"))
    assert [f"{layer.title} {layer.shape} {layer.parameters}" for layer in layers] == TABLE_1.split("\n")[1:-1]
    assert [layer.span for layer in layers if layer.span] == ["7", "8", "2", "3", "2", "1"]
    assert sum(layer.parameters for layer in layers) == 2_194_768
    assert sum(layer.trainable for layer in layers) == 2_193_068


def test_layers_of_another_network_by_hand():
    # (50 - 6) // 4 + 1 = 12 positions, then (12 - 3) // 2 + 1 = 5; 6 * 4 * 3 + 3 and 3 * 2 + 2 parameters.
    found = [
        (layer.title, layer.shape, layer.parameters, layer.trainable, layer.span)
        for layer in layers_of(short_network())
    ]
    assert found == [
        ("InputLayer", (50, 4), 0, 0, None),
        ("Conv1D (gelu)", (12, 3), 75, 0, "6, stride 4"),
        ("AveragePooling1D", (5, 3), 0, 0, "3, stride 2"),
        ("SpatialDropout1D 0.25", (5, 3), 0, 0, None),
        ("GlobalMaxPooling1D", (3,), 0, 0, None),
        ("Dense (linear)", (2,), 8, 8, None),
    ]


def test_a_network_that_branches_is_refused():
    import keras

    inputs = keras.Input((50, 4))
    x = keras.layers.Conv1D(4, 3, padding="same", name="conv")(inputs)
    outputs = keras.layers.Add(name="skip")([inputs, x])
    with pytest.raises(
        ValueError, match=r"layer 'skip' of the network 'branched' does not take the output of the layer"
    ):
        layers_of(keras.Model(inputs, outputs, name="branched"))
