"""``yeastpromoter design``: promoters of a wanted strength."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from tqdm import tqdm

from yeastpromoter.cli.files import FASTA, FIGURE, ROWS, InputFile
from yeastpromoter.cli.options import ROW_FORMATS, entry_folder, entry_option, interval_option, threads_option
from yeastpromoter.cli.predict import is_terminal, print_table
from yeastpromoter.cli.sequence_input import open_promoters, reading_options
from yeastpromoter.design.constraints import Constraints, joined, positions_of, preset, restriction_sites
from yeastpromoter.design.designs import MOST_CHANGES, Designs, Request, fasta
from yeastpromoter.design.designs import design as search
from yeastpromoter.design.goals import HIGHEST, LOWEST, Goal, target, within
from yeastpromoter.extras import require
from yeastpromoter.io.row_files import Columns, check_can_write, text_rows, whole_rows
from yeastpromoter.io.whole_files import whole_table
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.model.shipped import shipped_reporter
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.reporter import Reporter

if TYPE_CHECKING:
    import pandas as pd

#: Designs that a terminal shows.
_SHOWN = 20


class _Numbers(click.ParamType):
    name = "numbers"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        try:
            return [float(number) for number in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 4,6,8", param, ctx)


@click.command()
@click.argument("promoters", required=False, type=InputFile())
@click.option("--target", "targets", type=float, multiple=True, help="Expression to reach, within 0.1 buckets.")
@click.option("--range", "ranges", type=float, nargs=2, multiple=True, help="Lowest and highest expression to reach.")
@click.option("--highest", is_flag=True, help="As high an expression as there is.")
@click.option("--lowest", is_flag=True, help="As low an expression as there is.")
@click.option("--ladder", type=_Numbers(), help="Several targets, such as 4,6,8,10,12,14.")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Designs for each goal, and for each promoter if there are any.",
)
@click.option(
    "--most-changes",
    type=click.IntRange(min=1),
    help=f"Most substitutions of a promoter.  [default: {MOST_CHANGES}]",
)
@click.option("--only", metavar="POSITIONS", help="Positions in the insert that may be changed, such as 1-20,35.")
@click.option("--keep", metavar="POSITIONS", help="Positions in the insert that are not changed.")
@click.option("--keep-motif", "keep_motifs", multiple=True, help="Motif (IUPAC) that is not changed where it occurs.")
@click.option(
    "--template",
    help="For designs from nothing, the 80 letters of an insert: A, C, G and T are kept, N is free. From a shell: "
    "$(printf 'N%.0s' {1..40})CCGGGTAA... ",
)
@click.option("--gc", type=click.FloatRange(0, 1), nargs=2, help="Smallest and largest GC content of the insert.")
@click.option(
    "--avoid-site", "sites", multiple=True, help="Restriction enzyme whose site must not occur, such as BsaI."
)
@click.option("--avoid-motif", "motifs", multiple=True, help="Motif (IUPAC) that must not occur on either strand.")
@click.option("--longest-run", type=click.IntRange(min=1), help="Longest run of one base, in bp.")
@click.option(
    "--longest-repeat",
    type=click.IntRange(min=4),
    help="Longest stretch that may stand twice in the insert, on either strand, in bp.",
)
@click.option("--preset", "presets", multiple=True, help="Limits of a vendor: idt-gblocks or twist-fragments.")
@click.option(
    "--apart",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Bases in which designs differ, at least, from one another and from --apart-from.",
)
@click.option("--apart-from", type=InputFile(), help="Sequences to keep away from: FASTA, a table, or one a line.")
@click.option(
    "--any-uncertainty",
    is_flag=True,
    help="Also give designs that are unlike the training data, or less sure than nine tenths of measured promoters.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the random starts.")
@reading_options(None)
@interval_option("Level of the prediction interval in the table.  [default: 90]")
@click.option("-o", "--output", type=ROWS, help=f"Table to write: {ROW_FORMATS}.")
@click.option("--fasta", "fasta_file", type=FASTA, help="FASTA of the designed inserts to write.")
@click.option("--figure", type=FIGURE, help="Figure to write: how the search went, the changes, and known sites.")
@entry_option
@threads_option
def design(
    promoters: Path | None,
    targets: tuple[float, ...],
    ranges: tuple[tuple[float, float], ...],
    highest: bool,
    lowest: bool,
    ladder: list[float] | None,
    count: int,
    most_changes: int | None,
    only: str | None,
    keep: str | None,
    keep_motifs: tuple[str, ...],
    template: str | None,
    gc: tuple[float, float] | None,
    sites: tuple[str, ...],
    motifs: tuple[str, ...],
    longest_run: int | None,
    longest_repeat: int | None,
    presets: tuple[str, ...],
    apart: int,
    apart_from: Path | None,
    any_uncertainty: bool,
    seed: int,
    interval: int | None,
    output: Path | None,
    fasta_file: Path | None,
    figure: Path | None,
    threads: int | None,
    **reading,
) -> None:
    """Design inserts with a wanted expression: from nothing, or from PROMOTERS by few substitutions.

    PROMOTERS is a file of inserts (80 bp) or constructs (110 bp), as the first one is unless --sequence-type says
    otherwise: FASTA, a table or one sequence per line. Without it searches start from random inserts. At least one goal
    is needed: --target, --range, --ladder, --highest, --lowest.

    \b
    Examples:
      yeastpromoter design --ladder 4,6,8,10,12,14 --count 5 -o ladder.tsv --fasta ladder.fa
      yeastpromoter design --target 12 --gc 0.35 0.55 --avoid-site BsaI --avoid-site BsmBI --longest-run 6
      yeastpromoter design promoters.fa --highest --most-changes 3 --only 1-60 -o stronger.tsv --figure stronger.png

    The search takes one substitution after another, the best of all (240 for 80 bp) that the constraints allow: for a
    single
    change from a promoter that is exact, for more it keeps the best ten inserts after each. A design that begins with
    a violation of the constraints is repaired first.

    The table has id, goal, reached, insert, expression, lower, upper and flag (see `predict --interval`), gc, and for
    designs from promoters start_id, start_expression, substitutions and changes (A12G: A at position 12 of the insert,
    from 1, becomes G); nearest, if there are others, is the number of bases to the most similar one.

    What it is not for: predictions are of an insert at one place in one plasmid, in yeast that grows in glucose. A
    search
    finds what the network gets wrong, too, and the prediction interval does not see it: the higher or lower the goal,
    the more of the designs are extrapolation. So designs that are unlike the training data, or less sure than nine
    tenths of measured promoters, are left out unless --any-uncertainty is given. Measure what you build on.
    """  # noqa: D301 - the backspace is for click: it keeps the lines of the examples apart
    goals = _goals(targets, ranges, ladder, highest, lowest)
    for path in filter(None, (output, fasta_file)):
        check_can_write(path)
    if figure:
        require("figures")
        if not figure.absolute().parent.is_dir():
            raise ValueError(f"{figure}: cannot be written there: there is no folder {figure.parent}")
    constraints = joined(
        Constraints(
            gc=gc or (0.0, 1.0),
            avoid={f"motif {motif}": motif.upper() for motif in motifs} | restriction_sites(sites)
            if sites or motifs
            else {},
            longest_run=dict.fromkeys(ALPHABET, longest_run) if longest_run else {},
            longest_repeat=longest_repeat,
        ),
        *map(preset, presets),
    )
    reporter = shipped_reporter(entry_folder())
    free = _free(only, keep, reporter.insert_length)
    ids, inserts = _read(promoters, reading)
    request = Request(
        goals,
        count,
        constraints,
        inserts,
        ids,
        most_changes,
        template and template.upper(),
        free,
        tuple(motif.upper() for motif in keep_motifs),
        apart,
        _read(apart_from, {})[1],
        any_uncertainty,
        seed,
    )
    trained = load_trained_network(entry_folder(), threads=threads)
    level = interval or (90 if trained.calibration else None)
    if level is not None:
        trained.need_calibration(level)
    attributes = {"weights_version": trained.weights_version}
    attributes |= {} if level is None else {"interval": f"lower and upper: {level} % prediction interval"}
    began = time.perf_counter()
    total = len(goals) * (count if inserts is None else len(inserts))
    with ExitStack() as stack:
        write = stack.enter_context(whole_rows(output, attributes)) if output else None
        fasta_out = stack.enter_context(whole_table(fasta_file)) if fasta_file else None
        with tqdm(total=total, unit=" searches" if ids else " designs", disable=None) as bar:
            found = search(trained, request, bar.update)
        if not found.found:
            reasons = "; ".join(found.missing)
            raise ValueError(f"no design was found: loosen the constraints, or change the goal ({reasons})")
        table = found.table(trained, level)
        columns = _columns(table)
        if write:
            write(columns)
        if fasta_out:
            fasta_out.writelines(fasta(found.found))
    seconds = time.perf_counter() - began
    _show(table, columns, output)
    if figure:
        _draw(found, reporter, figure)
    number = f"{len(found.found):,} design{'s' * (len(found.found) != 1)}"
    click.echo(f"{number} in {seconds:.1f} s, {found.evaluations:,} predictions", err=True)
    for reason, times in found.missing.items():
        click.echo(f"Note: {reason}" + f" ({times:,} promoters)" * (times > 1), err=True)
    for path in filter(None, (output, fasta_file, figure)):
        click.echo(f"Written: {path}", err=True)


def _free(only: str | None, keep: str | None, length: int) -> np.ndarray | None:
    """Which positions of an insert may be changed, `bool` (L,); None for all."""
    if only is None and keep is None:
        return None
    chosen = {}
    for name, text in (("--only", only), ("--keep", keep)):
        try:
            chosen[name] = positions_of(text, length) if text is not None else None
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=name) from None
    free = np.ones(length, bool) if chosen["--only"] is None else chosen["--only"]
    free = free if chosen["--keep"] is None else free & ~chosen["--keep"]
    if not free.any():
        raise click.UsageError("--only and --keep leave no position that may be changed")
    return free


def _goals(
    targets: tuple[float, ...],
    ranges: tuple[tuple[float, float], ...],
    ladder: list[float] | None,
    highest: bool,
    lowest: bool,
) -> list[Goal]:
    goals = [*map(target, [*targets, *(ladder or [])]), *(within(low, high) for low, high in ranges)]
    goals += [HIGHEST] * highest + [LOWEST] * lowest
    if not goals:
        raise click.UsageError("give at least one goal: --target, --range, --ladder, --highest or --lowest")
    names = [goal.name for goal in goals]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise click.UsageError(f"the goal {twice} is given twice: --count asks for several designs")
    return goals


def _read(path: Path | None, reading: dict[str, Any]) -> tuple[list[str], np.ndarray | None]:
    """Ids and inserts of a file; without a file, no ids and no inserts."""
    if path is None:
        return [], None
    file = open_promoters(path, **reading)
    batch = file.read(np.arange(len(file)))
    ids = batch.ids.tolist()
    # Designs are told apart by the ids of their promoters.
    names: list[str] = []
    for name, record in zip(ids, batch.records.tolist(), strict=True):
        unique = name if ids.count(name) == 1 else f"{name}_{record}"
        while unique in names or (unique != name and unique in ids):
            unique += "_"
        names.append(unique)
    return names, batch.constructs[:, shipped_reporter(entry_folder()).insert]


def _columns(table: pd.DataFrame) -> Columns:
    return {name: values.to_numpy() if values.dtype.kind in "fi" else values.tolist() for name, values in table.items()}


def _show(table: pd.DataFrame, columns: Columns, output: Path | None) -> None:
    if output:
        return
    if not is_terminal():
        text_rows(sys.stdout)(columns)
        return
    rows = [
        (row.id, row.insert, f"{row.expression:.2f}", f"{row.lower:.1f} to {row.upper:.1f}" if "lower" in table else "")
        for row in table.head(_SHOWN).itertuples()
    ]
    print_table(("id", "insert", "expression", "interval"), rows)
    if len(table) > _SHOWN:
        click.echo(f"… and {len(table) - _SHOWN:,} more: -o designs.tsv writes all of them")


def _draw(found: Designs, reporter: Reporter, path: Path) -> None:
    from yeastpromoter.plots.design import draw_designs
    from yeastpromoter.plots.style import save_figure

    save_figure(draw_designs(found.found, reporter), path)
