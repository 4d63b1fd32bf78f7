"""How figures look, and drawing them without a window or the settings of a user's matplotlib."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from yeastpromoter.io.whole_files import whole_file

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from yeastpromoter.sequence.reporter import Reporter

#: Okabe and Ito's colours, distinguished with every common kind of colour blindness.
BLUE, ORANGE, GREEN, GREY, BLACK = "#0072B2", "#D55E00", "#009E73", "#999999", "#000000"
BASE_COLOURS = {"A": GREEN, "C": BLUE, "G": "#E69F00", "T": ORANGE}
DENSITY = "cividis"
#: The formats of figures, by the ending of a file's name, with what keeps the time of drawing out of a file.
_METADATA = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
FORMATS = tuple(_METADATA)
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


def position_axis(axis: Axes, positions: range, reporter: Reporter, names: bool = True) -> None:
    """Make the x axis one of positions in the insert, with the adapters marked where the region has them.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        What is drawn there has the positions of `Reporter.positions` as x.
    positions : range
        The positions of the region.
    reporter : Reporter
        The reporter that they are of.
    names : bool, optional
        Whether the adapters are named.
    """
    first, last = positions[0], positions[-1]
    axis.set_xlim(first - 0.5, last + 0.5)
    # 0 has no tick: it would touch that of 1, where the insert begins.
    ticks = [position for position in positions if position == 1 or (position and position % 10 == 0)]
    axis.set_xticks(ticks, [str(position).replace("-", "−") for position in ticks])
    for start, stop, name in ((first, 0, "left adapter"), (reporter.insert_length + 1, last, "right adapter")):
        if start <= stop:
            axis.axvspan(start - 0.5, stop + 0.5, color="#EEEEEE", zorder=-2, linewidth=0)
            axis.axvline(stop + 0.5 if stop == 0 else start - 0.5, color=BLACK, linewidth=1, linestyle="--")
            if names:
                middle, top = (start + stop) / 2, axis.get_xaxis_transform()
                axis.text(middle, 0.98, name, transform=top, ha="center", va="top", fontsize=9)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format that the name of its file says; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    path : str or Path
        The file, whose name ends in ``.png``, ``.svg`` or ``.pdf``; see `yeastpromoter.io.whole_files.whole_file`.

    Raises
    ------
    ValueError
        If the name ends in something else, or the file cannot be written there.
    """
    import matplotlib

    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise ValueError(f"{path}: the name of a figure must end in .{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}")
    # What is drawn has ids in SVG, which are random without a salt.
    with matplotlib.rc_context({"svg.hashsalt": "yeastpromoter"}), whole_file(path) as partial:
        figure.savefig(partial, format=suffix, dpi=STYLE["savefig.dpi"], metadata=_METADATA[suffix])


def file_name(record: int, name: str, suffix: str) -> str:
    """Name of the figure's file: record number and id, with what file names do not hold everywhere as ``_``."""
    safe = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[:60]
    return f"{record}.{suffix}" if safe in ("", str(record)) else f"{record}_{safe}.{suffix}"
