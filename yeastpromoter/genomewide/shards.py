"""Sequence files cut into shards, and the predictions of the shards joined again.

A *shard* is a stretch of whole records of a sequence file, as text: a file of its own that the same arguments read,
with ``first_record`` saying which number its first record has in the whole file. Every shard but the last of a file
gives the same number of rows, a multiple of the batch size, so that the batches are those of one process that predicts
the whole file, and its table of predictions, without the header, is a stretch of the whole one's. What must be in it is
known beforehand and checked: how many rows, and the id, the record and the length of each, in order; and that every
prediction is a finite number.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from yeastpromoter.io.prediction_tables import read_rows
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.io.whole_files import same_file, whole_table, write_whole
from yeastpromoter.sequence.reporter import PTPA, Reporter

#: The columns of `kipoi predict --keep_metadata` that say which sequence a row is of.
ID, LENGTH, RECORD = "metadata/id", "metadata/length", "metadata/record"

#: How the names of the columns with predictions begin.
PREDICTION = "preds/"

#: Manifest of the shards of a file, in their folder.
MANIFEST = "shards.json"

#: A number as Kipoi writes it. Python's float() also takes nan, infinity and 1_000.
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")

#: Records whose ids are in memory at once.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Shard:
    """A stretch of a sequence file.

    Attributes
    ----------
    name : str
        Its number among the shards of the file, as text of fixed width.
    file : str
        Name of the file with its records, in the folder of the manifest.
    first_record : int
        Number, in the whole file, of its first record.
    records : int
        Number of its records, dropped ones counted.
    rows : int
        Number of rows that its predictions must have: its records that are not dropped.
    rows_sha256 : str
        What the rows must be: SHA-256 of their ids, records and lengths (see `rows_hash`).
    """

    name: str
    file: str
    first_record: int
    records: int
    rows: int
    rows_sha256: str


def shard_rows(n_rows: int, shard_size: int, batch_size: int) -> list[tuple[int, int]]:
    """Cut rows into shards.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    shard_size : int
        Rows of a shard; the last one may have fewer.
    batch_size : int
        Rows that are predicted at once.

    Returns
    -------
    list of tuple of int
        First row and the one after the last of each shard.

    Raises
    ------
    ValueError
        If `batch_size` is under 1, or `shard_size` is not a multiple of it: the batches of the shards would not be
        those of the whole.
    """
    if batch_size < 1:
        raise ValueError(f"the batch size must be at least 1 but is {batch_size}")
    if shard_size < 1 or shard_size % batch_size:
        raise ValueError(
            f"the shard size must be a multiple of the batch size, {batch_size}, but is {shard_size}: the batches of "
            "the shards would not be those of one process"
        )
    return [(start, min(start + shard_size, n_rows)) for start in range(0, n_rows, shard_size)]


def rows_hash() -> hashlib._Hash:
    """Return a new hash of rows; `update_rows` adds some to it."""
    return hashlib.sha256()


def update_rows(digest: hashlib._Hash, ids: Iterable[str], records: Iterable[Any], lengths: Iterable[Any]) -> None:
    """Add rows to a hash of rows.

    Parameters
    ----------
    digest : hash object
        From `rows_hash`.
    ids, records, lengths : iterable
        Id, number of the record and length in bp of each row, in their order. Each becomes a line of the hashed text:
        ``record length id``.
    """
    lines = (f"{record} {length} {name}\n" for name, record, length in zip(ids, records, lengths, strict=True))
    digest.update("".join(lines).encode("utf-8"))


def split(
    path: str | Path,
    arguments: Mapping[str, Any],
    shard_size: int,
    batch_size: int,
    folder: str | Path,
    reporter: Reporter = PTPA,
) -> dict[str, Any]:
    """Cut a sequence file into shards.

    Parameters
    ----------
    path : str or Path
        Sequence file, anything that `yeastpromoter.io.sequence_files.SequenceFile` reads.
    arguments : mapping
        Its arguments, except for the file and ``first_record``.
    shard_size, batch_size : int
        As for `shard_rows`.
    folder : str or Path
        Where the shards are written; it is made. The manifest, ``shards.json``, is written last.
    reporter : Reporter, optional
        The reporter of the constructs.

    Returns
    -------
    dict
        The manifest: ``source``, the absolute path of the file; ``source_bytes`` and ``source_mtime_ns``, its size
        and the time of its last change, by which `check_source` knows it again; ``arguments``; ``batch_size``;
        ``shard_size``; ``records`` and ``rows`` of the file; ``notes``, what a user should know of it; ``shards``, a
        list of the attributes of each `Shard`.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `SequenceFile` and `shard_rows`; if a shard, read by itself, would not give the records that were
        written to it; and if the file changes meanwhile.
    """
    state = _state_of(path)
    reading = {**arguments, "reporter": reporter}
    sequences = SequenceFile(path, **reading)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stretches = shard_rows(len(sequences), shard_size, batch_size)
    starts = sequences.record_numbers(np.array([start for start, _ in stretches], dtype=np.int64))
    # Records that are dropped go with those before them; the first shard begins with the file.
    bounds = [0, *starts[1:].tolist(), sequences.n_records]
    width = max(5, len(str(len(stretches) - 1)))
    shards = []
    for number, (start, stop) in enumerate(stretches):
        name = f"{number:0{width}d}"
        shard = Shard(
            name,
            f"{name}.txt",
            bounds[number],
            bounds[number + 1] - bounds[number],
            stop - start,
            _hash_of(sequences, start, stop),
        )
        if same_file(path, folder / shard.file):
            raise ValueError(
                f"{path}: is the file of a shard in {folder}, and would be overwritten: cut into another folder"
            )
        write_whole(folder / shard.file, sequences.text_of(bounds[number], bounds[number + 1]))
        _check_shard(folder / shard.file, shard, sequences, reading)
        shards.append(asdict(shard))
    manifest = {
        "source": sequences.path,
        **state,
        "arguments": dict(arguments),
        "batch_size": batch_size,
        "shard_size": shard_size,
        "records": sequences.n_records,
        "rows": len(sequences),
        "notes": list(sequences.notes),
        "shards": shards,
    }
    if _state_of(path) != state:
        raise ValueError(f"{sequences.path} changed while it was split: split it again")
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return manifest


def _state_of(path: str | Path) -> dict[str, int]:
    found = os.stat(path)
    return {"source_bytes": found.st_size, "source_mtime_ns": found.st_mtime_ns}


def _hash_of(sequences: SequenceFile, start: int, stop: int) -> str:
    digest = rows_hash()
    for first in range(start, stop, _BLOCK):
        batch = sequences.read(np.arange(first, min(first + _BLOCK, stop)))
        update_rows(digest, batch.ids.tolist(), batch.records.tolist(), batch.lengths.tolist())
    return digest.hexdigest()


def _check_shard(path: Path, shard: Shard, whole: SequenceFile, arguments: Mapping[str, Any]) -> None:
    """Read a shard as its prediction will."""
    try:
        found = SequenceFile(path, **arguments, first_record=shard.first_record)
        same = (found.format, found.n_records, len(found)) == (whole.format, shard.records, shard.rows)
        same = same and _hash_of(found, 0, len(found)) == shard.rows_sha256
        problem = f"it is read as another {found.format}"
    except ValueError as error:
        same, problem = False, str(error)
    if not same:
        raise ValueError(
            f"{whole.path}: cut before record {shard.first_record} its records are not the same when they are read by "
            f"themselves ({problem}). Another shard size will do, or a table with a header that names its columns"
        )


def read_manifest(folder: str | Path) -> tuple[dict[str, Any], list[Shard]]:
    """Read the manifest of a folder of shards.

    Parameters
    ----------
    folder : str or Path
        Folder that `split` wrote.

    Returns
    -------
    manifest : dict
        As `split` returned it.
    shards : list of Shard
        Its shards, in their order.

    Raises
    ------
    FileNotFoundError
        If there is no manifest.
    """
    manifest = json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))
    return manifest, [Shard(**shard) for shard in manifest["shards"]]


def check_source(manifest: Mapping[str, Any]) -> None:
    """Check that a file is still the one that was split.

    Parameters
    ----------
    manifest : mapping
        From `split` or `read_manifest`.

    Raises
    ------
    FileNotFoundError
        If there is no such file any more.
    ValueError
        If its size or the time of its last change is another.
    """
    if any(manifest.get(key) != value for key, value in _state_of(manifest["source"]).items()):
        raise ValueError(
            f"{manifest['source']} has changed since it was split: the predictions are of what it held before. Split "
            "and predict it again"
        )


def check_predictions(path: str | Path, shard: Shard) -> bytes:
    """Check that the predictions of a shard are whole: every row once, in its place, with finite numbers.

    Parameters
    ----------
    path : str or Path
        Table that ``kipoi predict --keep_metadata`` wrote, separated by tabs.
    shard : Shard
        What was predicted.

    Returns
    -------
    bytes
        The table's first line, which names its columns.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the table is not whole (see `yeastpromoter.io.prediction_tables.read_rows`), or rows are missing, occur
        twice, are in another order or of other sequences; if there is no column with predictions; or if one holds
        anything but finite numbers. An empty cell is how Kipoi writes NaN, an expression that is undefined (see
        `yeastpromoter.model.decoding.decode`), and is refused like any other.
    """
    path = Path(path)
    rows = read_rows(path)
    _, names = next(rows)
    _check_names(path, names)
    columns = [names.index(name) for name in (ID, RECORD, LENGTH)]
    digest, count = rows_hash(), 0
    while block := list(islice(rows, _BLOCK)):
        for line, cells in block:
            if problem := _problem_of(cells, names):
                raise ValueError(f"{path}: line {line:,} {problem}")
        count += len(block)
        update_rows(digest, *([cells[column] for _, cells in block] for column in columns))
    if count != shard.rows:
        raise ValueError(f"{path}: shard {shard.name} has {shard.rows:,} rows, but {count:,} were predicted")
    if digest.hexdigest() != shard.rows_sha256:
        raise ValueError(
            f"{path}: the rows are not those of shard {shard.name}, records {shard.first_record:,} to "
            f"{shard.first_record + shard.records - 1:,}: ids, records or lengths differ, or their order does"
        )
    with path.open("rb") as binary:
        return binary.readline()


def _check_names(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in (ID, LENGTH, RECORD) if name not in names]
    if missing:
        raise ValueError(f"{path}: has no column {', '.join(missing)}: predict with --keep_metadata")
    if not any(name.startswith(PREDICTION) for name in names):
        raise ValueError(f"{path}: has no column with predictions, {PREDICTION}…, but {', '.join(names)}")


def _problem_of(row: Sequence[str], names: Sequence[str]) -> str | None:
    """What is wrong with a row, None if nothing is."""
    for name, cell in zip(names, row, strict=True):
        if name.startswith(PREDICTION) and not (_NUMBER.fullmatch(cell) and math.isfinite(float(cell))):
            found = repr(cell[:40]) if cell else "nothing (Kipoi writes NaN, an undefined expression, as an empty cell)"
            return f"must have a finite number in {name} but has {found}; its id is {row[names.index(ID)]!r}"
    return None


def join(shards: Sequence[Shard], tables: Sequence[str | Path], output: str | Path) -> int:
    """Join the predictions of shards, in their order.

    Parameters
    ----------
    shards : sequence of Shard
        All shards of a file.
    tables : sequence of str or Path
        The predictions of each, in the same order.
    output : str or Path
        Table to write, compressed by gzip if its name ends in ``.gz``: the header and the lines of the tables as they
        are, which is the table that ``kipoi predict --keep_metadata`` writes for the whole file at the same batch
        size. Predictions differ by rounding (1e-5 buckets) where a shard was predicted on another processor or with
        another number of threads. It appears when it is complete.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ValueError
        If a table is not whole (see `check_predictions`) or has other columns than the first. A table that is not
        whole is set aside, with ``damaged.`` before its name, so that the next run of a workflow predicts that shard
        again, and no other.
    """
    if any(same_file(output, table) for table in tables):
        raise ValueError(f"{output} is the table of a shard: it would be overwritten")
    damaged, header = [], None
    with whole_table(output) as text:
        joined = text.buffer
        for shard, table in zip(shards, map(Path, tables), strict=True):
            try:
                found = check_predictions(table, shard)
                if header is not None and found != header:
                    wanted, names = (columns.decode("utf-8") for columns in (header, found))
                    raise ValueError(f"{table}: has the columns {names!r}, but the shards before it have {wanted!r}")
            except ValueError as error:
                aside = table.with_name(f"damaged.{table.name}")
                os.replace(table, aside)
                damaged.append(f"{error}; it is now {aside.name}")
                continue
            if header is None:
                header = found
                joined.write(header)
            with table.open("rb") as body:
                body.readline()
                shutil.copyfileobj(body, joined, 1 << 20)
        if damaged:
            listed = "\n  - ".join(["", *damaged])
            raise ValueError(f"{output} is not written, because predictions are not whole. Predict them again:{listed}")
    return sum(shard.rows for shard in shards)
