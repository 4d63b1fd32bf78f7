"""The study of fine-tuning: recorded runs that learn from few measurements, with and without weights to start from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.evaluate.markdown import markdown_table, words
from training.evaluate.record import check_unchanged, spread
from training.studies.studies import PART, read_records, scored, sources_of, write_study

NAME = "fine_tuning_study"
RANDOM = "random weights"
PEARSON = "pearson"


@dataclass(frozen=True)
class FineTuning:
    """The recorded runs of a study.

    Attributes
    ----------
    base : dict or None
        Record of the run that the others start from; None where that has none, or they start from the shipped weights.
    runs : dict of (int, str) to list of dict
        For each number of measurements and what the runs start from (`RANDOM`, or the name of a run and the learning
        rate of the first phase) the records.
    missing : list of str
        Runs without a record.
    """

    base: dict[str, Any] | None
    runs: dict[tuple[int, str], list[dict[str, Any]]]
    missing: list[str]

    @property
    def sources(self) -> list[str]:
        """The sources of the measurements that the runs are scored on."""
        return sources_of(next(iter(self.runs.values()))[0])


def read_runs(config: Mapping[str, Any], records: str | Path) -> FineTuning:
    """Read the records of the runs that learn from constructs set aside, and of the one that they start from.

    Parameters
    ----------
    config : mapping
        A validated configuration.
    records : str or Path
        Folder with ``<run>.json``.

    Returns
    -------
    FineTuning
        The runs, by number of measurements.

    Raises
    ------
    ValueError
        If no run learns from constructs set aside, they start from more than one run or have different data, none has
        a record, or a record is of other settings than the configuration has now or lacks the validation part.
    """
    studied = {
        name: run
        for name, run in config["runs"].items()
        if run["set_aside"] is not None and run["set_aside"]["learn_from"] == "set_aside"
    }
    bases = {run["initial"] for run in studied.values()} - {None}
    if not studied:
        raise ValueError(f"no run of configuration {config['name']} learns from constructs that were set aside")
    if len(bases) > 1:
        raise ValueError(f"the runs of a study of fine-tuning start from one run, but here from {', '.join(bases)}")
    base, runs, tables = None, {}, {}
    wanted = [name for name in config["runs"] if name in studied or name in bases]
    found, missing = read_records(config, wanted, records)
    for name, (path, record) in found.items():
        check_unchanged(record, path, config, name)
        if PART not in record["evaluation"]:
            raise ValueError(f"{path} has no scores of the {PART} part: run evaluate and record of run {name}")
        tables.setdefault(tuple(record["tables"][table] for table in ("table", "split")), name)
        if len(tables) > 1:
            raise ValueError(f"runs {' and '.join(tables.values())} were trained on other constructs or another split")
        if name in bases:
            base = record
        else:
            number = record["training_constructs"]
            runs.setdefault((number, _start(studied[name])), []).append(record)
    if not runs:
        raise ValueError(f"{records} holds no record of the runs of {config['name']}: run the step record first")
    return FineTuning(base, dict(sorted(runs.items())), missing)


def _start(run: Mapping[str, Any]) -> str:
    rate = run["phases"][0]["learning_rate"]
    return RANDOM if run["initial"] is None else f"{run['initial']}, learning rate {rate:g}"


def study_table(study: FineTuning) -> str:
    """Make the table of the study, as Markdown.

    Parameters
    ----------
    study : FineTuning
        Its runs.

    Returns
    -------
    str
        A row for each number of measurements and start, and a note. Of several runs in one row the mean and, in
        brackets, the smallest and the largest.
    """
    header = ["Measurements", "Start from", "Epochs", "Minutes", *(f"Pearson, {words(name)}" for name in study.sources)]
    named = [("none", study.base["run"], [study.base])] if study.base else []
    named += [(f"{number:,}", start, records) for (number, start), records in study.runs.items()]
    rows = []
    for number, start, records in named:
        own = number != "none"
        cost = [
            spread([record["epochs"] for record in records], 0),
            spread([record["seconds"] / 60 for record in records], 1),
        ]
        scores = [spread([scored(record, source, PEARSON)[0] for record in records], 3) for source in study.sources]
        rows.append([number, start, *(cost if own else ["–", "–"]), *scores])
    widths = [
        max(value - low, high - value)
        for _, _, records in named
        for record in records
        for value, low, high in [scored(record, source, PEARSON) for source in study.sources]
        if None not in (value, low, high)
    ]
    chose = any(
        phase["patience"] or phase["average_last"]
        for _, _, records in named
        for record in records
        for phase in record["settings"]["phases"]
    )
    note = "Pearson correlations of the full-length constructs of the validation part"
    note += (
        ", by which runs chose their epochs: they look better than they are."
        if chose
        else ("; no run chose its epochs by it.")
    )
    if widths:
        note += f" Resampling these, the 95 % interval of one reaches at most {max(widths):.3f} to either side."
    if study.base:
        note += f" {study.base['run']} learned from {study.base['training_constructs']:,} others."
    note += " Minutes are those of the training, on the machine that made the records."
    note += f" Not finished yet: {', '.join(study.missing)}." if study.missing else ""
    return f"{markdown_table(header, rows, text_columns=2)}\n\n{note}"


def study_figure(study: FineTuning):
    """Draw the study: accuracy against the number of measurements.

    Parameters
    ----------
    study : FineTuning
        Its runs.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each source: a line for each start with the 95 % interval of each run, and as a dashed line the
        accuracy of the run that the others start from.
    """
    import numpy as np
    from matplotlib.ticker import NullFormatter

    from training.evaluate.figures import MARKERS, SERIES
    from yeastpromoter.plots.style import GREY, subplots

    sources = study.sources
    figure, axes = subplots(1, len(sources), figsize=(4 * len(sources), 4))
    starts = sorted({start for _, start in study.runs}, key=lambda start: (start == RANDOM, start))
    for axis, source in zip(axes.flat, sources, strict=True):
        for place, start in enumerate(starts):
            style = {"color": SERIES[place], "marker": MARKERS[place], "ms": 5}
            numbers, means = [], []
            for (number, its), records in study.runs.items():
                if its == start:
                    values = [
                        [np.nan if bound is None else bound for bound in scored(r, source, PEARSON)] for r in records
                    ]
                    numbers.append(number)
                    means.append(np.mean([value for value, _, _ in values]))
                    at = number * (1 + 0.03 * (place - (len(starts) - 1) / 2))
                    for value, low, high in values:
                        axis.plot([at, at], [low, high], color=style["color"], lw=1.2)
                        axis.plot(at, value, ls="none", **style | {"ms": 3})
            axis.plot(numbers, means, label=f"start from {start}", **style)
        if study.base and (value := scored(study.base, source, PEARSON)[0]) is not None:
            axis.axhline(value, color=GREY, ls="--", lw=1.2, label=f"{study.base['run']} as it is")
        axis.set_xscale("log")
        ticks = sorted({number for number, _ in study.runs})
        axis.set_xticks(ticks, [f"{number:,}" for number in ticks])
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set(title=words(source), xlabel="measurements learned from")
    axes.flat[0].set_ylabel("Pearson, validation part")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 2))
    return figure


def fine_tuning_study(
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
        Folder for ``fine_tuning_study.md`` and ``fine_tuning_study.png``.
    document : str or Path, optional
        Markdown file whose block ``fine-tuning-study`` is replaced by the table.

    Returns
    -------
    list of str
        Runs without a record.

    Raises
    ------
    ValueError
        As `read_runs`; or if the document does not hold exactly one such block.
    """
    study = read_runs(config, records)
    write_study(NAME, study_table(study), lambda: study_figure(study), output, document)
    return study.missing
