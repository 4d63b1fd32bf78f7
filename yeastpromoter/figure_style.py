"""How figures look, and drawing them without a window or the settings of a user's matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

#: Okabe and Ito's colours, told apart with every common kind of colour blindness.
BLUE, ORANGE, GREEN, GREY, BLACK = "#0072B2", "#D55E00", "#009E73", "#999999", "#000000"
DENSITY = "cividis"
STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 150,
}


def subplots(*args, figsize: tuple[float, float] | None = None, **kwargs) -> tuple[Figure, np.ndarray]:
    """Make a figure and its axes.

    Parameters
    ----------
    figsize : tuple of float, optional
        Width and height in inches.
    *args, **kwargs
        As for `matplotlib.figure.Figure.subplots`.

    Returns
    -------
    figure : matplotlib.figure.Figure
        By the object interface: no window, whatever backend the user has set.
    axes : numpy.ndarray
        Its axes, always as rows and columns.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=figsize, layout="constrained")
    return figure, figure.subplots(*args, squeeze=False, **kwargs)
