"""The options of commands that read a file of sequences: those of the dataloader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from yeastpromoter.cli.files import InputFile
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.sequence.construct import COORDINATE, REGIONS
from yeastpromoter.sequence.construct_rules import OTHER_LENGTHS, SEQUENCE_LENGTHS

_HEADERS = {"auto": "auto", "yes": True, "no": False}


class _Column(click.ParamType):
    name = "column"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


_OPTIONS = (
    click.argument("sequence_file", type=InputFile()),
    click.option(
        "--sequence-column",
        type=_Column(),
        default=0,
        show_default=True,
        help="Column of a table that holds the sequence: its number, counted from 0, or its name in the header.",
    ),
    click.option(
        "--id-column",
        type=_Column(),
        help="Column of a table that holds the id.  [default: the number of the record, from 0, is the id]",
    ),
    click.option(
        "--header",
        type=click.Choice(list(_HEADERS)),
        default="auto",
        show_default=True,
        help="Whether the first line of a table names its columns.",
    ),
    click.option(
        "--sequence-type",
        type=click.Choice(list(SEQUENCE_LENGTHS)),
        default="construct",
        show_default=True,
        help="What the sequences are: whole constructs (110 bp), or inserts (80 bp) that get the adapters.",
    ),
    click.option(
        "--other-lengths",
        type=click.Choice(OTHER_LENGTHS),
        default="error",
        show_default=True,
        help="What happens to sequences of other lengths: stop, leave them out, or fit those that are nearly right (by "
        "at most 25 bp) to constructs of 110 bp.",
    ),
    click.option(
        "--check-adapters/--no-check-adapters",
        default=True,
        show_default=True,
        help="Whether constructs must have their adapters, and inserts must not.",
    ),
)


#: Where bases are changed, or their contributions written.
region_option = click.option(
    "--region",
    type=click.Choice(list(REGIONS)),
    default="insert",
    show_default=True,
    help="The 80 bp of the insert, or all 110 bp of the construct, adapters included. Either way a position is the "
    f"{COORDINATE}.",
)


def sequence_file_options(command: Callable) -> Callable:
    """Give a command the argument SEQUENCE_FILE and the options that say how to read it.

    The command gets them as keyword arguments, which `open_sequences` takes.
    """
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def open_sequences(
    sequence_file: Path,
    sequence_column: int | str,
    id_column: int | str | None,
    header: str,
    sequence_type: str,
    other_lengths: str,
    check_adapters: bool,
) -> SequenceFile:
    """Open and check a file of sequences, and say on stderr what a user should know of it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If anything is wrong with the file.
    """
    sequences = SequenceFile(
        str(sequence_file),
        sequence_column=sequence_column,
        id_column=id_column,
        header=_HEADERS[header],
        sequence_type=sequence_type,
        other_lengths=other_lengths,
        check_adapters=check_adapters,
    )
    for note in sequences.notes:
        click.echo(f"Note: {note}", err=True)
    return sequences
