"""``yeastpromoter predict``: the expression of sequences."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from yeastpromoter.cli.errors import refuse_if_given
from yeastpromoter.cli.files import FIGURE, ROWS, InputFile
from yeastpromoter.cli.options import ROW_FORMATS, entry_folder, entry_option, interval_option, threads_option
from yeastpromoter.cli.sequence_input import HEADERS, SequenceArgument, file_of, reading_options, say_notes
from yeastpromoter.extras import require
from yeastpromoter.io.interval_files import IntervalFile, open_sequences
from yeastpromoter.io.row_files import Columns, check_can_write, text_rows, whole_rows
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.plots.scan import MOST_SCANS, draw_scans
from yeastpromoter.plots.style import save_figure
from yeastpromoter.predictor import BOUND_COLUMNS, Predicted, Predictor, bucket_columns
from yeastpromoter.sequence.construct_rules import RulesByLength
from yeastpromoter.sequence.reporter import Reporter
from yeastpromoter.sequence.scanning import PromoterRules

#: Rows that a terminal shows.
SHOWN = 20

#: Letters of an id that a terminal shows.
_WIDEST_ID = 40


@click.command()
@click.argument("sequences", nargs=-1, type=SequenceArgument())
@click.option(
    "-o",
    "--output",
    type=ROWS,
    help=f"File to write, in the format of its name: {ROW_FORMATS}.  [default: the first {SHOWN} rows on a "
    "terminal; all rows, separated by tabs, where standard output is a file or a pipe]",
)
@click.option("--intervals", type=InputFile(), help="BED file of intervals to predict, in place of SEQUENCES.")
@click.option("--genome", "fasta_file", type=InputFile(), help="FASTA of the genome that the intervals are cut from.")
@reading_options(None)
@click.option(
    "--keep-columns", is_flag=True, help="Write the columns of the table that is read, too, before the others."
)
@click.option("--bucket-scores", is_flag=True, help="Write the scores of the buckets, too: bucket_00 to bucket_17.")
@click.option("--scan", is_flag=True, help="Predict every tile of longer promoters, as long as an insert.")
@click.option(
    "--step",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="With --scan, the distance in bp from one tile to the next; the end is always in a tile.",
)
@click.option("--figure", type=FIGURE, help=f"With --scan, figure to write, of at most {MOST_SCANS} sequences.")
@interval_option(
    "Write a prediction interval, too, such as 90: lower and upper, between which that percentage of the measurements "
    "of promoters like those of the training data lies; and flag, which says what is unlike the training data."
)
@entry_option
@threads_option
def predict(
    sequences: tuple[Path | str, ...],
    output: Path | None,
    intervals: Path | None,
    fasta_file: Path | None,
    keep_columns: bool,
    bucket_scores: bool,
    scan: bool,
    step: int,
    figure: Path | None,
    interval: int | None,
    threads: int | None,
    **reading,
) -> None:
    """Predict the expression of SEQUENCES: a file, "-" for standard input, or sequences typed here.

    A file is FASTA, a table (tabs or commas) or one sequence per line, plain, gzip or bgzip. Sequences are written 5'
    to 3' toward the reporter gene: whole constructs (110 bp, with both adapters) or inserts (80 bp), which get the
    adapters. In a file they are constructs unless --sequence-type says otherwise, and intervals are inserts. Typed
    sequences and standard input are what the length of the first one says.

    \b
    Examples:
      yeastpromoter predict model_files/example/promoters.fa
      yeastpromoter predict inserts.csv --sequence-type insert --sequence-column seq -o out.csv --keep-columns
      yeastpromoter predict --intervals tiles.bed --genome genome.fa -o tiles.tsv
      zcat promoters.fa.gz | yeastpromoter predict - > predictions.tsv
      yeastpromoter predict promoter_500bp.fa --scan --step 10 -o scan.tsv --figure scan.png

    There is a row for each sequence, in the order of the input: id, record (its number in the input, from 0; without
    ids it is the id, too) and expression: the mean sorting bucket, on a scale from 0 to 17. HDF5 has a data set for
    each column.

    With --scan there is a row for each tile of 80 bp of each sequence, with position: that of the first base of the
    tile, from 1. Tiles are on the strand that is given, and each is predicted as an insert between the adapters: what
    it would do in the reporter, not what the whole promoter does. The expression of a tile of nothing but N is
    missing.

    Input is checked as a whole before the first prediction, then read, predicted and written in blocks: memory does
    not grow with the number of sequences, but for 8 bytes each.
    """  # noqa: D301 - the backspace is for click: it keeps the lines of the examples apart
    if bool(intervals) != bool(fasta_file):
        raise click.UsageError("--intervals and --genome go together: a BED file and the FASTA of its genome")
    if bool(sequences) == bool(intervals):
        raise click.UsageError(
            'give the sequences: a file, "-" for standard input, typed sequences, or --intervals and --genome'
            if not sequences
            else "SEQUENCES and --intervals are given, but only one of them can be predicted at once"
        )
    if scan:
        for option in ("--sequence-type", "--other-lengths"):
            refuse_if_given(option, "does not go with --scan, which takes sequences of any length from that of a tile")
        refuse_if_given("--keep-columns", "does not go with --scan, which gives each sequence many rows")
    else:
        for option in ("--step", "--figure"):
            refuse_if_given(option, "goes with --scan, which is not given")
    if output:
        check_can_write(output)
    if figure:
        require("figures")
    predictor = Predictor(entry_folder(), threads=threads)
    if interval is not None:
        predictor.check_interval(interval)
    with _open(sequences, intervals, fasta_file, scan, reading | {"reporter": predictor.reporter}) as file:
        written = {*(bucket_columns(len(predictor.bucket_values)) if bucket_scores else ())}
        written |= {*(BOUND_COLUMNS if interval is not None else ())}
        names = _kept_names(file, written) if keep_columns else []
        if figure and len(file) > MOST_SCANS:
            raise ValueError(f"--figure shows at most {MOST_SCANS} sequences, but there are {len(file):,}")
        blocks = (
            predictor.scan_blocks(file, step, bucket_scores, interval)
            if scan
            else predictor.file_blocks(file, bucket_scores, interval)
        )
        report = _Scans(keep_rows=figure is not None) if scan else _Rows(interval)
        flagged = 0
        done, began = 0, time.perf_counter()
        # Without a terminal there is no bar.
        with (
            _writer(output, predictor, interval) as write,
            tqdm(total=len(file), unit=" sequences", disable=None) as bar,
        ):
            for block in blocks:
                columns = block.columns()
                report.add(block)
                flagged += sum(map(bool, block.bounds.flags)) if block.bounds else 0
                stop = done + block.expression.size
                if names:
                    kept = dict(zip(names, file.read_columns(np.arange(done, stop)), strict=True))
                    columns = kept | {name: values for name, values in columns.items() if name not in kept}
                write(columns)
                done = stop
                bar.update((int(block.records[-1]) if scan else done) - bar.n)
            bar.update(len(file) - bar.n)
        seconds = time.perf_counter() - began
        if figure:
            save_figure(draw_scans(report.kept, predictor.reporter.insert_length), figure)
    report.show(in_file=output is not None)
    what = "tiles" if scan else "sequences"
    if flagged:
        click.echo(
            f"Note: {flagged:,} of {done:,} {what} are unlike the training data, so their intervals promise nothing: "
            "see the column flag",
            err=True,
        )
    click.echo(f"{done:,} {what} in {seconds:.1f} s, {done / max(seconds, 1e-9):,.0f} a second", err=True)
    for path in filter(None, (output, figure)):
        click.echo(f"Written: {path}", err=True)


def is_terminal() -> bool:
    """Whether what a command prints is read by a person, not by a program or from a file."""
    return sys.stdout.isatty()


@contextmanager
def _open(
    sequences: Sequence[Path | str], intervals: Path | None, fasta_file: Path | None, scan: bool, reading: dict
) -> Iterator[SequenceFile | IntervalFile]:
    reporter: Reporter = reading["reporter"]
    reading = reading | {"header": HEADERS[reading["header"]]}
    with ExitStack() as stack:
        path, name = (intervals, None) if intervals else stack.enter_context(file_of(sequences))
        if scan:
            reading["rules"] = PromoterRules(reporter, reading["check_adapters"])
        elif name and reading["sequence_type"] is None and reading["other_lengths"] == "error":
            reading["rules"] = RulesByLength(reporter, reading["check_adapters"])
        file = open_sequences(path, fasta_file, **reading)
        say_notes([note.replace(str(path), name) if name else note for note in file.notes])
        yield file


def _kept_names(file: SequenceFile | IntervalFile, written: set[str]) -> list[str]:
    """Names of the columns of the table, which are kept: ``id``, if there is one, in place of what would be written.

    `written` are those beside record and expression that are.
    """
    names = file.columns if isinstance(file, SequenceFile) else []
    if not names:
        raise ValueError(f"{file.path}: is not a table, so it has no columns for --keep-columns")
    written = written | {"record", "expression"}
    twice = next((name for name in names if name in written or names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"{file.path}: with --keep-columns there would be two columns {twice!r} in what is written: rename the "
            "column of the table, or leave out --keep-columns"
        )
    return names


@contextmanager
def _writer(output: Path | None, predictor: Predictor, interval: int | None) -> Iterator[Callable[[Columns], None]]:
    if output:
        low, high = predictor.bucket_values[0], predictor.bucket_values[-1]
        attributes = {"weights_version": predictor.weights_version}
        attributes["expression"] = f"predicted mean sorting bucket, on a scale from {low:g} to {high:g}"
        attributes |= {} if interval is None else {"interval": f"lower and upper: {interval} % prediction interval"}
        with whole_rows(output, attributes) as write:
            yield write
    elif is_terminal():
        yield lambda columns: None  # the first ones are shown when all are known
    else:
        yield text_rows(sys.stdout)


class _Summary:
    """Count, mean, smallest and largest of numbers that come in blocks; missing ones are counted apart."""

    def __init__(self) -> None:
        self.count = self.missing = 0
        self._sum, self.lowest, self.highest = 0.0, np.inf, -np.inf

    def add(self, values: np.ndarray) -> None:
        known = values[~np.isnan(values)]
        self.missing += values.size - known.size
        self.count += known.size
        if known.size:
            self._sum += float(known.sum())
            self.lowest, self.highest = min(self.lowest, known.min()), max(self.highest, known.max())

    @property
    def mean(self) -> float:
        return self._sum / self.count if self.count else np.nan

    def __str__(self) -> str:
        if not self.count:
            return "no expression is known"
        return f"expression mean {self.mean:.3f}, min {self.lowest:.3f}, max {self.highest:.3f}"


class _Rows:
    """What a terminal shows of predicted sequences, with prediction intervals of a level if there is one."""

    def __init__(self, interval: int | None) -> None:
        self._header = ("id", "expression") if interval is None else ("id", "expression", f"{interval} % interval", "")
        self._first: list[tuple[str, ...]] = []
        self._summary = _Summary()

    def add(self, block: Predicted) -> None:
        """Take note of a block."""
        self._summary.add(block.expression)
        left = SHOWN - len(self._first)
        shown = [block.ids[:left].tolist(), [f"{value:.3f}" for value in block.expression[:left].tolist()]]
        if block.bounds:
            lower, upper, flags = (values[:left] for values in block.bounds)
            shown += [[f"{low:.1f} to {high:.1f}" for low, high in zip(lower, upper, strict=True)], flags]
        self._first += zip(*shown, strict=True)

    def show(self, in_file: bool) -> None:
        """Show the first rows if nothing else shows them, and the summary."""
        total = self._summary.count + self._summary.missing
        if not in_file and is_terminal():
            # Flags are text, so they begin below one another.
            widest = max((len(row[3]) for row in self._first if len(row) > 3), default=0)
            print_table(self._header, [(*row[:3], *(text.ljust(widest) for text in row[3:])) for row in self._first])
            if total > len(self._first):
                click.echo(f"… and {total - len(self._first):,} more: -o predictions.tsv writes all of them")
        click.echo(f"{total:,} sequence{'s' * (total != 1)}: {self._summary}", err=True)
        if self._summary.missing:
            click.echo(
                f"Note: the bucket scores of {self._summary.missing:,} sequences cancel one another, so their "
                "expression is missing",
                err=True,
            )


class _Scans:
    """What a terminal shows of scanned promoters, and what a figure needs of them."""

    def __init__(self, keep_rows: bool) -> None:
        self._keep_rows = keep_rows
        self._scans: dict[int, _Scan] = {}
        self._sequences = 0
        self._last = -1
        self._missing = 0

    @property
    def kept(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Id, positions and expression of each sequence."""
        return [(scan.name, *map(np.concatenate, zip(*scan.rows, strict=True))) for scan in self._scans.values()]

    def add(self, block: Predicted) -> None:
        """Take note of a block."""
        self._missing += int(np.isnan(block.expression).sum())
        starts = np.flatnonzero(np.diff(block.records, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], block.records.size], strict=True):
            record = int(block.records[start])
            self._sequences += record != self._last
            self._last = record
            if record not in self._scans:
                if len(self._scans) >= SHOWN:
                    continue
                self._scans[record] = _Scan(str(block.ids[start]))
            rows = block.positions[start:stop], block.expression[start:stop]
            self._scans[record].add(*rows)
            if self._keep_rows:
                self._scans[record].rows.append(rows)

    def show(self, in_file: bool) -> None:
        """Show the mean and the best tile of the first sequences."""
        rows = [
            (scan.name, f"{scan.tiles:,}", f"{scan.summary.mean:.3f}", f"{scan.summary.highest:.3f}", f"{scan.best:,}")
            if scan.summary.count
            else (scan.name, f"{scan.tiles:,}", "", "", "")
            for scan in self._scans.values()
        ]
        to_stderr = not in_file and not is_terminal()  # the rows are on standard output
        print_table(("id", "tiles", "mean", "best", "position of best"), rows, to_stderr)
        if self._sequences > len(rows):
            click.echo(f"… and {self._sequences - len(rows):,} more sequences", err=to_stderr)
        if not in_file and is_terminal():
            click.echo("-o scan.tsv writes the expression of every tile")
        if self._missing:
            click.echo(f"Note: {self._missing:,} tiles hold nothing but N, so their expression is missing", err=True)


@dataclass
class _Scan:
    name: str
    tiles: int = 0
    best: int = 0
    summary: _Summary = field(default_factory=_Summary)
    rows: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, positions: np.ndarray, expression: np.ndarray) -> None:
        before = self.summary.highest
        self.tiles += positions.size
        self.summary.add(expression)
        if self.summary.highest > before:
            self.best = int(positions[np.nanargmax(expression)])


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], err: bool = False) -> None:
    """Print a table with aligned columns, the first to the left and the others, numbers, to the right."""
    cells = [[row[0] if len(row[0]) <= _WIDEST_ID else row[0][: _WIDEST_ID - 1] + "…", *row[1:]] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for row in (header, *cells):
        first, *others = row
        numbers = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        click.echo("  ".join([f"{first:<{widths[0]}}", *numbers]), err=err)
