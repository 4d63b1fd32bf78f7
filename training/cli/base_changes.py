"""``python -m training base-changes``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, path_option, run_option, settings_options
from training.studies.base_changes import base_changes as step
from yeastpromoter.cli.files import JSON


@click.command("base-changes")
@settings_options
@run_option
@path_option("output", "runs/RUN/base_changes.json", JSON)
def base_changes(settings: Settings, run_name: str, output: Path | None) -> None:
    """Measure a run's mean effects (alt − ref, buckets) of single-base changes, by class, in random sequences."""
    step(settings.run(run_name), output)
