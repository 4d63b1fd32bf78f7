import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_assemble import TEXTS, assert_every_row_is_accounted_for, run, source, write

from training.data.labels import (
    cells_of_reads,
    check_sorted_cells,
    inner_buckets,
    line_between,
    log_ratio,
    mean_of_replicates,
    range_of,
    share_of_counts,
)
from training.data.votes import count_columns, mean_bucket

READS = arrays.arrays(np.int64, (7, 18), elements=st.integers(0, 1000))


def test_cells_by_hand():
    # Bucket 0 has 1 read for each of its cells, bucket 1 has 10, and bucket 2 was not sequenced.
    reads = np.array([[30, 100, 0], [70, 900, 0], [0, 0, 0]])
    found = cells_of_reads(reads, np.array([100, 1000, 0]), [100, 100, 0])
    np.testing.assert_allclose(found, [[30, 10, 0], [70, 90, 0], [0, 0, 0]])


@given(READS, arrays.arrays(np.float64, 18, elements=st.floats(1, 1e6)))
def test_the_cells_of_a_bucket_add_up_to_those_sorted(reads, sorted_cells):
    totals = reads.sum(axis=0)
    found = cells_of_reads(reads, totals, sorted_cells).sum(axis=0)
    np.testing.assert_allclose(found, np.where(totals > 0, sorted_cells, 0), rtol=1e-9)


@given(READS, st.integers(0, 17), st.integers(2, 50))
def test_labels_do_not_depend_on_how_deep_a_bucket_was_sequenced(reads, bucket, times):
    cells = np.arange(1, 19)
    deeper = reads.copy()
    deeper[:, bucket] *= times
    before, after = (mean_bucket(cells_of_reads(some, some.sum(axis=0), cells)) for some in (reads, deeper))
    np.testing.assert_allclose(after, before, rtol=1e-9)


@given(READS)
def test_where_every_cell_has_one_read_reads_are_cells(reads):
    np.testing.assert_allclose(cells_of_reads(reads, reads.sum(axis=0), reads.sum(axis=0)), reads)


@pytest.mark.parametrize(
    ("sorted_cells", "message"),
    [
        ([5, 5], "here: reads.sorted_cells has 2 numbers but columns.counts has 3 columns"),
        ([5, 0, 0], "here: bucket 1 has 1,000 reads in the whole file but 0 sorted cells: .*same order"),
        ([5, 5, 5], "here: bucket 2 has 0 reads in the whole file but 5 sorted cells: .*give 0 cells"),
    ],
)
def test_sorted_cells_that_do_not_fit_the_reads_are_refused(sorted_cells, message):
    with pytest.raises(ValueError, match=message):
        check_sorted_cells(np.array([100, 1000, 0]), sorted_cells, "here")
    check_sorted_cells(np.array([100, 1000, 0]), [5, 5, 0], "here")


def test_shares_and_ratios_by_hand():
    # With a pseudocount for each of 1, 3 and 0 barcodes, 9, 7 and 0 counts are 10, 10 and 0.
    np.testing.assert_allclose(share_of_counts(np.array([9, 7, 0]), np.array([1, 3, 0]), 1), [0.5, 0.5, 0])
    np.testing.assert_allclose(share_of_counts(np.array([9, 7, 0]), np.array([1, 3, 0]), 0), [9 / 16, 7 / 16, 0])
    np.testing.assert_array_equal(share_of_counts(np.zeros(2), np.zeros(2), 1), [0, 0])
    found = log_ratio(np.array([8, 1, 0, 3, np.nan]), np.array([2, 4, 1, 0, 1]))
    np.testing.assert_array_equal(found, [2, -2, np.nan, np.nan, np.nan])


@given(arrays.arrays(np.float64, (9, 3), elements=st.floats(-20, 20) | st.just(np.nan)))
def test_the_mean_of_replicates_is_of_those_that_are_there(values):
    expected = [np.mean([value for value in row if value == value] or [np.nan]) for row in values.tolist()]
    np.testing.assert_allclose(mean_of_replicates(values), expected, atol=1e-12)


