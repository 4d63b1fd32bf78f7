"""Figures of predicted variant effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.plots.style import BLACK, BLUE, DENSITY, GREY, ORANGE, subplots
from yeastpromoter.statistics import MIN_GROUPS
from yeastpromoter.variants.summaries import is_transition, substitutions, unit_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_EFFECT = "effect, alt − ref (buckets)"
_SIZE = "effect size, |alt − ref| (buckets)"
_COLOURS = {"transitions": BLUE, "transversions": ORANGE}
_MARKERS = {"transitions": "o", "transversions": "s"}

#: From this many rows on they are drawn as a density.
_MANY = 2_000


def distance_figure(effects: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Draw effects against the distance to the coding start.

    Parameters
    ----------
    effects : pandas.DataFrame
        ``distance`` (bp, negative upstream), ``gene`` and ``effect`` (buckets), finite.
    table : pandas.DataFrame
        What `yeastpromoter.variants.summaries.by_distance` makes of them.

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
    counted = f"{len(upstream):,} rows of {upstream['gene'].nunique():,} genes: one for each allele and gene"
    inside = int((effects["distance"] >= 0).sum())
    left_out = f"\nnot shown: {inside:,} rows that reach into the coding sequence" if inside else ""
    above.set(ylabel=_EFFECT, title=counted + left_out)
    # A row for each bin in between, so that no line is drawn over bins that are empty.
    size = table["to"] - table["from"] + 1
    bins = table.set_index("from").reindex(np.arange(table["from"].min(), 0, size.iloc[0]))
    middle = bins.index + (size.iloc[0] - 1) / 2
    arms = np.abs(bins[["mean_size_low", "mean_size_high"]].to_numpy().T - bins["mean_size"].to_numpy())
    below.errorbar(middle, bins["mean_size"], arms, color=BLUE, marker="o", ms=4, lw=1.2, elinewidth=2,
                   label=_of_intervals("mean", table, "genes"))  # fmt: skip
    below.plot(middle, bins["median_size"], color=GREY, ls="--", marker="s", ms=3, zorder=3, label="median")
    below.set(xlabel="distance to the coding start (bp; −1 is the base before the start codon)", ylabel=_SIZE)
    below.set_ylim(0, None)
    below.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)
    return figure


def substitution_figure(effects: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Draw effect sizes of transitions against those of transversions.

    Parameters
    ----------
    effects : pandas.DataFrame
        ``REF``, ``ALT``, ``strand``, ``gene`` and ``effect`` (buckets, finite).
    table : pandas.DataFrame
        What `yeastpromoter.variants.summaries.by_substitution` makes of them.

    Returns
    -------
    matplotlib.figure.Figure
        Left, the share of rows whose effect is larger than each size; right, the mean size of each of the twelve
        substitutions, as they read on the strand of the gene, with its 95 % interval.
    """
    single = effects[(effects["REF"].str.len() == 1) & (effects["ALT"].str.len() == 1)]
    pairs, size = substitutions(single), np.abs(single["effect"].to_numpy())
    figure, ((left, right),) = subplots(1, 2, figsize=(12, 4.6))
    means, unit = table.set_index("kind"), unit_of(effects)
    transition = is_transition(pairs)
    for kind, found in (("transitions", transition), ("transversions", ~transition)):
        if not found.any():
            continue
        row, values = means.loc[kind], np.sort(size[found])
        label = f"{kind}: {row['rows']:,.0f} rows of {row['genes']:,.0f} {unit}\nmean {_with_interval(row)}"
        share = 1 - np.arange(values.size + 1) / values.size
        line = "-" if kind == "transitions" else "--"
        left.step(np.insert(values, 0, 0), share, where="post", color=_COLOURS[kind], ls=line, label=label)
    left.set(xlabel=_SIZE, ylabel="share of rows with a larger effect", ylim=(0, 1))
    left.set_xlim(0, None)
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
        xlabel=f"substitution, on the strand of the gene\n{_of_intervals('means', table, unit)}",
        ylabel=f"mean {_SIZE}",
        xticks=range(len(kinds)),
        xticklabels=kinds,
    )
    right.set_ylim(0, None)
    if kinds.size:
        right.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)
    return figure


def _of_intervals(what: str, table: pd.DataFrame, unit: str) -> str:
    """Say over what the intervals are, and where there are none."""
    missing = table["mean_size_low"].isna()
    if missing.all():
        return f"{what} (no 95 % interval: fewer than {MIN_GROUPS} {unit})"
    exception = f"; none under {MIN_GROUPS}" if missing.any() else ""
    return f"{what}, with 95 % interval over {unit}{exception}"


def _with_interval(row: pd.Series) -> str:
    if np.isnan(row["mean_size_low"]):
        return f"{row['mean_size']:.3f}"
    return f"{row['mean_size']:.3f} ({row['mean_size_low']:.3f} to {row['mean_size_high']:.3f})"
