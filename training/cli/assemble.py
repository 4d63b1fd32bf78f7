"""``python -m training assemble``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, path_option, report_option, settings_options
from training.data.assay import Assay
from training.data.assemble import assemble as step
from training.paths import report_of
from yeastpromoter.cli.files import HDF5


@click.command()
@settings_options
@path_option("output", "data/constructs.h5", HDF5)
@report_option
def assemble(settings: Settings, output: Path | None, report: Path | None) -> None:
    """Bring all sources into one table of constructs, without what resembles a held-out sequence."""
    output = output or settings.layout.constructs
    step(settings.config["data"], output, report or report_of(output), settings.layout.files, Assay.of(settings.config))
