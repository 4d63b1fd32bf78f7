"""Files with the result of saturation mutagenesis: a table, and HDF5. Effects are alt − ref in both."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yeastpromoter.interpret.region_files import region_letters
from yeastpromoter.interpret.saturation import Saturation
from yeastpromoter.io.sequence_files import Batch
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.reporter import Reporter

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

#: Further columns of a table with prediction intervals of the effects.
INTERVAL_COLUMNS = ("effect_lower", "effect_upper")

#: What stands in the column `alt` for a deletion.
DELETED = "-"

EFFECT = "effect = alt - ref: expression with the change minus expression without it, in buckets"

#: What an HDF5 file holds, for `yeastpromoter.interpret.region_files.RegionHdf5`: attributes of a `Saturation`.
QUANTITIES = {
    "reference": ("", "expression of the unchanged construct"),
    "effects": ("lb", f"(sequence, position, base put there): {EFFECT}; 0 for the base that stands there"),
}
DELETIONS = {"deletions": ("l", f"(sequence, position taken out): {EFFECT}")}


def table_header(intervals: bool = False) -> str:
    """The first line of the table, with the columns of intervals if there are any."""
    return "\t".join([*COLUMNS, *(INTERVAL_COLUMNS if intervals else ())]) + "\n"


def table_rows(
    batch: Batch, region: str, reporter: Reporter, result: Saturation, half_widths: np.ndarray | None = None
) -> Iterator[str]:
    """Rows of the table for some sequences, as one text for each sequence.

    Parameters
    ----------
    batch : Batch
        N sequences.
    region : {"insert", "construct"}
        The region of `result`.
    reporter : Reporter
        The reporter of the constructs.
    result : Saturation
        Their effects.
    half_widths : numpy.ndarray, optional
        Half widths of the prediction intervals of each sequence's effects, in buckets, (N,): the table then has the
        `INTERVAL_COLUMNS`, too.

    Yields
    ------
    str
        Rows with the `COLUMNS`: by position, counted in the insert from 1
        (`Reporter.coordinate`), and at each position the other bases in the order A, C, G, T
        (all four where an N stands) and then, if there are deletions, ``-``. Numbers have six decimals.
    """
    for n, bases in enumerate(region_letters(batch.constructs, region, reporter)):
        name, reference = _cell(str(batch.ids[n])), float(result.reference[n])
        start = f"{name}\t{batch.records[n]}\t"
        rows = []
        for index, (position, ref) in enumerate(
            zip(reporter.positions(region), bases.tobytes().decode("ascii"), strict=True)
        ):
            changes = [
                (alt, effect)
                for alt, effect in zip(ALPHABET, result.effects[n, index].tolist(), strict=True)
                if alt != ref
            ]
            if result.deletions is not None:
                changes.append((DELETED, float(result.deletions[n, index])))
            ends = [""] * len(changes)
            if half_widths is not None:
                half = float(half_widths[n])
                ends = [f"\t{effect - half:.6f}\t{effect + half:.6f}" for _, effect in changes]
            rows += [
                f"{start}{position}\t{ref}\t{alt}\t{reference:.6f}\t{reference + effect:.6f}\t{effect:.6f}{end}\n"
                for (alt, effect), end in zip(changes, ends, strict=True)
            ]
        yield "".join(rows)


def _cell(text: str) -> str:
    """Quote what would break a row, as spreadsheet programs and pandas read it."""
    if any(character in text for character in '\t\n\r"'):
        return '"' + text.replace('"', '""') + '"'
    return text
