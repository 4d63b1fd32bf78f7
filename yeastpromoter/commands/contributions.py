"""``python -m yeastpromoter contributions``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
import h5py
import numpy as np
import pandas as pd
from tqdm import tqdm

from yeastpromoter.commands.errors import refuse_if_given
from yeastpromoter.commands.sequence_input import open_sequences, sequence_file_options
from yeastpromoter.construct import CONSTRUCT_LENGTH
from yeastpromoter.contributions import (
    INSERT,
    METHODS,
    STEPS,
    at_sequence,
    integrated_gradients,
    uniform_baseline,
)
from yeastpromoter.encoding import ALPHABET
from yeastpromoter.entry import TrainedNetwork, load_trained_network
from yeastpromoter.figure_style import file_name
from yeastpromoter.sequence_files import Batch
from yeastpromoter.whole_files import whole_file, whole_table

if TYPE_CHECKING:
    from collections.abc import Callable

#: Sequences that are in memory at once.
_BLOCK = 256

_PARTS = np.full(CONSTRUCT_LENGTH, "adapter", dtype=object)
_PARTS[INSERT] = "insert"


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
@click.option("--hdf5", type=click.Path(dir_okay=False, path_type=Path), help="HDF5 file to write.")
@click.option("--table", type=click.Path(dir_okay=False, path_type=Path), help="Table to write (.tsv, or .tsv.gz).")
@click.option(
    "--figures", type=click.Path(file_okay=False, path_type=Path), help="Folder for a logo (PNG) of each sequence."
)
def contributions(
    method: str, steps: int, hdf5: Path | None, table: Path | None, figures: Path | None, **reading: Any
) -> None:
    """How much each base of the sequences in SEQUENCE_FILE adds to their predicted expression.

    SEQUENCE_FILE is FASTA, a table (tabs or commas) or one sequence per line, plain, gzip or bgzip. Contributions are
    in buckets, the unit of expression (0 to 17): positive where the base raises it. Every sequence gets them for the
    whole construct of 110 bp, adapters included and marked. Hypothetical contributions are those that the other bases
    would have in that place.

    The table has one row for each position: id, record (its number in the input, from 0), position (from 1 at the first
    base of the construct; 18 to 97 are the insert), part (adapter or insert), base, contribution, and hypothetical_A to
    hypothetical_T. The HDF5 file has the datasets id, record, length, construct, expression, contributions (sequence,
    position), hypothetical (sequence, position, base in the order A, C, G, T) and, of integrated gradients,
    baseline_expression and remainder.

    \b
    Example:
      python -m yeastpromoter contributions promoters.fa --table contributions.tsv --figures logos
    """  # noqa: D301 - click wants the backspace itself
    if hdf5 is None and table is None and figures is None:
        raise click.UsageError("nothing to write: give at least one of --hdf5, --table and --figures")
    if method != "integrated_gradients":
        refuse_if_given("--steps", f"goes with --method integrated_gradients, not with {method}")
    sequences = open_sequences(**reading)
    trained = load_trained_network()
    run = trained.compiled()
    arguments = {"steps": steps} if method == "integrated_gradients" else {}
    worst = 0.0
    with ExitStack() as stack:
        writers: list[Callable[[_Block], None]] = []
        if hdf5 is not None:
            file = stack.enter_context(h5py.File(stack.enter_context(whole_file(hdf5)), "w"))
            writers.append(_Hdf5(file, len(sequences), trained, method, arguments))
        if table is not None:
            writers.append(_Table(stack.enter_context(whole_table(table))))
        if figures is not None:
            figures.mkdir(parents=True, exist_ok=True)
            writers.append(_Figures(figures, method))
        bar = stack.enter_context(tqdm(total=len(sequences), unit="sequence", disable=None))
        for first in range(0, len(sequences), _BLOCK):
            indices = np.arange(first, min(first + _BLOCK, len(sequences)))
            block = _Block(trained, run, sequences.read(indices), first, method, arguments)
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
        run: Callable,
        batch: Batch,
        first: int,
        method: str,
        arguments: dict[str, Any],
    ) -> None:
        self.batch = batch
        self.rows = slice(first, first + len(batch.ids))
        self.constructs = batch.encoded()
        self.expression = trained.decode(run(self.constructs))
        self.hypothetical = METHODS[method](trained, self.constructs, **arguments)
        self.contributions = at_sequence(self.hypothetical, self.constructs)
        self.baseline_expression = np.full(len(batch.ids), np.nan)
        if METHODS[method] is integrated_gradients:
            self.baseline_expression = trained.decode(run(uniform_baseline(self.constructs)))
        self.remainder = self.contributions.sum(axis=1) - (self.expression - self.baseline_expression)


class _Hdf5:
    """All of it, an array a quantity."""

    def __init__(self, file: h5py.File, count: int, trained: TrainedNetwork, method: str, arguments: dict) -> None:
        self._file = file
        file.attrs.update(
            {
                "method": method,
                "unit": "buckets (expression, 0 to 17)",
                "bases": ALPHABET,
                "insert": [INSERT.start, INSERT.stop],
                "weights_version": trained.weights_version,
                **arguments,
            }
        )
        text = h5py.string_dtype()
        for name, dtype, shape in (
            ("id", text, ()),
            ("record", np.int64, ()),
            ("length", np.int64, ()),
            ("construct", f"S{CONSTRUCT_LENGTH}", ()),
            ("expression", np.float32, ()),
            ("contributions", np.float32, (CONSTRUCT_LENGTH,)),
            ("hypothetical", np.float32, (CONSTRUCT_LENGTH, len(ALPHABET))),
        ):
            file.create_dataset(name, (count, *shape), dtype)
        if method == "integrated_gradients":
            for name in ("baseline_expression", "remainder"):
                file.create_dataset(name, (count,), np.float32)

    def __call__(self, block: _Block) -> None:
        batch = block.batch
        values = {"id": batch.ids.astype(object), "record": batch.records, "length": batch.lengths}
        values["construct"] = np.ascontiguousarray(batch.constructs).view(f"S{CONSTRUCT_LENGTH}")[:, 0]
        for name, dataset in self._file.items():
            dataset[block.rows] = values[name] if name in values else getattr(block, name)


class _Table:
    """A row for each position of each construct."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._header = True

    def __call__(self, block: _Block) -> None:
        batch, count = block.batch, len(block.batch.ids)
        table = pd.DataFrame(
            {
                "id": np.repeat(batch.ids, CONSTRUCT_LENGTH),
                "record": np.repeat(batch.records, CONSTRUCT_LENGTH),
                "position": np.tile(np.arange(1, CONSTRUCT_LENGTH + 1), count),
                "part": np.tile(_PARTS, count),
                "base": batch.constructs.view("S1").ravel().astype(str),
                "contribution": block.contributions.ravel(),
            }
        )
        for column, base in enumerate(ALPHABET):
            table[f"hypothetical_{base}"] = block.hypothetical[:, :, column].ravel()
        table["base"] = table["base"].str.upper()
        table.to_csv(self._file, sep="\t", index=False, header=self._header, float_format="%.6g", na_rep="NaN")
        self._header = False


class _Figures:
    """A logo for each sequence."""

    def __init__(self, folder: Path, method: str) -> None:
        self._folder, self._method = folder, method

    def __call__(self, block: _Block) -> None:
        from yeastpromoter.contribution_figure import contribution_logo

        for row, (name, record) in enumerate(zip(block.batch.ids, block.batch.records, strict=True)):
            title = f"{name}: predicted expression {block.expression[row]:.2f} ({self._method.replace('_', ' ')})"
            figure = contribution_logo(block.contributions[row], block.constructs[row], title)
            with whole_file(self._folder / file_name(int(record), str(name), "png")) as path:
                figure.savefig(path, dpi=150, format="png")
