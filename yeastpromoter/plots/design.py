"""Figure of designs: how the search went, what it changed, and the known sites that the designs have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.design.designs import Design
from yeastpromoter.interpret.sites import find_sites, read_sites
from yeastpromoter.plots.style import BASE_COLOURS, BLACK, GREY, position_axis, subplots
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.reporter import COORDINATE_LABEL, Reporter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Designs that one figure shows: the first ones.
MOST_DESIGNS = 40


def draw_designs(designs: Sequence[Design], reporter: Reporter) -> Figure:
    """Draw designs.

    Parameters
    ----------
    designs : sequence of Design
        At least one; the first `MOST_DESIGNS` are shown.
    reporter : Reporter
        The reporter that they are for.

    Returns
    -------
    matplotlib.figure.Figure
        Above, predicted expression against the number of substitutions, a line for each design. Below, a row for each
        design: its bases, coloured where they differ from the start; and the known sites in it.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not designs:
        raise ValueError("there are no designs to draw")
    shown = list(designs[:MOST_DESIGNS])
    height = 0.22 * len(shown) + 0.8
    figure, axes = subplots(3, 1, figsize=(11, 3.4 + 2 * height), height_ratios=[2.6, height, height])
    way, changes, sites = axes[:, 0]
    _draw_way(way, shown)
    _draw_changes(changes, shown, reporter)
    _draw_sites(sites, shown, reporter)
    if len(designs) > len(shown):
        way.set_title(f"{way.get_title()}: the first {len(shown)} of {len(designs):,} designs")
    return figure


def _draw_way(axes: Axes, designs: Sequence[Design]) -> None:
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    goals = list(dict.fromkeys(design.goal.name for design in designs))
    colours = colormaps["cividis"](np.linspace(0, 0.9, len(goals)))
    for design in designs:
        expression = [design.start_expression, *(change.expression for change in design.path)]
        number = goals.index(design.goal.name)
        axes.plot(range(len(expression)), expression, color=colours[number], lw=1, alpha=0.8)
        axes.plot(len(expression) - 1, expression[-1], "o", color=colours[number], ms=4)
    for number, goal in enumerate(goals):
        axes.plot([], [], color=colours[number], marker="o", ms=4, label=goal)
    axes.legend(title="goal", loc="center left", bbox_to_anchor=(1, 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("substitutions, in the order of the search")
    axes.set_ylabel("predicted expression\n(bucket)")
    axes.set_title("How the search went", loc="left")


def _draw_changes(axes: Axes, designs: Sequence[Design], reporter: Reporter) -> None:
    """A row for each design: its letters, on the colour of the base where the start has another."""
    from matplotlib.colors import to_rgb

    image = np.ones((len(designs), reporter.insert_length, 3))
    for row, design in enumerate(designs):
        for place in np.flatnonzero(design.start != design.insert):
            image[row, place] = to_rgb(BASE_COLOURS.get(chr(design.insert[place]), GREY))
    extent = (0.5, reporter.insert_length + 0.5, len(designs) - 0.5, -0.5)
    axes.imshow(image, aspect="auto", interpolation="nearest", extent=extent)
    for row, design in enumerate(designs):
        changed = design.start != design.insert
        for place, code in enumerate(design.insert.tolist()):
            colour = "white" if changed[place] else "#777777"
            axes.text(place + 1, row, chr(code), ha="center", va="center", fontsize=6, color=colour, family="monospace")
    for base in ALPHABET:
        axes.plot([], [], "s", color=BASE_COLOURS[base], label=base)
    axes.legend(title="changed to", loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_title("What differs from the start", loc="left")
    _rows(axes, designs, reporter)


def _draw_sites(axes: Axes, designs: Sequence[Design], reporter: Reporter) -> None:
    """A row for each design: the known sites in it, and their names."""
    known = read_sites()
    for row, design in enumerate(designs):
        axes.axhline(row, color="#E5E5E5", lw=0.8, zorder=0)
        for number, site in enumerate(find_sites(design.insert.tobytes().decode("ascii"), known)):
            axes.plot([site.first - 0.5, site.last + 0.5], [row, row], color=BLACK, lw=2, solid_capstyle="butt")
            arrow = f"{site.factor} →" if site.strand == "+" else f"← {site.factor}"
            side = 1 if number % 2 else -1
            axes.annotate(
                arrow,
                ((site.first + site.last) / 2, row),
                xytext=(0, 4 * side),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=6,
            )
    axes.set_title("Known binding sites in the designs (by their motifs, on either strand)", loc="left")
    _rows(axes, designs, reporter)
    axes.set_xlabel(COORDINATE_LABEL)


def _rows(axes: Axes, designs: Sequence[Design], reporter: Reporter) -> None:
    position_axis(axes, reporter.positions("insert"), reporter)
    axes.set_yticks(
        range(len(designs)), [f"{design.id[:28]} {design.expression:.1f}" for design in designs], fontsize=7
    )
    axes.set_ylim(len(designs) - 0.5, -0.5)
    axes.grid(False)
