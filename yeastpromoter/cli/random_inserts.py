"""The options of commands that draw random inserts."""

from __future__ import annotations

from collections.abc import Callable

import click

from yeastpromoter.statistics import MIN_GROUPS


def random_insert_options(count: int) -> Callable[[Callable], Callable]:
    """Return a decorator that adds ``--count``, by default `count`, ``--gc`` and ``--seed``."""

    def decorate(command: Callable) -> Callable:
        for option in (
            click.option(
                "--seed",
                type=click.IntRange(min=0),
                default=1,
                show_default=True,
                help="Seed of all that is random.",
            ),
            click.option(
                "--gc", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Their expected GC content."
            ),
            click.option(
                "--count",
                type=click.IntRange(min=MIN_GROUPS),
                default=count,
                show_default=True,
                help="Number of random inserts of 80 bp.",
            ),
        ):
            command = option(command)
        return command

    return decorate
