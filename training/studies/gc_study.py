"""The study of GC correction: recorded runs that differ in nothing else, in one table and one figure."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluate.markdown import markdown_table, percent, words
from training.evaluate.record import SEEDS, check_unchanged, flat_settings, spread
from training.studies.base_changes import NO_BASE_CHANGES
from training.studies.studies import PART, read_records, scored, sources_of, write_study
from yeastpromoter.statistics import MIN_GROUPS

NAME = "gc_study"

#: Classes of changes that the table and the figure show, and what they are called there.
CHANGES = {"strong_weak": "S↔W", "strong_strong": "S↔S", "weak_weak": "W↔W"}
CHANGE_RATIOS = {
    "strong_weak_to_gc_kept": "S↔W to S↔S and W↔W",
    "transitions_to_transversions": "transitions to transversions",
    "transitions_to_strong_weak_transversions": "transitions to transversions within S↔W",
}
SIGNED_CHANGES = {"weak_to_strong": "W→S", "strong_to_weak": "S→W"}


def method_name(settings: Mapping[str, Any]) -> str:
    """Name the GC correction of a run in words, by its ``gc_sampling`` settings.

    Runs of other sizes of draw or other targets have other names, those of other seeds have the same one.
    """
    method = settings["method"]
    name = {
        "none": "no correction",
        "reweighting": "reweighting",
        "reweighting_by_source": "reweighting, each source by itself",
    }.get(method)
    if name is None:
        name = "the authors' weighting" if settings["weighting"] == "authors" else "sampling"
        name += f", {percent(settings['fraction'], 0)} {'with' if settings['replacement'] else 'without'} replacement"
        name += f", at most {settings['cap']:,} a bucket" if settings["cap"] is not None else ""
    if method != "none" and settings["target"] != "all":
        name += f", towards the {settings['target']}"
    return name


def read_runs(config: Mapping[str, Any], records: str | Path) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Read the records of a configuration's runs, by the GC correction.

    Parameters
    ----------
    config : mapping
        A validated configuration.
    records : str or Path
        Folder with ``<run>.json``.

    Returns
    -------
    runs : dict of str to list of dict
        For each correction (`method_name`) its records, in the order of the configuration.
    missing : list of str
        Runs without a record.

    Raises
    ------
    ValueError
        If no run has a record, a record lacks what the study shows or is of other settings than the configuration has
        now, or the recorded runs differ in more than the GC correction and the seeds.
    """
    runs: dict[str, list[dict[str, Any]]] = {}
    first = None
    found, missing = read_records(config, config["runs"], records)
    for name, (path, record) in found.items():
        lacking = _lacking(record)
        if lacking:
            raise ValueError(
                f"{path} is not a record of a study of GC correction: it lacks {' and '.join(lacking)}. "
                + ("" if config["base_changes"] else f"{NO_BASE_CHANGES.format(config['name'])}. ")
                + f"Run {' and '.join(lacking.values())} of run {name}, and record it again"
            )
        check_unchanged(record, path, config, name, "base_changes")
        same = {key: value for key, value in flat_settings(record["settings"]).items() if not _may_differ(key)}
        same |= {"tables": {key: value for key, value in record["tables"].items() if key != "sample"}}
        same |= {"base_changes": record["base_changes"]["settings"]}
        first = first or (name, same)
        differing = [key for key in {*same, *first[1]} if same.get(key) != first[1].get(key)]
        if differing:
            raise ValueError(
                f"runs {first[0]} and {name} differ in {', '.join(sorted(differing))}, but those of a study of GC "
                "correction must differ in that alone"
            )
        runs.setdefault(method_name(record["settings"]["gc_sampling"]), []).append(record)
    return runs, missing


def _lacking(record: Mapping[str, Any]) -> dict[str, str]:
    """What the study shows and a record lacks, and the step that makes it."""
    found = {
        f"the evaluation of the {PART} part": (PART in record["evaluation"], "evaluate"),
        "gc_correction": (record.get("gc_correction"), "sample"),
        "base_changes": (record.get("base_changes"), "base-changes"),
    }
    return {name: f"the step {step}" for name, (there, step) in found.items() if not there}


def _may_differ(setting: str) -> bool:
    return setting in SEEDS or setting.startswith("gc_sampling.")


