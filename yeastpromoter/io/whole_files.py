"""Output files that appear whole or not at all."""

from __future__ import annotations

import errno
import gzip
import io
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import h5py
    import pandas as pd

#: Errors of writing alone, whose messages name no file: a full disk, a full quota, a file beyond a limit.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

#: Characters of a file's name that its partial file keeps: file systems allow 255 bytes.
_KEPT_CHARACTERS = 50


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Write a file under a private name and give it its own when it is complete.

    Parameters
    ----------
    path : str or Path
        The file. An existing one stays as it is until the new one is complete, which then has its owner and its mode.
        A symbolic link is followed: the file that it names is written, and the link stays. A device or a named pipe
        gets the content when it is complete.

    Yields
    ------
    Path
        Where to write: an empty file ``partial.XXXXXXXX.NAME`` in the folder of the file, with a random number that no
        other process has. It gets the name of the file at the end of the context, and is removed if the context ends
        with an error. Only a process that is killed leaves it.

    Raises
    ------
    ValueError
        If the folder does not exist, or if `path` is a folder.
    OSError
        If the file cannot be written; the message names it.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    check_folder(path)
    before = None
    with suppress(FileNotFoundError):
        before = os.stat(path)
    if before is not None and stat.S_ISDIR(before.st_mode):
        raise ValueError(f"{path} cannot be written: it is a folder")
    with names_full_disk(path):
        if is_stream(path):
            with tempfile.TemporaryDirectory(prefix="yeastpromoter-") as folder:
                partial = Path(folder) / path.name
                partial.touch()
                with names_full_disk(tempfile.gettempdir()):
                    yield partial
                with partial.open("rb") as content, _open_stream(path) as stream:
                    shutil.copyfileobj(content, stream)
            return
        if before is not None and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        partial = target.with_name(f"partial.{secrets.token_hex(4)}.{target.name[-_KEPT_CHARACTERS:]}")
        try:
            # Not by `tempfile`, whose files nobody else may read: the user's umask decides.
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            error.filename = str(path)
            raise
        try:
            yield partial
            if before is not None:
                with suppress(PermissionError):
                    os.chown(partial, before.st_uid, before.st_gid)
                os.chmod(partial, stat.S_IMODE(before.st_mode))
            with partial.open("rb") as written:
                os.fsync(written.fileno())  # else a power failure can leave the name with nothing in it
            os.replace(partial, target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def check_folder(path: str | Path) -> None:
    """Make sure, before any work is done that would be lost, that the folder of a file exists.

    Raises
    ------
    ValueError
        If it does not.
    """
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise ValueError(f"{path} cannot be written: the folder {folder} does not exist")


@contextmanager
def whole_table(path: str | Path) -> Iterator[TextIO]:
    """Write a text file as `whole_file` does; compressed by gzip if its name ends in ``.gz``.

    Parameters
    ----------
    path : str or Path
        The file.

    Yields
    ------
    TextIO
        Where to write, in UTF-8.

    Raises
    ------
    ValueError, OSError
        As `whole_file`.
    """
    with whole_file(path) as partial, partial.open("wb") as file:
        if not os.fspath(path).lower().endswith(".gz"):
            with open(file.fileno(), "w", encoding="utf-8", closefd=False) as table:
                yield table
            return
        # Without the name and the time, which would make two files of one content differ.
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as compressed,
            io.TextIOWrapper(compressed, encoding="utf-8") as table,
        ):
            yield table


@contextmanager
def whole_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Write an HDF5 file as `whole_file` does.

    Parameters
    ----------
    path : str or Path
        The file.

    Yields
    ------
    h5py.File
        Open for writing.

    Raises
    ------
    ValueError, OSError
        As `whole_file`.
    """
    import h5py

    with whole_file(path) as partial, _KeepsError(partial, "w+b") as raw:
        try:
            with h5py.File(raw, "w") as file:
                yield file
        finally:
            if raw.error is not None:
                raise raw.error


class _KeepsError(io.FileIO):
    """A file that keeps the error of a write: the HDF5 library ends the process if a write fails while it closes."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        left = memoryview(data)
        try:
            while left:  # the last that fits on a disk may be a part
                left = left[super().write(left) :]
        except OSError as error:
            self.error = self.error or error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a small file as `whole_file` does; text in UTF-8."""
    with whole_file(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def write_frame(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table with its header, as `whole_table` and `frame_rows` do."""
    with whole_table(path) as file:
        frame_rows(file, table)


def frame_rows(file: TextIO, table: pd.DataFrame) -> None:
    """Write a table with its header to a text file, separated by tabs; six digits, NaN for what is missing."""
    table.to_csv(file, sep="\t", index=False, float_format="%.6g", na_rep="NaN")


@contextmanager
def names_full_disk(path: str | Path) -> Iterator[None]:
    """Let the error of a full disk name the file, or the folder, that was written to within the context."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE and error.filename is None:
            error.filename = os.fspath(path)
        raise


def is_stream(path: str | Path) -> bool:
    """Whether a path is a device, a pipe or one of the open files of the process, such as ``/dev/stdout``."""
    with suppress(OSError):
        if not stat.S_ISREG(mode := os.stat(path).st_mode) and not stat.S_ISDIR(mode):
            return True
    return _descriptor(path) is not None


def same_file(first: str | Path, second: str | Path) -> bool:
    """Whether two paths lead to one file, existing or not; devices and pipes are as many as they are named."""
    if is_stream(first) or is_stream(second):
        return False
    with suppress(OSError):
        return os.path.samefile(first, second)
    return os.path.realpath(first) == os.path.realpath(second)


def _descriptor(path: str | Path) -> int | None:
    """The number of an open file of this process that a path stands for: ``/dev/stdout`` leads to ``/dev/fd/1``."""
    path = os.path.abspath(path)
    for _ in range(40):  # links
        folder, name = os.path.split(path)
        if name.isdecimal() and os.path.realpath(folder) == os.path.realpath("/dev/fd"):
            return int(name)
        if not os.path.islink(path):
            return None
        path = os.path.join(folder, os.readlink(path))
    return None


def _open_stream(path: Path) -> IO[bytes]:
    descriptor = _descriptor(path)
    if descriptor is None:
        return path.open("wb")
    # Opened by its name, a file that the shell sent the output to would be emptied.
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return os.fdopen(os.dup(descriptor), "wb")
