"""Assemble measured sequences from several sources into one table of 110-bp constructs.

Sources are harmonised (trimmed, brought to 110 bp, calibrated to the 0 to 17 scale), repeated measurements are
merged, and whatever resembles a held-out sequence is left out. Everything dropped is counted.
"""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.similarity import distinct_kmers, near_duplicates, shares_kmer
from training.tables import letters_of, sha256_of, write_report, write_table
from training.votes import COUNT_COLUMNS, majority_bucket, mean_bucket
from yeastpromoter.construct import (
    CONSTRUCT_LENGTH,
    INSERT_LENGTH,
    LEFT_ADAPTER,
    MIN_FIT_LENGTH,
    add_adapters,
    fit_construct,
)
from yeastpromoter.decoding import N_BUCKETS

_INSERT = slice(len(LEFT_ADAPTER), len(LEFT_ADAPTER) + INSERT_LENGTH)


def insert_letters(matrix: np.ndarray) -> np.ndarray:
    """The 80 positions of the insert in constructs, `uint8` (N, 110) to (N, 80)."""
    return matrix[:, _INSERT]


def check_sha256(path: str | Path, expected: str | None) -> str:
    """Check a file against its hash.

    Parameters
    ----------
    path : str or Path
        The file.
    expected : str or None
        Its SHA-256, 64 hexadecimal digits; None to take the file as it is.

    Returns
    -------
    str
        The SHA-256 that was found.

    Raises
    ------
    ValueError
        If the file is absent or has another hash.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path} is not there: get it with the download step, or point data.folder of the configuration at the "
            "folder that holds it"
        )
    found = sha256_of(path)
    if expected is not None and found != expected:
        raise ValueError(
            f"{path} has sha256 {found} but the configuration says {expected}: the file is another version, or its "
            "download was cut short"
        )
    return found


def _read_table(path: Path, separator: str, header: bool) -> pd.DataFrame:
    """Read a table, plain or gzip, as text; the index counts its lines (below the header) from 0, blank ones too."""
    try:
        table = pd.read_csv(
            path,
            sep=separator,
            header=0 if header else None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
        )
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be read as a table with the separator {separator!r} ({str(error).strip()}): it is empty, "
            "cut short, no text, or has rows of different length"
        ) from error
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(f"{path}: its rows have more columns than its header, {', '.join(table.columns)}, has names")
    return table[(table != "").any(axis=1)]


def _read_columns(path: Path, source: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Read a source's columns as sequence, expression (or count_0 to count_17) and the replicates that it has.

    Returns the rows that it selects, as text, and the number of rows in the file and of selected ones.
    """
    table = _read_table(path, source["separator"], source["header"])
    wanted = {"sequence": source["columns"]["sequence"]}
    counts = source["columns"].get("counts")
    wanted |= (
        dict(zip(COUNT_COLUMNS, counts, strict=True)) if counts else {"expression": source["columns"]["expression"]}
    )
    for number, column in enumerate(source["columns"].get("replicates", []), start=1):
        wanted[f"replicate_{number}"] = column
    select = source.get("select")
    for column in [*wanted.values(), *([select["column"]] if select else [])]:
        if column not in table.columns:
            raise ValueError(
                f"source {source['name']!r}: {path} has no column {column!r}; it has "
                f"{', '.join(map(str, table.columns))}"
            )
    counts = {"rows_in_file": len(table)}
    if select:
        table = table[table[select["column"]] == select["value"]]
    return pd.DataFrame({name: table[column] for name, column in wanted.items()}), counts | {"rows": len(table)}


def _numbers(values: pd.Series, path: Path, header: bool) -> np.ndarray:
    """Parse numbers; an empty cell or NA is a missing measurement, anything else that is no finite number an error."""
    missing = values.isin(["", "NA", "NaN", "nan"])
    numbers = pd.to_numeric(values.where(~missing), errors="coerce")
    wrong = ~np.isfinite(numbers) & ~missing
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(
            f"{path}, line {row + 1 + header}: {values[row]!r} is not a number, but {values.name} must be one"
        )
    return numbers.to_numpy(dtype=np.float64)


