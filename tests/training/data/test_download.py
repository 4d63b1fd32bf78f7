import hashlib
import json

import pytest

from training.data.download import download, fetch


def digest(content):
    return hashlib.sha256(content).hexdigest()


def config(*entries):
    """What the step reads of a complete configuration."""
    files = [{"file": "a.txt", "url": None, "sha256": None, "origin": None} | entry for entry in entries]
    return {"data": {"sources": files, "held_out": []}, "synthetic": {}, "runs": {}}


@pytest.fixture
def origin(tmp_path):
    path = tmp_path / "origin" / "a.txt"
    path.parent.mkdir()
    path.write_bytes(b"content")
    return path


def test_files_are_got_once_and_checked(tmp_path, origin):
    settings = config({"url": origin.as_uri(), "sha256": digest(b"content")})
    folder = tmp_path / "data"
    download(settings, folder, tmp_path / "report.json")
    assert (folder / "a.txt").read_bytes() == b"content"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["a.txt"] == {
        "sha256": digest(b"content"),
        "checked": True,
        "bytes": 7,
        "got_from": origin.as_uri(),
    }
    # Where the file is there, its origin is not asked any more.
    origin.unlink()
    download(settings, folder, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["a.txt"]["got_from"] is None
    (folder / "a.txt").write_bytes(b"altered")
    with pytest.raises(ValueError, match="the configuration says"):
        download(settings, folder, tmp_path / "report.json")
    assert (folder / "a.txt").read_bytes() == b"altered", "a user's file is never replaced"


def test_a_wrong_file_leaves_nothing_behind(tmp_path, origin):
    folder = tmp_path / "data"
    with pytest.raises(ValueError, match=f"has sha256 {digest(b'content')} but the configuration says {'0' * 64}"):
        download(config({"url": origin.as_uri(), "sha256": "0" * 64}), folder, tmp_path / "report.json")
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "report.json").exists()


def test_a_url_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="could not be downloaded"):
        fetch((tmp_path / "nothing").as_uri(), tmp_path / "data" / "a.txt")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_download_that_breaks_off(tmp_path, origin, monkeypatch):
    class Response:
        headers = {"Content-Length": "10"}  # noqa: RUF012 - like that of http.client

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.sent = None

        def read(self, _):
            sent, self.sent = getattr(self, "sent", b"content"), b""
            return sent

    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Response())
    with pytest.raises(ValueError, match="broke off after 7 of 10 bytes"):
        fetch("https://somewhere.example/a.txt", tmp_path / "a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["origin"]


def test_without_a_hash_the_file_is_taken_and_its_hash_reported(tmp_path, origin):
    download(config({"url": origin.as_uri()}), tmp_path / "data", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())["a.txt"]
    assert (report["sha256"], report["checked"]) == (digest(b"content"), False)


def test_files_without_url_are_named_all_at_once_with_their_origins(tmp_path):
    settings = config({"file": "one.txt", "origin": "the archive of X"}, {"file": "two.txt"})
    with pytest.raises(ValueError, match=r"one\.txt \(from: the archive of X\); .*two\.txt \(from: no origin"):
        download(settings, tmp_path, tmp_path / "report.json")
