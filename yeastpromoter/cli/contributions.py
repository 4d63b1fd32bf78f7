"""``yeastpromoter contributions``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
import numpy as np
from tqdm import tqdm

from yeastpromoter.cli.errors import refuse_if_given
from yeastpromoter.cli.files import HDF5, TABLE
from yeastpromoter.cli.options import check_figures, entry_folder, entry_option, figures_options
from yeastpromoter.cli.sequence_input import open_sequences, region_option, sequence_file_options
from yeastpromoter.extras import require
from yeastpromoter.interpret.contributions import METHODS, STEPS, at_sequence, integrated_gradients, uniform_baseline
from yeastpromoter.interpret.region_files import RegionHdf5, region_letters
from yeastpromoter.io.sequence_files import Batch
from yeastpromoter.io.whole_files import whole_hdf5, whole_table
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network
from yeastpromoter.plots.style import file_name, save_figure
from yeastpromoter.sequence.encoding import ALPHABET, letters_of
from yeastpromoter.sequence.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

#: Sequences that are in memory at once.
_BLOCK = 256

_UNIT = "buckets (expression, 0 to 17)"

#: What an HDF5 file holds, for `yeastpromoter.interpret.region_files.RegionHdf5`: attributes of a `_Block`.
_QUANTITIES = {
    "expression": ("", "predicted expression, 0 to 17"),
    "contributions": ("l", "(sequence, position): what the base there adds to the expression, in buckets"),
    "hypothetical": ("lb", "(sequence, position, base): what each base would add in that place, in buckets"),
}
_OF_THE_PATH = {
    "baseline_expression": ("", "expression of the baseline: the adapters, and N in the insert"),
    "remainder": ("", "sum of the contributions of the whole construct − (expression − baseline expression), buckets"),
}


@click.command()
@sequence_file_options
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default="gradient_x_input",
    show_default=True,
    help="gradient_x_input: gradient minus its mean over the four bases. integrated_gradients: the same averaged on "
    "the way from an insert of N; contributions sum to the difference of the two expressions; slower.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=STEPS,
    show_default=True,
    help="Points of the integral; only with --method integrated_gradients.",
)
@click.option("--hdf5", type=HDF5, help="HDF5 file to write.")
@click.option("--table", type=TABLE, help="Table to write (.tsv, or .tsv.gz).")
@figures_options("Folder for a logo of each sequence.")
@region_option
@entry_option
def contributions(
    method: str,
    steps: int,
    hdf5: Path | None,
    table: Path | None,
    figures: Path | None,
    figure_format: str,
    region: str,
    **reading: Any,
) -> None:
    """How much each base of the sequences in SEQUENCE_FILE adds to their predicted expression.

    SEQUENCE_FILE is FASTA, a table (tabs or commas) or one sequence per line, plain, gzip or bgzip. Contributions are
    in buckets, the unit of expression: positive where the base raises it. Hypothetical contributions are
    those that the other bases would have in that place.

    The table has one row for each position: id, record (its number in the input, from 0), position, base, contribution,
    and hypothetical_A to hypothetical_T. Positions are those of `saturate`: in the insert, counted from 1 at its first
    base, with either region; the left adapter has -16 to 0, the right one 81 to 93. The insert of a sequence that was
    fitted to 110 bp is bases 18 to 97 of the construct that it was fitted to.

    The HDF5 file has the datasets id, record, length, sequence, position (that of each column), expression,
    contributions (sequence, position), hypothetical (sequence, position, base in the order A, C, G, T) and, of
    integrated gradients, baseline_expression and remainder, each with a description.

    \b
    Example:
      yeastpromoter contributions promoters.fa --table contributions.tsv --figures logos
    """  # noqa: D301 - click wants the backspace itself
    if hdf5 is None and table is None and figures is None:
        raise click.UsageError("nothing to write: give at least one of --hdf5, --table and --figures")
    if method != "integrated_gradients":
        refuse_if_given("--steps", f"goes with --method integrated_gradients, not with {method}")
    check_figures(figures)
    require("tensorflow")
    sequences = open_sequences(**reading)
    trained = load_trained_network(entry_folder())
    arguments = {"steps": steps} if method == "integrated_gradients" else {}
    worst = 0.0
    with ExitStack() as stack:
        writers: list[Callable[[_Block], None]] = []
        if hdf5 is not None:
            file = stack.enter_context(whole_hdf5(hdf5))
            quantities = _QUANTITIES | (_OF_THE_PATH if method == "integrated_gradients" else {})
            attributes = {"method": method, "unit": _UNIT, **arguments}
            hdf5_file = RegionHdf5(
                file, len(sequences), region, trained.reporter, trained.weights_version, quantities, **attributes
            )
            writers.append(lambda block: hdf5_file.write(block.batch, vars(block)))
        if table is not None:
            writers.append(_Table(stack.enter_context(whole_table(table)), region, trained.reporter))
        if figures is not None:
            figures.mkdir(parents=True, exist_ok=True)
            writers.append(_Figures(figures, figure_format, method, region, trained.reporter))
        bar = stack.enter_context(tqdm(total=len(sequences), unit="sequence", disable=None))
        for first in range(0, len(sequences), _BLOCK):
            indices = np.arange(first, min(first + _BLOCK, len(sequences)))
            block = _Block(trained, sequences.read(indices), method, region, arguments)
            worst = max(worst, float(np.nanmax(np.abs(block.remainder), initial=0)))
            for write in writers:
                write(block)
            bar.update(len(indices))
    written = ", ".join(str(path) for path in (hdf5, table, figures) if path)
    click.echo(f"Contributions of {len(sequences):,} sequences, in buckets, are in {written}", err=True)
    if method == "integrated_gradients":
        click.echo(
            f"Largest remainder of the integral, |sum of contributions − (expression − baseline expression)|: "
            f"{worst:.3g} buckets with {steps} steps",
            err=True,
        )


class _Block:
    """Some sequences with their contributions."""

    def __init__(
        self,
        trained: TrainedNetwork,
        batch: Batch,
        method: str,
        region: str,
        arguments: dict[str, Any],
    ) -> None:
        self.batch = batch
        constructs = batch.encoded()
        self.expression = trained.expression(batch.constructs)
        hypothetical = METHODS[method](trained, constructs, **arguments)
        contributions = at_sequence(hypothetical, constructs)
        self.baseline_expression = np.full(len(batch.ids), np.nan)
        if METHODS[method] is integrated_gradients:
            self.baseline_expression = trained.expression(letters_of(uniform_baseline(constructs, trained.reporter)))
        self.remainder = contributions.sum(axis=1) - (self.expression - self.baseline_expression)
        bases = trained.reporter.bases(region)
        self.bases, self.hypothetical = constructs[:, bases], hypothetical[:, bases]
        self.contributions = contributions[:, bases]


class _Table:
    """A row for each position of each sequence."""

    def __init__(self, file: TextIO, region: str, reporter: Reporter) -> None:
        self._file, self._region, self._reporter = file, region, reporter
        self._header = True

    def __call__(self, block: _Block) -> None:
        import pandas as pd

        batch, count = block.batch, len(block.batch.ids)
        positions = self._reporter.positions(self._region)
        table = pd.DataFrame(
            {
                "id": np.repeat(batch.ids, len(positions)),
                "record": np.repeat(batch.records, len(positions)),
                "position": np.tile(positions, count),
                "base": region_letters(batch.constructs, self._region, self._reporter).view("S1").ravel().astype(str),
                "contribution": block.contributions.ravel(),
            }
        )
        for column, base in enumerate(ALPHABET):
            table[f"hypothetical_{base}"] = block.hypothetical[:, :, column].ravel()
        table.to_csv(self._file, sep="\t", index=False, header=self._header, float_format="%.6g", na_rep="NaN")
        self._header = False


class _Figures:
    """A logo for each sequence."""

    def __init__(self, folder: Path, suffix: str, method: str, region: str, reporter: Reporter) -> None:
        self._folder, self._suffix, self._method = folder, suffix, method
        self._region, self._reporter = region, reporter

    def __call__(self, block: _Block) -> None:
        from yeastpromoter.plots.contributions import contribution_logo

        for row, (name, record) in enumerate(zip(block.batch.ids, block.batch.records, strict=True)):
            title = f"{name}: predicted expression {block.expression[row]:.2f} ({self._method.replace('_', ' ')})"
            figure = contribution_logo(self._reporter, block.contributions[row], block.bases[row], title, self._region)
            save_figure(figure, self._folder / file_name(int(record), str(name), self._suffix))
