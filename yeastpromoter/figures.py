"""Figures, drawn without a window and without the settings of a user's matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.construct import CONSTRUCT_LENGTH, INSERT_LENGTH, LEFT_ADAPTER
from yeastpromoter.encoding import ALPHABET, from_one_hot
from yeastpromoter.saturation_figure import BASE_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from yeastpromoter.planting import Planting

#: Two of Okabe and Ito's colours, told apart with every common kind of colour blindness, as the dashes are without.
STRAND_STYLES = {"+": ("#0072B2", "-", "forward strand"), "-": ("#D55E00", "--", "reverse strand")}

GREY = "#8A8A8A"
_SHADE = "#EEEEEE"
_PANEL_COLUMNS = 4


def contribution_logo(contributions: np.ndarray, construct: np.ndarray, title: str) -> Figure:
    """Draw the contributions of one construct as a logo: each base as high as what it adds.

    Parameters
    ----------
    contributions : numpy.ndarray
        Contributions of the construct's bases, in buckets, (110,). Those at N are not drawn: N has no letter.
    construct : numpy.ndarray
        One-hot, (110, 4).
    title : str
        Title.

    Returns
    -------
    matplotlib.figure.Figure
        Letters upright above and below zero, the adapters on grey.
    """
    import logomaker
    import pandas as pd
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 2.9), layout="constrained")
    axis = figure.subplots()
    is_base = np.array([letter != "N" for letter in from_one_hot(construct[np.newaxis])[0]])
    heights = pd.DataFrame(
        construct * (contributions * is_base)[:, np.newaxis],
        columns=list(ALPHABET),
        index=range(1, CONSTRUCT_LENGTH + 1),
    )
    logomaker.Logo(heights, ax=axis, color_scheme=BASE_COLOURS, flip_below=False, vpad=0.02, width=0.95)
    mark_adapters(axis)
    axis.set_xlim(0.4, CONSTRUCT_LENGTH + 0.6)
    axis.margins(y=0.08)
    axis.set_xticks([1, *range(10, CONSTRUCT_LENGTH + 1, 10)])
    axis.set_xlabel("position in the construct (bp)")
    axis.set_ylabel("contribution\n(buckets)")
    # A dollar sign would start a formula.
    axis.set_title(title.replace("$", r"\$"), loc="left", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def mark_adapters(axis: Axes) -> None:
    """Put the two adapters of a construct, whose positions are the x axis from 1, on grey and name the parts."""
    start, stop = len(LEFT_ADAPTER) + 0.5, len(LEFT_ADAPTER) + INSERT_LENGTH + 0.5
    for low, high, name in (
        (0.4, start, "adapter"),
        (start, stop, "insert"),
        (stop, CONSTRUCT_LENGTH + 0.6, "adapter"),
    ):
        if name == "adapter":
            axis.axvspan(low, high, color=_SHADE, zorder=-2, linewidth=0)
        axis.text((low + high) / 2, 0.98, name, transform=axis.get_xaxis_transform(), ha="center", va="top", color=GREY)


def planting_panels(plantings: Sequence[Planting], title: str) -> Figure:
    """Draw the mean effects of planted sites by position: a panel a site, a line a strand, all on one scale.

    Parameters
    ----------
    plantings : sequence of Planting
        Effects of the sites.
    title : str
        Title of the whole figure.

    Returns
    -------
    matplotlib.figure.Figure
        With 95 % intervals of the means as bands.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from yeastpromoter.planting import position_table

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
        axis.set_xlim(0, INSERT_LENGTH)
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
