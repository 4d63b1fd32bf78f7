import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yeastpromoter.model.decoding import BUCKET_VALUES, CANCELLATION, check_bucket_values, decode

SCORES = hnp.arrays(np.float64, (5, 18), elements=st.floats(-10, 10, allow_subnormal=False))


def test_by_hand():
    scores = np.zeros((4, 18))
    scores[0, 7] = 0.3
    scores[1, [2, 5]] = 1, 3  # (2 + 15) / 4
    scores[2, [0, 17]] = -0.5, 1.5  # 1.5 * 17 / 1
    scores[3] = 1
    np.testing.assert_allclose(decode(scores), [7, 4.25, 25.5, 8.5], atol=1e-12)
    np.testing.assert_array_equal(decode(scores, method="argmax"), [7, 5, 17, 0])


def test_bucket_values():
    scores = np.array([[1.0, 3.0], [2.0, 2.0]])
    np.testing.assert_allclose(decode(scores, [10, 20]), [17.5, 15])
    np.testing.assert_array_equal(decode(scores, [10, 20], "argmax"), [20, 10])


@pytest.mark.parametrize(
    ("number", "value", "wanted"),
    [
        (3, float("nan"), "finite"),
        (0, float("-inf"), "finite"),
        (17, "17", "finite"),
        (2, None, "finite"),
        (5, 3.5, "less"),
    ],
)
def test_values_that_buckets_cannot_have_are_refused(number, value, wanted):
    values = list(range(18))
    values[number] = value
    with pytest.raises(ValueError, match=rf"bucket_values\[{number}\] is .*{wanted}"):
        check_bucket_values(values)


def test_values_that_buckets_can_have():
    values = [-2.5, *[0] * 16, np.float32(7)]
    np.testing.assert_array_equal(check_bucket_values(values), values)


@given(SCORES)
def test_equals_numpys_average_where_that_is_defined(scores):
    expression = decode(scores)
    for row, value in zip(scores, expression, strict=True):
        if abs(row.sum()) > CANCELLATION * np.abs(row).sum():
            wanted = np.average(range(18), weights=row)
            # Both divide by a sum that may be small against its terms.
            tolerance = 1e-12 * np.abs(row).sum() / abs(row.sum())
            np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-12 + 17 * tolerance * (1 + abs(wanted)))
        else:
            assert np.isnan(value)


@given(SCORES, st.floats(1e-3, 1e3))
def test_scale_of_the_scores_does_not_count(scores, factor):
    assume((np.abs(scores.sum(axis=1)) > 1e-3).all())
    np.testing.assert_allclose(decode(scores * factor), decode(scores), rtol=1e-6, atol=1e-6)


@given(hnp.arrays(np.float64, (5, 18), elements=st.floats(0, 10, allow_subnormal=False)))
def test_without_negative_scores_it_stays_within_the_buckets(scores):
    expression = decode(scores)
    defined = ~np.isnan(expression)
    assert (defined == scores.any(axis=1)).all()
    assert (expression[defined] >= -1e-9).all()
    assert (expression[defined] <= 17 + 1e-9).all()


def test_undefined_rows_are_nan_and_the_others_stay():
    scores = np.ones((7, 18))
    scores[0] = 0
    scores[1, :9], scores[1, 9:] = 1, -1
    scores[2, 3] = np.nan
    scores[3, 3] = np.inf
    scores[4] = 0
    scores[4, :2] = 1, -1 + 1e-7  # cancels to 5e-8 of the absolute sum
    scores[5] = 0
    scores[5, :2] = 1, -1 + 1e-5  # 5e-6: small but defined
    with np.errstate(all="raise"):
        expression = decode(scores)
    np.testing.assert_array_equal(np.isnan(expression), [True, True, True, True, True, False, False])
    np.testing.assert_allclose(expression[5], (-1 + 1e-5) / 1e-5)
    assert expression[6] == pytest.approx(8.5, abs=1e-12)
    np.testing.assert_array_equal(
        np.isnan(decode(scores, method="argmax")), [False, False, True, True, False, False, False]
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_any_dtype_in_float64_out(dtype):
    expression = decode(np.ones((2, 18), dtype))
    assert expression.dtype == np.float64
    np.testing.assert_allclose(expression, [8.5, 8.5], atol=1e-12)


def test_no_rows():
    assert decode(np.zeros((0, 18))).shape == (0,)
    assert decode(np.zeros((0, 18)), method="argmax").shape == (0,)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="method must be one of weighted_mean, argmax but is 'mode'"):
        decode(np.ones((1, 18)), method="mode")
    for shape in [(18,), (2, 17), (1, 2, 18)]:
        with pytest.raises(ValueError, match="must have shape"):
            decode(np.ones(shape), BUCKET_VALUES)
