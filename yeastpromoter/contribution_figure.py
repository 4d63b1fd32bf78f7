"""The figure of contributions: a logo of one construct."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.construct import CONSTRUCT_LENGTH, INSERT_LENGTH, LEFT_ADAPTER
from yeastpromoter.encoding import ALPHABET, from_one_hot
from yeastpromoter.figure_style import BASE_COLOURS, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHADE = "#EEEEEE"


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
