"""Split constructs into train, test and validation: as the sources say, and so that no part resembles another."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import Assay
from training.data.similarity import kmer_groups
from training.data.tables import (
    NO_PART,
    PARTS,
    has_column,
    letters_of,
    read_attribute,
    read_table,
    write_report,
    write_table,
)
from training.notices import say, warn

#: It is warned of a validation part that is smaller.
FEW_CONSTRUCTS = 30
#: The part of constructs whose relatives were given several: what scores a network must not be learned from.
_STRICTEST = ("test", "validation", "train")


def assign_parts(group: np.ndarray, stratum: np.ndarray, fractions: Mapping[str, float], seed: int) -> np.ndarray:
    """Assign every construct to a part, whole groups together, evenly within each stratum.

    Groups of several constructs are placed one by one, the largest first, each where it fills most of what is
    still missing in the strata of its constructs. Constructs without relatives then fill each stratum's parts
    to their exact share.

    Parameters
    ----------
    group : numpy.ndarray
        Group of each construct, `int` (N,).
    stratum : numpy.ndarray
        Stratum of each construct (source and bucket, say), `int` (N,), from 0.
    fractions : mapping of str to float
        Share of ``train``, ``test`` and ``validation``; a part with a share of 0 gets no construct.
    seed : int
        Seed of the random order.

    Returns
    -------
    numpy.ndarray
        Index into `PARTS`, `uint8` (N,).
    """
    rng = np.random.default_rng(seed)
    share = np.array([fractions[part] for part in PARTS])
    size = np.bincount(stratum)
    missing = size[:, np.newaxis] * share
    part = np.empty(len(group), dtype=np.uint8)

    members = np.bincount(group)
    shuffled = rng.permutation(len(group))
    in_group = shuffled[members[group[shuffled]] > 1]
    in_group = in_group[np.argsort(group[in_group], kind="stable")]
    starts = np.flatnonzero(np.diff(group[in_group], prepend=-1))
    blocks = np.split(in_group, starts[1:]) if len(starts) else []
    order = rng.permutation(len(blocks))
    for index in sorted(order, key=lambda i: -len(blocks[i])):
        rows = blocks[index]
        strata, number = np.unique(stratum[rows], return_counts=True)
        # What a part still misses, relative to its share, so that the small parts are not starved.
        need = np.divide(missing[strata], share, out=np.full((len(strata), len(share)), -np.inf), where=share > 0)
        need = (need * (number / size[strata])[:, np.newaxis]).sum(axis=0)
        chosen = int(need.argmax())
        part[rows] = chosen
        missing[strata, chosen] -= number

    single = shuffled[members[group[shuffled]] == 1]
    single = single[np.argsort(stratum[single], kind="stable")]
    for number, rows in zip(
        np.unique(stratum[single]),
        np.split(single, np.flatnonzero(np.diff(stratum[single])) + 1),
        strict=len(single) > 0,
    ):
        wanted = np.clip(missing[number], 0, None)
        edges = np.rint(np.cumsum(wanted) / wanted.sum() * len(rows)).astype(int)
        for chosen, chunk in enumerate(np.split(rows, edges[:-1])):
            part[chunk] = chosen
    return part


def follow_relatives(group: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Give every construct the part of its relatives, where its own is not given.

    Parameters
    ----------
    group : numpy.ndarray
        Group of each construct, `int` (N,).
    given : numpy.ndarray
        Index into `PARTS` of each construct, or `NO_PART`, `uint8` (N,).

    Returns
    -------
    numpy.ndarray
        `given`, with a part for those whose group has one; of several the test part, then validation, then train.
    """
    part = given.copy()
    for name in reversed(_STRICTEST):
        having = np.zeros(group.max() + 1, dtype=bool)
        having[group[given == PARTS.index(name)]] = True
        part[(given == NO_PART) & having[group]] = PARTS.index(name)
    return part


def _drawn(
    group: np.ndarray, source: np.ndarray, bucket: np.ndarray, settings: Mapping[str, Any], whole: Collection[str]
) -> np.ndarray:
    """Parts of N constructs, whole groups of them, by the fractions of the settings; none for those that are whole."""
    fractions = shares_without(settings["fractions"], whole)
    group = np.unique(group, return_inverse=True)[1]
    stratum = np.unique(source.astype(int) * 256 + bucket, return_inverse=True)[1]
    part = assign_parts(group, stratum, fractions, settings["seed"])
    if len(np.unique(part)) < sum(share > 0 for share in fractions.values()):
        # In strata of a few constructs the share of a small part is rounded to none.
        part = assign_parts(group, np.zeros_like(stratum), fractions, settings["seed"])
    return part


def shares_without(fractions: Mapping[str, float], whole: Collection[str]) -> dict[str, float]:
    """Shares of constructs that are divided among the parts that are not whole yet.

    Parameters
    ----------
    fractions : mapping of str to float
        Share of each part.
    whole : collection of str
        Parts that get no further construct.

    Returns
    -------
    dict of str to float
        Share of each part, in the proportion of the fractions; they sum to 1.
    """
    left = {name: 0.0 if name in whole else fractions[name] for name in PARTS}
    return {name: share / sum(left.values()) for name, share in left.items()}


