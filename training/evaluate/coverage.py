"""How well prediction intervals hold, as tables for the report of a run and for the model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from training.config.loading import ALL_SOURCES
from training.evaluate.markdown import listed, markdown_table, percent, with_decimals, words

_KINDS = {"gc": "GC content", "predicted_expression": "predicted expression", "width": "width of the interval"}


class Cells(NamedTuple):
    """A table as text; the first `text_columns` columns align left."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str
    text_columns: int


def _left_out(calibration: Mapping[str, Any]) -> str:
    """What a note says of constructs that were not needed."""
    return f" without {calibration['not_needed']:,} that were not needed" if calibration["not_needed"] else ""


def _coverage(row: Mapping[str, Any]) -> str:
    value, low, high = (row["coverage"][name] for name in ("value", "low", "high"))
    bounds = "–" if low is None else f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{100 * value:.1f} % ({bounds})"


def _numbers(row: Mapping[str, Any]) -> list[str]:
    widths = [with_decimals(row[name], 2) for name in ("width", "constant_width", "mae")]
    return [f"{row['constructs']:,}", f"{row['groups']:,}", _coverage(row), *widths]


def coverage_tables(calibration: Mapping[str, Any]) -> Iterator[Cells]:
    """Make the tables of a calibration.

    Parameters
    ----------
    calibration : mapping
        What `training.evaluate.calibrate.calibrate` returns, or the record of a run keeps of it, with a coverage.

    Yields
    ------
    Cells
        By level; by kind of construct; by how large the stated uncertainty is.
    """
    found = calibration["coverage"]
    numbers = ["constructs", "groups", "coverage (95 % interval)", "mean width", "constant width", "MAE"]
    yield Cells(
        "Coverage of the prediction intervals",
        ["source", "level", *numbers],
        [
            [words(source), f"{level} %", *_numbers(row)]
            for source, levels in found["levels"].items()
            for level, row in levels.items()
        ],
        f"Constructs of the {calibration['part']} part{_left_out(calibration)}, of all lengths, in "
        f"{calibration['folds']} folds of groups that share a 30-mer: the intervals of each fold are calibrated on the "
        "others, each source counting as much as another. Constant width: that of intervals of one width around the "
        "prediction that would hold as many measurements. Widths and mean absolute error (MAE) in the unit of "
        "expression.",
        2,
    )
    yield Cells(
        "Intervals of 90 % by kind of construct",
        ["source", "by", "kind", *numbers],
        [
            [words(source), _KINDS[by], kind, *_numbers(row)]
            for source, kinds in found["subsets"].items()
            if source != ALL_SOURCES
            for by, rows in kinds.items()
            for kind, row in rows.items()
            if row is not None
        ],
        "As above. Where the coverage is below 90 %, the intervals promise too much.",
        3,
    )
    rows = []
    for source, tenths in found["tenths"].items():
        flagged = found["flagged"][source]
        yes, no = flagged["flagged"], flagged["not_flagged"]
        rows.append(
            [
                words(source),
                *(with_decimals(tenths[name], 2) for name in ("narrowest", "widest")),
                percent(flagged["share"], 2),
                *(
                    cell
                    for row in (yes, no)
                    for cell in ([_coverage(row), with_decimals(row["mae"], 2)] if row else "––")
                ),
            ]
        )
    yield Cells(
        "Does the stated uncertainty say where errors are?",
        [
            "source",
            "MAE, narrowest tenth",
            "MAE, widest tenth",
            "flagged",
            "coverage, flagged",
            "MAE, flagged",
            "coverage, not flagged",
            "MAE, not flagged",
        ],
        rows,
        "Tenths by the width of the interval. Flagged: unlike the training data; the intervals promise nothing there.",
        1,
    )


def effects_note(calibration: Mapping[str, Any]) -> str:
    """What is known of the intervals of effects, in a paragraph."""
    found = calibration["coverage"]["effects"]
    if found is None:
        return (
            "Intervals of effects: none, or unchecked. There are too few pairs of measured constructs that differ by "
            "little."
        )
    return (
        f"Intervals of effects come from {found['pairs']:,} pairs of measured constructs, of {found['groups']:,} "
        "groups, that overlap by at least 70 bp or differ in at most 3 bases. Calibrated on the other folds, intervals "
        f"of 90 % hold {percent(found['coverage']['value'], 0)} of the measured differences; they are "
        f"{found['width']:.1f} buckets wide on average, the noise of both measurements included. So few groups make "
        "this approximate. Single substitutions are hardly among the pairs: for these the intervals are unchecked, and "
        "likely too wide."
    )


def intervals_text(record: Mapping[str, Any]) -> str:
    """What the model card says of prediction intervals, in Markdown."""
    calibration = record.get("prediction_intervals")
    if not calibration or calibration["coverage"] is None:
        return "These weights have no calibration, and so no prediction intervals."
    constructs = listed([f"{count:,} of {words(source)}" for source, count in calibration["constructs"].items()])
    parts = [
        f"Prediction intervals are calibrated on the {calibration['part']} part ({constructs}), which no training saw. "
        "They are for a measurement of a promoter like these, its noise included."
    ]
    for cells in coverage_tables(calibration):
        parts += [f"**{cells.title}**", markdown_table(cells.header, cells.rows, cells.text_columns), cells.note]
    return "\n\n".join([*parts, effects_note(calibration)])
