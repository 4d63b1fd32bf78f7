"""Text files as bytes at known positions, whether they are stored plain, as gzip or as bgzip."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from yeastpromoter.whole_files import names_full_disk

BLOCK_BYTES = 1 << 20

_UTF8_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
#: Every bgzip file ends with this empty block, so a file cut between two blocks can be told from a whole one.
_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BINARY_SIGNATURES = {
    _GZIP: "gzip inside gzip: decompress it once",
    b"PK\x03\x04": "a zip archive or an Excel workbook: save it as text",
    b"BZh": "compressed with bzip2: decompress it, or use gzip",
    b"\xfd7zXZ": "compressed with xz: decompress it, or use gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: decompress it, or use gzip",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet file: save it as text",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
}
_CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\v\f\r"))


class TextFile:
    """The text of a file, read by position.

    A compressed file is decompressed once into a temporary file that has no name any more and so is gone when the
    last process that uses it ends. Positions count bytes of the decompressed text; a byte order mark and blank
    lines at the end lie outside `start` and `stop`.

    The file is opened when it is first read and never shares a read position, so that processes forked from this
    one can read too. An unpickled copy opens (and decompresses) the file again.

    Parameters
    ----------
    path : str or os.PathLike
        File to read. It is kept as an absolute path.

    Attributes
    ----------
    path : str
        Absolute path.
    start, stop : int
        Positions of the first byte of the text and of the one behind its last, in bytes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a regular file, is empty or binary, or is a truncated or damaged gzip file.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = os.path.abspath(os.path.expanduser(os.fspath(path)))
        if not os.path.exists(self.path):
            raise FileNotFoundError(f"{self.path}: there is no such file (looked for from {os.getcwd()})")
        if not stat.S_ISREG(os.stat(self.path).st_mode):
            raise ValueError(f"{self.path}: is a folder, a pipe or a device, but must be a regular file")
        self._state: tuple[int, int] | None = None
        self._file: BinaryIO | None = None
        self.start, self.stop = self._bounds()

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_file": None}

    def read(self, start: int, stop: int) -> bytes:
        """Read the bytes from `start` to before `stop`.

        Raises
        ------
        ValueError
            If the file has become shorter since it was first opened.
        """
        descriptor = self._open().fileno()
        parts = []
        while start < stop:
            part = os.pread(descriptor, stop - start, start)
            if not part:
                raise ValueError(f"{self.path}: the file has changed while it was being read")
            parts.append(part)
            start += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def fileno(self) -> int:
        """Descriptor of the decompressed text, for a reader that keeps its own position; it starts at byte 0."""
        descriptor = self._open().fileno()
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def blocks(self, start: int) -> Iterator[bytes]:
        """Read the text from `start` to its end in blocks of `BLOCK_BYTES`."""
        for position in range(start, self.stop, BLOCK_BYTES):
            yield self.read(position, min(position + BLOCK_BYTES, self.stop))

    def _open(self) -> BinaryIO:
        if self._file is None:
            file = open(self.path, "rb")  # noqa: SIM115 - lives as long as this object
            state = os.fstat(file.fileno())
            # A second opening happens in another process: what was found by the first must still hold.
            if self._state not in (None, (state.st_size, state.st_mtime_ns)):
                file.close()
                raise ValueError(f"{self.path}: the file has changed since it was first read")
            self._state = (state.st_size, state.st_mtime_ns)
            self._file = self._decompress(file) if os.pread(file.fileno(), 2, 0) == _GZIP else file
        return self._file

    def _decompress(self, file: BinaryIO) -> BinaryIO:
        plain = tempfile.TemporaryFile(prefix="yeastpromoter-")  # noqa: SIM115 - lives as long as this object
        try:
            with file, names_full_disk(tempfile.gettempdir()):
                self._check_bgzip_end(file)
                with gzip.GzipFile(fileobj=file) as text:
                    shutil.copyfileobj(text, plain, BLOCK_BYTES)
                plain.flush()
        except EOFError:
            plain.close()
            raise ValueError(
                f"{self.path}: the gzip file ends before its end: it is truncated, perhaps by a download that broke off"
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            plain.close()
            raise ValueError(
                f"{self.path}: the gzip file is damaged, or something that is no gzip is joined to its end ({error})"
            ) from None
        except BaseException:
            plain.close()
            raise
        return plain

    def _check_bgzip_end(self, file: BinaryIO) -> None:
        head = os.pread(file.fileno(), 16, 0)
        is_bgzip = len(head) == 16 and head[3] & 4 and head[12:14] == b"BC"
        size = os.fstat(file.fileno()).st_size
        if is_bgzip and os.pread(file.fileno(), len(_BGZIP_END), max(0, size - len(_BGZIP_END))) != _BGZIP_END:
            raise ValueError(
                f"{self.path}: the bgzip file lacks the empty block that ends every bgzip file: it is truncated, "
                "perhaps by a download that broke off"
            )

    def _bounds(self) -> tuple[int, int]:
        file = self._open()
        stop = os.fstat(file.fileno()).st_size
        head = self.read(0, min(stop, 1 << 16))
        for signature, meaning in _BINARY_SIGNATURES.items():
            if head.startswith(signature):
                raise ValueError(f"{self.path}: is not a text file but {meaning}")
        if len(head.translate(None, _CONTROL_BYTES)) < len(head):
            raise ValueError(f"{self.path}: is not a text file: it holds control bytes")
        start = len(_UTF8_BOM) if head.startswith(_UTF8_BOM) else 0
        while stop > start:
            block_start = max(start, stop - BLOCK_BYTES)
            kept = len(self.read(block_start, stop).rstrip(b"\r\n"))
            stop = block_start + kept
            if kept:
                return start, stop
        raise ValueError(f"{self.path}: the file is empty")