def _check_given(group: np.ndarray, given: np.ndarray) -> tuple[dict[str, int], list[str]]:
    """Count the given training constructs that have relatives in another given part; returns warnings, too."""
    related, warnings = {}, []
    training = given == PARTS.index("train")
    for name in PARTS[1:]:
        others = given == PARTS.index(name)
        number = int(np.isin(group[training], group[others]).sum())
        related[name] = number
        if number:
            warnings.append(
                warn(
                    f"{number:,} of {int(training.sum()):,} constructs that the sources put into the train part share "
                    f"a 30-mer, directly or through others, with constructs that they put into the {name} part: scores "
                    "there tell in part how well the network remembers"
                )
            )
    return related, warnings


def _check_parts(
    constructs: Mapping[str, int],
    by_source: Mapping[str, Mapping[str, int]],
    members: np.ndarray,
    given: Sequence[str],
) -> list[str]:
    """Check what the parts hold, together and of each source but those whose parts were `given`; returns warnings."""
    groups = f"{sum(constructs.values()):,} constructs in {len(members):,} groups, the largest of {members.max():,}"
    empty = [name for name in PARTS if not constructs[name]]
    for name, purpose in (("train", "is learned from"), ("validation", "decides between epochs")):
        if name in empty:
            raise ValueError(
                f"the {name} part, which {purpose}, has no construct: there are {groups}, which stay together. There "
                "are too few, its share in split.fractions is too small, or split.method has to be random"
                + (". Or no row was given it by part or columns.split of its source" if given else "")
            )
    warnings = []
    if "test" in empty:
        warnings.append(warn(f"the test part has no construct, so nothing can score the chosen run: {groups}"))
    if constructs["validation"] < FEW_CONSTRUCTS:
        warnings.append(
            warn(
                f"only {constructs['validation']:,} of {sum(constructs.values()):,} constructs are in the validation "
                "part: too few to tell which epoch or run is better"
            )
        )
    for label, parts in by_source.items():
        missing = [name for name in PARTS if not parts[name] and name not in empty]
        if missing and any(parts.values()) and label not in given:
            warnings.append(warn(f"source {label!r} has no construct in the {' and the '.join(missing)} part"))
    return warnings


def split(
    settings: Mapping[str, Any], table: str | Path, buckets: str | Path, output: str | Path, report: str | Path
) -> None:
    """Split an assembled table.

    Parameters
    ----------
    settings : mapping
        The ``split`` section of a validated configuration.
    table, buckets : str or Path
        Tables of the assemble and buckets steps.
    output : str or Path
        Table to write: ``part`` uint8 (index into the attribute ``parts``) and ``group`` int32.
    report : str or Path
        JSON file for the number of constructs of each source in each part, and how many have a part from
        their source.

    Raises
    ------
    ValueError
        If nothing is left for the training or the validation part.
    """
    source = read_table(table, "source")["source"]
    sources = read_attribute(table, "sources")
    bucket = read_table(buckets, "bucket")["bucket"]
    if settings["method"] == "grouped":
        group = kmer_groups(Assay.of_table(table).inserts(letters_of(read_table(table, "sequence")["sequence"])))
    else:
        group = np.arange(len(bucket), dtype=np.int32)
    given = read_table(table, "part")["part"] if has_column(table, "part") else np.full(len(bucket), NO_PART, np.uint8)
    part = follow_relatives(group, given)
    rest = np.flatnonzero(part == NO_PART)
    at_random, followers = len(rest), int((given == NO_PART).sum()) - len(rest)
    # A test or validation part that a source gives is whole.
    whole = {name for index, name in enumerate(PARTS) if name != "train" and (given == index).any()}
    if len(rest):
        part[rest] = _drawn(group[rest], source[rest], bucket[rest], settings, whole)
    if (given != NO_PART).any() and not (part == PARTS.index("validation")).any():
        rest = np.flatnonzero(part == PARTS.index("train"))
        say("no source gives a validation part: it is taken from the constructs of the train part")
        part[rest] = _drawn(group[rest], source[rest], bucket[rest], settings, {"test"})
    members = np.bincount(group)
    constructs = {name: int((part == index).sum()) for index, name in enumerate(PARTS)}
    by_source = {
        label: {name: int(((part == index) & (source == number)).sum()) for index, name in enumerate(PARTS)}
        for number, label in enumerate(sources)
    }
    wholly_given = [label for number, label in enumerate(sources) if (given[source == number] != NO_PART).all()]
    warnings = _check_parts(constructs, by_source, members, wholly_given)
    given_parts = {}
    if (given != NO_PART).any():
        related, leaks = _check_given(group, np.where(given == NO_PART, NO_PART, part))
        warnings += leaks
        given_parts = {
            "constructs": {name: int((given == index).sum()) for index, name in enumerate(PARTS)},
            "with_relatives": followers,
            "at_random": at_random,
            "validation_from_train": int(((given == PARTS.index("train")) & (part != given)).sum()),
            "train_related_to": related,
        }
        numbers = ", ".join(f"{number:,} {name}" for name, number in given_parts["constructs"].items() if number)
        say(
            f"the sources give the part of constructs: {numbers}; {followers:,} others go with relatives of these, "
            f"{at_random:,} are split at random"
        )
    write_table(output, {"part": part, "group": group}, parts=list(PARTS))
    write_report(
        report,
        {
            "method": settings["method"],
            "seed": settings["seed"],
            "groups": len(members),
            "groups_of_several": int((members > 1).sum()),
            "largest_group": int(members.max()),
            "constructs": constructs,
            "by_source": by_source,
            **({"given_parts": given_parts} if given_parts else {}),
            "warnings": warnings,
        },
    )
