"""``python -m training distil``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, path_option, report_option, run_option, settings_options
from training.config.loading import synthetic_use
from training.data.assay import Assay
from training.data.distil import label_synthetic as step
from training.paths import report_of
from yeastpromoter.cli.files import HDF5, InputFile


@click.command()
@settings_options
@run_option
@click.option(
    "--weights",
    type=InputFile(),
    multiple=True,
    help="Weights of each teacher, in the order of the run's teachers. Default: those in the results.",
)
@path_option("synthetic", "data/synthetic.RECIPE.h5")
@path_option("output", "runs/RUN/synthetic_scores.h5", HDF5)
@report_option
def distil(settings: Settings, run_name: str, weights: tuple[Path, ...], **paths: Path | None) -> None:
    """Score synthetic constructs by the run's teachers."""
    run, layout = settings.run(run_name).settings, settings.layout
    if not run["teachers"]:
        raise ValueError(f"runs.{run_name} has no teachers: there is nothing to distil")
    weights = weights or tuple(layout.weights(teacher) for teacher in run["teachers"])
    if len(weights) != len(run["teachers"]):
        raise ValueError(
            f"--weights is given {len(weights)} times, but runs.{run_name} has {len(run['teachers'])} teachers"
        )

    output = paths["output"] or layout.scores(run_name)
    step(
        weights,
        [settings.run(teacher).settings for teacher in run["teachers"]],
        paths["synthetic"] or layout.synthetic(run["synthetic"]),
        output,
        paths["report"] or report_of(output),
        use=synthetic_use(run),
        assay=Assay.of(settings.config),
    )
