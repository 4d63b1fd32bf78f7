"""Figures of predicted variant effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.effect_tables import is_transition, substitutions
from yeastpromoter.figure_style import BLACK, BLUE, DENSITY, GREY, ORANGE, subplots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_EFFECT = "effect, alt − ref (buckets)"
_SIZE = "effect size, |alt − ref| (buckets)"
_COLOURS = {"transitions": BLUE, "transversions": ORANGE}
_MARKERS = {"transitions": "o", "transversions": "s"}

#: From so many rows on they are drawn as a density.
_MANY = 2_000


def distance_figure(effects: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Draw effects against the distance to the coding start.

    Parameters
    ----------
    effects : pandas.DataFrame
        ``distance`` (bp, negative upstream) and ``effect`` (buckets), finite.
    table : pandas.DataFrame
        What `yeastpromoter.effect_tables.by_distance` makes of them.

    Returns
    -------
    matplotlib.figure.Figure
        Above, each row's effect (or their density where they are many); below, mean effect size in the bins of the
        table with its 95 % interval, and the median.
    """
    upstream = effects[effects["distance"] < 0]
    figure, axes = subplots(2, 1, figsize=(9, 7), sharex=True, height_ratios=(3, 2))
    above, below = axes[:, 0]
    x, y = upstream["distance"].to_numpy(dtype=float), upstream["effect"].to_numpy()
    if len(upstream) >= _MANY:
        drawn = above.hexbin(x, y, gridsize=(80, 40), bins="log", mincnt=1, cmap=DENSITY, linewidths=0.1)
        bar = figure.colorbar(drawn, ax=above, label="rows", pad=0.01)
        bar.ax.yaxis.set_major_formatter("{x:.0f}")
    else:
        above.scatter(x, y, s=18, color=BLUE, alpha=0.7, linewidths=0)
    above.axhline(0, color=BLACK, lw=1)
    above.set(ylabel=_EFFECT, title=f"{len(upstream):,} rows: one for each allele and gene")
    middle = (table["from"] + table["to"]) / 2
    below.plot(middle, table["mean_size"], color=BLUE, marker="o", ms=4, label="mean, with its 95 % interval")
    below.fill_between(middle, table["mean_size_low"], table["mean_size_high"], color=BLUE, alpha=0.25, linewidth=0)
    below.plot(middle, table["median_size"], color=GREY, ls="--", marker="s", ms=3, label="median")
    below.set(xlabel="distance to the coding start (bp; −1 is the base before the start codon)", ylabel=_SIZE)
    below.set_ylim(0, None)
    below.legend(loc="lower left", ncols=2)
    return figure


def substitution_figure(effects: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Draw effect sizes of transitions against those of transversions.

    Parameters
    ----------
    effects : pandas.DataFrame
        ``REF``, ``ALT``, ``strand`` and ``effect`` (buckets, finite).
    table : pandas.DataFrame
        What `yeastpromoter.effect_tables.by_substitution` makes of them.

    Returns
    -------
    matplotlib.figure.Figure
        Left, the share of rows whose effect is larger than each size; right, the mean size of each of the twelve
        substitutions, as they read on the strand of the gene, with its 95 % interval.
    """
    single = effects[(effects["REF"].str.len() == 1) & (effects["ALT"].str.len() == 1)]
    pairs, size = substitutions(single), np.abs(single["effect"].to_numpy())
    figure, ((left, right),) = subplots(1, 2, figsize=(12, 4.6))
    means = table.set_index("kind")
    transition = is_transition(pairs)
    for kind, found in (("transitions", transition), ("transversions", ~transition)):
        if not found.any():
            continue
        row, values = means.loc[kind], np.sort(size[found])
        label = f"{kind}: {row['rows']:,.0f} rows, mean {_with_interval(row)}"
        share = 1 - np.arange(1, values.size + 1) / values.size
        left.step(values, share, where="post", color=_COLOURS[kind], ls="-" if kind == "transitions" else "--",
                  label=label)  # fmt: skip
    left.set(xlabel=_SIZE, ylabel="share of rows with a larger effect", ylim=(0, 1))
    left.set_xlim(0, float(np.quantile(size, 0.995)) if size.size else 1)
    left.legend(loc="upper right")
    kinds = np.array([kind for kind in table["kind"] if len(kind) == 3], dtype=str)  # such as A>G
    of_transition = is_transition(np.char.replace(kinds, ">", ""))
    kinds = np.concatenate([kinds[of_transition], kinds[~of_transition]])
    first_of = {"transitions": 0, "transversions": int(of_transition.sum())}
    for place, kind in enumerate(kinds):
        row, group = means.loc[kind], "transitions" if place < of_transition.sum() else "transversions"
        colour = _COLOURS[group]
        right.plot([place, place], [row["mean_size_low"], row["mean_size_high"]], color=colour, lw=2)
        label = group if place == first_of[group] else None
        right.plot(place, row["mean_size"], color=colour, marker=_MARKERS[group], ms=7, ls="", label=label)
    right.set(
        xlabel="substitution, on the strand of the gene",
        ylabel=f"mean {_SIZE}",
        xticks=range(len(kinds)),
        xticklabels=kinds,
    )
    right.set_ylim(0, None)
    if kinds.size:
        right.legend(loc="lower right")
    return figure


def _with_interval(row: pd.Series) -> str:
    if np.isnan(row["mean_size_low"]):
        return f"{row['mean_size']:.3f}"
    return f"{row['mean_size']:.3f} ({row['mean_size_low']:.3f} to {row['mean_size_high']:.3f})"
