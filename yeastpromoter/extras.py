"""The packages that only some functions need, and the extras of this package that bring them."""

from __future__ import annotations

from importlib.util import find_spec

#: The extras, each with the packages that are imported from it.
EXTRAS = {
    "tensorflow": ("keras",),  # and not tensorflow, as JAX will do, too
    "figures": ("matplotlib", "logomaker"),
    "tracks": ("pybigtools",),
    "parquet": ("pyarrow",),
    "design": ("biopython",),
    "tensorboard": ("tensorboard",),
}

#: Packages that are imported by another name.
_IMPORTED_AS = {"biopython": "Bio"}


class MissingExtraError(ModuleNotFoundError):
    """A package is not installed that one of the extras brings."""


def require(extra: str) -> None:
    """Check that an extra is installed, before any work is done that would be lost without it.

    Parameters
    ----------
    extra : str
        One of `EXTRAS`.

    Raises
    ------
    MissingExtraError
        If one of its packages is not installed; the message says how to install it.
    """
    for package in EXTRAS[extra]:
        if find_spec(_IMPORTED_AS.get(package, package)) is None:
            raise MissingExtraError(
                f'this needs the package {package}, which is not installed: pip install "yeastpromoter[{extra}]"',
                name=package,
            )
