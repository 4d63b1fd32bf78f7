"""A run of a configuration: what the steps from the sample to the export are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.paths import Layout


@dataclass(frozen=True)
class Run:
    """A run, with the configuration that it is of and where its results lie.

    Parameters
    ----------
    config : mapping
        A complete configuration (`training.config.loading.load_config`).
    name : str
        One of its runs.
    layout : Layout
        Where the results of the configuration lie.

    Raises
    ------
    ValueError
        If the configuration has no such run.
    """

    config: Mapping[str, Any]
    name: str
    layout: Layout

    def __post_init__(self) -> None:
        runs = self.config["runs"]
        if self.name not in runs:
            raise ValueError(
                f"configuration {self.config['name']!r} has no run {self.name!r}; it has {', '.join(sorted(runs))}"
            )

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the run."""
        return self.config["runs"][self.name]

    @property
    def folder(self) -> Path:
        """Folder of the run's results."""
        return self.layout.run(self.name)

    @property
    def weights(self) -> Path:
        """The weights of the run; a `ValueError` says if it has not finished."""
        path = self.layout.weights(self.name)
        if not path.is_file():
            raise ValueError(f"{path} is missing: run {self.name!r} has not finished (step train)")
        return path
