"""The page of a promoter: its prediction, what each of its bases does, and the best changes."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.interpret.saturation import Saturation, saturation_mutagenesis
from yeastpromoter.interpret.sites import Found, find_sites, read_sites
from yeastpromoter.io.text_files import read_text
from yeastpromoter.model.entry import TrainedNetwork
from yeastpromoter.plots.saturation import COLOUR_MAP, draw_logo, effect_limit
from yeastpromoter.plots.style import BASE_COLOURS
from yeastpromoter.sequence.construct_rules import upper_case
from yeastpromoter.sequence.encoding import ALPHABET

if TYPE_CHECKING:
    from yeastpromoter.uncertainty.calibration import Calibration

_TEMPLATE = Path(__file__).with_name("promoter.html")

#: Positions that stand side by side: a phone shows as many, a wide screen four times as many.
_BLOCK = 20

#: Single changes that the page names, up and down.
_BEST = 8

#: Sizes in the pictures, in their own units, which are pixels on a phone.
_WIDE, _LOGO, _SITE, _LETTER, _CELL = 16, 70, 16, 18, 22
_LEFT = 18


@dataclass(frozen=True)
class Explained:
    """What the page of a promoter says.

    Attributes
    ----------
    name : str
        Id of the promoter.
    insert : str
        Its 80 letters.
    expression : float
        Predicted expression.
    level : int or None
        Level of the prediction interval, in percent; None without a calibration.
    lower, upper : float
        Its ends; NaN without one.
    flag : str
        What is unlike the training data, in words; empty where nothing is.
    effects : numpy.ndarray
        Effects of all substitutions (alt − ref, in buckets), `float64` (80, 4).
    half_width : float or None
        Half width of their prediction intervals, in buckets; None without one.
    sites : list of Found
        Known binding sites.
    """

    name: str
    insert: str
    expression: float
    level: int | None
    lower: float
    upper: float
    flag: str
    effects: np.ndarray
    half_width: float | None
    sites: list[Found]


def explain(
    trained: TrainedNetwork, names: Sequence[str], constructs: np.ndarray, level: int | None
) -> list[Explained]:
    """Predict what the pages of promoters say.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    names : sequence of str
        Ids of the N promoters.
    constructs : numpy.ndarray
        ASCII letters, `uint8` (N, L).
    level : int or None
        Level of the prediction intervals, in percent; None for none.

    Returns
    -------
    list of Explained
        Of each promoter.

    Raises
    ------
    ValueError
        If there is no calibration for `level`, or an expression is undefined.
    """
    found: Saturation = saturation_mutagenesis(trained, constructs)
    none = np.full(len(constructs), np.nan)
    lower, upper, flags = none, none, [""] * len(constructs)
    half_widths: np.ndarray | None = None
    if level is not None:
        calibration = trained.need_calibration(level)
        signals = trained.signals(constructs)
        lower, upper, flags = calibration.bounds(signals, level)
        if calibration.effects is not None and calibration.effects.half_widths[calibration.check(level)] is not None:
            scales = calibration.scales(signals)
            half_widths = calibration.effect_half_widths(scales, scales, level)
    known = read_sites()
    inserts = [row.tobytes().decode("ascii") for row in upper_case(constructs[:, trained.reporter.insert])]
    return [
        Explained(
            name,
            insert,
            float(found.reference[n]),
            level,
            float(lower[n]),
            float(upper[n]),
            flags[n],
            found.effects[n],
            None if half_widths is None else float(half_widths[n]),
            find_sites(insert, known),
        )
        for n, (name, insert) in enumerate(zip(names, inserts, strict=True))
    ]


def page_of(promoter: Explained, trained: TrainedNetwork, version: str) -> str:
    """Write the page of a promoter.

    Parameters
    ----------
    promoter : Explained
        What it says.
    trained : TrainedNetwork
        The network that said it, for the scale of measured promoters and the version of the weights.
    version : str
        Version of the package.

    Returns
    -------
    str
        HTML, with everything in it: it needs no other file and no network.
    """
    low, high = trained.bucket_values[0], trained.bucket_values[-1]
    prediction = f"Predicted expression: <strong>{promoter.expression:.1f}</strong> of {low:g} to {high:g}"
    interval_note = "These weights have no calibration, so how sure the prediction is is not known."
    if promoter.level is not None:
        prediction += f", {promoter.level} % interval {promoter.lower:.1f} to {promoter.upper:.1f}"
        interval_note = (
            f"Of promoters like those of the training data, about {promoter.level} of 100 measurements lie in the "
            "interval."
        )
    flag = ""
    if promoter.flag:
        flag = (
            f'<p class="flag"><strong>{escape(promoter.flag[0].upper() + promoter.flag[1:])}.</strong> Predictions and '
            "intervals are not to be trusted there.</p>"
        )
    sites = ""
    if promoter.sites:
        items = "".join(
            f"<li>{escape(site.factor)}, positions {site.first} to {site.last}, "
            f"{'forward' if site.strand == '+' else 'reverse'} strand</li>"
            for site in promoter.sites
        )
        sites = f"<p>Known binding sites, by their motifs:</p><ul>{items}</ul>"
    return Template(read_text(_TEMPLATE)).substitute(
        title=escape(f"Promoter {promoter.name}"),
        prediction=prediction,
        interval_note=interval_note,
        lowest=f"{low:g}",
        highest=f"{high:g}",
        length=len(promoter.insert),
        flag=flag,
        insert=promoter.insert,
        scale=_scale(promoter, trained.calibration, (low, high)),
        blocks="\n".join(_blocks(promoter)),
        sites=sites,
        tables=_tables(promoter),
        version=version,
        weights=escape(trained.weights_version),
    )


def _scale(promoter: Explained, calibration: Calibration | None, ends: tuple[float, float]) -> str:
    """The prediction on the scale of the buckets, over the measured promoters of each source."""
    width, left, row = 360, 8, 34
    sources = calibration.measured if calibration is not None else {}

    # Predictions reach a little beyond the buckets.
    margin = (ends[1] - ends[0]) / 34
    first_shown, last_shown = ends[0] - margin, ends[1] + 3 * margin

    def x(value: float) -> float:
        share = (min(max(value, first_shown), last_shown) - first_shown) / (last_shown - first_shown)
        return left + share * (width - 2 * left)

    height = 44 + row * len(sources)
    parts = []
    if promoter.level is not None:
        start, stop = x(promoter.lower), x(promoter.upper)
        parts.append(f'<rect x="{start:.1f}" y="0" width="{stop - start:.1f}" height="{height - 22}" fill="#cfe3f1"/>')
    said = []
    percentiles = calibration.percentiles(promoter.expression) if calibration is not None else {}
    for number, (source, values) in enumerate(sources.items()):
        top = 24 + row * number
        low, first, middle, third, high = (x(values[place]) for place in (0, 25, 50, 75, 100))
        words = source.replace("_", " ")
        parts += [
            f'<text x="{left}" y="{top - 4}" font-size="12" fill="#1a1a1a">{escape(words)}</text>',
            f'<rect x="{low:.1f}" y="{top}" width="{high - low:.1f}" height="8" fill="#bbbbbb"/>',
            f'<rect x="{first:.1f}" y="{top}" width="{third - first:.1f}" height="8" fill="#555555"/>',
            f'<rect x="{middle - 1:.1f}" y="{top}" width="2" height="8" fill="#ffffff"/>',
        ]
        said.append(f"higher than {percentiles[source]:.0f} % of measured promoters of the kind {words}")
    here = x(promoter.expression)
    parts.append(f'<rect x="{here - 1.5:.1f}" y="0" width="3" height="{height - 20}" fill="#0072b2"/>')
    for tick in _ticks(*ends):
        place = f'x="{x(tick):.1f}" y="{height - 4}"'
        parts.append(f'<text {place} font-size="12" text-anchor="middle" fill="#1a1a1a">{tick:g}</text>')
    label = f"Expression {promoter.expression:.1f}" + "".join(f"; {text}" for text in said)
    picture = (
        f'<svg viewBox="0 0 {width} {height}" style="width: 100%; max-width: 36rem" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
    sentence = " and ".join(said)
    return picture + (f"<p>It is {escape(sentence)}.</p>" if sentence else "")


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers on a scale, four or so."""
    step = 10 ** math.floor(math.log10((high - low) / 2))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (factor * step) < 5)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _blocks(promoter: Explained) -> list[str]:
    """The map, a picture for each 20 positions: logo, sites, letters and the fields of the substitutions."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    limit = effect_limit(promoter.effects)
    colour_map = colormaps[COLOUR_MAP]
    colours = [[to_hex(colour_map(0.5 + effect / limit / 2)) for effect in row] for row in promoter.effects.tolist()]
    # The blocks show parts of one picture, which is in the page once.
    blocks = [
        '<svg width="0" height="0" style="position: absolute" aria-hidden="true"><defs><image id="logo" '
        f'href="{_logo(promoter)}" width="{len(promoter.insert) * _WIDE}" height="{_LOGO}" preserveAspectRatio="none"/>'
        "</defs></svg>"
    ]
    for first in range(0, len(promoter.insert), _BLOCK):
        columns = range(first, min(first + _BLOCK, len(promoter.insert)))
        parts = [
            f'<svg x="{_LEFT}" y="0" width="{_BLOCK * _WIDE}" height="{_LOGO}" viewBox="{first * _WIDE} 0 '
            f'{_BLOCK * _WIDE} {_LOGO}"><use href="#logo"/></svg>'
        ]
        lanes = _lanes(promoter.sites)
        for site, lane in lanes:
            start, stop = max(site.first - 1, first), min(site.last, first + _BLOCK)
            if start < stop:
                y = _LOGO + 4 + _SITE * lane
                left, width = _LEFT + (start - first) * _WIDE, (stop - start) * _WIDE
                arrow = f"{site.factor} →" if site.strand == "+" else f"← {site.factor}"
                parts += [
                    f'<rect x="{left}" y="{y + 10}" width="{width}" height="3" fill="#1a1a1a"/>',
                    f'<text x="{left}" y="{y + 8}" font-size="10" fill="#1a1a1a">{escape(arrow)}</text>',
                ]
        top = _LOGO + 4 + _SITE * (1 + max((lane for _, lane in lanes), default=-1))
        heat = top + _LETTER + 2
        for row, base in enumerate(ALPHABET):
            parts.append(f'<text x="0" y="{heat + row * _CELL + 15}" font-size="12" class="letter">{base}</text>')
        for column in columns:
            left = _LEFT + (column - first) * _WIDE
            letter = promoter.insert[column]
            parts.append(
                f'<text x="{left + _WIDE / 2}" y="{top + 14}" font-size="13" text-anchor="middle" class="letter" '
                f'fill="{BASE_COLOURS.get(letter, "#555555")}">{letter}</text>'
            )
            for row, base in enumerate(ALPHABET):
                said = _said(promoter, column, row)
                stop = 0 if (column, row) == (0, 0) else -1
                parts.append(
                    f'<rect class="cell" role="img" tabindex="{stop}" data-position="{column + 1}" data-row="{row}" '
                    f'x="{left}" y="{heat + row * _CELL}" width="{_WIDE - 1}" height="{_CELL - 1}" '
                    f'fill="{colours[column][row]}" aria-label="{escape(said)}"/>'
                )
                if base == letter:
                    parts.append(
                        f'<circle cx="{left + _WIDE / 2 - 0.5}" cy="{heat + row * _CELL + _CELL / 2}" r="2" '
                        'fill="#555555" pointer-events="none"/>'
                    )
            if (column + 1) % 5 == 0 or column == 0:
                parts.append(
                    f'<text x="{left + _WIDE / 2}" y="{heat + 4 * _CELL + 12}" font-size="10" text-anchor="middle" '
                    f'fill="#444444">{column + 1}</text>'
                )
        height = heat + 4 * _CELL + 16
        blocks.append(
            f'<svg class="block" viewBox="0 0 {_LEFT + _BLOCK * _WIDE} {height}" role="group" '
            f'aria-label="Positions {first + 1} to {columns.stop}">{"".join(parts)}</svg>'
        )
    return blocks


def _lanes(sites: list[Found]) -> list[tuple[Found, int]]:
    """The sites, each with the number of a line in which it does not touch another one's name."""
    ends: list[int] = []
    placed = []
    for site in sites:
        # A letter of a name takes about half a position.
        room = max(site.last, site.first + len(site.factor) // 2 + 3)
        lane = next((number for number, end in enumerate(ends) if end < site.first), len(ends))
        ends[lane : lane + 1] = [room]
        placed.append((site, lane))
    return placed


def _said(promoter: Explained, column: int, row: int) -> str:
    """What a field of the map says."""
    base, there = ALPHABET[row], promoter.insert[column]
    if base == there:
        return f"Position {column + 1}: {base} is there"
    effect = promoter.effects[column, row]
    after = promoter.expression + effect
    said = f"Position {column + 1}, {there} to {base}: effect {_signed(effect)}, expression {after:.2f}"
    if promoter.half_width is not None:
        half = promoter.half_width
        said += (
            f" ({promoter.level} % interval of the effect about {_signed(effect - half)} to {_signed(effect + half)})"
        )
    return said


def _logo(promoter: Explained) -> str:
    """The logo of all positions as the address of a picture, without margins."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(len(promoter.insert) * _WIDE / 100, _LOGO / 100))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    draw_logo(axes, promoter.insert, promoter.effects, range(1, len(promoter.insert) + 1))
    axes.set_xlim(0.5, len(promoter.insert) + 0.5)
    axes.axis("off")
    file = io.BytesIO()
    with rc_context({"svg.hashsalt": "yeastpromoter"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _tables(promoter: Explained) -> str:
    """The single changes with the largest effects, up and down."""
    flat = promoter.effects.ravel()
    order = np.argsort(flat, kind="stable")
    tables = []
    for title, places in (("Up", order[::-1][:_BEST]), ("Down", order[:_BEST])):
        rows = "".join(
            f"<tr><td>{promoter.insert[place // 4]}{place // 4 + 1}{ALPHABET[place % 4]}</td>"
            f"<td>{_signed(flat[place])}</td><td>{promoter.expression + flat[place]:.2f}</td></tr>"
            for place in places.tolist()
            if ALPHABET[place % 4] != promoter.insert[place // 4]
        )
        tables.append(
            f'<table><caption>{title}</caption><thead><tr><th scope="col">change</th><th scope="col">effect</th>'
            f'<th scope="col">expression</th></tr></thead><tbody>{rows}</tbody></table>'
        )
    return "\n".join(tables)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
