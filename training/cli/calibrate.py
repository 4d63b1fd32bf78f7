"""``python -m training calibrate``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, path_option, run_option, settings_options
from training.evaluate.calibrate import calibrate as step
from yeastpromoter.cli.files import JSON


@click.command()
@settings_options
@run_option
@path_option("output", "runs/RUN/calibration.json", JSON)
def calibrate(settings: Settings, run_name: str, output: Path | None) -> None:
    """Calibrate a run's prediction intervals, and measure how well they hold."""
    step(settings.run(run_name), output)
