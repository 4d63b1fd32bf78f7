"""Output files that are there whole or not at all."""

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Write a file under another name and give it its own when it is complete.

    Parameters
    ----------
    path : str or Path
        The file. One that is there already stays as it is until the new one is complete.

    Yields
    ------
    Path
        Where to write: ``partial.NAME`` in the same folder. It is renamed to `path` at the end of the context, or
        removed if the context ends with an error.

    Raises
    ------
    ValueError
        If the folder does not exist, or if `path` is a folder.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"{path} cannot be written: the folder {path.parent} does not exist")
    if path.is_dir():
        raise ValueError(f"{path} cannot be written: it is a folder")
    partial = path.with_name(f"partial.{path.name}")
    try:
        yield partial
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    os.replace(partial, path)


@contextmanager
def whole_table(path: str | Path) -> Iterator[TextIO]:
    """Write a table of text under another name, as `whole_file` does; by gzip if its name ends in ``.gz``.

    Parameters
    ----------
    path : str or Path
        The file.

    Yields
    ------
    TextIO
        Where to write, in UTF-8.

    Raises
    ------
    ValueError
        As `whole_file`.
    """
    with whole_file(path) as partial:
        opener = gzip.open if str(path).endswith(".gz") else open
        with opener(partial, "wt", encoding="utf-8") as table:
            yield table
