"""``python -m training compare-sources``."""

from __future__ import annotations

from pathlib import Path

import click

from training.cli.options import FOLDER, Settings, path_option, settings_options
from training.data.assay import Assay
from training.data.compare_sources import as_yaml
from training.data.compare_sources import compare_sources as compare
from yeastpromoter.cli.options import figure_format_option


@click.command("compare-sources")
@settings_options
@click.option(
    "--reference",
    help="Source whose calibrated values all others are brought to.  [default: the first of each pair]",
)
@path_option("output", "data/compared_sources", FOLDER)
@figure_format_option
def compare_sources(settings: Settings, reference: str | None, output: Path | None, figure_format: str) -> None:
    """Propose calibrations, from the sequences that two sources measured.

    Prints, for each pair of sources that share at least 30 sequences, the line of YAML to put under the second one: it
    brings that source's values to the calibrated values of the first. Noise in both does not flatten it. The output
    folder gets a figure of each pair and lines.json.
    """
    output = output or settings.layout.compared_sources
    lines = compare(
        settings.config["data"], output, settings.layout.files, reference, figure_format, Assay.of(settings.config)
    )
    click.echo("\n\n".join(map(as_yaml, lines)))
