"""Planting: a site put into random inserts, at every position and on both strands, against the site shuffled there.

The effect of a site in one insert at one position is the expression of the insert with the site minus that of the same
insert with a shuffled site in the same place: same length, same base composition, same neighbours. Means are taken
over the inserts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.interpret.sites import Site, shuffled_sites
from yeastpromoter.sequence.encoding import letters, reverse_complement
from yeastpromoter.statistics import mean_with_interval

if TYPE_CHECKING:
    import pandas as pd

    from yeastpromoter.model.entry import TrainedNetwork

#: A mean effect nearer to zero than this, in buckets, counts as none, however narrow its interval is.
SMALLEST_EFFECT = 0.1


@dataclass(frozen=True)
class Planting:
    """Effects of one site.

    Parameters
    ----------
    site : Site
        The site.
    positions : numpy.ndarray
        Position of its leftmost base within the insert, from 0, `int` (P,).
    effects : dict of str to numpy.ndarray
        For each strand of the site, ``"+"`` first: expression with the site minus expression with the shuffled
        site, `float64` (N, P); NaN where one of them is undefined.
    """

    site: Site
    positions: np.ndarray
    effects: dict[str, np.ndarray]


def insert_expression(trained: TrainedNetwork, inserts: np.ndarray) -> np.ndarray:
    """Predict the expression of inserts that have pieces in common.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    inserts : numpy.ndarray
        ASCII letters, `uint8` (N, L).

    Returns
    -------
    numpy.ndarray
        Expression, `float64` (N,).
    """
    return trained.decode(trained.related_scores(trained.reporter.constructs(inserts)))


def plant(inserts: np.ndarray, sites: np.ndarray, position: int) -> np.ndarray:
    """Write a site over some bases of each insert.

    Parameters
    ----------
    inserts : numpy.ndarray
        ASCII letters, `uint8` (N, L).
    sites : numpy.ndarray
        ASCII letters, `uint8` (N, w), or (1, w) or (w,) for the same site in all.
    position : int
        Where the leftmost base of the site comes to lie, from 0.

    Returns
    -------
    numpy.ndarray
        Copies of the inserts, `uint8` (N, L).

    Raises
    ------
    ValueError
        If the site does not fit there.
    """
    width = sites.shape[-1]
    if not 0 <= position <= inserts.shape[1] - width:
        raise ValueError(
            f"a site of {width} bp does not fit into {inserts.shape[1]} bp at position {position + 1}, counted from 1"
        )
    planted = inserts.copy()
    planted[:, position : position + width] = sites
    return planted


def possible_positions(site: Site, insert_length: int, step: int = 1) -> np.ndarray:
    """List where a site fits into an insert.

    Parameters
    ----------
    site : Site
        The site.
    insert_length : int
        Length of the insert in bp.
    step : int, optional
        Distance between the positions, in bp.

    Returns
    -------
    numpy.ndarray
        Positions of the leftmost base, from 0, `int64` (P,).

    Raises
    ------
    ValueError
        If `step` is below 1, or the site is longer than the insert.
    """
    if step < 1:
        raise ValueError(f"the step must be at least 1 bp but is {step}")
    if len(site.letters) > insert_length:
        raise ValueError(f"the site {site.letters} ({site.factor}) is longer than an insert, {insert_length} bp")
    return np.arange(0, insert_length - len(site.letters) + 1, step)


def plant_everywhere(
    predict: Callable[[np.ndarray], np.ndarray],
    inserts: np.ndarray,
    site: Site,
    positions: np.ndarray,
    rng: np.random.Generator,
    advance: Callable[[], object] = lambda: None,
) -> Planting:
    """Plant a site at some positions of inserts, on both strands, and predict its effects.

    Each insert has one shuffled site, which stands against the site at all positions. For the strand ``"-"`` both are
    reverse-complemented. A site that is its own reverse complement is planted once.

    Parameters
    ----------
    predict : callable
        From inserts, `uint8` (M, L), to expression, (M,).
    inserts : numpy.ndarray
        ASCII letters, `uint8` (N, L).
    site : Site
        The site.
    positions : numpy.ndarray
        Positions of its leftmost base, from 0, (P,).
    rng : numpy.random.Generator
        Source of the shuffled sites.
    advance : callable, optional
        Called after each position of each strand.

    Returns
    -------
    Planting
        The effects.
    """
    forward = letters([site.letters]), shuffled_sites(site, len(inserts), rng)
    effects = {}
    for strand in site.strands:
        whole, shuffled = forward if strand == "+" else map(reverse_complement, forward)
        effects[strand] = np.empty((len(inserts), len(positions)))
        for column, position in enumerate(positions):
            both = np.concatenate([plant(inserts, whole, position), plant(inserts, shuffled, position)])
            expression = predict(both)
            effects[strand][:, column] = expression[: len(inserts)] - expression[len(inserts) :]
            advance()
    return Planting(site, np.asarray(positions), effects)


def position_table(planting: Planting) -> pd.DataFrame:
    """Tabulate mean effects by strand and position.

    Parameters
    ----------
    planting : Planting
        Effects of one site.

    Returns
    -------
    pandas.DataFrame
        A row for each strand and position: ``factor``, ``site``, ``strand``, ``position`` (of the site's leftmost base
        in the insert, from 1), ``inserts`` (how many count), ``mean_effect``, ``sd`` over the inserts, and ``low`` and
        ``high`` of the 95 % interval of the mean (normal; NaN for few inserts), in buckets.
    """
    import pandas as pd

    tables = []
    for strand, effects in planting.effects.items():
        columns = [mean_with_interval(column) for column in effects.T]
        table = pd.DataFrame(columns, columns=["inserts", "mean_effect", "sd", "low", "high"])
        table.insert(0, "factor", planting.site.factor)
        table.insert(1, "site", planting.site.letters)
        table.insert(2, "strand", strand)
        table.insert(3, "position", planting.positions + 1)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def summarise(plantings: Sequence[Planting]) -> pd.DataFrame:
    """Tabulate each site in one row.

    Parameters
    ----------
    plantings : sequence of Planting
        Effects of the sites.

    Returns
    -------
    pandas.DataFrame
        ``factor``, ``site``, ``expected``, ``observed``, ``as_expected``, ``mean_effect`` over positions and strands
        with ``low`` and ``high`` of its 95 % interval over the inserts, ``forward`` and ``reverse`` (the mean effect on
        each strand; NaN for ``reverse`` of a site that is its own reverse complement), the largest mean effect at one
        position, ``strongest_effect`` (of either sign) with its ``strongest_position`` (from 1) and
        ``strongest_strand``, and ``inserts``. Effects in buckets.

        ``observed`` is ``"+"`` or ``"-"`` where the interval excludes zero and the mean effect is at least 0.1 buckets
        from it, otherwise ``"none"``, and ``"unknown"`` where there is no interval; ``as_expected`` is ``"yes"`` or
        ``"no"``, and ``"open"`` where the expectation is ``"depends"`` or ``observed`` is ``"unknown"``.
    """
    import pandas as pd

    return pd.DataFrame([_summary(planting) for planting in plantings])


def _summary(planting: Planting) -> dict:
    # Positions and strands of one insert are not independent of each other; inserts are.
    by_insert = np.mean(np.concatenate(list(planting.effects.values()), axis=1), axis=1)
    count, mean, _, low, high = mean_with_interval(by_insert)
    observed = "unknown" if np.isnan(low) else "none"
    if abs(mean) >= SMALLEST_EFFECT and (low > 0 or high < 0):
        observed = "+" if mean > 0 else "-"
    expected = planting.site.expected
    as_expected = "yes" if observed == expected else "no"
    if expected == "depends" or observed == "unknown":
        as_expected = "open"
    table = position_table(planting)
    strongest = table.loc[table["mean_effect"].abs().idxmax()]
    return {
        "factor": planting.site.factor,
        "site": planting.site.letters,
        "expected": expected,
        "observed": observed,
        "as_expected": as_expected,
        "mean_effect": mean,
        "low": low,
        "high": high,
        "forward": mean_with_interval(planting.effects["+"].mean(axis=1))[1],
        "reverse": mean_with_interval(planting.effects["-"].mean(axis=1))[1] if "-" in planting.effects else np.nan,
        "strongest_effect": strongest["mean_effect"],
        "strongest_position": strongest["position"],
        "strongest_strand": strongest["strand"],
        "inserts": count,
    }
