"""Tables of an MPRA: the sequences of the designs, and counts of RNA and DNA in replicates, joined by name.

The tables are those of MPRAsnakeflow and MPRAlib: of oligos (``reporter_experiment.oligo.*``) and of barcodes
(``reporter_experiment.barcode.*``). training/README.md cites where their columns are defined.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.data.labels import log_ratio, mean_of_replicates, share_of_counts
from training.data.tables import NO_PART, PARTS
from training.notices import say
from yeastpromoter.io.record_formats import Fasta
from yeastpromoter.io.text_files import TextFile
from yeastpromoter.io.text_tables import TextTable

#: What MPRAsnakeflow calls barcodes that belong to no oligo.
_UNASSIGNED = "no_BC"
#: Columns of DNA and RNA counts, by the level of a table, where the configuration names none. Of barcodes, the
#: replicate follows after an underscore.
DEFAULT_COLUMNS = {"oligo": ("dna_normalized", "rna_normalized"), "barcode": ("dna_count", "rna_count")}
_NAMES_SHOWN = 3


def _plain_names(names: pd.Series) -> pd.Series:
    """Names as MPRAlib has them: blanks and square brackets are underscores."""
    return names.str.replace(r"[\s\[\]]", "_", regex=True)


def is_fasta(path: str | Path) -> bool:
    """Whether a file, plain or compressed, begins as FASTA does."""
    text = TextFile(path)
    return text.read(text.start, text.start + 1) == b">"


class FastaTable:
    """A FASTA file as `yeastpromoter.io.text_tables.TextTable` has a table: column 0 is the first word of each header.

    Column 1 is the sequence. Lines are those of the headers.
    """

    columns = (0, 1)

    def __init__(self, path: str | Path) -> None:
        self._text = TextFile(path)

    def number(self, column: int | str) -> int:
        """Number of a column: itself, if there is such a column."""
        if column not in self.columns:
            raise ValueError(
                f"{self._text.path}: FASTA is read as a table without header of name (column 0) and sequence (column "
                f"1), and has no column {column!r}"
            )
        return int(column)

    def blocks(self) -> Iterator["FastaRows"]:
        """Read the records, some at a time."""
        form, lines_before = Fasta(), 0
        for _, stretch in self._text.stretches(self._text.start, form.end_of_records):
            records = form.parse(stretch)
            ends = np.flatnonzero(np.frombuffer(stretch, dtype=np.uint8) == ord("\n"))
            texts = [np.array(spans.strings(), dtype=object) for spans in (records.ids, records.sequences)]
            yield FastaRows(texts, 1 + lines_before + np.searchsorted(ends, records.start))
            lines_before += len(ends)


class FastaRows:
    """Some records of a `FastaTable`: their texts by column, and the lines of their headers."""

    def __init__(self, texts: list[np.ndarray], lines: np.ndarray) -> None:
        self._texts, self.lines = texts, lines

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, mask: np.ndarray) -> "FastaRows":
        """Return the records where a mask, `bool` (N,), is true."""
        return FastaRows([text[mask] for text in self._texts], self.lines[mask])

    def text(self, column: int) -> list[str]:
        """Names (column 0) or sequences (column 1)."""
        return self._texts[column].tolist()


def _shares(dna: pd.Series, rna: pd.Series, barcodes: pd.Series, settings: Mapping[str, Any]) -> pd.DataFrame:
    """A replicate with shares of its counts in place of the counts."""
    dna, rna = (
        share_of_counts(counts.fillna(0).to_numpy(), barcodes.to_numpy(), settings["pseudocount"])
        for counts in (dna, rna)
    )
    return pd.DataFrame({"dna": dna, "rna": rna, "barcodes": barcodes}, index=barcodes.index)


def _oligos(path: Path, settings: Mapping[str, Any]) -> Iterator[pd.DataFrame]:
    """Replicates of a table of oligos, with the columns dna, rna and barcodes by oligo."""
    columns = settings["columns"]
    replicate = columns["replicate"]
    dna, rna = (columns[kind] or name for kind, name in zip(("dna", "rna"), DEFAULT_COLUMNS["oligo"], strict=True))
    table = TextTable(path, settings["separator"])
    try:
        for column in (columns["name"], dna, rna, columns["barcodes"], *([replicate] if replicate else [])):
            table.number(column)
    except ValueError as error:
        raise ValueError(
            f"{error}. Other names can be given under mpra.columns; a table of barcodes needs mpra.level: barcode, and "
            "where each table is one replicate, mpra.columns.replicate is null"
        ) from None
    parts = [
        pd.DataFrame(
            {
                "oligo": np.array(rows.text(columns["name"]), dtype=object),
                "replicate": np.array(rows.text(replicate), dtype=object) if replicate else "",
                "dna": rows.numbers(dna, lowest=0, missing=True),
                "rna": rows.numbers(rna, lowest=0, missing=True),
                "barcodes": rows.numbers(columns["barcodes"], lowest=0),
            },
            index=rows.lines,
        )
        for rows in table.blocks()
    ]
    if not parts:
        raise ValueError(f"{path} has a header but no rows: it is another file, or was cut short")
    found = pd.concat(parts)
    found["oligo"] = _plain_names(found["oligo"])
    found = found[found["oligo"] != _UNASSIGNED]
    again = found.duplicated(["oligo", "replicate"])
    if again.any():
        line = again.idxmax()
        of = f" in the replicate {found['replicate'][line]!r}" if replicate else ""
        raise ValueError(
            f"{path}, line {line}: the oligo {found['oligo'][line]!r} is there twice{of}: a table has one "
            "line for each oligo and replicate. Are several conditions in it, or is mpra.columns.replicate missing?"
        )
    for _, rows in found.groupby("replicate", sort=False):
        rows = rows.set_index("oligo")
        yield rows if settings["normalised"] else _shares(rows["dna"], rows["rna"], rows["barcodes"], settings)


def _barcodes(path: Path, settings: Mapping[str, Any]) -> Iterator[pd.DataFrame]:
    """Replicates of a table of barcodes, summed up by oligo, with the columns dna, rna and barcodes.

    DNA and RNA are shares of all counts of the replicate. A barcode is observed where it has a count of either.
    """
    columns = settings["columns"]
    dna, rna = (columns[kind] or name for kind, name in zip(("dna", "rna"), DEFAULT_COLUMNS["barcode"], strict=True))
    table = TextTable(path, settings["separator"])
    ends = [name.removeprefix(dna) for name in table.columns if re.fullmatch(re.escape(dna) + "(_.+)?", name)]
    lacking = [rna + end for end in ends if rna + end not in table.columns]
    if not ends or lacking or columns["name"] not in table.columns:
        lacks = columns["name"] if columns["name"] not in table.columns else lacking[0] if lacking else f"{dna}_…"
        raise ValueError(
            f"{path} has no column {lacks}; it has {', '.join(table.columns)}. A table of barcodes has "
            f"{columns['name']} and, for each replicate, {dna}_… and {rna}_…; other names can be given under "
            "mpra.columns, and a table of oligos needs mpra.level: oligo"
        )
    parts = []
    for rows in table.blocks():
        sums: dict[str, np.ndarray] = {}
        for end in ends:
            counts = [np.nan_to_num(rows.numbers(kind + end, lowest=0, missing=True)) for kind in (dna, rna)]
            sums |= {f"dna{end}": counts[0], f"rna{end}": counts[1]}
            sums[f"barcodes{end}"] = ((counts[0] > 0) | (counts[1] > 0)).astype(np.float64)
        oligo = _plain_names(pd.Series(rows.text(columns["name"]), dtype=object))
        parts.append(pd.DataFrame(sums).groupby(oligo.to_numpy(), sort=False).sum())
    if not parts:
        raise ValueError(f"{path} has a header but no rows: it is another file, or was cut short")
    found = pd.concat(parts)
    found = found.groupby(found.index, sort=False).sum().drop(index=_UNASSIGNED, errors="ignore")
    for end in ends:
        replicate = _shares(found[f"dna{end}"], found[f"rna{end}"], found[f"barcodes{end}"], settings)
        yield replicate[replicate["barcodes"] > 0]


def read_ratios(paths: Sequence[Path], settings: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the log ratios of all replicates.

    Parameters
    ----------
    paths : sequence of Path
        The tables.
    settings : mapping
        ``mpra`` of a source.

    Returns
    -------
    ratios, barcodes : pandas.DataFrame
        Log2 of RNA over DNA (NaN without a ratio), and the number of barcodes (0 without any), of each oligo (rows) in
        each replicate (columns, in the order of the tables and of the replicates in them).

    Raises
    ------
    ValueError
        If a table lacks a column or has no rows, a cell is not a number, or an oligo is in a replicate twice.
    """
    read = {"oligo": _oligos, "barcode": _barcodes}[settings["level"]]
    ratios, barcodes = [], []
    for path in paths:
        for found in read(path, settings):
            number = len(ratios)
            ratio = log_ratio(found["rna"].to_numpy(), found["dna"].to_numpy())
            ratios.append(pd.Series(ratio, index=found.index, name=number))
            barcodes.append(found["barcodes"].rename(number))
    return pd.concat(ratios, axis=1), pd.concat(barcodes, axis=1).fillna(0)


