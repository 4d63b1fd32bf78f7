"""Run by its path: makes this package importable in a process that does not have its folder on `sys.path`."""

import sys
from pathlib import Path

# The folder must not stay on the path: an entry's `model` and `dataloader` lie there, and would hide others.
_FOLDER = str(Path(__file__).resolve().parents[2])
sys.path.insert(0, _FOLDER)
try:
    import yeastpromoter  # noqa: F401 - its modules are found by it from now on
finally:
    sys.path.remove(_FOLDER)
