"""``python -m training record``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, run_option, settings_options
from training.evaluate.record import record as step
from yeastpromoter.cli.files import JSON


@click.command()
@settings_options
@run_option
@click.option("--output", type=JSON, help="Default: NAME/RUN.json in the folder of the records.")
def record(settings: Settings, run_name: str, output: Path | None) -> None:
    """Write the small record of a finished run: its configuration, the hashes of its data, its scores."""
    step(settings.run(run_name), output or settings.layout.record(run_name))
