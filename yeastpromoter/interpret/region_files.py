"""HDF5 files with numbers for each position of a region, and the letters there: as saturate and contributions write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from yeastpromoter.io.sequence_files import Batch
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.reporter import Reporter

if TYPE_CHECKING:
    import h5py

_UPPER_CASE = 0xDF


def region_letters(constructs: np.ndarray, region: str, reporter: Reporter) -> np.ndarray:
    """Cut a region out of constructs of a reporter, as upper-case letters, `uint8` (N, L)."""
    return constructs[:, reporter.bases(region)] & _UPPER_CASE


class RegionHdf5:
    """An HDF5 file of results, written in parts.

    Datasets, for N sequences and the L positions of the region: ``id``, text (N,); ``record``, the number of the
    sequence in the input, from 0, `int64` (N,); ``length``, of the sequence as it was given, in bp, `int64` (N,);
    ``sequence``, the region's letters, text (N,); ``position``, the positions of the region, counted in the insert from
    1, `int64` (L,); and the quantities, `float32`. Each says what it is in its attribute ``description``. Attributes of
    the file: ``region``, ``bases`` (the order of an axis of bases), ``weights_version``, and those that are given.

    Parameters
    ----------
    file : h5py.File
        Open for writing.
    n : int
        Number of sequences that there will be.
    region : {"insert", "construct"}
        The region of all results.
    reporter : Reporter
        The reporter of the constructs.
    weights_version : str
        Version of the weights that predicted them.
    quantities : mapping of str to tuple
        Name of each quantity: its shape, as letters of ``"lb"`` for the axes of positions and of bases after that of
        the sequences, and its description.
    **attributes
        Further attributes of the file.
    """

    def __init__(
        self,
        file: h5py.File,
        n: int,
        region: str,
        reporter: Reporter,
        weights_version: str,
        quantities: Mapping[str, tuple[str, str]],
        **attributes: Any,
    ) -> None:
        import h5py

        self._file, self._region, self._quantities, self._next = file, region, tuple(quantities), 0
        self._reporter = reporter
        positions = reporter.positions(region)
        sizes = {"l": len(positions), "b": len(ALPHABET)}
        file.attrs.update({"region": region, "bases": ALPHABET, "weights_version": weights_version, **attributes})
        letters = h5py.string_dtype("ascii", len(positions))
        self._add("id", (n,), h5py.string_dtype(), "id of the sequence; without ids, the number of its record")
        self._add("record", (n,), np.int64, "number of the record in the input, from 0")
        self._add("length", (n,), np.int64, "length of the sequence as it was given, in bp")
        self._add("sequence", (n,), letters, f"letters of the {region}, 5' to 3'")
        self._add("position", (len(positions),), np.int64, reporter.coordinate)
        file["position"][:] = positions
        for name, (shape, description) in quantities.items():
            self._add(name, (n, *(sizes[axis] for axis in shape)), np.float32, description)

    def write(self, batch: Batch, values: Mapping[str, np.ndarray]) -> None:
        """Write the next sequences and their quantities."""
        rows = slice(self._next, self._next + len(batch.ids))
        letters = np.ascontiguousarray(region_letters(batch.constructs, self._region, self._reporter))
        self._file["id"][rows] = batch.ids.astype(object)
        self._file["record"][rows] = batch.records
        self._file["length"][rows] = batch.lengths
        self._file["sequence"][rows] = letters.view(f"S{letters.shape[1]}")[:, 0]
        for name in self._quantities:
            self._file[name][rows] = values[name]
        self._next = rows.stop

    def _add(self, name: str, shape: tuple, dtype: object, description: str) -> None:
        self._file.create_dataset(name, shape, dtype).attrs["description"] = description
