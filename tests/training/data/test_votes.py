import re

import numpy as np
import pytest
from click.testing import CliRunner
from test_assemble import TEXTS, assert_every_row_is_accounted_for, run, source

from training.cli.main import main
from training.data.votes import compare_labels, compare_labels_of, count_columns, majority_bucket, mean_bucket
from yeastpromoter.io import text_tables

HEADER_OF_COUNTS = ("s", *count_columns(18))
HEADER = ("sequence", "true_expression", *count_columns(18))


def cells(*pairs):
    counts = np.zeros(18, dtype=np.int64)
    for bucket, number in pairs:
        counts[bucket] = number
    return counts


COUNTS = np.array(
    [
        cells((3, 8), (4, 2)),  # 80 % of 10
        cells((3, 3), (5, 1)),  # 75 % of 4
        cells((0, 7), (17, 3)),  # 70 % of 10
        cells((9, 1)),
        cells(),
    ]
)


def test_mean_bucket_by_hand():
    np.testing.assert_array_equal(mean_bucket(COUNTS), [3.2, 3.5, 5.1, 9, np.nan])


def test_majority_by_hand():
    bucket, supported, clear = majority_bucket(COUNTS, 4, 0.75)
    assert bucket[:4].tolist() == [3, 3, 0, 9]
    assert supported.tolist() == [True, True, True, False, False]
    assert clear.tolist() == [True, True, False, False, False]
    assert majority_bucket(COUNTS, 1, 0.7)[2].tolist() == [True, True, True, True, False], "7 of 10 are 70 %"
    assert majority_bucket(COUNTS, 5, 0.8)[2].tolist() == [True, False, False, False, False]


def test_labels_are_compared_by_hand():
    truth = np.array([3.4, 4.4, 1, 8, 2])
    rows = compare_labels(COUNTS, truth, 4, [0.75])
    by_name = {row["labels"]: row for row in rows}
    assert [row["kept"] for row in rows] == [4, 3, 2, 2]
    everything = by_name["mean, all"]
    # 3.2, 3.5, 5.1 and 9 are the buckets 3, 4, 5 and 9; the truth is nearest to 3, 4, 1 and 8.
    assert everything["right"] == 0.5
    assert everything["mae"] == pytest.approx((0.4 + 0.4 + 4 + 1) / 4)
    assert everything["effective_buckets"] == pytest.approx(4)
    assert everything["lost_for_support"] == 1
    votes = by_name["majority of 75 %"]
    assert (votes["share_kept"], votes["lost_for_support"], votes["lost_without_majority"]) == (0.4, 2, 1)
    assert (votes["right"], votes["effective_buckets"]) == (0.5, 1)
    assert votes["mae"] == pytest.approx((0.4 + 1.4) / 2)
    assert by_name["mean, the same as with 75 %"]["right"] == 1


