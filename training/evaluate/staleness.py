"""Whether a run is still that of its configuration and tables, before anything is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.data.tables import read_json, sha256_of
from training.paths import SUMMARY_FILE
from training.run import Run


def changed_settings(trained: Any, now: Any, place: str = "") -> list[str]:
    """Settings that have another value than a run was trained with; those it did not know are not a change."""
    if isinstance(trained, Mapping) and isinstance(now, Mapping):
        inner = [
            changed_settings(value, now.get(name), f"{place}.{name}" if place else name)
            for name, value in trained.items()
        ]
        return [name for names in inner for name in names]
    if isinstance(trained, list | tuple) and isinstance(now, list | tuple) and len(trained) == len(now):
        inner = [
            changed_settings(*pair, f"{place}[{number}]") for number, pair in enumerate(zip(trained, now, strict=True))
        ]
        return [name for names in inner for name in names]
    return [] if trained == now else [place]


def check_unchanged_since_training(run: Run) -> dict[str, str]:
    """Check that a finished run has the settings and the tables that it was trained with.

    Other settings may be of another network, and in another split constructs that the run learned from may be in the
    test part: numbers of either would be wrong.

    Parameters
    ----------
    run : Run
        A run, finished.

    Returns
    -------
    dict of str to str
        SHA-256 of what it was trained on, by name: the tables of constructs (``table``), ``buckets`` and ``split``, and
        where it has them further ones.

    Raises
    ------
    ValueError
        If a setting or a table is another one, or the run has no summary.
    """
    paths = run.layout
    summary = read_json(run.folder / SUMMARY_FILE)
    changed = changed_settings(summary["settings"], run.settings)
    if changed:
        raise ValueError(
            f"run {run.name!r} was trained with other settings than the configuration has now ({', '.join(changed)}): "
            "train it again, or put the settings back"
        )
    found = {"table": paths.constructs, "buckets": paths.buckets, "split": paths.split}
    found = {name: sha256_of(path) for name, path in found.items()}
    trained_on = summary.get("inputs", found)
    stale = [name for name, digest in found.items() if trained_on.get(name, digest) != digest]
    if stale:
        raise ValueError(
            f"run {run.name!r} was trained on other tables than those in {paths.constructs.parent} now "
            f"({', '.join(stale)}): train it again"
        )
    return trained_on
