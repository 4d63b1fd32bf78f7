import errno
import gzip
import os
import pickle
import zlib
from pathlib import Path

import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.io.text_files import BLOCK_BYTES, TextFile, is_bgzip

TEXT = b"".join(b"line %d of a text\n" % i for i in range(100_000))  # more than one block


def gzipped(content: bytes) -> bytes:
    """Compress without the time, which would be in the names of tests, and those must be the same in all processes."""
    return gzip.compress(content, mtime=0)


@pytest.fixture(params=["plain", "gzip", "gzip of two members", "bgzip"])
def stored(request, tmp_path):
    path = tmp_path / "text"
    if request.param == "plain":
        path.write_bytes(TEXT)
    elif request.param == "gzip":
        path.write_bytes(gzipped(TEXT))
    elif request.param == "gzip of two members":
        path.write_bytes(gzipped(TEXT[:1000]) + gzipped(TEXT[1000:]))
    else:
        with pysam.BGZFile(str(path), "wb") as file:
            file.write(TEXT)
    return path


def test_text_is_the_same_however_it_is_stored(stored):
    file = TextFile(stored)
    assert len(TEXT) > BLOCK_BYTES
    assert (file.start, file.stop) == (0, len(TEXT) - 1)  # the line end at the end lies outside
    assert b"".join(file.blocks(0)) + b"\n" == TEXT
    assert file.read(777, 888) == TEXT[777:888]
    assert file.read(5, 5) == b""


def test_no_temporary_file_is_left(stored, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    file = TextFile(stored)
    assert not list(folder.iterdir())
    assert file.read(0, 4) == b"line"


def test_unpickled_copy_reads_too(stored):
    copy = pickle.loads(pickle.dumps(TextFile(stored)))
    assert copy.read(777, 888) == TEXT[777:888]


def test_relative_path_is_kept_as_absolute(tmp_path, monkeypatch):
    (tmp_path / "text").write_text("ACGT")
    monkeypatch.chdir(tmp_path)
    file = TextFile("text")
    copy = pickle.loads(pickle.dumps(file))
    monkeypatch.chdir("/")
    assert file.path == str(tmp_path / "text")
    assert copy.read(0, 4) == b"ACGT"


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfACGT", b"\xef\xbb\xbfACGT\n", b"\xef\xbb\xbfACGT\r\n\r\n\n"])
def test_byte_order_mark_and_blank_end_lie_outside(tmp_path, content):
    path = tmp_path / "text"
    path.write_bytes(content)
    file = TextFile(path)
    assert file.read(file.start, file.stop) == b"ACGT"


def cut_bgzip(text: bytes, tmp_path) -> bytes:
    """A bgzip file cut after its first block, where plain gzip sees nothing amiss."""
    path = tmp_path / "whole"
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(text)
    whole = path.read_bytes()
    size = int.from_bytes(whole[16:18], "little") + 1
    assert zlib.decompress(whole[:size], 31) == text[: len(zlib.decompress(whole[:size], 31))]
    return whole[:size]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\r\n", "the file is empty"),
        (b"\xef\xbb\xbf\n", "the file is empty"),
        (gzipped(b""), "the file is empty"),
        (b"ACGT\x00\x01", "is not a text file, or is damaged: line 1 holds the control byte 0x00"),
        (b"PK\x03\x04rest", "zip archive or an Excel workbook"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"BZh91AY", "bzip2"),
        (b"\x1f\x9d\x90\x00", "compressed with compress: decompress it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel workbook: save it as text"),
        ("ACGT\n".encode("utf-16"), "UTF-16"),
        ("ACGT\n".encode("utf-16-le"), "UTF-16 text: save it as UTF-8"),
        ("ACGT\tä\n".encode("utf-16-be"), "UTF-16 text: save it as UTF-8"),
        (gzipped(gzipped(b"ACGT")), "gzip inside gzip"),
        (gzipped(TEXT)[:-5000], "truncated"),
        (gzipped(TEXT)[:-4], "truncated"),
        (gzipped(TEXT)[:5], "truncated"),
        (gzipped(TEXT)[:500] + b"junk" * 100 + gzipped(TEXT)[900:], "damaged"),
        (gzipped(TEXT) + b"junk", "damaged"),
    ],
)
def test_what_is_no_text(tmp_path, content, message):
    path = tmp_path / "text"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path}: .*{message}"):
        TextFile(path)


