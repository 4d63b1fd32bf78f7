import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_up_studies import SOURCES, made_up

from training.cli.main import main
from training.config.loading import load_config
from training.studies.gc_study import (
    method_name,
    read_runs,
    study_figure,
    study_table,
)

STUDY = Path(__file__).resolve().parents[3] / "training" / "config" / "gc_study.yaml"


@pytest.fixture
def study(tmp_path):
    """Configuration of the study and a folder with records of all runs but two."""
    config = load_config(STUDY)
    for number, (name, settings) in enumerate(config["runs"].items()):
        if name not in ("sampling_2", "none_3"):
            (tmp_path / f"{name}.json").write_text(json.dumps(made_up(settings, number)))
    return config, tmp_path


def test_the_study_differs_in_the_correction_alone():
    config = load_config(STUDY)
    names = [method_name(run["gc_sampling"]) for run in config["runs"].values()]
    expected = [
        "no correction",
        "the authors' weighting, 80 % without replacement",
        "sampling, 80 % without replacement",
        "sampling, 80 % with replacement",
        "reweighting",
    ]
    assert names == 3 * expected
    assert [run["seed"] for run in config["runs"].values()] == [seed for seed in (1, 2, 3) for _ in expected]
    seeds = [run["gc_sampling"]["seed"] for name, run in config["runs"].items() if name.startswith("sampling")]
    assert seeds == [1, 2, 3]
    public = load_config(STUDY.with_name("public.yaml"))
    assert [config[key] for key in ("data", "split", "buckets")] == [
        public[key] for key in ("data", "split", "buckets")
    ]
    assert all(run["phases"][0]["epochs"] == 8 and run["precision"] == "bfloat16" for run in config["runs"].values())


def test_names_of_corrections():
    plain = load_config(STUDY)["runs"]["sampling_1"]["gc_sampling"]
    assert method_name(plain | {"cap": 5000, "target": "genome"}) == (
        "sampling, 80 % without replacement, at most 5,000 a bucket, towards the genome"
    )
    assert method_name(plain | {"method": "reweighting_by_source"}) == "reweighting, each source by itself"


def test_table_by_hand(study):
    runs, missing = read_runs(*study)
    assert missing == ["sampling_2", "none_3"]
    assert [len(records) for records in runs.values()] == [2, 3, 2, 3, 3]
    lines = study_table(runs, missing).splitlines()
    header, rows = lines[0].split(" | "), {line.split(" | ")[0].strip("| "): line.split(" | ") for line in lines[2:]}
    assert header[1] == "no correction (2 runs)"
    # none_1 and none_2 are the runs 0 and 5 of the configuration.
    assert rows["Constructs kept"][1] == "998 (995 to 1,000)"
    assert rows["Pearson, high quality"][1] == "0.925 (0.900 to 0.950)"
    assert rows["GC and prediction, r, native (measured 0.44)"][1] == "0.475 (0.450 to 0.500)"
    assert rows["Ratio, S↔W to S↔S and W↔W"][2] == "1.30"
    note = lines[-1]
    assert "1,000 random sequences" in note
    assert "reaches at most 0.020 to either side of its value, that of a ratio at most 0.05" in note
    assert note.endswith("Not finished yet: sampling_2, none_3.")
    for records in runs.values():
        for record in records:
            for group in ("mean_absolute_effect", "mean_effect", "ratio"):
                effects = record["base_changes"][group]
                record["base_changes"][group] = {name: [value, None, None] for name, (value, *_) in effects.items()}
    assert "There are no intervals: fewer than 30 sequences." in study_table(runs, missing).splitlines()[-1]
    assert study_figure(runs, missing).axes


def test_figure_has_a_mark_for_every_run(study):
    runs, missing = read_runs(*study)
    figure = study_figure(runs, missing)
    data, accuracy, gc, effects = figure.axes
    marks = [line for line in accuracy.lines if len(line.get_xdata()) == 1 and line.get_marker() != "None"]
    assert len(marks) == 13 * len(SOURCES)
    assert min(mark.get_xdata()[0] for mark in marks) == pytest.approx(0.9)
    intervals = [tuple(line.get_xdata()) for line in effects.lines if len(line.get_xdata()) == 2]
    assert intervals.count((1.25, 1.31)) == 13 * 3
    assert len(data.get_yticklabels()) == len(gc.get_yticklabels()) == 5
    assert data.get_xlim() == (-0.05, 1.05)
    first = next(iter(runs.values()))[0]
    first["gc_correction"]["after"]["gc_expression_pearson"] = -0.4
    assert study_figure(runs, missing).axes[0].get_xlim()[0] < -0.4


