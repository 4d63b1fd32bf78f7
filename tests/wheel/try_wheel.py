"""Predict with a wheel in an empty environment: ``python3.13 tests/wheel/try_wheel.py WHEEL``.

The environment is made with the Python that runs this, from the wheel and what it requires, and removed again. Kipoi
and a network library must not get into it, and the command must predict the example of this folder as it is expected.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "model_files" / "example" / "promoters.fa"
EXPECTED = ROOT / "model_files" / "expected_predictions.h5"
UNWANTED = ("kipoi", "tensorflow", "keras", "jax", "matplotlib")

#: Run by the environment's Python, with the table, the expected predictions and what must not be installed.
CHECK = """
import sys
from importlib.util import find_spec

import h5py
import numpy as np
import pandas as pd
import yeastpromoter

table, expected, *unwanted = sys.argv[1:]
found = [name for name in unwanted if find_spec(name) is not None]
assert not found, f"the environment has {found}"
assert yeastpromoter.__file__.startswith(sys.prefix), yeastpromoter.__file__
predicted = pd.read_csv(table, sep="\\t")["expression"].to_numpy()
with h5py.File(expected) as file:
    wanted = file["preds/expression"][:]
assert predicted.shape == wanted.shape, f"{predicted.shape} predictions in place of {wanted.shape}"
difference = np.abs(predicted - wanted).max()
print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, pandas {pd.__version__}: {len(wanted)} predictions, "
      f"largest difference {difference:.1e}")
assert difference < 1e-4
"""


def main(wheel: str) -> None:
    """Make the environment, install the wheel, predict, and compare."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as scratch:
        # Away from the checkout, whose modules would be found first.
        environment, table = Path(scratch, "environment"), Path(scratch, "predictions.tsv")
        venv.create(environment, with_pip=True)

        def run(program: str, *arguments: object) -> None:
            command = [str(environment / "bin" / program), *map(str, arguments)]
            subprocess.run(command, cwd=scratch, env=variables, check=True)

        run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", Path(wheel).resolve())
        run("yeastpromoter", "--help")
        run("yeastpromoter", "predict", EXAMPLE, "-o", table)
        run("python", "-c", CHECK, table, EXPECTED, *UNWANTED)


if __name__ == "__main__":
    main(*sys.argv[1:])
