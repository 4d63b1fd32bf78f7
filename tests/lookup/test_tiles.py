import numpy as np
import pytest
from dense_network import BOUNDS, LENGTH, as_letters, dense_scores, random_letters, small_layers, with_complete_tables
from hypothesis import given
from hypothesis import strategies as st
from networks import lively_network

from yeastpromoter.lookup.network import LookupNetwork
from yeastpromoter.model.prediction import CompiledNetwork
from yeastpromoter.sequence.reporter import PTPA

TILE = 24


def constructs_of(left, sequence, right, starts, tile=TILE):
    tiles = [bytes(sequence[start : start + tile]).decode() for start in starts]
    return as_letters([left + text + right for text in tiles])


def network_with(layers, dtype="float64", threads=2):
    return LookupNetwork(layers, dtype=dtype, threads=threads, length=LENGTH)


LAYERS = small_layers()
NETWORK = network_with(LAYERS)


@given(st.data())
def test_any_tiles_of_any_sequence(data):
    left, right = data.draw(st.sampled_from([("ACGTN", "GG"), ("TTTT", "ACG"), ("CAGGATA", ""), ("", "CAGGATA")]))
    sequence = random_letters(1, data.draw(st.integers(TILE, 150)), data.draw(st.integers(0, 9)), "ACGTNacgtn")[0]
    places = st.integers(0, len(sequence) - TILE)
    starts = data.draw(
        st.one_of(
            st.lists(places, max_size=20),
            st.builds(
                lambda start, step: list(range(start, len(sequence) - TILE + 1, step)), places, st.integers(1, 9)
            ),
        )
    )
    starts = np.array(starts, dtype=np.int64)
    found = NETWORK.tile_scores(left, sequence, right, starts)
    assert found.shape == (len(starts), 18)
    if len(starts):
        wanted = dense_scores(LAYERS, constructs_of(left, sequence, right, starts))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize(("first", "second"), [(7, 8), (1, 2), (4, 6)])
@pytest.mark.parametrize("step", [1, 2, 10])
def test_other_kernels_and_more_tiles_than_a_block(step, first, second, dtype):
    layers = small_layers(LENGTH, first, second, seed=3)
    network = with_complete_tables(network_with(layers, dtype))
    sequence = random_letters(1, 900, seed=5)[0]
    starts = np.arange(3, 900 - TILE, step)
    found = network.tile_scores("ACGT", sequence, "TGC", starts)
    wanted = dense_scores(layers, constructs_of("ACGT", sequence, "TGC", starts))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=BOUNDS[dtype])


def test_equals_the_keras_network():
    keras_network = lively_network("float64")
    layers = {layer.name: layer.get_weights() for layer in keras_network.layers}
    sequence = random_letters(1, 700, seed=1, alphabet="ACGTN")[0]
    starts = np.arange(0, 620, 20)
    arguments = PTPA.left_adapter, sequence, PTPA.right_adapter, starts
    wanted = CompiledNetwork(keras_network).tile_scores(*arguments)
    assert np.ptp(wanted, axis=0).max() > 1e-3
    np.testing.assert_allclose(LookupNetwork(layers, dtype="float64").tile_scores(*arguments), wanted, atol=1e-12)


def test_letters_are_checked():
    with pytest.raises(ValueError, match="'X' at position 3"):
        NETWORK.tile_scores("ACGT", np.frombuffer(b"ACX" * 20, np.uint8), "TGC", np.array([0]))