def _label(table: pd.DataFrame, source: Mapping[str, Any], path: Path, counts: dict[str, Any]) -> pd.DataFrame:
    """Put the expression in place of the counts: the mean bucket, or the majority's, without the rows that have none.

    Rows without cells keep an expression of NaN, as one that was not measured.
    """
    cells = table[list(COUNT_COLUMNS)]
    wrong = ~(cells >= 0)
    if wrong.any(axis=None):
        row = wrong.any(axis=1).idxmax()
        column = wrong.loc[row].idxmax()
        raise ValueError(
            f"{path}, line {row + 1 + source['header']}: {column} is {cells.loc[row, column]:g} but must be a "
            "number of at least 0"
        )
    cells = cells.to_numpy()
    table = table.drop(columns=list(COUNT_COLUMNS)).assign(expression=mean_bucket(cells))
    votes = source["majority"]
    if votes is None:
        return table
    bucket, supported, clear = majority_bucket(cells, votes["support"], votes["share"])
    measured = table["expression"].notna()
    for name, lost in (("support", measured & ~supported), ("majority", supported & ~clear)):
        key = f"dropped_without_{name}"
        counts[key] = counts.get(key, 0) + int(lost.sum())
    table["expression"] = table["expression"].where(~clear, bucket.astype(np.float64))
    return table[clear | ~measured]


