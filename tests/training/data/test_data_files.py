import hashlib
import json
import os

import pytest

from training.data.data_files import DataFiles, hashes_now, note_replaced


def digest(content):
    return hashlib.sha256(content).hexdigest()


def entry(file, sha256=None):
    return {"file": file, "sha256": sha256}


def write_report(path, **contents):
    files = {
        f"{name}.txt": {"sha256": digest(content), "bytes": 1, "got_from": "x"} for name, content in contents.items()
    }
    path.write_text(json.dumps(files))
    return path


def replace(path, content, time):
    """Put another file in place of one, as ``cp -p`` and ``mv`` do: its time is its own."""
    other = path.with_name("other")
    other.write_bytes(content)
    os.utime(other, (time, time))
    os.replace(other, path)


def test_a_replaced_file_has_another_hash_whatever_its_time(tmp_path):
    path, report = tmp_path / "a.txt", tmp_path / "files.json"
    path.write_bytes(b"one")
    time = path.stat().st_mtime
    assert hashes_now(tmp_path, [entry("a.txt")], report) == {"a.txt": digest(b"one")}
    for content, changed in ((b"two", time - 1e6), (b"six", time), (b"ten", time + 10)):
        replace(path, content, changed)
        assert hashes_now(tmp_path, [entry("a.txt", digest(b"one"))], report) == {"a.txt": digest(content)}
    os.utime(path, (1, 1))
    assert hashes_now(tmp_path, [entry("a.txt")], report) == {"a.txt": digest(b"ten")}, "a time alone is no change"


def test_a_missing_file_counts_as_what_the_results_were_made_from(tmp_path):
    wanted = [entry("a.txt"), entry("b.txt", "b" * 64), entry("c.txt")]
    report = write_report(tmp_path / "files.json", a=b"one")
    assert hashes_now(tmp_path, wanted, report) == {"a.txt": digest(b"one"), "b.txt": "b" * 64, "c.txt": None}


def test_a_file_is_read_as_the_step_download_found_it(tmp_path):
    path, report = tmp_path / "a.txt", write_report(tmp_path / "files.json", a=b"one")
    path.write_bytes(b"one")
    with DataFiles(tmp_path, report).reading(entry("a.txt")) as found:
        assert found == (path, digest(b"one"))
    replace(path, b"two", 1)
    with (
        pytest.raises(ValueError, match=f"has sha256 {digest(b'two')} but the step download found {digest(b'one')}"),
        DataFiles(tmp_path, report).reading(entry("a.txt")),
    ):
        pytest.fail("it is not read")
    with (
        pytest.raises(ValueError, match="but the configuration says"),
        DataFiles(tmp_path).reading(entry("a.txt", digest(b"one"))),
    ):
        pytest.fail("it is not read")
    # Without a report and a hash it is taken as it is.
    with DataFiles(tmp_path, tmp_path / "none.json").reading(entry("a.txt")) as (_, found):
        assert found == digest(b"two")


def written(path):
    path.write_bytes(b"three")


def replaced_with_the_same_time(path):
    time = path.stat().st_mtime_ns
    replace(path, b"two", 1)
    os.utime(path, ns=(time, time))


@pytest.mark.parametrize("change", [written, replaced_with_the_same_time, os.remove])
def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path, change):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    reading = DataFiles(tmp_path).reading(entry("a.txt"))
    with pytest.raises(ValueError, match="changed or replaced while it was read"), reading:
        change(path)


def test_the_report_follows_replaced_files_and_keeps_its_time(tmp_path):
    report = write_report(tmp_path / "files.json", a=b"one", b=b"two", c=b"gone")
    os.utime(report, (5, 5))
    before = json.loads(report.read_text())
    for name, content in (("a", b"one"), ("b", b"others")):
        (tmp_path / f"{name}.txt").write_bytes(content)
    note_replaced(tmp_path, report)
    after = json.loads(report.read_text())
    assert after == before | {"b.txt": {"sha256": digest(b"others"), "bytes": 6, "got_from": None}}
    assert report.stat().st_mtime == 5
    note_replaced(tmp_path, tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"a.txt": 5}', '{"a.txt": {"sha256": null}}'])
def test_what_is_not_a_report_is_named(tmp_path, text):
    report = tmp_path / "files.json"
    report.write_text(text)
    with pytest.raises(ValueError, match=r"files\.json is not a report of the step download"):
        hashes_now(tmp_path, [], report)
