"""How messages name arguments: as Python does, or as the options of the command that a user runs."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any


def in_python(name: str, *value: Any) -> str:
    """Name an argument as in a call: ``other_lengths``, or with a value ``other_lengths='drop'``."""
    return "=".join([name, *map(repr, value)])


#: What `argument` does. A command sets it while it runs.
NAMING: ContextVar[Callable[..., str]] = ContextVar("NAMING", default=in_python)


def argument(name: str, *value: Any) -> str:
    """Name an argument in a message, as the user knows it.

    Parameters
    ----------
    name : str
        Name of the argument in Python.
    *value
        The value that the message speaks of, if it speaks of one.

    Returns
    -------
    str
        ``other_lengths`` or ``other_lengths='drop'``; in a command with such an option, ``--other-lengths`` or
        ``--other-lengths drop``.
    """
    return NAMING.get()(name, *value)
