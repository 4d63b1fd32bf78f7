"""``yeastpromoter tracks``."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from yeastpromoter.cli.files import ROWS, InputFile
from yeastpromoter.cli.options import ROW_FORMATS, entry_folder, entry_option, threads_option
from yeastpromoter.extras import require
from yeastpromoter.genomewide.tracks import Inserts, predict_inserts, write_tracks
from yeastpromoter.io.genome import ChromosomeNames, read_genome
from yeastpromoter.io.row_files import check_can_write, whole_rows
from yeastpromoter.io.whole_files import check_folder
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network


@click.command()
@click.argument("genome", type=InputFile())
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Beginning of the names of the files: OUTPUT.plus.bw and OUTPUT.minus.bw.",
)
@click.option(
    "--step",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Distance from the start of one insert to the start of the next, in bp. Even ones are faster.",
)
@click.option(
    "--chromosome",
    "chromosomes",
    multiple=True,
    help="Only this chromosome; may be given several times.  [default: all of them]",
)
@click.option("--table", type=ROWS, help=f"File of all inserts to write: {ROW_FORMATS}.")
@entry_option
@threads_option
def tracks(
    genome: Path, output: Path, step: int, chromosomes: tuple[str, ...], table: Path | None, threads: int | None
) -> None:
    """Predict expression along a GENOME (FASTA, plain, gzip or bgzip), as a bigWig track for each strand.

    The genome is cut into inserts of 80 bp, which start at base 1 of each chromosome and every STEP bp from there, on
    both strands; those of the minus strand are reverse complements. Inserts with a letter other than A, C, G and T are
    left out and counted. The tracks hold expression in buckets (0 to 17), positive on both strands: what the 80 bp
    would do as an insert before the reporter gene, read toward genes on that strand. Each value covers STEP bases (at
    most as many as an insert has) around the centre of its insert. Bases without an insert have no value.

    The table has a row for each insert: chromosome, start and stop (0-based and half-open, as in BED), strand and
    expression.

    \b
    Example:
      yeastpromoter tracks genome.fa.gz --step 20 -o yeast
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace
    require("tracks")
    for path in filter(None, (f"{output}.bw", table)):
        check_folder(path)
    if table:
        check_can_write(table)
    letters = read_genome(genome)
    lengths = {name: some.size for name, some in letters.items()}
    if chromosomes:
        names = ChromosomeNames(letters)
        chosen = {names.find(name) for name in chromosomes}
        if names.unknown:
            raise ValueError(f"{genome}: has no chromosome {', '.join(names.unknown)}; it has {', '.join(letters)}")
        letters = {name: some for name, some in letters.items() if name in chosen}
    trained = load_trained_network(entry_folder(), threads=threads)
    length = trained.reporter.insert_length
    inserts: dict[tuple[str, str], Inserts] = {}
    left_out = {}
    total = sum(2 * len(range(0, some.size - length + 1, step)) for some in letters.values())
    with tqdm(total=total, unit=" inserts", unit_scale=True, disable=None) as bar:
        for name, some in letters.items():
            found, left_out[name] = predict_inserts(trained, some, step, bar.update)
            inserts |= {(name, strand): values for strand, values in found.items()}
            bar.update(left_out[name])
    if not inserts:
        raise ValueError(f"{genome}: has no {length} bp of A, C, G and T alone")
    files = write_tracks(inserts, lengths, step, length, output)
    if table:
        _write_table(table, inserts, trained)
    for name, count in left_out.items():
        if count:
            click.echo(f"{name}: {count:,} inserts left out for letters other than A, C, G and T", err=True)
    for strand, path in files.items():
        count = sum(some.starts.size for (_, of_strand), some in inserts.items() if of_strand == strand)
        click.echo(f"{count:,} inserts on the {strand} strand: {path}", err=True)
    if table:
        click.echo(f"All inserts: {table}", err=True)


def _write_table(path: Path, inserts: dict[tuple[str, str], Inserts], trained: TrainedNetwork) -> None:
    with whole_rows(path, {"weights_version": trained.weights_version}) as write:
        for (chromosome, strand), some in inserts.items():
            write(
                {
                    "chromosome": [chromosome] * some.starts.size,
                    "start": some.starts,
                    "stop": some.starts + trained.reporter.insert_length,
                    "strand": [strand] * some.starts.size,
                    "expression": some.expression,
                }
            )
