import hashlib

import h5py
import numpy as np
import pytest

from yeastpromoter.model.network import build_network
from yeastpromoter.model.weights import load_weights, verify_weights

POINTER = """version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 8819504
"""


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def weights(tmp_path):
    """A small file of the kind, and its sha256."""
    path = tmp_path / "small.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.arange(1000.0)
    return path, sha256(path)


def test_the_right_file_passes(weights):
    path, digest = weights
    verify_weights(path, digest)
    verify_weights(str(path), digest.upper())


@pytest.mark.parametrize("kept", [0, 3, 8, 50, 1000, -1])
def test_truncated(weights, kept):
    path, digest = weights
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"small\.weights\.h5 is truncated: [0-9,]+ bytes are left") as error:
        verify_weights(path, digest)
    assert digest in str(error.value)


def test_swapped(weights):
    path, digest = weights
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.arange(1000.0) + 1
    with pytest.raises(ValueError, match="is a whole HDF5 file but not the one that is expected"):
        verify_weights(path, digest)


def test_git_lfs_pointer(weights):
    path, digest = weights
    path.write_text(POINTER)
    with pytest.raises(ValueError, match=r"is a Git LFS pointer, .* git lfs pull"):
        verify_weights(path, digest)


def test_something_else(weights):
    path, digest = weights
    path.write_text("<!DOCTYPE html><html>404</html>")
    with pytest.raises(ValueError, match="is not an HDF5 file"):
        verify_weights(path, digest)


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.weights\.h5 does not exist"):
        verify_weights(tmp_path / "none.weights.h5", "0" * 64)


def test_load(tmp_path):
    path = tmp_path / "network.weights.h5"
    saved = build_network(seed=1)
    saved.save_weights(path)
    loaded = build_network(seed=2)
    load_weights(loaded, path, sha256(path))
    assert all(np.array_equal(a, b) for a, b in zip(saved.get_weights(), loaded.get_weights(), strict=True))


def test_nothing_is_loaded_from_a_wrong_file(tmp_path):
    path = tmp_path / "network.weights.h5"
    build_network(seed=1).save_weights(path)
    network = build_network(seed=2)
    before = network.get_weights()
    with pytest.raises(ValueError, match="not the one that is expected"):
        load_weights(network, path, "0" * 64)
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_of_another_network(weights):
    with pytest.raises(ValueError):  # noqa: PT011 (Keras's own words)
        load_weights(build_network(), *weights)
