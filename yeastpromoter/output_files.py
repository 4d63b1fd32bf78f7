"""Output files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file beside its place and move it there when it is complete.

    Parameters
    ----------
    path : str or os.PathLike
        The file. Its folder is made if it is not there; an older file of the name is replaced at the end.

    Yields
    ------
    Path
        Where to write: ``partial.NAME`` in the same folder. It is removed if the context ends with an error.
    """
    path = Path(path).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial.{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
