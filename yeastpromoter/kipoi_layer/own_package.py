"""For the files that Kipoi loads: their own package, whatever this process has loaded before.

A process can load several copies of this entry, such as two versions to compare, and has one module of each name. The
files of an entry therefore run this module by its path, not by its name.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).resolve().parents[1]


@contextmanager
def own_package(file: str) -> Iterator[None]:
    """Import from the package beside this module, within the context.

    Kipoi does not put the entry's folder on `sys.path`. It is there only within the context: left there, the entry's
    `model` and `dataloader` would be found in place of those of other entries. If another copy of the package is
    loaded, it comes back afterwards, and the file keeps what it has imported.

    Parameters
    ----------
    file : str
        ``__file__`` of the module that imports.
    """
    module = sys.modules.get(Path(file).stem)
    if getattr(module, "__file__", None) == file:
        module.__class__ = _EntryModule
    others = {}
    if not _is_own(sys.modules.get(PACKAGE.name)):
        others = {name: sys.modules.pop(name) for name in _loaded()}
    sys.path.insert(0, str(PACKAGE.parent))
    try:
        yield
    finally:
        sys.path.remove(str(PACKAGE.parent))
        if others:
            for name in _loaded():
                del sys.modules[name]
            sys.modules.update(others)


def _is_own(package: ModuleType | None) -> bool:
    # A single file has no path, a folder without __init__.py may have several.
    return [Path(folder).resolve() for folder in getattr(package, "__path__", [])] == [PACKAGE]


def _loaded() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == PACKAGE.name]


class _EntryModule(ModuleType):
    """The `model` or `dataloader` of an entry, which is not that of another entry.

    Kipoi goes to the folder of the entry and imports `model`. Where the working directory is on `sys.path`, as in an
    interactive Python, that is the first entry's for all later ones. Without the class in it, Kipoi takes the file.
    """

    def __getattribute__(self, name: str) -> object:
        file = super().__getattribute__("__file__")
        here = os.path.basename(file)
        if not name.startswith("__") and os.path.exists(here) and not os.path.samefile(here, file):
            raise AttributeError(f"{name} of {file}, but {os.path.abspath(here)} is the one for the working directory")
        return super().__getattribute__(name)
