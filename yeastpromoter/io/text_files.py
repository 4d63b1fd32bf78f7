"""Text files as bytes at known positions, whether they are stored plain, as gzip or as bgzip."""

from __future__ import annotations

import codecs
import gzip
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO

BLOCK_BYTES = 1 << 20

#: Bytes within which the first line of a table has to end.
FIRST_LINE_BYTES = 1 << 20

#: No record of a promoter file comes near this size: a chromosome does, or a file of another kind.
MAX_RECORD_BYTES = 16 << 20

#: Characters of the longest id that is read. A longer one is another column, and few programs would read its row.
MAX_ID_LENGTH = 1_000

#: More digits than the position of any base has.
_DIGITS = 12

#: Characters that break a table, or a line of it, in some program that reads it.
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")

_LIKE_A_NUMBER = re.compile(r"\d[\d.,eE+]*")

_UTF8_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
#: Every bgzip file ends with this empty block, so a file cut between two blocks can be distinguished from a whole one.
_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BINARY_SIGNATURES = {
    _GZIP: "gzip inside gzip: decompress it once",
    b"PK\x03\x04": "a zip archive or an Excel workbook: save it as text",
    b"BZh": "compressed with bzip2: decompress it, or use gzip",
    b"\xfd7zXZ": "compressed with xz: decompress it, or use gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: decompress it, or use gzip",
    b"\x04\x22\x4d\x18": "compressed with lz4: decompress it, or use gzip",
    b"\x1f\x9d": "compressed with compress: decompress it, or use gzip",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: save it as text",
    b"Rar!\x1a": "a RAR archive: save it as text",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save it as text",
    b"\x89HDF": "an HDF5 file",
    b"BAM\x01": "BAM",
    b"PAR1": "a Parquet file: save it as text",
    b"BCF\x02": "BCF, the binary form of VCF: convert it with `bcftools view`",
    b"TBI\x01": "an index made by tabix: give the file that it is the index of",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
}
_CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\r"))
_CONTROL_BYTE = re.compile(b"[" + re.escape(_CONTROL_BYTES) + b"]")
_LONE_RETURN = re.compile(rb"\r(?=[^\r\n])")


def is_bgzip(head: bytes) -> bool:
    """Whether a file is bgzip, not plain gzip or another format.

    Parameters
    ----------
    head : bytes
        The first 16 bytes of the file, fewer if it is shorter.

    Returns
    -------
    bool
    """
    return len(head) >= 16 and head[:2] == _GZIP and bool(head[3] & 4) and head[12:14] == b"BC"


def id_problem(name: str) -> str | None:
    """What is wrong with an id, to follow the place that it has in a file; None if it can stand in any table.

    Parameters
    ----------
    name : str
        The id: of a sequence, an interval, a variant or a gene.

    Returns
    -------
    str or None
    """
    if len(name) > MAX_ID_LENGTH:
        return (
            f"has an id of {len(name):,} characters, but an id may have {MAX_ID_LENGTH:,}. Is it the right column or "
            "word?"
        )
    if found := _CONTROL.search(name):
        return f"has the control character {found[0]!r} in its id, which would break tables that hold the id"
    return None


def position(text: str, what: str) -> int:
    """Read the position of a base.

    Parameters
    ----------
    text : str
        The position as it stands in a file: a whole number, 0 or more.
    what : str
        What it is, for the message.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is not such a number; the message is to follow the place that it has in the file.
    """
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text)
    hint = ". Did a spreadsheet write it?" if not text.isdigit() and _LIKE_A_NUMBER.fullmatch(text) else ""
    raise ValueError(f"has {text[:40]!r} as {what} but must have a whole number{hint}")


def read_text(path: str | os.PathLike) -> str:
    """Read a file whole.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As for `TextFile`, and if it is not text as that class describes it; the message names the file and the line.
    """
    with closing(TextFile(path)) as file:
        return file.whole().decode("utf-8")


