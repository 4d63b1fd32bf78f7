"""Figures and tables of a run: learning curves, and how its predictions compare with the measurements."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.data.assay import PUBLIC, Assay
from training.data.tables import read_json
from training.evaluate.evaluation import LENGTH_NAMES, LENGTHS, shown_length
from training.evaluate.markdown import listed, markdown_table, with_bounds, with_decimals, words
from training.evaluate.metrics import DECIMALS, MAPE_NOTE
from training.evaluate.record import read_evaluation
from training.paths import HISTORY_FILE, PREDICTIONS_FILE, SUMMARY_FILE
from training.run import Run
from yeastpromoter.io.whole_files import write_frame, write_whole
from yeastpromoter.plots.style import BLACK, BLUE, DENSITY, GREEN, GREY, ORANGE, STYLE, subplots
from yeastpromoter.statistics import MIN_GROUPS, Z_95

MARKERS = ("o", "s", "^", "D", "v", "P")
SERIES = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00")
#: Columns of Table 2 of the KircherLab report, and the MAPE.
TABLE_2 = ("accuracy", "mae", "mse", "val_accuracy", "val_mae", "val_mse", "val_mape")
TABLE_2_HEADER = ("acc", "mae", "mse", "val_acc", "val_mae", "val_mse", "val_mape")
EXPRESSION = "expression"
FIGURES = ("learning_curves", "scatter", "residuals", "buckets", "gc")
#: Percentiles at which the whiskers of a box end.
WHISKERS = (5, 95)
#: Edges of the bins of GC content in which residuals are averaged.
GC_EDGES = np.linspace(0, 1, 21)


def _colorbar(figure, drawn, axis, label: bool) -> None:
    """A scale of whole numbers for a density that is drawn on a logarithmic scale."""
    from matplotlib.ticker import LogLocator, NullFormatter

    bar = figure.colorbar(drawn, ax=axis, shrink=0.8, label="constructs" if label else None)
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter("{x:.0f}")
    bar.ax.yaxis.set_minor_formatter(NullFormatter())


def _name(record: Mapping[str, Any]) -> int | str:
    return "average" if "averaged" in record else record["epoch"] + 1


def kept_epoch(record: Mapping[str, Any]) -> str:
    """Say which epoch's weights a run has kept, and why.

    Parameters
    ----------
    record : mapping
        What `training.evaluate.record.make_record` returns, or of it ``settings`` and ``best``.
    """
    settings, best = record["settings"], record["best"]
    phase, place = settings["phases"][best["phase"]], f"phase {best['phase'] + 1}, "
    if "averaged" in best:
        said = (
            f"{place}the average of the last {phase['average_last']} epochs, better in validation than the last epoch"
        )
    elif phase["patience"]:
        said = f"{place}epoch {_name(best)}, which has the lowest validation loss of the phase"
    else:
        said = f"{place}epoch {_name(best)}, the last one, whatever its validation loss"
    return f"{said} (validation loss, {settings['loss']}: {best['val_loss']:.4f})"


def epochs_note(record: Mapping[str, Any]) -> str:
    """Say what the table of epochs shows, and whether it can be compared with Table 2 of the KircherLab report.

    Parameters
    ----------
    record : mapping
        What `training.evaluate.record.make_record` returns, or of it ``settings``, ``best``, ``buckets``, ``data`` and
        ``training_constructs``.
    """
    settings = record["settings"]
    others = []
    if settings["soft_label_sd"]:
        others.append(f"labels are spread over neighbouring buckets (soft_label_sd {settings['soft_label_sd']:g})")
    if record["buckets"]["method"] != "round":
        others.append("expression is truncated to buckets, not rounded")
    if settings["loss"] != "mse":
        others.append(f"the loss is {words(settings['loss'])}, not MSE")
    if any(phase["constructs"] != "measured" for phase in settings["phases"]):
        others.append("it learns from synthetic constructs, whose labels are scores of other runs")
    if settings["source_weights"] or settings["gc_sampling"]["method"].startswith("reweighting"):
        others.append("in training, constructs have weights")
    labels = list(dict.fromkeys(words(source.get("label") or source["name"]) for source in record["data"]["sources"]))
    data = f"the {record['training_constructs']:,} constructs of this run ({listed(labels)})"
    compared = (
        f"These numbers cannot be compared with Table 2 of the KircherLab report, since here {'; '.join(others)}."
        if others
        else "Labels (one-hot, of rounded buckets) and loss (MSE) are those of the KircherLab report: its Table 2 can "
        f"be compared with this one as far as its 6.7 million sequences can with {data}."
    )
    remembered = " It learned from the validation part, too, whose figures say how well it remembers."
    return (
        "Accuracy of the bucket, mean absolute and mean squared error of the bucket scores against the labels, in "
        "training and (val_) in validation, after each epoch. Epochs count from 1 in each phase; where the weights of "
        "the last ones were averaged, the average follows them, without figures of a training. val_mape is of the "
        f"decoded expression, in percent. {MAPE_NOTE} "
        f"{compared} The run has the weights of {kept_epoch(record)}."
        + (remembered if "validation" in settings["learn_from"] else "")
    )


def epochs_table(history: list[Mapping[str, Any]], best: Mapping[str, Any]) -> pd.DataFrame:
    """Accuracy, MAE and MSE of each epoch of a run, in training and validation, and MAPE in validation.

    Parameters
    ----------
    history : list of mapping
        Records of the epochs, as the step train writes them.
    best : mapping
        The one of them whose weights are the run's, as the summary of the run has it.

    Returns
    -------
    pandas.DataFrame
        ``phase`` and ``epoch`` (both from 1; "average" where the last epochs' weights were averaged), acc, mae, mse,
        val_acc, val_mae and val_mse, as in Table 2 of the KircherLab report, val_mape (NaN for what a row lacks), and
        ``kept`` ("yes" or empty).
    """
    rows = [
        [
            record["phase"] + 1,
            _name(record),
            *(np.nan if record.get(name) is None else record[name] for name in TABLE_2),
            "yes" if _is(record, best) else "",
        ]
        for record in history
    ]
    return pd.DataFrame(rows, columns=["phase", "epoch", *TABLE_2_HEADER, "kept"])


def _is(record: Mapping[str, Any], best: Mapping[str, Any]) -> bool:
    return (record["phase"], _name(record)) == (best["phase"], _name(best))


def epochs_cells(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of epochs as text, decimals like the report's, a dash for NaN."""
    rows = [
        [str(phase), str(epoch), *map(with_decimals, values), with_decimals(percentage, DECIMALS["mape"]), kept]
        for phase, epoch, *values, percentage, kept in table.itertuples(index=False)
    ]
    return list(table.columns), rows


def epochs_markdown(table: pd.DataFrame) -> str:
    """The table of epochs in Markdown."""
    return markdown_table(*epochs_cells(table), text_columns=0)


def _row_of_panels(count: int, width: float, height: float, narrow: bool, **kwargs):
    """Make panels of a size in inches, side by side or, for narrow screens, one below the other."""
    rows, columns = (count, 1) if narrow else (1, count)
    figure, axes = subplots(rows, columns, figsize=(width * columns, height * rows), **kwargs)
    return figure, axes.ravel()


def learning_curves(history: list[Mapping[str, Any]], best: Mapping[str, Any], narrow: bool = False):
    """Draw loss, accuracy and validation correlation over all epochs of a run.

    Parameters
    ----------
    history, best
        As for `epochs_table`.
    narrow : bool, optional
        One panel below the other, for narrow screens.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels; dotted lines part the phases, a dashed one marks the epoch whose weights are the run's.
    """
    figure, axes = _row_of_panels(3, 4.8 if narrow else 4.4, 3.8, narrow)
    epoch = np.arange(1, len(history) + 1)
    for axis in axes:
        for place in epoch[[_is(record, best) for record in history]]:
            axis.axvline(place, color=BLACK, lw=1, ls="--", label="weights kept")
    for axis, name, title in ((axes[0], "loss", "loss"), (axes[1], "accuracy", "accuracy of the bucket")):
        axis.plot(epoch, [r.get(name, np.nan) for r in history], color=BLUE, marker="o", ms=4, label="training")
        values = [r.get(f"val_{name}", np.nan) for r in history]
        axis.plot(epoch, values, color=ORANGE, marker="s", ms=4, label="validation")
        axis.set(title=title, xlabel="epoch")
        axis.legend()
    sources = [name.removeprefix("val_pearson_") for name in history[0] if name.startswith("val_pearson_")]
    for number, source in enumerate(sources):
        values = np.array([r[f"val_pearson_{source}"] for r in history], dtype=float)
        color, marker = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
        axes[2].plot(epoch, values, color=color, marker=marker, ms=4, label=words(source))
    axes[2].set(title="Pearson, validation, constructs not fitted", xlabel="epoch")
    axes[2].legend()
    starts = [number for number, r in enumerate(history) if number and r["phase"] != history[number - 1]["phase"]]
    for axis in axes:
        axis.xaxis.get_major_locator().set_params(integer=True)
        for start in starts:
            axis.axvline(start + 0.5, color=GREY, ls=":")
    return figure


def _by_source(constructs: pd.DataFrame):
    for source in dict.fromkeys(constructs["source"]):
        yield source, constructs[constructs["source"] == source]


def scatter(
    constructs: pd.DataFrame, sources: Mapping[str, Mapping[str, Any]], narrow: bool = False, assay: Assay = PUBLIC
):
    """Draw predicted against measured expression of each source as a density.

    Parameters
    ----------
    constructs : pandas.DataFrame
        ``source``, ``measured`` and ``predicted``, finite.
    sources : mapping
        The evaluation of these constructs, by source: the title of a panel says the Pearson correlation, its 95 %
        interval, and the number of groups that this is over.
    narrow : bool, optional
        One panel below the other, for narrow screens.
    assay : Assay, optional
        What the buckets stand for.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a source, with the diagonal.
    """
    groups = list(_by_source(constructs))
    figure, axes = _row_of_panels(len(groups), 4.8, 4.5 if narrow else 5, narrow, sharex=not narrow, sharey=not narrow)
    expression = constructs[["measured", "predicted"]]
    low = min(assay.ends[0], np.floor(expression.min().min()))
    high = max(assay.ends[1], np.ceil(expression.max().max()))
    length = shown_length(sources)
    for axis, (source, rows) in zip(axes, groups, strict=True):
        drawn = axis.hexbin(
            rows["measured"], rows["predicted"], gridsize=45, bins="log", mincnt=1, cmap=DENSITY, extent=(low, high) * 2
        )
        axis.plot([low, high], [low, high], color=BLACK, lw=1, ls="--")
        summary = sources[source][length]
        said = f"{words(source)}, {len(rows):,} constructs in {summary['groups']:,} groups"
        said += f"\nPearson: {with_bounds(summary['pearson'])}"
        axis.set(title=said, xlabel=f"measured {EXPRESSION}", aspect="equal")
        _colorbar(figure, drawn, axis, narrow or axis is axes[-1])
        if narrow or axis is axes[0]:
            axis.set_ylabel(f"predicted {EXPRESSION}")
    return figure


def _running_mean(
    values: np.ndarray, residual: np.ndarray, group: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles of the bins with at least five constructs, the mean residual there, and 1.96 of its standard errors.

    The standard error is over groups; it is NaN for fewer than `MIN_GROUPS` of them.
    """
    bins = len(edges) - 1
    position = np.clip(np.digitize(values, edges) - 1, 0, bins - 1)
    count = np.bincount(position, minlength=bins)
    enough = count >= 5
    count = np.maximum(count, 1)
    mean = np.bincount(position, weights=residual, minlength=bins) / count
    pairs, pair = np.unique(np.stack([position, group]), axis=1, return_inverse=True)
    sums = np.bincount(pair.ravel(), weights=residual - mean[position])
    groups = np.bincount(pairs[0], minlength=bins)
    squares = np.bincount(pairs[0], weights=sums**2, minlength=bins)
    error = np.sqrt(squares * groups / np.maximum(groups - 1, 1)) / count
    margin = np.where(groups >= MIN_GROUPS, Z_95 * error, np.nan)
    return ((edges[:-1] + edges[1:]) / 2)[enough], mean[enough], margin[enough]


def residuals(constructs: pd.DataFrame, narrow: bool = False, assay: Assay = PUBLIC):
    """Draw residuals (predicted less measured) by measured bucket and by GC content, for each source.

    Parameters
    ----------
    constructs : pandas.DataFrame
        ``source``, ``measured``, ``predicted``, ``bucket``, ``gc`` and ``group``, finite.
    narrow : bool, optional
        All panels one below the other, for narrow screens.
    assay : Assay, optional
        What the buckets stand for.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels a source; the line is the mean within buckets, or within bins of GC content of 0.05, with its 95 %
        interval over groups, where there are at least `MIN_GROUPS`.
    """
    from matplotlib.colors import LogNorm

    groups = list(_by_source(constructs))
    residual = constructs["predicted"] - constructs["measured"]
    bound = float(np.ceil(residual.abs().max()))
    kinds = (
        ("bucket", "measured bucket", np.arange(-0.5, assay.buckets + 0.5)),
        ("gc", "GC content of the insert", GC_EDGES),
    )
    if narrow:
        figure, axes = subplots(2 * len(groups), 1, figsize=(4.8, 6.8 * len(groups)))
        axes = axes.reshape(len(groups), 2).T
    else:
        figure, axes = subplots(2, len(groups), figsize=(4.5 * len(groups), 6.6), sharey=True, sharex="row")
    for column, (source, rows) in enumerate(groups):
        for panel, (name, label, edges) in zip(axes[:, column], kinds, strict=True):
            values, error = rows[name].to_numpy(), residual[rows.index].to_numpy()
            counts, *_ = np.histogram2d(values, error, bins=(edges, np.linspace(-bound, bound, 41)))
            drawn = panel.pcolormesh(
                edges,
                np.linspace(-bound, bound, 41),
                np.ma.masked_equal(counts, 0).T,
                norm=LogNorm(1, max(2, counts.max())),
                cmap=DENSITY,
            )
            panel.axhline(0, color=BLACK, lw=1, ls="--")
            middle, mean, margin = _running_mean(values, error, rows["group"].to_numpy(), edges)
            panel.errorbar(middle, mean, margin, color="white", lw=4, elinewidth=3)
            panel.errorbar(
                middle, mean, margin, color=ORANGE, marker="o", ms=4, lw=2, label="mean, 95 % interval over groups"
            )
            panel.set(xlabel=label, ylim=(-bound, bound))
            if narrow or not column:
                panel.set_ylabel("predicted less measured (buckets)")
                panel.legend(loc="lower left")
            if narrow or panel is axes[0, column]:
                panel.set_title(f"{words(source)}, {len(rows):,} constructs")
            _colorbar(figure, drawn, panel, narrow or column == len(groups) - 1)
        axes[0, column].set_xticks(range(0, assay.buckets, 2))
    return figure


def bucket_panels(constructs: pd.DataFrame, narrow: bool = False, assay: Assay = PUBLIC):
    """Draw how many constructs each measured bucket has, and what is predicted for them.

    Parameters
    ----------
    constructs : pandas.DataFrame
        ``source``, ``bucket`` and ``predicted``, finite.
    narrow : bool, optional
        For narrow screens: legends above the panels instead of beside them.
    assay : Assay, optional
        What the buckets stand for.

    Returns
    -------
    matplotlib.figure.Figure
        Above, the occupancy of the buckets, sources stacked; below, boxes of the predicted expression (quartiles,
        median, whiskers from the 5th to the 95th percentile), with the bucket itself as a line.
    """
    figure, axes = subplots(2, 1, figsize=(4.8, 7) if narrow else (9, 6.4), sharex=True, height_ratios=(1, 2))
    legend = (
        {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "ncols": 2, "fontsize": 9}
        if narrow
        else {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    )
    above, below = axes[:, 0]
    numbers, bottom = range(assay.buckets), np.zeros(assay.buckets)
    for number, (source, rows) in enumerate(_by_source(constructs)):
        count = np.bincount(rows["bucket"], minlength=assay.buckets)
        above.bar(numbers, count, bottom=bottom, color=SERIES[number % len(SERIES)], label=words(source))
        bottom += count
    above.set_ylabel("constructs")
    above.legend(**legend)
    predicted = [constructs["predicted"][constructs["bucket"] == bucket].to_numpy() for bucket in numbers]
    there = [bucket for bucket in numbers if len(predicted[bucket])]
    whiskers = [np.percentile(predicted[bucket], WHISKERS) for bucket in there]
    beyond = sum(
        int(((predicted[bucket] < low) | (predicted[bucket] > high)).sum())
        for bucket, (low, high) in zip(there, whiskers, strict=True)
    )
    below.plot(numbers, assay.bucket_values, color=GREY, ls="--", zorder=1, label="bucket itself")
    below.boxplot(
        [predicted[bucket] for bucket in there],
        positions=there,
        whis=WHISKERS,
        showfliers=False,
        widths=0.6,
        patch_artist=True,
        boxprops={"facecolor": "#CCE5F2", "edgecolor": BLUE},
        medianprops={"color": ORANGE, "linewidth": 2},
        whiskerprops={"color": BLUE},
        capprops={"color": BLUE},
        manage_ticks=False,
    )
    below.set(xlabel="measured bucket", ylabel=f"predicted {EXPRESSION}", xticks=numbers[:: 1 + narrow])
    below.legend(**legend)
    below.text(
        0.01,
        0.99,
        f"not shown: {beyond:,} constructs beyond the whiskers",
        transform=below.transAxes,
        va="top",
        fontsize=8,
    )
    return figure


def gc_panels(sample: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]], narrow: bool = False):
    """Draw what the GC correction did to the training constructs, and how predictions follow GC content.

    Parameters
    ----------
    sample : mapping
        Report of the step sample: ``settings``, and ``before`` and ``after``, each with
        ``bucket_distance_to_target`` and ``gc_expression_pearson``.
    sources : mapping
        One part of an evaluation, by source.
    narrow : bool, optional
        One panel below the other, for narrow screens.

    Returns
    -------
    matplotlib.figure.Figure
        Left, the total variation distance of each bucket's GC distribution to the target, before and after (once
        where nothing was corrected); right, the correlation of GC content with measured and with predicted expression,
        with 95 % intervals.
    """
    figure, (left, right) = _row_of_panels(2, 4.8 if narrow else 5.5, 4.4, narrow)
    styles = {"before": {"color": GREY, "marker": "o"}, "after": {"color": BLUE, "marker": "s"}}
    method = sample["settings"]["method"]
    drawn = method != "none"
    for name in ("before", "after") if drawn else ("before",):
        distance = [np.nan if value is None else value for value in sample[name]["bucket_distance_to_target"]]
        r = sample[name]["gc_expression_pearson"]
        r = "GC and expression: r " + ("–" if r is None else f"{r:.2f}")
        left.plot(range(len(distance)), distance, label=f"{name} ({r})" if drawn else r, **styles[name])
    left.set(
        title="training constructs" + (f", before and after {words(method)}" if drawn else ", without GC correction"),
        xlabel="bucket",
        ylabel="distance of GC distribution to target",
        ylim=(0, None),
        xticks=range(0, len(sample["before"]["bucket_distance_to_target"]), 1 + narrow),
    )
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14))
    length = shown_length(sources)
    shown = [(source, lengths[length]) for source, lengths in sources.items() if lengths[length]]
    for shift, name, color, marker in ((-0.12, "gc_measured", GREY, "o"), (0.12, "gc_predicted", BLUE, "s")):
        for number, (_, summary) in enumerate(shown):
            bounds = summary[name]
            if bounds["value"] is None:
                continue
            place = number + shift
            if bounds["low"] is not None:
                right.plot([place, place], [bounds["low"], bounds["high"]], color=color, lw=2)
            right.plot(place, bounds["value"], color=color, marker=marker, ms=7)
        right.plot([], [], color=color, marker=marker, ms=7, lw=2, label=name.removeprefix("gc_"))
    right.axhline(0, color=BLACK, lw=1)
    right.set(
        title=LENGTH_NAMES[length],
        ylabel="Pearson of expression with GC content",
        xticks=range(len(shown)),
        xticklabels=[words(source).replace(" ", "\n") if narrow else words(source) for source, _ in shown],
        xlim=(-0.6, len(shown) - 0.4),
    )
    right.legend()
    return figure


def figures(
    run: Run,
    output: str | Path | None = None,
    part: str = "validation",
    sample_report: str | Path | None = None,
) -> list[Path]:
    """Draw the figures of a trained and evaluated run.

    Parameters
    ----------
    run : Run
        A run, finished.
    output : str or Path, optional
        Folder for ``table_2.tsv``, ``table_2.md``, and ``<name>.png`` and, for narrow screens, ``<name>.narrow.png``
        of each of `FIGURES`; by default ``runs/<run>/figures``.
    part : str, optional
        Part of the split that the predictions are drawn of; it must have been evaluated. Only constructs that were not
        fitted
        are drawn, or, where there are none, all; the titles then say so.
    sample_report : str or Path, optional
        Report of the step sample; by default ``runs/<run>/sample.json``.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ValueError
        If the run has not been trained and evaluated, or `part` not been evaluated or without any prediction.
    """
    import matplotlib

    paths = run.layout
    folder = paths.run(run.name)
    output = Path(output) if output is not None else folder / "figures"
    evaluation = read_evaluation(run)
    if part not in evaluation["parts"]:
        raise ValueError(
            f"run {run.name!r} has no evaluation of the part {part!r}, only of {', '.join(evaluation['parts'])}"
        )
    history, summary = read_json(folder / HISTORY_FILE), read_json(folder / SUMMARY_FILE)
    sample = read_json(sample_report if sample_report is not None else paths.sample(run.name).with_suffix(".json"))
    constructs = pd.read_csv(paths.evaluation(run.name) / PREDICTIONS_FILE, sep="\t")
    sources = evaluation["parts"][part]
    length = shown_length(sources)
    constructs = constructs[(constructs["part"] == part) & constructs["predicted"].notna()]
    constructs = constructs[~constructs["fitted"]] if length == LENGTHS[0] else constructs
    if not len(constructs):
        raise ValueError(
            f"the {part} part has no construct for which run {run.name!r} has a defined prediction, so nothing "
            "can be drawn: has its training diverged (see its history.json), or is the part empty (data/split.json)?"
        )

    output.mkdir(parents=True, exist_ok=True)
    table = epochs_table(history, summary["best"])
    write_frame(output / "table_2.tsv", table)
    made = summary | {"settings": run.settings, "buckets": run.config["buckets"], "data": run.config["data"]}
    write_whole(output / "table_2.md", f"{epochs_markdown(table)}\n\n{epochs_note(made)}\n")
    learned = ", learned from" if part in evaluation.get("learned_from", ["train"]) else ""
    title = f"{run.config['name']}: {run.name}, {part} part{learned}"
    title += "" if length == LENGTHS[0] else f", {LENGTH_NAMES[length]}"
    assay = Assay.of(run.config)
    draw = {
        "learning_curves": lambda narrow: learning_curves(history, summary["best"], narrow),
        "scatter": lambda narrow: scatter(constructs, sources, narrow, assay),
        "residuals": lambda narrow: residuals(constructs, narrow, assay),
        "buckets": lambda narrow: bucket_panels(constructs, narrow, assay),
        "gc": lambda narrow: gc_panels(sample, sources, narrow),
    }
    with matplotlib.rc_context(STYLE):
        for name in FIGURES:
            for narrow in (False, True):
                figure = draw[name](narrow)
                figure.suptitle(f"{run.config['name']}: {run.name}" if name == "learning_curves" else title)
                write_whole(output / figure_file(name, narrow), png_of(figure))
    files = [output / figure_file(name, narrow) for narrow in (False, True) for name in FIGURES]
    return [output / "table_2.tsv", output / "table_2.md", *files]


def png_of(figure) -> bytes:
    """A figure as PNG of 256 colours, those that are there spread over it as widely as they are.

    It is a third of the size that it would otherwise have, which counts: a browser shows no page of over 1.5 MB within
    Snakemake's report, where Chromium takes addresses of up to 2 MiB. No colour is off by more than about 12 of 255.
    """
    from PIL import Image

    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as image:
        image = image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    image.save(packed, format="png", optimize=True)
    return packed.getvalue()


def figure_file(name: str, narrow: bool = False) -> str:
    """Name of the file of a figure, or of its version for narrow screens."""
    return f"{name}.narrow.png" if narrow else f"{name}.png"
