"""``python -m training simulate-library``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER, Settings, settings_options
from training.data.assay import Assay
from training.studies.simulate_library import simulate_library as step


@click.command("simulate-library")
@settings_options
@click.option("--output", type=FOLDER, required=True, help="Folder to write library.tsv to.")
@click.option("--promoters", type=click.IntRange(min=50), default=600, show_default=True, help="Rows of the table.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def simulate_library(settings: Settings, output: Path, promoters: int, seed: int) -> None:
    """Write a simulated library for the reporter and the buckets of the configuration: inserts and counts of cells.

    A file that is there already is not replaced.
    """
    click.echo(str(step(output, Assay.of(settings.config), promoters, seed)))
