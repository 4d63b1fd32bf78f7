"""The data files of a configuration: each is the one that was meant, in every step that reads it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from training.tables import sha256_of


def _state(path: Path) -> tuple[int, ...]:
    """What differs after a file was written or replaced, whatever time it got."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _found_before(report: str | Path | None) -> dict[str, str]:
    """The hashes in the report of the step download; none without a report."""
    if report is None or not Path(report).is_file():
        return {}
    try:
        return {name: file["sha256"] for name, file in json.loads(Path(report).read_text()).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{report} is not a report of the step download: run that step again") from None


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
            f"{path} is not there: get it with the download step, or point data.folder of the configuration at the "
            "folder that holds it"
        )
    found = sha256_of(path)
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
        self._before = _found_before(report)

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


@lru_cache(maxsize=None)
def _sha256_once(path: Path, state: tuple[int, ...]) -> str:
    return sha256_of(path)


def hashes_now(
    folder: str | Path, entries: Iterable[Mapping[str, Any]], report: str | Path
) -> dict[str, str | None]:
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
    before = _found_before(report)
    hashes = {}
    for entry in entries:
        path = Path(folder) / entry["file"]
        missing = before.get(entry["file"], entry["sha256"])
        hashes[entry["file"]] = _sha256_once(path, _state(path)) if path.is_file() else missing
    return hashes
