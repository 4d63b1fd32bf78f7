"""Run a step of the training for the workflow: as ``python -m training`` does, but by its path and with less trust.

Nothing is imported from the folder where the workflow runs, and of this project nothing in place of the standard
library: a file ``csv.py`` beside somebody's data is not part of the program. Warnings go to file descriptor 3, too,
where the rules have the terminal.
"""

import site
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])


def trusted_path(path: list[str]) -> list[str]:
    """Where to look for modules: the standard library, this project, installed packages, in this order."""
    installed = {*site.getsitepackages(), site.getusersitepackages()}
    first = next((number for number, folder in enumerate(path) if folder in installed), len(path))
    return [*path[:first], ROOT, *path[first:]]


if __name__ == "__main__":
    # With -P, and without PYTHONPATH, neither the folder of this file nor the present one is in sys.path.
    sys.path = trusted_path(sys.path)

    from training import notices
    from training.__main__ import main

    notices.terminal = 3
    main(prog_name="python -m training")
