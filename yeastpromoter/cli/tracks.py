"""``python -m yeastpromoter tracks``."""

from __future__ import annotations

from pathlib import Path

import click

from yeastpromoter.genomewide.tracks import read_inserts, write_tracks
from yeastpromoter.io.genome import read_genome


@click.command()
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--genome", required=True, type=click.Path(path_type=Path), help="FASTA that the inserts were cut from.")
@click.option(
    "--step",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="The step that the inserts were cut with, in bp.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Beginning of the names of the files: OUTPUT.plus.bw and OUTPUT.minus.bw.",
)
def tracks(predictions: Path, genome: Path, step: int, output: Path) -> None:
    """Write PREDICTIONS of the inserts of a genome as bigWig tracks, one for each strand.

    PREDICTIONS is the table that `kipoi predict --keep_metadata` wrote for the inserts of `tile-genome`. The tracks
    hold expression in buckets (0 to 17), positive on both strands: what the 80 bp would do as an insert before the
    reporter gene, read toward genes on that strand. Each value covers STEP bases (at most 80) around the centre of its
    insert. Bases without an insert have no value.

    \b
    Example:
      python -m yeastpromoter tracks predictions.tsv --genome genome.fa.gz --step 20 -o yeast
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace
    lengths = {name: letters.size for name, letters in read_genome(genome).items()}
    inserts = read_inserts(predictions)
    for strand, path in write_tracks(inserts, lengths, step, output).items():
        count = sum(some.starts.size for (_, found), some in inserts.items() if found == strand)
        click.echo(f"{count:,} inserts on the {strand} strand: {path}", err=True)