class TextFile:
    """The text of a file, read by position.

    Text is UTF-8, with or without a byte order mark. Its lines end with LF or CR LF (also CR CR LF, which some programs
    on Windows write), and a tab is the only other control byte in it. `blocks`, `stretches` and `whole` check that.

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
        Positions of the first byte of the text and of the one after its last, in bytes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a regular file, is empty or binary, or is a truncated or damaged gzip file.
    OSError
        If it cannot be read, or there is no room to decompress it.
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
        """Read the bytes from `start` to before `stop`, unchecked.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If the file has become shorter since it was first opened.
        """
        descriptor = self._open().fileno()
        parts = []
        while start < stop:
            try:
                part = os.pread(descriptor, stop - start, start)
            except OSError as error:
                raise OSError(f"{self.path}: cannot be read ({error.strerror})") from None
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

    def line_of(self, position: int) -> int:
        """Number, from 1, of the line that a position is on."""
        blocks = range(0, position, BLOCK_BYTES)
        return 1 + sum(self.read(first, min(first + BLOCK_BYTES, position)).count(b"\n") for first in blocks)

    def whole(self) -> bytes:
        """Read all of the text, checked.

        Raises
        ------
        ValueError
            If it is not text as this class describes it; the message names the line.
        """
        return b"".join(self.blocks(self.start))

    def blocks(self, start: int, size: int | None = None) -> Iterator[bytes]:
        """Read the text from `start` to its end in blocks, and check it.

        Parameters
        ----------
        start : int
            Position of the first byte, the first one of a character.
        size : int, optional
            Bytes of a block, `BLOCK_BYTES` by default; the last one may have fewer.

        Yields
        ------
        bytes

        Raises
        ------
        ValueError
            If it is not text as this class describes it; the message names the line.
        """
        size = size or BLOCK_BYTES
        decoder = codecs.getincrementaldecoder("utf-8")()
        after_return = False
        for position in range(start, self.stop, size):
            block = self.read(position, min(position + size, self.stop))
            self._refuse_control_bytes(block, position)
            if after_return and block[:1] not in (b"\r", b"\n"):
                self._refuse_return(position - 1)
            if b"\r" in block and (lone := _LONE_RETURN.search(block)):
                self._refuse_return(position + lone.start())
            after_return = block.endswith(b"\r")
            pending = decoder.getstate()[0]
            if pending or not block.isascii():
                try:
                    decoder.decode(block, final=position + len(block) == self.stop)
                except UnicodeDecodeError as error:
                    raise ValueError(self._not_utf8(position - len(pending) + error.start)) from None
            yield block

    def stretches(
        self, start: int, end_of_records: Callable[[bytes], int], size: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Read the text from `start` to its end in stretches of whole records, and check it.

        Parameters
        ----------
        start : int
            Position of the first record.
        end_of_records : callable
            From a text to the position after the last record in it that is surely whole, 0 if there is none.
        size : int, optional
            About how many bytes a stretch has, as for `blocks`.

        Yields
        ------
        position : int
            Where the stretch begins.
        text : bytes
            The stretch; it ends with LF.

        Raises
        ------
        ValueError
            As for `blocks`, and if a record is longer than `MAX_RECORD_BYTES`.
        """
        rest = b""
        for block in self.blocks(start, size):
            text = rest + block
            cut = end_of_records(text)
            if cut:
                yield start, text[:cut]
            start, rest = start + cut, text[cut:]
            if len(rest) > MAX_RECORD_BYTES:
                raise ValueError(
                    f"{self.path}: line {self.line_of(start)} begins a record that is longer than "
                    f"{MAX_RECORD_BYTES >> 20} MiB, but a promoter sequence has about 110 letters. Is it a genome? "
                    "Predict on intervals of it instead"
                )
        if rest:
            yield start, rest + b"\n"

    def _refuse_control_bytes(self, block: bytes, position: int) -> None:
        if len(block.translate(None, _CONTROL_BYTES)) == len(block):  # several times faster than the search below
            return
        found = next(_CONTROL_BYTE.finditer(block))
        raise ValueError(
            f"{self.path}: is not a text file, or is damaged: line {self.line_of(position + found.start())} holds the "
            f"control byte 0x{found[0].hex()}"
        )

    def _refuse_return(self, position: int) -> None:
        raise ValueError(
            f"{self.path}: line {self.line_of(position)} holds a carriage return (CR) that does not end it. Are the "
            "line ends carriage returns alone (old Mac)? Save the file with LF"
        )

    def _not_utf8(self, position: int) -> str:
        byte = self.read(position, position + 1)
        return (
            f"{self.path}: line {self.line_of(position)} is not UTF-8: it holds the byte 0x{byte.hex()}, perhaps as a "
            "letter of Latin-1 (ISO 8859-1) or Windows-1252. Save it as UTF-8"
        )

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
        with self._room():
            plain = tempfile.TemporaryFile(prefix="yeastpromoter-")  # noqa: SIM115 - lives as long as this object
        try:
            with file:
                self._check_bgzip_end(file)
                for block in self._decompressed(file):
                    with self._room():
                        plain.write(block)
            with self._room():
                plain.flush()
        except BaseException:
            with suppress(OSError):  # closing writes what could not be written before
                plain.close()
            raise
        return plain

    def _decompressed(self, file: BinaryIO) -> Iterator[bytes]:
        try:
            with gzip.GzipFile(fileobj=file) as text:
                while block := text.read(BLOCK_BYTES):
                    yield block
        except EOFError:
            raise ValueError(
                f"{self.path}: the gzip file ends before its end: it is truncated, perhaps by a download that broke off"
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{self.path}: the gzip file is damaged, or something that is not gzip is joined to its end ({error})"
            ) from None
        except OSError as error:
            raise OSError(f"{self.path}: cannot be read ({error.strerror})") from None

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            folder = tempfile.tempdir or "the folder for temporary files"
            raise OSError(
                f"{self.path}: is decompressed into a temporary file, but {folder} does not take it "
                f"({error.strerror or error}). Make room there, set the environment variable TMPDIR to a folder with "
                "room for the decompressed file, or decompress it yourself"
            ) from None

    def _check_bgzip_end(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        end = os.pread(file.fileno(), len(_BGZIP_END), max(0, size - len(_BGZIP_END)))
        if is_bgzip(os.pread(file.fileno(), 16, 0)) and end != _BGZIP_END:
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
        fewer, more = sorted((head[::2].count(0), head[1::2].count(0)))
        if not fewer and more > max(3, 0.4 * len(head)):  # without a byte order mark
            raise ValueError(f"{self.path}: is not a text file but UTF-16 text: save it as UTF-8")
        self._refuse_control_bytes(head, 0)
        start = len(_UTF8_BOM) if head.startswith(_UTF8_BOM) else 0
        while stop > start:
            block_start = max(start, stop - BLOCK_BYTES)
            kept = len(self.read(block_start, stop).rstrip(b"\r\n"))
            stop = block_start + kept
            if kept:
                return start, stop
        raise ValueError(f"{self.path}: the file is empty")


def read_lines(path: str | os.PathLike, cut: bool = True) -> Iterator[tuple[int, str]]:
    """Read the lines of a file, up to the last one that is not blank.

    Parameters
    ----------
    path : str or os.PathLike
        Text file; see `TextFile`.
    cut : bool, optional
        Whether the last line may lack its line end.

    Yields
    ------
    number : int
        Number of the line, from 1.
    line : str
        The line without its line end. Nothing but LF and the CR before it ends a line.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As for `TextFile` and its blocks, and if the file ends within a line although `cut` is false.
    """
    with closing(TextFile(path)) as file:
        number = 0
        for _, text in file.stretches(file.start, lambda text: text.rfind(b"\n") + 1):
            for line in text[:-1].decode("utf-8").split("\n"):
                number += 1
                yield number, line.rstrip("\r")
        if not cut and os.fstat(file.fileno()).st_size == file.stop:
            raise ValueError(f"{file.path}: ends within a line, line {number:,}: it is cut off")
