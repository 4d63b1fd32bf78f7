import runpy
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from closeness import assert_expression_close

import yeastpromoter
import yeastpromoter.predictor as module
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.model.decoding import decode
from yeastpromoter.sequence.reporter import PTPA

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "model_files" / "example" / "promoters.fa"


@pytest.fixture(scope="module")
def predictor():
    return yeastpromoter.load()


@pytest.fixture(scope="module")
def expected():
    with h5py.File(ROOT / "model_files" / "expected_predictions.h5") as file:
        return file["preds/expression"][:]


@pytest.fixture(scope="module")
def constructs():
    return [row.tobytes().decode() for row in SequenceFile(EXAMPLE).read(range(20)).constructs]


@pytest.mark.parametrize("block", [3, 4096])
def test_every_kind_of_input_gives_the_expected_numbers(predictor, constructs, expected, block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    found = predictor.predict(constructs)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert_expression_close(predictor.predict([text[PTPA.insert] for text in constructs]), found)
    assert_expression_close(predictor.predict(np.array(constructs)), found)
    assert_expression_close(predictor.predict(iter(constructs)), found)

    index = [f"row {n}" for n in range(20)][::-1]
    series = predictor.predict(pd.Series(constructs, index=index))
    assert (series.name, series.index.tolist()) == ("expression", index)
    assert_expression_close(series, found)

    frame = pd.DataFrame({"seq": constructs, "n": range(20)}, index=index)
    with_expression = predictor.predict(frame, sequence_column="seq")
    assert with_expression.columns.tolist() == ["seq", "n", "expression"]
    assert with_expression.index.tolist() == index
    assert_expression_close(with_expression.expression, found)
    assert frame.columns.tolist() == ["seq", "n"], "the frame of the user stays what it was"

    table = predictor.predict_file(EXAMPLE, bucket_scores=True)
    assert table.columns.tolist() == ["id", "record", "expression", *(f"bucket_{n:02d}" for n in range(18))]
    assert table.record.tolist() == list(range(20))
    assert table.id.tolist()[::19] == ["random_gc20_1", "background_lower_case"]
    assert_expression_close(table.expression, found)
    scores = predictor.bucket_scores(constructs)
    np.testing.assert_allclose(table.to_numpy()[:, 3:].astype(float), scores, rtol=0, atol=1e-5)
    assert_expression_close(decode(scores), found)


def test_no_sequences_give_no_predictions(predictor):
    assert predictor.predict([]).shape == (0,)
    assert predictor.bucket_scores([]).shape == (0, 18)
    assert predictor.predict(pd.Series([], dtype=object)).shape == (0,)


@pytest.mark.parametrize("block", [2, 4096])
@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (["A" * 80, "C" * 80, "G" * 110], r"sequence 2 has 110 bp but the first has 80: all must be inserts of 80 bp"),
        (["ACGT" * 19], r"sequence 0 has 76 bp but must have 80 \(an insert\) or 110"),
        (["ACGT" * 20, "ACGT" * 20, "ACG-" * 20], r"sequence 2 has '-' at position 4"),
        (["ACGT" * 20, "ACGÄ" * 20], r"sequence 1 has 'Ä' at position 4"),
        (["ACGT" * 20, None], r"sequence 1 is None but must be text"),
        ([7], r"sequence 0 is 7 but must be text"),
        (pd.Series(["ACGT" * 20, float("nan")], index=["x", "y"]), r"sequence 1 \(index 'y'\) is nan but must be text"),
        ("ACGT" * 20, r"a single text: give \[sequence\]"),
        (["N" * 80], r"nothing but N, which cannot be predicted"),
        (["A" * 110], r"1 of 1 sequences are not constructs.*sequence without adapters.*check_adapters=False"),
    ],
)
def test_wrong_input_is_named(predictor, sequences, message, block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    with pytest.raises(ValueError, match=message):
        predictor.predict(sequences)


def test_frames_need_a_column_that_is_theirs(predictor):
    frame = pd.DataFrame({"seq": ["ACGT" * 20]})
    with pytest.raises(ValueError, match=r"sequence_column is None but must name one column of the table.*'seq'"):
        predictor.predict(frame)
    with pytest.raises(ValueError, match="sequence_column is 'x'"):
        predictor.predict(frame, sequence_column="x")
    with pytest.raises(ValueError, match="has a column 'expression' already"):
        predictor.predict(frame.assign(expression=1), sequence_column="seq")
    with pytest.raises(ValueError, match="sequence_column is for a DataFrame but a list is given"):
        predictor.predict(["ACGT" * 20], sequence_column="seq")


def test_the_check_of_adapters_can_be_left_out(predictor):
    other = predictor.predict(["A" * 110], check_adapters=False)
    insert = predictor.predict(["A" * 80])
    assert abs(other - insert) > 0.01, "the adapters were not put in place of what is there"
    construct = PTPA.left_adapter + "A" * 80 + PTPA.right_adapter
    assert_expression_close(predictor.predict([construct], check_adapters=False), insert)


def test_a_scan_predicts_every_tile(predictor, monkeypatch):
    sequence = "".join(np.random.default_rng(4).choice(list("ACGT"), 215))
    wanted = predictor.predict([sequence[start : start + 80] for start in (0, 50, 100, 135)])
    for block in (3, 4, 4096):
        monkeypatch.setattr(module, "BLOCK", block)
        table = predictor.scan(sequence, step=50)
        assert table.columns.tolist() == ["position", "expression"]
        assert table.position.tolist() == [1, 51, 101, 136]
        assert_expression_close(table.expression, wanted)
    assert predictor.scan("A" * 80).position.tolist() == [1]
    unknown = predictor.scan("A" * 80 + "N" * 80, step=40)
    assert np.isnan(unknown.expression).tolist() == [False, False, True]
    with pytest.raises(ValueError, match="79 bp cannot be scanned: a tile has 80 bp"):
        predictor.scan("A" * 79)
    with pytest.raises(ValueError, match="step must be at least 1 bp but is 0"):
        predictor.scan("A" * 80, step=0)
    with pytest.raises(ValueError, match="'U' at position 81"):
        predictor.scan("A" * 80 + "U")


def test_prediction_imports_no_framework():
    code = (
        "import sys, yeastpromoter\nassert 'numpy' not in sys.modules\n"
        "predictor = yeastpromoter.load()\nassert isinstance(predictor, yeastpromoter.Predictor)\n"
        "print(predictor.predict(['ACGT' * 20])[0])\n"
        "assert not {'tensorflow', 'keras', 'kipoi', 'kipoiseq', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) < 17


def test_the_example_runs(capsys):
    runpy.run_path(str(ROOT / "examples" / "predict.py"))
    assert "random_gc20_1" in capsys.readouterr().out
