import logging

import keras
import numpy as np
import pytest
from closeness import assert_scores_close
from networks import lively_network, random_one_hot

from yeastpromoter.model.prediction import compile_network, run_network

X = random_one_hot(9, 110, seed=4)


def test_compiled_equals_keras_at_every_batch_size():
    network = lively_network()
    predict = compile_network(network)
    wanted = network.predict(X, verbose=0)
    for size in (9, 1, 4, 2):
        found = predict(X[:size])
        assert found.dtype == np.float32
        assert_scores_close(found, wanted[:size])
    assert_scores_close(run_network(network, X), wanted)


def test_many_models_and_batch_sizes_raise_no_warning(caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(8):
            inputs = keras.Input((3,))
            predict = compile_network(keras.Model(inputs, keras.layers.Dense(2)(inputs)))
            for size in (1, 5, 2):
                assert predict(np.ones((size, 3), np.float32)).shape == (size, 2)
    assert not caplog.records


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_records(dtype):
    network = lively_network(dtype)
    for function in (compile_network(network), lambda x: run_network(network, x)):
        assert function(X[:0]).shape == (0, 18)
        assert function(X[:0]).dtype == dtype
