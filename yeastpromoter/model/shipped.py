"""What an entry ships: its folder, and how its model.yaml describes the network. Light to import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from yeastpromoter.sequence.reporter import Reporter

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "shipped"

#: The folder with model.yaml and what it names: inside an installed package, and around the package in a checkout.
ENTRY_FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def shipped_arguments(entry: str | Path = ENTRY_FOLDER) -> dict[str, Any]:
    """Read how an entry describes its network: arguments of `build_trained_network`, with the paths of its files.

    Raises
    ------
    FileNotFoundError
        If the folder has no model.yaml.
    """
    path = Path(entry) / "model.yaml"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: {entry} is not the folder of this Kipoi entry. If only the folder `yeastpromoter` "
            "was copied, install the package with `pip install .` in the entry's folder"
        )
    arguments = yaml.safe_load(path.read_text(encoding="utf-8"))["args"]
    for of_kipoi in ("check_adapters", "interval"):  # what the Kipoi model takes and gives, not the network
        arguments.pop(of_kipoi, None)
    return arguments | {
        name: Path(entry) / arguments[name] for name in ("weights", "calibration") if arguments.get(name)
    }


def shipped_reporter(entry: str | Path = ENTRY_FOLDER) -> Reporter:
    """The reporter that the constructs of an entry are of.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder has no model.yaml, or this describes none.
    """
    return Reporter.of(shipped_arguments(entry).get("reporter"))
