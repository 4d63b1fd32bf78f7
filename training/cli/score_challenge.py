"""``python -m training score-challenge``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER
from training.data.tables import write_report
from training.evaluate.challenge import score_challenge as score
from training.evaluate.challenge import score_text
from yeastpromoter.cli.files import JSON, InputFile


@click.command("score-challenge")
@click.argument("predictions", type=InputFile())
@click.option("--labels", type=InputFile(), required=True, help="Sequence and expression, tabs, no header.")
@click.option("--subsets", type=FOLDER, help="The challenge's folder test_subset_ids.")
@click.option("--leaderboard", type=FOLDER, help="The challenge's folder public_leaderboard_ids.")
@click.option(
    "--rows",
    type=click.Choice(["all", "public", "private"]),
    help="Score all test sequences, those of the public leaderboard, or all others, as the final evaluation did. "
    "Default: private with --leaderboard, all without.",
)
@click.option(
    "--snvs", type=InputFile(), help="SNV pairs in place of those in --subsets: CSV, or the leaderboard's JSON."
)
@click.option("-o", "--output", type=JSON, help="JSON to write, too.")
def score_challenge(
    predictions: Path,
    labels: Path,
    subsets: Path | None,
    leaderboard: Path | None,
    rows: str | None,
    snvs: Path | None,
    output: Path | None,
) -> None:
    """Score PREDICTIONS of the test sequences of the DREAM Challenge 2022 as the challenge did.

    PREDICTIONS is a table that `yeastpromoter predict`, `kipoi predict` or the command predict wrote, or the
    challenge's JSON of row numbers and expression: all test sequences in the challenge's order. Prints a Markdown
    table.
    """
    result = score(predictions, labels, subsets, leaderboard, rows, snvs)
    click.echo(score_text(result))
    if output is not None:
        write_report(output, result)
