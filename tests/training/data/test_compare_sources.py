import json

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from training_tables import constructs_of, random_inserts, text_of

from training.cli.main import main

COUNT = 400
TEXTS = text_of(constructs_of(random_inserts(COUNT + 1, 11)))
TRUE_SLOPE, TRUE_INTERCEPT = 0.004, -1.5  # from the second source's unit to buckets


def write(path, *columns):
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in zip(*columns, strict=True)))


def write_config(folder, *sources, **data):
    runs = {"runs": {"only": {}}}
    settings = {"name": "made", "data": {"folder": str(folder), "sources": list(sources), **data}, **runs}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder / "config.yaml"


def call(config, *arguments, command="compare-sources"):
    folder = config.parent / "results"
    return CliRunner().invoke(main, [command, "--config", str(config), "--results", str(folder), *map(str, arguments)])


def lines_of(config, *arguments):
    """The lines that are reported, and the calibration that is printed for each."""
    output = config.parent / "output"
    result = call(config, "--output", output, *arguments)
    assert result.exit_code == 0, result.output
    printed = [yaml.safe_load(text)["calibration"] for text in result.stdout.split("\n\n")]
    return json.loads((output / "lines.json").read_text())["lines"], printed


@pytest.fixture
def sources(tmp_path):
    """Two noisy sources: one in half buckets, a quarter of it measured twice, and one in a unit of its own."""
    rng = np.random.default_rng(2)
    raw = rng.normal(2400, 500, COUNT)
    expression = 2 * (TRUE_SLOPE * raw + TRUE_INTERCEPT)
    measured = expression + rng.normal(0, 2, COUNT)
    replicates = raw + rng.normal(0, 350, (2, COUNT))
    twice = COUNT // 4
    write(tmp_path / "a", [*TEXTS[:COUNT], *TEXTS[:twice]], [*measured, *measured[:twice]])
    write(tmp_path / "b", TEXTS[:COUNT], replicates.mean(axis=0), *replicates)
    first = {"name": "a", "file": "a", "columns": {"sequence": 0, "expression": 1}, "calibration": {"slope": 0.5}}
    second = {"name": "b", "file": "b", "columns": {"sequence": 0, "expression": 1, "replicates": [2, 3]}}
    return first, second


def test_raw_values_of_the_second_come_to_calibrated_ones_of_the_first(tmp_path, sources):
    config = write_config(tmp_path, *sources)
    assert "They are in another unit" in call(config, command="assemble").output
    (line,), (printed,) = lines_of(config)
    assert line["sources"] == ["a", "b"]
    assert line["sequences"] == COUNT
    assert line["errors_from"] == "second"
    slope, intercept = (line["line_second_to_first"][name] for name in ("slope", "intercept"))
    assert slope["low"] < TRUE_SLOPE < slope["high"]
    assert intercept["low"] < TRUE_INTERCEPT < intercept["high"]
    assert line["ordinary_line"]["slope"] < slope["low"]
    assert printed == {name: float(f"{bounds['value']:.6g}") for name, bounds in line["line_second_to_first"].items()}
    assert (tmp_path / "output" / "1_a.b.png").read_bytes().startswith(b"\x89PNG")


def test_a_proposed_calibration_leaves_nothing_to_propose(tmp_path, sources):
    first, second = sources
    before, (calibration,) = lines_of(write_config(tmp_path, first, second))
    config = write_config(tmp_path, first, second | {"calibration": calibration})
    again, printed = lines_of(config)
    # Proposals are for raw values, whatever calibration is set.
    assert printed == [calibration]
    assert again[0]["line_second_to_first"] == before[0]["line_second_to_first"]
    assert again[0]["calibration_now"] == calibration
    # The report of the step assemble has what is left to do: nothing.
    assert call(config, command="assemble").exit_code == 0
    (pair,) = json.loads((tmp_path / "results" / "made" / "data" / "constructs.json").read_text())["agreement"]
    assert pair["line_second_to_first"]["slope"]["value"] == pytest.approx(1, abs=1e-4)
    assert pair["line_second_to_first"]["intercept"]["value"] == pytest.approx(0, abs=1e-3)


def test_held_out_sequences_are_left_out(tmp_path, sources):
    write(tmp_path / "held", TEXTS[:50])
    config = write_config(tmp_path, *sources, held_out=[{"file": "held"}])
    assert lines_of(config)[0][0]["sequences"] == COUNT - 50


def test_a_reference_turns_the_line_round(tmp_path, sources):
    (line,), _ = lines_of(write_config(tmp_path, *sources))
    (turned,), _ = lines_of(tmp_path / "config.yaml", "--reference", "b", "--figure-format", "svg")
    assert turned["sources"] == ["b", "a"]
    # The values of a are raw here, in half buckets.
    slope = line["line_second_to_first"]["slope"]["value"]
    assert turned["line_second_to_first"]["slope"]["value"] == pytest.approx(0.5 / slope)
    drawn = (tmp_path / "output" / "1_b.a.svg").read_text()
    assert drawn.startswith("<?xml")
    assert drawn.count("<use ") >= COUNT


def test_sources_that_do_not_rise_together_get_no_calibration(tmp_path):
    rng = np.random.default_rng(4)
    for name in "ab":
        write(tmp_path / name, TEXTS[:60], rng.normal(8, 2, 60))
    sources = [{"name": name, "file": name, "columns": {"sequence": 0, "expression": 1}} for name in "ab"]
    result = call(write_config(tmp_path, *sources))
    assert result.exit_code == 0, result.output
    assert "no calibration is proposed: the sources do not rise together" in result.stdout
    assert yaml.safe_load(result.stdout) is None
    assert (tmp_path / "results" / "made" / "data" / "compared_sources" / "lines.json").exists()


def test_counts_get_no_calibration_since_they_are_of_the_buckets(tmp_path):
    write(tmp_path / "a", TEXTS[:60], range(60))
    write(tmp_path / "b", TEXTS[:60], *[[1] * 60] * 18)
    sources = [
        {"name": "a", "file": "a", "columns": {"sequence": 0, "expression": 1}, "calibration": {"slope": 0.25}},
        {"name": "b", "file": "b", "columns": {"sequence": 0, "counts": list(range(1, 19))}},
    ]
    result = call(write_config(tmp_path, *sources))
    assert "has counts, whose mean bucket is on the scale already: no line is proposed" in result.output
    assert "each second source is on the scale already" in result.output.split("no line can be proposed")[1]


def test_mistakes_are_told(tmp_path, sources):
    first, second = sources
    write(tmp_path / "c", TEXTS[COUNT - 4 :], range(5))
    third = {"name": "c", "file": "c", "columns": {"sequence": 0, "expression": 1}}
    for chosen, arguments, message in (
        ([first], (), "data.sources has one source, 'a', but two or more are needed"),
        ([first, second], ("--reference", "x"), "data.sources has no source 'x'; it has 'a', 'b'"),
        ([first, third], (), "must share at least 30 sequences, but, held-out ones left out, 'a' and 'c' share 4"),
    ):
        result = call(write_config(tmp_path, *chosen), *arguments)
        assert result.exit_code == 1
        assert message in result.output
    result = call(write_config(tmp_path, first, second, third))
    assert result.exit_code == 0
    assert "too few for a line: 'a' and 'c' share 4, 'b' and 'c' share 4" in result.stderr
