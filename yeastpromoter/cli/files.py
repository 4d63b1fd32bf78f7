"""Files on the command line: a command overwrites none of those that it reads, and a name says what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from yeastpromoter.io.row_files import ENDINGS
from yeastpromoter.io.whole_files import is_stream, same_file
from yeastpromoter.plots.style import FORMATS

#: What is written, by what it is, with the endings that a name may have.
_ENDINGS = {
    "a table separated by tabs": (".tsv", ".tsv.gz", ".txt", ".txt.gz", ".tab", ".tab.gz"),
    "HDF5": (".h5", ".hdf5", ".hdf"),
    "FASTA": (".fa", ".fa.gz", ".fasta", ".fasta.gz", ".fna", ".fna.gz"),
    "JSON": (".json",),
    "a figure": tuple(f".{suffix}" for suffix in FORMATS),
    "a table, Parquet or HDF5": ENDINGS,
}


class _File(click.Path):
    """A path of a file; one that is written must not be any other of the same command."""

    written = False

    def __init__(self, **options: Any) -> None:
        super().__init__(dir_okay=False, path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = super().convert(value, param, ctx)
        if ctx is not None and param is not None:
            others = ctx.meta.setdefault(__name__, [])
            for name, other, written in others:
                if (written or self.written) and same_file(path, other):
                    self.fail(f"{path} is the file of {name}, too: it would be overwritten", param, ctx)
            others.append((param.get_error_hint(ctx), path, self.written))
        return path


class InputFile(_File):
    """A file that a command reads."""


class OutputFile(_File):
    """A file that a command writes.

    Parameters
    ----------
    content : str
        What it holds, one of the keys of `_ENDINGS`: a name that ends in something else is refused. A name without any
        ending, a device and a pipe are taken for everything but figures, whose format has to be known.
    """

    written = True

    def __init__(self, content: str) -> None:
        super().__init__()
        self._content = content

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Convert, check and remember a path."""
        path = super().convert(value, param, ctx)
        endings = _ENDINGS[self._content]
        says_nothing = self._content != "a figure" and (not path.suffix or is_stream(path))
        if not says_nothing and not path.name.lower().endswith(endings):
            self.fail(
                f"{path} must end in {', '.join(endings[:-1])}{' or ' * (len(endings) > 1)}{endings[-1]}: what is "
                f"written is {self._content}",
                param,
                ctx,
            )
        return path


TABLE, HDF5, FASTA, JSON, FIGURE, ROWS = map(OutputFile, _ENDINGS)

#: A folder that a command writes into, which is made if it is missing.
FOLDER = click.Path(file_okay=False, path_type=Path)
