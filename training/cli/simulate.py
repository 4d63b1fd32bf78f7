"""``python -m training simulate``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER
from training.studies.simulate import simulate as step


@click.command()
@click.option("--output", type=FOLDER, required=True, help="Folder to write the data files to.")
@click.option("--constructs", type=click.IntRange(min=50), default=400, show_default=True, help="Rows of the largest.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def simulate(output: Path, constructs: int, seed: int) -> None:
    """Write simulated measurements in the forms of the public data, for trying out the workflow.

    A file that is there already is not replaced.
    """
    step(output, constructs, seed)
