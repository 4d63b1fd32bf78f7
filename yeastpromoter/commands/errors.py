"""How commands say what is wrong with a user's input."""

import os
from typing import Any

import click


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
