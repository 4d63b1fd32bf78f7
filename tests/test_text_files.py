import gzip
import os
import pickle
import zlib

import pysam
import pytest

from yeastpromoter.text_files import BLOCK_BYTES, TextFile

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
    """A bgzip file cut behind its first block, where plain gzip sees nothing amiss."""
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
        ("ACGT\n".encode("utf-16"), "UTF-16"),
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
