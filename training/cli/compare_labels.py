"""``python -m training compare-labels``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FILE
from training.data.votes import compare_labels_of as compare
from training.evaluate.markdown import replace_block
from yeastpromoter.cli.files import InputFile


@click.command("compare-labels")
@click.option(
    "--counts",
    type=InputFile(),
    required=True,
    help="Table of simulated sorting (tabs; plain or gzip), with the true expression and count_0 to count_17.",
)
@click.option("--truth", default="true_expression", show_default=True, help="Column with the true expression.")
@click.option(
    "--support", type=click.FloatRange(min=1), default=10, show_default=True, help="Cells a sequence must have."
)
@click.option(
    "--share",
    "shares",
    type=click.FloatRange(min=0.5, max=1, min_open=True),
    multiple=True,
    default=(0.75,),
    show_default=True,
    help="Share of them that must be in the largest bucket; may be given several times.",
)
@click.option("--document", type=FILE, help="File whose block labels is rewritten with the table, too.")
def compare_labels(counts: Path, truth: str, support: float, shares: tuple[float, ...], document: Path | None) -> None:
    """Compare majority labels with the rounded mean bucket, on sequences whose true expression is known."""
    table = compare(counts, support, shares, truth)
    click.echo(table)
    if document is not None:
        replace_block(document, "labels", table)
