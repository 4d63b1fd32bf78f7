from itertools import permutations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import random_one_hot

from yeastpromoter.construct import LEFT_ADAPTER, RIGHT_ADAPTER, add_adapters
from yeastpromoter.encoding import from_one_hot, letters, one_hot
from yeastpromoter.inputs import as_constructs, of_input

DNA = st.text("ACGTN", min_size=80, max_size=80)


def constructs(count=3, seed=0):
    return as_constructs(random_one_hot(count, 80, seed))


@given(st.lists(DNA, min_size=1, max_size=4), st.sampled_from([np.float16, np.float32, np.float64, np.longdouble]))
def test_inserts_get_the_adapters(inserts, dtype):
    encoded = one_hot(letters(inserts))
    found = as_constructs(encoded.astype(dtype))
    assert found.dtype == np.float32
    assert from_one_hot(found) == [LEFT_ADAPTER + insert + RIGHT_ADAPTER for insert in inserts]
    np.testing.assert_array_equal(found, as_constructs(one_hot(letters([add_adapters(i) for i in inserts]))))


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.int64, np.uint8, np.float16, np.float32, np.float64, ml_dtypes.bfloat16]
)
def test_constructs_stay_what_they_are_in_any_dtype(dtype):
    x = random_one_hot(3, 110, seed=1)
    found = as_constructs(x.astype(dtype))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, x)


def test_input_is_not_changed_and_may_be_read_only_or_strided():
    x = random_one_hot(3, 110, seed=1)
    x.flags.writeable = False
    assert as_constructs(x) is x  # no copy where none is needed
    strided = np.asfortranarray(x)[::2]
    np.testing.assert_array_equal(as_constructs(strided), x[::2])


def test_no_records():
    assert as_constructs(np.zeros((0, 110, 4))).shape == (0, 110, 4)
    assert as_constructs(np.zeros((0, 80, 4))).shape == (0, 110, 4)


def test_lists_are_taken():
    assert as_constructs(random_one_hot(2, 80, seed=0).tolist()).shape == (2, 110, 4)


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((110, 4), "needs a batch axis"),
        ((80, 4), "needs a batch axis"),
        ((2, 4, 110), "swapaxes"),
        ((2, 4, 80), "swapaxes"),
        ((2, 109, 4), "another length"),
        ((2, 110, 5), "must have shape"),
        ((110,), "must have shape"),
        ((), "must have shape"),
        ((1, 2, 110, 4), "must have shape"),
    ],
)
def test_wrong_shape(shape, hint):
    with pytest.raises(ValueError, match=hint) as error:
        as_constructs(np.zeros(shape))
    assert f"has shape {shape} but must have shape (N, 110, 4) for constructs or (N, 80, 4)" in str(error.value)


def test_wrong_dtype():
    with pytest.raises(ValueError, match=r"dtype <U110 but must be an array of numbers; one-hot encode"):
        as_constructs(np.array(["A" * 110]))
    with pytest.raises(ValueError, match="dtype complex128"):
        as_constructs(np.zeros((1, 110, 4), complex))
    with pytest.raises(ValueError, match=r"dtype object .* takes batch\['inputs'\]"):
        as_constructs({"inputs": np.zeros((1, 110, 4))})
    with pytest.raises(ValueError, match="different shapes"):
        as_constructs([np.zeros((110, 4)), np.zeros((80, 4))])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("only_one_hot", [True, False])
def test_not_finite(value, only_one_hot):
    x = random_one_hot(5, 80, seed=0)
    x[3, 9, 2] = value
    with pytest.raises(ValueError, match=rf"holds {value} at record 3 of the batch .*, position 10, column G"):
        as_constructs(x, only_one_hot)


@pytest.mark.parametrize(
    "values",
    [
        (1, 1, 0, 0),
        (2, 0, 0, 0),
        (0.5, 0.5, 0, 0),
        (0.25, 0.25, 0.25, 0),
        (-1, 1, 1, 0),
        (0.9, 0.1, 0, 0),
        (1, 0, 0, -1),
    ],
)
def test_not_one_hot(values):
    x = random_one_hot(6, 110, seed=0)
    x[4, 20] = values
    x[5, 0] = values
    with pytest.raises(
        ValueError, match=r"not one-hot in 2 of 6 records: record 4 of the batch .*, position 21 is"
    ) as e:
        as_constructs(x)
    assert "lower-case" not in str(e.value)
    np.testing.assert_array_equal(as_constructs(x, only_one_hot=False), x)


def test_zeros_name_their_likely_cause():
    x = random_one_hot(2, 80, seed=0)
    x[0, 0] = 0
    with pytest.raises(ValueError, match="zeros of lower-case letters"):
        as_constructs(x)


@pytest.mark.parametrize("order", [order for order in map("".join, permutations("ACGT")) if order != "ACGT"])
def test_another_column_order_is_recognised_and_the_remedy_works(order):
    right = constructs()
    wrong = right[:, :, ["ACGT".index(letter) for letter in order]]
    with pytest.raises(ValueError, match=f"look like the order {order} .* must have the order ACGT") as error:
        as_constructs(wrong)
    columns = [int(number) for number in str(error.value).rpartition("[:, :, [")[2].rstrip("]").split(",")]
    np.testing.assert_array_equal(as_constructs(wrong[:, :, columns]), right)


def test_order_is_only_judged_where_the_adapters_tell():
    as_constructs(random_one_hot(50, 110, seed=2))  # no adapters at all
    as_constructs(constructs()[:, ::-1, ::-1])  # the other strand
    mutated = constructs()
    mutated[:, [0, 5, 100]] = 0.25
    as_constructs(mutated)
    as_constructs(constructs()[:, :, [3, 1, 2, 0]], only_one_hot=False)


def test_of_input():
    values = np.arange(110)[np.newaxis, :, np.newaxis] * np.ones((2, 1, 4))
    assert of_input(values, 110) is values
    insert = of_input(values, 80)
    assert insert.shape == (2, 80, 4)
    assert insert[0, 0, 0] == 17
    assert insert[0, -1, 0] == 96
    x = random_one_hot(2, 80, seed=3)
    np.testing.assert_array_equal(of_input(as_constructs(x), 80), x)
