"""``yeastpromoter rank-variants``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from yeastpromoter.cli.files import FASTA, TABLE, InputFile
from yeastpromoter.cli.options import entry_folder, entry_option
from yeastpromoter.io.genome import read_genome
from yeastpromoter.io.whole_files import whole_table, write_frame
from yeastpromoter.model.shipped import shipped_reporter
from yeastpromoter.variants.ranking import COLUMNS, rank, reference_inserts
from yeastpromoter.variants.summaries import read_effects

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: Longer alleles are shortened on the terminal, never in the file.
_LETTERS_SHOWN = 10


@click.command()
@click.argument("predictions", type=InputFile())
@click.option("-o", "--output", type=TABLE, required=True, help="Table to write (.tsv, or .tsv.gz), all rows.")
@click.option(
    "--top", type=click.IntRange(min=1), default=10, show_default=True, help="Rows to show, and to write inserts of."
)
@click.option(
    "--inserts",
    type=FASTA,
    help="FASTA to write: the insert around each of the top variants, with REF, as `saturate` and `contributions` read "
    "it with --sequence-type insert. Needs --genome.",
)
@click.option(
    "--genome",
    "--fasta-file",
    "fasta_file",
    type=InputFile(),
    help="FASTA of the genome that the effects were predicted with; only for --inserts.",
)
@entry_option
def rank_variants(predictions: Path, output: Path, top: int, inserts: Path | None, fasta_file: Path | None) -> None:
    """Sort variants by the size of their predicted effect and show the first ones.

    PREDICTIONS, .tsv, .csv or .h5, is what `yeastpromoter variants` wrote, or `kipoi predict` of variant_effects with
    --keep_metadata. Effect is alt − ref in buckets: positive where the ALT allele raises
    expression. The largest come first, whether up or down. A variant in the promoters of two genes has two rows.

    Columns of the table: rank (from 1), chromosome, position, id, REF and ALT as in the VCF file, gene, gene_name,
    strand, distance (bp to the coding start, negative upstream), ref_expression, alt_expression,
    effect_alt_minus_ref, and spread: the standard deviation of the effect over the places of the variant in the
    80-bp window, in buckets. A large spread says that the effect depends on the place.

    An insert is written 5' to 3' toward the gene and has the last changed base at position 41 of 80, or after half of
    another length.

    \b
    Example:
      yeastpromoter rank-variants effects.tsv -o ranked.tsv --top 20
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace
    if (inserts is None) != (fasta_file is None):
        raise click.UsageError("--inserts and --genome need each other: give both or none")
    ranked = rank(read_effects(predictions))
    if inserts is not None:
        with whole_table(inserts) as file:
            length = shipped_reporter(entry_folder()).insert_length
            write_inserts(file, ranked, top, read_genome(fasta_file), length)
    write_frame(output, ranked)
    show_ranked(ranked, top)
    click.echo(f"All rows: {output}" + (f"; inserts around those above: {inserts}" if inserts else ""))


def write_inserts(
    file: TextIO, ranked: pd.DataFrame, top: int, genome: Mapping[str, np.ndarray], insert_length: int
) -> None:
    """Write the inserts around the first variants as FASTA."""
    best = ranked[ranked["rank"].notna()].head(top)
    cut = [insert for insert in reference_inserts(best, genome, insert_length) if insert is not None]
    file.write("".join(f">{name}\n{bases}\n" for name, bases in cut))
    if len(cut) < len(best):
        click.echo(
            f"{len(best) - len(cut):,} of the top {len(best):,} have no insert: with the variant at position "
            f"{insert_length // 2 + 1} it would reach over the end of the chromosome.",
            err=True,
        )


def show_ranked(ranked: pd.DataFrame, top: int) -> None:
    """Show the first variants."""
    undefined = int(ranked["rank"].isna().sum())
    if undefined:
        click.echo(f"{undefined:,} of {len(ranked):,} rows have no defined effect: they come last, unranked.", err=True)
    click.echo(_shown(ranked.head(top)))
    click.echo(
        f"\nThe first {min(top, len(ranked)):,} of {len(ranked):,} rows, one for each ALT allele and gene. Effect is "
        "alt − ref, in buckets; distance is in bp from the coding start."
    )


def _shown(ranked: pd.DataFrame) -> str:
    if ranked.empty:
        return "There are no variants."
    short = ranked.drop(columns="gene").rename(
        columns={name: predicted for name, predicted in COLUMNS.items() if name != predicted}
    )
    for allele in ("REF", "ALT"):
        long = short[allele].str.len() > _LETTERS_SHOWN
        short.loc[long, allele] = short.loc[long, allele].str[: _LETTERS_SHOWN - 1] + "…"
    signed = {"effect": "{:+.2f}".format}
    return short.to_string(index=False, float_format="{:.2f}".format, formatters=signed, na_rep="NaN")
