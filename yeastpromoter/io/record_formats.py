"""The formats of sequence files: FASTA, tables and lists.

A *list* (one sequence per line) is a table of one column. Each format cuts a stretch of text into whole records
with numpy operations on all of its bytes at once: a Python loop over the records would be many times slower.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np

from yeastpromoter.argument_names import argument

_NEWLINE, _RETURN, _QUOTE, _GREATER = b'\n\r">'

_NO_SEQUENCE_SYMBOLS = str.maketrans("", "", ascii_uppercase + "-.*")

_OTHER_DELIMITERS = {";": "semicolons", "|": "bars", ",": "commas", "\t": "tabs", " ": "blanks"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d[\d.]*,\d+([eE][+-]?\d+)?")

#: Letters of the longest cell that is read as a number together with all others.
_WIDEST_NUMBER = 40


@dataclass
class Spans:
    """Stretches of a text, one for each record or cell.

    Attributes
    ----------
    text : bytes
        What the stretches are cut from.
    start, stop : numpy.ndarray
        `int64` (N,), half-open positions in `text`.
    doubled_quotes : bool
        Whether a quotation mark inside a stretch is written twice.
    """

    text: bytes
    start: np.ndarray
    stop: np.ndarray
    doubled_quotes: bool = False

    @property
    def lengths(self) -> np.ndarray:
        """Lengths in bytes, `int64` (N,)."""
        return self.stop - self.start

    def string(self, number: int) -> str:
        """One of the stretches as a string."""
        return self.take([number]).strings()[0]

    def take(self, which: np.ndarray | Sequence[int]) -> Spans:
        """Some of the stretches, by their numbers or a mask."""
        return Spans(self.text, self.start[which], self.stop[which], self.doubled_quotes)

    def joined(self) -> np.ndarray:
        """Bytes of all stretches, which must be ascending and not overlap, one after the other, `uint8`."""
        text = np.frombuffer(self.text, dtype=np.uint8)
        lengths = self.lengths
        if lengths.size and lengths[0] and (lengths == lengths[0]).all():
            return np.lib.stride_tricks.sliding_window_view(text, int(lengths[0]))[self.start].ravel()
        steps = np.zeros(text.size + 1, dtype=np.int8)
        filled = lengths > 0
        steps[self.start[filled]] += 1
        steps[self.stop[filled]] -= 1
        return text[np.cumsum(steps[:-1], dtype=np.int8).view(bool)]

    def strings(self) -> list[str]:
        """Every stretch as a string."""
        bounds = zip(self.start.tolist(), self.stop.tolist(), strict=True)
        if self.text.isascii():
            text = self.text.decode("ascii")
            strings = [text[start:stop] for start, stop in bounds]
        else:
            strings = [self.text[start:stop].decode("utf-8") for start, stop in bounds]
        return [string.replace('""', '"') for string in strings] if self.doubled_quotes else strings

    def numbers(self) -> np.ndarray:
        """Every stretch as a number, `float64` (N,); NaN where it is not a finite decimal number."""
        values = self._plain_numbers()
        if values is None:
            values = np.array([_number(cell) for cell in self.strings()], dtype=np.float64)
        values[~np.isfinite(values)] = np.nan
        return values

    def _plain_numbers(self) -> np.ndarray | None:
        """All numbers read at once, several times faster than one by one; None unless every stretch is plainly one."""
        lengths = self.lengths
        width = int(lengths.max(initial=0))
        if not lengths.all() or width > _WIDEST_NUMBER:
            return None
        text = np.frombuffer(self.text + b" " * (width + 1), dtype=np.uint8)
        cells = np.lib.stride_tricks.sliding_window_view(text, width + 1)[self.start]
        inside = np.arange(width + 1) < lengths[:, np.newaxis]
        # A stretch with a blank could count as two numbers and make up for one that counts as none.
        if ((cells <= ord(" ")) & inside).any():
            return None
        cells[~inside] = ord(" ")
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # how numpy says that something is not a number
            try:
                return np.fromstring(cells.tobytes(), sep=" ")
            except (DeprecationWarning, ValueError):
                return None


def _number(cell: str) -> float:
    try:
        # float() would read 1_5 as 15.
        return float(cell) if "_" not in cell else np.nan
    except ValueError:
        return np.nan


@dataclass
class Records:
    """Records found in a stretch of text.

    Attributes
    ----------
    start : numpy.ndarray
        `int64` (N,), position in the text at which each record starts.
    sequences : Spans
        The sequences, without line ends. Their text need not be the one that was parsed.
    ids : Spans or None
        The ids, None where the format or the chosen columns have none.
    targets : Spans or None
        The cells of the target columns, one column after the other; None where none were chosen.
    """

    start: np.ndarray
    sequences: Spans
    ids: Spans | None
    targets: Spans | None = None


def _lines(text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of the lines of a text that ends with LF, without LF and the CR before it."""
    newlines = np.flatnonzero(text == _NEWLINE)
    starts = np.empty_like(newlines)
    starts[:1] = 0
    starts[1:] = newlines[:-1] + 1
    stops = newlines - ((newlines > starts) & (text[newlines - 1] == _RETURN))
    if ((stops > starts) & (text[stops - 1] == _RETURN)).any():
        others = np.flatnonzero(text != _RETURN)
        before = np.append(-1, others)[np.searchsorted(others, newlines)]
        stops = np.maximum(starts, before + 1)
    return starts, stops


