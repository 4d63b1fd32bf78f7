import numpy as np

from yeastpromoter.sequence.encoding import enclose
from yeastpromoter.sequence.reporter import PTPA
from yeastpromoter.variants.effects import variant_effects

WEIGHTS = np.random.default_rng(0).normal(size=110)


class Weighted:
    """In place of the trained network: an expression that can be computed from the letters of a construct."""

    def __init__(self):
        self.sizes = []

    def related_scores(self, letters):
        self.sizes.append(len(letters))
        return letters

    def decode(self, letters):
        return letters.astype(float) @ WEIGHTS


def expression(construct):
    return sum(weight * letter for weight, letter in zip(WEIGHTS, construct.tolist(), strict=True))


def constructs(*shape, seed=1):
    inserts = np.random.default_rng(seed).choice(np.frombuffer(b"ACGTN", np.uint8), (*shape, 80))
    return enclose(PTPA.left_adapter, inserts.reshape(-1, 80), PTPA.right_adapter).reshape(*shape, 110)


def test_identical_constructs_are_predicted_once():
    some = constructs(20, 1)
    rows = np.random.default_rng(2).integers(0, 20, (2, 100))
    trained = Weighted()
    found = variant_effects(trained, some[rows[0]], some[rows[1]])
    assert trained.sizes == [len(np.unique(rows))]
    wanted = [expression(some[alt, 0]) - expression(some[ref, 0]) for ref, alt in rows.T]
    np.testing.assert_allclose(found["effect"], wanted, rtol=1e-5)


def test_effect_is_alt_less_ref_and_averaged_over_the_offsets():
    ref, alt = constructs(2, 3), constructs(2, 3, seed=2)
    found = variant_effects(Weighted(), ref, alt)
    assert list(found) == ["effect", "ref", "alt", "spread"]  # kipoi test compares the first one
    for row in range(2):
        with_ref, with_alt = ([expression(x) for x in some[row]] for some in (ref, alt))
        differences = [a - r for r, a in zip(with_ref, with_alt, strict=True)]
        mean = sum(differences) / 3
        np.testing.assert_allclose(found["effect"][row], mean, rtol=1e-5)
        np.testing.assert_allclose(found["ref"][row], sum(with_ref) / 3, rtol=1e-5)
        np.testing.assert_allclose(found["alt"][row], sum(with_alt) / 3, rtol=1e-5)
        spread = (sum((d - mean) ** 2 for d in differences) / 3) ** 0.5
        np.testing.assert_allclose(found["spread"][row], spread, rtol=1e-5)
    assert {column.dtype for column in found.values()} == {np.dtype(np.float32)}
    back = variant_effects(Weighted(), alt, ref)
    np.testing.assert_allclose(back["effect"], -found["effect"], rtol=1e-5)
    np.testing.assert_allclose(back["spread"], found["spread"], rtol=1e-5)


def test_no_rows():
    found = variant_effects(Weighted(), constructs(0, 7), constructs(0, 7))
    assert {column.shape for column in found.values()} == {(0,)}


def test_an_undefined_expression_is_not_hidden():
    class Undefined(Weighted):
        def decode(self, letters):
            return np.where((letters == ref[0, 0]).all(axis=1), np.nan, super().decode(letters))

    ref, alt = constructs(2, 1), constructs(2, 1, seed=2)
    found = variant_effects(Undefined(), ref, alt)
    assert np.isnan(found["effect"]).tolist() == [True, False]
    assert np.isnan(found["spread"]).tolist() == [True, False]
