import numpy as np
import pytest
from networks import lively_network, random_one_hot

from yeastpromoter.model.activations import network_to
from yeastpromoter.model.decoding import decode
from yeastpromoter.model.gradients import REDUCTIONS, expression_cotangent, input_gradient, selection_cotangent
from yeastpromoter.model.prediction import run_network

X = random_one_hot(3, 110, seed=4, dtype=np.float64)
DIRECTIONS = np.random.default_rng(5).normal(size=(4, *X.shape))
STEP = 1e-6


@pytest.fixture(scope="module")
def network():
    """In float64, where finite differences are sharp."""
    return lively_network(dtype="float64")


def assert_is_gradient(gradient, function):
    """Compare with central differences of one number for each record, along random directions."""
    assert gradient.shape == X.shape
    assert gradient.dtype == np.float64
    assert np.abs(gradient).max() > 1e-6
    for direction in DIRECTIONS:
        wanted = (function(X + STEP * direction) - function(X - STEP * direction)) / (2 * STEP)
        found = (gradient * direction).sum(axis=(1, 2))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(gradient).max())


def test_expression(network):
    gradient = input_gradient(network, X, expression_cotangent)
    assert_is_gradient(gradient, lambda x: decode(run_network(network, x)))


def test_expression_with_other_bucket_values(network):
    values = np.linspace(-3, 5, 18) ** 2
    gradient = input_gradient(network, X, lambda scores: expression_cotangent(scores, values))
    assert_is_gradient(gradient, lambda x: decode(run_network(network, x), values))


@pytest.mark.parametrize("bucket", [0, 11, -1])
def test_one_bucket_score(network, bucket):
    gradient = input_gradient(network, X, lambda scores: selection_cotangent(scores, bucket))
    assert_is_gradient(gradient, lambda x: run_network(network, x)[:, bucket])


SELECTIONS = [
    ("bucket_scores", None, lambda outputs: outputs),
    ("bucket_scores", [2, 5, 9], lambda outputs: outputs[:, [2, 5, 9]]),
    ("conv_1", slice(10, 60), lambda outputs: outputs[:, :, 10:60]),
    ("conv_2", (7, slice(None)), lambda outputs: outputs[:, 7]),
    ("dense_1", 3, lambda outputs: outputs[:, [3]]),
]
REDUCE = {
    None: lambda values: values.sum(axis=1),
    "sum": lambda values: values.sum(axis=1),
    "max": lambda values: values.max(axis=1),
    "min": lambda values: values.min(axis=1),
    "absmax": lambda values: np.abs(values).max(axis=1),
}


@pytest.mark.parametrize(("layer", "filter_idx", "select"), SELECTIONS)
@pytest.mark.parametrize("avg_func", REDUCE)
def test_layers_selections_and_reductions(network, layer, filter_idx, select, avg_func):
    part = network_to(network, layer, pre_nonlinearity=True)
    gradient = input_gradient(part, X, lambda outputs: selection_cotangent(outputs, filter_idx, avg_func))
    assert_is_gradient(gradient, lambda x: REDUCE[avg_func](select(run_network(part, x)).reshape(len(x), -1)))


def test_reductions_by_hand():
    outputs = np.array([[1.0, -5.0, 3.0], [2.0, 0.0, -1.0]])
    wanted = {
        "sum": [[1, 1, 1], [1, 1, 1]],
        "max": [[0, 0, 1], [1, 0, 0]],
        "min": [[0, 1, 0], [0, 0, 1]],
        "absmax": [[0, -1, 0], [1, 0, 0]],
    }
    assert set(wanted) == set(REDUCTIONS)
    for avg_func, cotangent in wanted.items():
        np.testing.assert_array_equal(selection_cotangent(outputs, avg_func=avg_func), cotangent)
    np.testing.assert_array_equal(selection_cotangent(outputs, [0, 2], "min"), [[1, 0, 0], [0, 0, 1]])


def test_expression_cotangent_by_hand():
    # Scores 1 and 3, values 10 and 20: e = 17.5, de/ds = (10 - 17.5) / 4 and (20 - 17.5) / 4.
    with np.errstate(all="raise"):
        found = expression_cotangent(np.array([[1.0, 3.0], [1.0, -1.0], [np.nan, 1.0]]), [10, 20])
    np.testing.assert_allclose(found, [[-1.875, 0.625], [np.nan] * 2, [np.nan] * 2])


def test_no_records(network):
    for avg_func in REDUCTIONS:
        assert selection_cotangent(np.zeros((0, 18)), 2, avg_func).shape == (0, 18)
    assert expression_cotangent(np.zeros((0, 18))).shape == (0, 18)


@pytest.mark.parametrize("filter_idx", [18, -19, [3, 40], (0, 0), (2, slice(None))])
def test_filter_that_does_not_fit(filter_idx):
    with pytest.raises(ValueError, match=r"filter_idx .* does not fit a layer whose outputs have shape \(N, 18\)"):
        selection_cotangent(np.zeros((2, 18)), filter_idx)


def test_filter_that_selects_nothing():
    with pytest.raises(ValueError, match="selects none"):
        selection_cotangent(np.zeros((2, 18)), slice(20, 30))


def test_unknown_reduction():
    with pytest.raises(ValueError, match="avg_func must be one of sum, max, min, absmax but is 'mean'"):
        selection_cotangent(np.zeros((2, 18)), avg_func="mean")
