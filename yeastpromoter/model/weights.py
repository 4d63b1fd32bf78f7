"""The weights: verified against their sha256, then loaded.

A weights file is a Keras 3 ``.weights.h5``: arrays in HDF5 and nothing else. Loading it runs no code from it,
unlike a whole saved model or a pickle, and it loads on every Keras backend.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
LFS_SIGNATURE = b"version https://git-lfs.github.com/spec/"


def load_weights(network: keras.Model, path: str | Path, sha256: str) -> None:
    """Verify a weights file and load it into a network.

    Parameters
    ----------
    network : keras.Model
        A network as `yeastpromoter.model.network.build_network` makes it; its weights are replaced.
    path : str or pathlib.Path
        The weights file; its name ends in ``.weights.h5``.
    sha256 : str
        SHA-256 of the file, 64 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not the expected one (see `verify_weights`), or if it is but belongs to another network.
    """
    verify_weights(path, sha256)
    network.load_weights(str(path))


def verify_weights(path: str | Path, sha256: str) -> None:
    """Compare a weights file with its SHA-256.

    Parameters
    ----------
    path : str or pathlib.Path
        The weights file.
    sha256 : str
        The expected SHA-256, 64 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the SHA-256 differs. The message says whether the file is a Git LFS pointer, truncated, not HDF5 at
        all, or a whole file that is another one.
    """
    path = Path(path).absolute()
    if not path.is_file():
        raise FileNotFoundError(f"weights file {path} does not exist: was the entry's folder copied without it?")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.lower():
        raise ValueError(f"weights file {path} {_diagnose(content)} (sha256 is {found} but must be {sha256.lower()})")


def _diagnose(content: bytes) -> str:
    import h5py

    if content.startswith(LFS_SIGNATURE):
        return "is a Git LFS pointer, not the weights themselves: fetch them with `git lfs install && git lfs pull`"
    if content and not content.startswith(HDF5_SIGNATURE[: len(content)]):
        return "is not an HDF5 file: it was overwritten, or a download saved an error page in its place"
    try:
        h5py.File(io.BytesIO(content), "r").close()
    except OSError:
        return f"is truncated: {len(content):,} bytes are left of it. Copy or download it again"
    return (
        "is a whole HDF5 file but not the one that is expected: it was swapped or altered, or it and the sha256 come "
        "from different versions of the entry"
    )
