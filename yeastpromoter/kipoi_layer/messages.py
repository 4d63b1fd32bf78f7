"""What is wrong with a user's input, as the `kipoi` command shows it: a message in place of a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType


@contextmanager
def message_only() -> Iterator[None]:
    """Let the `kipoi` command end with the message of an error that is raised in this context, without a traceback.

    It does so for `ValueError` and `OSError`, which is how the package says what is wrong with a user's input. The exit
    status stays 1. Other errors, and all of them outside of that command (in Python, notebooks, tests), are shown as
    ever; so are these with the environment variable ``YEASTPROMOTER_TRACEBACK`` set. It is a decorator too.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        if _is_kipoi_command() and not os.environ.get("YEASTPROMOTER_TRACEBACK"):
            _show_message_only(error)
        raise


def _is_kipoi_command() -> bool:
    program = Path(sys.argv[0])
    return program.stem == "kipoi" or program.parts[-2:] == ("kipoi", "__main__.py")


def _show_message_only(error: BaseException) -> None:
    before = sys.excepthook

    def show(kind: type[BaseException], found: BaseException, traceback: TracebackType | None) -> None:
        if found is error:
            print(f"Error: {found}", file=sys.stderr)
        else:
            before(kind, found, traceback)

    sys.excepthook = show
