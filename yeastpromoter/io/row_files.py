"""Rows of results in files of several formats, written block by block: text, Parquet and HDF5."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from yeastpromoter.extras import require
from yeastpromoter.io.whole_files import is_stream, whole_file, whole_hdf5, whole_table

if TYPE_CHECKING:
    import h5py

_COMMAS = (".csv", ".csv.gz")
_TABS = (".tsv", ".tsv.gz", ".txt", ".txt.gz", ".tab", ".tab.gz")
_PARQUET = (".parquet", ".pq")
_HDF5 = (".h5", ".hdf5", ".hdf")

#: Rows by their columns: the name of each column, with its values. Text is a list, numbers are an array.
Columns = dict[str, "list[str] | np.ndarray"]

#: The endings of a file's name that say its format.
ENDINGS = (*_TABS, *_COMMAS, *_PARQUET, *_HDF5)

#: Rows of a chunk of an HDF5 data set.
_CHUNK = 4096


def check_can_write(path: str | Path) -> None:
    """Make sure, before anything is predicted, that a file of its format can be written.

    Raises
    ------
    yeastpromoter.extras.MissingExtraError
        If it is Parquet and the package pyarrow is not installed.
    ValueError
        If pyarrow is installed but cannot be imported.
    """
    if not _has_ending(path, _PARQUET):
        return
    require("parquet")
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:  # newer versions refuse numpy 1, which Kipoi needs
        raise ValueError(
            f"{path}: Parquet cannot be written with the pyarrow that is installed: {error}. Give a name that ends in "
            ".tsv, .csv or .h5"
        ) from error


@contextmanager
def whole_rows(path: str | Path, attributes: dict[str, str]) -> Iterator[Callable[[Columns], None]]:
    """Write a file of rows, whole or not at all, in the format that its name says; a table separated by tabs otherwise.

    Parameters
    ----------
    path : str or Path
        The file; see `ENDINGS`.
    attributes : dict of str
        What the file says of itself, where its format has a place for it (Parquet and HDF5).

    Yields
    ------
    callable
        Writes the next rows, `Columns` of the names of the first ones. Fractions of tables have six
        decimals, and a missing one is empty; in HDF5 each column is a data set of its own.

    Raises
    ------
    yeastpromoter.extras.MissingExtraError
        As `check_can_write`.
    ValueError, OSError
        As `check_can_write` and `yeastpromoter.io.whole_files.whole_file`.
    """
    check_can_write(path)
    if _has_ending(path, _HDF5):
        with whole_hdf5(path) as file:
            file.attrs.update(attributes)
            yield lambda columns: _append(file, columns)
    elif _has_ending(path, _PARQUET):
        with _parquet(path, attributes) as write:
            yield write
    else:
        with whole_table(path) as file:
            yield text_rows(file, "," if _has_ending(path, _COMMAS) else "\t")


def text_rows(file: TextIO, separator: str = "\t") -> Callable[[Columns], None]:
    """Return a function that writes the next rows to a text file, the header before the first."""
    rows = csv.writer(file, delimiter=separator, lineterminator="\n")
    headers = iter([True])

    def write(columns: Columns) -> None:
        if next(headers, False):
            rows.writerow(columns)
        rows.writerows(zip(*map(_cells, columns.values()), strict=True))

    return write


def _cells(values: list[str] | np.ndarray) -> Sequence:
    if isinstance(values, list):
        return values
    if values.dtype.kind != "f":
        return values.tolist()
    return ["" if value != value else f"{value:.6f}" for value in values.tolist()]  # NaN alone differs from itself


def _has_ending(path: str | Path, endings: tuple[str, ...]) -> bool:
    return os.fspath(path).lower().endswith(endings) and not is_stream(path)


@contextmanager
def _parquet(path: str | Path, attributes: dict[str, str]) -> Iterator[Callable[[Columns], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(columns: Columns) -> None:
        nonlocal writer
        rows = pa.table(columns)
        if writer is None:
            writer = pq.ParquetWriter(partial, rows.schema.with_metadata(attributes))
        writer.write_table(rows.replace_schema_metadata(attributes))

    with whole_file(path) as partial:
        try:
            yield write
        finally:
            if writer is not None:
                writer.close()


def _append(file: h5py.File, columns: Columns) -> None:
    import h5py

    for name, values in columns.items():
        if name not in file:
            dtype = h5py.string_dtype() if isinstance(values, list) else values.dtype
            file.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(_CHUNK,), compression="gzip")
        data = file[name]
        before = len(data)
        data.resize(before + len(values), axis=0)
        data[before:] = values
