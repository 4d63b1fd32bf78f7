"""``python -m training figures``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER, Settings, path_option, run_option, settings_options
from training.evaluate.figures import figures as step


@click.command()
@settings_options
@run_option
@click.option("--part", default="validation", show_default=True, help="Part of the split to draw predictions of.")
@path_option("output", "runs/RUN/figures", FOLDER)
def figures(settings: Settings, run_name: str, part: str, output: Path | None) -> None:
    """Draw the figures of an evaluated run, and a table of its epochs."""
    step(settings.run(run_name), output, part)
