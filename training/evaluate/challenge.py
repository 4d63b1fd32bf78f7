"""The score of the DREAM Challenge 2022: predictions of its test sequences against their measurements.

Everything is as in the challenge's code (de-Boer-Lab/random-promoter-dream-challenge-2022): correlations over all test
sequences, over five subsets of them, and of the differences within three kinds of pairs, put together by weights. A
sequence or a pair counts once in a subset, however often the subset's file lists it. The private evaluation, by which
the challenge was decided, leaves out what the public leaderboard showed: the sequences in any of the leaderboard's
lists, on their own or in a pair, and the pairs that are a pair there.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.data.tables import sha256_of
from training.evaluate.markdown import markdown_table, with_decimals
from training.evaluate.metrics import pearson, spearman, varies
from yeastpromoter.argument_names import argument
from yeastpromoter.io.text_files import read_text
from yeastpromoter.io.text_tables import TextTable
from yeastpromoter.sequence.encoding import find_invalid, gc_content, letters

#: Weight of each subset in the scores: of sequences first, then of pairs.
SEQUENCE_WEIGHTS = {"all": 1.0, "high": 0.3, "low": 0.3, "yeast": 0.3, "random": 0.3, "challenging": 0.5}
PAIR_WEIGHTS = {"SNV": 1.25, "motif_perturbation": 0.3, "motif_tiling": 0.4}
#: The files of the subsets, without the folder and ``.csv``; some copies of them have other names.
_SUBSET_FILES = {
    "high": ("high_exp_seqs",),
    "low": ("low_exp_seqs",),
    "yeast": ("yeast_seqs",),
    "random": ("all_random_seqs",),
    "challenging": ("challenging_seqs",),
    "SNV": ("all_SNVs_seqs", "SNVs_seqs"),
    "motif_perturbation": ("motif_perturbation_seqs", "motif_perturbation"),
    "motif_tiling": ("motif_tiling_seqs",),
}
_LEADERBOARD_FILES = {name: f"{name}_exp_indices.json" for name in _SUBSET_FILES} | {"SNV": "SNVs_exp_indices.json"}
#: Which test sequences are scored.
ROWS = ("all", "public", "private")


def score_challenge(
    predictions: str | Path,
    labels: str | Path,
    subsets: str | Path | None = None,
    leaderboard: str | Path | None = None,
    rows: str | None = None,
    snvs: str | Path | None = None,
) -> dict[str, Any]:
    """Score predictions of the challenge's test sequences.

    Parameters
    ----------
    predictions : str or Path
        See `read_predictions`.
    labels : str or Path
        See `read_labels`.
    subsets : str or Path, optional
        Folder ``test_subset_ids`` of the challenge. Not needed for `rows` "public".
    leaderboard : str or Path, optional
        Folder ``public_leaderboard_ids`` of the challenge. Only the keys of its files are used. Needed for `rows`
        "public" and "private".
    rows : {"all", "public", "private"}, optional
        Score all test sequences, those of the public leaderboard, or all others, as the challenge's final evaluation
        did. By default "private" with a `leaderboard`, "all" without one.
    snvs : str or Path, optional
        File of the SNV pairs in place of the one in `subsets`: CSV, or JSON as in `leaderboard`.

    Returns
    -------
    dict
        ``rows``; ``sequences`` (N); ``subsets``, for each its ``weight``, ``what`` (sequences or pairs), ``count``,
        ``repeated`` (rows of its file that list one again), ``left_out`` (of the public leaderboard), ``pearson`` and
        ``spearman``; ``pearson_score`` and ``spearman_score``; ``gc_predicted`` and ``gc_measured``, the Pearson
        correlation of expression with the GC content of the sequence, over the sequences of the subset ``all``;
        ``sha256`` of the files of predictions and labels. Scores and GC correlations have a ``value``. A correlation
        that is undefined is None, as is a score that needs it; ``reason`` beside it says why.

    Raises
    ------
    FileNotFoundError, OSError
        If a file does not exist or cannot be read.
    ValueError
        If arguments do not go together, a file is wrong, or files do not belong together; with file and line.
    """
    rows = rows or ("all" if leaderboard is None else "private")
    if rows not in ROWS:
        raise ValueError(f"{argument('rows')} must be one of {', '.join(ROWS)} but is {rows!r}")
    if (leaderboard is None) != (rows == "all"):
        raise ValueError(
            f"{argument('rows', rows)} needs {argument('leaderboard')}: which sequences the public leaderboard showed"
            if leaderboard is None
            else f"{argument('leaderboard')} has no use with {argument('rows', 'all')}: leave out one of them"
        )
    if (subsets is None) != (rows == "public"):
        raise ValueError(
            f"{argument('rows', rows)} needs {argument('subsets')}: the folder of the subsets"
            if subsets is None
            else f"{argument('subsets')} has no use with {argument('rows', 'public')}: leave out one of them"
        )
    if snvs is not None and rows == "public":
        raise ValueError(f"{argument('snvs')} has no use with {argument('rows', 'public')}: leave out one of them")

    sequences, measured = read_labels(labels)
    predicted = read_predictions(predictions, sequences)
    public = {} if leaderboard is None else _read_leaderboard(Path(leaderboard), len(sequences))
    shown = np.zeros(len(sequences), dtype=bool)
    for listed in public.values():
        shown[listed.ravel()] = True
    if rows == "public":
        listed = {"all": np.flatnonzero(shown), **public}
    else:
        listed = {"all": np.arange(len(sequences)), **_read_subsets(Path(subsets), snvs, sequences)}

    shown_pairs = {tuple(pair) for name in PAIR_WEIGHTS if name in public for pair in public[name].tolist()}
    results, kept_rows = {}, np.arange(0)
    for name, weight in (SEQUENCE_WEIGHTS | PAIR_WEIGHTS).items():
        distinct = np.unique(listed[name], axis=0)
        kept = distinct
        if rows == "private":
            of_leaderboard = (
                np.array([tuple(pair) in shown_pairs for pair in distinct.tolist()], dtype=bool)
                if name in PAIR_WEIGHTS
                else shown[distinct]
            )
            kept = distinct[~of_leaderboard]
        if name == "all":
            kept_rows = kept
        missing = kept[~np.isfinite(predicted[kept])]
        if missing.size:
            raise ValueError(
                f"{predictions}: has no prediction for row {missing[0]} (and {missing.size - 1:,} others) of the "
                f"subset {name}"
            )
        results[name] = {
            "weight": weight,
            "what": "pairs" if name in PAIR_WEIGHTS else "sequences",
            "count": len(kept),
            "repeated": len(listed[name]) - len(distinct),
            "left_out": len(distinct) - len(kept),
        } | _correlations(_values(predicted, kept), _values(measured, kept))
    gc = gc_content(letters([sequences[row] for row in kept_rows]))
    result = {"rows": rows, "sequences": len(sequences), "subsets": results}
    result |= {f"{name}_score": _score(results, name) for name in ("pearson", "spearman")}
    for name, expression in (("predicted", predicted), ("measured", measured)):
        value = pearson(gc, expression[kept_rows])
        why = "the GC content does not vary" if not varies(gc) else f"the {name} expression does not vary"
        result[f"gc_{name}"] = {"value": value} | ({"reason": why} if value is None else {})
    return result | {"sha256": {"predictions": sha256_of(predictions), "labels": sha256_of(labels)}}


def _values(expression: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Expression of rows, (N,), or its differences alt − ref of pairs of them, (N, 2)."""
    return expression[kept] if kept.ndim == 1 else expression[kept[:, 0]] - expression[kept[:, 1]]


