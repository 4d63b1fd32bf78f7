"""The set-up script: whole environments are kept, anything else is made again, nobody's folder is touched."""

import json
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import yaml

import start

Version = namedtuple("Version", "major minor micro")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with two small lock files, and a record of what pip was asked to install."""
    (tmp_path / "requirements").mkdir()
    for name in ("runtime", "development"):
        (tmp_path / "requirements" / f"{name}.lock").write_text(f"{name}==1\n")
    monkeypatch.setattr(start, "ROOT", tmp_path)
    monkeypatch.setattr(start, "pip_command", lambda environment: ["pip"])
    installed = []
    monkeypatch.setattr(start, "install", lambda pip, name: installed.append(name))
    return tmp_path, installed


def test_makes_an_environment_once(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime"]
    assert (environment / "bin" / "python").exists()
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime"]


def test_adds_what_the_tests_need_to_a_whole_environment(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    (environment / "kept").touch()
    start.set_up(environment, ("runtime", "development"))
    assert installed == ["runtime", "development"]
    assert (environment / "kept").exists()
    # What the tests use is enough for predicting too.
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime", "development"]


def test_starts_again_when_a_lock_changed(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    (environment / "left over").touch()
    (root / "requirements" / "runtime.lock").write_text("runtime==2\n")
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime", "runtime"]
    assert not (environment / "left over").exists()


def test_starts_again_when_the_folder_was_moved(project):
    root, installed = project
    start.set_up(root / "first", ("runtime",))
    (root / "first").rename(root / "second")
    start.set_up(root / "second", ("runtime",))
    assert installed == ["runtime", "runtime"]


def test_starts_again_when_its_python_is_gone(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    (environment / "bin" / "python").unlink()
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime", "runtime"]


@pytest.mark.parametrize("at", ["runtime", "development"])
def test_an_interrupted_set_up_is_not_taken_for_whole(project, monkeypatch, at):
    root, installed = project
    environment = root / ".venv"

    def interrupted(pip, name):
        if name == at:
            raise KeyboardInterrupt
        installed.append(name)

    with monkeypatch.context() as patched:
        patched.setattr(start, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            start.set_up(environment, ("runtime", "development"))
    installed.clear()
    start.set_up(environment, ("runtime", "development"))
    assert installed == ["runtime", "development"]


def test_leaves_a_folder_of_somebody_else_alone(project):
    root, installed = project
    (root / "mine").mkdir()
    (root / "mine" / "work.txt").write_text("precious")
    with pytest.raises(start.SetupError, match="was not made by this script"):
        start.set_up(root / "mine", ("runtime",))
    assert (root / "mine" / "work.txt").read_text() == "precious"
    assert installed == []


def test_a_pip_that_fails_is_an_error_and_leaves_no_whole_environment(tmp_path, monkeypatch, capsys):
    pip = [sys.executable, "-c", "import sys; sys.exit(1)"]
    monkeypatch.setattr(start, "pip_command", lambda environment: pip)
    assert start.main(["predict", "--environment", str(tmp_path / "environment")]) == 1
    assert "pip could not install requirements/runtime.lock" in capsys.readouterr().err
    assert json.loads((tmp_path / "environment" / start.STAMP).read_text()) == {"state": "incomplete"}


def test_pip_installs_just_what_the_lock_says(tmp_path):
    record = tmp_path / "arguments.json"
    pip = [sys.executable, "-c", f"import json, sys; json.dump(sys.argv[1:], open({str(record)!r}, 'w'))"]
    start.install(pip, "runtime")
    arguments = json.loads(record.read_text())
    assert arguments[0] == "install"
    assert {"--require-hashes", "--no-deps"} <= set(arguments)
    assert Path(arguments[arguments.index("--requirement") + 1]) == start.ROOT / "requirements" / "runtime.lock"


def test_another_python_is_refused_with_a_reason(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", Version(3, 12, 4))
    assert start.main(["predict"]) == 1
    message = capsys.readouterr().err
    assert "needs Python 3.11" in message
    assert "3.12.4" in message


def test_shows_the_predictions_as_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(start, "ROOT", tmp_path)
    lines = ["metadata/id\tpreds/expression", "first\t10.256", "a longer name\t3.0"]
    (tmp_path / "predictions.tsv").write_text("\n".join(lines) + "\n")
    start.show(tmp_path / "predictions.tsv")
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "id             expression",
        "first          10.26",
        "a longer name  3.00",
    ]


def test_predicts_the_example_of_the_dataloader():
    dataloader = yaml.safe_load((start.ROOT / "dataloader.yaml").read_text())
    assert dataloader["args"]["sequence_file"]["example"] == start.EXAMPLE
