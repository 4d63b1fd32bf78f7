"""What holds for all tests."""

import os
import sys
from pathlib import Path

# Many tests start processes that import TensorFlow. Where Python is told to keep no bytecode, as containers often do,
# and none was installed, each would compile TensorFlow anew: 6 of 11 s of CPU time. So it is kept, but in a folder
# of the tests. This has to come before anything large is imported.
if sys.dont_write_bytecode:
    folder = Path(__file__).resolve().parent.parent / ".pytest_cache" / "bytecode"
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(folder))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
