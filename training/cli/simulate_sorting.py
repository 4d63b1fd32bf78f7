"""``python -m training simulate-sorting``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER
from training.studies.simulate_sorting import simulate_sorting as step
from yeastpromoter.cli.files import TABLE


@click.command("simulate-sorting")
@click.option("--output", type=FOLDER, required=True, help="Folder to write the data files to.")
@click.option(
    "--sequences",
    type=click.IntRange(min=1),
    default=6_739_258,
    show_default=True,
    help="Lines of train_sequences.txt.",
)
@click.option("--held-out", type=click.IntRange(min=0), default=71_103, show_default=True, help="Held-out sequences.")
@click.option(
    "--cells",
    type=click.FloatRange(min=1),
    default=2.8,
    show_default=True,
    help="Mean number of cells of a sequence; the number is geometrically distributed.",
)
@click.option(
    "--counts", type=TABLE, help="Also write the true expression and the cells in each of the 18 buckets to this table."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def simulate_sorting(output: Path, sequences: int, held_out: int, cells: float, counts: Path | None, seed: int) -> None:
    r"""Write a simulated data set in the form and size of the challenge's, with a known true expression.

    Random promoters, whose expression (mean bucket, 0 to 17) follows from planted motifs and GC content, and whose
    cells are sorted with noise into 18 buckets: train_sequences.txt has the sequence and the mean bucket of its cells
    in each line, held_out_sequences.txt.gz the sequences to keep out. A file that is there already is not replaced.
    For example, and then with report.yaml:

    \b
        python -m training simulate-sorting --output simulated --counts simulated/counts.tsv
        python -m training assemble --config training/config/report.yaml --data-folder simulated
    """
    step(output, sequences, held_out, cells, seed, counts)
