import json

import numpy as np
import pandas as pd
import pytest
from closeness import EXPRESSION, SCORES, assert_expression_close, assert_scores_close
from networks import lively_network

from training.evaluate.predict import predict, read_rows
from yeastpromoter.sequence.encoding import letters, one_hot
from yeastpromoter.sequence.reporter import PTPA

RELU = {"first_activation": "relu"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Weights, five made-up constructs in a gzip-free list, and what a plain forward pass says of them."""
    folder = tmp_path_factory.mktemp("predict")
    rng = np.random.default_rng(4)
    constructs = [PTPA.left_adapter + "".join(rng.choice(list("ACGT"), 80)) + PTPA.right_adapter for _ in range(5)]
    (folder / "sequences.txt").write_text("\n".join(constructs) + "\n")
    network = lively_network()
    network.save_weights(folder / "best.weights.h5")
    scores = np.asarray(network(one_hot(letters(constructs))), dtype=float)
    return folder, constructs, scores


def test_table_and_leaderboard(made, tmp_path, monkeypatch):
    folder, constructs, scores = made
    monkeypatch.setattr("training.evaluate.predict._ROWS_AT_ONCE", 2)
    (tmp_path / "sample.json").write_text('{"4": 0.5, "0": -1.25}')
    count = predict(
        folder / "sequences.txt",
        folder / "best.weights.h5",
        RELU,
        tmp_path / "new" / "table.tsv",
        tmp_path / "sample.json",
        tmp_path / "board.json",
    )
    assert count == 5
    expression = [np.average(range(18), weights=row) for row in scores]
    table = pd.read_csv(tmp_path / "new" / "table.tsv", sep="\t")
    assert list(table) == ["record", "id", "sequence", "expression", *(f"{bucket:02d}" for bucket in range(18))]
    assert table["record"].tolist() == [0, 1, 2, 3, 4]
    assert table["sequence"].tolist() == constructs
    assert_expression_close(table["expression"], expression)
    assert_scores_close(table.iloc[:, 4:], scores)
    board = json.loads((tmp_path / "board.json").read_text())
    assert list(board) == ["4", "0"]
    assert board == {row: pytest.approx(expression[int(row)], abs=EXPRESSION) for row in ("4", "0")}


def test_largest_score_decodes_too(made, tmp_path):
    folder, _, scores = made
    predict(folder / "sequences.txt", folder / "best.weights.h5", RELU, tmp_path / "t.tsv", decoding="argmax")
    largest, second = np.sort(scores, axis=1)[:, :-3:-1].T
    assert (largest - second).min() > 2 * SCORES, "or rounding would decide"
    assert pd.read_csv(tmp_path / "t.tsv", sep="\t")["expression"].tolist() == scores.argmax(axis=1).tolist()


def test_what_cannot_be_predicted(made, tmp_path):
    folder, _, _ = made
    arguments = (folder / "sequences.txt", folder / "best.weights.h5", RELU, tmp_path / "t.tsv")
    with pytest.raises(ValueError, match="given together"):
        predict(*arguments, leaderboard=tmp_path / "board.json")
    with pytest.raises(ValueError, match="must be one of weighted_mean, argmax"):
        predict(*arguments, decoding="mode")
    (tmp_path / "rows.txt").write_text("0\n5\n")
    with pytest.raises(ValueError, match="row 5 has no prediction, it is not among the sequences"):
        predict(*arguments, tmp_path / "rows.txt", tmp_path / "board.json")
    assert not (tmp_path / "board.json").exists()


@pytest.mark.parametrize("text", ['{"3": 0.1, "1": 2}', "[3, 1]", '["3", "1"]', "3\n1\n"])
def test_row_numbers_in_every_form(tmp_path, text):
    (tmp_path / "rows").write_text(text)
    assert read_rows(tmp_path / "rows") == [3, 1]


@pytest.mark.parametrize(
    ("text", "match"),
    [("", "file is empty"), ("[]", "no row numbers"), ('{"-1": 0}', "'-1'"), ("[1.5]", "1.5"), ("a", "'a'")],
)
def test_no_row_numbers(tmp_path, text, match):
    (tmp_path / "rows").write_text(text)
    with pytest.raises(ValueError, match=match):
        read_rows(tmp_path / "rows")
