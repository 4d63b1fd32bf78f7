"""The figure of planted sites: their mean effects by position and strand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yeastpromoter.plots.style import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from yeastpromoter.interpret.planting import Planting

#: The dashes tell the strands apart without the colours, too.
STRAND_STYLES = {"+": (BLUE, "-", "forward strand"), "-": (ORANGE, "--", "reverse strand")}

_PANEL_COLUMNS = 4


def planting_panels(plantings: Sequence[Planting], title: str, insert_length: int) -> Figure:
    """Draw the mean effects of planted sites by position: a panel a site, a line a strand, all on one scale.

    Parameters
    ----------
    plantings : sequence of Planting
        Effects of the sites.
    title : str
        Title of the whole figure.
    insert_length : int
        Length of the insert in bp.

    Returns
    -------
    matplotlib.figure.Figure
        With 95 % intervals of the means as bands.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from yeastpromoter.interpret.planting import position_table

    columns = min(_PANEL_COLUMNS, len(plantings))
    rows = -(-len(plantings) // columns)
    figure = Figure(figsize=(max(2, columns) * 3.4, 2.3 * rows + 1.1), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axis, planting in zip(axes.flat, plantings, strict=False):
        axis.axhline(0, color=GREY, linewidth=0.8)
        table = position_table(planting)
        for strand, lines in table.groupby("strand"):
            colour, dashes, _ = STRAND_STYLES[strand]
            marker = "o" if len(lines) < 20 else None
            axis.fill_between(lines["position"], lines["low"], lines["high"], color=colour, alpha=0.2, linewidth=0)
            axis.plot(
                lines["position"],
                lines["mean_effect"],
                dashes,
                color=colour,
                linewidth=1.5,
                marker=marker,
                markersize=3,
            )
        site = planting.site
        expected = site.expected if site.expected == "depends" else f"expected {site.expected.replace('-', '−')}"
        palindrome = "" if "-" in planting.effects else ", palindrome"
        axis.set_title(f"{site.factor}: {expected}{palindrome}\n{site.letters}", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(0.5, insert_length + 0.5)
    for axis in list(axes.flat)[len(plantings) :]:
        axis.set_visible(False)
    for number, axis in enumerate(axes.flat):
        if number + columns >= len(plantings):
            axis.tick_params(labelbottom=True)
    figure.supxlabel("position of the site's leftmost base in the insert (bp); the gene is on the right", fontsize=10)
    figure.supylabel("mean effect: site − shuffled site (buckets)", fontsize=10)
    handles = [Line2D([], [], color=colour, linestyle=dashes) for colour, dashes, _ in STRAND_STYLES.values()]
    labels = [label for _, _, label in STRAND_STYLES.values()]
    axes[0, 0].legend(handles, labels, loc="best", frameon=False, fontsize=8)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure
