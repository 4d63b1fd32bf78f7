import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from closeness import assert_expression_close

import yeastpromoter
from yeastpromoter.cli.main import main
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.sequence.reporter import PTPA

A = "CTAAATTTCAATTACGAGGAGCTGGTACCTCCGCGTAAAAGCGCTTTGGCAGTGGTCCGTCATTGCGGACTTTGTATCAG"
B = "G" + A[1:41] + "T" + A[42:79] + "n"


def run(*arguments):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def exchanged(text, position, letter):
    return text[: position - 1] + letter + text[position:]


def test_each_difference_alone_in_both_sequences(tmp_path):
    (tmp_path / "b.fa").write_text(f">b\n{PTPA.add_adapters(B)}\n")
    table = tmp_path / "o.csv"
    result = run(A, tmp_path / "b.fa", "-o", table)
    assert result.exit_code == 0, result.output
    expression = yeastpromoter.load().predict
    of_a, of_b = expression([A, B])
    rows = pd.read_csv(table)
    assert rows.columns.tolist() == ["position", "a", "b", "effect_in_a", "effect_in_b"]
    assert rows.position.tolist() == [1, 42, 80]
    assert rows.a.tolist() == ["C", A[41], "G"]
    assert rows.b.tolist() == ["G", "T", "N"]
    in_a = expression([exchanged(A, position, base) for position, base in zip(rows.position, rows.b, strict=True)])
    in_b = expression([exchanged(B, position, base) for position, base in zip(rows.position, rows.a, strict=True)])
    assert_expression_close(rows.effect_in_a, in_a - of_a)
    assert_expression_close(rows.effect_in_b, of_b - in_b)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[1] == ["1", "C", "G", f"{in_a[0] - of_a:+.3f}", f"{of_b - in_b[0]:+.3f}"]
    assert lines[4] == ["sum", f"{(in_a - of_a).sum():+.3f}", f"{(of_b - in_b).sum():+.3f}"]
    assert f"Expression: A {of_a:.3f}, B {of_b:.3f}, B − A {of_b - of_a:+.3f}" in result.stdout


def test_a_difference_in_an_adapter_has_its_position():
    result = run(PTPA.add_adapters(A), "A" + PTPA.add_adapters(A)[1:-1] + "A")
    assert [line.split()[:3] for line in result.stdout.splitlines()[1:3]] == [["-16", "T", "A"], ["93", "T", "A"]]


def test_equal_sequences_have_no_differences():
    result = run(A, PTPA.add_adapters(A).lower())
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("A and B are the same construct, of expression 1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{A}\n{B}\n", "two.txt: has 2 sequences, but must have one to be compared"),
        ("ACGT\n", "1 of 1 sequences are not 110 bp long"),
        ("C" * 110 + "\n", "are not constructs"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path, text, message):
    (tmp_path / "two.txt").write_text(text)
    result = run(A, tmp_path / "two.txt")
    assert result.exit_code == 1
    assert message in result.output


def test_intervals_of_both_and_of_the_difference():
    a, b = "ACGTTGCA" * 10, "ACGTTGCA" * 9 + "A" * 8
    result = CliRunner().invoke(main, ["compare", a, b, "--interval", "80"])
    assert result.exit_code == 0, result.output
    table = yeastpromoter.load().predict([a, b], interval=80)
    total = table.expression[1] - table.expression[0]
    calibration = load_trained_network().calibration
    ends = calibration.lower[calibration.levels.index(80)], calibration.upper[calibration.levels.index(80)]
    scales = ((table.upper - table.lower) / (ends[1] - ends[0])).to_numpy()
    half = float(calibration.effect_half_widths(*scales, 80))
    said = re.search(r"80 % intervals: A (\S+) to (\S+), B (\S+) to (\S+), B − A about (\S+) to (\S+)", result.stdout)
    wanted = [table.lower[0], table.upper[0], table.lower[1], table.upper[1], total - half, total + half]
    np.testing.assert_allclose([float(number) for number in said.groups()], wanted, rtol=0, atol=0.051)
    for flag in filter(None, table.flag):
        assert flag in result.stderr
