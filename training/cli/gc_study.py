"""``python -m training gc-study``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FILE, FOLDER, Settings, settings_options
from training.studies.gc_study import gc_study as step


@click.command("gc-study")
@settings_options
@click.option("--records", type=FOLDER, help="Folder with the records of the runs. Default: the configuration's.")
@click.option("--output", type=FOLDER, help="Folder for gc_study.md and gc_study.png. Default: that of the records.")
@click.option("--document", type=FILE, help="File whose block gc-study is rewritten with the table, too.")
def gc_study(settings: Settings, records: Path | None, output: Path | None, document: Path | None) -> None:
    """Compare the GC corrections of a configuration's recorded runs: a table and a figure.

    They are made of the records that are there; runs without one are named.
    """
    records = records or settings.layout.records
    missing = step(settings.config, records, output or records, document)
    click.echo(f"{output or records}: gc_study.md, gc_study.png")
    if missing:
        click.echo(f"without a record yet: {', '.join(missing)}", err=True)
