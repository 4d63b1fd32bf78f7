"""Table 1 of the KircherLab report, and a network that is another one."""

#: Table 1 of the KircherLab report: layer, shape of the output, parameters.
TABLE_1 = """
InputLayer (110, 4) 0
Conv1D (softmax) (104, 250) 7250
BatchNormalization (104, 250) 1000
Conv1D (softmax) (97, 250) 500250
BatchNormalization (97, 250) 1000
MaxPooling1D (48, 250) 0
Dropout 0.1 (48, 250) 0
Conv1D (softmax) (46, 250) 187750
BatchNormalization (46, 250) 1000
Conv1D (softmax) (45, 100) 50100
BatchNormalization (45, 100) 400
MaxPooling1D (45, 100) 0
Dropout 0.1 (45, 100) 0
Flatten (4500,) 0
Dense (sigmoid) (300,) 1350300
Dropout 0.3 (300,) 0
Dense (sigmoid) (300,) 90300
Dense (linear) (18,) 5418
"""


def short_network():
    """A sequential network of another length, with strides and frozen weights."""
    import keras

    network = keras.Sequential(
        [
            keras.Input((50, 4)),
            keras.layers.Conv1D(3, 6, strides=4, activation="gelu", name="conv"),
            keras.layers.AveragePooling1D(3, strides=2),
            keras.layers.SpatialDropout1D(0.25),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    network.get_layer("conv").trainable = False
    return network
