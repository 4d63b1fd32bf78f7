"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from yeastpromoter.cli.errors import refuse_if_given
from yeastpromoter.cli.files import FOLDER
from yeastpromoter.extras import require
from yeastpromoter.model.shipped import ENTRY_FOLDER
from yeastpromoter.plots.style import FORMATS
from yeastpromoter.statistics import MIN_GROUPS

#: Levels of prediction intervals, in percent.
LOWEST_LEVEL, HIGHEST_LEVEL = 50, 99

#: What an option for a file of rows says of it.
ROW_FORMATS = ".tsv, .csv (both also .gz), .parquet or .h5"

figure_format_option = click.option(
    "--figure-format",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="Format of the figures.",
)

_ENTRY = "yeastpromoter.entry"

#: The entry whose network a command uses; the command asks `entry_folder` for it.
entry_option = click.option(
    "--entry",
    type=FOLDER,
    envvar="YEASTPROMOTER_ENTRY",
    show_envvar=True,
    expose_value=False,
    is_eager=True,
    callback=lambda context, _, folder: context.meta.update({_ENTRY: folder}),
    help="Folder of another entry, such as an exported one, whose weights and reporter are used.",
)


def entry_folder() -> Path:
    """Folder of the entry that the running command was told to use, by default the one that comes with the package."""
    context = click.get_current_context(silent=True)
    return (context and context.meta.get(_ENTRY)) or ENTRY_FOLDER


threads_option = click.option(
    "--threads", type=click.IntRange(min=1), help="Number of threads.  [default: one for each core]"
)

check_adapters_option = click.option(
    "--check-adapters/--no-check-adapters",
    default=True,
    show_default=True,
    help="Whether constructs must have their adapters, and inserts must not.",
)


def interval_option(help: str) -> Callable[[Callable], Callable]:
    """Return a decorator that adds ``--interval``, a level in percent; its help begins with `help`."""
    return click.option("--interval", type=click.IntRange(LOWEST_LEVEL, HIGHEST_LEVEL), metavar="PERCENT", help=help)


def figures_options(help: str) -> Callable[[Callable], Callable]:
    """Return a decorator that adds ``--figures``, a folder, and ``--figure-format``; see `check_figures`."""

    def decorate(command: Callable) -> Callable:
        return click.option("--figures", type=FOLDER, help=help)(figure_format_option(command))

    return decorate


def check_figures(figures: object) -> None:
    """Make sure, before anything is computed, that the figures that are wanted can be drawn.

    Parameters
    ----------
    figures : Path or None
        Value of the option ``--figures`` of the running command.

    Raises
    ------
    click.UsageError
        If there is a ``--figure-format`` without ``--figures``.
    yeastpromoter.extras.MissingExtraError
        If the packages that draw are not installed.
    """
    if figures is None:
        refuse_if_given("--figure-format", "goes with --figures, which is not given")
    else:
        require("figures")


def random_insert_options(count: int) -> Callable[[Callable], Callable]:
    """Return a decorator that adds ``--count``, by default `count`, ``--gc`` and ``--seed``."""
    options = (
        click.option(
            "--count",
            type=click.IntRange(min=MIN_GROUPS),
            default=count,
            show_default=True,
            help="Number of random inserts.",
        ),
        click.option(
            "--gc", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Their expected GC content."
        ),
        click.option(
            "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of all that is random."
        ),
    )

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