def label_designs(
    designs: pd.DataFrame, tables: Sequence[Path], settings: Mapping[str, Any], place: str, counts: dict[str, Any]
) -> pd.DataFrame:
    """Give designs their mean log ratio.

    Parameters
    ----------
    designs : pandas.DataFrame
        ``name`` and ``sequence``, both text, and further columns, which are kept.
    tables : sequence of Path
        Tables of the measurements.
    settings : mapping
        ``mpra`` of a source.
    place : str
        The file of the designs, for messages.
    counts : dict
        What was dropped, by reason, is added here: lines that repeat a design, and designs with too few barcodes in
        every replicate. ``measured_without_design`` are the measured oligos that have no design here.

    Returns
    -------
    pandas.DataFrame
        ``sequence``, the further columns, ``expression`` (mean over the replicates with enough barcodes; NaN where none
        has a ratio), ``replicate_1`` and ``replicate_2`` (the first two replicates), indexed as the designs.

    Raises
    ------
    ValueError
        If a name has two sequences, no name is among the measured ones, or `read_ratios` refuses a table.
    """
    designs = designs.assign(name=_plain_names(designs["name"]))
    repeated = designs.duplicated("name")
    first = designs[~repeated].set_index("name")["sequence"].str.upper()
    other = designs["sequence"].str.upper().to_numpy() != first[designs["name"]].to_numpy()
    if other.any():
        line = designs.index[other.argmax()]
        raise ValueError(
            f"{place}, line {line}: the design {designs['name'][line]!r} has another sequence than on an earlier line: "
            "each design needs a name of its own"
        )
    if "part" in designs:
        given = designs[designs["part"] != NO_PART].groupby("name", sort=False)["part"].agg(["min", "max"])
        differ = given["min"] != given["max"]
        if differ.any():
            name = differ.idxmax()
            parts = [PARTS[number] for number in given.loc[name]]
            lines = designs.index[(designs["name"] == name) & (designs["part"] != NO_PART)]
            raise ValueError(
                f"{place}, lines {lines[0]} and {lines[-1]}: the design {name!r} is in the {' and the '.join(parts)} "
                "part, but a design has one part"
            )
        designs = designs.assign(part=designs["name"].map(given["min"]).fillna(NO_PART).astype("uint8"))
    counts["dropped_repeated_design"] = int(repeated.sum())
    designs = designs[~repeated]

    ratios, barcodes = read_ratios(tables, settings)
    unknown = ~ratios.index.isin(designs["name"])
    if unknown.all():
        measured, designed = (", ".join(map(repr, names[:_NAMES_SHOWN])) for names in (ratios.index, designs["name"]))
        raise ValueError(
            f"{place}: no design is measured in {', '.join(map(str, tables))}. Oligos there are called {measured} …, "
            f"the designs {designed} …: is it the right column (columns.name, mpra.columns.name), or another library?"
        )
    counts["replicates"] = ratios.shape[1]
    counts["measured_without_design"] = int(unknown.sum())
    if unknown.any():
        say(f"{place}: {unknown.sum():,} of {len(unknown):,} measured oligos have no design here and are left out")
    ratios, barcodes = ratios.reindex(designs["name"]), barcodes.reindex(designs["name"]).fillna(0)
    ratios = ratios.to_numpy()
    enough = barcodes.to_numpy() >= settings["min_barcodes"]
    few = (barcodes.to_numpy() > 0).any(axis=1) & ~enough.any(axis=1)
    counts["dropped_without_barcodes"] = int(few.sum())
    ratios = np.where(enough, ratios, np.nan)
    labelled = designs.drop(columns="name").assign(
        expression=mean_of_replicates(ratios),
        replicate_1=ratios[:, 0],
        replicate_2=ratios[:, 1] if ratios.shape[1] > 1 else np.nan,
    )
    return labelled[~few]
