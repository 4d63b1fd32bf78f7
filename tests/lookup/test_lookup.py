import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np
import pytest
import threadpoolctl
import yaml
from closeness import assert_expression_close
from dense_network import (
    BOUNDS,
    LENGTH,
    as_letters,
    dense_scores,
    random_letters,
    small_layers,
    special_letters,
    with_complete_tables,
)
from hypothesis import example, given
from hypothesis import strategies as st

from yeastpromoter.lookup.network import LookupNetwork, read_layers
from yeastpromoter.lookup.threads import ONE_BLAS_THREAD
from yeastpromoter.model import entry
from yeastpromoter.sequence.encoding import one_hot

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "model_files" / "yeastpromoter.weights.h5"


def assert_equal_to_dense(network, layers, letters, first_activation="relu"):
    found = network.bucket_scores(letters)
    assert found.dtype == network.dtype
    wanted = dense_scores(layers, letters, first_activation)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=BOUNDS[network.dtype.name])


@pytest.mark.parametrize("dtype", BOUNDS)
def test_shipped_weights_with_tables_of_few_words_and_of_all(dtype):
    layers = read_layers(WEIGHTS)
    network = LookupNetwork(layers, dtype=dtype)
    letters = np.concatenate([special_letters(), random_letters(20, 110, seed=2)])
    assert_equal_to_dense(network, layers, letters[:1])
    assert_equal_to_dense(network, layers, letters)
    assert network.tables.complete is None
    assert_equal_to_dense(with_complete_tables(network), layers, letters)
    assert network.tables.complete.are_products  # which is the fast form


@pytest.mark.parametrize("length", [LENGTH, 32])
@pytest.mark.parametrize(("first", "second"), [(7, 4), (7, 8), (1, 2), (4, 6)])
@pytest.mark.parametrize("first_activation", ["relu", "softmax"])
def test_other_lengths_and_kernels(length, first, second, first_activation):
    layers = small_layers(length, first, second)
    network = LookupNetwork(layers, first_activation, "float64", length=length)
    letters = special_letters(length)
    assert_equal_to_dense(network, layers, letters, first_activation)
    assert_equal_to_dense(with_complete_tables(network), layers, letters, first_activation)


@pytest.mark.parametrize(("layer", "factor"), [("conv_2", 10), ("conv_2", 300), ("conv_3", 300), ("conv_4", 300)])
@pytest.mark.parametrize("dtype", BOUNDS)
def test_weights_so_large_that_exponentials_overflow_or_underflow(layer, factor, dtype):
    layers = small_layers()
    layers[layer][0] *= factor
    letters = special_letters(LENGTH)
    wanted = dense_scores(layers, letters)
    network = LookupNetwork(layers, dtype=dtype, length=LENGTH)
    # The softmax has inputs of some hundreds, which are rounded accordingly.
    bound = 100 * BOUNDS[dtype]
    np.testing.assert_allclose(network.bucket_scores(letters), wanted, rtol=0, atol=bound)
    with_complete_tables(network)
    np.testing.assert_allclose(network.bucket_scores(letters), wanted, rtol=0, atol=bound)


def test_only_words_with_n_underflow():
    # The first layer is (1, 0) at A and C, (0, 1) at G and T, and (0, 0) at N. The second one sees the sum of both,
    # 1 at bases, which its taps cancel in pairs. For N and a base in turn the first pair says 200 in one channel, and
    # the second pair 200 in another: both channels have the same sum, but each product of exponentials has exp(-200).
    layers = small_layers()
    kernel = np.zeros((7, 4, 2))
    kernel[0] = [[1, -1], [1, -1], [-1, 1], [-1, 1]]
    layers["conv_1"] = [kernel, np.zeros(2)]
    layers["norm_1"] = [np.ones(2), np.zeros(2), np.zeros(2), np.full(2, 0.999)]
    kernel = np.zeros((4, 2, 7))
    kernel[[0, 2], :, [0, 1]] = -200
    kernel[[1, 3], :, [0, 1]] = 200
    layers["conv_2"] = [kernel, np.zeros(7)]
    letters = special_letters(LENGTH)
    network = LookupNetwork(layers, length=LENGTH)
    assert_equal_to_dense(network, layers, letters)
    assert_equal_to_dense(with_complete_tables(network), layers, letters)


