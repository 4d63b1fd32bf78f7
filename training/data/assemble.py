"""Assemble measured sequences from several sources into one table of constructs.

Sources are harmonised (trimmed, brought to one length, calibrated to one scale), repeated measurements are
merged, and whatever resembles a held-out sequence is left out. Everything dropped is counted.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.data.assay import PUBLIC, Assay
from training.data.data_files import DataFiles
from training.data.labels import cells_of_reads, check_sorted_cells, inner_buckets, line_between, range_of
from training.data.mpra import FastaTable, is_fasta, label_designs
from training.data.similarity import K, KmerSet, Neighbours, repeated_rows
from training.data.source_lines import VALUES, shared_values, source_line, values_by_source
from training.data.tables import NO_PART, PARTS, letters_of, sequences_of, write_report, write_table
from training.data.votes import count_columns, majority_bucket, mean_bucket
from training.notices import say, warn
from yeastpromoter.io.text_tables import TextTable
from yeastpromoter.sequence.adapters import forms, forms_of, hold_adapters, refusal
from yeastpromoter.sequence.construct_rules import NAMED
from yeastpromoter.sequence.reporter import MOST_FITTED, Reporter

#: Shares of a source's values beyond the scale above which they are refused, and warned of. Above the first they are of
#: another unit (of log ratios, many are below 0); up to the second they are noise at the ends of the scale.
_REFUSED_BEYOND, _WARNED_BEYOND = 0.25, 0.05
#: Different values of a column that a message shows.
_VALUES_SHOWN = 10


def _read_columns(path: Path, source: Mapping[str, Any], counts: dict[str, Any]) -> Iterator[pd.DataFrame]:
    """Read a source's columns as sequence, expression (or count_0, count_1 and so on) and the replicates that it has.

    Of the designs of an MPRA it reads sequence and name. Every row has the number of its part, `NO_PART` where the
    source gives none.

    Yields the rows that it selects, and counts the rows in the file and the selected ones. Where an expression or a
    replicate is missing, it is NaN. The index is the line of each row.
    """
    cells, of_mpra = source["columns"].get("counts"), source.get("mpra")
    texts = {"sequence": source["columns"]["sequence"]}
    values = {}
    if cells:
        values = dict(zip(count_columns(len(cells)), cells, strict=True))
    elif of_mpra:
        name = source["columns"]["name"]
        texts["name"] = texts["sequence"] if name is None else name
    else:
        values = {"expression": source["columns"]["expression"]}
    for number, column in enumerate(source["columns"].get("replicates", []), start=1):
        values[f"replicate_{number}"] = column
    select, split = source.get("select"), source["columns"].get("split")
    given = NO_PART if source.get("part") is None else PARTS.index(source["part"])
    further = [*([select["column"]] if select else []), *([] if split is None else [split])]
    wanted = [*texts.values(), *values.values(), *further]
    passed_over: list[str] = []
    try:
        fasta = of_mpra and is_fasta(path)
        table = FastaTable(path) if fasta else TextTable(path, source["separator"], source["header"])
        for column in wanted:
            table.number(column)
    except ValueError as error:
        raise ValueError(f"source {source['name']!r}: {error}") from None
    for rows in table.blocks():
        counts["rows_in_file"] += len(rows)
        if select:
            cells = np.array(rows.text(select["column"]), dtype=object)
            if not counts["rows"]:
                passed_over = [*dict.fromkeys([*passed_over, *cells])][:_VALUES_SHOWN]
            rows = rows.where(cells == select["value"])
        counts["rows"] += len(rows)
        columns = {name: np.array(rows.text(column), dtype=object) for name, column in texts.items()}
        for name, column in values.items():
            limits = {"lowest": 0} if name.startswith("count_") else {"missing": True}
            columns[name] = rows.numbers(column, **limits)
        columns["part"] = np.full(len(rows), given, dtype=np.uint8)
        if split is not None:
            columns["part"] = _parts(rows.text(split), rows.lines, source, path)
        yield pd.DataFrame(columns, index=rows.lines)
    if not counts["rows"] and passed_over:
        raise ValueError(
            f"source {source['name']!r}: no row of {path} has {select['value']!r} in the column {select['column']!r}: "
            f"select leaves nothing; the first values there are {', '.join(map(repr, passed_over))}"
        )
    if not counts["rows"]:
        raise ValueError(f"source {source['name']!r}: {path} has no rows: it is another file, or was cut short")


def _parts(cells: Sequence[str], lines: np.ndarray, source: Mapping[str, Any], path: Path) -> np.ndarray:
    """The parts that the column of a split says, `uint8`; rows where it is empty have none."""
    values = source["split_values"]
    words = {word.casefold(): PARTS.index(part) for part in PARTS for word in values[part]} | {"": NO_PART}
    cells = [cell.strip().casefold() for cell in cells]
    for line, cell in zip(lines, cells, strict=True):
        if cell not in words:
            known = "; ".join(f"{part}: {', '.join(values[part])}" for part in PARTS)
            raise ValueError(
                f"source {source['name']!r}: {path}, line {line}: {cell!r} in the column of the split, "
                f"{source['columns']['split']!r}, stands for no part. Put it under split_values of the source, which "
                f"has {known}"
            )
    return np.array([words[cell] for cell in cells], dtype=np.uint8)


def _reads_in_buckets(path: Path, source: Mapping[str, Any]) -> np.ndarray:
    """Reads of a whole file in each bucket, of the rows that the source does not select, too."""
    columns = source["columns"]["counts"]
    totals = np.zeros(len(columns))
    try:
        for rows in TextTable(path, source["separator"], source["header"]).blocks():
            totals += [rows.numbers(column, lowest=0).sum() for column in columns]
    except ValueError as error:
        raise ValueError(f"source {source['name']!r}: {error}") from None
    return totals


def _label(
    table: pd.DataFrame, source: Mapping[str, Any], in_buckets: np.ndarray | None, counts: dict[str, Any], assay: Assay
) -> pd.DataFrame:
    """Put the expression in place of the counts: the mean bucket, or the majority's, without the rows that have none.

    Rows without cells keep an expression of NaN, as one that was not measured. With the reads of the whole file in each
    bucket, counts are reads, and become cells first.
    """
    names = list(count_columns(assay.buckets))
    cells = table[names].to_numpy()
    table = table.drop(columns=names)
    if in_buckets is not None:
        reads, settings = cells.sum(axis=1), source["reads"]
        few = (reads > 0) & (reads < settings["min_reads"])
        counts["dropped_without_reads"] = counts.get("dropped_without_reads", 0) + int(few.sum())
        table, cells = table[~few], cells_of_reads(cells[~few], in_buckets, settings["sorted_cells"])
    table = table.assign(expression=mean_bucket(cells, assay))
    votes = source["majority"]
    if votes is None:
        return table
    bucket, supported, clear = majority_bucket(cells, votes["support"], votes["share"])
    measured = table["expression"].notna()
    for name, lost in (("support", measured & ~supported), ("majority", supported & ~clear)):
        key = f"dropped_without_{name}"
        counts[key] = counts.get(key, 0) + int(lost.sum())
    table["expression"] = table["expression"].where(~clear, np.asarray(assay.bucket_values, dtype=np.float64)[bucket])
    return table[clear | ~measured]


def _check_letters(sequence: pd.Series, original: pd.Series, path: Path) -> None:
    wrong = sequence.str.contains("[^ACGTN]") | (sequence == "")
    if wrong.any():
        line = wrong.idxmax()
        found = original[line]
        blanks = ". There are blanks around it" if found != found.strip() else ""
        raise ValueError(f"{path}, line {line}: {found!r} is not a DNA sequence of A, C, G, T and N{blanks}")


def _check_known(sequence: pd.Series, of_inserts: bool, path: Path, reporter: Reporter) -> None:
    """Refuse sequences that hold nothing but N between the adapters."""
    with_n = sequence[sequence.str.contains("N")]
    if not of_inserts:
        with_n = with_n.str.slice(len(reporter.left_adapter), -len(reporter.right_adapter) or None)
    unknown = with_n.str.strip("N") == ""
    if unknown.any():
        raise ValueError(
            f"{path}, line {unknown.idxmax()}: the insert holds nothing but N, like those of {unknown.sum()} lines "
            "here: nothing can be learned from it. Leave such lines out"
        )


class _Ends:
    """Looks for the adapters at the ends of the sequences of a source."""

    def __init__(self, path: Path, of_inserts: bool, reporter: Reporter) -> None:
        self._path, self._of_inserts, self._reporter = path, of_inserts, reporter
        self._rows = self._with_adapters = 0
        self._forms: Counter[int] = Counter()
        self._named: list[str] = []

    def look_at(self, sequence: pd.Series) -> None:
        """Look at some sequences, indexed by their lines."""
        self._rows += len(sequence)
        if not len(sequence):
            return
        length = self._reporter.end_length
        starts, ends = (
            letters_of(part.to_numpy().astype(f"S{length}"))
            for part in (sequence.str.slice(0, length), sequence.str.slice(-length))
        )
        if self._of_inserts:
            wrong = hold_adapters(self._reporter, starts, ends)
            self._with_adapters += int(wrong.sum())
            names = ["with an adapter"] * len(sequence)
        else:
            found = forms_of(self._reporter, starts, ends)
            wrong = found > 0
            self._forms.update(found.tolist() if wrong.any() else {0: len(found)})
            names = [forms(self._reporter)[form].name for form in found[wrong]]
        for line, name in zip(sequence.index[wrong][: NAMED - len(self._named)], names, strict=False):
            self._named.append(f"line {line} ({name})")

    def finish(self) -> None:
        """Refuse the source if a construct lacked its adapters, or an insert had them."""
        named = ", ".join(self._named)
        if self._with_adapters:
            raise ValueError(
                f"{self._path}: {self._with_adapters:,} of {self._rows:,} sequences have an adapter at an end, or "
                f"both, but the source has sequence_type: insert: {named}. Set sequence_type: construct if they are "
                "whole, take the adapters off with trim, or set check_adapters: false to add adapters all the same"
            )
        if self._named:
            raise ValueError(
                f"{self._path}: "
                + refusal(self._reporter, self._forms, self._rows, named, "check_adapters: false of the source")
            )


def _harmonise(
    source: Mapping[str, Any],
    path: Path,
    tables: Sequence[Path],
    other_lengths: str,
    counts: dict[str, Any],
    assay: Assay,
) -> Iterator[dict[str, np.ndarray]]:
    """Bring one source to constructs with expression, in its own unit, and replicates, piece by piece.

    Yields the columns ``sequence`` S<L>, ``fitted`` bool, ``part`` uint8, ``expression``, ``replicate_1`` and
    ``replicate_2`` float64.
    An MPRA, with its `tables`, is one piece.
    What is counted is written to `counts`: ``rows`` (those that the source selects) are the yielded ones and those
    under each key that begins with ``dropped_``.
    """
    reasons = {"error": (), "drop": ("dropped_for_length",), "fit": ("fitted", "dropped_for_length")}[other_lengths]
    names = ("rows_in_file", "rows", "dropped_without_value", "of_construct_length", *reasons, "clipped_to_scale")
    counts |= dict.fromkeys(names, 0)
    trim = source["trim"]
    of_inserts = source["sequence_type"] == "insert"
    reporter = assay.reporter
    right_length = reporter.lengths[source["sequence_type"]]
    unfit, first_unfit = 0, ""
    ends = _Ends(path, of_inserts, reporter) if source["check_adapters"] and reporter.has_adapters else None
    in_buckets = None
    if source["columns"].get("counts") and source.get("reads"):
        in_buckets = _reads_in_buckets(path, source)
        check_sorted_cells(in_buckets, source["reads"]["sorted_cells"], f"source {source['name']!r}: {path}")
        counts["reads_in_buckets"] = in_buckets.tolist()
    read = _read_columns(path, source, counts)
    if source.get("mpra"):
        read = [label_designs(pd.concat(read), tables, source["mpra"], f"source {source['name']!r}: {path}", counts)]
    for table in read:
        if source["columns"].get("counts"):
            table = _label(table, source, in_buckets, counts, assay)
        value_columns = [name for name in table.columns if name not in ("sequence", "part")]
        measured = table["expression"].notna()
        counts["dropped_without_value"] += int((~measured).sum())
        table = table[measured]

        sequence = table["sequence"].str.upper()
        _check_letters(sequence, table["sequence"], path)
        cut = trim["left"] + trim["right"]
        if (sequence.str.len() <= cut).any():
            line = (sequence.str.len() <= cut).idxmax()
            raise ValueError(
                f"{path}, line {line}: the sequence has {len(sequence[line])} bp, but trim cuts {cut} bp off: nothing "
                "is left. Is trim for another column, or for whole oligos?"
            )
        sequence = sequence.str.slice(trim["left"], -trim["right"] or None)
        length = sequence.str.len()
        fits = length == right_length
        counts["of_construct_length"] += int(fits.sum())
        if other_lengths == "error" and not fits.all():
            line = (~fits).idxmax()
            first_unfit = first_unfit or f"{path}, line {line}: the {source['sequence_type']} is {length[line]} bp long"
            unfit += int((~fits).sum())
        possible = (length - right_length).abs() <= MOST_FITTED if other_lengths == "fit" else fits
        if other_lengths == "fit":
            counts["fitted"] += int((possible & ~fits).sum())
        if other_lengths != "error":
            counts["dropped_for_length"] += int((~possible).sum())
        table, sequence, fits = table[possible], sequence[possible], fits[possible]
        _check_known(sequence, of_inserts, path, reporter)
        if ends is not None:
            ends.look_at(sequence)
        sequence[~fits] = sequence[~fits].map(reporter.fit_insert if of_inserts else reporter.fit_construct)
        if of_inserts:
            sequence[fits] = sequence[fits].map(reporter.add_adapters)

        values = {name: table[name].to_numpy() for name in value_columns}
        missing = np.full(len(table), np.nan)
        yield {
            "sequence": sequence.to_numpy().astype(f"S{reporter.construct_length}"),
            "fitted": ~fits.to_numpy(),
            "part": table["part"].to_numpy(),
            "expression": values["expression"],
            "replicate_1": values.get("replicate_1", missing),
            "replicate_2": values.get("replicate_2", missing),
        }
    if unfit:
        raise ValueError(
            f"{first_unfit} but must be {right_length}; {unfit} rows are not. Set data.other_lengths to drop or fit to "
            "accept them"
        )
    if ends is not None:
        ends.finish()


def _scale_of(source: Mapping[str, Any], ratios: np.ndarray, counts: dict[str, Any], assay: Assay) -> dict[str, float]:
    """The line from the log ratios of an MPRA to the scale of the buckets; it is said and counted, to be undone.

    `ratios` are those of the measurements to keep, so that no held-out measurement guides it.
    """
    scale = source["mpra"]["scale"]
    wanted = scale["to"] or inner_buckets(assay.bucket_values)
    if scale["from"] is None and not len(ratios):
        return {"slope": 1, "intercept": 0}
    try:
        ends = scale["from"] or range_of(ratios, scale["quantiles"])
    except ValueError as error:
        raise ValueError(f"source {source['name']!r}: {error}") from None
    slope, intercept = line_between(ends, wanted)
    counts["scale"] = {"from": list(ends), "to": list(wanted), "slope": slope, "intercept": intercept}
    say(
        f"source {source['name']!r}: expression = {slope:.6g} * log2(RNA/DNA) + {intercept:.6g}, which brings "
        f"{ends[0]:.4g} to {wanted[0]:g} and {ends[1]:.4g} to {wanted[1]:g}"
    )
    return {"slope": slope, "intercept": intercept}


def _to_scale(piece: dict[str, np.ndarray], line: Mapping[str, float], counts: dict[str, Any], assay: Assay) -> None:
    """Bring the values of a piece to the common scale by a line, and count what is beyond it."""
    for name in ("expression", "replicate_1", "replicate_2"):
        piece[name] = piece[name] * line["slope"] + line["intercept"]
    expression = piece["expression"]
    if len(expression):
        counts["lowest"] = min(counts.get("lowest", math.inf), float(expression.min()))
        counts["highest"] = max(counts.get("highest", -math.inf), float(expression.max()))
    counts["clipped_to_scale"] += int((expression != assay.clip(expression)).sum())


def _agreement(
    sequence: np.ndarray, source: np.ndarray, columns: dict[str, np.ndarray], names: Sequence[str]
) -> list[dict[str, Any]]:
    """For each pair of sources, how their values of the sequences that both measured compare."""
    values = values_by_source(sequence, source, columns)
    pairs = []
    for first, second in combinations(values, 2):
        shared = shared_values(values[first], values[second])
        if len(shared[0]) >= 3:
            pairs.append({"sources": [names[first], names[second]], **source_line(*shared)})
    return pairs


def _merge(columns: dict[str, np.ndarray], rows: np.ndarray, sequence: np.ndarray) -> dict[str, np.ndarray]:
    """Merge repeated measurements of a construct: weighted mean of the values, sum of the weights.

    The construct keeps the place and the source of its first measurement, and has the part that any of them has. Where
    several measurements were merged, the first two are its replicates.

    Parameters
    ----------
    columns : dict of str to numpy.ndarray
        One entry for each measurement; the arrays are changed.
    rows, sequence : numpy.ndarray
        Those of constructs that were measured more than once, and the number of each one's construct.

    Raises
    ------
    ValueError
        If the measurements of a construct are in two parts.
    """
    if not len(rows):
        return columns
    order = np.argsort(sequence, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.diff(sequence[order], prepend=-1))
    first, second = rows[starts], rows[starts + 1]
    part = columns["part"][rows]
    given = np.minimum.reduceat(part, starts)  # NO_PART is the largest number
    mixed = (part != NO_PART) & (part != given[sequence[order]])
    if mixed.any():
        row = rows[mixed.argmax()]
        raise ValueError(
            f"{len(np.unique(sequence[order][mixed])):,} constructs are in two parts by part or columns.split of their "
            f"sources, such as {columns['sequence'][row].decode()}: a network that learns from a construct cannot be "
            "tested on it. Give all measurements of a sequence one part"
        )
    columns["part"][first] = given
    expression, weight = columns["expression"], columns["weight"]
    columns["replicate_1"][first], columns["replicate_2"][first] = expression[first], expression[second]
    weighted = np.add.reduceat(expression[rows] * weight[rows], starts)
    weight[first] = np.add.reduceat(weight[rows], starts)
    expression[first] = weighted / weight[first]
    kept = np.ones(len(expression), dtype=bool)
    kept[rows] = False
    kept[first] = True
    return {name: values[kept] for name, values in columns.items()}


class HeldOut:
    """Held-out sequences, made ready for asking which constructs resemble one.

    Parameters
    ----------
    matrix : numpy.ndarray
        Constructs, `uint8` (M, L).
    substitutions : int, optional
        Constructs that differ in at most this many places are near.
    assay : Assay, optional
        The assay that they are of.
    others : sequence of numpy.ndarray, optional
        Sequences of other lengths, those of one length as `uint8` (N, l). They are compared by their 30-mers alone.
    """

    def __init__(
        self,
        matrix: np.ndarray,
        substitutions: int = 3,
        assay: Assay = PUBLIC,
        others: Sequence[np.ndarray] = (),
    ):
        self._assay = assay
        self._sequences = sequences_of(matrix)
        self._neighbours = Neighbours(matrix, substitutions)
        self._kmers = KmerSet(assay.inserts(matrix), *others)
        self._number = len(matrix) + sum(map(len, others))

    def __len__(self) -> int:
        return self._number

    def resembled_by(self, matrix: np.ndarray) -> dict[str, np.ndarray]:
        """Tell which constructs resemble a held-out one, and how.

        Parameters
        ----------
        matrix : numpy.ndarray
            Constructs, `uint8` (N, L).

        Returns
        -------
        dict of str to numpy.ndarray
            Three masks, `bool` (N,), that do not overlap: ``identical``, ``near`` (within that many substitutions)
            and ``shared_kmer`` (a 30-mer of the insert in common, on either strand).
        """
        near = self._neighbours.near(matrix)
        identical = np.zeros(len(matrix), dtype=bool)
        identical[near] = np.isin(sequences_of(matrix[near]), self._sequences)
        shared = self._kmers.shared_by(self._assay.inserts(matrix))
        return {"identical": identical, "near": near & ~identical, "shared_kmer": shared & ~near}


def read_held_out(held_out: Sequence[Mapping[str, Any]], files: DataFiles, assay: Assay = PUBLIC) -> HeldOut:
    """Read the held-out sequences.

    Parameters
    ----------
    held_out : sequence of mapping
        ``file`` and ``sha256`` of files with one sequence a line: a construct, an insert, or another of at least 30
        bp. Further columns are ignored.
    files : DataFiles
        The folder of the files.
    assay : Assay, optional
        The assay of the configuration.

    Returns
    -------
    HeldOut

    Raises
    ------
    ValueError
        If a file is absent, has another hash, cannot be read, or holds what is no DNA sequence or is shorter than a
        30-mer.
    """
    reporter = assay.reporter
    by_length: dict[int, list[np.ndarray]] = {}
    for entry in held_out:
        with files.reading(entry) as (path, _):
            for rows in TextTable(path, header=False).blocks():
                cells = pd.Series(rows.text(0), index=rows.lines)
                sequence = cells.str.upper()
                _check_letters(sequence, cells, path)
                lengths = sequence.str.len()
                if (lengths < K).any():
                    line = (lengths < K).idxmax()
                    raise ValueError(
                        f"{path}, line {line}: a held-out sequence is {lengths[line]} bp long but must have {K} or "
                        f"more: sequences that resemble it are found by common {K}-mers"
                    )
                inserts = lengths == reporter.insert_length
                sequence[inserts] = sequence[inserts].map(reporter.add_adapters)
                for length, same in sequence.groupby(sequence.str.len()):
                    by_length.setdefault(length, []).append(letters_of(same.to_numpy().astype(f"S{length}")))
    constructs = by_length.pop(reporter.construct_length, [np.empty((0, reporter.construct_length), dtype=np.uint8)])
    others = [np.concatenate(parts) for parts in by_length.values()]
    if others:
        say(
            f"{sum(map(len, others)):,} held-out sequences are neither constructs ({reporter.construct_length} bp) nor "
            f"inserts ({reporter.insert_length} bp): what shares a {K}-mer with one is left out, but not what is "
            "within 3 substitutions of one"
        )
    return HeldOut(np.concatenate(constructs), assay=assay, others=others)


def read_source(
    source: Mapping[str, Any],
    files: DataFiles,
    other_lengths: str,
    held_out: HeldOut,
    counts: dict[str, Any],
    assay: Assay = PUBLIC,
) -> Iterator[dict[str, np.ndarray]]:
    """Read the measurements of one source, without those of sequences that resemble a held-out one.

    Parameters
    ----------
    source : mapping
        A source of a validated configuration.
    files : DataFiles
        The data files.
    other_lengths : str
        ``data.other_lengths`` of the configuration.
    held_out : HeldOut
        The held-out sequences.
    counts : dict
        Takes up the hashes of the files, the numbers of rows, and of those dropped, with the reason.
    assay : Assay, optional
        The assay of the configuration.

    Yields
    ------
    dict of str to numpy.ndarray
        Some rows: ``sequence`` S<L>, ``fitted`` bool, ``part`` uint8 (index into `PARTS`, or `NO_PART`),
        ``expression``, ``replicate_1`` and ``replicate_2`` float64, on the common scale, not clipped to it.

    Raises
    ------
    ValueError
        If a file has another hash or is changed meanwhile, a column is absent, a row cannot be read, the source has no
        rows or selects none, or a table of an MPRA is there twice.
    """
    resembling, line = {}, source["calibration"]
    with ExitStack() as stack:
        path, counts["file_sha256"] = stack.enter_context(files.reading(source))
        entries = source["mpra"]["tables"] if source.get("mpra") else []
        tables = [stack.enter_context(files.reading(entry)) for entry in entries]
        if tables:
            counts["tables_sha256"] = digests = [digest for _, digest in tables]
            for number, (table, digest) in enumerate(tables):
                if (first := digests.index(digest)) < number:
                    raise ValueError(
                        f"source {source['name']!r}: mpra.tables has {tables[first][0]} and {table}, which are the "
                        "same table: a replicate would count twice"
                    )
        for piece in _harmonise(source, path, [table for table, _ in tables], other_lengths, counts, assay):
            reasons = held_out.resembled_by(letters_of(piece["sequence"]))
            for reason, mask in reasons.items():
                resembling[reason] = resembling.get(reason, 0) + int(mask.sum())
            kept = ~np.logical_or.reduce(list(reasons.values()))
            if tables:
                line = _scale_of(source, piece["expression"][kept], counts, assay)
            _to_scale(piece, line, counts, assay)
            yield {name: values[kept] for name, values in piece.items()}
    counts |= {f"dropped_held_out_{name}": count for name, count in resembling.items() if count}


def _what_was_dropped(name: str, counts: Mapping[str, Any]) -> str:
    reasons = [f"{reason} {number}" for reason, number in counts.items() if reason.startswith("dropped_") and number]
    return f"of the {counts['rows']} rows of source {name!r}, {', '.join(reasons)}"


def _check_scale(source: Mapping[str, Any], path: Path, counts: Mapping[str, Any], assay: Assay) -> list[str]:
    """Check how many values of a source are beyond the scale, after its calibration; returns warnings."""
    line = counts.get("scale", source["calibration"])
    low, high = assay.ends
    clipped = counts["clipped_to_scale"]
    values = counts["of_construct_length"] + counts.get("fitted", 0)
    if clipped <= _WARNED_BEYOND * values:
        return []
    calibrated = line["slope"] != 1 or line["intercept"] != 0
    text = (
        f"source {source['name']!r}: {clipped:,} of {values:,} values of {path} are beyond {low:g} to {high:g}, the "
        f"scale of the mean sorting bucket; they go from {counts['lowest']:.6g} to {counts['highest']:.6g}"
    )
    text += f" after the calibration {line['slope']:g} * value + {line['intercept']:g}" if calibrated else ""
    if clipped > _REFUSED_BEYOND * values:
        raise ValueError(
            f"{text}. They are in another unit (fluorescence or a log ratio, say), so that "
            + ("its calibration (slope, intercept) is not the right one" if calibrated else "it needs a calibration")
            + ", or the column is another one"
        )
    return [warn(f"{text}. These are set to the nearer end of the scale: is its calibration right?")]


def assemble(
    data: Mapping[str, Any],
    output: str | Path,
    report: str | Path,
    downloaded: str | Path | None = None,
    assay: Assay = PUBLIC,
) -> None:
    """Assemble the sources of a configuration into one table.

    Parameters
    ----------
    data : mapping
        The ``data`` section of a validated configuration.
    output : str or Path
        Table to write: ``sequence`` S<L>, ``expression`` float32, ``weight`` float32, ``source``
        uint8 (index into the attribute ``sources``), ``fitted`` bool (was of another length), ``replicate_1``
        and ``replicate_2`` float32 (NaN where there is none), and where a source gives parts ``part`` uint8 (index into
        `PARTS`, or `NO_PART`).
    report : str or Path
        JSON file for the counts: rows in, out and dropped with the reason, and the agreement between sources.
    downloaded : str or Path, optional
        Report of the step download: the files have to be those that it found.
    assay : Assay, optional
        The assay of the configuration.

    Raises
    ------
    ValueError
        If a file has another hash or is changed meanwhile, a column is absent, a row cannot be read, a source has no
        rows or selects none, more than 25 % of its values are beyond the scale, a construct is given two parts, or
        everything is dropped.
    """
    files = DataFiles(data["folder"], downloaded)
    held_out = read_held_out(data["held_out"], files, assay)
    names = [source["name"] for source in data["sources"]]
    counts = {name: {} for name in names}
    pieces, warnings = [], []
    for number, source in enumerate(data["sources"]):
        for piece in read_source(source, files, data["other_lengths"], held_out, counts[source["name"]], assay):
            pieces.append(piece | {"source": np.full(len(piece["sequence"]), number, dtype=np.uint8)})
        warnings += _check_scale(source, Path(data["folder"], source["file"]), counts[source["name"]], assay)
    columns = {name: np.concatenate([piece.pop(name) for piece in pieces]) for name in list(pieces[0])}
    columns["weight"] = np.array([source["weight"] for source in data["sources"]], dtype=float)[columns["source"]]

    measurements = np.bincount(columns["source"], minlength=len(names))
    for name, number in zip(names, measurements, strict=True):
        counts[name]["kept_measurements"] = int(number)
    if not measurements.any():
        raise ValueError(
            f"nothing is left of the measurements: {'; '.join(map(_what_was_dropped, names, counts.values()))}"
        )
    for name, count in counts.items():
        left_out = count["rows"] - count["kept_measurements"]
        say(f"source {name!r}: {count['kept_measurements']:,} of {count['rows']:,} rows kept")
        if 2 * left_out > count["rows"]:
            warnings.append(warn(f"most rows are left out: {_what_was_dropped(name, count)}"))
        elif left_out:
            say(_what_was_dropped(name, count))
    rows, sequence = repeated_rows(letters_of(columns["sequence"]))
    # Agreement is looked at after the exclusion, so that no held-out measurement guides a calibration, and before
    # values are clipped to the scale, which would bend the line.
    repeated = {name: columns[name][rows] for name in VALUES}
    agreement = _agreement(sequence, columns["source"][rows], repeated, names)
    columns["expression"] = assay.clip(columns["expression"])
    merged = _merge(columns, rows, sequence)
    del columns
    # Sources that carry one label (a library and its repeat, say) count as one from here on.
    labels = list(dict.fromkeys(source["label"] for source in data["sources"]))
    label_of = np.array([labels.index(source["label"]) for source in data["sources"]], dtype=np.uint8)
    merged["source"] = label_of[merged["source"]]
    merged_counts = {
        label: {
            "constructs": int((merged["source"] == number).sum()),
            "constructs_not_fitted": int(((merged["source"] == number) & ~merged["fitted"]).sum()),
        }
        for number, label in enumerate(labels)
    }
    for name in ("expression", "weight", "replicate_1", "replicate_2"):
        merged[name] = merged[name].astype(np.float32)
    order = ["sequence", "source", "fitted", "expression", "weight", "replicate_1", "replicate_2"]
    if (merged["part"] != NO_PART).any():
        order.append("part")
    merged_away = int(measurements.sum()) - len(merged["sequence"])
    if merged_away:
        say(f"{merged_away:,} repeated measurements of a construct are merged: {len(merged['sequence']):,} constructs")
    write_table(output, {name: merged[name] for name in order}, sources=labels, **assay.attributes())
    write_report(
        report,
        {
            "held_out_sequences": len(held_out),
            "sources": counts,
            "measurements": int(measurements.sum()),
            "constructs": len(merged["sequence"]),
            "merged_away": merged_away,
            "by_source": merged_counts,
            "agreement": agreement,
            "warnings": warnings,
        },
    )
