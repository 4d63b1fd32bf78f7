"""``python -m yeastpromoter tile-genome``."""

from __future__ import annotations

from pathlib import Path

import click

from yeastpromoter.cli.files import TABLE, InputFile
from yeastpromoter.genomewide.tiling import write_inserts
from yeastpromoter.io.genome import ChromosomeNames, read_genome
from yeastpromoter.io.whole_files import whole_table


@click.command()
@click.argument("genome", type=InputFile())
@click.option("-o", "--output", required=True, type=TABLE, help="Table to write (.tsv, or .tsv.gz).")
@click.option(
    "--step",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Distance from the start of one insert to the start of the next, in bp.",
)
@click.option(
    "--chromosome",
    "chromosomes",
    multiple=True,
    help="Only this chromosome; may be given several times.  [default: all of them]",
)
def tile_genome(genome: Path, output: Path, step: int, chromosomes: tuple[str, ...]) -> None:
    """Cut a GENOME (FASTA, plain, gzip or bgzip) into 80-bp inserts on both strands, to predict a track of expression.

    Inserts start at base 1 of each chromosome and every STEP bp from there. Those of the minus strand are reverse
    complements. Inserts with a letter other than A, C, G and T are left out and counted. The table has the columns id
    (such as II:278600-278680:+, 0-based and half-open, as in BED) and insert.

    \b
    Example:
      python -m yeastpromoter tile-genome genome.fa.gz --step 20 -o inserts.tsv
      kipoi predict . --source dir --keep_metadata --batch_size 1024 -o predictions.tsv --dataloader_args \\
          '{"sequence_file": "inserts.tsv", "sequence_column": "insert", "id_column": "id", "sequence_type": "insert"}'
      python -m yeastpromoter tracks predictions.tsv --genome genome.fa.gz --step 20 -o yeast
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace
    letters = read_genome(genome)
    if chromosomes:
        names = ChromosomeNames(letters)
        chosen = {names.find(name) for name in chromosomes}
        if names.unknown:
            raise ValueError(f"{genome}: has no chromosome {', '.join(names.unknown)}; it has {', '.join(letters)}")
        letters = {name: some for name, some in letters.items() if name in chosen}
    with whole_table(output) as file:
        counts = list(write_inserts(letters, step, file))
        if not any(count.inserts for count in counts):
            raise ValueError(f"{genome}: has no 80 bp of A, C, G and T alone")
    for count in counts:
        left_out = f", {count.unknown:,} left out for letters other than A, C, G and T" if count.unknown else ""
        click.echo(f"{count.chromosome}: {count.length:,} bp, {count.inserts:,} inserts{left_out}", err=True)
    click.echo(f"{sum(count.inserts for count in counts):,} inserts on both strands: {output}", err=True)
