"""``python -m training split``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, buckets_option, path_option, report_option, settings_options, table_option
from training.data.split import split as step
from training.paths import report_of
from yeastpromoter.cli.files import HDF5


@click.command()
@settings_options
@table_option
@buckets_option
@path_option("output", "data/split.h5", HDF5)
@report_option
def split(
    settings: Settings, table: Path | None, buckets: Path | None, output: Path | None, report: Path | None
) -> None:
    """Split the constructs into train, test and validation."""
    layout = settings.layout
    output = output or layout.split
    step(
        settings.config["split"],
        table or layout.constructs,
        buckets or layout.buckets,
        output,
        report or report_of(output),
    )
