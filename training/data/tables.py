"""Tables that the steps hand to each other: named columns in one HDF5 file.

A column is a NumPy array with one entry (or one row) for each sequence. Sequences are stored as fixed-length
bytes, so ``h5py.File(path)["sequence"][:]`` reads them and 6.7 million of them stay small on disk.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from training.data.data_files import digest_of
from yeastpromoter.io.whole_files import whole_hdf5, write_whole
from yeastpromoter.sequence.encoding import ALPHABET

CHUNK_ROWS = 16_384

#: Letters of the four bases, `uint8`.
BASES = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)

#: Parts of the split, in the order of their numbers in its table.
PARTS = ("train", "test", "validation")
#: The number of a construct whose part no source gives.
NO_PART = 255

#: Steps by the files that they write for others, named up to the first point as in the results folder.
_STEP_OF = {
    "constructs": "assemble",
    "buckets": "buckets",
    "split": "split",
    "sample": "sample",
    "synthetic": "synthesise",
    "synthetic_scores": "distil",
    "best": "train",
}


def _there(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        step = _STEP_OF.get(path.name.partition(".")[0])
        raise ValueError(f"{path} is missing: " + (f"run the step {step} first" if step else "is its name right?"))
    return path


def in_parts(part: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Tell which constructs are in one of some parts, by their numbers in the split's table, `uint8` (N,)."""
    return np.isin(part, [PARTS.index(name) for name in names])


def write_table(path: str | Path, columns: dict[str, np.ndarray], **attributes: Any) -> None:
    """Write columns of one length to an HDF5 file, which appears only once it is whole.

    Parameters
    ----------
    path : str or Path
        The file; its folder is made if need be.
    columns : dict of str to numpy.ndarray
        Arrays with the same first dimension N.
    **attributes
        Values that JSON can hold, kept beside the columns.

    Raises
    ------
    ValueError
        If the columns differ in length.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{path}: columns must have one length but have {lengths}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_hdf5(path) as file:
        for name, values in columns.items():
            values = np.asarray(values)
            options = {}
            if len(values):
                chunk = (min(CHUNK_ROWS, len(values)), *values.shape[1:])
                options = {"chunks": chunk, "compression": "gzip", "compression_opts": 1, "shuffle": True}
            file.create_dataset(name, data=values, **options)
        for name, value in attributes.items():
            file.attrs[name] = json.dumps(value)


def read_table(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """Read columns of a table.

    Parameters
    ----------
    path : str or Path
        A file that `write_table` wrote.
    *names : str
        Columns to read; all if none is named.

    Returns
    -------
    dict of str to numpy.ndarray
        The columns, in the order asked for.

    Raises
    ------
    ValueError
        If the file is missing, with the step that writes it, or if the table lacks a column.
    """
    with h5py.File(_there(path), "r") as file:
        missing = [name for name in names if name not in file]
        if missing:
            raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(file)}")
        return {name: file[name][:] for name in names or file}


def rows_in(path: str | Path, name: str) -> int:
    """Count the rows of a table by the shape of one of its columns.

    Raises
    ------
    ValueError
        If the file is missing, with the step that writes it.
    """
    with h5py.File(_there(path), "r") as file:
        return len(file[name])


def has_column(path: str | Path, name: str) -> bool:
    """Whether a table has a column; a `ValueError` says if the file is missing, with the step that writes it."""
    with h5py.File(_there(path), "r") as file:
        return name in file


def read_attribute(path: str | Path, name: str) -> Any:
    """Read one attribute of a table that `write_table` wrote.

    Raises
    ------
    ValueError
        If the file is missing, with the step that writes it.
    """
    with h5py.File(_there(path), "r") as file:
        return json.loads(file.attrs[name])


def has_attribute(path: str | Path, name: str) -> bool:
    """Whether a table has an attribute; a `ValueError` says if the file is missing, with the step that writes it."""
    with h5py.File(_there(path), "r") as file:
        return name in file.attrs


def letters_of(sequence: np.ndarray) -> np.ndarray:
    """See a column of fixed-length sequences, ``S<L>`` (N,), as its letters, `uint8` (N, L), without a copy."""
    return sequence.view(np.uint8).reshape(len(sequence), sequence.dtype.itemsize)


def sequences_of(matrix: np.ndarray) -> np.ndarray:
    """Turn a matrix of letters, `uint8` (N, L), into a column of sequences, ``S<L>`` (N,)."""
    return np.ascontiguousarray(matrix).view(f"S{matrix.shape[1]}").reshape(len(matrix))


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises
    ------
    ValueError
        If the file is missing, with the step that writes it.
    """
    return digest_of(_there(path))


def read_json(path: str | Path) -> Any:
    """Read a JSON file that a step wrote.

    Raises
    ------
    ValueError
        If it does not exist or holds no JSON.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} does not exist: run the step that writes it first")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} holds no JSON ({error}): was the step that wrote it interrupted?") from None


def write_report(path: str | Path, report: dict[str, Any]) -> None:
    """Write what a step did as indented JSON; the file appears only once it is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(report, indent=2) + "\n")