LAYERS = small_layers()
COMPLETE = with_complete_tables(LookupNetwork(LAYERS, "softmax", "float64", threads=1, length=LENGTH))


@given(st.lists(st.text("ACGTNacgtn", min_size=LENGTH, max_size=LENGTH), min_size=1, max_size=9))
@example(["A" * (LENGTH - 1) + "N"])  # no word that is looked up holds the last base
def test_any_letters(sequences):
    letters = as_letters(sequences)
    for network in (LookupNetwork(LAYERS, "softmax", "float64", threads=1, length=LENGTH), COMPLETE):
        assert_equal_to_dense(network, LAYERS, letters, "softmax")


@pytest.mark.parametrize("threads", [1, 2, 5, None])
def test_any_number_of_constructs_and_threads(threads):
    letters = random_letters(3000, LENGTH, alphabet="ACGTN")
    wanted = dense_scores(LAYERS, letters)
    network = LookupNetwork(LAYERS, dtype="float64", threads=threads, length=LENGTH)
    for count in (1, 2, 7, 64, 65, 129, 3000, 5):
        found = network.bucket_scores(letters[:count])
        np.testing.assert_allclose(found, wanted[:count], rtol=0, atol=1e-12)
    assert network.bucket_scores(letters[:0]).shape == (0, 18)


def blas_threads():
    """Threads of NumPy's BLAS; other packages that are loaded by now may have one of their own."""
    libraries = threadpoolctl.threadpool_info()
    return [item["num_threads"] for item in libraries if item["user_api"] == "blas" and "numpy" in item["filepath"]]


