"""``python -m training report``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FILE, FOLDER, Settings, path_option, run_option, settings_options
from training.evaluate.report import report as step


@click.command()
@settings_options
@run_option
@click.option("--part", default="validation", show_default=True, help="Part of the split that the figures are of.")
@path_option("output", "runs/RUN/report.html", FILE)
@click.option("--records", type=FOLDER, help="Folder with the records of the runs. Default: the configuration's.")
def report(settings: Settings, run_name: str, part: str, output: Path | None, records: Path | None) -> None:
    """Write the report of a run whose figures are drawn: one HTML page that needs no other file and no network."""
    written = step(settings.run(run_name), output, part, records or settings.layout.records)
    click.echo(str(written))
