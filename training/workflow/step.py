"""Run a step of the training for the workflow: as ``python -m training`` does, but by its path and with less trust.

Nothing is imported from the folder where the workflow runs, nor from the root of this project but its two packages: a
file ``csv.py`` or ``numpy.py`` that somebody keeps there is not part of the program. Warnings go to file descriptor 3,
too, where the rules have the terminal.
"""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load_packages() -> None:
    """Load the packages of this project from it, whatever lies beside them or is installed under their names."""
    for name in ("yeastpromoter", "training"):
        spec = importlib.util.spec_from_file_location(name, ROOT / name / "__init__.py")
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


if __name__ == "__main__":
    # With -P, and without PYTHONPATH, neither the folder of this file nor the present one is in sys.path.
    load_packages()

    from training import notices
    from training.cli.main import main

    notices.terminal = 3
    main(prog_name="python -m training")
