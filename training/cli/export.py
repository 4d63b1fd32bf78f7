"""``python -m training export``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER, Settings, settings_options
from training.evaluate.export import export as step
from training.evaluate.export import unwritten


@click.command()
@settings_options
@click.option("--run", "run_name", help="Name of the run. Default: export.run of the configuration.")
@click.option("--entry", type=FOLDER, help="Folder of the Kipoi entry. Default: export.entry of the configuration.")
def export(settings: Settings, run_name: str | None, entry: Path | None) -> None:
    """Write a run's weights, and what belongs to them, into the Kipoi entry."""
    chosen = settings.config["export"] or {"run": None, "entry": "."}
    run_name = run_name or chosen["run"]
    if run_name is None:
        raise ValueError("the configuration has no export: name the run with --run")
    entry = entry or Path(chosen["entry"])
    exported = step(settings.run(run_name), entry)
    click.echo(f"{entry} has the weights {exported['weights_version']} now")
    for place in unwritten(entry):
        click.echo(f"to be written by hand: {place}")
