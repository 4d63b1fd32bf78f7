"""``yeastpromoter variants``: from a VCF file to effects, ranked variants and figures."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from yeastpromoter.cli.files import FASTA, ROWS, TABLE, InputFile
from yeastpromoter.cli.options import (
    ROW_FORMATS,
    check_figures,
    entry_folder,
    entry_option,
    figures_options,
    interval_option,
    threads_option,
)
from yeastpromoter.cli.rank_variants import show_ranked, write_inserts
from yeastpromoter.cli.sequence_input import say_notes
from yeastpromoter.cli.variant_figures import draw_figures
from yeastpromoter.interpret.saturation import saturation_mutagenesis
from yeastpromoter.io.annotation import UPSTREAM
from yeastpromoter.io.row_files import whole_rows
from yeastpromoter.io.whole_files import frame_rows, whole_table
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network
from yeastpromoter.plots.style import file_name, save_figure
from yeastpromoter.sequence.encoding import letters
from yeastpromoter.variants.effects import COLUMNS, effects_table, predict_rows
from yeastpromoter.variants.ranking import rank, reference_inserts
from yeastpromoter.variants.rows import VariantRows

if TYPE_CHECKING:
    import pandas as pd


class _Offsets(click.ParamType):
    name = "numbers"

    def convert(self, value: str | tuple, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(number) for number in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers such as 10,20,30", param, ctx)


@click.command()
@click.argument("vcf", type=InputFile())
@click.option(
    "--genome", "fasta_file", required=True, type=InputFile(), help="FASTA of the genome, plain, gzip or bgzip."
)
@click.option(
    "--annotation",
    "annotation_file",
    type=InputFile(),
    help="Genes (GTF, GFF3) or promoters (BED6).  [default: none, every variant is scored for a gene on either strand]",
)
@click.option("-o", "--output", required=True, type=ROWS, help=f"File to write: {ROW_FORMATS}.")
@click.option(
    "--upstream",
    type=click.IntRange(min=1),
    default=UPSTREAM,
    show_default=True,
    help="Size of a promoter, in bp upstream of the coding start.",
)
@click.option(
    "--offsets",
    type=_Offsets(),
    help="Places of the variant in the insert, from 0 at its upstream end. The effect is the mean over them.  "
    "[default: seven evenly spaced ones, 10,20,30,40,50,60,70 of 80 bp]",
)
@click.option(
    "--skipped",
    "skipped_file",
    type=TABLE,
    help="Table of what is not scored, with the reason.  [default: none is written]",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Variants to show and to draw.",
)
@click.option("--ranked", type=TABLE, help="Table of all rows by the size of the effect, the largest first.")
@click.option("--inserts", type=FASTA, help="FASTA of the insert around each of the top variants, with REF.")
@figures_options(
    "Folder for figures: effects by distance and by substitution, and all substitutions around the top variants."
)
@interval_option(
    "Write a prediction interval of the effect, too, such as 90: effect_lower and effect_upper, for the difference of "
    "two measurements. It is approximate and likely too wide, as it comes from overlapping tiles of the genome."
)
@entry_option
@threads_option
def variants(
    vcf: Path,
    fasta_file: Path,
    annotation_file: Path | None,
    output: Path,
    upstream: int,
    offsets: tuple[int, ...] | None,
    skipped_file: Path | None,
    top: int,
    ranked: Path | None,
    inserts: Path | None,
    figures: Path | None,
    figure_format: str,
    interval: int | None,
    threads: int | None,
) -> None:
    """Predict what the alleles of a VCF file do to the expression of the promoters they lie in.

    For each ALT allele and gene there is a row, in the order of the file: record (its number in the file, from 0),
    chromosome, position, id, REF and ALT as in the file, gene, gene_name, strand, distance (bp to the coding start,
    negative upstream), ref_expression and alt_expression (mean sorting bucket, 0 to 17), effect_alt_minus_ref, and
    spread: the standard deviation of the effect over the places of the variant in the window. A large spread says that
    the effect depends on the place.

    The variants with the largest effects, up or down, are shown; --ranked, --inserts and --figures write more of them.
    What is not scored is counted, by its reason.

    \b
    Example:
      yeastpromoter variants variants.vcf --genome genome.fa --annotation genes.gtf -o effects.tsv --figures figures
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace
    check_figures(figures)
    trained = load_trained_network(entry_folder(), threads=threads)
    if interval is not None:
        trained.need_calibration(interval, effects=True)
    with ExitStack() as stack:
        # Entered first: what is wrong with a path shows at once, not after the work.
        write = stack.enter_context(whole_rows(output, {"weights_version": trained.weights_version}))
        ranked_file, inserts_file = (path and stack.enter_context(whole_table(path)) for path in (ranked, inserts))
        rows = VariantRows(vcf, fasta_file, annotation_file, upstream, offsets, skipped_file or False, trained.reporter)
        say_notes(rows.notes)
        blocks = []
        began = time.perf_counter()
        with tqdm(total=len(rows), unit=" rows", disable=None) as bar:
            for block in predict_rows(trained, rows, interval):
                write(block)
                blocks.append(block)
                bar.update(len(block["record"]))
        seconds = time.perf_counter() - began
        effects = effects_table(blocks).rename(columns=COLUMNS)
        order = rank(effects)
        if ranked_file:
            frame_rows(ranked_file, order)
        if inserts_file:
            write_inserts(inserts_file, order, top, rows.genome, trained.reporter.insert_length)
    show_ranked(order, top)
    click.echo(f"{len(rows):,} rows in {seconds:.1f} s, {len(rows) / max(seconds, 1e-9):,.0f} a second", err=True)
    drawn = []
    if figures and len(rows):
        drawn = draw_figures(effects, vcf.name, figures, figure_format)
        drawn += _draw_around(trained, order[order["rank"].notna()].head(top), rows, figures / "around", figure_format)
    for path in filter(None, (output, skipped_file, ranked, inserts, *drawn)):
        click.echo(f"Written: {path}", err=True)


def _draw_around(
    trained: TrainedNetwork, best: pd.DataFrame, rows: VariantRows, folder: Path, figure_format: str
) -> list[Path]:
    """Draw all substitutions around some variants, with REF, into a folder."""
    from yeastpromoter.plots.saturation import draw_saturation

    found = [
        insert for insert in reference_inserts(best, rows.genome, trained.reporter.insert_length) if insert is not None
    ]
    if not found:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    results = saturation_mutagenesis(trained, letters([trained.reporter.add_adapters(insert) for _, insert in found]))
    paths = []
    for number, (name, insert) in enumerate(found):
        figure = draw_saturation(
            trained.reporter, insert, results.effects[number], None, results.reference[number], name
        )
        paths.append(folder / file_name(number + 1, name, figure_format))
        save_figure(figure, paths[-1])
    return paths
