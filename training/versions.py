"""Versions of the software that a step ran on."""

import platform
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def versions(*packages: str) -> dict[str, str]:
    """Versions of this project, of Python and of some packages.

    Parameters
    ----------
    *packages : str
        Names of the packages. One that is not installed is left out.

    Returns
    -------
    dict of str to str
        ``yeastpromoter``, ``python``, and each package.
    """
    found = {"yeastpromoter": tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]}
    found["python"] = platform.python_version()
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # The same package by another name, such as tensorflow-cpu.
            if name in sys.modules:
                found[name] = sys.modules[name].__version__
    return found
