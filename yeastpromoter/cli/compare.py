"""``yeastpromoter compare``: what the differences between two sequences do."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from yeastpromoter.cli.files import ROWS
from yeastpromoter.cli.options import ROW_FORMATS, check_adapters_option, entry_folder, entry_option, interval_option
from yeastpromoter.cli.predict import print_table
from yeastpromoter.cli.sequence_input import SequenceArgument, file_of, say_notes
from yeastpromoter.interpret.differences import compare_constructs
from yeastpromoter.io.row_files import check_can_write, whole_rows
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network
from yeastpromoter.sequence.construct_rules import RulesByLength
from yeastpromoter.sequence.reporter import Reporter


@click.command()
@click.argument("a", type=SequenceArgument())
@click.argument("b", type=SequenceArgument())
@click.option("-o", "--output", type=ROWS, help=f"File to write: {ROW_FORMATS}.")
@check_adapters_option
@interval_option("Show the prediction intervals of A, B and B − A, too, such as 90; that of B − A is approximate.")
@entry_option
def compare(a: Path | str, b: Path | str, output: Path | None, check_adapters: bool, interval: int | None) -> None:
    """Predict what each difference between the sequences A and B does.

    A and B are typed sequences, or files of a single record, each an insert (80 bp) or a construct (110 bp). They are
    compared base by base: nothing is aligned, so a base that is taken out or put in makes all others differ.

    For each difference there is a row: its position in the insert, from 1 at its first base (the left adapter has -16
    to 0, the right one 81 to 93), the bases in A and in B, and the effect of the change from A's base to B's, alone:

    \b
      effect_in_a  expression of A with this base of B, minus that of A
      effect_in_b  expression of B, minus that of B with this base of A

    Were the effects independent of one another, both columns would agree, and each would sum to the expression of B
    minus that of A.
    """  # noqa: D301 - the backspace is for click: it keeps the lines apart
    if output:
        check_can_write(output)
    trained = load_trained_network(entry_folder())
    first, second = (_construct(argument, check_adapters, trained.reporter) for argument in (a, b))
    if interval is not None:
        trained.need_calibration(interval, effects=True)
    found = compare_constructs(trained.expression, first, second, trained.reporter)
    columns = {
        "position": found.positions,
        "a": list(found.bases_a),
        "b": list(found.bases_b),
        "effect_in_a": found.effects_in_a,
        "effect_in_b": found.effects_in_b,
    }
    if output:
        with whole_rows(output, {"weights_version": trained.weights_version}) as write:
            write(columns)
    if not found.positions.size:
        click.echo(f"A and B are the same construct, of expression {found.expression_a:.3f}")
    else:
        rows = [
            (str(position), base_a, base_b, f"{in_a:+.3f}", f"{in_b:+.3f}")
            for position, base_a, base_b, in_a, in_b in zip(*columns.values(), strict=True)
        ]
        sums = (f"{effects.sum():+.3f}" for effects in (found.effects_in_a, found.effects_in_b))
        print_table(("position", "A", "B", "effect in A", "effect in B"), [*rows, ("sum", "", "", *sums)])
        total = found.expression_b - found.expression_a
        click.echo(f"Expression: A {found.expression_a:.3f}, B {found.expression_b:.3f}, B − A {total:+.3f}")
    if interval is not None:
        _show_intervals(trained, np.stack([first, second]), interval)
    if output:
        click.echo(f"Written: {output}", err=True)


def _show_intervals(trained: TrainedNetwork, constructs: np.ndarray, interval: int) -> None:
    calibration, signals = trained.need_calibration(interval, effects=True), trained.signals(constructs)
    lower, upper, flags = calibration.bounds(signals, interval)
    total = float(signals.expression[1] - signals.expression[0])
    half = float(calibration.effect_half_widths(*calibration.scales(signals), interval))
    intervals = [f"{name} {low:.1f} to {high:.1f}" for name, low, high in zip("AB", lower, upper, strict=True)]
    click.echo(
        f"{interval} % intervals: {', '.join(intervals)}, B − A about {total - half:+.1f} to {total + half:+.1f}"
    )
    for name, flag in zip("AB", flags, strict=True):
        if flag:
            click.echo(f"Note: {name} is {flag}", err=True)


def _construct(argument: Path | str, check_adapters: bool, reporter: Reporter) -> np.ndarray:
    """The construct of a typed sequence or of a file of one, `uint8` (L,)."""
    with file_of([argument]) as (path, name):
        file = SequenceFile(path, rules=RulesByLength(reporter, check_adapters))
        if len(file) != 1:
            raise ValueError(f"{file.path}: has {len(file):,} sequences, but must have one to be compared")
        say_notes([note.replace(str(path), name) if name else note for note in file.notes])
        return file.read([0]).constructs[0]