def _correlations(predicted: np.ndarray, measured: np.ndarray) -> dict[str, float | str | None]:
    found = {"pearson": pearson(predicted, measured), "spearman": spearman(predicted, measured)}
    if None not in found.values():
        return found
    if len(predicted) < 2:
        return found | {"reason": f"a correlation needs two values or more, but there are {len(predicted)}"}
    constant = "predictions" if not varies(predicted) else "measurements"
    return found | {"reason": f"the {constant} do not vary"}


def _score(results: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, float | str | None]:
    undefined = [subset for subset, result in results.items() if result[name] is None]
    if undefined:
        return {"value": None, "reason": f"the correlation of {', '.join(undefined)} is undefined"}
    power = 2 if name == "pearson" else 1
    total = sum(result["weight"] for result in results.values())
    return {"value": sum(result["weight"] * result[name] ** power for result in results.values()) / total}


def score_text(result: Mapping[str, Any]) -> str:
    """What `score_challenge` found, as Markdown: a table of the subsets, the scores, and what counts."""
    subsets = result["subsets"]
    table = markdown_table(
        ["Subset", "What", "Number", "Weight", "Pearson r", "r²", "Spearman ρ"],
        [
            [
                name.replace("_", " "),
                subset["what"],
                f"{subset['count']:,}",
                f"{subset['weight']:g}",
                with_decimals(subset["pearson"]) + (f" ({subset['reason']})" if "reason" in subset else ""),
                with_decimals(None if subset["pearson"] is None else subset["pearson"] ** 2),
                with_decimals(subset["spearman"]),
            ]
            for name, subset in subsets.items()
        ],
        text_columns=2,
    )
    titles = {
        "pearson_score": "Pearson score",
        "spearman_score": "Spearman score",
        "gc_predicted": "GC content and predictions, r",
        "gc_measured": "GC content and measurements, r",
    }
    scores = [
        f"- {title}: {with_decimals(result[name]['value'])}"
        + (f" ({result[name]['reason']})" if "reason" in result[name] else "")
        for name, title in titles.items()
    ]
    counted = [
        f"- {name.replace('_', ' ')}: "
        + " and ".join(
            f"{subset[key]:,} {words}"
            for key, words in (
                ("repeated", "listed again, counted once"),
                ("left_out", "of the public leaderboard left out"),
            )
            if subset[key]
        )
        for name, subset in subsets.items()
        if subset["repeated"] or subset["left_out"]
    ]
    of = {
        "all": "all test sequences",
        "public": "the public leaderboard",
        "private": "all but the public leaderboard, as in the final evaluation",
    }[result["rows"]]
    return "\n".join([table, "", f"Scored on {of}.", *scores, *counted])


