import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from closeness import SCORES
from test_train import weights_of
from training_tables import constructs_of, random_inserts

from training.config.loading import complete_config

SMALL = {
    "name": "small",
    "data": {"sources": [{"name": "a", "file": "a.txt", "columns": {"sequence": 0, "expression": 1}}]},
}


#: JAX needs another NumPy than Kipoi, and so an environment of its own, made from requirements/jax.lock.
JAX_PYTHON = os.environ.get("YEASTPROMOTER_JAX_PYTHON")


def on_two_devices(folder, backend, dropout_scale, python=sys.executable):
    """Histories of a run on one device and on two, and what is said of three."""
    script = Path(__file__).parents[1] / "two_devices.py"
    process = subprocess.run(
        [python, script, folder, str(dropout_scale)],
        capture_output=True,
        text=True,
        env=os.environ | {"KERAS_BACKEND": backend},
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def assert_equal(found, folder):
    one, two = found["on_1"], found["on_2"]
    assert len(one) == len(two) == 3, "two epochs and their average"
    for first, second in zip(one, two, strict=True):
        assert first.keys() == second.keys()
        # Not the accuracies: of scores that are equal but for rounding, either may be the largest.
        for name in ("loss", "mse", "mae", "val_loss", "val_mse", "val_mae"):
            if name in first:
                assert second[name] == pytest.approx(first[name], abs=SCORES), name
    # The losses of a few steps hardly tell whether the normalisations see the whole batch; their statistics do.
    weights = [weights_of(folder / name) for name in ("on_1", "on_2")]
    assert weights[0].keys() == weights[1].keys()
    for name, values in weights[0].items():
        np.testing.assert_allclose(weights[1][name], values, rtol=0, atol=SCORES, err_msg=name)


def test_two_devices_of_tensorflow_have_the_losses_of_one(tmp_path):
    # Without dropout, whose random numbers differ from device to device.
    found = on_two_devices(tmp_path, "tensorflow", 0)
    assert_equal(found, tmp_path)
    assert found["on_3"] == "devices is 3, but tensorflow finds 2 here: /device:CPU:0, /device:CPU:1"


@pytest.mark.skipif(JAX_PYTHON is None, reason="YEASTPROMOTER_JAX_PYTHON names no Python with requirements/jax.lock")
def test_two_devices_of_jax_have_the_losses_of_one(tmp_path):
    found = on_two_devices(tmp_path, "jax", 1, JAX_PYTHON)
    assert_equal(found, tmp_path)
    assert found["on_3"] == "devices is 3, but jax finds 2 here: cpu:0, cpu:1"


def test_a_batch_has_to_be_a_multiple_of_the_devices():
    runs = {"one": {"devices": 3, "phases": [{"batch_size": 9}, {"batch_size": 10}]}}
    with pytest.raises(
        ValueError, match=r"runs\.one\.phases\[1\]\.batch_size is 10, but must be a multiple of devices, 3"
    ):
        complete_config(SMALL | {"runs": runs})


def test_a_backend_that_cannot_divide_batches_says_so(monkeypatch):
    import keras

    from training.fit.devices import divided_among

    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="devices is 2, but the backend torch trains on one"), divided_among(2):
        pass
    with divided_among(1):
        pass


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_network_fed_with_letters_is_the_one_fed_with_one_hot_constructs(dtype):
    from training.fit.devices import fed_with_letters
    from yeastpromoter.model.network import build_network
    from yeastpromoter.sequence.encoding import one_hot

    network = build_network("relu", dtype=dtype, seed=1)
    learner = fed_with_letters(network)
    letters = constructs_of(random_inserts(6, 0)).copy()
    letters[0, 30], letters[1, 40] = ord("N"), ord("a")
    encoded = np.asarray(learner.get_layer("one_hot")(letters))
    assert encoded.dtype == np.float32
    assert (encoded == one_hot(letters)).all()
    # Both are one and the same network, so that a checkpoint of either is one of the other.
    assert [id(variable) for variable in learner.weights] == [id(variable) for variable in network.weights]

    def trained_by(model, constructs, seed=2):
        network.set_weights(start)
        for generator in generators:
            generator.state.assign(np.array([seed, 0]))
        model.compile(optimizer="sgd", loss="mse")
        losses = [float(model.train_on_batch(constructs, labels, weights)) for _ in range(2)]
        return losses, network.get_weights()

    generators = [layer.seed_generator for layer in network.layers if hasattr(layer, "seed_generator")]
    assert len(generators) == 3
    start, rng = network.get_weights(), np.random.default_rng(0)
    labels, weights = rng.random((6, 18)).astype(np.float32), rng.random(6).astype(np.float32)
    losses, ended = trained_by(learner, letters)
    expected_losses, expected = trained_by(network, one_hot(letters))
    # Two small steps: rounding of the gradients hardly shows in numbers of size 1.
    np.testing.assert_allclose(losses, expected_losses, rtol=0, atol=1e-6)
    for found, value in zip(ended, expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=0, atol=1e-6)
