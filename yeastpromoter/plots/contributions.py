"""The figure of contributions: a logo of one sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.plots.style import BASE_COLOURS, position_axis
from yeastpromoter.sequence.encoding import ALPHABET, from_one_hot
from yeastpromoter.sequence.reporter import COORDINATE_LABEL, Reporter

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def contribution_logo(
    reporter: Reporter, contributions: np.ndarray, bases: np.ndarray, title: str, region: str = "insert"
) -> Figure:
    """Draw the contributions of one sequence as a logo: each base as high as what it adds.

    Parameters
    ----------
    reporter : Reporter
        The reporter that the sequence is of.
    contributions : numpy.ndarray
        Contributions of the bases of the region, in buckets, (L,). Those at N are not drawn: N has no letter.
    bases : numpy.ndarray
        One-hot, (L, 4).
    title : str
        Title.
    region : {"insert", "construct"}, optional
        What is drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Letters upright above and below zero, the adapters of a construct on grey.
    """
    import logomaker
    import pandas as pd
    from matplotlib.figure import Figure

    positions = reporter.positions(region)
    figure = Figure(figsize=(1.4 + 0.125 * len(positions), 2.9), layout="constrained")
    axis = figure.subplots()
    is_base = np.array([letter != "N" for letter in from_one_hot(bases[np.newaxis])[0]])
    heights = pd.DataFrame(bases * (contributions * is_base)[:, np.newaxis], columns=list(ALPHABET), index=positions)
    logomaker.Logo(heights, ax=axis, color_scheme=BASE_COLOURS, flip_below=False, vpad=0.02, width=0.95)
    position_axis(axis, positions, reporter)
    axis.margins(y=0.08)
    axis.set_xlabel(COORDINATE_LABEL)
    axis.set_ylabel("contribution\n(buckets)")
    # A dollar sign would start a formula.
    axis.set_title(title.replace("$", r"\$"), loc="left", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    return figure
