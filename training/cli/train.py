"""``python -m training train``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import (
    FOLDER,
    Settings,
    buckets_option,
    path_option,
    run_option,
    settings_options,
    split_option,
    table_option,
)
from yeastpromoter.model.startup import quiet_startup


@click.command()
@settings_options
@run_option
@table_option
@buckets_option
@split_option
@path_option("sample", "runs/RUN/sample.h5")
@path_option("synthetic", "runs/RUN/synthetic_scores.h5")
@path_option("initial", "the weights that the configuration names: runs/INITIAL/best.weights.h5")
@path_option("output", "runs/RUN", FOLDER)
@click.option(
    "--progress",
    type=click.Choice(["bar", "line", "none"]),
    default="bar",
    show_default=True,
    help="What to show of each epoch.",
)
@click.option(
    "--restart", is_flag=True, help="Train again from the start if the checkpoint is of other settings or data."
)
@click.option(
    "--tensorboard",
    is_flag=True,
    help="Write event files of TensorBoard, too, as tensorboard: true of the configuration does.",
)
def train(
    settings: Settings, run_name: str, progress: str, restart: bool, tensorboard: bool, **paths: Path | None
) -> None:
    """Train a run, or go on where it was interrupted. Needs neither TensorFlow nor Kipoi nor Snakemake.

    What Keras computes with is backend of the configuration, or the environment variable KERAS_BACKEND: tensorflow, jax
    or torch. The run's devices says among how many GPUs its batches are divided.
    """
    run, layout = settings.run(run_name).settings, settings.layout
    with quiet_startup():
        from training.fit.train import train as step

    synthetic = paths["synthetic"] or layout.scores(run_name)
    initial = paths["initial"] or layout.initial(run)
    step(
        run,
        paths["table"] or layout.constructs,
        paths["buckets"] or layout.buckets,
        paths["split"] or layout.split,
        paths["sample"] or layout.sample(run_name),
        paths["output"] or layout.run(run_name),
        synthetic=[synthetic] if run["synthetic"] else [],
        initial=initial,
        verbose={"bar": 1, "line": 2, "none": 0}[progress],
        restart=restart,
        tensorboard=tensorboard or settings.config["tensorboard"],
    )
