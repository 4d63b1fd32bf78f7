"""``python -m training export``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER, Settings, settings_options
from training.evaluate.export import export as step
from training.evaluate.export import unwritten
from training.paths import ROOT
from yeastpromoter.model.startup import quiet_startup


@click.command()
@settings_options
@click.option("--run", "run_name", help="Name of the run. Default: export.run of the configuration.")
@click.option(
    "--entry",
    type=FOLDER,
    help="Folder of the Kipoi entry; a new one becomes a copy of this project. Default: export.entry of the "
    "configuration, or else this folder.",
)
def export(settings: Settings, run_name: str | None, entry: Path | None) -> None:
    """Write a run's weights, and what belongs to them, into the Kipoi entry.

    Into this folder's own, or with --entry into another, which has all of this project: then the weights here stay as
    they are.
    """
    chosen = settings.config["export"] or {"run": None, "entry": "."}
    run_name = run_name or chosen["run"]
    if run_name is None:
        raise ValueError("the configuration has no export: name the run with --run")
    entry = entry or Path(chosen["entry"])
    with quiet_startup():
        exported = step(settings.run(run_name), entry)
    click.echo(f"{entry} has the weights {exported['weights_version']} now")
    if entry.resolve() == ROOT:
        click.echo(
            "initial: shipped, and start, take these weights from now on; the earlier ones are in version control"
        )
    for text in exported["run"]["warnings"]:
        click.echo(f"Warning: {text}", err=True)
    for place in unwritten(entry):
        click.echo(f"to be written by hand: {place}")
