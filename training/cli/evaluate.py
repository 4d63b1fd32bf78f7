"""``python -m training evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER, Settings, path_option, run_option, settings_options
from training.evaluate.evaluation import evaluate as step


@click.command()
@settings_options
@run_option
@click.option(
    "--parts",
    default="train,validation",
    show_default=True,
    help="Parts to score, separated by commas. The test part is for the chosen run, once.",
)
@path_option("output", "runs/RUN/evaluation", FOLDER)
def evaluate(settings: Settings, run_name: str, parts: str, output: Path | None) -> None:
    """Score a run against the measurements."""
    parts = [part.strip() for part in parts.split(",")]
    step(settings.run(run_name), parts, output)
