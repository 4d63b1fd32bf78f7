"""``python -m training fine-tuning-study``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FILE, FOLDER, Settings, settings_options
from training.studies.fine_tuning_study import NAME
from training.studies.fine_tuning_study import fine_tuning_study as step


@click.command("fine-tuning-study")
@settings_options
@click.option("--records", type=FOLDER, help="Folder with the records of the runs. Default: the configuration's.")
@click.option("--output", type=FOLDER, help="Folder for the table and the figure. Default: that of the records.")
@click.option("--document", type=FILE, help="File whose block fine-tuning-study is rewritten with the table, too.")
def fine_tuning_study(settings: Settings, records: Path | None, output: Path | None, document: Path | None) -> None:
    """Show what starting from trained weights gains at each number of measurements: a table and a figure.

    They are made of the recorded runs of a configuration that learn from constructs set aside; runs without a record
    are named.
    """
    records = records or settings.layout.records
    missing = step(settings.config, records, output or records, document)
    click.echo(f"{output or records}: {NAME}.md, {NAME}.png")
    if missing:
        click.echo(f"without a record yet: {', '.join(missing)}", err=True)
