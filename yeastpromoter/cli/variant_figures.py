"""``yeastpromoter variant-figures``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from yeastpromoter.cli.files import FOLDER, InputFile
from yeastpromoter.cli.options import figure_format_option
from yeastpromoter.extras import require
from yeastpromoter.io.whole_files import same_file, write_frame
from yeastpromoter.statistics import RESAMPLES
from yeastpromoter.variants.summaries import BIN_SIZE, by_distance, by_substitution, read_effects

if TYPE_CHECKING:
    import pandas as pd

_TITLE = "Predicted effects (alt − ref) of {}"


@click.command()
@click.argument("predictions", type=InputFile())
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    default=".",
    help="Folder for the files; it is made if it is missing.  [default: the current one]",
)
@figure_format_option
@click.option(
    "--bin-size",
    type=click.IntRange(min=1),
    default=BIN_SIZE,
    show_default=True,
    help="Size of the bins of the distance to the coding start, in bp.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=100),
    default=RESAMPLES,
    show_default=True,
    help="Bootstrap resamples for the 95 % intervals.",
)
def variant_figures(predictions: Path, output: Path, figure_format: str, bin_size: int, resamples: int) -> None:
    """Figures and tables of predicted variant effects: by distance, and by kind of substitution.

    PREDICTIONS, .tsv, .csv or .h5, is what `yeastpromoter variants` wrote, or `kipoi predict` of variant_effects with
    --keep_metadata. Effect is alt − ref in buckets: positive where the ALT allele raises expression; effect size is its
    absolute value.

    \b
    effect_by_distance.png, .tsv       effects against the distance to the coding start (bp, negative
                                       upstream), with the mean in bins; only with annotation
    effect_by_substitution.png, .tsv   transitions (A↔G, C↔T) against transversions, and the twelve
                                       substitutions on the strand of the gene; single bases only

    Each row of PREDICTIONS counts once, so that a variant in the promoters of two genes counts twice. The 95 %
    intervals are bootstrap intervals over genes (over positions where there was no annotation); there are none of
    fewer than 30 genes, which would be too narrow.

    \b
    Example:
      yeastpromoter variants my.vcf.gz --genome genome.fa --annotation genes.gtf -o effects.tsv
      yeastpromoter variant-figures effects.tsv -o figures
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace
    require("figures")
    for name in ("effect_by_distance.tsv", "effect_by_substitution.tsv"):
        if same_file(predictions, output / name):
            raise ValueError(f"{predictions} is among the files that are written: name another folder with --output")
    effects = read_effects(predictions)
    if effects.empty:
        click.echo(f"{predictions}: there are no variants, so no figures of them.", err=True)
        return
    for path in draw_figures(effects, predictions.name, output, figure_format, bin_size, resamples):
        click.echo(path)


def draw_figures(
    effects: pd.DataFrame,
    name: str,
    output: Path,
    figure_format: str,
    bin_size: int = BIN_SIZE,
    resamples: int = RESAMPLES,
) -> list[Path]:
    """Draw the figures of the effects of a file's variants into a folder, and say what is in none of them."""
    undefined = ~np.isfinite(effects["effect"])
    if undefined.any():
        click.echo(f"{undefined.sum():,} of {len(effects):,} rows have no defined effect and are left out.", err=True)
        effects = effects[~undefined]
    output.mkdir(parents=True, exist_ok=True)
    title = _TITLE.format(name)
    made = []
    if (effects["distance"] < 0).any():
        table = by_distance(effects, bin_size, resamples)
        made += _write(output / "effect_by_distance", figure_format, "distance_figure", effects, table, title)
        inside = int((effects["distance"] >= 0).sum())
        if inside:
            click.echo(f"{inside:,} rows that reach into the coding sequence are in no bin of the distance.", err=True)
    else:
        click.echo("There are no distances (no annotation), so no figure of them.", err=True)
    table = by_substitution(effects, resamples)
    if len(table):
        made += _write(output / "effect_by_substitution", figure_format, "substitution_figure", effects, table, title)
    else:
        click.echo("There are no substitutions of a single base, so no figure of them.", err=True)
    others = int(((effects["REF"].str.len() != 1) | (effects["ALT"].str.len() != 1)).sum())
    if others:
        click.echo(f"{others:,} rows of insertions, deletions and longer alleles are of no kind.", err=True)
    return made


def _write(stem: Path, suffix: str, drawing: str, effects, table, title: str) -> list[Path]:
    import matplotlib

    from yeastpromoter.plots import variants as drawings
    from yeastpromoter.plots.style import STYLE, save_figure

    paths = [stem.with_suffix(f".{suffix}"), stem.with_suffix(".tsv")]
    write_frame(paths[1], table)
    with matplotlib.rc_context(STYLE):
        figure = getattr(drawings, drawing)(effects, table)
        figure.suptitle(title)
        save_figure(figure, paths[0])
    return paths
