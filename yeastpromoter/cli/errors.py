"""How commands start and end: what a terminal cannot show, what is wrong with a user's input, being stopped."""

from __future__ import annotations

import codecs
import importlib
import io
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from yeastpromoter.argument_names import NAMING, in_python
from yeastpromoter.extras import MissingExtraError

#: What a terminal gets that has not all the characters that the commands write.
_PLAIN = {"−": "-", "–": "-", "—": "-", "…": "...", "×": "x", "↔": "<->", "→": "->", "←": "<-", "′": "'", "≥": ">=",
          "≤": "<=", "±": "+/-", "µ": "u", "“": '"', "”": '"', "’": "'"}  # fmt: skip


def refuse_if_given(option: str, why: str) -> None:
    """Refuse an option that would do nothing, if the user gave it.

    Parameters
    ----------
    option : str
        The option of the running command, such as ``--figure-format``.
    why : str
        When it does something, to follow the option in the message.

    Raises
    ------
    click.UsageError
        If the option was given.
    """
    source = click.get_current_context().get_parameter_source(option.removeprefix("--").replace("-", "_"))
    if source is not ParameterSource.DEFAULT:
        raise click.UsageError(f"{option} {why}")


def as_option(name: str, *value: Any) -> str:
    """Name an argument as the running command does; one that is not an option of it, as Python does.

    Parameters
    ----------
    name : str
        Name of the argument in Python.
    *value
        Its value, if the message speaks of one.

    Returns
    -------
    str
        Such as ``--other-lengths``, ``--other-lengths drop`` or ``--header no``.
    """
    command = click.get_current_context().command
    option = next((option for option in command.params if option.name == name), None)
    if not isinstance(option, click.Option):
        return in_python(name, *value)
    names = option.secondary_opts if option.is_flag and False in value else option.opts
    words = [max(names, key=len)]
    if not option.is_flag:
        words += [("yes" if item else "no") if isinstance(item, bool) else str(item) for item in value]
    return shlex.join(words)


class MessageGroup(click.Group):
    """A group of commands that shows what is wrong with a user's input as a message, without a traceback.

    With the environment variable ``YEASTPROMOTER_TRACEBACK`` set, the traceback is shown.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command line; see `show_all_characters` and `tidy_up_when_stopped`."""
        show_all_characters()
        with tidy_up_when_stopped():
            return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        before = NAMING.set(as_option)
        try:
            return super().invoke(ctx)
        except (ValueError, OSError, MissingExtraError) as error:
            # click itself ends quietly when the reader of a pipe has gone.
            if isinstance(error, BrokenPipeError) or os.environ.get("YEASTPROMOTER_TRACEBACK"):
                raise
            raise click.ClickException(str(error)) from error
        finally:
            NAMING.reset(before)


class LazyGroup(MessageGroup):
    """A group whose commands are imported when they are needed.

    Parameters
    ----------
    modules : dict of str to str
        Where each command is, such as ``"package.module:function"``, by its name, in the order in which they are shown.
    """

    def __init__(self, *args: Any, modules: dict[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command, None if there is none of that name."""
        if name not in self._modules:
            return None
        module, _, attribute = self._modules[name].partition(":")
        return getattr(importlib.import_module(module), attribute)


def show_all_characters() -> None:
    """Let standard output and standard error replace the characters that the user's locale does not have.

    A minus sign becomes a hyphen, so that numbers keep their sign, and what has no plain form a question mark.
    """
    codecs.register_error("yeastpromoter", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="yeastpromoter")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


@contextmanager
def tidy_up_when_stopped() -> Iterator[None]:
    """Let SIGTERM and a terminal that closes end the context as an error does, which removes partial files."""
    # Only the main thread can ask for it, and under nohup a signal is ignored.
    numbers = (signal.SIGTERM, signal.SIGHUP) if threading.current_thread() is threading.main_thread() else ()
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # a second one would stop the tidying up
    sys.exit(128 + number)
