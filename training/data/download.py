"""Get the data files of a configuration from their origins, each checked against its hash."""

import hashlib
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.config.loading import files_of
from training.data.data_files import check_sha256
from training.data.tables import write_report
from yeastpromoter.io.whole_files import whole_file

_BLOCK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60


def fetch(url: str, path: str | Path, sha256: str | None = None) -> str:
    """Get a file; it appears under its name only once it is whole and has the right hash.

    Parameters
    ----------
    url : str
        ``https://``, ``http://`` or ``file://``.
    path : str or Path
        Where to put it; folders are made if need be.
    sha256 : str, optional
        Its SHA-256, 64 hexadecimal digits; unchecked if not given.

    Returns
    -------
    str
        The SHA-256 of the file.

    Raises
    ------
    ValueError
        If the file cannot be got, ends early or has another hash.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with whole_file(path) as partial:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response, partial.open("wb") as file:
                announced = response.headers.get("Content-Length")
                while block := response.read(_BLOCK_BYTES):
                    digest.update(block)
                    size += file.write(block)
        except (urllib.error.URLError, OSError) as error:
            raise ValueError(f"{url} could not be downloaded for {path}: {getattr(error, 'reason', error)}") from None
        if announced is not None and size != int(announced):
            raise ValueError(f"{url} broke off after {size:,} of {int(announced):,} bytes: run the step again")
        found = digest.hexdigest()
        if sha256 is not None and found != sha256:
            raise ValueError(
                f"{url} has sha256 {found} but the configuration says {sha256} for {path.name}: the file at its origin "
                "has changed, or a page that is not the file was sent"
            )
    return found


def download(config: Mapping[str, Any], folder: str | Path, report: str | Path) -> None:
    """Get every data file that is not in the data folder yet, and check the ones that are.

    Parameters
    ----------
    config : mapping
        A complete configuration.
    folder : str or Path
        The data folder.
    report : str or Path
        JSON file: each file's hash, its size in bytes, and whether it was got or was there.

    Raises
    ------
    ValueError
        If a file is absent and has no url, cannot be got, or has another hash than the configuration says.
    """
    summary, absent = {}, []
    for entry in files_of(config):
        path = Path(folder) / entry["file"]
        there = path.is_file()
        if there:
            found = check_sha256(path, entry["sha256"])
        elif entry["url"] is None:
            absent.append(f"{path} (from: {entry['origin'] or 'no origin is given in the configuration'})")
            continue
        else:
            print(f"Getting {entry['url']}", file=sys.stderr, flush=True)
            found = fetch(entry["url"], path, entry["sha256"])
        summary[entry["file"]] = {
            "sha256": found,
            "checked": entry["sha256"] is not None,
            "bytes": path.stat().st_size,
            "got_from": None if there else entry["url"],
        }
    if absent:
        raise ValueError("these files are missing and have no url, put them there by hand: " + "; ".join(absent))
    write_report(report, summary)
