"""Sequence files: checked once as a whole, then read by record number.

Opening a file reads all of it once. That pass checks every record and keeps where each one starts (8 bytes a
record), so files larger than memory can be read, in any order, and every mistake is found before the first
prediction.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.io.record_formats import Fasta, Records, Table, detect, looks_like_dna, number_hint, split_row
from yeastpromoter.io.text_files import FIRST_LINE_BYTES, MAX_ID_LENGTH, TextFile, id_problem
from yeastpromoter.sequence.construct_rules import NAMED, ConstructRules, choice
from yeastpromoter.sequence.encoding import find_invalid, one_hot
from yeastpromoter.sequence.model_input import mark_recognised
from yeastpromoter.sequence.reporter import PTPA, Reporter
from yeastpromoter.sequence.scanning import PromoterRules

_LETTER_HINTS = {
    "U": "is it RNA? Replace U by T",
    " ": "a space is not part of a sequence, and tables are separated by tab or comma",
    ";": "is the table separated by semicolons? Tab and comma are read",
    "|": "is the table separated by bars? Tab and comma are read",
    "-": "is it an alignment? Take the gaps out",
    "*": "is it a protein?",
    ">": "is it FASTA? Its first line must be a header, and every header needs a line of its own",
} | dict.fromkeys("RYSWKMBDHV", "of the IUPAC codes for more than one base only N is read")


@dataclass
class Batch:
    """Some records of a sequence file.

    Attributes
    ----------
    constructs : numpy.ndarray
        ASCII letters of the constructs, `uint8` (N, L).
    ids : numpy.ndarray
        Ids, `str` (N,).
    records : numpy.ndarray
        Numbers of the records in the file, from its `first_record`, `int64` (N,).
    lengths : numpy.ndarray
        Lengths of the sequences as they stand in the file, in bp, `int64` (N,).
    targets : numpy.ndarray or None
        `float32` (N, T) for T target columns; None if none were chosen.
    """

    constructs: np.ndarray
    ids: np.ndarray
    records: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray | None

    def encoded(self) -> np.ndarray:
        """One-hot encode the constructs, `float32` (N, L, 4); their adapters are not looked for again."""
        return mark_recognised(one_hot(self.constructs))


class Promoters(NamedTuple):
    """Some records of a file, as they stand in it.

    Attributes
    ----------
    letters : list of numpy.ndarray
        ASCII letters of each sequence, `uint8` (length,).
    ids : numpy.ndarray
        Ids, `str` (N,).
    records : numpy.ndarray
        Numbers of the records in the file, `int64` (N,).
    """

    letters: list[np.ndarray]
    ids: np.ndarray
    records: np.ndarray


class SequenceFile:
    """The promoter sequences of one file, as constructs.

    The file is FASTA, a table separated by tabs or commas, or a list of one sequence per line; plain, gzip or
    bgzip; the format is recognised from the content. Blank lines at its end are not records. A record without an
    id has its number as id.

    Parameters
    ----------
    path : str or os.PathLike
        File to read.
    sequence_column : int or str, optional
        Column with the sequence: its number, from 0, or its name in the header.
    id_column : int or str, optional
        Column with the id. Without it the number of the record, from 0, is the id; FASTA has its own ids.
    target_columns : int or str, or a sequence of them, optional
        Columns with numbers to predict: a single expression, or buckets.
    header : {"auto", True, False}, optional
        Whether a table starts with a header. With ``"auto"`` it does when a column is chosen by its name, or when
        the sequence column of the first line does not look like DNA.
    sequence_type, other_lengths, check_adapters : optional
        What the sequences are, and what is done about those that are not that: see
        `yeastpromoter.sequence.construct_rules.ConstructRules`. Whole constructs; an error; the adapters are checked.
    first_record : int, optional
        Number of the first record. It is not 0 for a file that was cut out of a larger one (see `text_of`) and whose
        records keep their numbers.
    rules : optional
        New rules that decide in place of the three arguments above which sequences are taken: with
        `yeastpromoter.sequence.construct_rules.RulesByLength` the first sequence says what they are, and with
        `yeastpromoter.sequence.scanning.PromoterRules` they are promoters, for `read_promoters` alone.
    reporter : Reporter, optional
        The reporter of the constructs, where there are no `rules`.

    Attributes
    ----------
    path : str
        Absolute path.
    format : str
        The format that was recognised.
    n_records : int
        Number of records in the file; ``len()`` is the number of those that were not dropped.
    n_dropped, n_fitted, n_duplicates : int
        Number of records that were dropped, that are fitted to the length of a construct, and whose id another record
        has too.
    notes : tuple of str
        What a user should know of: sentences on the three, those that are not 0, and on sequences with many N.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If an argument is wrong or anything in the file is: each message names the file, the record, what was found
        and what was wanted. See also `yeastpromoter.io.text_files.TextFile`.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        sequence_column: int | str = 0,
        id_column: int | str | None = None,
        target_columns: int | str | Sequence[int | str] | None = None,
        header: bool | str = "auto",
        sequence_type: str = "construct",
        other_lengths: str = "error",
        check_adapters: bool = True,
        first_record: int = 0,
        rules: ConstructRules | PromoterRules | None = None,
        reporter: Reporter = PTPA,
    ) -> None:
        sequence_column = _column("sequence_column", sequence_column)
        id_column = None if id_column is None else _column("id_column", id_column)
        if target_columns is None:
            target_columns = ()
        elif isinstance(target_columns, (int, str)):
            target_columns = (target_columns,)
        self._target_columns = tuple(_column("target_columns", column) for column in target_columns)
        header = choice("header", header, ("auto", True, False))
        self._rules = rules
        if rules is None:
            self._rules = ConstructRules(reporter, sequence_type, other_lengths, check_adapters)
        if type(first_record) is not int or first_record < 0:
            raise ValueError(f"first_record must be a record's number, at least 0, but is {first_record!r}")
        self._first_record = first_record

        self._text = TextFile(path)
        self.path = self._text.path
        self._format, start = self._detect(sequence_column, id_column, header)
        self.format = self._format.name
        self._check_and_index(start)

    def __len__(self) -> int:
        return self.n_records - self.n_dropped

    def read(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """Read some of the records.

        Parameters
        ----------
        indices : array_like of int
            (N,), which of the ``len()`` records that were not dropped, in any order.

        Returns
        -------
        Batch
            In the order of `indices`.

        Raises
        ------
        IndexError
            If an index is negative or not below ``len()``.
        ValueError
            If the file has changed since it was checked.
        """
        records, numbers = self._records(indices)
        lengths = records.sequences.lengths
        return Batch(
            constructs=self._constructs(records.sequences.joined(), lengths),
            ids=np.array(self._ids(records, numbers), dtype=np.str_),
            records=numbers,
            lengths=lengths,
            targets=self._targets(records, numbers),
        )

    def read_promoters(self, indices: Sequence[int] | np.ndarray) -> Promoters:
        """Read some of the records as they stand in the file, whatever their lengths; arguments as for `read`."""
        records, numbers = self._records(indices)
        lengths = records.sequences.lengths
        parts = np.split(records.sequences.joined(), np.cumsum(lengths)[:-1])
        return Promoters(parts, np.array(self._ids(records, numbers), dtype=np.str_), numbers)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of a table, ``column_0`` and so on where it has no name for one; none in FASTA."""
        if not isinstance(self._format, Table):
            return []
        line = self._header.rstrip(b"\r\n").decode("utf-8")
        names = split_row(line, self._format.delimiter) if line else [""] * self._format.n_columns
        return [name.strip() or f"column_{number}" for number, name in enumerate(names)]

    def read_columns(self, indices: Sequence[int] | np.ndarray) -> list[list[str]]:
        """Read all cells of some of the records of a table, in the order of `columns`; arguments as for `read`."""
        numbers = self._checked_numbers(indices)
        rows = self._format.rows(self._read_text(numbers))
        return [rows.cells(column).strings() for column in range(rows.n_columns)]

    def _checked_numbers(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        indices = np.asarray(indices, dtype=np.int64)
        if indices.size and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"indices must be at least 0 and less than {len(self)}, the number of sequences")
        return self.record_numbers(indices)

    def _records(self, indices: Sequence[int] | np.ndarray) -> tuple[Records, np.ndarray]:
        numbers = self._checked_numbers(indices)
        records = self._format.parse(self._read_text(numbers))
        if records.start.size != numbers.size:
            raise ValueError(f"{self.path}: the file has changed since it was checked")
        return records, numbers

    def record_numbers(self, indices: np.ndarray) -> np.ndarray:
        """Look up the numbers of records.

        Parameters
        ----------
        indices : numpy.ndarray
            `int64` (N,), which of the ``len()`` records that were not dropped.

        Returns
        -------
        numpy.ndarray
            Their numbers among all records of the file, `int64` (N,).
        """
        return indices + self._first_record if self._kept is None else self._kept[indices]

    def text_of(self, first: int, stop: int) -> bytes:
        """Cut some records out, as the text of a file of its own.

        Parameters
        ----------
        first, stop : int
            Numbers of the first record and of the one after the last, dropped ones counted.

        Returns
        -------
        bytes
            The records as they stand in the file, after its header line if it has one. Read with the arguments of
            this file and `first` as `first_record` they are the same records, unless the first of them makes another
            format of the file, which a reader has to check.
        """
        return self._header + self._read_text(np.arange(first, stop))

    def _detect(
        self, sequence_column: int | str, id_column: int | str | None, header: bool | str
    ) -> tuple[Fasta | Table, int]:
        """Format of the file and position of its first record."""
        start = self._text.start
        head = next(self._text.blocks(start, FIRST_LINE_BYTES))
        blank = len(head) - len(head.lstrip(b"\r\n"))
        if head[blank:].startswith(b">"):
            start, head = start + blank, head[blank:]
        line, newline, _ = head.partition(b"\n")
        line = line.rstrip(b"\r")
        if not line:
            raise ValueError(f"{self.path}: the first line is empty")
        try:
            found, has_header = detect(
                line.decode("utf-8", "replace"), sequence_column, id_column, self._target_columns, header
            )
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None
        is_cut = not newline and start + len(head) < self._text.stop
        if is_cut and isinstance(found, Table) and found.n_columns > 1:
            raise ValueError(f"{self.path}: the first line is longer than {FIRST_LINE_BYTES >> 20} MiB")
        self._header = b""
        if not has_header:
            return found, start
        self._header = head.partition(b"\n")[0] + b"\n"
        start += len(self._header)
        if start >= self._text.stop:
            raise ValueError(
                f"{self.path}: there are no records after the header {line[:80].decode('utf-8', 'replace')!r}"
            )
        return found, start

    def _check_and_index(self, start: int) -> None:
        rules = self._rules
        starts, kept, hashes = [], [], []
        first = self._first_record
        for position, text in self._text.stretches(start, self._format.end_of_records):
            records = self._parse(text, first)
            lengths = records.sequences.lengths
            numbers = np.arange(first, first + lengths.size)
            self._check_letters(records, numbers)
            ids = self._ids(records, numbers)
            self._targets(records, numbers)
            taken = rules.look_at(records.sequences.joined(), lengths, partial(self._named, first, ids, lengths))
            if rules.drops:
                kept.append(numbers[taken])
            if records.ids is not None:
                hashes.append(np.fromiter(map(hash, ids), np.int64, len(ids))[taken])
            starts.append(position + records.start)
            first += lengths.size

        self.n_records = first - self._first_record
        self.n_dropped, self.n_fitted = rules.n_dropped, rules.n_fitted
        self._starts = np.concatenate([*starts, [self._text.stop]])
        del starts
        self._kept = np.concatenate(kept) if self.n_dropped and kept else None
        del kept
        of_many_columns = isinstance(self._format, Table) and self._format.n_columns > 1
        rules.finish(
            self.path,
            self.n_records,
            f" Does {argument('sequence_column')} choose the right column?" if of_many_columns else "",
        )
        duplicates = self._duplicates(hashes)
        self.n_duplicates = duplicates.size
        self.notes = (*rules.notes(self.path, self.n_records), *self._duplicate_notes(duplicates))

    def _named(self, first: int, ids: list[str], lengths: np.ndarray, row: int) -> str:
        number = first + row
        name = f" {ids[row][:80]!r}" if ids[row] != str(number) else ""
        return f"{self._format.place(number)}{name} has {lengths[row]} bp"

    def _parse(self, text: bytes, first: int) -> Records:
        try:
            return self._format.parse(text, first)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None

    def _check_letters(self, records: Records, numbers: np.ndarray) -> None:
        sequences = records.sequences
        lengths = sequences.lengths
        if not lengths.all():
            empty = int(np.argmin(lengths))
            raise ValueError(f"{self._place(records, numbers, empty)} has no sequence")
        joined = sequences.joined()
        invalid = find_invalid(joined[np.newaxis])
        if invalid is None:
            return
        ends = np.cumsum(lengths)
        row = int(np.searchsorted(ends, invalid[1], side="right"))
        position = invalid[1] - int(ends[row] - lengths[row])
        cell = sequences.string(row)
        letter = cell[position]
        message = (
            f"{self._place(records, numbers, row)} has {letter!r} at position {position + 1} of its sequence, but only "
            "A, C, G, T and N are read"
        )
        hint = _LETTER_HINTS.get(letter.upper())
        if letter == ";" and isinstance(self._format, Fasta):
            hint = "a comment line is not part of FASTA: take it out"
        if hint:
            message += f"; {hint}"
        if isinstance(self._format, Table) and self._format.n_columns > 1 and not looks_like_dna(cell):
            message += f". Does {argument('sequence_column')} choose the right column? The cell is {cell[:40]!r}"
        raise ValueError(message)

    def _place(self, records: Records, numbers: np.ndarray, row: int) -> str:
        number = int(numbers[row])
        place = f"{self.path}: {self._format.place(number)}"
        if records.ids is None:
            return place
        return f"{place}, id {records.ids.string(row)[:80]!r},"

    def _ids(self, records: Records, numbers: np.ndarray) -> list[str]:
        if records.ids is None:
            return list(map(str, numbers.tolist()))
        ids = records.ids.strings()
        if not "".join(ids).isprintable() or records.ids.lengths.max(initial=0) > MAX_ID_LENGTH:
            self._check_ids(records, numbers, ids)
        if not all(ids):
            ids = [name or str(number) for name, number in zip(ids, numbers.tolist(), strict=True)]
        return ids

    def _check_ids(self, records: Records, numbers: np.ndarray, ids: list[str]) -> None:
        for row, name in enumerate(ids):
            if problem := id_problem(name):
                raise ValueError(f"{self._place(records, numbers, row)} {problem}")

    def _targets(self, records: Records, numbers: np.ndarray) -> np.ndarray | None:
        if not self._target_columns:
            return None
        cells = records.targets
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused below
            targets = cells.numbers().astype(np.float32).reshape(len(self._target_columns), numbers.size)
        wrong = ~np.isfinite(targets)
        if wrong.any():
            # The first wrong row, as for every other mistake, and its first wrong column.
            row, column = (int(index) for index in np.argwhere(wrong.T)[0])
            place = column * numbers.size + row
            cell = cells.string(place)
            raise ValueError(
                f"{self._place(records, numbers, row)} has {cell[:40]!r} in target column "
                f"{self._target_columns[column]!r}, but must have a finite number there{number_hint(cell)}"
            )
        return np.ascontiguousarray(targets.T)

    def _duplicates(self, hashes: list[np.ndarray]) -> np.ndarray:
        """Indices of the sequences whose id another one has too."""
        if not hashes:
            return np.empty(0, dtype=np.int64)
        joined = np.concatenate(hashes)
        hashes.clear()
        ordered = np.sort(joined)
        repeated = ordered[1:][ordered[1:] == ordered[:-1]]
        if not repeated.size:
            return np.empty(0, dtype=np.int64)
        place = np.searchsorted(repeated, joined).clip(max=repeated.size - 1)
        return np.flatnonzero(repeated[place] == joined)

    def _duplicate_notes(self, duplicates: np.ndarray) -> Iterator[str]:
        if duplicates.size:
            batch = self.read(duplicates[:NAMED])
            named = ", ".join(
                f"{name[:80]!r} (record {number})"
                for name, number in zip(batch.ids.tolist(), batch.records.tolist(), strict=True)
            )
            more = ", …" if duplicates.size > NAMED else ""
            yield (
                f"{self.path}: {duplicates.size:,} of {len(self):,} sequences share their id with another one: "
                f"{named}{more}. The record number tells them apart"
            )

    def _read_text(self, numbers: np.ndarray) -> bytes:
        """Text of some records, one read for each run of consecutive ones."""
        if not numbers.size:
            return b""
        places = numbers - self._first_record
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        firsts = places[np.append(0, breaks)]
        lasts = places[np.append(breaks - 1, places.size - 1)]
        parts = []
        for start, stop in zip(self._starts[firsts].tolist(), self._starts[lasts + 1].tolist(), strict=True):
            parts.append(self._text.read(start, stop))
            if not parts[-1].endswith(b"\n"):
                parts.append(b"\n")
        return b"".join(parts)

    def _constructs(self, joined: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        try:
            return self._rules.constructs(joined, lengths)
        except ValueError as error:
            raise ValueError(f"{self.path}: the file has changed since it was checked: {error}") from None


def _column(name: str, value: object) -> int | str:
    if isinstance(value, str):
        return value
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise ValueError(f"{argument(name)} must hold a column's number, from 0, or its name but holds {value!r}")