def read_labels(path: str | Path) -> tuple[list[str], np.ndarray]:
    """Read the measurements of the test sequences.

    Parameters
    ----------
    path : str or Path
        Table separated by tabs (commas in ``.csv``) without a header, plain or gzip: sequence and expression, perhaps
        further columns; in the challenge's order.

    Returns
    -------
    sequences : list of str
        N sequences of one length, upper case.
    expression : numpy.ndarray
        `float64` (N,).

    Raises
    ------
    ValueError
        If a sequence is listed twice, has another length than the first or a letter other than A, C, G, T and N, or
        expression is not a finite number.
    """
    table = TextTable(path, _separator(path), header=False)
    sequences: list[str] = []
    expression = []
    for block in table.blocks():
        sequences += [sequence.upper() for sequence in block.text(0)]
        expression.append(block.numbers(1))
    first_line: dict[str, int] = {}
    for line, sequence in enumerate(sequences, start=1):
        if len(sequence) != len(sequences[0]):
            raise ValueError(
                f"{path}, line {line}: the sequence has {len(sequence)} letters, but that of line 1 has "
                f"{len(sequences[0])}"
            )
        if first_line.setdefault(sequence, line) != line:
            raise ValueError(
                f"{path}, line {line}: the sequence is that of line {first_line[sequence]}, but the challenge's test "
                "sequences are all different"
            )
    if invalid := find_invalid(letters(sequences)):
        line, position = invalid[0] + 1, invalid[1] + 1
        raise ValueError(
            f"{path}, line {line}: the sequence has {sequences[line - 1][position - 1]!r} at position {position} but "
            "must have A, C, G, T and N only"
        )
    return sequences, np.concatenate(expression)