def _sources(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    return sources_of(next(iter(runs.values()))[0])


def _after(name: str, source: str | None = None, when: str = "after") -> Callable[[Mapping[str, Any]], float | None]:
    def value(record: Mapping[str, Any]) -> float | None:
        found = record["gc_correction"][when][name]
        return found if source is None else found[source]

    return value


def _statistic(source: str, name: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda record: scored(record, source, name)[0]


def _effect(group: str, name: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda record: record["base_changes"][group][name][0]


def _rows(
    sources: Sequence[str], measured: Mapping[str, float | None], in_loss: bool
) -> list[tuple[str, Callable, int]]:
    """What the table says: name of the row, how a record has its value, decimals."""
    rows = [
        ("Constructs kept", _after("distinct_constructs"), 0),
        ("Effective number of constructs", _after("effective_constructs"), 0),
        ("Largest weight (mean 1)", _after("largest_weight"), 1),
        ("GC and expression in training, r", _after("gc_expression_pearson"), 3),
    ]
    rows += [(f"– {words(source)}", _after("gc_expression_pearson_by_source", source), 2) for source in sources]
    if in_loss:
        rows += [
            ("With the weights of the sources: effective number", _after("effective_constructs", when="in_loss"), 0),
            ("– largest weight", _after("largest_weight", when="in_loss"), 1),
            ("– GC and expression, r", _after("gc_expression_pearson", when="in_loss"), 3),
        ]
    rows += [(f"Pearson, {words(source)}", _statistic(source, "pearson"), 3) for source in sources]
    for source in sources:
        value = measured[source]
        said = "" if value is None else f" (measured {value:.2f})"
        rows.append((f"GC and prediction, r, {words(source)}{said}", _statistic(source, "gc_predicted"), 3))
    rows += [
        (f"Mean absolute effect, {label}", _effect("mean_absolute_effect", name), 3) for name, label in CHANGES.items()
    ]
    rows += [(f"Ratio, {label}", _effect("ratio", name), 2) for name, label in CHANGE_RATIOS.items()]
    rows += [(f"Mean effect, {label}", _effect("mean_effect", name), 3) for name, label in SIGNED_CHANGES.items()]
    return rows


def _half_width(records: Sequence[Mapping[str, Any]], *groups: str) -> float | None:
    """How far the interval of any of some effects reaches from its value, at most; None where there is no interval."""
    effects = [bounds for record in records for group in groups for bounds in record["base_changes"][group].values()]
    widths = [max(value - low, high - value) for value, low, high in effects if None not in (value, low, high)]
    return max(widths, default=None)


def study_cells(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], missing: Sequence[str] = ()
) -> tuple[list[str], list[list[str]], str]:
    """Make the table of the study.

    Parameters
    ----------
    runs : mapping of str to sequence of mapping
        Records by GC correction (`read_runs`).
    missing : sequence of str, optional
        Runs without a record, to be named.

    Returns
    -------
    header : list of str
        Nothing, then the name of each correction.
    rows : list of list of str
        Name of the row, then for each correction the mean of its runs and, in brackets, their smallest and largest.
    note : str
        What the rows say.
    """
    everything = [record for records in runs.values() for record in records]
    sources = _sources(runs)
    measured = {source: scored(everything[0], source, "gc_measured")[0] for source in sources}
    header = ["", *(f"{name} ({len(records)} run{'s' * (len(records) != 1)})" for name, records in runs.items())]
    in_loss = all("in_loss" in record["gc_correction"] for record in everything)
    rows = [
        [label, *(spread([value(record) for record in records], decimals) for records in runs.values())]
        for label, value, decimals in _rows(sources, measured, in_loss)
    ]
    settings = everything[0]["base_changes"]["settings"]
    note = (
        "Means over the runs of a correction, which differ in their seeds; in brackets the smallest and the largest. "
        "Predictions: full-length constructs of the validation part. Effects (alt − ref, in buckets): all single-base "
        f"changes in the inserts of {settings['sequences']:,} random sequences with an expected GC content of "
        f"{settings['gc']:g}. S is G or C, W is A or T; all transitions are S↔W."
    )
    mean, ratio = _half_width(everything, "mean_absolute_effect", "mean_effect"), _half_width(everything, "ratio")
    if mean is not None and ratio is not None:
        note += (
            f" Resampling the sequences of one run, the 95 % interval of a mean effect reaches at most {mean:.3f} to "
            f"either side of its value, that of a ratio at most {ratio:.2f}."
        )
    else:
        note += f" There are no intervals: fewer than {MIN_GROUPS} sequences."
    if in_loss:
        note += " The loss multiplies the weights of a correction with those of the sources; other rows are without."
    note += f" Not finished yet: {', '.join(missing)}." if missing else ""
    return header, rows, note


def study_table(runs: Mapping[str, Sequence[Mapping[str, Any]]], missing: Sequence[str] = ()) -> str:
    """Make the table of the study (`study_cells`) as Markdown."""
    header, rows, note = study_cells(runs, missing)
    return f"{markdown_table(header, rows)}\n\n{note}"


def study_figure(runs: Mapping[str, Sequence[Mapping[str, Any]]], missing: Sequence[str] = (), narrow: bool = False):
    """Draw the study: a row for each correction, a mark for each of its runs.

    Parameters
    ----------
    runs, missing
        As for `study_cells`.
    narrow : bool, optional
        All panels one below the other, for narrow screens.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels, with 95 % intervals where there are any: GC and expression in the training data beside the
        effective share of the constructs; accuracy of each source; the correlation of GC content with predictions,
        with that of the measurements as a dashed line; ratios of the mean absolute effects of single-base changes.
    """
    from textwrap import fill

    from training.evaluate.figures import MARKERS, SERIES
    from yeastpromoter.plots.style import BLACK, BLUE, GREY, ORANGE, subplots

    names, sources = list(runs), _sources(runs)
    if narrow:
        figure, axes = subplots(4, 1, figsize=(4.8, 5 + 2.6 * len(names)))
    else:
        figure, axes = subplots(2, 2, figsize=(12, 2.4 + 1.7 * len(names)), sharey=True)
    place = np.arange(len(names))[::-1]

    def mark(axis, offset: float, read: Callable, color: str, marker: str, label: str) -> None:
        """Draw a value of every run, with its bounds where `read` gives three numbers."""
        for row, records in zip(place, runs.values(), strict=True):
            spots = row + offset + 0.09 * (np.arange(len(records)) - (len(records) - 1) / 2)
            for spot, record in zip(spots, records, strict=True):
                value, *bounds = np.atleast_1d(np.array(read(record), dtype=float))
                if len(bounds):
                    axis.plot(bounds, [spot, spot], color=color, lw=1.2)
                axis.plot(value, spot, color=color, marker=marker, ms=4.5, ls="none")
        axis.plot([], [], color=color, marker=marker, ls="none", label=label)

    data, accuracy, gc, effects = axes.flat
    mark(data, 0.15, _after("gc_expression_pearson"), BLUE, "o", "r of GC and expression")
    everything = next(iter(runs.values()))[0]["gc_correction"]["before"]["constructs"]
    mark(
        data,
        -0.15,
        lambda record: record["gc_correction"]["after"]["effective_constructs"] / everything,
        ORANGE,
        "s",
        "effective share of the constructs",
    )
    data.axvline(0, color=BLACK, lw=1)
    low, high = data.get_xlim()
    data.set(title="training data after the correction", xlim=(min(low, -0.05), max(high, 1.05)))
    steps = np.linspace(0.27, -0.27, len(sources)) if len(sources) > 1 else [0]
    for number, (source, offset) in enumerate(zip(sources, steps, strict=True)):
        style = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
        mark(accuracy, offset, lambda record, s=source: scored(record, s, "pearson"), *style, words(source))
        mark(gc, offset, lambda record, s=source: scored(record, s, "gc_predicted"), *style, words(source))
        measured = scored(next(iter(runs.values()))[0], source, "gc_measured")[0]
        if measured is not None:
            gc.axvline(measured, color=style[0], ls="--", lw=1)
    gc.plot([], [], color=GREY, ls="--", lw=1, label="measurements")
    accuracy.set(title="accuracy: Pearson, validation part")
    gc.set(title="r of GC and predicted expression, validation part")
    for number, (name, offset) in enumerate(zip(CHANGE_RATIOS, (0.27, 0, -0.27), strict=True)):
        style = SERIES[number], MARKERS[number]
        mark(effects, offset, lambda record, n=name: record["base_changes"]["ratio"][n], *style, CHANGE_RATIOS[name])
    effects.axvline(1, color=BLACK, lw=1)
    effects.set(title="mean absolute effect of single-base changes, ratio")
    for axis in axes.flat:
        axis.set_yticks(place, [fill(name, 16 if narrow else 22) for name in names])
        axis.set_ylim(-0.6, len(names) - 0.4)
        axis.set_title(fill(axis.get_title(), 32) if narrow else axis.get_title())
        axis.grid(axis="y", visible=False)
        for edge in place[:-1] - 0.5:
            axis.axhline(edge, color="#E5E5E5", lw=0.8)
        axis.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=1 if narrow or axis is effects else 2, fontsize=9
        )
    if missing:
        figure.supxlabel(f"not finished yet: {', '.join(missing)}", fontsize=9)
    return figure


def gc_study(
    config: Mapping[str, Any], records: str | Path, output: str | Path, document: str | Path | None = None
) -> list[str]:
    """Write the table and the figure of the study, of the records that exist.

    Parameters
    ----------
    config : mapping
        A validated configuration.
    records : str or Path
        Folder with ``<run>.json``.
    output : str or Path
        Folder for ``gc_study.md`` and ``gc_study.png``.
    document : str or Path, optional
        Markdown file whose block ``gc-study`` is replaced by the table.

    Returns
    -------
    list of str
        Runs without a record.

    Raises
    ------
    ValueError
        As `read_runs`; or if the document does not hold exactly one such block.
    """
    runs, missing = read_runs(config, records)
    write_study(NAME, study_table(runs, missing), lambda: study_figure(runs, missing), output, document)
    return missing
