import numpy as np
import pytest
from dense_network import BOUNDS, LENGTH, dense_scores, random_letters, small_layers, special_letters
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.lookup import pieces
from yeastpromoter.lookup.network import LookupNetwork

LAYERS = small_layers()
NETWORK = LookupNetwork(LAYERS, dtype="float64", threads=2, length=LENGTH)


@given(st.integers(0, 9), st.integers(1, 12), st.integers(1, 4), st.integers(0, 20))
def test_windows_of_one_sequence_and_changes_in_them(seed, step, changes, count):
    rng = np.random.default_rng(seed)
    sequence = random_letters(1, LENGTH + step * count, seed, "ACGTN")[0]
    letters = sequence[np.arange(count)[:, np.newaxis] * step + np.arange(LENGTH)]
    changed = letters.copy()
    changed[:, rng.integers(0, LENGTH, changes)] = ord("G")
    letters = np.concatenate([letters, changed])
    found = NETWORK.related_scores(letters)
    assert found.shape == (2 * count, 18)
    if count:
        np.testing.assert_allclose(found, dense_scores(LAYERS, letters), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("length", [31, 32, 60, 110])
@pytest.mark.parametrize(("first", "second"), [(7, 8), (1, 2)])
def test_any_length(length, first, second, dtype):
    layers = small_layers(length, first, second)
    letters = np.concatenate([special_letters(length), random_letters(200, length)])
    found = LookupNetwork(layers, dtype=dtype, length=length).related_scores(letters)
    np.testing.assert_allclose(found, dense_scores(layers, letters), rtol=0, atol=BOUNDS[dtype])


@given(st.integers(1, 200))
def test_pieces_cover_every_output(positions):
    covered = [set(range(start, start + size)) for size, starts in pieces._cut(positions).items() for start in starts]
    assert set().union(*covered) == set(range(positions))


def test_each_piece_is_computed_once(monkeypatch):
    computed = []
    outputs = LookupNetwork.outputs

    def count(self, codes, buffers):
        computed.append(len(codes))
        return outputs(self, codes, buffers)

    monkeypatch.setattr(LookupNetwork, "outputs", count)
    letters = random_letters(1, LENGTH, seed=2)
    NETWORK.related_scores(letters)
    once = sum(computed)
    NETWORK.related_scores(np.repeat(letters, 50, axis=0))
    assert sum(computed) == 2 * once