def test_calls_from_several_threads_at_once():
    letters = random_letters(2000, LENGTH, alphabet="ACGTN")
    wanted = dense_scores(LAYERS, letters)
    network = LookupNetwork(LAYERS, dtype="float64", threads=2, length=LENGTH)
    parts = [letters[start : start + 100] for start in range(0, 2000, 100)]
    with ThreadPoolExecutor(4) as pool:
        found = np.concatenate(list(pool.map(network.bucket_scores, parts)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_blas_gets_its_threads_back_after_calls_that_overlap():
    with threadpoolctl.threadpool_limits(2, "blas"):
        before = blas_threads()
        first, second = ExitStack(), ExitStack()
        first.enter_context(ONE_BLAS_THREAD)
        second.enter_context(ONE_BLAS_THREAD)
        first.close()
        assert set(blas_threads()) == {1}
        second.close()
        assert blas_threads() == before
        COMPLETE.bucket_scores(random_letters(2, LENGTH))
        assert blas_threads() == before


@pytest.mark.parametrize("first_activation", ["relu", "softmax"])
def test_equals_the_keras_network(first_activation):
    from networks import lively_network

    letters = np.concatenate([special_letters(), random_letters(20, 110, seed=2)])
    keras_network = lively_network("float64", first_activation)
    layers = {layer.name: layer.get_weights() for layer in keras_network.layers}
    wanted = keras_network.predict(one_hot(letters), verbose=0)
    for dtype, bound in BOUNDS.items():
        found = LookupNetwork(layers, first_activation, dtype).bucket_scores(letters)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=bound)


def test_predictor_equals_the_trained_keras_network():
    letters = np.concatenate([special_letters(), random_letters(20, 110, seed=2)])
    trained = entry.load_trained_network(dtype="float64")
    wanted = trained.network.predict(one_hot(letters), verbose=0)
    for dtype, bound in BOUNDS.items():
        predictor = entry.load_trained_network(dtype=dtype)
        np.testing.assert_allclose(predictor.bucket_scores(letters), wanted, rtol=0, atol=bound)
        assert_expression_close(predictor.expression(letters), trained.decode(wanted))
        assert predictor.weights_version == trained.weights_version


def test_predictor_decodes_as_the_entry_says(tmp_path):
    (tmp_path / "model_files").symlink_to(WEIGHTS.parent)
    arguments = yaml.safe_load((ROOT / "model.yaml").read_text())["args"]
    changed = {"decoding": "argmax", "bucket_values": list(range(0, 180, 10)), "weights_version": "mine"}
    (tmp_path / "model.yaml").write_text(yaml.safe_dump({"args": arguments | changed}))
    predictor = entry.load_trained_network(tmp_path)
    letters = random_letters(9, 110)
    np.testing.assert_array_equal(predictor.expression(letters), 10 * predictor.bucket_scores(letters).argmax(axis=1))
    assert predictor.weights_version == "mine"
    (tmp_path / "model.yaml").write_text(yaml.safe_dump({"args": arguments | {"weights_sha256": "0" * 64}}))
    with pytest.raises(ValueError, match="is a whole HDF5 file but not the one that is expected"):
        entry.load_trained_network(tmp_path)
    with pytest.raises(FileNotFoundError, match="is not the folder of this Kipoi entry"):
        entry.load_trained_network(tmp_path / "model_files")


def test_prediction_imports_no_framework():
    code = (
        "import sys\nimport numpy as np\nfrom yeastpromoter.model.entry import load_trained_network\n"
        "letters = np.full((20, 110), ord('A'), np.uint8)\n"
        "assert np.isfinite(load_trained_network().expression(letters)).all()\n"
        "print(sorted({'tensorflow', 'keras', 'jax', 'torch', 'kipoi', 'pandas', 'scipy'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("letters", "message"),
    [
        (np.full((2, 30), 65, np.uint8), r"letters have dtype uint8 and shape \(2, 30\) but must be .* \(N, 31\)"),
        (np.full(31, 65, np.uint8), r"shape \(31,\) but must be"),
        (np.full((2, 31), 65), "letters have dtype int64 and shape"),
        (np.zeros((2, 31, 4), np.float32), "letters have dtype float32 and shape"),
        (as_letters(["A" * 31, "A" * 30 + "R"]), "sequence 1 has 'R' at position 31"),
        (np.zeros((1, 31), np.uint8), "sequence 0 has '.x00' at position 1"),
    ],
)
def test_what_is_not_letters_of_constructs_is_refused(letters, message):
    with pytest.raises(ValueError, match=message):
        COMPLETE.bucket_scores(letters)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first_activation": "gelu"}, "first_activation must be one of relu, softmax but is 'gelu'"),
        ({"dtype": "float16"}, "dtype must be one of float32, float64 but is 'float16'"),
        ({"threads": 0}, "threads must be at least 1 but is 0"),
        (
            {"length": 33},
            r"weights of dense_1 have shapes \[\(32, 8\), \(8,\)\] but must have shapes \[\(36, 8\), \(8,\)\] in a "
            "network for constructs of 33 bp",
        ),
        ({"layers": small_layers(second=3)}, "conv_2 must have an even number of taps, .*, but has 3"),
        ({"layers": LAYERS | {"norm_3": []}}, "but have none for norm_3"),
        ({"layers": {k: v for k, v in LAYERS.items() if k != "dense_2"}}, "but have none for dense_2"),
        ({"layers": LAYERS | {"norm_2": LAYERS["norm_1"]}}, "weights of norm_2 have shapes"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LookupNetwork(**{"layers": LAYERS, "length": LENGTH} | arguments)


def test_weights_file_of_another_network_is_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"other.weights.h5 has no layers/conv1d/vars: its weights belong to another"):
        read_layers(path)