def _harmonise(source: Mapping[str, Any], folder: Path, other_lengths: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Bring one source to rows of 110-bp construct, expression on the common scale and replicates.

    Returns the rows and what was counted: ``rows`` (those that the source selects) are the returned ones and those
    under each key that begins with ``dropped_``.
    """
    path = folder / source["file"]
    counts = {"file_sha256": check_sha256(path, source["sha256"])}
    table, rows = _read_columns(path, source)
    counts |= rows
    value_columns = [name for name in table.columns if name != "sequence"]
    for name in value_columns:
        table[name] = _numbers(table[name], path, source["header"])
    if source["columns"].get("counts"):
        table = _label(table, source, path, counts)
        value_columns = [name for name in table.columns if name != "sequence"]
    measured = table["expression"].notna()
    counts["dropped_without_value"] = int((~measured).sum())
    table = table[measured]

    sequence = table["sequence"].str.upper()
    trim = source["trim"]
    sequence = sequence.str.slice(trim["left"], -trim["right"] or None)
    wrong = sequence.str.contains("[^ACGTN]") | (sequence == "")
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(
            f"{path}, line {row + 1 + source['header']}: {table['sequence'][row]!r} is not a DNA sequence of A, C, G, "
            "T and N"
        )
    if source["sequence_type"] == "insert":
        sequence = sequence.map(add_adapters)
    fits = sequence.str.len() == CONSTRUCT_LENGTH
    counts["of_construct_length"] = int(fits.sum())
    if other_lengths == "fit":
        possible = sequence.str.len() >= MIN_FIT_LENGTH
        counts["fitted"] = int((possible & ~fits).sum())
        counts["dropped_for_length"] = int((~possible).sum())
        table, sequence, fits = table[possible], sequence[possible], fits[possible]
        sequence = sequence.where(fits, sequence.map(fit_construct))
    elif other_lengths == "drop":
        counts["dropped_for_length"] = int((~fits).sum())
        table, sequence, fits = table[fits], sequence[fits], fits[fits]
    elif not fits.all():
        row = (~fits).idxmax()
        raise ValueError(
            f"{path}, line {row + 1 + source['header']}: the construct is {len(sequence[row])} bp long but must be "
            f"{CONSTRUCT_LENGTH}; {int((~fits).sum())} rows are not. Set data.other_lengths to drop or fit to accept "
            "them"
        )
    table = table.assign(sequence=sequence, fitted=~fits)

    calibration = source["calibration"]
    for name in value_columns:
        table[name] = table[name] * calibration["slope"] + calibration["intercept"]
    outside = (table["expression"] < 0) | (table["expression"] > N_BUCKETS - 1)
    counts["clipped_to_scale"] = int(outside.sum())
    table["expression"] = table["expression"].clip(0, N_BUCKETS - 1)
    for name in ("replicate_1", "replicate_2"):
        if name not in table:
            table[name] = np.nan
    return table.assign(weight=float(source["weight"])), counts


def _agreement(table: pd.DataFrame, names: Sequence[str]) -> list[dict[str, Any]]:
    """For each pair of sources, how their values of the sequences that both measured compare."""
    values = table.groupby(["sequence", "source"])["expression"].mean().unstack()
    pairs = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if first not in values or second not in values:
                continue
            shared = values[[first, second]].dropna()
            if len(shared) < 3:
                continue
            slope, intercept = np.polyfit(shared[second], shared[first], 1)
            pairs.append(
                {
                    "sources": [first, second],
                    "sequences": len(shared),
                    "pearson": float(shared[first].corr(shared[second])),
                    "line_second_to_first": {"slope": float(slope), "intercept": float(intercept)},
                }
            )
    return pairs


def _merge(table: pd.DataFrame) -> pd.DataFrame:
    """Merge repeated measurements of a construct: weighted mean of the values, sum of the weights.

    The construct keeps the source of its first measurement. Where several measurements were merged, the first
    two are its replicates.
    """
    table = table.assign(weighted=table["expression"] * table["weight"])
    groups = table.groupby("sequence", sort=False)
    merged = groups.agg(
        weighted=("weighted", "sum"),
        weight=("weight", "sum"),
        source=("source", "first"),
        fitted=("fitted", "first"),
        replicate_1=("replicate_1", "first"),
        replicate_2=("replicate_2", "first"),
        measurements=("expression", "size"),
    )
    merged["expression"] = merged["weighted"] / merged["weight"]
    repeated = merged["measurements"] > 1
    for name, position in (("replicate_1", 0), ("replicate_2", 1)):
        merged.loc[repeated, name] = (
            groups["expression"].nth(position).set_axis(table.loc[groups["expression"].nth(position).index, "sequence"])
        )
    return merged.reset_index()


def read_held_out(held_out: Sequence[Mapping[str, Any]], folder: Path) -> np.ndarray:
    """Read the held-out sequences.

    Parameters
    ----------
    held_out : sequence of mapping
        ``file`` and ``sha256`` of files with one 110-bp construct a line; further columns are ignored.
    folder : Path
        Folder of the files.

    Returns
    -------
    numpy.ndarray
        ASCII letters, `uint8` (M, 110).

    Raises
    ------
    ValueError
        If a file is absent, has another hash, cannot be read, or holds a sequence of another length.
    """
    parts = [np.empty(0, dtype=f"S{CONSTRUCT_LENGTH}")]
    for entry in held_out:
        path = folder / entry["file"]
        check_sha256(path, entry["sha256"])
        sequence = _read_table(path, "\t", header=False)[0].str.upper()
        if (sequence.str.len() != CONSTRUCT_LENGTH).any():
            row = (sequence.str.len() != CONSTRUCT_LENGTH).idxmax()
            raise ValueError(
                f"{path}, line {row + 1}: a held-out sequence is {len(sequence[row])} bp long but must be "
                f"{CONSTRUCT_LENGTH}"
            )
        parts.append(sequence.to_numpy().astype(f"S{CONSTRUCT_LENGTH}"))
    return letters_of(np.concatenate(parts))


def resembles(matrix: np.ndarray, held_out: np.ndarray, substitutions: int = 3) -> dict[str, np.ndarray]:
    """Tell which constructs resemble a held-out one, and how.

    Parameters
    ----------
    matrix, held_out : numpy.ndarray
        Constructs, `uint8` (N, 110) and (M, 110).
    substitutions : int, optional
        Constructs that differ in at most so many places are near.

    Returns
    -------
    dict of str to numpy.ndarray
        Three masks, `bool` (N,), that do not overlap: ``identical``, ``near`` (within `substitutions`) and
        ``shared_kmer`` (a 30-mer of the insert in common, on either strand).
    """
    identical = near_duplicates(matrix, held_out, 0)
    near = near_duplicates(matrix, held_out, substitutions) & ~identical
    shared = shares_kmer(insert_letters(matrix), distinct_kmers(insert_letters(held_out)))
    return {"identical": identical, "near": near, "shared_kmer": shared & ~identical & ~near}


def assemble(data: Mapping[str, Any], output: str | Path, report: str | Path) -> None:
    """Assemble the sources of a configuration into one table.

    Parameters
    ----------
    data : mapping
        The ``data`` section of a validated configuration.
    output : str or Path
        Table to write: ``sequence`` S110, ``expression`` float32 (0 to 17), ``weight`` float32, ``source``
        uint8 (index into the attribute ``sources``), ``fitted`` bool (was not 110 bp long), ``replicate_1``
        and ``replicate_2`` float32 (NaN where there is none).
    report : str or Path
        JSON file for the counts: rows in, out and dropped with the reason, and the agreement between sources.

    Raises
    ------
    ValueError
        If a file has another hash, a column is absent, or a row cannot be read.
    """
    folder = Path(data["folder"])
    parts, counts = [], {}
    for source in data["sources"]:
        part, counts[source["name"]] = _harmonise(source, folder, data["other_lengths"])
        parts.append(part.assign(source=source["name"]))
    table = pd.concat(parts, ignore_index=True)

    held_out = read_held_out(data["held_out"], folder)
    matrix = letters_of(table["sequence"].to_numpy().astype(f"S{CONSTRUCT_LENGTH}"))
    reasons = resembles(matrix, held_out)
    for name, mask in reasons.items():
        for source, number in table["source"][mask].value_counts().items():
            counts[source][f"dropped_held_out_{name}"] = int(number)
    table = table[~np.logical_or.reduce(list(reasons.values()))].reset_index(drop=True)

    # Agreement is looked at after the exclusion, so that no held-out measurement guides a calibration.
    names = [source["name"] for source in data["sources"]]
    agreement = _agreement(table, names)
    for name in names:
        counts[name]["kept_measurements"] = int((table["source"] == name).sum())
    merged = _merge(table)
    # Sources that carry one label (a library and its repeat, say) count as one from here on.
    labels = list(dict.fromkeys(source["label"] for source in data["sources"]))
    label_of = {source["name"]: labels.index(source["label"]) for source in data["sources"]}
    source = merged["source"].map(label_of).to_numpy(dtype=np.uint8)
    merged_counts = {
        label: {
            "constructs": int((source == number).sum()),
            "constructs_not_fitted": int(((source == number) & ~merged["fitted"]).sum()),
        }
        for number, label in enumerate(labels)
    }

    columns = {
        "sequence": merged["sequence"].to_numpy().astype(f"S{CONSTRUCT_LENGTH}"),
        "source": source,
        "fitted": merged["fitted"].to_numpy(dtype=bool),
    }
    for name in ("expression", "weight", "replicate_1", "replicate_2"):
        columns[name] = merged[name].to_numpy(dtype=np.float32)
    write_table(output, columns, sources=labels)
    write_report(
        report,
        {
            "held_out_sequences": len(held_out),
            "sources": counts,
            "measurements": len(table),
            "constructs": len(merged),
            "merged_away": len(table) - len(merged),
            "by_source": merged_counts,
            "agreement": agreement,
        },
    )
