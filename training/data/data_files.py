"""The data files of a configuration: each is the one that was meant, in every step that reads it."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from yeastpromoter.io.whole_files import whole_file


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(path: Path) -> tuple[int, ...]:
    """What differs after a file was written or replaced, whatever time it got."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(report: str | Path | None) -> dict[str, dict[str, Any]]:
    """The report of the step download: ``sha256`` and more of each file; empty without a report."""
    if report is None or not Path(report).is_file():
        return {}
    try:
        files = json.loads(Path(report).read_text())
        if all(isinstance(file["sha256"], str) for file in files.values()):
            return files
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(f"{report} is not a report of the step download: remove it, and run that step again")


def check_sha256(path: str | Path, expected: str | None) -> str:
    """Check a file against its hash.

    Parameters
    ----------
    path : str or Path
        The file.
    expected : str or None
        Its SHA-256, 64 hexadecimal digits; None to take the file as it is.

    Returns
    -------
    str
        The SHA-256 that was found.

    Raises
    ------
    ValueError
        If the file is absent or has another hash.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: get it with the download step, if it has a url, or point data.folder of the "
            "configuration at the folder that holds it"
        )
    found = digest_of(path)
    if expected is not None and found != expected:
        raise ValueError(
            f"{path} has sha256 {found} but the configuration says {expected}: the file is another version, or its "
            "download was cut short"
        )
    return found


class DataFiles:
    """The data folder, as a step reads it.

    Parameters
    ----------
    folder : str or Path
        The folder.
    report : str or Path, optional
        Report of the step download: a file has to be the one that this step found. Where there is no such report, or
        a file is not in it, the hash in the configuration is checked alone.
    """

    def __init__(self, folder: str | Path, report: str | Path | None = None):
        self._folder, self._report = Path(folder), report
        self._before = {name: file["sha256"] for name, file in _read(report).items()}

    @contextmanager
    def reading(self, entry: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
        """Check a file, let it be read, and check that it was not changed meanwhile.

        Parameters
        ----------
        entry : mapping
            ``file`` and ``sha256`` of the configuration.

        Yields
        ------
        tuple of Path and str
            The file and its SHA-256.

        Raises
        ------
        ValueError
            If the file is absent, has another hash than the configuration or the step download says, or is changed
            while it is read.
        """
        path = self._folder / entry["file"]
        before = _state(path) if path.is_file() else None
        digest = check_sha256(path, entry["sha256"])
        expected = self._before.get(entry["file"], digest)
        if digest != expected:
            raise ValueError(
                f"{path} has sha256 {digest} but the step download found {expected} ({self._report}): the file was "
                "replaced since. Run the step download again, and after it every step that reads the file"
            )
        yield path, digest
        if not path.is_file() or _state(path) != before:
            raise ValueError(f"{path} was changed or replaced while it was read: run the step again")


@cache
def _digest_once(path: Path, state: tuple[int, ...]) -> str:
    return digest_of(path)


def hashes_now(folder: str | Path, entries: Iterable[Mapping[str, Any]], report: str | Path) -> dict[str, str | None]:
    """Hash data files as they are now, so that a change of their content is noticed, whatever their times are.

    Parameters
    ----------
    folder : str or Path
        The data folder.
    entries : iterable of mapping
        ``file`` and ``sha256`` of the configuration.
    report : str or Path
        Report of the step download, if there is one yet.

    Returns
    -------
    dict of str to str or None
        SHA-256 of each file. Of a missing one, which the step download gets or which was removed after use, that of
        the report, else that of the configuration, else None.
    """
    before = {name: file["sha256"] for name, file in _read(report).items()}
    hashes = {}
    for entry in entries:
        path = Path(folder) / entry["file"]
        missing = before.get(entry["file"], entry["sha256"])
        hashes[entry["file"]] = _digest_once(path, _state(path)) if path.is_file() else missing
    return hashes


def note_replaced(folder: str | Path, report: str | Path) -> None:
    """Bring the report of the step download up to date with files that were replaced since.

    The report keeps its time, so that it makes nothing run again: what reads a replaced file does so by `hashes_now`.

    Parameters
    ----------
    folder : str or Path
        The data folder.
    report : str or Path
        The report, if there is one yet.
    """
    report, files = Path(report), _read(report)
    replaced = {}
    for name, file in files.items():
        path = Path(folder) / name
        if path.is_file() and (digest := _digest_once(path, _state(path))) != file["sha256"]:
            replaced[name] = file | {"sha256": digest, "bytes": path.stat().st_size, "got_from": None}
    if replaced:
        time = report.stat()
        with whole_file(report) as partial:
            partial.write_text(json.dumps(files | replaced, indent=2) + "\n", encoding="utf-8")
            os.utime(partial, ns=(time.st_atime_ns, time.st_mtime_ns))
