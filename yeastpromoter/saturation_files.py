"""Files with the result of saturation mutagenesis: a table, and HDF5. Effects are alt − ref in both."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from yeastpromoter.encoding import ALPHABET
from yeastpromoter.mutagenesis import REGIONS, Saturation
from yeastpromoter.sequence_files import Batch
from yeastpromoter.whole_files import whole_table

#: Columns of the table.
COLUMNS = (
    "id",
    "record",
    "position",
    "ref",
    "alt",
    "ref_expression",
    "alt_expression",
    "effect_alt_minus_ref",
)

#: What stands in the column `alt` for a deletion.
DELETED = "-"

_UPPER_CASE = 0xDF

EFFECT = (
    "effect = alt - ref: expression with the change minus expression without it, in buckets (expression is 0 to 17)"
)


def region_letters(constructs: np.ndarray, region: str) -> np.ndarray:
    """Cut the region out of constructs, `uint8` (N, 110), as upper-case letters, `uint8` (N, L)."""
    positions = REGIONS[region]
    return constructs[:, positions.start : positions.stop] & _UPPER_CASE


@contextmanager
def open_table(path: str | Path) -> Iterator[io.TextIOBase]:
    """Open a table for writing, with its header; compressed by gzip if its name ends in ``.gz``.

    Parameters
    ----------
    path : str or Path
        The file. It appears when the context ends without an error.

    Yields
    ------
    io.TextIOBase
        For `table_rows`.
    """
    with whole_table(path) as file:
        file.write("\t".join(COLUMNS) + "\n")
        yield file


def table_rows(batch: Batch, region: str, result: Saturation) -> Iterator[str]:
    """Rows of the table for some sequences, as one text for each sequence.

    Parameters
    ----------
    batch : Batch
        N sequences.
    region : {"insert", "construct"}
        The region of `result`.
    result : Saturation
        Their effects.

    Yields
    ------
    str
        Rows with the `COLUMNS`: by position, counted from 1 in the region, and at each position the other bases in
        the order A, C, G, T (all four where an N stands) and then, if there are deletions, ``-``. Numbers have six
        decimals.
    """
    for n, bases in enumerate(region_letters(batch.constructs, region)):
        name, reference = _cell(str(batch.ids[n])), float(result.reference[n])
        start = f"{name}\t{batch.records[n]}\t"
        rows = []
        for position, ref in enumerate(bases.tobytes().decode("ascii")):
            changes = [
                (alt, effect)
                for alt, effect in zip(ALPHABET, result.effects[n, position].tolist(), strict=True)
                if alt != ref
            ]
            if result.deletions is not None:
                changes.append((DELETED, float(result.deletions[n, position])))
            rows += [
                f"{start}{position + 1}\t{ref}\t{alt}\t{reference:.6f}\t{reference + effect:.6f}\t{effect:.6f}\n"
                for alt, effect in changes
            ]
        yield "".join(rows)


class SaturationHdf5:
    """An HDF5 file of results, written in parts.

    Datasets, for N sequences and the L positions of the region: ``id``, text (N,); ``record``, the number of the
    sequence in the input, from 0, `int64` (N,); ``sequence``, the region's letters, text (N,); ``reference``,
    expression of the unchanged construct, `float32` (N,); ``effects``, `float32` (N, L, 4), 0 for the base that
    stands there; with deletions, ``deletions``, `float32` (N, L). Each says what it is in its attribute
    ``description``. Attributes of the file: ``region``, ``first_position`` (that of the region in the construct, from
    0), ``bases`` (the order of the last axis of ``effects``), ``effect``, ``weights_version``.

    Parameters
    ----------
    file : h5py.File
        Open for writing.
    n : int
        Number of sequences that there will be.
    region : {"insert", "construct"}
        The region of all results.
    deletions : bool
        Whether the results have deletions.
    weights_version : str
        Version of the weights that predicted them.
    """

    def __init__(self, file: h5py.File, n: int, region: str, deletions: bool, weights_version: str) -> None:
        self._file, self._region, self._next = file, region, 0
        positions = REGIONS[region]
        length = len(positions)
        file.attrs.update(
            {
                "region": region,
                "first_position": positions.start,
                "bases": ALPHABET,
                "effect": EFFECT,
                "weights_version": weights_version,
            }
        )
        text, letters = h5py.string_dtype(), h5py.string_dtype("ascii", length)
        self._add("id", (n,), text, "id of the sequence; without ids, the number of its record")
        self._add("record", (n,), np.int64, "number of the record in the input, from 0")
        self._add("sequence", (n,), letters, f"letters of the {region}, 5' to 3'")
        self._add("reference", (n,), np.float32, "expression of the unchanged construct, 0 to 17")
        self._add("effects", (n, length, len(ALPHABET)), np.float32, f"(sequence, position, base put there): {EFFECT}")
        if deletions:
            self._add("deletions", (n, length), np.float32, f"(sequence, position taken out): {EFFECT}")

    def write(self, batch: Batch, result: Saturation) -> None:
        """Write the next sequences and their effects."""
        rows = slice(self._next, self._next + len(batch.ids))
        letters = region_letters(batch.constructs, self._region)
        values = {
            "id": batch.ids.astype(object),
            "record": batch.records,
            "sequence": np.ascontiguousarray(letters).view(f"S{letters.shape[1]}")[:, 0],
            "reference": result.reference,
            "effects": result.effects,
        }
        if result.deletions is not None:
            values["deletions"] = result.deletions
        for name, value in values.items():
            self._file[name][rows] = value
        self._next = rows.stop

    def _add(self, name: str, shape: tuple, dtype: object, description: str) -> None:
        self._file.create_dataset(name, shape, dtype).attrs["description"] = description


def _cell(text: str) -> str:
    """Quote what would break a row, as spreadsheet programs and pandas read it."""
    if any(character in text for character in '\t\n\r"'):
        return '"' + text.replace('"', '""') + '"'
    return text
