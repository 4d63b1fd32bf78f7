"""A first configuration from a table: what is recognised, and that it is valid and does what it says."""

import re
import subprocess
import sys

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from training.cli.main import main
from training.config.first_configuration import configuration, look_at
from training.config.loading import complete_config, load_config
from training.data.assay import PUBLIC, Assay
from training.data.assemble import assemble
from training.data.tables import read_table
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA

INSERTS = [row.tobytes().decode() for row in random_inserts(60, 5)]
LONG = [row.tobytes().decode() for row in random_inserts(60, 6, length=150)]
VALUES = np.linspace(0.3, 16.6, 60).round(3).tolist()


def write(path, rows, header=None, separator="\t"):
    lines = [*([header] if header else []), *rows]
    path.write_text("".join(separator.join(map(str, line)) + "\n" for line in lines))
    return path


def test_constructs_of_the_public_reporter(tmp_path):
    path = write(
        tmp_path / "my table.v2.tsv",
        [(PTPA.add_adapters(text), value) for text, value in zip(INSERTS, VALUES, strict=False)],
    )
    found = look_at(path)
    assert (found.reporter, found.sequence_type, found.other_lengths) == (PTPA, "construct", "error")
    config, said = configuration(found)
    complete = complete_config(config)
    assert complete["name"] == "my_table"
    assert complete["data"]["sources"][0]["columns"]["expression"] == 1
    assert complete["runs"]["fine_tuned"]["initial"] == "shipped"
    assert Assay.of(complete) == PUBLIC
    assert any("very few" in sentence for sentence in said)
    assert complete["runs"]["from_random"]["phases"][0]["batch_size"] == 16  # 42 constructs


def test_inserts_in_a_table_of_commas_with_replicates_and_missing_values(tmp_path):
    rows = [
        (f"p{n}", text, value, value + 0.1, value - 0.1)
        for n, (text, value) in enumerate(zip(INSERTS, VALUES, strict=False))
    ]
    rows[3] = ("p3", INSERTS[3], "NA", "NA", "NA")
    rows[4] = ("p4", INSERTS[5], 4, 4, 4)
    header = ("id", "seq", "Mean expression", "rep_1", "rep_2")
    found = look_at(write(tmp_path / "t.csv", rows, header, ","))
    assert found.sequence_type == "insert"
    assert found.columns == {"sequence": "seq", "expression": "Mean expression", "replicates": ["rep_1", "rep_2"]}
    assert found.rows == 58
    assert any(sentence.startswith("1 rows have no value") for sentence in found.said)
    assert any(sentence.startswith("1 rows repeat a sequence") for sentence in found.said)
    config, _ = configuration(found)
    complete = complete_config(config)
    assemble(complete["data"], tmp_path / "c.h5", tmp_path / "c.json", assay=Assay.of(complete))
    assert len(read_table(tmp_path / "c.h5", "sequence")["sequence"]) == 58


def test_another_reporter_with_counts_is_seen_by_its_ends(tmp_path):
    rng = np.random.default_rng(1)
    rows = [(f"GATTACAGGACT{text}CCTAGGTTC", *rng.integers(0, 9, 4)) for text in LONG]
    found = look_at(write(tmp_path / "library.tsv", rows, ("sequence", "bin1", "bin2", "bin3", "bin4")))
    reporter = found.reporter
    assert (reporter.left_adapter, reporter.right_adapter, reporter.insert_length) == ("GATTACAGGACT", "CCTAGGTTC", 150)
    assert found.columns["counts"] == ["bin1", "bin2", "bin3", "bin4"]
    config, said = configuration(found)
    complete = complete_config(config)
    assert Assay.of(complete).network == {"length": 171, "buckets": 4}
    assert list(complete["runs"]) == ["from_random"]
    assert any("cannot be started from" in sentence for sentence in said)
    assemble(complete["data"], tmp_path / "c.h5", tmp_path / "c.json", assay=Assay.of(complete))
    assert read_table(tmp_path / "c.h5", "sequence")["sequence"].dtype == "S171"


def test_a_column_of_the_split_is_taken(tmp_path):
    words = ["Train", "test", "valid", ""]
    rows = [(text, words[i % 4], i % 17) for i, text in enumerate(INSERTS)]
    found = look_at(write(tmp_path / "t.tsv", rows, ("seq", "fold", "expression")))
    assert found.columns == {"sequence": "seq", "split": "fold", "expression": "expression"}
    assert any(
        sentence == "the column 'fold' says which rows are for training, validation and test" for sentence in found.said
    )
    complete = complete_config(configuration(found)[0])
    assemble(complete["data"], tmp_path / "c.h5", tmp_path / "c.json", assay=Assay.of(complete))
    assert np.bincount(read_table(tmp_path / "c.h5", "part")["part"])[[0, 1, 2, 255]].min() > 0


def test_values_of_another_unit_make_the_scale(tmp_path):
    path = write(tmp_path / "t.tsv", [(text, value / 3 - 4) for text, value in zip(INSERTS, VALUES, strict=False)])
    config, _ = configuration(look_at(path))
    values = config["buckets"]["values"]
    assert len(values) == 18
    np.testing.assert_allclose(np.diff(values), (values[-1] - values[0]) / 17, rtol=1e-4)
    assert values[0] == pytest.approx(VALUES[0] / 3 - 4, abs=0.05)
    assert config["run_defaults"]["soft_label_sd"] == pytest.approx(0.7 * (values[-1] - values[0]) / 17, rel=0.01)