class Fasta:
    """FASTA: a header line with ``>`` and an id, then the sequence on one or more lines.

    The id is the first word of the header. Blank lines are skipped.
    """

    name = "FASTA"

    def end_of_records(self, text: bytes) -> int:
        """Position after the last record that is surely whole; 0 if there is none."""
        return text.rfind(b"\n>") + 1

    def place(self, record: int) -> str:
        """Where a record is, for messages."""
        return f"record {record}"

    def parse(self, data: bytes, first_record: int = 0) -> Records:
        """Find the records of a stretch of text.

        Parameters
        ----------
        data : bytes
            Whole records, ending with LF.
        first_record : int, optional
            Number of the first of them in the file. FASTA needs none: every text that starts with ``>`` is valid.

        Returns
        -------
        Records
        """
        text = np.frombuffer(data, dtype=np.uint8)
        starts, stops = _lines(text)
        is_header = text[starts] == _GREATER
        headers = np.flatnonzero(is_header)
        ids = self._ids(data, text, starts[headers], stops[headers])
        if 2 * headers.size == starts.size and is_header[::2].all():
            sequences = Spans(data, starts[1::2], stops[1::2])
        else:
            lines = ~is_header
            letters = Spans(data, starts[lines], stops[lines]).joined()
            record_of_line = np.cumsum(is_header)[lines] - 1
            lengths = np.bincount(record_of_line, (stops - starts)[lines], headers.size).astype(np.int64)
            ends = np.cumsum(lengths)
            sequences = Spans(letters.tobytes(), ends - lengths, ends)
        return Records(starts[headers], sequences, ids)

    @staticmethod
    def _ids(data: bytes, text: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> Spans:
        starts = starts + 1
        is_blank = (text == ord(" ")) | (text == ord("\t"))
        blanks = np.flatnonzero(is_blank)
        if blanks.size:
            if is_blank[starts].any():  # between the > and the id
                others = np.flatnonzero(~is_blank)
                starts = others[np.searchsorted(others, starts)]
            following = np.append(blanks, text.size)[np.searchsorted(blanks, starts)]
            stops = np.minimum(stops, following)
        return Spans(data, starts, stops)


class Rows:
    """Rows of a table, and where their cells are.

    A cell may stand in quotation marks, which are taken off. Unless the delimiter is a tab, it is a letter like others
    between quotation marks, and a quotation mark in a cell is written twice. A cell does not run over a line end.

    Parameters
    ----------
    data : bytes
        Whole rows, ending with LF.
    delimiter : str
        One ASCII character between the cells, or an empty string for rows of one cell.
    n_columns : int or None
        Number of columns that every row must have; None for as many as the first row has.
    place : callable
        From the number of a row among these to where it is, for messages.
    after_header : bool, optional
        Whether the line before the first row is the header.

    Attributes
    ----------
    start : numpy.ndarray
        `int64` (N,), position in the text at which each row starts.
    n_columns : int
        Number of columns of every row.

    Raises
    ------
    ValueError
        If a row has another number of columns, or a quotation mark that is not closed on its line.
    """

    def __init__(
        self,
        data: bytes,
        delimiter: str,
        n_columns: int | None,
        place: Callable[[int], str],
        after_header: bool = False,
    ) -> None:
        text = np.frombuffer(data, dtype=np.uint8)
        self._data, self._text, self._delimiter = data, text, delimiter
        self.start, self._stops = _lines(text)
        quotes = np.flatnonzero(text == _QUOTE)
        self._has_quotes = bool(quotes.size)
        delimiters = np.flatnonzero(text == ord(delimiter)) if delimiter else quotes[:0]
        if self._has_quotes and delimiter not in ("", "\t"):
            delimiters = self._outside_quotes(delimiters, quotes, place)
        counts = np.diff(np.searchsorted(delimiters, np.append(self.start, text.size))) + 1
        self.n_columns = int(counts[0]) if n_columns is None else n_columns
        ragged = counts != self.n_columns
        if ragged.any():
            row = int(np.argmax(ragged))
            empty = self.start[row] == self._stops[row]
            what = "is empty" if empty else f"has {counts[row]} column{'s' * bool(counts[row] > 1)}"
            hint = ""
            if after_header and row == 0 and counts[row] == self.n_columns + 1:
                hint = ". A header without a name for the row names comes from R: write it with row.names=FALSE"
            raise ValueError(
                f"{place(row)} {what}, but the first line of the {table_name(delimiter)} has {self.n_columns}{hint}"
            )
        self._delimiters = delimiters.reshape(self.start.size, self.n_columns - 1)

    def __len__(self) -> int:
        return self.start.size

    def take(self, which: np.ndarray) -> Rows:
        """Some of the rows, by their numbers among these or a mask."""
        taken = copy.copy(self)
        taken.start, taken._stops, taken._delimiters = self.start[which], self._stops[which], self._delimiters[which]
        return taken

    def cells(self, *columns: int) -> Spans:
        """Cells of some columns, by their numbers from 0, one column after the other."""
        starts, stops, delimiters = self.start, self._stops, self._delimiters
        start = np.concatenate([delimiters[:, column - 1] + 1 if column else starts for column in columns])
        last = self.n_columns - 1
        stop = np.concatenate([delimiters[:, column] if column < last else stops for column in columns])
        if not self._has_quotes:
            return Spans(self._data, start, stop)
        quoted = (stop - start >= 2) & (self._text[start] == _QUOTE) & (self._text[stop - 1] == _QUOTE)
        return Spans(self._data, start + quoted, stop - quoted, doubled_quotes=self._delimiter not in ("", "\t"))

    def _outside_quotes(self, delimiters: np.ndarray, quotes: np.ndarray, place: Callable[[int], str]) -> np.ndarray:
        before_line = np.searchsorted(quotes, self.start)
        unclosed = (np.searchsorted(quotes, self._stops) - before_line) % 2 == 1
        if unclosed.any():
            raise ValueError(
                f"{place(int(np.argmax(unclosed)))} has a quotation mark that is not closed on its line: a cell must "
                "not run over a line end"
            )
        line = np.searchsorted(self.start, delimiters, side="right") - 1
        return delimiters[(np.searchsorted(quotes, delimiters) - before_line[line]) % 2 == 0]


def table_name(delimiter: str) -> str:
    """What a table with a delimiter is called."""
    names = {"\t": "tab-separated table", ",": "comma-separated table", "": "list of sequences"}
    return names.get(delimiter, f"table separated by {delimiter!r}")


def end_of_lines(text: bytes) -> int:
    """Position after the last line that is surely whole; 0 if there is none."""
    return text.rfind(b"\n") + 1


class Table:
    """A table with a fixed number of columns, or a list: one column and no delimiter. See `Rows`.

    Parameters
    ----------
    delimiter : str
        Tab or comma, or an empty string for a list.
    n_columns : int
        Number of columns of every row.
    has_header : bool
        Whether the first line is a header (for the line numbers in messages).
    sequence, id, targets : int, int or None, sequence of int
        Numbers of the columns, from 0.

    Attributes
    ----------
    name : str
        What the format is called.
    delimiter : str
        As given.
    n_columns : int
        Number of columns of every row.
    """

    def __init__(
        self,
        delimiter: str,
        n_columns: int,
        has_header: bool,
        sequence: int,
        id: int | None,
        targets: Sequence[int],
    ) -> None:
        self.name = table_name(delimiter)
        self.delimiter = delimiter
        self.n_columns = n_columns
        self._has_header = has_header
        self._sequence = sequence
        self._id = id
        self._targets = tuple(targets)

    end_of_records = staticmethod(end_of_lines)

    def place(self, record: int) -> str:
        """Where a record is, for messages."""
        return f"record {record} (line {record + 1 + self._has_header})"

    def rows(self, data: bytes, first_record: int = 0) -> Rows:
        """Find the rows of a stretch of text, all columns of them; arguments and errors as for `parse`."""
        return Rows(
            data,
            self.delimiter,
            self.n_columns,
            lambda row: self.place(first_record + row),
            after_header=self._has_header and first_record == 0,
        )

    def parse(self, data: bytes, first_record: int = 0) -> Records:
        """Find the records of a stretch of text.

        Parameters
        ----------
        data : bytes
            Whole rows, ending with LF.
        first_record : int, optional
            Number of the first of them in the file, for messages.

        Returns
        -------
        Records

        Raises
        ------
        ValueError
            If a row has another number of columns, or a quotation mark that is not closed on its line.
        """
        rows = self.rows(data, first_record)
        return Records(
            rows.start,
            rows.cells(self._sequence),
            None if self._id is None else rows.cells(self._id),
            rows.cells(*self._targets) if self._targets else None,
        )


def split_row(line: str, delimiter: str) -> list[str]:
    """Cut one row of a table into its cells, as `Rows` does.

    Parameters
    ----------
    line : str
        A row without its line end.
    delimiter : str
        One ASCII character, or an empty string for a row of one cell.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a quotation mark is not closed.
    """
    row = Rows(line.encode("utf-8") + b"\n", delimiter, None, lambda _: "line 1")
    return row.cells(*range(row.n_columns)).strings()


def looks_like_dna(cell: str) -> bool:
    """Whether a cell is a sequence, perhaps with mistakes, rather than the name of a column.

    Parameters
    ----------
    cell : str
        A cell of the first row.

    Returns
    -------
    bool
        True for letters A, C, G, T and N alone, for ten and more characters of which at least three in four are A,
        C, G, T, U or N, and for forty and more letters, dashes, dots and asterisks (a protein, an alignment, many
        IUPAC codes): a sequence with mistakes must not be passed over as a header.
    """
    upper = cell.strip().upper()
    if not upper.strip("ACGTN"):
        return True
    if len(upper) >= 40 and not upper.translate(_NO_SEQUENCE_SYMBOLS):
        return True
    return len(upper) >= 10 and sum(letter in "ACGTUN" for letter in upper) >= 0.75 * len(upper)


def detect(
    line: str,
    sequence_column: int | str = 0,
    id_column: int | str | None = None,
    target_columns: Sequence[int | str] = (),
    header: bool | str = "auto",
) -> tuple[Fasta | Table, bool]:
    """Recognise the format of a file from its first line.

    Parameters
    ----------
    line : str
        First line of the file, without its line end.
    sequence_column, id_column : int or str, int or str or None
        Column by its number, from 0, or by its name in the header. No `id_column`: the table has no ids.
    target_columns : sequence of int or str
        Columns with numbers to predict.
    header : {"auto", True, False}
        Whether a table starts with a header. With ``"auto"`` it does when a column is chosen by its name, or when
        the first cell of the sequence column does not look like DNA.

    Returns
    -------
    format : Fasta or Table
    has_header : bool
        Whether `line` is a header that is not a record.

    Raises
    ------
    ValueError
        If a column does not exist, or columns are chosen in a FASTA file.
    """
    chosen = [sequence_column, *([] if id_column is None else [id_column]), *target_columns]
    if line.startswith(">"):
        given = {
            "sequence_column": sequence_column != 0,
            "id_column": id_column is not None,
            "target_columns": bool(target_columns),
            "header": header is True,
        }
        if any(given.values()):
            names = " and ".join(argument(name) for name, is_given in given.items() if is_given)
            raise ValueError(f"is FASTA, which has neither columns nor a header line: leave out {names}")
        return Fasta(), False
    delimiter = next((letter for letter in "\t," if letter in line), "")
    if line.startswith("@") and not delimiter:
        raise ValueError("looks like FASTQ: convert it to FASTA or to one sequence per line")
    names = [cell.strip() for cell in split_row(line, delimiter)]
    by_name = any(isinstance(column, str) for column in chosen)
    if header is False and by_name:
        raise ValueError(
            f"columns are chosen by name although {argument('header', False)} says that there is no header: choose "
            "them by number, from 0"
        )
    numbers = {column: column_number(column, names) for column in dict.fromkeys(chosen)}
    sequence = numbers[sequence_column]
    if delimiter and not names[sequence] and header == "auto" and not by_name:
        raise ValueError(
            f"the first line has nothing in column {sequence}, where the sequence should be. If it is a header, and "
            "the column is the index that pandas writes, write the table with to_csv(…, index=False), or choose the "
            f"column of the sequences with {argument('sequence_column')}; {_listed(names)}"
        )
    has_header = by_name or not looks_like_dna(names[sequence]) if header == "auto" else bool(header)
    table = Table(
        delimiter,
        len(names),
        has_header,
        sequence,
        None if id_column is None else numbers[id_column],
        [numbers[column] for column in target_columns],
    )
    return table, has_header


def column_number(column: int | str, names: Sequence[str]) -> int:
    """Number of a column of a table.

    Parameters
    ----------
    column : int or str
        Its number, from 0, or its name.
    names : sequence of str
        The cells of the first line.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is no such column, or more than one of the name.
    """
    if isinstance(column, str):
        if names.count(column) == 1:
            return names.index(column)
        many = "more than one column" if column in names else "no column"
        hint = " (a number is given without quotation marks)" if column.isdecimal() else ""
        raise ValueError(f"has {many} named {column!r}{hint}; {_listed(names)}")
    if not 0 <= column < len(names):
        raise ValueError(f"has no column {column}: columns are numbered from 0; {_listed(names)}")
    return column


def _listed(names: Sequence[str]) -> str:
    found = ", ".join(f"{number} {name[:40]!r}" for number, name in enumerate(names[:30]))
    more = f", … ({len(names)} in all)" if len(names) > 30 else ""
    separator = next((word for letter, word in _OTHER_DELIMITERS.items() if len(names) == 1 and letter in names[0]), "")
    hint = f". It looks separated by {separator}: save it with tabs or commas between the columns" if separator else ""
    return f"the first line has {found}{more}{hint}"


def number_hint(cell: str) -> str:
    """What is probably wrong with a cell that should be a number, to follow a message; empty if nothing is known."""
    if _DECIMAL_COMMA.fullmatch(cell.strip()):
        return ". Is the comma a decimal comma, or between thousands? Write a decimal point, and no mark for thousands"
    return ""
