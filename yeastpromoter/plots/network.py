"""A network drawn, layer by layer, in the form of Figure 1 of the KircherLab report."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yeastpromoter.model.layers import Layer
from yeastpromoter.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches of a column, of the largest block within it, and of what stands above and below a block.
COLUMN, WIDTH, HEIGHT, ABOVE = 1.3, 0.75, 1.5, 0.3
LINE = 0.17
#: Characters of a note, an inch.
CHARACTERS = 15
#: Blocks a row, and on narrow screens.
COLUMNS, NARROW_COLUMNS = 10, 3
#: Blocks that are thinner than this, in inches, could not be seen.
THINNEST = 0.05
#: How layers are named in the little room below a block.
SHORT = {"BatchNormalization": "BatchNorm", "InputLayer": "input"}
_COLOURS = {"input": GREY, "map": BLUE, "vector": GREEN, "output": ORANGE}


@dataclass
class Block:
    """What is drawn as one block: a layer that makes an output of another shape, and those after it that keep it."""

    layer: Layer
    after: list[Layer] = field(default_factory=list)


def blocks_of(layers: Sequence[Layer]) -> list[Block]:
    """Gather layers into blocks: batch normalisations, dropouts, and pools of 1 belong to the block before them.

    Parameters
    ----------
    layers : sequence of Layer
        The layers of a network, in their order.

    Returns
    -------
    list of Block
        Convolutions and dense layers each begin a block, whatever their shape, as does whatever changes the shape.
    """
    blocks: list[Block] = []
    for layer in layers:
        begins = layer.filters is not None or layer.type == "Dense"
        if begins or not blocks or layer.shape != blocks[-1].layer.shape:
            blocks.append(Block(layer))
        else:
            blocks[-1].after.append(layer)
    return blocks


def _lines(block: Block) -> list[tuple[str, str]]:
    """What stands below a block: text and weight of the font, or "grey" for layers that keep the shape."""
    layer = block.layer
    lines = [(SHORT.get(layer.type, layer.type), "bold")]
    if layer.filters is not None:
        lines += [(f"{layer.filters:,} filters", "normal")]
    if layer.kernel is not None:
        lines += [(f"{'kernel' if layer.filters is not None else 'pool'} {layer.span}", "normal")]
    lines += [(layer.activation, "normal")] if layer.activation else []
    lines += [(f"{layer.parameters:,} parameters", "normal")] if layer.parameters else []
    for other in block.after:
        title = SHORT.get(other.type, other.type)
        said = f"{title} {other.span}" if other.span else other.title.replace(other.type, title)
        lines.append((f"+ {said}", "grey"))
    return lines


def _size(shape: tuple[int | None, ...], positions: int, channels: int, units: int) -> tuple[float, float]:
    """Width and height of a block in inches: positions to scale, channels and units by their square root."""
    if len(shape) == 1:
        return 0.12, max(HEIGHT * math.sqrt((shape[0] or 1) / units), THINNEST)
    height = HEIGHT * math.prod(size or 1 for size in shape[:-1]) / positions
    return max(WIDTH * math.sqrt((shape[-1] or 1) / channels), THINNEST), max(height, THINNEST)


def network_figure(layers: Sequence[Layer], columns: int | None = None) -> Figure:
    """Draw a network.

    Parameters
    ----------
    layers : sequence of Layer
        Its layers, in their order; see `yeastpromoter.model.layers.layers_of`.
    columns : int, optional
        Blocks a row; the next row goes on where one ends. By default `COLUMNS`.

    Returns
    -------
    matplotlib.figure.Figure
        A block for each output of another shape. The height of a block of positions and channels is the number of its
        positions, its width the square root of its channels; units have a bar, its height the square root of their
        number. Below are the layers that make it, and those that keep its shape, with a plus.
    """
    from matplotlib.figure import Figure

    blocks = blocks_of(layers)
    shapes = [block.layer.shape for block in blocks]
    maps = [shape for shape in shapes if len(shape) > 1]
    positions = max((math.prod(size or 1 for size in shape[:-1]) for shape in maps), default=1)
    channels = max((shape[-1] or 1 for shape in maps), default=1)
    units = max((shape[0] or 1 for shape in shapes if len(shape) == 1), default=1)

    columns = min(columns or COLUMNS, len(blocks))
    rows = [range(first, min(first + columns, len(blocks))) for first in range(0, len(blocks), columns)]
    sizes = [_size(shape, positions, channels, units) for shape in shapes]
    tallest = [max(sizes[number][1] for number in row) for row in rows]
    below = [LINE * (max(len(_lines(blocks[number])) for number in row) + 1.2) for row in rows]
    tops = [sum(tallest[:row]) + sum(below[:row]) + ABOVE * (row + 1) for row in range(len(rows))]
    notes = textwrap.wrap(_note(layers, bool(maps)), round(COLUMN * columns * CHARACTERS))
    height = tops[-1] + tallest[-1] + below[-1] + LINE * (len(notes) + 0.5)
    figure = Figure(figsize=(COLUMN * columns, height))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, COLUMN * columns), ylim=(height, 0))
    axis.axis("off")
    for row, top, tall in zip(rows, tops, tallest, strict=True):
        end = 0.0
        for number in row:
            width, _ = sizes[number]
            centre, middle = COLUMN * (number - row[0] + 0.5), top + tall / 2
            if number:
                _arrow(axis, end, centre - width / 2, middle)
            kind = "map" if len(shapes[number]) > 1 else "vector"
            kind = "input" if number == 0 else "output" if number == len(blocks) - 1 else kind
            _draw(axis, blocks[number], centre, middle, sizes[number], top + tall, _COLOURS[kind])
            end = centre + width / 2
        if row[-1] + 1 < len(blocks):
            _arrow(axis, end, COLUMN * columns, middle)
    for number, line in enumerate(reversed(notes)):
        axis.text(COLUMN * columns / 2, height - LINE * (number + 0.7), line, ha="center", va="center", fontsize=8)
    return figure


def _note(layers: Sequence[Layer], has_maps: bool) -> str:
    """What stands below all blocks."""
    parameters, trainable = (sum(getattr(layer, name) for layer in layers) for name in ("parameters", "trainable"))
    said = f"{parameters:,} parameters, {trainable:,} of them trainable. "
    if has_maps:
        said += "Blocks: positions × channels, height to scale, width by the square root. "
    return said + "Bars: units, height by the square root."


def _arrow(axis: Axes, start: float, end: float, height: float) -> None:
    arrow = {"arrowstyle": "-|>", "color": GREY, "lw": 1.2, "shrinkA": 3, "shrinkB": 3}
    axis.annotate("", (end, height), (start, height), arrowprops=arrow)


def _draw(
    axis: Axes, block: Block, centre: float, middle: float, size: tuple[float, float], foot: float, colour: str
) -> None:
    """Draw one block with its shape above it, and its layers below the foot of its row."""
    from matplotlib.patches import Rectangle

    width, height = size
    place = (centre - width / 2, middle - height / 2)
    axis.add_patch(Rectangle(place, width, height, facecolor=colour, edgecolor=BLACK, linewidth=0.8, alpha=0.8))
    shape = " × ".join("any" if size is None else f"{size:,}" for size in block.layer.shape)
    axis.text(centre, middle - height / 2 - 0.06, shape, ha="center", va="bottom", fontsize=9)
    for number, (text, kind) in enumerate(_lines(block), start=1):
        axis.text(
            centre,
            foot + LINE * number,
            text,
            ha="center",
            va="center",
            fontsize=9 if kind == "bold" else 8,
            fontweight="bold" if kind == "bold" else "normal",
            color="#666666" if kind == "grey" else BLACK,
        )
