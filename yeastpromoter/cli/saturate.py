"""``yeastpromoter saturate``: the effect of every substitution in every sequence of a file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import click
import numpy as np
from tqdm import tqdm

from yeastpromoter.cli.files import HDF5, TABLE
from yeastpromoter.cli.options import check_figures, entry_folder, entry_option, figures_options, interval_option
from yeastpromoter.cli.sequence_input import open_sequences, region_option, sequence_file_options
from yeastpromoter.interpret.region_files import RegionHdf5, region_letters
from yeastpromoter.interpret.saturation import BATCH_SIZE, Saturation, saturation_mutagenesis
from yeastpromoter.interpret.saturation_files import DELETIONS, QUANTITIES, table_header, table_rows
from yeastpromoter.io.sequence_files import Batch
from yeastpromoter.io.whole_files import whole_hdf5, whole_table
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network
from yeastpromoter.model.shipped import shipped_reporter
from yeastpromoter.plots.saturation import draw_saturation
from yeastpromoter.plots.style import file_name, save_figure
from yeastpromoter.sequence.reporter import Reporter


@click.command()
@sequence_file_options
@click.option("--table", type=TABLE, help="Table to write (.tsv, or .tsv.gz), of all changes.")
@click.option("--hdf5", type=HDF5, help="HDF5 file to write, of all effects.")
@figures_options("Folder for a figure of each sequence.")
@region_option
@click.option(
    "--deletions/--no-deletions", default=False, show_default=True, help="Take out each single base of the region, too."
)
@interval_option(
    "With --table, write a prediction interval of each effect, too, such as 90: effect_lower and effect_upper, for the "
    "difference of two measurements. It is approximate and likely too wide, as it comes from overlapping tiles of the "
    "genome, and has one width for all effects in a sequence."
)
@entry_option
def saturate(
    table: Path | None,
    hdf5: Path | None,
    figures: Path | None,
    figure_format: str,
    region: str,
    deletions: bool,
    interval: int | None,
    **reading,
) -> None:
    """Predict the effect of every substitution in every sequence of SEQUENCE_FILE.

    SEQUENCE_FILE is FASTA, a table (tabs or commas) or one sequence per line, plain, gzip or bgzip: what the
    dataloader of the Kipoi model reads, with its options. Sequences are written 5' to 3' toward the reporter gene.

    An effect is always alt − ref: the expression with the change minus the expression without it. Its unit is a
    bucket, a step on the expression scale from 0 to 17.

    \b
    Example:
      yeastpromoter saturate model_files/example/promoters.fa \\
          --table effects.tsv --hdf5 effects.h5 --figures figures --deletions

    The table has one row for each change: id, record (its number in the input, from 0), position, ref, alt,
    ref_expression, alt_expression, effect_alt_minus_ref. Positions are those of `contributions`: in the insert,
    counted from 1 at its first base, with either region; the left adapter has -16 to 0, the right one 81 to 93. The
    insert of a sequence that was fitted to 110 bp is bases 18 to 97 of the construct that it was fitted to. Where an N
    stands there are four substitutions, and ref is what the network makes of an N. A deletion has the alt "-".

    A deletion leaves 109 bp. The construct is brought to 110 bp again by the plasmid's base before the left adapter,
    so that what lies between the deletion and the reporter gene stays in place and the rest moves one base toward it.
    Where a sequence was fitted from another length that base is not known to be next, and deletions are refused.

    The HDF5 file has the datasets id, record, length, sequence, position (that of each column), reference
    (expression), effects (sequence, position, base in the order A, C, G, T; 0 for the base that stands there) and
    deletions (sequence, position), each with a description.

    A figure shows a logo (letters up: bases that raise expression, by minus the mean of their three effects) over a
    heat map of all effects. It takes about a second.

    Sequences are worked through in batches, in the order of the input, so memory (about 0.5 GB) does not grow with
    their number. 100,000 inserts are 24 million substitutions: about 17 minutes on 2 cores, 28 with
    --deletions, for 1.1 GB of table (0.3 GB as .tsv.gz) or 0.14 GB of HDF5.
    """  # noqa: D301 - the backspace is for click: it keeps the lines of the example apart
    if not (table or hdf5 or figures):
        raise click.UsageError("nothing would be written: give at least one of --table, --hdf5 and --figures")
    if interval is not None and not table:
        raise click.UsageError("--interval goes with --table, which is not given")
    check_figures(figures)
    sequences = open_sequences(**reading)
    if deletions and sequences.n_fitted:
        raise ValueError(
            f"{sequences.path}: {sequences.n_fitted:,} of {sequences.n_records:,} sequences are fitted to 110 bp, and "
            "which base follows them on the left after a deletion is not known. Leave out --deletions, or those "
            "sequences (--other-lengths drop)"
        )
    with ExitStack() as stack:
        writers = []
        if table:
            table_file = stack.enter_context(whole_table(table))
        if hdf5:
            file = stack.enter_context(whole_hdf5(hdf5))
        if figures:
            figures.mkdir(parents=True, exist_ok=True)
            writers.append(_figure_writer(figures, figure_format, region, shipped_reporter(entry_folder())))
        trained = load_trained_network(entry_folder())
        if table:
            writers.append(_table_writer(table_file, region, trained, interval))
        if hdf5:
            quantities = QUANTITIES | (DELETIONS if deletions else {})
            hdf5_file = RegionHdf5(file, len(sequences), region, trained.reporter, trained.weights_version, quantities)
            writers.append(lambda batch, result: hdf5_file.write(batch, vars(result)))
        # Without a terminal there is no bar.
        with tqdm(total=len(sequences), unit=" sequences", disable=None) as bar:
            for first in range(0, len(sequences), BATCH_SIZE):
                batch = sequences.read(np.arange(first, min(first + BATCH_SIZE, len(sequences))))
                result = saturation_mutagenesis(trained, batch.constructs, region, deletions)
                for write in writers:
                    write(batch, result)
                bar.update(len(batch.ids))
    written = ", ".join(str(path) for path in (table, hdf5, figures) if path)
    click.echo(f"Effects (alt − ref) of all changes in {len(sequences):,} sequences are in {written}", err=True)


def _table_writer(file: TextIO, region: str, trained: TrainedNetwork, interval: int | None):
    calibration = None if interval is None else trained.need_calibration(interval, effects=True)
    file.write(table_header(intervals=calibration is not None))

    def write(batch: Batch, result: Saturation) -> None:
        half_widths = None
        if calibration is not None:
            scale = calibration.scales(trained.signals(batch.constructs))
            half_widths = calibration.effect_half_widths(scale, scale, interval)
        file.writelines(table_rows(batch, region, trained.reporter, result, half_widths))

    return write


def _figure_writer(folder: Path, suffix: str, region: str, reporter: Reporter):
    def write(batch: Batch, result: Saturation) -> None:
        for n, bases in enumerate(region_letters(batch.constructs, region, reporter)):
            deletions = None if result.deletions is None else result.deletions[n]
            sequence, name = bases.tobytes().decode("ascii"), str(batch.ids[n])
            figure = draw_saturation(reporter, sequence, result.effects[n], deletions, result.reference[n], name)
            save_figure(figure, folder / file_name(int(batch.records[n]), str(batch.ids[n]), suffix))

    return write