def read_predictions(path: str | Path, sequences: Sequence[str]) -> np.ndarray:
    """Read predictions of the test sequences.

    Parameters
    ----------
    path : str or Path
        A table with a header, separated by tabs (commas in ``.csv``), plain or gzip, one row for each test sequence in
        the challenge's order: that of ``kipoi predict``, or any with a column ``expression``. Where it has the numbers
        of the records or the sequences, they must be those of the test. Or the challenge's JSON, an object from row
        numbers, from 0, to expression.
    sequences : sequence of str
        The N test sequences.

    Returns
    -------
    numpy.ndarray
        Expression, `float64` (N,); NaN where the JSON has none.

    Raises
    ------
    ValueError
        If a row has no finite number, or the rows are not the test sequences in their order.
    """
    if _is_json(path):
        return _from_json(path, read_text(path), len(sequences))
    table = TextTable(path, _separator(path))
    column = _one_of(path, table.columns, ("preds/expression", "expression"))
    record = next((name for name in ("metadata/record", "record") if name in table.columns), None)
    sequence = next((name for name in ("metadata/sequence", "sequence") if name in table.columns), None)
    expression, done = [], 0
    for block in table.blocks():
        expression.append(block.numbers(column))
        if record is not None:
            wrong = np.flatnonzero(block.numbers(record) != done + np.arange(len(block)))
            if wrong.size:
                raise ValueError(
                    f"{path}, line {block.lines[wrong[0]]}: {record} is {block.text(record)[wrong[0]]} but must be "
                    f"{done + wrong[0]}: the rows must be the test sequences in the challenge's order, none left out"
                )
        if sequence is not None:
            for line, found, wanted in zip(block.lines, block.text(sequence), sequences[done:], strict=False):
                if found.upper() != wanted:
                    raise ValueError(
                        f"{path}, line {line}: the sequence is {found[:40]}… but in the labels it is {wanted[:40]}…: "
                        "the rows must be the test sequences in the challenge's order"
                    )
        done += len(block)
    if done != len(sequences):
        raise ValueError(f"{path}: has {done:,} predictions, but the labels are of {len(sequences):,} sequences")
    return np.concatenate(expression)


def _is_json(path: str | Path) -> bool:
    return Path(path).name.lower().endswith((".json", ".json.gz"))


def _separator(path: str | Path) -> str:
    return "," if Path(path).name.lower().endswith((".csv", ".csv.gz")) else "\t"


def _one_of(path: str | Path, columns: Sequence[str], names: Sequence[str]) -> str:
    found = [name for name in names if name in columns]
    if len(found) != 1:
        raise ValueError(
            f"{path}: must have one column named {' or '.join(names)} but has {len(found)}; its columns are "
            f"{', '.join(columns[:20])[:500]}"
        )
    return found[0]


def _object(path: str | Path, text: str) -> list[tuple[str, Any]]:
    """Keys and values of a JSON object, each key once."""
    try:
        content = json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: is not JSON: {error.msg}") from None
    if not isinstance(content, _Pairs):
        raise ValueError(f"{path}: must be a JSON object with row numbers as keys")
    seen = set()
    for key, _ in content:
        if key in seen:
            raise ValueError(f"{path}: has the key {key!r} twice")
        seen.add(key)
    return content


class _Pairs(list):
    """Keys and values of a JSON object, in its order."""


