"""Tables of text, read some rows at a time: columns of text and of numbers, by name or number."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import numpy as np

from yeastpromoter.io.record_formats import Rows, column_number, end_of_lines, number_hint, split_row
from yeastpromoter.io.text_files import FIRST_LINE_BYTES, TextFile

#: Bytes of a table that are text at one time.
_BLOCK_BYTES = 8 << 20

#: Cells that stand for a missing value where one may be missing.
MISSING = ("", "NA", "NaN", "nan")


class TextTable:
    """A table of text: what `yeastpromoter.io.sequence_files.SequenceFile` reads as a table, with any columns.

    Blank lines at its end are not rows; one before that is an error, as is a row with another number of columns.

    Parameters
    ----------
    path : str or os.PathLike
        Text, plain, gzip or bgzip. See `yeastpromoter.io.text_files.TextFile`.
    separator : str, optional
        One ASCII character between the columns. What quotation marks mean is as for
        `yeastpromoter.io.record_formats.Rows`.
    header : bool, optional
        Whether the first line names the columns.

    Attributes
    ----------
    path : str
        Absolute path.
    columns : list of str or list of int
        Names of the columns, without the blanks around them; their numbers, from 0, where there is no header.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the separator is more than one character, or the file is not text.
    """

    def __init__(self, path: str | os.PathLike, separator: str = "\t", header: bool = True) -> None:
        if len(separator) != 1 or not separator.isascii() or separator in '"\r\n':
            raise ValueError(f"the separator of a table must be one ASCII character but is {separator!r}")
        self._text = TextFile(path)
        self.path = self._text.path
        self._separator, self._header = separator, header
        head = next(self._text.blocks(self._text.start, FIRST_LINE_BYTES))
        line, newline, _ = head.partition(b"\n")
        if not newline and self._text.start + len(head) < self._text.stop:
            raise ValueError(f"{self.path}: the first line is longer than {FIRST_LINE_BYTES >> 20} MiB")
        if not line.strip(b"\r"):
            raise ValueError(f"{self.path}: the first line is empty")
        try:
            self._first_line = split_row(line.rstrip(b"\r").decode("utf-8"), separator)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None
        self._start = self._text.start + (len(line) + len(newline)) * header
        names = [name.strip() for name in self._first_line]
        self.columns: list[str] | list[int] = names if header else list(range(len(names)))

    def number(self, column: int | str) -> int:
        """Number of a column, from 0, by its name or number.

        Raises
        ------
        ValueError
            If the table has no such column, or several of the name; the message lists those that it has.
        """
        if isinstance(column, str) and not self._header:
            raise ValueError(
                f"{self.path}: has no header: choose columns by number, from 0, not by the name {column!r}"
            )
        try:
            return column_number(column, [name.strip() for name in self._first_line])
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None

    def blocks(self) -> Iterator[TableRows]:
        """Read the rows, some at a time.

        Raises
        ------
        ValueError
            If the file is not text, or a row is wrong; the message names the line.
        """
        first = 1 + self._header
        for _, text in self._text.stretches(self._start, end_of_lines, _BLOCK_BYTES):
            try:
                rows = Rows(
                    text,
                    self._separator,
                    len(self._first_line),
                    lambda row, first=first: f"line {first + row}",
                    after_header=self._header and first == 2,
                )
            except ValueError as error:
                raise ValueError(f"{self.path}: {error}") from None
            yield TableRows(self, rows, np.arange(first, first + len(rows)))
            first += len(rows)


class TableRows:
    """Some rows of a table.

    Attributes
    ----------
    lines : numpy.ndarray
        `int64` (N,), the line of the file, from 1, that each row is on.
    """

    def __init__(self, table: TextTable, rows: Rows, lines: np.ndarray) -> None:
        self._table, self._rows, self.lines = table, rows, lines

    def __len__(self) -> int:
        return self.lines.size

    def where(self, mask: np.ndarray) -> TableRows:
        """Return the rows where a mask, `bool` (N,), is true."""
        return TableRows(self._table, self._rows.take(mask), self.lines[mask])

    def text(self, column: int | str) -> list[str]:
        """Cells of a column as text.

        Parameters
        ----------
        column : int or str
            Its number, from 0, or its name.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        return self._rows.cells(self._table.number(column)).strings()

    def numbers(
        self, column: int | str, lowest: float = -math.inf, highest: float = math.inf, missing: bool = False
    ) -> np.ndarray:
        """Cells of a column as numbers.

        Parameters
        ----------
        column : int or str
            Its number, from 0, or its name.
        lowest, highest : float, optional
            Limits of the numbers.
        missing : bool, optional
            Whether a cell may be one of `MISSING`.

        Returns
        -------
        numpy.ndarray
            `float64` (N,), finite, or NaN where a value is missing.

        Raises
        ------
        ValueError
            If there is no such column, or a cell is not a finite number, or beyond a limit; with its line and column.
        """
        cells = self._rows.cells(self._table.number(column))
        found = cells.numbers()
        wrong = np.flatnonzero(~(np.isfinite(found) & (found >= lowest) & (found <= highest)))
        texts = cells.take(wrong).strings()
        for row, text in zip(wrong.tolist(), texts, strict=True):
            if missing and text in MISSING:
                continue
            wanted = "a number"
            if math.isfinite(highest):
                wanted += f" from {lowest:g} to {highest:g}"
            elif math.isfinite(lowest):
                wanted += f" of at least {lowest:g}"
            hint = number_hint(text)
            if missing and not hint:
                hint = f". A missing value is empty or {', '.join(MISSING[1:])}"
            raise ValueError(
                f"{self._table.path}, line {self.lines[row]}: column {column!r} is {text[:40]!r} but must be {wanted}"
                f"{hint}"
            )
        return found
