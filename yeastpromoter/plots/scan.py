"""Figure of the expression along longer promoters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.plots.style import BLUE, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Sequences that one figure shows.
MOST_SCANS = 8


def draw_scans(scans: Sequence[tuple[str, np.ndarray, np.ndarray]], tile: int) -> Figure:
    """Draw the expression along sequences, a panel for each.

    Parameters
    ----------
    scans : sequence of (str, numpy.ndarray, numpy.ndarray)
        Of each sequence, at most `MOST_SCANS`: its id, the positions of the first bases of its tiles, from 1, (N,), and
        their expression, (N,), NaN where there is none.
    tile : int
        Length of a tile in bp.

    Returns
    -------
    matplotlib.figure.Figure
        Expression at the centre of each tile; all panels have the same scales.

    Raises
    ------
    ValueError
        If there are more sequences.
    """
    if len(scans) > MOST_SCANS:
        raise ValueError(f"a figure shows at most {MOST_SCANS} sequences but {len(scans)} are given")
    figure, axes = subplots(len(scans), 1, figsize=(9, 1.2 + 2.1 * len(scans)), sharex=True, sharey=True)
    for axis, (name, positions, expression) in zip(axes[:, 0], scans, strict=True):
        centres = positions + (tile - 1) / 2
        axis.plot(centres, expression, color=BLUE, lw=1.4, marker="o", ms=2.5)
        axis.set_ylabel("expression (bucket)")
        axis.set_title(name[:80], loc="left", fontsize=10, parse_math=False)
    axes[-1, 0].set_xlabel(f"centre of the {tile}-bp tile in the sequence (bp, 5′ to 3′; the gene follows)")
    return figure
