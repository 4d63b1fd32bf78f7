"""Tables of text, plain or gzip, read some rows at a time: what is wrong is named with its file, line and column."""

import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

#: Rows of a file that are text at one time; everything after that is columns of numbers and bytes.
_ROWS_AT_ONCE = 100_000

_MISSING = ("", "NA", "NaN", "nan")


def _pieces(path: Path, separator: str, header: bool) -> Iterator[pd.DataFrame]:
    try:
        yield from pd.read_csv(
            path,
            sep=separator,
            header=0 if header else None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            chunksize=_ROWS_AT_ONCE,
        )
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be read as a table with the separator {separator!r} ({str(error).strip()}): it is empty, "
            "cut short, no text, or has rows of different length"
        ) from error


def read_text_table(path: Path, separator: str, header: bool) -> Iterator[pd.DataFrame]:
    """Read a table as text, some rows at a time.

    Parameters
    ----------
    path : Path
        The table, plain or gzip.
    separator : str
        What separates the columns.
    header : bool
        Whether the first line names the columns; else they have numbers from 0.

    Yields
    ------
    pandas.DataFrame
        Rows as text. The index counts the lines (below the header) from 0, blank ones, which are left out, too.

    Raises
    ------
    ValueError
        If the file cannot be read as a table.
    """
    for piece in _pieces(path, separator, header):
        if not isinstance(piece.index, pd.RangeIndex):
            raise ValueError(
                f"{path}: its rows have more columns than its header, {', '.join(piece.columns)}, has names"
            )
        yield piece[(piece != "").any(axis=1)]


def numbers(
    values: pd.Series,
    path: Path,
    header: bool,
    lowest: float = -math.inf,
    highest: float = math.inf,
    missing: bool = False,
) -> np.ndarray:
    """Parse a column of a table.

    Parameters
    ----------
    values : pandas.Series
        Text (N,), of a table that `read_text_table` read, with the column's name or number.
    path, header
        As for `read_text_table`.
    lowest, highest : float, optional
        Limits of the numbers.
    missing : bool, optional
        Whether an empty cell, NA or NaN is a missing value; else it is an error.

    Returns
    -------
    numpy.ndarray
        `float64` (N,), finite, or NaN where a value is missing.

    Raises
    ------
    ValueError
        If a cell is no finite number, or beyond a limit; with its line and column.
    """
    found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~(np.isfinite(found) & (found >= lowest) & (found <= highest))
    if missing:
        wrong &= ~values.isin(_MISSING).to_numpy()
    if wrong.any():
        row = values.index[wrong][0]
        wanted = "a number"
        if math.isfinite(highest):
            wanted += f" from {lowest:g} to {highest:g}"
        elif math.isfinite(lowest):
            wanted += f" of at least {lowest:g}"
        raise ValueError(
            f"{path}, line {row + 1 + header}: column {values.name!r} is {values[row]!r} but must be {wanted}"
        )
    return found