@pytest.mark.parametrize("size", range(1, 21))
def test_a_gzip_file_of_a_few_bytes(tmp_path, size):
    path = tmp_path / "text.gz"
    for content in (gzipped(TEXT), cut_bgzip(TEXT, tmp_path)):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=f"^{path}: "):
            TextFile(path).whole()


def test_bgzip_is_told_from_gzip(tmp_path):
    assert is_bgzip(cut_bgzip(TEXT, tmp_path)[:16])
    assert not is_bgzip(cut_bgzip(TEXT, tmp_path)[:15])
    assert not is_bgzip(gzipped(TEXT)[:16])
    assert not is_bgzip(TEXT[:16])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("naïve".encode("latin-1"), "line {} is not UTF-8: it holds the byte 0xef, .* Latin-1 .* Save it as UTF-8"),
        ("café".encode("latin-1"), "line {} is not UTF-8: it holds the byte 0xe9"),
        (b"\xe2\x82", "line {} is not UTF-8: it holds the byte 0xe2"),  # cut within a character
        (b"a\x00b", "is not a text file, or is damaged: line {} holds the control byte 0x00"),
        (b"\x1a", "is not a text file, or is damaged: line {} holds the control byte 0x1a"),
        (b"a\rb", "line {} holds a carriage return .*old Mac.* Save the file with LF"),
    ],
)
@pytest.mark.parametrize("lines", [0, 3, 5_000])  # 5,000 lines are beyond the first block of those below
def test_bytes_that_are_not_text_are_refused_with_their_line(tmp_path, wrong, message, lines):
    path = tmp_path / "text"
    for after in (b"", b"\n", b"\nmore\n"):
        path.write_bytes("a line, ä\n".encode() * lines + wrong + after)
        for size in (7, 64 << 10, None):
            with pytest.raises(ValueError, match=f"^{path}: {message.format(lines + 1)}"):
                list(TextFile(path).blocks(0, size))


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("\t\n"), max_size=30),
    st.integers(1, 9),
    st.booleans(),
)
def test_text_of_any_alphabet_is_read_whole(tmp_path_factory, text, size, mark):
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_bytes(b"\xef\xbb\xbf" * mark + ("A" + text).encode() + b"\r\r\n\n")
    file = TextFile(path)
    assert b"".join(file.blocks(file.start, size)) == file.whole() == ("A" + text).rstrip("\n").encode()


def test_lines_are_counted_from_the_first_byte(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"a\nbc\n\nd")
    assert [TextFile(path).line_of(position) for position in range(7)] == [1, 1, 2, 2, 2, 3, 4]


def test_no_room_for_the_decompressed_text_is_said_with_the_folder(tmp_path, monkeypatch):
    path = tmp_path / "text.gz"
    path.write_bytes(gzipped(TEXT))
    message = f"^{path}: is decompressed into a temporary file, but .*{{}}.* TMPDIR"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(OSError, match=message.format("missing does not take it .No such file or directory")):
        TextFile(path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Path("/dev/full").open("w+b"))  # noqa: SIM115
    with pytest.raises(OSError, match=message.format(f"{tmp_path} does not take it .No space left on device")):
        TextFile(path)
    path.write_bytes(gzipped(TEXT[:100]))  # little enough to fail only when the file is flushed
    with pytest.raises(OSError, match="No space left on device"):
        TextFile(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "text"
    path.write_bytes(b"ACGT")
    file = TextFile(path)

    def broken(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("os.pread", broken)
    with pytest.raises(OSError, match=f"^{path}: cannot be read .Input/output error"):
        file.whole()


def test_bgzip_cut_between_two_blocks(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(cut_bgzip(TEXT, tmp_path))
    with pytest.raises(ValueError, match="lacks the empty block that ends every bgzip file: it is truncated"):
        TextFile(path)


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        TextFile(tmp_path / "missing")
    with pytest.raises(ValueError, match="must be a regular file"):
        TextFile(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="must be a regular file"):
        TextFile(tmp_path / "pipe")


def test_a_file_that_changed_is_noticed(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"ACGT\n")
    file = TextFile(path)
    pickled = pickle.dumps(file)
    path.write_bytes(b"A\n")
    with pytest.raises(ValueError, match="changed while it was being read"):
        file.read(0, 4)
    with pytest.raises(ValueError, match="changed since it was first read"):
        pickle.loads(pickled).read(0, 1)
