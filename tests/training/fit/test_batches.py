import numpy as np
import pytest
from training_tables import constructs_of, random_inserts, text_of

from training.fit.batch_size import fitting_batch_size
from training.fit.batches import EpochBatches, Examples, with_flanks
from yeastpromoter.sequence.reporter import PTPA


def examples(count=10, **options):
    matrix = constructs_of(random_inserts(count, 0))
    numbers = np.arange(count, dtype=np.float32)
    return matrix, Examples(matrix, lambda rows: np.eye(18)[rows % 18], numbers, **options)


def rows_of(batches):
    # The weight of each example is its number.
    return [batches[index][2].astype(int).tolist() for index in range(len(batches))]


def test_flanks_are_those_of_the_plasmid():
    matrix, _ = examples(3)
    for text, wide in zip(text_of(matrix), text_of(with_flanks(matrix, 4, PTPA)), strict=True):
        assert wide == PTPA.left_flank[-4:] + text + PTPA.right_flank[:4]


def test_an_epoch_holds_every_example_once_and_batches_agree_with_it():
    matrix, data = examples(10)
    batches = EpochBatches(data, 5, seed=1, epoch=0)
    assert len(batches) == 2
    assert sorted(np.concatenate(rows_of(batches)).tolist()) == list(range(10))
    for index in range(2):
        letters, labels, weights = batches[index]
        rows = weights.astype(int)
        assert (letters.shape, letters.dtype) == ((5, 110), np.uint8)
        assert text_of(letters) == [text_of(matrix)[row] for row in rows]
        assert (labels.argmax(axis=1) == rows).all()


def test_the_order_follows_from_seed_and_epoch():
    _, data = examples(10)
    first = rows_of(EpochBatches(data, 5, 1, 0))
    assert first == rows_of(EpochBatches(data, 5, 1, 0))
    assert first != rows_of(EpochBatches(data, 5, 1, 1))
    assert first != rows_of(EpochBatches(data, 5, 2, 0))


def test_a_smaller_last_batch_is_left_out_unless_it_is_the_only_one():
    _, data = examples(10)
    assert [len(batch) for batch in rows_of(EpochBatches(data, 4, 1, 0))] == [4, 4]
    assert [len(batch) for batch in rows_of(EpochBatches(data, 64, 1, 0))] == [10]


def test_portions_go_through_all_examples_before_the_next_shuffle():
    _, data = examples(10)
    portions = [np.concatenate(rows_of(EpochBatches(data, 5, 1, epoch, 5))).tolist() for epoch in range(4)]
    assert sorted(portions[0] + portions[1]) == list(range(10))
    assert sorted(portions[2] + portions[3]) == list(range(10))
    assert portions[0] != portions[2]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_shifts_stay_within_the_plasmid_and_leave_out_what_cannot_be_shifted(share):
    can_shift = np.arange(200) % 4 != 0
    matrix, data = examples(200, shift={"max_bp": 3, "share": share}, can_shift=can_shift)
    letters, _, weights = EpochBatches(data, 200, 1, 0)[0]
    offsets = []
    for text, row in zip(text_of(letters), weights.astype(int), strict=True):
        plasmid = PTPA.left_flank[-3:] + text_of(matrix)[row] + PTPA.right_flank[:3]
        offset = plasmid.index(text) - 3
        offsets.append(offset)
        assert can_shift[row] or offset == 0
    moved = np.mean([offset != 0 for offset in offsets])
    # A seventh of the shifts is by 0 bp.
    assert moved == pytest.approx(share * 0.75 * 6 / 7, abs=0.1)
    if share:
        assert set(offsets) == set(range(-3, 4))


def test_letters_that_cannot_be_encoded_are_refused_before_they_reach_a_device():
    matrix = constructs_of(random_inserts(3, 0)).copy()
    matrix[2, 40] = ord("U")
    with pytest.raises(ValueError, match="sequence 2 has 'U' at position 41, but only A, C, G, T and N"):
        Examples(matrix, lambda rows: np.eye(18)[rows % 18], np.ones(3, dtype=np.float32))


def test_the_order_of_the_data_is_the_one_that_recorded_runs_had():
    # Written out, so that a seed goes on meaning the same: the permutation of a generator seeded by the run's seed
    # and the number of the pass, in portions.
    _, data = examples(10)
    passes = [np.random.default_rng([7, number]).permutation(10) for number in range(2)]
    found = [np.concatenate(rows_of(EpochBatches(data, 5, 7, epoch, 5))).tolist() for epoch in (0, 1, 2, 3)]
    assert found == [half.tolist() for order in passes for half in (order[:5], order[5:])]
    always = examples(10, n_always=4)[1]
    order = np.concatenate([np.arange(4), np.random.default_rng([7, 0]).permutation(6)[:3] + 4])
    found = np.concatenate(rows_of(EpochBatches(always, 7, 7, 0, 7)))
    assert (found == np.random.default_rng([7, 0, 0, 0]).permutation(order)).all()


def test_a_batch_is_the_same_whenever_it_is_asked_for():
    _, data = examples(20, shift={"max_bp": 3, "share": 1.0})
    batches = EpochBatches(data, 5, 1, 0)
    later = batches[3]
    for index in range(4):
        batches[index]
    for first, second in zip(later, batches[3], strict=True):
        assert (first == second).all()


def test_some_constructs_can_be_in_every_epoch_while_the_others_take_turns():
    _, data = examples(10, n_always=4)
    epochs = [np.concatenate(rows_of(EpochBatches(data, 7, 1, epoch, 7))).tolist() for epoch in range(4)]
    for rows in epochs:
        assert len(rows) == 7
        assert {0, 1, 2, 3} <= set(rows)
    assert set(epochs[0]) | set(epochs[1]) == set(range(10))
    assert set(epochs[2]) | set(epochs[3]) == set(range(10))
    with pytest.raises(ValueError, match="epoch_size is 4 but must be larger than 4"):
        EpochBatches(data, 4, 1, 0, 4)


@pytest.mark.parametrize(
    ("wanted", "constructs", "devices", "found"),
    [
        (1024, 3_750_000, 1, 1024),
        (128, 3200, 1, 128),
        (128, 3199, 1, 127),
        (1024, 811, 1, 32),
        (1024, 100, 1, 16),
        (1024, 5, 1, 16),
        (8, 100, 1, 8),
        (1024, 811, 3, 30),
        (24, 30, 24, 24),
    ],
)
def test_small_tables_have_smaller_batches(wanted, constructs, devices, found):
    assert fitting_batch_size(wanted, constructs, devices) == found
