"""TensorBoard's event files of a training: what history.json holds, for those who watch a training there.

They are written with the package tensorboard alone, which needs no TensorFlow, and always from the whole history: after
an interruption, or where they are asked for late, no epoch is missing or there twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from yeastpromoter.extras import require

#: Folder of the event files within that of a run, with one for each kind of values, as `keras.callbacks.TensorBoard`
#: has it: curves of one name are drawn over each other.
EVENTS_FOLDER = "tensorboard"
KINDS = ("train", "validation")
_NOT_VALUES = ("phase", "epoch", "best", "averaged")


def remove_events(folder: str | Path) -> None:
    """Remove the event files in the folder of a run, and nothing else."""
    for kind in KINDS:
        for path in (Path(folder) / EVENTS_FOLDER / kind).glob("events.out.tfevents.*"):
            path.unlink()


def values_of(record: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The values of an epoch's record that are curves, by `KINDS` and name; without those that are undefined."""
    found: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for name, value in record.items():
        if name not in _NOT_VALUES and value is not None:
            found[KINDS[name.startswith("val_")]][name.removeprefix("val_")] = float(value)
    # Of averaged weights nothing was trained.
    return found | ({"train": {}} if "averaged" in record else {})


class EventFiles:
    """Event files in the folder of a run, new ones; a context, which closes them.

    Parameters
    ----------
    folder : str or Path
        Folder of the run.

    Raises
    ------
    MissingExtraError
        If the package tensorboard is not installed.
    """

    def __init__(self, folder: str | Path):
        require("tensorboard")
        from tensorboard.summary import Writer

        remove_events(folder)
        self._writers = {kind: Writer(str(Path(folder) / EVENTS_FOLDER / kind)) for kind in KINDS}
        self._written = 0

    def update(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write what is not written yet of a run's history, whose records are the steps, from 1."""
        for step, record in enumerate(history[self._written :], start=self._written + 1):
            for kind, values in values_of(record).items():
                for name, value in values.items():
                    self._writers[kind].add_scalar(name, value, step)
        self._written = len(history)
        for writer in self._writers.values():
            writer.flush()

    def __enter__(self) -> EventFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
