"""How commands say what is wrong with a user's input."""

import os
import shlex
from typing import Any

import click
from click.core import ParameterSource

from yeastpromoter.argument_names import NAMING, in_python


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

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        before = NAMING.set(as_option)
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as error:
            # click itself ends quietly when the reader of a pipe has gone.
            if isinstance(error, BrokenPipeError) or os.environ.get("YEASTPROMOTER_TRACEBACK"):
                raise
            raise click.ClickException(str(error)) from error
        finally:
            NAMING.reset(before)