def sorted_cells(sequences, mean_cells, sd, stray, seed):
    """Cells of sequences with known expression; some land anywhere."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 17, sequences)
    counts = np.zeros((sequences, 18), dtype=np.int64)
    for row, number in enumerate(rng.poisson(mean_cells, sequences)):
        bucket = np.clip(np.rint(truth[row] + rng.normal(0, sd, number)), 0, 17)
        bucket = np.where(rng.random(number) < stray, rng.integers(0, 18, number), bucket).astype(int)
        np.add.at(counts[row], bucket, 1)
    return counts, truth


def test_majority_is_right_where_cells_stray_and_the_mean_is_not():
    counts, truth = sorted_cells(1500, 20, 0.2, 0.15, 1)
    _, mean, votes, same = compare_labels(counts, truth, 10, [0.75])
    assert votes["right"] > 0.9 > 0.6 > same["right"]
    assert votes["mae"] < same["mae"]
    assert votes["kept"] < mean["kept"]


def counted(path, *rows, header=HEADER_OF_COUNTS):
    lines = [header, *((text, *counts) for text, counts in rows)]
    path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))


def counts_source(**changes):
    columns = {"sequence": "s", "expression": None, "counts": list(count_columns(18)), "replicates": []}
    return source("a", header=True, columns=columns, majority=None) | changes


def test_assembled_by_mean_or_majority(tmp_path):
    counted(tmp_path / "a", *zip(TEXTS, COUNTS, strict=False))
    found, report, _ = run(tmp_path, counts_source())
    assert list(found) == TEXTS[:4]
    np.testing.assert_allclose([row["expression"] for row in found.values()], [3.2, 3.5, 5.1, 9], rtol=1e-6)
    assert report["sources"]["a"]["dropped_without_value"] == 1
    assert_every_row_is_accounted_for(report, found)

    found, report, _ = run(tmp_path, counts_source(majority={"support": 4, "share": 0.75}))
    assert [row["expression"] for row in found.values()] == [3, 3]
    counts = report["sources"]["a"]
    lost = {key: number for key, number in counts.items() if key.startswith("dropped_without")}
    assert lost == {"dropped_without_value": 1, "dropped_without_support": 1, "dropped_without_majority": 1}
    assert_every_row_is_accounted_for(report, found)


@pytest.mark.parametrize("value", ["-1", "NA", "", "many", "inf"])
def test_counts_must_be_numbers_and_are_named_as_in_the_file(tmp_path, value):
    names = [f"b{bucket}" for bucket in range(18)]
    rows = (TEXTS[0], COUNTS[0]), (TEXTS[1], [*COUNTS[1][:16], value, 0])
    counted(tmp_path / "a", *rows, header=("s", *names))
    columns = {"sequence": "s", "expression": None, "counts": names, "replicates": []}
    with pytest.raises(ValueError, match=f"a, line 3: column 'b16' is '{value}' but must be a number of at least 0"):
        run(tmp_path, counts_source(columns=columns))


def test_a_share_that_is_just_reached_counts_in_both_commands(tmp_path):
    # 15 of 25 are 60 %, and 55 of 100 are 55 %.
    exact = cells((3, 15), (4, 10)), cells((3, 55), (4, 45))
    counted(tmp_path / "a", *((text, (3, *row)) for text, row in zip(TEXTS, exact, strict=False)), header=HEADER)
    columns = {"sequence": "sequence", "expression": None, "counts": list(count_columns(18)), "replicates": []}
    for share, kept in ((0.6, 1), (0.55, 2)):
        table = compare_labels_of(tmp_path / "a", 10, [share])
        assert re.search(rf"majority of {100 * share:.0f} ?% \| {kept} \|", table)
        found, _, _ = run(tmp_path, counts_source(columns=columns, majority={"support": 10, "share": share}))
        assert len(found) == kept


@pytest.mark.parametrize(
    ("truth", "counts", "message"),
    [
        (25, COUNTS[1], "line 4: column 'true_expression' is '25' but must be a number from 0 to 17"),
        ("", COUNTS[1], "line 4: column 'true_expression' is '' but must be a number from 0 to 17"),
        (4, ["x", *COUNTS[1][1:]], "line 4: column 'count_0' is 'x' but must be a number of at least 0"),
        (4, [-1, *COUNTS[1][1:]], "line 4: column 'count_0' is '-1' but must be a number of at least 0"),
    ],
)
def test_mistakes_in_a_table_to_compare_are_named_by_line_and_column(tmp_path, monkeypatch, truth, counts, message):
    monkeypatch.setattr(text_tables, "_BLOCK_BYTES", 250)
    rows = (TEXTS[0], (17, *COUNTS[0])), (TEXTS[1], (0, *COUNTS[0])), (TEXTS[2], (truth, *counts))
    counted(tmp_path / "a", *rows, header=HEADER)
    with pytest.raises(ValueError, match=f"a, {message}"):
        compare_labels_of(tmp_path / "a", 1, [0.75])


def test_an_empty_table_to_compare_is_refused(tmp_path):
    counted(tmp_path / "a", header=HEADER)
    with pytest.raises(ValueError, match="a has a header but no rows"):
        compare_labels_of(tmp_path / "a", 1, [0.75])


def test_command(tmp_path):
    truth = [3.4, 4.4, 1, 8, 2]
    rows = [(text, (value, *counts)) for text, value, counts in zip(TEXTS, truth, COUNTS, strict=False)]
    counted(tmp_path / "a", *rows, header=HEADER)
    arguments = ["compare-labels", "--counts", str(tmp_path / "a"), "--support", "4", "--share", "0.75"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    row = "| majority of 75 % | 2 | 40.0 % | 2 | 1 | 50.0 % | 0.90 | 1.00 |"
    assert row in result.output
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- labels: begin -->\n<!-- labels: end -->\n")
    CliRunner().invoke(main, [*arguments, "--document", str(document)], catch_exceptions=False)
    assert row in document.read_text().splitlines()
    result = CliRunner().invoke(main, [*arguments, "--truth", "truth"])
    assert result.exit_code == 1
    assert re.search("must have the columns truth and count_0 to count_17", result.output)