def test_command_writes_what_is_there_and_says_what_is_not(study):
    _, folder = study
    document = folder / "README.md"
    document.write_text("a\n<!-- gc-study: begin -->\n<!-- gc-study: end -->\nb\n")
    arguments = ["gc-study", "--config", str(STUDY), "--records", str(folder), "--output", str(folder / "out")]
    result = CliRunner().invoke(main, [*arguments, "--document", str(document)])
    assert result.exit_code == 0, result.output
    assert "without a record yet: sampling_2, none_3" in result.output
    table = (folder / "out" / "gc_study.md").read_text()
    assert document.read_text() == f"a\n<!-- gc-study: begin -->\n{table.strip()}\n<!-- gc-study: end -->\nb\n"
    assert (folder / "out" / "gc_study.png").read_bytes()[1:4] == b"PNG"
    result = CliRunner().invoke(main, [*arguments[:3], "--records", str(folder / "out")])
    assert result.exit_code == 1
    assert "holds no record of the runs of gc_study" in result.output


def test_other_runs_are_refused(study):
    config, folder = study
    path = folder / "authors_2.json"
    record = json.loads(path.read_text())
    for settings in (record["settings"], config["runs"]["authors_2"]):
        settings["phases"][0]["epochs"] = 9
    record["tables"]["split"] = "other"
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="none_1 and authors_2 differ in phase 1 epochs, tables, but"):
        read_runs(config, folder)


def test_records_of_other_settings_than_the_configuration_are_refused(study):
    config, folder = study
    config["runs"]["authors_2"]["phases"][0]["epochs"] = 4
    with pytest.raises(ValueError, match=r"of run authors_2 with other .* gc_study has now \(phases\[0\]\.epochs\)"):
        read_runs(config, folder)
    config["runs"]["authors_2"]["phases"][0]["epochs"] = 8
    config["base_changes"]["sequences"] = 999
    with pytest.raises(ValueError, match=r"of run none_1 with other .* \(base_changes\.sequences\)"):
        read_runs(config, folder)


def test_a_record_keeps_no_folder_and_is_of_its_configuration_all_the_same(study):
    config, folder = study
    for name in config["runs"]:
        config["runs"][name]["gc_sampling"]["genome"] = {"file": "/somewhere/genome.fa", "url": None}
        if (folder / f"{name}.json").is_file():
            record = json.loads((folder / f"{name}.json").read_text())
            record["settings"]["gc_sampling"]["genome"] = {"file": "genome.fa"}
            (folder / f"{name}.json").write_text(json.dumps(record))
    assert len(read_runs(config, folder)[0]) == 5


def test_what_a_record_lacks_is_said_and_how_to_get_it(study):
    config, folder = study
    path = folder / "none_1.json"
    record = json.loads(path.read_text())
    del record["base_changes"]
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"lacks base_changes\. Run the step base-changes of run none_1, and record"):
        read_runs(config, folder)
    with pytest.raises(ValueError, match=r"lacks base_changes\. configuration gc_study .*add base_changes: \{\} to it"):
        read_runs(config | {"base_changes": None}, folder)
    del record["evaluation"]["validation"]
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="lacks the evaluation of the validation part and base_changes"):
        read_runs(config, folder)


def test_the_weights_of_the_loss_are_shown_where_sources_have_weights(study):
    runs, _ = read_runs(*study)
    assert "weights of the sources" not in study_table(runs)
    for records in runs.values():
        for record in records:
            record["gc_correction"]["in_loss"] = {
                "effective_constructs": 1234.4,
                "largest_weight": 7.66,
                "gc_expression_pearson": 0.0154,
            }
    table = study_table(runs)
    cells = next(line for line in table.splitlines() if "With the weights of the sources" in line).split("|")
    assert cells[2].strip() == "1,234"
    assert "| – largest weight | 7.7 |" in table
    assert "| – GC and expression, r | 0.015 |" in table
    assert "The loss multiplies the weights of a correction with those of the sources" in table
