"""``python -m training predict``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import Settings, run_option, settings_options
from training.data.assay import Assay
from training.evaluate.predict import predict as step
from yeastpromoter.cli.files import JSON, TABLE, InputFile


@click.command()
@settings_options
@run_option
@click.option(
    "--sequences", type=InputFile(), required=True, help="FASTA, table, or one sequence a line; plain or gzip."
)
@click.option("--weights", type=InputFile(), help="Default: those of the run.")
@click.option("--output", type=TABLE, required=True, help="Table to write: id, sequence, expression, bucket scores.")
@click.option(
    "--rows", type=InputFile(), help="Row numbers for the leaderboard: a sample submission, or one number a line."
)
@click.option("--leaderboard", type=JSON, help="JSON to write: row number to expression, for --rows.")
@click.option("--decoding", type=click.Choice(["weighted_mean", "argmax"]), default="weighted_mean", show_default=True)
@click.option("--sequence-type", type=click.Choice(["construct", "insert"]), default="construct", show_default=True)
@click.option("--other-lengths", type=click.Choice(["error", "drop", "fit"]), default="error", show_default=True)
def predict(
    settings: Settings,
    run_name: str,
    sequences: Path,
    weights: Path | None,
    output: Path,
    rows: Path | None,
    leaderboard: Path | None,
    decoding: str,
    sequence_type: str,
    other_lengths: str,
) -> None:
    """Predict a list of sequences: the full table, and the challenge's leaderboard JSON."""
    run = settings.run(run_name)
    number = step(
        sequences,
        weights or run.weights,
        run.settings,
        output,
        rows,
        leaderboard,
        decoding,
        {"sequence_type": sequence_type, "other_lengths": other_lengths},
        Assay.of(settings.config),
    )
    click.echo(f"{number:,} sequences predicted: {output}")
