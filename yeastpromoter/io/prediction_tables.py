"""Tables of predictions, read whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path

import numpy as np

from yeastpromoter.io.text_files import read_lines

#: Rows that are read as text before their numbers are.
_BLOCK = 1 << 16


def read_rows(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Read a table whose every row must be whole.

    Parameters
    ----------
    path : str or Path
        Table separated by tabs, or by commas if its header has commas and no tabs, with a header; plain, gzip or bgzip.

    Yields
    ------
    number : int
        Number of the line, from 1.
    cells : list of str
        Its cells: first those of the header, which names the columns, then as many of each row.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it ends within a line, the header names a column twice or comes again, as in tables that were joined, or a
        row has another number of cells; the message names the line.
    """
    header: list[str] = []
    for number, line in read_lines(path, cut=False):
        try:
            if not header:
                separator = "," if "," in line and "\t" not in line else "\t"
            cells = line.split(separator)
            if '"' in line:
                cells = next(csv.reader([line], delimiter=separator, strict=True), [""])
        except csv.Error as error:
            raise ValueError(f"{path}: line {number:,} has a quotation mark that is not closed ({error})") from None
        if not header:
            header = cells
            if twice := {name for name in header if header.count(name) > 1}:
                raise ValueError(f"{path}: the column {min(twice)} occurs twice in the header")
        elif cells == header:
            raise ValueError(
                f"{path}: line {number:,} is the header again: were tables joined? Only the first line may be a header"
            )
        elif len(cells) != len(header):
            raise ValueError(
                f"{path}: line {number:,} has {len(cells)} columns, but the header has {len(header)}: is the table "
                "damaged?"
            )
        yield number, cells


def read_columns(
    path: str | Path, texts: Sequence[str], numbers: Sequence[str], missing: Sequence[str] = ()
) -> dict[str, list[str] | np.ndarray]:
    """Read columns of a table of predictions.

    Parameters
    ----------
    path : str or Path
        As for `read_rows`.
    texts, numbers : sequence of str
        Names of the columns to read as text and as numbers.
    missing : sequence of str, optional
        Those of `numbers` that may be missing in some rows: an empty cell, or NaN.

    Returns
    -------
    dict
        For N rows, the columns of `texts`, `str` (N,), and those of `numbers`, `float64` (N,), by their names; NaN
        where a number is missing.

    Raises
    ------
    FileNotFoundError, OSError
        As for `read_rows`.
    ValueError
        As for `read_rows`, and if a column does not exist or a cell is not a finite number; the message names the
        line.
    """
    rows = read_rows(path)
    _, header = next(rows)
    absent = [name for name in (*texts, *numbers) if name not in header]
    if absent:
        raise ValueError(
            f"{path}: has no column {', '.join(absent)}, but a table of predictions, written with metadata, is "
            f"needed. Its columns are {', '.join(header[:20])[:500]}"
        )
    pick = itemgetter(*map(header.index, (*texts, *numbers)))
    found: dict[str, list] = {name: [] for name in (*texts, *numbers)}
    picked = (pick(cells) for _, cells in rows)
    first = 2
    while block := list(islice(picked, _BLOCK)):
        for name, cells in zip(found, zip(*block, strict=True), strict=True):
            if name in texts:
                found[name] += cells
                continue
            values = np.array([_number(cell) for cell in cells])
            wrong = np.isinf(values) | (np.isnan(values) & (name not in missing))
            if wrong.any():
                row = int(np.argmax(wrong))
                raise ValueError(
                    f"{path}: line {first + row:,} has {cells[row][:40]!r} in column {name}, but must have a finite "
                    "number"
                )
            found[name].append(values)
        first += len(block)
    return {name: some if name in texts else np.concatenate([*some, np.empty(0)]) for name, some in found.items()}


def _number(cell: str) -> float:
    """The number in a cell, NaN in an empty one, and infinity in one that holds something else."""
    try:
        return float(cell or "nan") if "_" not in cell else np.inf  # float() would read 1_5 as 15
    except ValueError:
        return np.inf
