"""Output files that appear whole or not at all."""

import gzip
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from yeastpromoter.io.text_files import TextFile
from yeastpromoter.io.whole_files import is_stream, same_file, whole_file, whole_hdf5, whole_table, write_whole

ROOT = Path(__file__).resolve().parents[2]


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_whole_file_appears_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as partial:
        partial.write_text("x")
        assert not path.exists()
        assert partial.parent == tmp_path
        assert partial.name.startswith("partial.")
        assert partial.name.endswith(".a.txt")
    assert path.read_text() == "x"
    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        partial.write_text(f"{1 / 0}")
    assert names(tmp_path) == ["a.txt"]
    assert path.read_text() == "x"
    with pytest.raises(ValueError, match="it is a folder"), whole_file(tmp_path):
        pass
    with pytest.raises(ValueError, match=r"the folder .*/none does not exist"), whole_file(tmp_path / "none" / "a"):
        pass


@pytest.mark.parametrize(("name", "read"), [("a.tsv", lambda content: content), ("a.tsv.gz", gzip.decompress)])
def test_a_table_is_compressed_as_its_name_says(tmp_path, name, read):
    path = tmp_path / name
    with whole_table(path) as table:
        table.write("é\t1\n")
        assert not path.exists()
    assert read(path.read_bytes()) == "é\t1\n".encode()
    again = tmp_path / f"b{name}"
    with whole_table(again) as table:
        table.write("é\t1\n")
    assert again.read_bytes() == path.read_bytes(), "neither the name nor the time is in it"


def test_two_that_write_one_file_do_not_mix(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as first, whole_file(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second, which is longer")
    assert path.read_text() == "first", "the one that ends last"
    assert names(tmp_path) == ["a.txt"]


def test_permissions_are_those_of_the_umask_or_of_the_file_that_was_there(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", "x")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    finally:
        os.umask(before)
    (tmp_path / "a").chmod(0o604)
    write_whole(tmp_path / "a", "y")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604
    assert (tmp_path / "a").read_text() == "y"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_is_protected_stays(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").chmod(0o444)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*/a'"):
        write_whole(tmp_path / "a", "y")


@pytest.mark.parametrize("there", [True, False])
def test_links_are_followed(tmp_path, there):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target.tsv", tmp_path / "link.tsv"
    link.symlink_to("far/target.tsv")
    if there:
        target.write_text("of before")
    with whole_file(link) as partial:
        assert partial.parent == target.parent, "or the move could be one to another file system"
        partial.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert names(tmp_path / "far") == ["target.tsv"]


def test_links_in_a_circle_and_into_nothing_are_said(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"symbolic links: '.*/a'"):
        write_whole(tmp_path / "a", "x")
    (tmp_path / "c").symlink_to("none/c")
    with pytest.raises(ValueError, match=r"c cannot be written: the folder .*/none does not exist"):
        write_whole(tmp_path / "c", "x")


def test_a_named_pipe_is_written_to_when_all_is_there(tmp_path):
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    with whole_hdf5(pipe) as file:  # which needs a file that can be moved about in
        file["a"] = np.arange(3)
    reader.join(10)
    assert received[0].startswith(b"\x89HDF")
    assert names(tmp_path) == ["pipe"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_devices_stay_devices():
    write_whole("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert is_stream("/dev/null")
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write_whole("/dev/full", "x")
    assert not same_file("/dev/null", "/dev/null"), "two tables that nobody wants"


def test_standard_output_is_written_to_whatever_it_is(tmp_path):
    code = (
        "import sys\nfrom yeastpromoter.io.whole_files import write_whole\n"
        "print('before')\nwrite_whole(sys.argv[1], 'table\\n')\nprint('after')\n"
    )
    (tmp_path / "link").symlink_to("/dev/stdout")
    for name in ("/dev/stdout", "/dev/fd/1", tmp_path / "link"):
        command = [sys.executable, "-c", code, name]
        with (tmp_path / "out").open("wb") as out:
            out.write(b"of the shell\n")
            out.flush()
            subprocess.run(command, cwd=ROOT, stdout=out, check=True)
        assert (tmp_path / "out").read_text() == "of the shell\nbefore\ntable\nafter\n"
        piped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert piped.stdout == "before\ntable\nafter\n"
    assert os.readlink(tmp_path / "link") == "/dev/stdout"


@pytest.fixture
def full_disk():
    """Files of more than 10 kB cannot be written, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_with_the_file(tmp_path, full_disk):
    path = tmp_path / "a.tsv"
    with pytest.raises(OSError, match=r"File too large: '.*/a\.tsv'"), whole_table(path) as table:
        table.write("x" * 50_000)
    # Left to itself the HDF5 library ends the process here, without a message, or forgets the error.
    for options in ({"chunks": (1000,), "compression": "gzip"}, {}):
        with pytest.raises(OSError, match=r"File too large: '.*/a\.h5'"), whole_hdf5(tmp_path / "a.h5") as file:
            file.create_dataset("a", data=np.random.default_rng(1).random(50_000), **options)
    assert names(tmp_path) == []


def test_a_full_folder_of_temporary_files_is_said(tmp_path, full_disk, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(OSError, match=f"File too large: '{tmp_path}'"), whole_table("/dev/null") as table:
        table.write("x" * 50_000)
    path = tmp_path / "in.gz"
    path.write_bytes(gzip.compress(b"ACGT\n" * 10_000))
    with pytest.raises(OSError, match=rf"in\.gz: is decompressed .* {tmp_path} does not take it"):
        TextFile(path)


def test_long_names_have_a_partial_name_too(tmp_path):
    path = tmp_path / ("é" * 124 + ".tsv")  # 252 bytes
    write_whole(path, "x")
    assert path.read_text() == "x"


def test_one_file_by_several_names(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "link").symlink_to("a")
    os.link(tmp_path / "a", tmp_path / "hard")
    for other in ("a", "link", "hard", "../" + tmp_path.name + "/a"):
        assert same_file(tmp_path / "a", tmp_path / other)
    assert same_file(tmp_path / "new", tmp_path / "." / "new")
    assert not same_file(tmp_path / "a", tmp_path / "new")
