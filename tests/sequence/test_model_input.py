from itertools import permutations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import random_one_hot

from yeastpromoter.sequence import model_input as inputs
from yeastpromoter.sequence.encoding import from_one_hot, letters, one_hot
from yeastpromoter.sequence.model_input import as_constructs, mark_recognised, of_input
from yeastpromoter.sequence.reporter import PTPA

DNA = st.text("ACGTN", min_size=80, max_size=80).filter(lambda insert: set(insert) != {"N"})


def constructs(count=3, seed=0):
    return as_constructs(random_one_hot(count, 80, seed))


@given(st.lists(DNA, min_size=1, max_size=4), st.sampled_from([np.float16, np.float32, np.float64, np.longdouble]))
def test_inserts_get_the_adapters(inserts, dtype):
    encoded = one_hot(letters(inserts))
    found = as_constructs(encoded.astype(dtype))
    assert found.dtype == np.float32
    assert from_one_hot(found) == [PTPA.left_adapter + insert + PTPA.right_adapter for insert in inserts]
    np.testing.assert_array_equal(found, as_constructs(one_hot(letters([PTPA.add_adapters(i) for i in inserts]))))


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.int64, np.uint8, np.float16, np.float32, np.float64, ml_dtypes.bfloat16]
)
def test_constructs_stay_what_they_are_in_any_dtype(dtype):
    x = constructs(seed=1)
    found = as_constructs(x.astype(dtype))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, x)


def test_input_is_not_changed_and_may_be_read_only_or_strided():
    x = constructs(seed=1)
    x.flags.writeable = False
    np.testing.assert_array_equal(as_constructs(x), x)
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


def test_the_order_is_not_judged_where_numbers_are_no_sequences():
    x = constructs()[:, :, [3, 1, 2, 0]]
    np.testing.assert_array_equal(as_constructs(x, only_one_hot=False), x)


def mutated(x, *positions):
    """Put another base at some positions of the first construct."""
    x = x.copy()
    x[0, list(positions)] = np.roll(x[0, list(positions)], 1, axis=1)
    return x


@pytest.mark.parametrize("positions", [(0, 8, 16), (97, 100, 109), (0, 1, 2, 97, 98, 99), tuple(range(17, 97))])
def test_mutated_constructs_are_constructs(positions):
    x = mutated(constructs(), *positions)
    np.testing.assert_array_equal(as_constructs(x), x)


REFUSED = {
    "the reverse complement of a construct": lambda x: x[:, ::-1, ::-1],
    "a construct with its adapters swapped": lambda x: np.concatenate([x[:, 97:], x[:, 17:97], x[:, :17]], axis=1),
    "a construct written backwards": lambda x: x[:, ::-1],
    "a sequence with the left adapter alone": lambda x: mutated(x, 97, 99, 101, 103),
    "a sequence with the right adapter alone": lambda x: mutated(x, 0, 5, 10, 15),
    "a sequence without adapters": lambda x: random_one_hot(len(x), 110, seed=2),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_not_a_construct_is_named(form):
    x = REFUSED[form](constructs())
    with pytest.raises(ValueError, match=rf"of 3 sequences are not constructs.*: record 0 \({form}\)") as error:
        as_constructs(x)
    assert "check_adapters: false" in str(error.value)
    np.testing.assert_array_equal(as_constructs(x, check_adapters=False), x)


def test_only_the_array_that_a_reader_made_is_taken_as_it_is():
    x = np.ascontiguousarray(constructs()[:, ::-1, ::-1])
    assert mark_recognised(x) is x
    np.testing.assert_array_equal(as_constructs(x), x)
    for other in (x.copy(), x[:2], x[:], x + 0):
        with pytest.raises(ValueError, match="reverse complement"):
            as_constructs(other)
    x[1, 20] = 0  # other mistakes are found all the same
    with pytest.raises(ValueError, match="not one-hot"):
        as_constructs(x)


def test_a_mark_does_not_outlive_its_array():
    before = len(inputs._RECOGNISED)
    x = mark_recognised(constructs())
    assert len(inputs._RECOGNISED) == before + 1
    del x
    assert len(inputs._RECOGNISED) == before


@pytest.mark.parametrize("length", [80, 110])
def test_nothing_but_n(length):
    x = as_constructs(random_one_hot(3, 80, seed=0))[:, 17:97] if length == 80 else constructs()
    start = 0 if length == 80 else 17
    x[1, start : start + 79] = 0.25
    as_constructs(x)
    x[1, start : start + 80] = 0.25
    with pytest.raises(ValueError, match=r"1 of 3 records .* nothing but N.*; the first is record 1"):
        as_constructs(x, check_adapters=False)


def test_of_input():
    values = np.arange(110)[np.newaxis, :, np.newaxis] * np.ones((2, 1, 4))
    assert of_input(values, 110) is values
    insert = of_input(values, 80)
    assert insert.shape == (2, 80, 4)
    assert insert[0, 0, 0] == 17
    assert insert[0, -1, 0] == 96
    x = random_one_hot(2, 80, seed=3)
    np.testing.assert_array_equal(of_input(as_constructs(x), 80), x)
