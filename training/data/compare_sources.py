"""Propose calibrations: the lines between the sources of a configuration, with figures, before repeats are merged."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from training.data.assay import PUBLIC, Assay
from training.data.assemble import read_held_out, read_source
from training.data.data_files import DataFiles
from training.data.similarity import repeated_rows
from training.data.source_lines import ERRORS_FROM, VALUES, shared_values, source_line, values_by_source
from training.data.tables import letters_of, write_report
from training.evaluate.markdown import with_bounds, words
from training.notices import say
from yeastpromoter.plots.style import (
    BLACK,
    BLUE,
    DENSITY,
    FORMATS,
    GREY,
    ORANGE,
    STYLE,
    file_name,
    save_figure,
    subplots,
)
from yeastpromoter.statistics import MIN_GROUPS

REPORT_FILE = "lines.json"
#: From this number of sequences on, a figure shows their density in place of a dot for each.
_MANY = 2_000


def compare_sources(
    data: Mapping[str, Any],
    output: str | Path,
    downloaded: str | Path | None = None,
    reference: str | None = None,
    figure_format: str = FORMATS[0],
    assay: Assay = PUBLIC,
) -> list[dict[str, Any]]:
    """Find the lines from the raw values of sources to the calibrated values of another, and draw them.

    The sources are read again, as the assembled table has repeated measurements merged. What resembles a held-out
    sequence is left out.

    Parameters
    ----------
    data : mapping
        The ``data`` section of a validated configuration.
    output : str or Path
        Folder for lines.json and a figure of each pair of sources.
    downloaded : str or Path, optional
        Report of the step download: the files have to be those that it found.
    reference : str, optional
        Source that all others are brought to; by default each pair's first one in the configuration.
    figure_format : str, optional
        One of `yeastpromoter.plots.style.FORMATS`.
    assay : Assay, optional
        The assay of the configuration.

    Returns
    -------
    list of dict
        For each pair of sources with at least `yeastpromoter.statistics.MIN_GROUPS` shared sequences what `source_line`
        returns, ``sources`` (the first and the second) and ``calibration_now``, that of the second.

    Raises
    ------
    ValueError
        If there are fewer than two sources, there is none of the name `reference`, no pair shares enough sequences, or
        a file cannot be read; see `training.data.assemble.assemble`.
    """
    sources = {source["name"]: source for source in data["sources"]}
    names = list(sources)
    if len(names) < 2:
        raise ValueError(f"data.sources has one source, {names[0]!r}, but two or more are needed to compare them")
    if reference is not None and reference not in names:
        raise ValueError(f"data.sources has no source {reference!r}; it has {', '.join(map(repr, names))}")
    values = _raw_values(data, downloaded, assay)
    pairs = combinations(names, 2)
    if reference is not None:
        pairs = [(reference, name) for name in names if name != reference]
    found, too_few = [], []
    output = Path(output)
    for first, second in pairs:
        if sources[second].get("mpra"):
            say(f"source {second!r} is an MPRA, whose values mpra.scale brings to the scale: no line is proposed")
            continue
        if sources[second]["columns"]["counts"]:
            say(f"source {second!r} has counts, whose mean bucket is on the scale already: no line is proposed")
            continue
        raw_first, raw_second = shared_values(values[first], values[second])
        if len(raw_first) < MIN_GROUPS:
            too_few.append(f"{first!r} and {second!r} share {len(raw_first)}")
            continue
        now = sources[first]["calibration"]
        calibrated = raw_first * now["slope"] + now["intercept"]
        line = {
            "sources": [first, second],
            "calibration_now": dict(sources[second]["calibration"]),
            **source_line(calibrated, raw_second),
        }
        found.append(line)
        if line["line_second_to_first"]["slope"]["value"] is not None:
            output.mkdir(parents=True, exist_ok=True)
            path = output / file_name(len(found), f"{first}.{second}", figure_format)
            _draw(line, calibrated["expression"], raw_second["expression"], path)
    if not found and not too_few:
        raise ValueError("no line can be proposed: each second source is on the scale already")
    if not found:
        raise ValueError(
            f"no line can be proposed: two sources must share at least {MIN_GROUPS} sequences, but, held-out ones left "
            f"out, {', '.join(too_few)}. Sequences are shared if all of the construct is equal: are trim and "
            f"sequence_type "
            "right?"
        )
    if too_few:
        say(f"fewer than {MIN_GROUPS} sequences, too few for a line: {', '.join(too_few)}")
    write_report(output / REPORT_FILE, {"lines": found})
    return found


def _raw_values(data: Mapping[str, Any], downloaded: str | Path | None, assay: Assay) -> dict[str, pd.DataFrame]:
    """Values of the sources, not calibrated, of sequences that were measured more than once."""
    files = DataFiles(data["folder"], downloaded)
    held_out = read_held_out(data["held_out"], files, assay)
    pieces = []
    for number, source in enumerate(data["sources"]):
        raw = {**source, "calibration": {"slope": 1, "intercept": 0}}
        for piece in read_source(raw, files, data["other_lengths"], held_out, {}, assay):
            pieces.append(piece | {"source": np.full(len(piece["sequence"]), number, dtype=np.uint8)})
    columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in ("sequence", "source", *VALUES)}
    rows, sequence = repeated_rows(letters_of(columns["sequence"]))
    by_number = values_by_source(sequence, columns["source"][rows], {name: columns[name][rows] for name in VALUES})
    nothing = pd.DataFrame({name: np.empty(0) for name in VALUES})
    return {source["name"]: by_number.get(number, nothing) for number, source in enumerate(data["sources"])}


def as_yaml(line: Mapping[str, Any]) -> str:
    """Lay a line of `compare_sources` out as YAML to put under its second source, with what it is from as comments."""
    first, second = line["sources"]
    bounds, now, ordinary = line["line_second_to_first"], line["calibration_now"], line["ordinary_line"]
    said = [
        f"source {second!r}, to the calibrated values of {first!r}: {line['sequences']:,} sequences that both "
        f"measured, Pearson {_short(line['pearson'])}",
        f"slope {with_bounds(bounds['slope'], 4)}, intercept {with_bounds(bounds['intercept'], 4)}, 95 % intervals",
        f"errors from {ERRORS_FROM[line['errors_from']]}",
    ]
    if line["error_sd"]["first"] is not None:
        sds = [_short(line["error_sd"][name]) for name in ("first", "second")]
        said.append(f"standard deviation of the errors: {sds[0]} (first), {sds[1]} (second)")
    said += [
        f"ordinary least squares, flattened by noise: {_formula(*ordinary.values())}",
        f"in the configuration now: {_formula(now['slope'], now['intercept'])}",
    ]
    slope = bounds["slope"]
    if slope["low"] is None or slope["low"] <= 0:
        said.append("no calibration is proposed: the sources do not rise together (slope not above 0)")
    lines = [f"# {text}" for text in said]
    if slope["low"] is not None and slope["low"] > 0:
        rounded = {name: float(f"{bounds[name]['value']:.6g}") for name in ("slope", "intercept")}
        lines.append(yaml.safe_dump({"calibration": rounded}, default_flow_style=None, sort_keys=False).rstrip())
    return "\n".join(lines)


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}".replace("-", "−")


def _formula(slope: float | None, intercept: float | None) -> str:
    return f"{_short(slope)} x + {_short(intercept)}".replace("+ −", "− ")


def _draw(line: Mapping[str, Any], first: pd.Series, second: pd.Series, path: Path) -> None:
    import matplotlib

    fitted = {name: bounds["value"] for name, bounds in line["line_second_to_first"].items()}
    with matplotlib.rc_context(STYLE):
        figure, axes = subplots(figsize=(6.4, 5))
        axis = axes[0, 0]
        if len(first) >= _MANY:
            drawn = axis.hexbin(second, first, gridsize=60, bins="log", mincnt=1, cmap=DENSITY, linewidths=0.1)
            bar = figure.colorbar(drawn, ax=axis, label="sequences")
            bar.ax.yaxis.set_major_formatter("{x:.0f}")
        else:
            axis.scatter(second, first, s=12, color=BLUE, alpha=0.5, linewidths=0)
        # Without its own limits the axis would grow with an identity that is far from the values.
        axis.set(xlim=_with_margin(second), ylim=_with_margin(first), autoscale_on=False)
        x = np.array(axis.get_xlim())
        for name, (slope, intercept), style in (
            ("proposed", (fitted["slope"], fitted["intercept"]), {"color": ORANGE, "lw": 2}),
            ("ordinary least squares", tuple(line["ordinary_line"].values()), {"color": BLACK, "lw": 1.5, "ls": "--"}),
            ("identity", (1, 0), {"color": GREY, "lw": 1.5, "ls": ":"}),
        ):
            said = name if name == "identity" else f"{name}: {_formula(slope, intercept)}"
            axis.plot(x, slope * x + intercept, label=said, **style)
        axis.legend(loc="upper left")
        names = [words(name).replace("$", r"\$") for name in line["sources"]]
        axis.set(
            xlabel=f"{names[1]}, as measured",
            ylabel=f"{names[0]}, calibrated",
            title=f"{line['sequences']:,} sequences, Pearson {_short(line['pearson'])}",
        )
        save_figure(figure, path)


def _with_margin(values: pd.Series) -> tuple[float, float]:
    margin = 0.04 * (values.max() - values.min())
    return values.min() - margin, values.max() + margin
