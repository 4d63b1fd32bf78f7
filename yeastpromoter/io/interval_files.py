"""Genome intervals as promoter sequences: a BED file and the genome that it is of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.io.genome import ChromosomeNames, read_genome
from yeastpromoter.io.sequence_files import Batch, Promoters, SequenceFile
from yeastpromoter.io.text_files import TextFile, id_problem, position
from yeastpromoter.sequence.construct_rules import NAMED, ConstructRules
from yeastpromoter.sequence.encoding import find_invalid, reverse_complement
from yeastpromoter.sequence.reporter import PTPA, Reporter
from yeastpromoter.sequence.scanning import PromoterRules

#: Lines of a BED file that are not intervals.
_NOT_INTERVALS = (b"#", b"track ", b"track\t", b"browser ", b"browser\t")

_STRANDS = (b"+", b"-", b".")
_POSITIONS = ("start", "end")

#: Arguments that say how a sequence file is read, with their defaults: intervals have none of them.
_OF_SEQUENCE_FILES = {
    "sequence_column": 0,
    "id_column": None,
    "target_columns": None,
    "header": "auto",
    "first_record": 0,
}


def open_sequences(
    path: str | os.PathLike,
    fasta_file: str | os.PathLike | None = None,
    *,
    sequence_type: str | None = None,
    other_lengths: str = "error",
    check_adapters: bool = True,
    rules: ConstructRules | PromoterRules | None = None,
    reporter: Reporter = PTPA,
    **reading: object,
) -> SequenceFile | IntervalFile:
    """Open a file of sequences, or of intervals of a genome.

    Parameters
    ----------
    path : str or os.PathLike
        FASTA, table or list (see `yeastpromoter.io.sequence_files.SequenceFile`), or with `fasta_file` BED.
    fasta_file : str or os.PathLike, optional
        The genome that intervals are cut from.
    sequence_type : {"construct", "insert"}, optional
        What the sequences are. Default: constructs in a sequence file, inserts in a genome.
    other_lengths, check_adapters : optional
        As for `yeastpromoter.sequence.construct_rules.ConstructRules`.
    rules, reporter : optional
        As for `yeastpromoter.io.sequence_files.SequenceFile`.
    **reading
        Further arguments of `SequenceFile`, which intervals do not have.

    Returns
    -------
    SequenceFile or IntervalFile
        The file, checked as a whole.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file or an argument is wrong.
    """
    deciding = {"other_lengths": other_lengths, "check_adapters": check_adapters, "rules": rules, "reporter": reporter}
    if fasta_file is None:
        sequence_type = "construct" if sequence_type is None else sequence_type
        return SequenceFile(path, sequence_type=sequence_type, **deciding, **reading)
    useless = [argument(name) for name, value in reading.items() if value != _OF_SEQUENCE_FILES[name]]
    if useless:
        raise ValueError(
            f"{', '.join(useless)} must be left out with {argument('fasta_file')}: the file is BED then, whose columns "
            "have their places"
        )
    sequence_type = "insert" if sequence_type is None else sequence_type
    return IntervalFile(path, fasta_file, sequence_type=sequence_type, **deciding)


class _Interval(NamedTuple):
    """A line of a BED file."""

    line: int
    chromosome: str
    start: int
    stop: int
    name: str
    strand: bytes


class IntervalFile:
    """The sequences of the intervals of a BED file, as constructs.

    An interval is read on its strand, which is to be the one that reads toward the gene; without a strand it is read on
    the forward strand, and counted. Its id is its name, or without one the interval itself, such as
    ``II:278600-278680:+``.

    Parameters
    ----------
    path : str or os.PathLike
        BED with three columns or more, separated by tabs: chromosome, start, end (0-based, half-open), name, score,
        strand; plain, gzip or bgzip. Comments and the lines ``track`` and ``browser`` are passed over.
    fasta_file : str or os.PathLike
        The genome; see `yeastpromoter.io.genome.read_genome`. Chromosome names are matched as
        `yeastpromoter.io.genome.ChromosomeNames` does.
    sequence_type, other_lengths, check_adapters : optional
        As for `yeastpromoter.sequence.construct_rules.ConstructRules`. Inserts; an error; the adapters are checked.
    rules, reporter : optional
        As for `yeastpromoter.io.sequence_files.SequenceFile`.

    Attributes
    ----------
    path : str
        Absolute path of the BED file.
    n_records : int
        Number of intervals; ``len()`` is the number of those that were not dropped.
    n_dropped, n_fitted : int
        Number of intervals that were dropped, and that are fitted to the length of a construct.
    notes : tuple of str
        What a user should know of.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If an argument or a line is wrong, or an interval does not lie within a chromosome of the genome; the message
        names the file, the line, what was found and what was wanted.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        fasta_file: str | os.PathLike,
        *,
        sequence_type: str = "insert",
        other_lengths: str = "error",
        check_adapters: bool = True,
        rules: ConstructRules | PromoterRules | None = None,
        reporter: Reporter = PTPA,
    ) -> None:
        self._rules = rules
        if rules is None:
            self._rules = ConstructRules(reporter, sequence_type, other_lengths, check_adapters)
        genome = read_genome(fasta_file)
        offsets = dict(zip(genome, np.cumsum([0, *map(len, genome.values())]).tolist(), strict=False))
        self._letters = np.concatenate(list(genome.values()))
        names = ChromosomeNames(genome)
        ids, starts, lengths, reverse, unstranded = [], [], [], [], 0
        with closing(TextFile(path)) as text:
            self.path = text.path
            for interval in _intervals(text):
                chromosome = names.find(interval.chromosome)
                if chromosome is None or interval.stop > genome[chromosome].size:
                    raise ValueError(f"{self.path}, line {interval.line}: {_outside(interval, chromosome, genome)}")
                strand = "-" if interval.strand == b"-" else "+"
                unstranded += interval.strand == b"."
                place = f"{interval.chromosome}:{interval.start}-{interval.stop}:{strand}"
                ids.append(interval.name or place)
                starts.append(offsets[chromosome] + interval.start)
                lengths.append(interval.stop - interval.start)
                reverse.append(strand == "-")
        if not ids:
            raise ValueError(f"{self.path}: has no intervals")
        self._ids = np.array(ids, dtype=np.str_)
        self._starts, self._lengths = np.array(starts), np.array(lengths)
        self._reverse = np.array(reverse)
        self.n_records = len(ids)
        taken = self._look_at_all()
        self._kept = np.flatnonzero(taken)
        self.n_dropped, self.n_fitted = self._rules.n_dropped, self._rules.n_fitted
        self._rules.finish(self.path, self.n_records)
        self.notes = tuple(self._notes(names, unstranded))

    def __len__(self) -> int:
        return self._kept.size

    def read(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """Read some of the intervals.

        Parameters
        ----------
        indices : array_like of int
            (N,), which of the ``len()`` intervals that were not dropped, in any order.

        Returns
        -------
        yeastpromoter.io.sequence_files.Batch
            In the order of `indices`, without targets.

        Raises
        ------
        IndexError
            If an index is negative or not below ``len()``.
        """
        numbers = self._numbers(indices)
        lengths = self._lengths[numbers]
        return Batch(self._rules.constructs(self._joined(numbers), lengths), self._ids[numbers], numbers, lengths, None)

    def read_promoters(self, indices: Sequence[int] | np.ndarray) -> Promoters:
        """Read some of the intervals, whatever their lengths, each on its strand; arguments as for `read`."""
        numbers = self._numbers(indices)
        parts = np.split(self._joined(numbers), np.cumsum(self._lengths[numbers])[:-1])
        return Promoters(parts, self._ids[numbers], numbers)

    def _numbers(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        indices = np.asarray(indices, dtype=np.int64)
        if indices.size and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"indices must be at least 0 and less than {len(self)}, the number of intervals")
        return self._kept[indices]

    def _joined(self, numbers: np.ndarray) -> np.ndarray:
        """Letters of some intervals, each on its strand, one after the other."""
        lengths = self._lengths[numbers]
        within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        starts, reverse = self._starts[numbers], self._reverse[numbers]
        first = np.where(reverse, starts + lengths - 1, starts)
        joined = self._letters[np.repeat(first, lengths) + np.repeat(np.where(reverse, -1, 1), lengths) * within]
        # Turned round already: what is left is the complement, base by base.
        complement = reverse_complement(joined[:, np.newaxis])[:, 0]
        return np.where(np.repeat(reverse, lengths), complement, joined)

    def _look_at_all(self) -> np.ndarray:
        taken = []
        for first in range(0, self.n_records, 1 << 16):
            numbers = np.arange(first, min(first + (1 << 16), self.n_records))
            joined, lengths = self._joined(numbers), self._lengths[numbers]
            invalid = find_invalid(joined[np.newaxis])
            if invalid is not None:
                row = int(np.searchsorted(np.cumsum(lengths), invalid[1], side="right"))
                raise ValueError(
                    f"{self.path}: interval {first + row} {self._ids[first + row]!r} holds "
                    f"{chr(joined[invalid[1]])!r} in the FASTA, but only A, C, G, T and N can be predicted"
                )
            taken.append(
                self._rules.look_at(
                    joined,
                    lengths,
                    lambda row, first=first, lengths=lengths: (
                        f"interval {first + row} {self._ids[first + row][:80]!r} has {lengths[row]} bp"
                    ),
                )
            )
        return np.concatenate(taken)

    def _notes(self, names: ChromosomeNames, unstranded: int) -> Iterator[str]:
        matched = names.note(self.path)
        if matched:
            yield matched
        yield from self._rules.notes(self.path, self.n_records)
        if unstranded:
            yield (
                f"{self.path}: {unstranded:,} of {self.n_records:,} intervals have no strand (column 6) and are read "
                "on the forward strand"
            )
        _, index, counts = np.unique(self._ids[self._kept], return_index=True, return_counts=True)
        repeated = counts > 1
        if repeated.any():
            named = ", ".join(repr(name[:80]) for name in self._ids[self._kept[index[repeated][:NAMED]]].tolist())
            yield (
                f"{self.path}: {counts[repeated].sum():,} of {len(self):,} intervals share their name with another "
                f"one: {named}{', …' if repeated.sum() > NAMED else ''}. The record number distinguishes them"
            )


def _intervals(text: TextFile) -> Iterator[_Interval]:
    n_columns = None
    for number, line in enumerate(text.whole().split(b"\n"), start=1):
        line = line.removesuffix(b"\r")
        if not line.strip() or line.startswith(_NOT_INTERVALS):
            n_columns = None if line.startswith(b"track") else n_columns  # a track has columns of its own
            continue
        try:
            interval, columns = _interval(number, line), line.count(b"\t") + 1
            if columns != (n_columns or columns):
                raise ValueError(f"has {columns} columns, but those before it have {n_columns}: is the line cut off?")
            n_columns = columns
            yield interval
        except ValueError as error:
            raise ValueError(f"{text.path}, line {number}: {error}") from None


def _interval(number: int, line: bytes) -> _Interval:
    fields = line.split(b"\t")
    if len(fields) < 3:
        raise ValueError(
            f"has {len(fields)} column{'s' * (len(fields) > 1)} but BED has at least three, separated by tabs: "
            f"chromosome, start and end; found {line[:60].decode('utf-8', 'replace')!r}"
        )
    chromosome, name = fields[0].decode("utf-8"), fields[3].decode("utf-8") if len(fields) > 3 else ""
    start, stop = (position(field.decode("utf-8"), what) for field, what in zip(fields[1:3], _POSITIONS, strict=True))
    if stop <= start:
        raise ValueError(f"ends at {stop}, but must end after its start, {start}: BED is 0-based and half-open")
    strand = fields[5] if len(fields) > 5 else b"."
    if strand not in _STRANDS:
        raise ValueError(
            f"has the strand {strand.decode('utf-8', 'replace')!r} in column 6 but must have +, - or ., where . is the "
            "forward strand"
        )
    if problem := id_problem(name):
        raise ValueError(problem)
    return _Interval(number, chromosome, start, stop, "" if name == "." else name, strand)


def _outside(interval: _Interval, chromosome: str | None, genome: dict[str, np.ndarray]) -> str:
    if chromosome is None:
        return (
            f"the FASTA has no chromosome {interval.chromosome!r}; it has {', '.join(list(genome)[:20])}"
            f"{', …' if len(genome) > 20 else ''}"
        )
    return (
        f"the interval ends at {interval.stop:,}, but chromosome {chromosome} has {genome[chromosome].size:,} bp: is "
        "the FASTA the assembly that the intervals are of?"
    )
