"""``python -m training buckets``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, path_option, report_option, settings_options, table_option
from training.data.buckets import buckets as step
from training.paths import report_of
from yeastpromoter.cli.files import HDF5


@click.command()
@settings_options
@table_option
@path_option("output", "data/buckets.h5", HDF5)
@report_option
def buckets(settings: Settings, table: Path | None, output: Path | None, report: Path | None) -> None:
    """Assign a bucket to every construct."""
    output = output or settings.layout.buckets
    step(settings.config["buckets"], table or settings.layout.constructs, output, report or report_of(output))
