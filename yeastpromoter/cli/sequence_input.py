"""What commands that read sequences are given: files, standard input or typed sequences, and how to read them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from yeastpromoter.cli.files import InputFile
from yeastpromoter.cli.options import check_adapters_option, entry_folder
from yeastpromoter.io.record_formats import looks_like_dna
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.model.shipped import shipped_reporter
from yeastpromoter.sequence.construct_rules import OTHER_LENGTHS, SEQUENCE_TYPES, RulesByLength
from yeastpromoter.sequence.reporter import PTPA, REGIONS

#: Values of ``--header``, with what they mean in Python.
HEADERS = {"auto": "auto", "yes": True, "no": False}


#: Letters of the shortest argument that can be a typed sequence: shorter ones, such as "cat", may be names of files.
_SHORTEST_TYPED = 20


class _Column(click.ParamType):
    name = "column"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _sequence_type(default: str | None) -> Callable[[Callable], Callable]:
    return click.option(
        "--sequence-type",
        type=click.Choice(SEQUENCE_TYPES),
        default=default,
        show_default=default is not None,
        help="What the sequences are: whole constructs (110 bp), or inserts (80 bp) that get the adapters.",
    )


_SEQUENCE_FILE = click.argument("sequence_file", type=InputFile())

_OPTIONS = (
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
        type=click.Choice(list(HEADERS)),
        default="auto",
        show_default=True,
        help="Whether the first line of a table names its columns.",
    ),
    click.option(
        "--other-lengths",
        type=click.Choice(OTHER_LENGTHS),
        default="error",
        show_default=True,
        help="What happens to sequences of other lengths: stop, leave them out, or fit those that are nearly right (by "
        "at most 25 bp) to constructs of 110 bp.",
    ),
    check_adapters_option,
)


#: Where bases are changed, or their contributions written.
region_option = click.option(
    "--region",
    type=click.Choice(REGIONS),
    default="insert",
    show_default=True,
    help="The 80 bp of the insert, or all 110 bp of the construct, adapters included. Either way a position is the "
    f"{PTPA.coordinate}. Another reporter (--entry) has its own lengths.",
)


def sequence_file_options(command: Callable) -> Callable:
    """Give a command the argument SEQUENCE_FILE and the options that say how to read it.

    The command gets them as keyword arguments, which `open_sequences` takes.
    """
    return _SEQUENCE_FILE(reading_options("construct")(command))


def reading_options(sequence_type: str | None) -> Callable[[Callable], Callable]:
    """Give a command the options that say how to read a file of sequences, as keyword arguments.

    Parameters
    ----------
    sequence_type : str or None
        Default of ``--sequence-type``; with None it depends on the input, and the command says how.
    """

    def give(command: Callable) -> Callable:
        for option in reversed((*_OPTIONS, _sequence_type(sequence_type))):
            command = option(command)
        return command

    return give


class SequenceArgument(InputFile):
    """A file of sequences, ``-`` for standard input, or a sequence that is typed.

    Converts to a path, or to text: ``-`` or the sequence. What is the name of a file is that file.
    """

    name = "sequences"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Tell files from sequences."""
        if isinstance(value, str) and not os.path.exists(value):
            if value == "-" or (len(value) >= _SHORTEST_TYPED and looks_like_dna(value)):
                return value
            if looks_like_dna(value):
                reporter = shipped_reporter(entry_folder())
                self.fail(
                    f"{value}: there is no such file, and a sequence has {reporter.insert_length} bp (an insert) or "
                    f"{reporter.construct_length} bp (a construct)",
                    param,
                    ctx,
                )
        return super().convert(value, param, ctx)


@contextmanager
def file_of(arguments: Sequence[Path | str]) -> Iterator[tuple[Path, str | None]]:
    """Find the file of sequences that a command line means, for the length of a context.

    Parameters
    ----------
    arguments : sequence of Path or str
        Of `SequenceArgument`, at least one.

    Yields
    ------
    path : Path
        The file, a temporary one for standard input and for typed sequences.
    name : str or None
        What messages call a temporary file, None for a file of the user. Errors of the context do already.

    Raises
    ------
    click.UsageError
        If there are several files, or a file and typed sequences.
    """
    files = [argument for argument in arguments if isinstance(argument, Path) or argument == "-"]
    if files and len(arguments) > 1:
        raise click.UsageError(
            f"{len(arguments)} inputs are given, one of them {str(files[0])!r}: give a single file, or typed sequences "
            "alone"
        )
    if files and files[0] != "-":
        yield Path(files[0]), None
        return
    name = "standard input" if files else "the command line"
    with tempfile.TemporaryDirectory(prefix="yeastpromoter-") as folder:
        path = Path(folder) / "sequences"
        with path.open("wb") as file:
            if files:
                if sys.stdin.isatty():
                    click.echo("Sequences are read from the terminal; Ctrl-D ends them", err=True)
                shutil.copyfileobj(sys.stdin.buffer, file)
            else:
                file.write("".join(f"{sequence}\n" for sequence in arguments).encode())
        try:
            yield path, name
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), name)) from error


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
        header=HEADERS[header],
        sequence_type=sequence_type,
        other_lengths=other_lengths,
        check_adapters=check_adapters,
        reporter=shipped_reporter(entry_folder()),
    )
    say_notes(sequences.notes)
    return sequences


def open_promoters(
    path: Path,
    sequence_type: str | None = None,
    other_lengths: str = "error",
    check_adapters: bool = True,
    header: str = "auto",
    **columns: int | str | None,
) -> SequenceFile:
    """Open a file of inserts or constructs, as the length of its first sequence says unless it is given.

    Parameters
    ----------
    path : Path
        The file.
    sequence_type, other_lengths, check_adapters, header, **columns
        The options of `reading_options`.

    Raises
    ------
    FileNotFoundError, ValueError
        As from `SequenceFile`.
    """
    reporter = shipped_reporter(entry_folder())
    reading: dict[str, Any] = columns | {"header": HEADERS[header], "reporter": reporter}
    if sequence_type is None and other_lengths == "error":
        reading["rules"] = RulesByLength(reporter, check_adapters)
    elif sequence_type is None:
        raise click.UsageError("--other-lengths needs --sequence-type: what the sequences are to be")
    else:
        reading |= {"sequence_type": sequence_type, "other_lengths": other_lengths}
        reading["check_adapters"] = check_adapters
    sequences = SequenceFile(path, **reading)
    say_notes(sequences.notes)
    return sequences


def say_notes(notes: Sequence[str]) -> None:
    """Say on stderr what a user should know of a file."""
    for note in notes:
        click.echo(f"Note: {note}", err=True)
