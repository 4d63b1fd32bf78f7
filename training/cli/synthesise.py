"""``python -m training synthesise``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, path_option, report_option, settings_options, split_option, table_option
from training.data.synthesise import synthesise as step
from training.paths import report_of
from yeastpromoter.cli.files import HDF5


@click.command()
@settings_options
@click.option("--recipe", required=True, help="Name of the recipe, one of those under synthetic.")
@table_option
@split_option
@path_option("output", "data/synthetic.RECIPE.h5", HDF5)
@report_option
def synthesise(settings: Settings, recipe: str, **paths: Path | None) -> None:
    """Make the synthetic constructs of a recipe."""
    layout = settings.layout
    output = paths["output"] or layout.synthetic(recipe)
    step(
        settings.recipe(recipe),
        settings.config["data"],
        paths["table"] or layout.constructs,
        paths["split"] or layout.split,
        output,
        paths["report"] or report_of(output),
        layout.files,
    )
