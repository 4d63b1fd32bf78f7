"""``yeastpromoter tracks-figure``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from yeastpromoter.cli.errors import refuse_if_given
from yeastpromoter.cli.files import FIGURE, InputFile
from yeastpromoter.extras import require
from yeastpromoter.genomewide.tracks import STRANDS, read_track, track_lengths
from yeastpromoter.io.annotation import Gene, read_genes
from yeastpromoter.io.genome import ChromosomeNames

_REGION = re.compile(r"^(?P<chromosome>[^:]+):(?P<start>[\d,]+)-(?P<stop>[\d,]+)$")


@click.command()
@click.argument("tracks", type=click.Path(path_type=Path))
@click.option("--annotation", required=True, type=InputFile(), help="Genes: GTF or GFF3, plain, gzip or bgzip.")
@click.option("--region", help="Locus to draw, first and last base counted from 1, such as II:277000-281000.")
@click.option(
    "--gene",
    "genes",
    multiple=True,
    help="Draw the locus of this gene (name or id); may be given several times, for a locus with all of them.",
)
@click.option(
    "--around",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Bases to draw on both sides of the genes; only with --gene.",
)
@click.option("-o", "--output", required=True, type=FIGURE, help="Figure to write (.png, .svg or .pdf).")
def tracks_figure(
    tracks: Path, annotation: Path, region: str | None, genes: tuple[str, ...], around: int, output: Path
) -> None:
    """Draw a locus: predicted expression on both strands, with the genes.

    TRACKS is the beginning of the names of the bigWig files, the OUTPUT of the command `tracks`. Expression is in
    buckets (0 to 17).

    \b
    Example:
      yeastpromoter tracks-figure yeast --annotation genes.gtf.gz --gene GAL1 --gene GAL10 -o gal.png
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace
    require("figures")
    import matplotlib

    from yeastpromoter.plots.style import STYLE, save_figure
    from yeastpromoter.plots.tracks import locus_figure

    if (region is None) == (not genes):
        raise click.UsageError("give the locus with --region, or with --gene, and not with both")
    if region:
        refuse_if_given("--around", "goes with --gene, not with --region, which says what to draw by itself")
    files = {strand: Path(f"{tracks}.{word}.bw") for strand, word in STRANDS.items()}
    lengths = track_lengths(files["+"])
    coding = read_genes(annotation, lengths)
    if region:
        chromosome, start, stop = _parse_region(region, lengths)
    else:
        chromosome, start, stop = _around_genes(genes, coding, annotation)
        start, stop = max(0, start - around), min(lengths[chromosome], stop + around)
    values = {strand: read_track(path, chromosome, start, stop) for strand, path in files.items()}
    shown = [gene for gene in coding if gene.chromosome == chromosome and gene.start < stop and gene.stop > start]
    with matplotlib.rc_context(STYLE):
        save_figure(locus_figure(values, shown, chromosome, start, stop), output)
    click.echo(f"{chromosome}:{start + 1:,}-{stop:,} with {len(shown)} genes: {output}", err=True)


def _parse_region(region: str, lengths: dict[str, int]) -> tuple[str, int, int]:
    match = _REGION.match(region)
    if match is None:
        raise click.BadParameter(f"must be such as II:277000-281000 but is {region!r}", param_hint="--region")
    chromosome = ChromosomeNames(lengths).find(match["chromosome"])
    if chromosome is None:
        raise click.BadParameter(
            f"names chromosome {match['chromosome']}, but the tracks have {', '.join(lengths)}", param_hint="--region"
        )
    start, stop = (int(match[name].replace(",", "")) for name in ("start", "stop"))
    if not 1 <= start < stop <= lengths[chromosome]:
        raise click.BadParameter(
            f"must lie within the {lengths[chromosome]:,} bp of chromosome {chromosome}, its end after its start, but "
            f"is {region}",
            param_hint="--region",
        )
    return chromosome, start - 1, stop


def _around_genes(wanted: tuple[str, ...], coding: list[Gene], annotation: Path) -> tuple[str, int, int]:
    found = []
    for name in wanted:
        matches = [gene for gene in coding if name.upper() in (gene.name.upper(), gene.gene.upper())]
        if not matches:
            raise ValueError(f"{annotation}: has no protein-coding gene {name} on a chromosome of the tracks")
        found += matches
    chromosomes = sorted({gene.chromosome for gene in found})
    if len(chromosomes) > 1:
        raise ValueError(f"{', '.join(wanted)} lie on the chromosomes {', '.join(chromosomes)}, not on one")
    return chromosomes[0], min(gene.start for gene in found), max(gene.stop for gene in found)
