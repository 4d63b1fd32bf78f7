"""Figure of the tracks of predicted expression at a locus, with its genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.io.annotation import Gene
from yeastpromoter.plots.style import BLACK, BLUE, GREY, ORANGE, subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STRANDS = {"+": (BLUE, "plus strand →"), "-": (ORANGE, "minus strand ←")}

#: Widths, as shares of the locus, of the head of a gene's arrow and of a letter of its name.
_HEAD, _LETTER = 0.012, 0.013


def gene_rows(genes: Sequence[Gene], start: int, stop: int) -> list[int]:
    """Put genes on rows so that neither they nor their names overlap.

    Parameters
    ----------
    genes : sequence of Gene
        Genes of one strand.
    start, stop : int
        The locus that is drawn.

    Returns
    -------
    list of int
        Row of each gene, from 0.
    """
    ends: list[float] = []
    rows = {}
    for gene in sorted(genes, key=lambda gene: gene.start):
        left, right = max(gene.start, start), min(gene.stop, stop)
        half = max(right - left, len(gene.name) * _LETTER * (stop - start)) / 2
        middle = (left + right) / 2
        row = next((row for row, end in enumerate(ends) if end < middle - half), len(ends))
        ends[row : row + 1] = [middle + half]
        rows[gene] = row
    return [rows[gene] for gene in genes]


def locus_figure(
    tracks: Mapping[str, np.ndarray], genes: Sequence[Gene], chromosome: str, start: int, stop: int
) -> Figure:
    """Draw the tracks of both strands at a locus.

    Parameters
    ----------
    tracks : mapping of str to numpy.ndarray
        By strand, ``"+"`` and ``"-"``: expression at each base, (stop - start,), NaN where there is none.
    genes : sequence of Gene
        Coding regions, those that overlap the locus.
    chromosome : str
        Its name.
    start, stop : int
        The locus, 0-based and half-open.

    Returns
    -------
    matplotlib.figure.Figure
        From above: the track of the plus strand, the genes (plus strand above the line, minus strand below, the arrow
        in the direction of transcription), the track of the minus strand. Both tracks have the same scale.
    """
    figure, axes = subplots(3, 1, figsize=(10, 6), sharex=True, height_ratios=(3, 1.6, 3))
    plus, middle, minus = axes[:, 0]
    values = np.concatenate([track[np.isfinite(track)] for track in tracks.values()])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 17.0)
    margin = 0.05 * (high - low) or 1.0
    positions = np.arange(start, stop) + 1
    for ax, strand in ((plus, "+"), (minus, "-")):
        colour, label = _STRANDS[strand]
        ax.plot(positions, tracks[strand], color=colour, lw=1.2, drawstyle="steps-mid")
        ax.set(ylim=(low - margin, high + margin), ylabel="expression (bucket)")
        ax.set_title(label, loc="left", color=colour, fontweight="bold", fontsize=10)
        for gene in genes:
            # What drives a gene is upstream of its first coding base, on its own strand.
            if gene.strand == strand:
                begin = gene.start + 1 if strand == "+" else gene.stop
                if start < begin <= stop:
                    ax.axvline(begin, color=GREY, lw=1, ls="--", zorder=0)
    _draw_genes(middle, genes, start, stop)
    minus.set_xlabel(f"position on chromosome {chromosome} (bp, from 1)")
    minus.xaxis.set_major_formatter("{x:,.0f}")
    minus.set_xlim(start + 1, stop)
    figure.suptitle("Predicted expression of 80-bp inserts, at their centres; dashed: first coding base", fontsize=11)
    return figure


def _draw_genes(ax, genes: Sequence[Gene], start: int, stop: int) -> None:
    deepest = 0
    ax.axhline(0, color=BLACK, lw=0.8)
    for strand, sign in (("+", 1), ("-", -1)):
        some = [gene for gene in genes if gene.strand == strand]
        colour = _STRANDS[strand][0]
        for gene, row in zip(some, gene_rows(some, start, stop), strict=True):
            left, right = max(gene.start + 1, start + 1), min(gene.stop, stop)
            y = sign * (row + 0.5)
            head = min(right - left, _HEAD * (stop - start))
            tail, tip = (left, right) if strand == "+" else (right, left)
            neck = tip - sign * head
            ax.fill(
                [tail, neck, tip, neck, tail], [y - 0.3, y - 0.3, y, y + 0.3, y + 0.3], color=colour, alpha=0.35, lw=0
            )
            ax.text((left + right) / 2, y, gene.name, ha="center", va="center", fontsize=8, style="italic")
            deepest = max(deepest, row + 1)
    ax.set(ylim=(-max(deepest, 1) - 0.1, max(deepest, 1) + 0.1), yticks=[], ylabel="genes")
    ax.grid(False)