def test_a_range_by_hand():
    # Of 0 to 100 the quantile q is 100 q.
    values = np.append(np.arange(101.0), np.nan)
    assert range_of(values, [0.01, 0.99]) == pytest.approx((1, 99))
    for few in ([], [3, 3, 3], [np.nan]):
        with pytest.raises(ValueError, match=r"quantiles 0.01 and 0.99 of \d values .*must differ to make a scale"):
            range_of(np.array(few, dtype=float), [0.01, 0.99])


@given(st.floats(-10, 10), st.floats(0.01, 20), st.floats(-10, 10))
def test_a_line_meets_its_ends_and_is_undone(low, width, value):
    slope, intercept = line_between([low, low + width], [1, 16])
    np.testing.assert_allclose([slope * low + intercept, slope * (low + width) + intercept], [1, 16], atol=1e-6)
    np.testing.assert_allclose((slope * value + intercept - intercept) / slope, value, atol=1e-6)


def test_a_scale_leaves_a_bucket_at_each_end():
    assert inner_buckets(range(18)) == (1, 16)
    assert inner_buckets(range(6)) == (1, 4)
    assert inner_buckets([0.5, 2, 9]) == (0.5, 9)


def reads_source(min_reads=10, **changes):
    cells = [1000, 1000, *[0] * 16]
    columns = {"sequence": "s", "expression": None, "counts": list(count_columns(18)), "replicates": []}
    reads = {"sorted_cells": cells, "min_reads": min_reads}
    return source("a", header=True, columns=columns, majority=None, reads=reads) | changes


def write_reads(path, *rows):
    empty = [0] * 16
    write(path, ("s", "kind", *count_columns(18)), *((text, kind, *reads, *empty) for text, kind, *reads in rows))


def test_reads_are_assembled_with_the_totals_of_the_whole_file(tmp_path):
    # 100 reads in bucket 0 and 1000 in bucket 1, for 1000 cells each: 10 cells and 1 cell a read.
    rows = [(TEXTS[0], "yes", 30, 100), (TEXTS[1], "yes", 6, 3), (TEXTS[2], "yes", 0, 0), (TEXTS[3], "no", 64, 897)]
    write_reads(tmp_path / "a", *rows)
    select = {"column": "kind", "value": "yes"}
    found, report, _ = run(tmp_path, reads_source(select=select))
    assert list(found) == TEXTS[:1]
    assert found[TEXTS[0]]["expression"] == pytest.approx(100 / 400)
    counts = report["sources"]["a"]
    assert (counts["rows_in_file"], counts["rows"]) == (4, 3)
    assert (counts["dropped_without_reads"], counts["dropped_without_value"]) == (1, 1)
    assert counts["reads_in_buckets"] == [100, 1000, *[0] * 16]
    assert_every_row_is_accounted_for(report, found)
    found, _, _ = run(tmp_path, reads_source(min_reads=9, select=select))
    assert found[TEXTS[1]]["expression"] == pytest.approx(3 / 63)


def test_a_majority_is_of_cells_where_there_are_reads(tmp_path):
    # By reads most are in bucket 1, by cells in bucket 0: 300 cells and 100.
    write_reads(tmp_path / "a", (TEXTS[0], "", 30, 100), (TEXTS[1], "", 70, 900))
    found, report, _ = run(tmp_path, reads_source(majority={"support": 300, "share": 0.7}))
    assert {text: row["expression"] for text, row in found.items()} == {TEXTS[0]: 0}
    assert report["sources"]["a"]["dropped_without_majority"] == 1
    assert_every_row_is_accounted_for(report, found)


def test_reads_of_buckets_without_cells_are_refused(tmp_path):
    write_reads(tmp_path / "a", (TEXTS[0], "", 30, 100))
    wrong = {"sorted_cells": [0, 1000, *[0] * 16], "min_reads": 1}
    message = r"source 'a': .*a: bucket 0 has 30 reads in the whole file but 0 sorted cells"
    with pytest.raises(ValueError, match=message):
        run(tmp_path, reads_source(reads=wrong))
    write(tmp_path / "a", ("s", *count_columns(18)), (TEXTS[0], "many", *[0] * 17))
    with pytest.raises(ValueError, match=re.escape("line 2: column 'count_0' is 'many' but must be a number")):
        run(tmp_path, reads_source())
