"""The figure of saturation mutagenesis: a logo over a heat map, for one sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.plots.style import BASE_COLOURS, GREY, position_axis
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.reporter import COORDINATE_LABEL, REGIONS, Reporter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Brown to white to blue-green: a diverging map that stays readable with red-green blindness.
COLOUR_MAP = "BrBG"

_INCHES_A_POSITION = 0.155


def draw_saturation(
    reporter: Reporter,
    bases: str,
    effects: np.ndarray,
    deletions: np.ndarray | None = None,
    reference: float | None = None,
    title: str = "",
) -> Figure:
    """Draw the effects of all changes in one sequence.

    Above, a logo: each base of the sequence, as high as the expression that is lost on average when another base
    takes its place, which is minus the mean of its three effects. Letters that point up raise expression, letters
    that point down lower it. Below, a heat map of all effects, the bases of the sequence marked by a dot. The
    adapters are marked where the sequence is a whole construct. Positions are counted in the insert, from 1.

    Parameters
    ----------
    reporter : Reporter
        The reporter that the sequence is of.
    bases : str
        The L letters of the region, an insert or a construct.
    effects : numpy.ndarray
        Effects (alt − ref, in buckets), (L, 4), columns A, C, G, T, 0 for the base itself.
    deletions : numpy.ndarray, optional
        Effects of deletions, (L,): a fifth row of the heat map.
    reference : float, optional
        Expression of the unchanged construct, for the title.
    title : str, optional
        What the sequence is called.

    Returns
    -------
    matplotlib.figure.Figure
        Not bound to any window: ``figure.savefig(path)`` writes it.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    length = len(bases)
    of_length = {len(positions): positions for positions in map(reporter.positions, REGIONS)}
    if length not in of_length:
        raise ValueError(f"the sequence has {length} bp but must have {' or '.join(map(str, of_length))}")
    positions = of_length[length]
    if effects.shape != (length, len(ALPHABET)):
        raise ValueError(f"effects have shape {effects.shape} but must have shape ({length}, {len(ALPHABET)})")
    if deletions is not None and deletions.shape != (length,):
        raise ValueError(f"deletions have shape {deletions.shape} but must have shape ({length},)")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = effects.T if deletions is None else np.vstack([effects.T, deletions])
    figure = Figure(figsize=(2.6 + _INCHES_A_POSITION * length, 3.6 + 0.28 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    logo, heat = figure.subplots(2, 1, sharex=True, height_ratios=[1.5, 0.3 * len(rows)])
    draw_logo(logo, bases, effects, positions)
    logo.set_ylabel("Base in place:\n−(mean effect)")
    logo.spines[["top", "right"]].set_visible(False)
    logo.tick_params(axis="x", labelbottom=False)
    image = _draw_heat_map(heat, bases, rows, positions)
    position_axis(logo, positions, reporter)
    position_axis(heat, positions, reporter, names=False)
    heat.set_xlabel(COORDINATE_LABEL)
    bar = figure.colorbar(image, ax=heat, pad=0.01, fraction=0.03, aspect=8)
    bar.set_label("Effect, alt − ref\n(buckets)")
    known = "" if reference is None else f"expression {reference:.2f}"
    heading = "   ".join(part for part in (title[:100], known) if part)
    # A dollar sign would start a formula.
    logo.set_title(heading.replace("$", r"\$"), loc="left", fontsize=11, fontweight="bold")
    return figure


def draw_logo(axes: Axes, bases: str, effects: np.ndarray, positions: range) -> None:
    """Draw each base of a sequence as high as the expression that is lost on average when another takes its place.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw, with `positions` as x; the limits of y are set to the letters.
    bases, effects
        As for `draw_saturation`.
    positions : range
        The L positions.
    """
    import logomaker
    import pandas as pd

    heights = np.zeros(effects.shape)
    for index, base in enumerate(bases):
        if base in ALPHABET:
            heights[index, ALPHABET.index(base)] = -effects[index].sum() / (len(ALPHABET) - 1)
    table = pd.DataFrame(heights, columns=list(ALPHABET), index=positions)
    logo = logomaker.Logo(table, ax=axes, color_scheme=BASE_COLOURS)
    # Letters that point down stay upright: they are read, not only seen.
    logo.style_glyphs(flip=False)
    largest = max(np.abs(heights).max(), 1e-9)
    low, high = min(heights.min(), 0), max(heights.max(), 0)
    axes.set_ylim(low - 0.08 * largest, high + 0.08 * largest)
    axes.axhline(0, color="black", linewidth=0.6)


def effect_limit(effects: np.ndarray) -> float:
    """The effect, up or down, that has the strongest colour."""
    return float(np.abs(effects).max()) or 1.0


def _draw_heat_map(axes: Axes, bases: str, rows: np.ndarray, positions: range):
    limit = effect_limit(rows)
    extent = (positions[0] - 0.5, positions[-1] + 0.5, len(rows) - 0.5, -0.5)
    colours = {"cmap": COLOUR_MAP, "vmin": -limit, "vmax": limit}
    image = axes.imshow(rows, **colours, aspect="auto", interpolation="nearest", extent=extent)
    axes.set_yticks(range(len(rows)), [*ALPHABET, "deleted"][: len(rows)])
    axes.set_ylabel("Changed to")
    axes.tick_params(axis="y", length=0)
    # The sequence itself, between logo and heat map: letters of the logo can be too small to read.
    for position, base in zip(positions, bases, strict=True):
        colour = BASE_COLOURS.get(base, GREY)
        axes.annotate(
            base,
            (position, 1),
            xytext=(0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            family="monospace",
            fontweight="bold",
            color=colour,
        )
    marked = [(place, ALPHABET.index(base)) for place, base in zip(positions, bases, strict=True) if base in ALPHABET]
    if marked:
        axes.plot(*zip(*marked, strict=True), ".", color=GREY, markersize=3)
    return image
