"""How commands say what is wrong with a user's input."""

import os
from typing import Any

import click
from click.core import ParameterSource


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


class MessageGroup(click.Group):
    """A group of commands that shows what is wrong with a user's input as a message, without a traceback.

    With the environment variable ``YEASTPROMOTER_TRACEBACK`` set, the traceback is shown.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as error:
            # click itself ends quietly when the reader of a pipe has gone.
            if isinstance(error, BrokenPipeError) or os.environ.get("YEASTPROMOTER_TRACEBACK"):
                raise
            raise click.ClickException(str(error)) from error
