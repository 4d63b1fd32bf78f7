import numpy as np
import pytest
from dense_network import (
    BOUNDS,
    LENGTH,
    dense_scores,
    random_letters,
    small_layers,
    special_letters,
    with_complete_tables,
)
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.lookup import substitutions
from yeastpromoter.lookup.network import LookupNetwork

BASES = np.frombuffer(b"ACGT", np.uint8)


def with_bases(letters, positions, bases):
    """Every construct with every base put in, (N, P, A, L)."""
    changed = np.repeat(letters[:, np.newaxis], len(positions), axis=1)[:, :, np.newaxis]
    changed = np.repeat(changed, bases.shape[2], axis=2)
    for index, position in enumerate(positions):
        changed[:, index, :, position] = bases[:, index]
    return changed


def all_bases(letters, positions):
    return np.broadcast_to(BASES, (len(letters), len(positions), 4))


def assert_equal_to_dense(network, layers, letters, positions, bases, first_activation="relu"):
    reference, substituted = network.substitution_scores(letters, positions, bases)
    length = letters.shape[1]
    bound = BOUNDS[network.dtype.name]
    assert reference.dtype == substituted.dtype == network.dtype
    np.testing.assert_allclose(reference, dense_scores(layers, letters, first_activation), rtol=0, atol=bound)
    changed = with_bases(letters, positions, bases)
    wanted = dense_scores(layers, changed.reshape(-1, length), first_activation).reshape(*bases.shape, 18)
    np.testing.assert_allclose(substituted, wanted, rtol=0, atol=bound)
    return wanted


@pytest.mark.parametrize("first_activation", ["relu", "softmax"])
@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize(("first", "second"), [(7, 4), (7, 8), (1, 2), (4, 6)])
@pytest.mark.parametrize("length", [LENGTH, 32])
def test_every_base_at_every_position(length, first, second, dtype, first_activation):
    layers = small_layers(length, first, second)
    network = LookupNetwork(layers, first_activation, dtype, length=length)
    letters, positions = special_letters(length), range(length)
    bases = all_bases(letters, positions)
    wanted = assert_equal_to_dense(network, layers, letters, positions, bases, first_activation)
    if (length - first - second + 2) % 2:
        # The pooling leaves out the last position: the last base does nothing.
        assert np.ptp(wanted[:, -1], axis=1).max() < 1e-12
    # It would be easy to agree if nothing changed.
    changes = np.ptp(wanted, axis=2).max(axis=(0, 2))
    assert changes[: length - second].min() > 1e-9
    assert changes.max() > 1e-5
    with_complete_tables(network)
    assert_equal_to_dense(network, layers, letters[:5], positions, bases[:5], first_activation)


LAYERS = small_layers(second=8)
NETWORK = LookupNetwork(LAYERS, dtype="float64", threads=2, length=LENGTH)


@given(st.data())
def test_any_positions_and_bases(data):
    start = data.draw(st.integers(0, LENGTH - 1))
    positions = range(start, data.draw(st.integers(start, LENGTH)), data.draw(st.integers(1, 4)))
    letters = random_letters(data.draw(st.integers(0, 3)), LENGTH, data.draw(st.integers(0, 9)), "ACGTNacgtn")
    shape = len(letters), len(positions), data.draw(st.integers(1, 4))
    bases = np.random.default_rng(data.draw(st.integers(0, 9))).choice(np.frombuffer(b"ACGTN", np.uint8), shape)
    reference, substituted = NETWORK.substitution_scores(letters, positions, bases)
    assert (reference.shape, substituted.shape) == ((len(letters), 18), (*shape, 18))
    if substituted.size:
        assert_equal_to_dense(NETWORK, LAYERS, letters, positions, bases)


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_blocks_change_nothing(rows, monkeypatch):
    monkeypatch.setattr(substitutions, "ROWS", rows)
    letters, positions = random_letters(3, LENGTH), range(LENGTH)
    assert_equal_to_dense(NETWORK, LAYERS, letters, positions, all_bases(letters, positions))


@pytest.mark.parametrize("factor", [30, 1000])
def test_weights_so_large_that_exponentials_overflow_or_underflow(factor):
    layers = small_layers()
    layers["conv_2"][0] *= factor
    layers["conv_3"][0] *= factor
    network = LookupNetwork(layers, dtype="float64", length=LENGTH)
    letters, positions = special_letters(LENGTH), range(LENGTH)
    _, substituted = network.substitution_scores(letters, positions, all_bases(letters, positions))
    changed = with_bases(letters, positions, all_bases(letters, positions))
    wanted = dense_scores(layers, changed.reshape(-1, LENGTH)).reshape(substituted.shape)
    np.testing.assert_allclose(substituted, wanted, rtol=0, atol=1e-10)


def test_refuses_positions_outside_of_the_construct():
    letters = random_letters(1, LENGTH)
    for positions in (range(-1, 3), range(30, 32)):
        with pytest.raises(ValueError, match=r"positions must be within 0 to 30 but are range"):
            NETWORK.substitution_scores(letters, positions, all_bases(letters, positions))
    with pytest.raises(ValueError, match=r"must be ASCII codes of sequences of 31 bp"):
        NETWORK.substitution_scores(letters[:, 1:], range(3), all_bases(letters, range(3)))
