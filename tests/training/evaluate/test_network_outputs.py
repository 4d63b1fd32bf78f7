import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.patches import Rectangle
from report_table import TABLE_1, short_network

from training.cli.main import main
from training.config.loading import load_config
from training.evaluate.network import read_network, table_cells, table_markdown, totals, write_network
from training.paths import Layout
from training.run import Run
from yeastpromoter.model.layers import Layer, layers_of
from yeastpromoter.model.network import build_network
from yeastpromoter.plots.network import HEIGHT, WIDTH, blocks_of, network_figure

REPORT = Path(__file__).resolve().parents[3] / "training" / "config" / "report.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the command writes of the report's network, with softmax first."""
    folder = tmp_path_factory.mktemp("network")
    arguments = ["network", "--config", str(REPORT), "--run", "softmax", "--output", str(folder)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert {Path(line).name for line in result.stdout.split()} == {path.name for path in folder.iterdir()}
    return folder


def test_the_tables_are_table_1_of_the_report(folder):
    with (folder / "network.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    said = [
        " ".join(filter(None, [row["type"], row["rate"], f"({row['activation']})" if row["activation"] else ""]))
        + f" {row['output_shape'].replace('None, ', '')} {row['parameters']}"
        for row in rows
    ]
    # A shape of one number is written with a comma in Python, and without one in the table.
    assert said == TABLE_1.replace(",)", ")").split("\n")[1:-1]
    assert [row["kernel"] for row in rows if row["filters"]] == ["7", "8", "3", "2"]
    lines = (folder / "network.md").read_text().splitlines()
    assert lines[3] == "| Conv1D (softmax) | conv_1 | (None, 104, 250) | 250 | 7 | 7,250 |"
    assert lines[15] == "| Flatten | flatten | (None, 4500) | – | – | 0 |"
    assert lines[-1] == "2,194,768 parameters, of which 2,193,068 are trainable and 1,700 are not."


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("network.svg", b"<?xml"),
        ("network.pdf", b"%PDF"),
        ("network.png", b"\x89PNG"),
        ("network.narrow.png", b"\x89PNG"),
    ],
)
def test_the_drawing_has_every_format(folder, name, begins):
    assert (folder / name).read_bytes().startswith(begins)


def test_a_network_of_another_length_is_written_too(tmp_path):
    files = write_network(short_network(), tmp_path)
    assert all(path.stat().st_size for path in files)
    assert "| Conv1D (gelu) | conv | (None, 12, 3) | 3 | 6, stride 4 | 75 |" in (tmp_path / "network.md").read_text()
    assert totals(layers_of(short_network())) == "83 parameters, of which 8 are trainable and 75 are not."
    assert totals([Layer("a", "Dense", (2,), 8, 8)]) == "8 parameters, all of them trainable."


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_layers_that_keep_the_shape_belong_to_the_block_before_them():
    blocks = blocks_of(layers_of(build_network()))
    found = [(block.layer.name, [layer.name for layer in block.after]) for block in blocks]
    assert found == [
        ("construct", []),
        ("conv_1", ["norm_1"]),
        ("conv_2", ["norm_2"]),
        ("pool_1", ["dropout_1"]),
        ("conv_3", ["norm_3"]),
        ("conv_4", ["norm_4", "pool_2", "dropout_2"]),
        ("flatten", []),
        ("dense_1", ["dropout_3"]),
        # Of the same shape, but a layer that learns.
        ("dense_2", []),
        ("bucket_scores", []),
    ]


@pytest.mark.parametrize("columns", [None, 3])
def test_blocks_are_to_scale_and_named(columns):
    figure = network_figure(layers_of(build_network()), columns)
    drawn = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    heights = [patch.get_height() / HEIGHT for patch in drawn]
    wanted = [1, 104 / 110, 97 / 110, 48 / 110, 46 / 110, 45 / 110, 1, (300 / 4500) ** 0.5, (300 / 4500) ** 0.5]
    assert heights == pytest.approx([*wanted, (18 / 4500) ** 0.5])
    widths = [patch.get_width() / WIDTH for patch in drawn[:6]]
    assert widths == pytest.approx([(4 / 250) ** 0.5, 1, 1, 1, 1, (100 / 250) ** 0.5])
    said = texts(figure)
    assert [text for text in said if text.startswith("kernel")] == ["kernel 7", "kernel 8", "kernel 3", "kernel 2"]
    assert {"110 × 4", "4,500", "+ BatchNorm", "+ MaxPooling1D 1", "+ Dropout 0.3", "1,350,300 parameters"} <= set(said)
    # Arrows between the blocks, and into and out of the rows.
    assert said.count("") == 9 + (0 if columns is None else 3)


@pytest.mark.parametrize("columns", [None, 3])
def test_nothing_overlaps_and_nothing_is_cut_off(columns):
    figure = network_figure(layers_of(build_network()), columns)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    width, height = figure.get_size_inches() * figure.dpi
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for box in boxes)
    overlapping = [
        (first, second)
        for number, first in enumerate(boxes)
        for second in boxes[number + 1 :]
        if first.x0 < second.x1 and second.x0 < first.x1 and first.y0 < second.y1 - 1 and second.y0 < first.y1 - 1
    ]
    assert not overlapping


def test_what_was_written_is_read_for_the_same_settings_only(folder):
    config = load_config(REPORT)
    layers = read_network(Run(config, "softmax", Layout.of(config)), folder / "network.json")
    assert layers == layers_of(build_network("softmax"))
    with pytest.raises(ValueError, match=r"'first_activation': 'softmax'.* but run 'relu' has .*'relu'.*step network"):
        read_network(Run(config, "relu", Layout.of(config)), folder / "network.json")
    assert table_cells(layers)[1][1][0] == "Conv1D (softmax)"
    assert json.loads((folder / "network.json").read_text())["settings"]["dropout_scale"] == 1
    assert table_markdown(layers) == (folder / "network.md").read_text()
