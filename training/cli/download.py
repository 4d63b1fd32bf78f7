"""``python -m training download``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, path_option, settings_options
from training.data.download import download as step
from yeastpromoter.cli.files import JSON


@click.command()
@settings_options
@path_option("report", "data/files.json", JSON)
def download(settings: Settings, report: Path | None) -> None:
    """Get the data files that are not in the data folder yet; check those that are."""
    step(settings.config, settings.config["data"]["folder"], report or settings.layout.files)
