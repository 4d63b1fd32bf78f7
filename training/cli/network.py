"""``python -m training network``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER, Settings, path_option, run_option, settings_options
from training.evaluate.network import network as step
from yeastpromoter.model.startup import quiet_startup


@click.command()
@settings_options
@run_option
@path_option("output", "runs/RUN/network", FOLDER)
def network(settings: Settings, run_name: str, output: Path | None) -> None:
    """Write the layers of a run's network as a table, and draw them. The run need not be trained."""
    run = settings.run(run_name)
    with quiet_startup():
        written = step(run, output)
    for path in written:
        click.echo(str(path))
