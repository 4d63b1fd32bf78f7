"""Table 1 and Figure 1 of the KircherLab report for a network: its layers as a table, and drawn.

Both are made from the Keras network itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.config.loading import network_settings
from training.data.tables import read_json, write_report
from training.evaluate.figures import figure_file, png_of
from training.evaluate.markdown import markdown_table
from training.paths import NETWORK_FILE
from training.run import Run
from yeastpromoter.io.whole_files import write_whole
from yeastpromoter.model.layers import Layer, layers_of
from yeastpromoter.plots.network import NARROW_COLUMNS, network_figure
from yeastpromoter.plots.style import STYLE, save_figure

if TYPE_CHECKING:
    import keras

HEADER = ("Layer type (activation)", "Name", "Output shape", "Filters", "Kernel or pool", "Parameters")
TSV_HEADER = ("type", "activation", "name", "output_shape", "filters", "kernel", "rate", "parameters", "trainable")


def _shape(layer: Layer) -> str:
    """The shape as in the report's Table 1, with None for the number of examples."""
    return f"({', '.join(map(str, (None, *layer.shape)))})"


def table_cells(layers: Sequence[Layer]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of a network, as in the report's Table 1; a dash for what a layer lacks."""
    rows = [
        [
            layer.title,
            layer.name,
            _shape(layer),
            "–" if layer.filters is None else f"{layer.filters:,}",
            layer.span or "–",
            f"{layer.parameters:,}",
        ]
        for layer in layers
    ]
    return list(HEADER), rows


def totals(layers: Sequence[Layer]) -> str:
    """How many parameters a network has, as a sentence."""
    parameters, trainable = (sum(getattr(layer, name) for layer in layers) for name in ("parameters", "trainable"))
    return (
        f"{parameters:,} parameters, of which {trainable:,} are trainable and {parameters - trainable:,} are not."
        if trainable < parameters
        else f"{parameters:,} parameters, all of them trainable."
    )


def table_markdown(layers: Sequence[Layer]) -> str:
    """The table of a network, and its totals, in Markdown."""
    return f"{markdown_table(*table_cells(layers), text_columns=3)}\n\n{totals(layers)}\n"


def table_tsv(layers: Sequence[Layer]) -> str:
    """The table of a network as tab-separated text, one layer a line; empty for what a layer lacks."""
    rows = [
        [
            layer.type,
            layer.activation,
            layer.name,
            _shape(layer),
            layer.filters,
            layer.span,
            layer.rate,
            layer.parameters,
            layer.trainable,
        ]
        for layer in layers
    ]
    lines = ["\t".join("" if cell is None else str(cell) for cell in row) for row in [TSV_HEADER, *rows]]
    return "\n".join(lines) + "\n"


def write_network(network: keras.Model, output: str | Path, settings: Mapping[str, Any] | None = None) -> list[Path]:
    """Write the table of a network and its drawing.

    Parameters
    ----------
    network : keras.Model
        The network, whose layers follow one another.
    output : str or Path
        Folder for ``network.md`` and ``network.tsv`` (the table), ``network.svg``, ``network.pdf`` and ``network.png``
        (the drawing), ``network.narrow.png`` (for narrow screens) and ``network.json``, what the report of a run reads.
    settings : mapping, optional
        What of the settings of a run the network is of.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ValueError
        If the layers do not follow one another.
    """
    import matplotlib

    layers = layers_of(network)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    write_whole(output / "network.md", table_markdown(layers))
    write_whole(output / "network.tsv", table_tsv(layers))
    with matplotlib.rc_context(STYLE):
        figure = network_figure(layers)
        for suffix in ("svg", "pdf"):
            save_figure(figure, output / f"network.{suffix}")
        for narrow, drawn in ((False, figure), (True, network_figure(layers, NARROW_COLUMNS))):
            write_whole(output / figure_file("network", narrow), png_of(drawn))
    write_report(
        output / NETWORK_FILE,
        {"settings": dict(settings or {}), "layers": [dataclasses.asdict(layer) for layer in layers]},
    )
    names = ("network.md", "network.tsv", "network.svg", "network.pdf", "network.png", "network.narrow.png")
    return [*(output / name for name in names), output / NETWORK_FILE]


def network(run: Run, output: str | Path | None = None) -> list[Path]:
    """Write the table and the drawing of the network of a run, trained or not.

    Parameters
    ----------
    run : Run
        The run.
    output : str or Path, optional
        Folder; by default ``runs/<run>/network``. See `write_network`.

    Returns
    -------
    list of Path
        The files.
    """
    from training.fit.networks import build_network

    settings = network_settings(run.config, run.name)
    output = Path(output) if output is not None else run.layout.network(run.name)
    return write_network(build_network(**settings), output, settings)


def read_network(run: Run, path: Path) -> list[Layer]:
    """Read what `network` wrote of a run.

    Raises
    ------
    ValueError
        If it is of other settings than the run has.
    """
    found = read_json(path)
    wanted = network_settings(run.config, run.name)
    if found["settings"] != wanted:
        raise ValueError(
            f"{path} is of a network of the settings {found['settings']}, but run {run.name!r} has {wanted}: rerun the "
            "step network"
        )
    return [
        Layer(**{name: tuple(value) if isinstance(value, list) else value for name, value in layer.items()})
        for layer in found["layers"]
    ]
