import copy
import importlib.util
import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from test_train import paths, phase, run_of, same, small, steps, weights_of  # noqa: F401

from training.cli.main import main
from training.config.loading import load_config
from training.fit.event_files import EventFiles, remove_events, values_of
from yeastpromoter import extras
from yeastpromoter.extras import MissingExtraError

CI = Path(__file__).resolve().parents[3] / "training" / "config" / "ci.yaml"
RECORD = {"phase": 0, "epoch": 0, "loss": 0.5, "mae": 0.2, "seconds": 3.1, "best": True}
RECORD |= {"val_loss": 0.4, "val_mae": 0.1, "val_pearson_tiles": None}
AVERAGE = {"phase": 0, "epoch": 1, "averaged": True, "seconds": 0.0, "val_loss": 0.3, "best": True}


class Writer:
    """Writes lines of JSON, under the names of event files."""

    count = 0

    def __init__(self, folder):
        Writer.count += 1
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.file = (Path(folder) / f"events.out.tfevents.{Writer.count}").open("w")

    def add_scalar(self, tag, data, step):
        self.file.write(json.dumps([tag, step, data]) + "\n")

    def flush(self):
        self.file.flush()

    def close(self):
        self.file.close()


@pytest.fixture
def tensorboard(monkeypatch):
    """A stand-in for the package, which the tests do not need; the last test takes the real one."""
    for name in ("tensorboard", "tensorboard.summary"):
        module = ModuleType(name)
        module.__spec__, module.Writer = ModuleSpec(name, None), Writer
        monkeypatch.setitem(sys.modules, name, module)


def curves(folder):
    """What the event files of a run say: for each kind, value by name and step."""
    found = {}
    for kind in ("train", "validation"):
        lines = [line for path in (folder / "tensorboard" / kind).iterdir() for line in path.read_text().splitlines()]
        values = {(name, step): value for name, step, value in map(json.loads, lines)}
        assert len(values) == len(lines), "no step is there twice"
        found[kind] = values
    return found


def of_history(history):
    """The same by the history."""
    found = {"train": {}, "validation": {}}
    for step, record in enumerate(history, start=1):
        for name, value in record.items():
            if name.startswith("val_") and value is not None:
                found["validation"][name[4:], step] = value
            elif name in ("loss", "mse", "mae", "accuracy") or (name == "seconds" and "averaged" not in record):
                found["train"][name, step] = value
    return found


def test_values_of_an_epoch_by_hand():
    assert values_of(RECORD) == {
        "train": {"loss": 0.5, "mae": 0.2, "seconds": 3.1},
        "validation": {"loss": 0.4, "mae": 0.1},
    }
    assert values_of(AVERAGE) == {"train": {}, "validation": {"loss": 0.3}}


def test_event_files_are_of_the_whole_history_and_replace_earlier_ones(tensorboard, tmp_path):
    for history in ([RECORD], [RECORD, AVERAGE]):
        with EventFiles(tmp_path) as events:
            events.update(history)
            events.update(history)
        assert curves(tmp_path) == of_history(history)
    (tmp_path / "tensorboard" / "train" / "notes.txt").write_text("mine")
    remove_events(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["notes.txt"]


def test_a_run_is_the_same_with_event_files_which_follow_its_history(
    tensorboard, paths, small, tmp_path, monkeypatch  # noqa: F811
):  # fmt: skip
    from training.fit import train as module

    run = run_of(phase(epochs=1), phase(epochs=2, average_last=2, patience=None))
    plain = steps(paths, run, tmp_path / "plain")
    assert not (tmp_path / "plain" / "tensorboard").exists()

    written = module.save_checkpoint

    def stop(*arguments):
        written(*arguments)
        raise KeyboardInterrupt

    # The first epoch is trained without event files, the second is interrupted before they have it.
    monkeypatch.setattr(module, "save_checkpoint", stop)
    for asked in (False, True):
        with pytest.raises(KeyboardInterrupt):
            steps(paths, copy.deepcopy(run), tmp_path / "watched", tensorboard=asked)
    monkeypatch.setattr(module, "save_checkpoint", written)
    watched = steps(paths, run, tmp_path / "watched", tensorboard=True)
    assert watched["settings"] == plain["settings"]
    assert same(weights_of(tmp_path / "watched"), weights_of(tmp_path / "plain"))
    history = json.loads((tmp_path / "watched" / "history.json").read_text())
    assert len(history) == 4
    assert curves(tmp_path / "watched") == of_history(history)

    # Trained again without them, none are left that are of other weights.
    steps(paths, run | {"seed": 4}, tmp_path / "watched", restart=True)
    assert not list((tmp_path / "watched").rglob("events*"))


def test_the_missing_package_is_said_before_anything_is_trained(paths, tmp_path, monkeypatch):  # noqa: F811
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "tensorboard" else find_spec(name))
    with pytest.raises(MissingExtraError, match=r'package tensorboard.* pip install "yeastpromoter\[tensorboard\]"'):
        steps(paths, run_of(), tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "options", "wanted"),
    [({}, [], False), ({}, ["--tensorboard"], True), ({"tensorboard": True}, [], True)],
)
def test_event_files_are_asked_for_by_the_command_or_the_configuration(changes, options, wanted, tmp_path, monkeypatch):
    from training.fit import train as module

    asked = []
    monkeypatch.setattr(module, "train", lambda *_, tensorboard, **__: asked.append(tensorboard))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(load_config(CI) | changes))
    result = CliRunner().invoke(main, ["train", "--config", str(config), "--run", "teacher_1", *options])
    assert result.exit_code == 0, result.output
    assert asked == [wanted]


def test_tensorboard_itself_reads_the_files(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    with EventFiles(tmp_path) as events:
        events.update([RECORD, RECORD | {"epoch": 1, "val_loss": 0.25}])
    found = EventAccumulator(str(tmp_path / "tensorboard" / "validation"))
    found.Reload()
    loss = [(event.step, float(tensor_util.make_ndarray(event.tensor_proto))) for event in found.Tensors("loss")]
    assert loss == [(1, pytest.approx(0.4)), (2, pytest.approx(0.25))]
    assert found.Tags()["tensors"] == ["loss", "mae"]
