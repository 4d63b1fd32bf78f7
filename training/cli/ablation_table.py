"""``python -m training ablation-table``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FILE
from training.evaluate.record import ablation_table as table
from training.evaluate.record import write_ablation_table


@click.command("ablation-table")
@click.option(
    "--records",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(__file__).parents[1] / "records",
    help="Folder of the records. Default: training/records.",
)
@click.option("--reference", help="Run to compare the others with. Default: baseline, or else the first by name.")
@click.option("--configuration", help="Only the runs of this configuration. Default: a table for each.")
@click.option("--document", type=FILE, help="File whose block is rewritten, instead of printing the table.")
def ablation_table(records: Path, reference: str | None, configuration: str | None, document: Path | None) -> None:
    """Make the table of all recorded runs, scored on the validation part."""
    if document is None:
        click.echo(table(records, reference, configuration))
    else:
        write_ablation_table(records, document, reference, configuration)
