"""Predict a list of sequences with a run's weights, in the forms that the DREAM Challenge 2022 asked for."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import PUBLIC, Assay
from training.fit.engine import engine_of
from yeastpromoter.argument_names import argument
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.io.text_files import read_text
from yeastpromoter.io.whole_files import whole_table, write_whole
from yeastpromoter.model.decoding import METHODS, decode

_ROWS_AT_ONCE = 65_536


def read_rows(path: str | Path) -> list[int]:
    """Read the row numbers that a leaderboard asks for.

    Parameters
    ----------
    path : str or Path
        A sample submission (JSON object whose keys are row numbers, or a list of them), or text with one row number a
        line.

    Returns
    -------
    list of int
        0-based row numbers, in the file's order.

    Raises
    ------
    ValueError
        If the file is not text, a row number is not a whole number of at least 0, or there is none.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        content = text.split()
    content = [content] if isinstance(content, int) else list(content)
    rows = []
    for number, entry in enumerate(content):
        if isinstance(entry, bool) or not str(entry).isdecimal():
            raise ValueError(f"{path}: entry {number} is {entry!r} but must be a row number, 0 or more")
        rows.append(int(entry))
    if not rows:
        raise ValueError(f"{path} holds no row numbers")
    return rows


def predict(
    sequences: str | Path,
    weights: str | Path,
    settings: Mapping[str, Any],
    output: str | Path,
    rows: str | Path | None = None,
    leaderboard: str | Path | None = None,
    decoding: str = "weighted_mean",
    reading: dict[str, Any] | None = None,
    assay: Assay = PUBLIC,
) -> int:
    """Predict the expression of the sequences of a file.

    Parameters
    ----------
    sequences : str or Path
        File of sequences, as `yeastpromoter.io.sequence_files.SequenceFile` reads it.
    weights : str or Path
        Weights of a run.
    settings : mapping
        Settings of that run.
    output : str or Path
        Table to write, separated by tabs, in the input's order: ``record`` (number in the input, from 0), ``id``,
        ``sequence`` (the construct), ``expression`` and the bucket scores ``00``, ``01`` and so on.
    rows : str or Path, optional
        Row numbers for the leaderboard, see `read_rows`.
    leaderboard : str or Path, optional
        JSON object to write, ``{row number: expression}`` for `rows`.
    decoding : {"weighted_mean", "argmax"}, optional
        How the bucket scores become expression.
    reading : dict, optional
        Further arguments of `SequenceFile`.
    assay : Assay, optional
        The assay of the configuration.

    Returns
    -------
    int
        Number of sequences predicted.

    Raises
    ------
    ValueError
        If the file cannot be read, only one of `rows` and `leaderboard` is given, or a row is not among the sequences
        or its expression is undefined.
    """
    if (rows is None) != (leaderboard is None):
        raise ValueError(
            f"{argument('rows')} and {argument('leaderboard')} must be given together: the rows asked for, and where "
            "to write them"
        )
    if decoding not in METHODS:
        raise ValueError(f"decoding must be one of {', '.join(METHODS)} but is {decoding!r}")
    file = SequenceFile(sequences, **(reading or {}), reporter=assay.reporter)
    for note in file.notes:
        print(note)
    wanted = None if rows is None else read_rows(rows)
    network = engine_of(settings, weights, assay)

    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    expressions = np.empty(len(file))
    records = np.empty(len(file), dtype=np.int64)
    with whole_table(output) as table:
        print(
            "record", "id", "sequence", "expression", *(f"{b:02d}" for b in range(assay.buckets)), sep="\t", file=table
        )
        for start in range(0, len(file), _ROWS_AT_ONCE):
            place = np.arange(start, min(start + _ROWS_AT_ONCE, len(file)))
            batch = file.read(place)
            scores = network.bucket_scores(batch.constructs)
            expressions[place], records[place] = decode(scores, assay.bucket_values, decoding), batch.records
            for record, name, construct, value, row in zip(
                batch.records, batch.ids, batch.constructs, expressions[place], scores, strict=True
            ):
                text = construct.tobytes().decode("ascii").upper()
                print(record, name, text, f"{value:.6g}", *(f"{s:.6g}" for s in row), sep="\t", file=table)

    if wanted is not None:
        values = dict(zip(records.tolist(), expressions.tolist(), strict=True))
        for row in wanted:
            if not np.isfinite(values.get(row, np.nan)):
                why = "its expression is undefined" if row in values else "it is not among the sequences predicted"
                raise ValueError(f"{rows}: row {row} has no prediction, {why} ({len(file)} sequences of {sequences})")
        leaderboard = Path(leaderboard)
        leaderboard.parent.mkdir(parents=True, exist_ok=True)
        write_whole(leaderboard, json.dumps({str(row): values[row] for row in wanted}) + "\n")
    return len(file)
