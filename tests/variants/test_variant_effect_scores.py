import numpy as np
import pytest
from networks import random_one_hot

from yeastpromoter.sequence.model_input import as_constructs
from yeastpromoter.variants.effects import Expressions, variant_effects


class Counting:
    """Expression that is a number of the sequence, and the sizes of the batches it was asked for."""

    def __init__(self):
        self.sizes = []
        self.weights = np.random.default_rng(0).normal(size=(110, 4))

    def __call__(self, constructs):
        self.sizes.append(len(constructs))
        return np.einsum("npc,pc->n", constructs.astype(float), self.weights)


CONSTRUCTS = as_constructs(random_one_hot(30, 80, seed=1))


def test_identical_constructs_are_evaluated_once():
    predict = Counting()
    expressions = Expressions(predict, network_batch=8)
    rows = np.random.default_rng(2).integers(0, 20, 100)
    wanted = Counting()(CONSTRUCTS)
    np.testing.assert_allclose(expressions(CONSTRUCTS[rows]), wanted[rows], atol=1e-12)
    assert predict.sizes == [8, 8, len(set(rows.tolist())) - 16]
    # In the next batch ten are known and ten are not.
    np.testing.assert_allclose(expressions(CONSTRUCTS[10:30]), wanted[10:30], atol=1e-12)
    assert expressions.n_asked == 120
    assert expressions.n_evaluated == sum(predict.sizes) == len({*rows.tolist(), *range(10, 30)})
    assert expressions(CONSTRUCTS[:0]).shape == (0,)


def test_only_so_many_are_remembered():
    predict = Counting()
    expressions = Expressions(predict, remembered=10)
    expressions(CONSTRUCTS)
    expressions(CONSTRUCTS[20:])
    assert predict.sizes == [30]
    expressions(CONSTRUCTS[:20])
    assert predict.sizes == [30, 20]


def test_unknown_bases_and_neighbours_are_told_apart():
    predict = Counting()
    changed = np.repeat(CONSTRUCTS[:1], 4, axis=0)
    changed[1, 50] = 0.25
    changed[2, 51] = 0.25
    changed[3, 50] = np.roll(changed[3, 50], 1)
    np.testing.assert_allclose(Expressions(predict)(changed), Counting()(changed), atol=1e-12)
    assert predict.sizes == [4]


def test_effect_is_alt_less_ref_and_averaged_over_the_offsets():
    ref, alt = CONSTRUCTS[:6].reshape(2, 3, 110, 4), CONSTRUCTS[6:12].reshape(2, 3, 110, 4)
    found = variant_effects(ref, alt, Expressions(Counting()))
    assert list(found) == ["effect", "ref", "alt", "spread"]  # kipoi test compares the first one
    with_ref, with_alt = (Counting()(x.reshape(-1, 110, 4)).reshape(2, 3) for x in (ref, alt))
    for row in range(2):
        differences = [a - r for r, a in zip(with_ref[row], with_alt[row], strict=True)]
        mean = sum(differences) / 3
        np.testing.assert_allclose(found["effect"][row], mean, atol=1e-5)
        np.testing.assert_allclose(found["ref"][row], sum(with_ref[row]) / 3, atol=1e-5)
        np.testing.assert_allclose(found["alt"][row], sum(with_alt[row]) / 3, atol=1e-5)
        spread = (sum((d - mean) ** 2 for d in differences) / 3) ** 0.5
        np.testing.assert_allclose(found["spread"][row], spread, atol=1e-5)
    assert {column.dtype for column in found.values()} == {np.dtype(np.float32)}
    back = variant_effects(alt, ref, Expressions(Counting()))
    np.testing.assert_allclose(back["effect"], -found["effect"], atol=1e-5)
    np.testing.assert_allclose(back["spread"], found["spread"], atol=1e-5)
    inserts = variant_effects(ref[:, :, 17:97], alt[:, :, 17:97], Expressions(Counting()))
    np.testing.assert_allclose(inserts["effect"], found["effect"], atol=1e-5)


def test_no_rows():
    found = variant_effects(np.zeros((0, 7, 110, 4)), np.zeros((0, 7, 110, 4)), Expressions(Counting()))
    assert {column.shape for column in found.values()} == {(0,)}


def test_an_undefined_expression_is_not_hidden():
    values = iter([np.nan, 1.0, 2.0, 3.0])
    found = variant_effects(
        CONSTRUCTS[:2, np.newaxis], CONSTRUCTS[2:4, np.newaxis], lambda x: np.array([next(values) for _ in x])
    )
    np.testing.assert_array_equal(found["effect"], [np.nan, 2])
    np.testing.assert_array_equal(found["spread"], [np.nan, 0])


@pytest.mark.parametrize(
    ("ref", "alt"),
    [((2, 110, 4), (2, 110, 4)), ((2, 3, 110, 4), (2, 2, 110, 4)), ((2, 0, 110, 4),) * 2, ((2, 3, 90, 4),) * 2],
)
def test_wrong_shapes(ref, alt):
    with pytest.raises(ValueError, match="must have shape"):
        variant_effects(np.zeros(ref), np.zeros(alt), Expressions(Counting()))
