"""Split constructs into train, test and validation, so that no part resembles another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import Assay
from training.data.similarity import kmer_groups
from training.data.tables import PARTS, letters_of, read_attribute, read_table, write_report, write_table
from training.notices import warn

#: It is warned of a validation part that is smaller.
FEW_CONSTRUCTS = 30


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
        Share of ``train``, ``test`` and ``validation``.
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
        need = (missing[strata] / share * (number / size[strata])[:, np.newaxis]).sum(axis=0)
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


def _check_parts(
    constructs: Mapping[str, int], by_source: Mapping[str, Mapping[str, int]], members: np.ndarray
) -> list[str]:
    """Check what the parts hold, together and of each source; returns warnings."""
    groups = f"{sum(constructs.values()):,} constructs in {len(members):,} groups, the largest of {members.max():,}"
    empty = [name for name in PARTS if not constructs[name]]
    for name, purpose in (("train", "is learned from"), ("validation", "decides between epochs")):
        if name in empty:
            raise ValueError(
                f"the {name} part, which {purpose}, has no construct: there are {groups}, which stay together. There "
                "are too few, its share in split.fractions is too small, or split.method has to be random"
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
        if missing and any(parts.values()):
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
        JSON file for the number of constructs of each source in each part.

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
    stratum = np.unique(source.astype(int) * 256 + bucket, return_inverse=True)[1]
    part = assign_parts(group, stratum, settings["fractions"], settings["seed"])
    if len(np.unique(part)) < len(PARTS):
        # In strata of a few constructs the share of a small part is rounded to none.
        part = assign_parts(group, np.zeros_like(stratum), settings["fractions"], settings["seed"])
    members = np.bincount(group)
    constructs = {name: int((part == index).sum()) for index, name in enumerate(PARTS)}
    by_source = {
        label: {name: int(((part == index) & (source == number)).sum()) for index, name in enumerate(PARTS)}
        for number, label in enumerate(sources)
    }
    warnings = _check_parts(constructs, by_source, members)
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
            "warnings": warnings,
        },
    )
