import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_up_studies import SOURCES, made_up

from training.cli.main import main
from training.config.loading import load_config
from training.studies.fine_tuning_study import RANDOM, read_runs, study_figure, study_table

STUDY = Path(__file__).resolve().parents[3] / "training" / "config" / "fine_tuning.yaml"
NUMBERS = (300, 1000, 3000, 10000)
GENTLE, STEEP = "base, learning rate 0.0001", "base, learning rate 0.0003"


@pytest.fixture
def study(tmp_path):
    """The shipped configuration, and made-up records of all its runs but one."""
    config = load_config(STUDY)
    for number, (name, settings) in enumerate(config["runs"].items()):
        if name != "scratch_3000":
            record = made_up(settings, number)
            use = settings["set_aside"]["use"] or 10_000
            record |= {
                "run": name,
                "training_constructs": 38_531 if name == "base" else use,
                "epochs": settings["phases"][0]["epochs"],
                "seconds": 90.0 * number,
            }
            (tmp_path / f"{name}.json").write_text(json.dumps(record))
    return config, tmp_path


def test_the_configuration_has_pairs_that_differ_in_the_start_and_its_settings():
    config = load_config(STUDY)
    assert next(iter(config["runs"])) == "base"
    for number in NUMBERS:
        scratch, tuned = (config["runs"][f"{name}_{number}"] for name in ("scratch", "fine_tuned"))
        assert scratch["set_aside"] == tuned["set_aside"]
        assert (scratch["initial"], tuned["initial"]) == (None, "base")
    public = load_config(STUDY.with_name("public.yaml"))
    assert [config[key] for key in ("data", "split")] == [public[key] for key in ("data", "split")]
    assert all(run["phases"][0]["patience"] is None for run in config["runs"].values())


def test_table_by_hand(study):
    config, folder = study
    found = read_runs(config, folder)
    assert list(found.runs) == [
        *[(number, start) for number in (300, 1000) for start in (GENTLE, STEEP, RANDOM)],
        (3000, GENTLE),
        *[(10000, start) for start in (GENTLE, RANDOM)],
    ]
    assert found.missing == ["scratch_3000"]
    assert found.sources == list(SOURCES)
    table = study_table(found)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    assert len(rows) == 2 + 1 + 9
    pearson = json.loads((folder / "fine_tuned_1000.json").read_text())["evaluation"]["validation"]
    expected = [f"{pearson[source]['full_length']['pearson'][0]:.3f}" for source in SOURCES]
    # The fifth run of the configuration: four times 1.5 minutes.
    assert rows[2 + 1 + 3] == ["1,000", GENTLE, "8", "6.0", *expected]
    assert rows[2][:4] == ["none", "base", "–", "–"]
    assert "base learned from 38,531 others" in table
    assert "Not finished yet: scratch_3000" in table


def test_figure_has_a_line_for_each_start_and_one_for_the_base(study):
    found = read_runs(*study)
    axes = study_figure(found).axes
    assert [axis.get_title() for axis in axes] == [source.replace("_", " ") for source in SOURCES]
    lines = {line.get_label(): line for line in axes[0].lines if not line.get_label().startswith("_")}
    assert list(lines) == [*(f"start from {start}" for start in (GENTLE, STEEP, RANDOM)), "base as it is"]
    assert list(lines[f"start from {GENTLE}"].get_xdata()) == list(NUMBERS)
    assert list(lines[f"start from {STEEP}"].get_xdata()) == [300, 1000]
    assert list(lines["start from random weights"].get_xdata()) == [300, 1000, 10000]
    first = found.runs[300, RANDOM][0]["evaluation"]["validation"][SOURCES[0]]["full_length"]["pearson"]
    assert lines["start from random weights"].get_ydata()[0] == first[0]
    intervals = [tuple(line.get_ydata()) for line in axes[0].lines if line.get_marker() == "None"]
    assert tuple(first[1:]) in intervals


def test_command_writes_what_is_there_and_says_what_is_not(study):
    _, folder = study
    document = folder / "README.md"
    document.write_text("a\n<!-- fine-tuning-study: begin -->\n<!-- fine-tuning-study: end -->\nb\n")
    arguments = ["fine-tuning-study", "--config", str(STUDY), "--records", str(folder), "--output", str(folder / "o")]
    result = CliRunner().invoke(main, [*arguments, "--document", str(document)])
    assert result.exit_code == 0, result.output
    assert "without a record yet: scratch_3000" in result.output
    table = (folder / "o" / "fine_tuning_study.md").read_text()
    assert table.strip() in document.read_text()
    assert (folder / "o" / "fine_tuning_study.png").read_bytes()[1:4] == b"PNG"


def test_it_is_said_where_validation_chose_the_epochs(study):
    config, folder = study
    assert "; no run chose its epochs by it." in study_table(read_runs(config, folder))
    config["runs"]["scratch_300"]["phases"][0]["patience"] = 5
    path = folder / "scratch_300.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"settings": config["runs"]["scratch_300"]}))
    assert ", by which runs chose their epochs: they look better" in study_table(read_runs(config, folder))


def test_what_is_no_such_study_is_refused(study):
    config, folder = study
    with pytest.raises(ValueError, match="no run of configuration public learns from constructs that were set aside"):
        read_runs(load_config(STUDY.with_name("public.yaml")), folder)
    with pytest.raises(ValueError, match="holds no record of the runs of fine_tuning"):
        read_runs(config, folder / "elsewhere")
    path = folder / "scratch_300.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"tables": record["tables"] | {"split": "other"}}))
    with pytest.raises(ValueError, match="runs base and scratch_300 were trained on other constructs or another split"):
        read_runs(config, folder)
    path.write_text(json.dumps(record | {"evaluation": {}}))
    with pytest.raises(ValueError, match=r"scratch_300\.json has no scores of the validation part"):
        read_runs(config, folder)
    path.write_text(json.dumps(record))
    config["runs"]["scratch_300"]["phases"][0]["epochs"] = 4
    with pytest.raises(ValueError, match=r"scratch_300 with other settings than .* now .phases.0..epochs"):
        read_runs(config, folder)
    config["runs"]["fine_tuned_300"]["initial"] = "scratch_300"
    with pytest.raises(ValueError, match="start from one run"):
        read_runs(config, folder)