def _from_json(path: str | Path, text: str, count: int) -> np.ndarray:
    expression = np.full(count, np.nan)
    for key, value in _object(path, text):
        (row,) = _row_numbers(path, key, 1, count)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
            raise ValueError(f"{path}: row {key} has {str(value)[:40]!r} but must have a finite number")
        expression[row] = value
    return expression


def _row_numbers(path: str | Path, key: str, wanted: int, count: int) -> list[int]:
    """Row numbers of a key of JSON: one, or the two of a pair."""
    numbers = [number.strip() for number in key.split(",")]
    if len(numbers) != wanted or not all(re.fullmatch("[0-9]{1,9}", number) for number in numbers):
        what = "a row number" if wanted == 1 else "two row numbers with a comma between them"
        raise ValueError(f"{path}: the key {key[:40]!r} must be {what}, from 0")
    rows = [int(number) for number in numbers]
    if max(rows) >= count:
        raise ValueError(f"{path}: the key {key!r} is beyond the {count:,} test sequences, which are counted from 0")
    return rows


def _read_keys(path: Path, name: str, count: int) -> np.ndarray:
    """Rows, (N,), or pairs of rows, (N, 2), that are the keys of a file of the leaderboard."""
    wanted = 2 if name in PAIR_WEIGHTS else 1
    rows = [_row_numbers(path, key, wanted, count) for key, _ in _object(path, read_text(path))]
    if not rows:
        raise ValueError(f"{path}: lists no rows")
    return np.array(rows, dtype=np.int64).reshape((-1, 2) if wanted == 2 else -1)


def _read_leaderboard(folder: Path, count: int) -> dict[str, np.ndarray]:
    return {name: _read_keys(folder / file, name, count) for name, file in _LEADERBOARD_FILES.items()}


def _read_subsets(folder: Path, snvs: str | Path | None, sequences: Sequence[str]) -> dict[str, np.ndarray]:
    found = {}
    for name, stems in _SUBSET_FILES.items():
        path = _subset_file(folder, name, stems) if name != "SNV" or snvs is None else Path(snvs)
        if _is_json(path):
            found[name] = _read_keys(path, name, len(sequences))
        else:
            sides = ("alt_", "ref_") if name in PAIR_WEIGHTS else ("",)
            rows = [_positions(path, side, sequences) for side in sides]
            found[name] = rows[0] if len(rows) == 1 else np.column_stack(rows)
    return found


def _subset_file(folder: Path, name: str, stems: Iterable[str]) -> Path:
    paths = [folder / f"{stem}.csv" for stem in stems]
    there = [path for path in paths if path.is_file()]
    if len(there) != 1:
        hint = f". {argument('snvs')} names a file elsewhere" if name == "SNV" else ""
        raise ValueError(
            f"{folder}: must have one file of the subset {name}, {' or '.join(path.name for path in paths)}, but has "
            f"{len(there)}{hint}"
        )
    return there[0]


def _positions(path: Path, side: str, sequences: Sequence[str]) -> np.ndarray:
    """Row numbers in a column ``pos`` of a subset's file, whose sequences must be those of the rows."""
    table = TextTable(path, ",")
    found = []
    for block in table.blocks():
        rows = block.numbers(f"{side}pos", 0, len(sequences) - 1)
        wrong = np.flatnonzero(rows % 1)
        if wrong.size:
            raise ValueError(
                f"{path}, line {block.lines[wrong[0]]}: {side}pos is {rows[wrong[0]]:g} but must be a whole number"
            )
        rows = rows.astype(np.int64)
        for line, row, sequence in zip(block.lines, rows, block.text(f"{side}sequence"), strict=True):
            if sequence.upper() != sequences[row]:
                raise ValueError(
                    f"{path}, line {line}: {side}sequence is {sequence[:40]}… but row {row} of the labels is "
                    f"{sequences[row][:40]}…: are the labels in the challenge's order?"
                )
        found.append(rows)
    if not sum(map(len, found)):
        raise ValueError(f"{path}: has no rows")
    return np.concatenate(found)