def test_the_public_adapters_within_longer_constant_ends(tmp_path):
    rows = [(f"AAC{PTPA.add_adapters(text)}TCTTAAT", value) for text, value in zip(INSERTS, VALUES, strict=False)]
    config, _ = configuration(look_at(write(tmp_path / "t.tsv", rows)))
    assert config["data"]["sources"][0]["trim"] == {"left": 3, "right": 7}
    assert "reporter" not in config


def test_a_named_value_is_taken_before_numbered_columns_and_what_is_not_used_is_said(tmp_path):
    rows = [(text, value, i, i + 1, i + 2) for i, (text, value) in enumerate(zip(INSERTS, VALUES, strict=False))]
    found = look_at(write(tmp_path / "t.tsv", rows, ("seq", "expression", "x1", "x2", "x3")))
    assert found.columns == {"sequence": "seq", "expression": "expression"}
    assert "not used: x1, x2, x3" in found.said


@pytest.mark.parametrize(("name", "lowest"), [("value", -2.0), ("log2FoldChange", 0.5)])
def test_log_ratios_are_not_taken_for_the_public_scale(tmp_path, name, lowest):
    values = np.linspace(lowest, 9, len(INSERTS)).round(3)
    found = look_at(write(tmp_path / "t.tsv", list(zip(INSERTS, values, strict=True)), ("seq", name)))
    assert found.assay.bucket_values != PUBLIC.bucket_values
    assert found.assay.ends[0] == pytest.approx(lowest, abs=0.1)
    # The lowest and the highest value are beyond the quantiles that are the ends.
    assert any("2 values beyond are set to the nearer end" in sentence for sentence in found.said)


def test_whole_table_is_tried_before_a_configuration_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [(text, value, "train") for text, value in zip(INSERTS, VALUES, strict=False)]
    rows.append((INSERTS[0], 4.0, "test"))
    path = write(tmp_path / "mine.tsv", rows, ("seq", "value", "split"))
    done = CliRunner().invoke(main, ["start", str(path)])
    assert done.exit_code != 0
    assert "1 constructs are in two parts by part or columns.split" in done.output
    assert not (tmp_path / "mine.yaml").exists()


def backwards(text):
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        ([("p1", 3.0), ("p2", 4.0)], None, "no column holds sequences"),
        ([(INSERTS[0], INSERTS[1], 3.0)], None, "all hold sequences"),
        ([(INSERTS[0], "high")], None, "no column beside the sequences holds numbers"),
        ([(INSERTS[0], 3, 4)], ("s", "a", "b"), "the columns a, b all hold numbers"),
        ([(INSERTS[0], "")], ("s", "expression"), "has no value"),
        ([(text, 3) for text in INSERTS], None, "nearly all are equal"),
        ([(INSERTS[0],)], None, "has one column"),
        ([(INSERTS[0], 3)], ("s", "expression"), "has one measured value"),
        ([(INSERTS[0], 3), (f" {INSERTS[1]}", 4)], ("s", "expression"), "line 3: there are blanks around the sequence"),
        (
            [(INSERTS[0], 3), (INSERTS[1], "3,5")],
            ("s", "expression"),
            "line 3: column 'expression' is '3,5' but must be a number",
        ),
        (
            [(INSERTS[0], 3), (INSERTS[1], "1_7")],
            ("s", "expression"),
            "line 3: column 'expression' is '1_7' but must be a number",
        ),
        ([(INSERTS[0], 3, "fit")], ("s", "expression", "split"), "line 2: 'fit' in the column 'split'"),
        (
            [(text, 3, word) for text, word in zip(INSERTS, ["train", "test", "holdout"], strict=False)],
            ("s", "expression", "fold"),
            "line 4: 'holdout' in the column 'fold'",
        ),
        ([(INSERTS[0], 1, 2, 3), (INSERTS[1], 1, "", 3)], ("s", "bin1", "bin2", "bin3"), "1 cells of bin2 are empty"),
        (
            [(INSERTS[0], *range(6))],
            ("s", *(f"{what}_count_{n}" for what in ("dna", "rna") for n in (1, 2, 3))),
            "counts of RNA and DNA",
        ),
        (
            [(backwards(PTPA.add_adapters(text)), v) for text, v in zip(INSERTS, VALUES, strict=False)],
            None,
            "the reverse complement",
        ),
        ([(INSERTS[0] * 2, value) for value in VALUES], None, "nearly all the same"),
    ],
)
def test_what_is_unclear_is_said(tmp_path, rows, header, said):
    with pytest.raises(ValueError, match=said):
        look_at(write(tmp_path / "t.tsv", rows, header))


def test_the_command_writes_what_it_says_and_nothing_over_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "mine.tsv", [(text, value) for text, value in zip(INSERTS, VALUES, strict=False)])
    done = CliRunner().invoke(main, ["start", str(path)])
    assert done.exit_code == 0, done.output
    assert "--configfile mine.yaml" in done.output
    assert load_config("mine.yaml")["data"]["folder"] == str(tmp_path)
    text = (tmp_path / "mine.yaml").read_text()
    assert not re.search(r"[&*]id\d", text)
    assert yaml.safe_load(text)["name"] == "mine"
    again = CliRunner().invoke(main, ["start", str(path)])
    assert again.exit_code
    assert "exists already" in again.output


def test_what_looks_at_a_table_needs_no_keras():
    code = "import sys, training.cli.start; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
