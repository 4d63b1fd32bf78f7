"""For the files that Kipoi loads: their own package, whatever this process has loaded before.

A process can load several copies of this entry, such as two versions to compare, and has one module of each name. The
files of an entry therefore run this module by its path, not by its name. Run under the name `WORKER`, it makes the
package importable in a worker process, which has not loaded these files.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).resolve().parents[1]
WORKER = "__worker__"


@contextmanager
def own_package(file: str) -> Iterator[None]:
    """Import from the package beside this module, within the context.

    Kipoi does not put the entry's folder on `sys.path`. It is there only within the context: left there, the entry's
    `model` and `dataloader` would be found in place of those of other entries. If another copy of the package is
    loaded, it is put aside meanwhile, and this one afterwards: the file keeps what it has imported, and what the
    functions import later would be of the other copy. All files of an entry get the same modules.

    Parameters
    ----------
    file : str
        ``__file__`` of the module that imports.
    """
    module = sys.modules.get(Path(file).stem)
    if getattr(module, "__file__", None) == file:
        module.__class__ = _EntryModule
    others = {} if _is_own(sys.modules.get(PACKAGE.name)) else _take_out()
    aside = sys.modules.setdefault(str(PACKAGE), ModuleType(str(PACKAGE)))
    sys.modules.update(aside.__dict__.pop("modules", {}))
    sys.path.insert(0, str(PACKAGE.parent))
    try:
        yield
    finally:
        sys.path.remove(str(PACKAGE.parent))
        if others:
            aside.modules = _take_out()
            sys.modules.update(others)


def _is_own(package: ModuleType | None) -> bool:
    # A single file has no path, a folder without __init__.py may have several.
    return [Path(folder).resolve() for folder in getattr(package, "__path__", [])] == [PACKAGE]


def _take_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] == PACKAGE.name]
    return {name: sys.modules.pop(name) for name in names}


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


if __name__ == WORKER:
    with own_package(__file__):
        import yeastpromoter  # noqa: F401 - its modules are found by it from now on
    if not _is_own(sys.modules[PACKAGE.name]):
        raise ImportError(f"a worker of {PACKAGE.parent} has loaded {sys.modules[PACKAGE.name].__file__} before")
