"""Versions of the software that a step ran on."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from yeastpromoter import __version__


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
    found = {"yeastpromoter": __version__, "python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # The same package by another name, such as tensorflow-cpu.
            if name in sys.modules:
                found[name] = sys.modules[name].__version__
    return found
