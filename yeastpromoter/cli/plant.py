"""``yeastpromoter plant``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from tqdm import tqdm

from yeastpromoter.cli.files import FOLDER, InputFile
from yeastpromoter.cli.options import entry_folder, entry_option, figure_format_option, random_insert_options
from yeastpromoter.extras import require
from yeastpromoter.interpret.planting import (
    SMALLEST_EFFECT,
    insert_expression,
    plant_everywhere,
    position_table,
    possible_positions,
    summarise,
)
from yeastpromoter.interpret.sites import SITES_FILE, Site, read_sites
from yeastpromoter.io.whole_files import write_frame
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.plots.style import save_figure
from yeastpromoter.sequence.random_inserts import random_inserts

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    default="planted_sites",
    show_default=True,
    help="Folder for positions.tsv, summary.tsv and figure.png (or .svg, .pdf).",
)
@figure_format_option
@random_insert_options(1000)
@click.option(
    "--step", type=click.IntRange(min=1), default=1, show_default=True, help="Distance between the positions, in bp."
)
@click.option(
    "--factor", "factors", multiple=True, help="Only this factor; may be given several times.  [default: all]"
)
@click.option(
    "--sites",
    "sites_file",
    type=InputFile(),
    default=SITES_FILE,
    help="YAML file of sites.  [default: sites.yaml of the package, which explains its keys and names its literature]",
)
@entry_option
def plant(
    output: Path, figure_format: str, count: int, gc: float, seed: int, step: int, factors: tuple, sites_file: Path
) -> None:
    """What known binding sites do to expression, as the network predicts it.

    Each site is planted into random inserts at every position and on both strands (on one if it is its own reverse
    complement). The effect is the expression of the insert with the site minus that of the same insert with the site
    shuffled in the same place, in buckets; a shuffled site shares no 4 letters in a row with the site on either
    strand. Tables and figure give means over the inserts with 95 % intervals (normal), by position and strand.

    A table of the sites goes to standard output, as Markdown: what the literature expects and what is predicted. A mean
    effect over all positions and strands counts as none if it is under 0.1 buckets, up or down, or if its interval
    holds zero.

    The whole of it takes about a quarter of an hour on two cores; with --count 100 --step 5 half a minute.

    \b
    Example:
      yeastpromoter plant --factor Reb1 --factor "TATA box" -o reb1_and_tata
    """  # noqa: D301 - click wants the backspace itself
    import pandas as pd

    require("figures")
    sites = read_sites(sites_file)
    chosen = _choose(sites, factors)
    output.mkdir(parents=True, exist_ok=True)
    trained = load_trained_network(entry_folder())
    length = trained.reporter.insert_length
    predict = partial(insert_expression, trained)
    inserts = random_inserts(count, seed, gc, length)
    background = predict(inserts)
    total = sum(len(site.strands) * len(possible_positions(site, length, step)) for site in chosen)
    plantings = []
    with tqdm(total=total, unit="position", disable=None) as bar:
        for site in chosen:
            bar.set_description(site.factor)
            # A stream of random numbers for each site, so that it comes out the same whichever others are chosen.
            rng = np.random.default_rng([seed, sites.index(site)])
            positions = possible_positions(site, length, step)
            plantings.append(plant_everywhere(predict, inserts, site, positions, rng, bar.update))
    summary = summarise(plantings)
    for name, table in (("positions", pd.concat(map(position_table, plantings))), ("summary", summary)):
        write_frame(output / f"{name}.tsv", table)
    title = f"Planted sites: {count:,} random inserts, GC {gc:g}, weights {trained.weights_version}"
    _draw(plantings, title, length, output / f"figure.{figure_format}")
    undefined = sum(int(np.isnan(effects).sum()) for planting in plantings for effects in planting.effects.values())
    if undefined:
        click.echo(f"Note: {undefined:,} effects are undefined (their bucket scores cancel) and left out", err=True)
    click.echo(_markdown(summary))
    click.echo(
        f"\nEffects in buckets: site − shuffled site, means over {count:,} random inserts (GC {gc:g}, seed {seed}), "
        f"positions every {step} bp and strands, with 95 % intervals. Without a site the expression of these inserts "
        f"is {np.nanmean(background):.2f} on average, with a standard deviation of "
        f"{np.nanstd(background, ddof=1):.2f}. Effects under {SMALLEST_EFFECT:g}, or with 0 in their interval, count "
        f"as none. Weights: {trained.weights_version}."
    )


def _choose(sites: list[Site], factors: tuple[str, ...]) -> list[Site]:
    if not factors:
        return sites
    by_name = {site.factor.lower(): site for site in sites}
    for factor in factors:
        if factor.lower() not in by_name:
            names = ", ".join(site.factor for site in sites)
            raise click.BadParameter(f"there is no factor {factor!r} in the file of sites: it has {names}")
    wanted = {factor.lower() for factor in factors}
    return [site for site in sites if site.factor.lower() in wanted]


def _draw(plantings: list, title: str, insert_length: int, figure_file: Path) -> None:
    from yeastpromoter.plots.planting import planting_panels

    save_figure(planting_panels(plantings, title, insert_length), figure_file)


def _markdown(summary: pd.DataFrame) -> str:
    header = ("Factor", "Site", "Expected", "Predicted", "As expected", "Mean effect (95 % interval)")
    header += ("Forward", "Reverse", "Strongest (position, strand)")
    lines = [header, ["---"] * 5 + ["---:"] * 4]
    for row in summary.itertuples():
        lines.append(
            [
                row.factor,
                f"`{row.site}`",
                row.expected.replace("-", "−"),
                row.observed.replace("-", "−"),
                row.as_expected,
                f"{_signed(row.mean_effect)} ({_signed(row.low)} to {_signed(row.high)})",
                _signed(row.forward),
                "palindrome" if np.isnan(row.reverse) else _signed(row.reverse),
                f"{_signed(row.strongest_effect)} ({row.strongest_position}, {row.strongest_strand.replace('-', '−')})",
            ]
        )
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
