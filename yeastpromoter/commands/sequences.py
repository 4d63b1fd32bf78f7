"""Options with which commands read a sequence file, as the dataloader does."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from yeastpromoter.sequence_files import OTHER_LENGTHS, SEQUENCE_LENGTHS, SequenceFile


class Column(click.ParamType):
    """A column of a table: its number, from 0, or its name."""

    name = "column"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Take what is a number for the column's number."""
        return int(value) if isinstance(value, str) and value.isdecimal() else value


_OPTIONS = (
    click.argument("sequence_file", type=click.Path(path_type=Path)),
    click.option(
        "--sequence-type",
        type=click.Choice(list(SEQUENCE_LENGTHS)),
        default="construct",
        show_default=True,
        help="What the sequences are: constructs of 110 bp with both adapters, or inserts of 80 bp without.",
    ),
    click.option(
        "--sequence-column",
        type=Column(),
        default=0,
        show_default=True,
        help="Column of a table with the sequence: its number, from 0, or its name.",
    ),
    click.option(
        "--id-column",
        type=Column(),
        help="Column of a table with the id. Without it the id is the number of the record, from 0.",
    ),
    click.option(
        "--header",
        type=click.Choice(["auto", "true", "false"]),
        default="auto",
        show_default=True,
        help="Whether the first line of a table names the columns.",
    ),
    click.option(
        "--other-lengths",
        type=click.Choice(OTHER_LENGTHS),
        default="error",
        show_default=True,
        help="Sequences of another length: stop, leave them out (and say how many), or fit them to 110 bp.",
    ),
)


def sequence_options(command: Callable) -> Callable:
    """Give a command a sequence file: an argument and options, passed on as one argument ``sequences``.

    Parameters
    ----------
    command : callable
        Takes ``sequences``, a `yeastpromoter.sequence_files.SequenceFile`, beside its own options.

    Returns
    -------
    callable
        The command with the argument and the options. What a user should know of the file goes to standard error.
    """

    @wraps(command)
    def wrapped(
        sequence_file: Path,
        sequence_type: str,
        sequence_column: int | str,
        id_column: int | str | None,
        header: str,
        other_lengths: str,
        **options: Any,
    ) -> Any:
        sequences = SequenceFile(
            sequence_file,
            sequence_column=sequence_column,
            id_column=id_column,
            header={"true": True, "false": False}.get(header, header),
            sequence_type=sequence_type,
            other_lengths=other_lengths,
        )
        for note in sequences.notes:
            click.echo(f"Note: {note}", err=True)
        return command(sequences=sequences, **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
