"""``python -m training sample``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import (
    Settings,
    buckets_option,
    path_option,
    report_option,
    run_option,
    settings_options,
    split_option,
    table_option,
)
from training.data.gc_sampling import gc_sampling as step
from training.paths import report_of
from yeastpromoter.cli.files import HDF5


@click.command()
@settings_options
@run_option
@table_option
@buckets_option
@split_option
@path_option("output", "runs/RUN/sample.h5", HDF5)
@report_option
def sample(settings: Settings, run_name: str, **paths: Path | None) -> None:
    """Choose a run's training constructs (GC correction, where the run asks for it)."""
    run, layout = settings.run(run_name).settings, settings.layout
    output = paths["output"] or layout.sample(run_name)
    step(
        run["gc_sampling"],
        settings.config["data"]["folder"],
        paths["table"] or layout.constructs,
        paths["buckets"] or layout.buckets,
        paths["split"] or layout.split,
        output,
        paths["report"] or report_of(output),
        run["learn_from"],
        run["source_weights"],
        layout.files,
        run["set_aside"],
    )
