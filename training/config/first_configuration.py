"""A first configuration for a table of measurements: what is seen in it, and what follows from that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from training.config.loading import complete_config, schema
from training.data.assay import PUBLIC, Assay
from training.data.tables import letters_of
from training.evaluate.calibrate import MIN_CONSTRUCTS
from training.fit.batch_size import fitting_batch_size
from yeastpromoter.io.record_formats import looks_like_dna, split_row
from yeastpromoter.io.text_files import TextFile
from yeastpromoter.io.text_tables import TextTable
from yeastpromoter.model.shipped import shipped_arguments
from yeastpromoter.sequence.adapters import forms, forms_of
from yeastpromoter.sequence.construct_rules import upper_case
from yeastpromoter.sequence.reporter import MOST_FITTED, PTPA, Reporter

#: What can separate the columns.
_SEPARATORS = ("\t", ",", ";")
#: Names of columns, in lower case and without blanks and underscores, that are taken for the measured value.
_VALUE_NAMES = ("expression", "meanexpression", "value", "measured", "activity", "log2foldchange", "log2ratio", "score")
#: Beginnings of column names, likewise, that are numbers of replicates or of an MPRA, not of buckets.
_NO_BUCKETS = ("rep", "rna", "dna")
#: Names of columns, likewise, that are logarithms, whatever their values are.
_LOGARITHM = re.compile(r"log(2|10)?|fold")
#: Bases that all sequences must have in common at an end to be taken for an adapter, and the share of the sequences.
_SHORTEST_ADAPTER, _SHARE = 8, 0.98
#: Bases of the shortest sequence.
_SHORTEST = 20
#: Buckets of a scale that is made from the values, and the quantiles that are its ends.
_BUCKETS, _ENDS = 18, (0.005, 0.995)
#: Values of the public scale may lie this far beyond it, and this share of them.
_BEYOND, _SHARE_BEYOND = 2.5, 0.02
#: Share of a column's cells that are words for parts from which on the others are mistakes.
_MOSTLY = 0.5
#: Roles of a single column in the configuration.
_SINGLE = ("sequence", "expression", "split")
#: Largest over middle value from which on positive values are taken for a scale that wants a logarithm.
_SKEWED = 30

#: Settings by the number of training constructs, up to the first number: batch size, and epochs from random weights
#: with a learning rate of 0.001. They are those of fine_tuning.yaml, and beyond it of public.yaml.
_SETTINGS = ((600, 32, 60), (2_000, 32, 40), (6_000, 64, 20), (1_000_000, 128, 10), (np.inf, 1024, 10))
#: Epochs and learning rate from the weights of the entry: those of fine_tuning.yaml for the scale of the entry, and
#: more of both for another scale, which the network has to learn first.
_TUNED, _TUNED_TO_A_SCALE = (8, 1e-4), (15, 3e-4)

#: What weights to start from must agree in, and words for it.
_SIZES = (("length", "bp"), ("buckets", "buckets"))

#: Training constructs a second on two cores, without and with AVX-512 (training/README.md).
_SLOW, _FAST = 150, 400


@dataclass(frozen=True)
class Found:
    """What was seen in a table.

    Attributes
    ----------
    path : Path
        The table.
    separator : str
        What separates its columns.
    header : bool
        Whether the first line names them.
    columns : dict
        ``columns`` of the source in the configuration.
    reporter : Reporter
        The reporter that the sequences show.
    trim : tuple of int
        Bases of the plasmid at the left and right end of every sequence that are cut off first.
    sequence_type : {"construct", "insert"}
        What they are.
    other_lengths : {"error", "drop", "fit"}
        What is done about those of another length.
    assay : Assay
        With the scale of the values.
    rows : int
        Rows with a value and a length that is taken.
    said : list of str
        What was seen and what follows from it, a sentence each.
    """

    path: Path
    separator: str
    header: bool
    columns: dict[str, Any]
    reporter: Reporter
    trim: tuple[int, int]
    sequence_type: str
    other_lengths: str
    assay: Assay
    rows: int
    said: list[str]


def look_at(path: str | Path) -> Found:
    """Look at a table of sequences and measurements.

    Parameters
    ----------
    path : str or Path
        Table separated by tabs, commas or semicolons, plain, gzip or bgzip, with or without a header: a column of
        sequences, and a column of values or one of counts for each sorting bucket.

    Returns
    -------
    Found
        What was seen.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, has no column of sequences or of values, or it is not clear which column holds the values.
    """
    path = Path(path)
    table = _open(path)
    header = isinstance(table.columns[0], str)
    blocks = list(table.blocks())
    n = sum(map(len, blocks))
    if not n:
        raise ValueError(f"{path}: has a header but no rows")
    texts = {column: [cell for rows in blocks for cell in rows.text(column)] for column in table.columns}
    lines = np.concatenate([rows.lines for rows in blocks])
    sequence = _sequence_column(path, texts)
    numbers: dict[str | int, np.ndarray] = {}
    refused: dict[str | int, str] = {}
    for column in texts:
        if column != sequence:
            try:
                numbers[column] = np.concatenate([rows.numbers(column, missing=True) for rows in blocks])
            except ValueError as error:
                refused[column] = str(error)
    said = [f"{path}: {n:,} rows, {len(texts)} columns, {'with' if header else 'without'} a header"]
    columns: dict[str, Any] = {"sequence": sequence}
    split = _split_column(path, {column: texts[column] for column in texts if column != sequence}, lines)
    if split is not None:
        columns["split"] = split
        said.append(f"the column {split!r} says which rows are for training, validation and test")
    counts = [] if _named_values(numbers) else _count_columns(path, numbers)
    if counts:
        columns["counts"] = counts
        measured = np.sum([numbers[column] for column in counts], axis=0) > 0
        assay_values = PUBLIC.bucket_values if len(counts) == PUBLIC.buckets else tuple(range(len(counts)))
        said.append(
            f"counts of {len(counts)} sorting buckets, {counts[0]} to {counts[-1]}: their mean, 0 to "
            f"{len(counts) - 1}, is "
            "the expression. If they are reads, not cells, give the sorted cells of each bucket (reads.sorted_cells)"
        )
    else:
        value = _value_column(path, numbers, refused)
        columns["expression"] = value
        replicates = _replicates(numbers)
        columns |= {"replicates": replicates} if replicates else {}
        measured = np.isfinite(numbers[value])
        if not measured.any():
            raise ValueError(f"{path}: the column {value!r} has no value")
        if measured.sum() == 1:
            raise ValueError(f"{path}: has one measured value, so there is nothing to learn")
        assay_values, scale = _scale(path, value, numbers[value][measured])
        said += scale
        if replicates:
            said.append(f"replicates in {replicates[0]!r} and {replicates[1]!r}: they tell how exact a measurement is")
    taken = [*columns.get("counts", []), *columns.get("replicates", []), *(columns.get(name) for name in _SINGLE)]
    if unused := [str(column) for column in texts if column not in taken]:
        said.append(f"not used: {', '.join(unused)}")
    if not measured.all():
        said.append(f"{int((~measured).sum()):,} rows have no value and are left out")
    for line, cell in zip(lines, texts[sequence], strict=True):
        if cell != cell.strip():
            raise ValueError(f"{path}, line {line}: there are blanks around the sequence {cell!r}: take them out")
    sequences = [cell.upper() for cell, there in zip(texts[sequence], measured, strict=True) if there]
    reporter, sequence_type, trim, about = _geometry(path, sequences)
    said += about
    wanted = reporter.lengths[sequence_type] + sum(trim)
    lengths = np.array(list(map(len, sequences)))
    other = int((lengths != wanted).sum())
    other_lengths, kept = "error", len(sequences)
    if other:
        near = int((np.abs(lengths - wanted) <= MOST_FITTED).sum())
        other_lengths = "fit" if reporter.has_flanks else "drop"
        kept = near if reporter.has_flanks else len(sequences) - other
        said.append(
            f"{other:,} sequences are not {wanted} bp long: "
            + ("filled or cut where that is up to 25 bp" if reporter.has_flanks else "left out")
        )
    repeated = len(sequences) - len(set(sequences))
    if repeated:
        said.append(f"{repeated:,} rows repeat a sequence: their values are averaged")
    separator = table._separator
    assay = Assay(reporter, assay_values)
    return Found(
        path, separator, header, columns, reporter, trim, sequence_type, other_lengths, assay, kept - repeated, said
    )


def _split_column(path: Path, texts: dict[str | int, list[str]], lines: np.ndarray) -> str | int | None:
    """The column with the parts of the rows, if there is one: called split, or with words for parts in most cells."""
    properties = schema()["$defs"]["source"]["properties"]["split_values"]["properties"]
    known = [word for part in properties.values() for word in part["default"]]
    for column, cells in texts.items():
        times = Counter(cells)
        there = sum(number for cell, number in times.items() if cell.strip())
        wrong = [cell for cell in times if cell.strip() and cell.strip().casefold() not in known]
        others = sum(times[cell] for cell in wrong)
        if not there or (_plain(column) != "split" and there - others <= _MOSTLY * there):
            continue
        if wrong:
            line = lines[cells.index(wrong[0])]
            raise ValueError(
                f"{path}, line {line}: {wrong[0]!r} in the column {column!r} stands for no part; "
                f"known are {', '.join(known)}. Put one of these in the {others:,} rows with other words, or write "
                "the configuration by hand with split_values (training/README.md)"
            )
        return column
    return None


def configuration(found: Found) -> tuple[dict[str, Any], list[str]]:
    """Make a configuration for a table.

    Parameters
    ----------
    found : Found
        What was seen.

    Returns
    -------
    config : dict
        Only what differs from the defaults; it is valid.
    said : list of str
        What it does, a sentence each.
    """
    source: dict[str, Any] = {"name": "library", "file": found.path.name}
    source |= {"header": True} if found.header else {}
    source |= {"separator": found.separator} if found.separator != "\t" else {}
    source |= {"columns": found.columns}
    source |= {"sequence_type": "insert"} if found.sequence_type == "insert" else {}
    source |= {"trim": dict(zip(("left", "right"), found.trim, strict=True))} if any(found.trim) else {}
    config: dict[str, Any] = {"name": _name(found.path)}
    if found.reporter != PTPA:
        described = found.reporter.description()
        config["reporter"] = {name: value for name, value in described.items() if value or not name.endswith("flank")}
    if found.assay.bucket_values != PUBLIC.bucket_values:
        config["buckets"] = {"values": list(found.assay.bucket_values)}
    config["data"] = {"folder": str(found.path.absolute().parent), "sources": [source]}
    if found.other_lengths != "error":
        config["data"] = {"folder": config["data"]["folder"], "other_lengths": found.other_lengths, "sources": [source]}

    training = max(1, round(0.7 * found.rows))
    batch_size, epochs_from_random = next(some[1:] for some in _SETTINGS if training <= some[0])
    batch_size = fitting_batch_size(batch_size, training)
    low, high = found.assay.ends
    phase: dict[str, Any] = {"optimizer": "adamw", "weight_decay": 0.3, "schedule": "cosine", "warmup": 0.05}
    phase |= {"batch_size": batch_size, "patience": None}
    config["run_defaults"] = {"soft_label_sd": float(f"{0.7 * (high - low) / (found.assay.buckets - 1):.3g}")}
    shipped = shipped_arguments()
    theirs = Assay(Reporter.of(shipped.get("reporter")), tuple(shipped["bucket_values"])).network
    fits = theirs == found.assay.network
    runs: dict[str, Any] = {}
    said = []

    def phase_of(epochs: int, rate: float) -> dict[str, Any]:
        shift = {"shift": {"max_bp": 3, "share": 0.5}} if found.reporter.has_flanks else {}
        return phase | shift | {"epochs": epochs, "learning_rate": rate}

    if fits:
        epochs, rate = _TUNED if found.assay.bucket_values == tuple(shipped["bucket_values"]) else _TUNED_TO_A_SCALE
        runs["fine_tuned"] = {"initial": "shipped", "phases": [phase_of(epochs, rate)]}
        said.append(f"run fine_tuned: from the weights of this entry, {epochs} epochs, batches of {batch_size}")
    runs["from_random"] = {"phases": [phase_of(epochs_from_random, 1e-3)]}
    said.append(f"run from_random: from random weights, {epochs_from_random} epochs, batches of {batch_size}")
    if not fits:
        here = found.assay.network
        differ = [f"{here[name]} {words}, not {theirs[name]}" for name, words in _SIZES if here[name] != theirs[name]]
        said.append(f"the weights of this entry cannot be started from: here are {' and '.join(differ)}")
    config["runs"] = runs
    if "split" in found.columns:
        said.append(f"split: as the column {found.columns['split']!r} says; relatives (a shared 30-mer) follow")
    else:
        said.append("split: 70 % train, 20 % test, 10 % validation, relatives (a shared 30-mer) together")
    seen = training * sum(run["phases"][0]["epochs"] for run in runs.values())
    if 0.1 * found.rows < MIN_CONSTRUCTS and "split" not in found.columns:
        said.append(
            f"no prediction intervals: they need {MIN_CONSTRUCTS} validation constructs, and 10 % are "
            f"{round(0.1 * found.rows)}"
        )
    if training < 100:
        said.append(f"about {training:,} training constructs are very few: expect little")
    said.append(
        f"about {training:,} training constructs: {_minutes(seen / _FAST)} to {_minutes(seen / _SLOW)} on two cores, "
        f"all "
        "runs together"
    )
    complete_config(config, "the first configuration")
    return config, said


def as_text(config: dict[str, Any], found: Found) -> str:
    """The text of a configuration, with what was seen as comments."""
    comments = "".join(f"# {line}\n" for sentence in found.said for line in _wrapped(sentence))
    text = yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)
    return f"# Made by python -m training start. What was seen:\n#\n{comments}\n{text}"


def _wrapped(text: str) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, 110, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _name(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", path.name.split(".")[0]).strip("_-") or "mine"


def _minutes(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds > 5400 else f"{max(1, round(seconds / 60))} min"


def _open(path: Path) -> TextTable:
    """The table, with the separator that gives most columns, and a header unless the first line has a sequence."""
    text = TextFile(path)
    line = next(text.blocks(text.start, 1 << 20)).partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
    if line.startswith(">"):
        raise ValueError(f"{path}: is FASTA, which has no measurements: give a table of sequences and values")
    cells = {separator: _cells(line, separator) for separator in _SEPARATORS}
    separator = max(_SEPARATORS, key=lambda one: len(cells[one]))
    if len(cells[separator]) < 2:
        raise ValueError(
            f"{path}: has one column, but a table of sequences and values is needed, separated by tabs, commas or "
            "semicolons"
        )
    return TextTable(
        path, separator, header=not any(len(cell) >= _SHORTEST and looks_like_dna(cell) for cell in cells[separator])
    )


def _cells(line: str, separator: str) -> list[str]:
    try:
        return split_row(line, separator)
    except ValueError:
        return [line]


def _sequence_column(path: Path, texts: dict[Any, list[str]]) -> Any:
    """The column of which nearly all cells are DNA."""

    def share(cells: Sequence[str]) -> float:
        some = cells[:1000]
        return sum(len(cell) >= _SHORTEST and not cell.strip().upper().strip("ACGTN") for cell in some) / len(some)

    found = [column for column, cells in texts.items() if share(cells) > 0.9]
    if not found:
        raise ValueError(
            f"{path}: no column holds sequences of A, C, G, T and N; there are {', '.join(map(str, texts))}. Names of "
            "designs alone are not enough: join their sequences to them first"
        )
    if len(found) > 1:
        raise ValueError(
            f"{path}: the columns {', '.join(map(str, found))} all hold sequences: leave one of them in the table, or "
            "write the configuration by hand (training/README.md)"
        )
    return found[0]


def _count_columns(path: Path, numbers: dict[Any, np.ndarray]) -> list[Any]:
    """Columns of one name with the numbers of buckets after it, whole numbers that are not negative."""
    stems: dict[str, dict[int, Any]] = {}
    for column, values in numbers.items():
        match = re.fullmatch(r"(.*?)_?(\d{1,3})", str(column)) if isinstance(column, str) else None
        there = values[np.isfinite(values)]
        if match and match[1] and len(there) and (there >= 0).all() and (there == there.round()).all():
            stems.setdefault(match[1], {})[int(match[2])] = column
    plain = {_plain(stem) for stem in stems}
    if any(stem.startswith("rna") for stem in plain) and any(stem.startswith("dna") for stem in plain):
        raise ValueError(
            f"{path}: has counts of RNA and DNA, those of a massively parallel reporter assay: write the configuration "
            'by hand, with mpra of the source (training/README.md, "A massively parallel reporter assay")'
        )
    for stem, of_stem in stems.items():
        first = min(of_stem)
        if _plain(stem).startswith(_NO_BUCKETS) or len(of_stem) < 3:
            continue
        if sorted(of_stem) == list(range(first, first + len(of_stem))):
            columns = [of_stem[number] for number in sorted(of_stem)]
            for column in columns:
                if np.isnan(numbers[column]).any():
                    raise ValueError(
                        f"{path}: {columns[0]} to {columns[-1]} look like counts of sorting buckets, but "
                        f"{int(np.isnan(numbers[column]).sum()):,} cells of {column} are empty: write 0 where there is "
                        "no cell"
                    )
            return columns
    return []


def _plain(column: Any) -> str:
    return re.sub(r"[\s_.-]+", "", str(column)).lower()


def _replicates(numbers: dict[Any, np.ndarray]) -> list[Any]:
    found = {match[2]: column for column in numbers if (match := re.search(r"(rep|replicate)([12])$", _plain(column)))}
    return [found["1"], found["2"]] if len(found) == 2 else []


def _named_values(columns: Iterable[Any]) -> list[Any]:
    """Columns with a name of measured values."""
    return [column for name in _VALUE_NAMES for column in columns if _plain(column) == name]


def _value_column(path: Path, numbers: dict[Any, np.ndarray], refused: dict[Any, str]) -> Any:
    """The column of the measured value: by its name, or the only one with numbers.

    `refused` says of the other columns why they hold none.
    """
    replicates = _replicates(numbers)
    candidates = [column for column in numbers if column not in replicates]
    if named := _named_values(candidates):
        return named[0]
    for column in _named_values(refused):
        raise ValueError(refused[column])
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        reasons = "".join(f"\n  {reason}" for reason in refused.values())
        raise ValueError(f"{path}: no column beside the sequences holds numbers{reasons}")
    raise ValueError(
        f"{path}: the columns {', '.join(map(str, candidates))} all hold numbers, and none is called expression or "
        f"{', '.join(_VALUE_NAMES[2:6])}: rename the measured one to expression"
    )


def _scale(path: Path, column: Any, values: np.ndarray) -> tuple[tuple[float, ...], list[str]]:
    """What the buckets stand for, and what to say of it."""
    low, high = float(values.min()), float(values.max())
    first, last = PUBLIC.ends
    said = f"values in {column!r}, {low:.4g} to {high:.4g}"
    beyond = ((values < first) | (values > last)).mean()
    near = first - _BEYOND <= low and high <= last + _BEYOND and beyond <= _SHARE_BEYOND
    if near and high - low > (last - first) / 4 and not _LOGARITHM.match(_plain(column)):
        return PUBLIC.bucket_values, [f"{said}: taken for the scale of the public measurements, {first} to {last}"]
    ends = [float(f"{end:.4g}") for end in np.quantile(values, _ENDS)]
    if not ends[0] < ends[1]:
        raise ValueError(f"{path}: {said}: nearly all are equal, so there is nothing to learn")
    made = tuple(float(f"{value:.6g}") for value in np.linspace(*ends, _BUCKETS))
    messages = [
        f"{said}: {_BUCKETS} buckets, steps of this scale, from {ends[0]:g} to {ends[1]:g} (99 % of the values); "
        f"predictions are in this unit. {int(((values < ends[0]) | (values > ends[1])).sum()):,} values beyond are set "
        "to the nearer end"
    ]
    if low > 0 and high > _SKEWED * float(np.median(values)):
        messages.append("the values are skewed: their logarithm would be learned more easily. Put it into the table")
    return made, messages


def _geometry(path: Path, sequences: Sequence[str]) -> tuple[Reporter, str, tuple[int, int], list[str]]:
    """The reporter that sequences show, what they are, what to cut off of them, and what to say of it."""
    (length, times), *_ = Counter(map(len, sequences)).most_common(1)
    matrix = letters_of(np.array([text for text in sequences if len(text) == length], dtype=f"S{length}"))
    said = f"sequences of {length} bp ({times / len(sequences):.0%})"
    if length == PTPA.construct_length:
        found = forms_of(PTPA, matrix[:, : PTPA.end_length], matrix[:, -PTPA.end_length :])
        form, number = Counter(found.tolist()).most_common(1)[0]
        if form == 0:
            return PTPA, "construct", (0, 0), [f"{said} with the adapters of the public reporter: whole constructs"]
        if 0 < form < 5 and number > _SHARE * len(matrix):
            what = forms(PTPA)[form]
            raise ValueError(f"{path}: the sequences are {what.name}: {what.advice}")
    if length == PTPA.insert_length:
        about = f"{said}: taken for inserts of the public reporter, whose adapters are added. If yours has other "
        return PTPA, "insert", (0, 0), [f"{about}adapters, give them (reporter)"]
    left, right = _common(matrix), _common(matrix[:, ::-1])[::-1]
    left, right = (end if len(end) >= _SHORTEST_ADAPTER else "" for end in (left, right))
    insert = length - len(left) - len(right)
    trim = len(left) - len(PTPA.left_adapter), len(right) - len(PTPA.right_adapter)
    if left.endswith(PTPA.left_adapter) and right.startswith(PTPA.right_adapter) and insert == PTPA.insert_length:
        about = f"{said} with the adapters of the public reporter after {trim[0]} and before {trim[1]} further bases, "
        return PTPA, "construct", trim, [f"{about}which are cut off: whole constructs"]
    if insert < max(len(left), len(right), _SHORTEST):
        raise ValueError(f"{path}: the sequences are nearly all the same, so there is nothing to learn")
    name = _name(path)
    reporter = Reporter(name, left, right, insert)
    if left or right:
        ends = " and ".join(f"{end} at the {side}" for end, side in ((left, "start"), (right, "end")) if end)
        about = f"{said} with {ends}: taken for adapters around inserts of {insert} bp"
        return reporter, "construct", (0, 0), [about]
    about = f"{said} without common ends: the network reads the inserts alone. With the adapters of your plasmid "
    return (
        reporter,
        "insert",
        (0, 0),
        [f"{about}(reporter) it would see what they and the ends of the insert make together"],
    )


def _common(matrix: np.ndarray) -> str:
    """Letters that nearly all rows begin with."""
    letters = []
    for column in upper_case(matrix).T:
        letter, times = Counter(column.tolist()).most_common(1)[0]
        if times < _SHARE * len(column) or letter == ord("N"):
            break
        letters.append(chr(letter))
    return "".join(letters)
