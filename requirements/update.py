"""Write the lock files of this folder from pyproject.toml: ``python requirements/update.py [--upgrade]``.

For maintainers only, and the one thing here that needs `uv <https://docs.astral.sh/uv/>`_. The files:

``development.lock``
    Everything that the Kipoi model, the commands, training and testing need, with the hashes of PyPI.
``runtime.lock``
    What the Kipoi model and the commands need, at the same versions.
``gpu.lock``
    The same, and the CUDA libraries of TensorFlow.
``jax.lock``
    What prediction and the whole training need on JAX, without TensorFlow and Kipoi.
``jax-gpu.lock``
    The same, and the CUDA libraries of JAX; ``jax-gpu.yaml`` is a conda environment of it.
``runtime.txt``
    The names and versions of ``runtime.lock`` without the hashes, which Kipoi cannot read: the ``dependencies`` of
    model.yaml and dataloader.yaml point here, and ``kipoi env export`` copies it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
PYTHONS = ("3.11", "3.12")
RUNTIME = ("kipoi", "figures", "design")
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)", re.MULTILINE)


def compile_lock(
    name: str,
    extras: tuple[str, ...],
    constraint: str | None = None,
    upgrade: bool = False,
) -> None:
    """Resolve pyproject.toml with some of its extras into a lock file with hashes.

    One file serves all Pythons, so each has to need the same packages.

    Parameters
    ----------
    name : str
        File to write, in this folder. The versions that it already holds are kept where they still fit.
    extras : tuple of str
        Extras of pyproject.toml to include.
    constraint : str, optional
        Lock file of this folder whose versions must be used.
    upgrade : bool, default False
        Take the newest versions instead of keeping those of the file.
    """
    command = ["uv", "pip", "compile", "pyproject.toml", "--no-config", "--quiet", "--generate-hashes"]
    # A fixed index: the hashes must be PyPI's, whatever mirror this machine uses.
    command += ["--default-index", "https://pypi.org/simple", "--no-emit-index-url"]
    command += ["--custom-compile-command", "python requirements/update.py"]
    command += ["--output-file", f"requirements/{name}"]
    for extra in extras:
        command += ["--extra", extra]
    if constraint is not None:
        command += ["--constraint", f"requirements/{constraint}"]
    contents = set()
    for python in PYTHONS:
        # Only the first chooses versions: the others keep those of the file.
        options = ["--upgrade"] if upgrade and python == PYTHONS[0] else []
        subprocess.run([*command, "--python-version", python, *options], cwd=ROOT, check=True)
        contents.add((FOLDER / name).read_text())
    if len(contents) > 1:
        sys.exit(f"{name} is not the same for Python {' and '.join(PYTHONS)}: bound the package that differs")


def write_versions(lock: Path, versions: Path) -> None:
    """Write the names and versions of a lock file, one ``name==version`` to a line."""
    pins = [f"{match['name']}=={match['version']}" for match in PINNED.finditer(lock.read_text())]
    header = f"# The versions of {lock.name}, written by requirements/update.py. Do not edit.\n"
    versions.write_text(header + "\n".join(pins) + "\n")


def main(arguments: list[str]) -> None:
    """Write all files."""
    if arguments not in ([], ["--upgrade"]):
        sys.exit("usage: python requirements/update.py [--upgrade]")
    upgrade = bool(arguments)
    compile_lock("development.lock", (*RUNTIME, "tracks", "training", "test"), upgrade=upgrade)
    compile_lock("runtime.lock", RUNTIME, constraint="development.lock", upgrade=upgrade)
    compile_lock("gpu.lock", (*RUNTIME, "gpu"), constraint="development.lock", upgrade=upgrade)
    compile_lock("jax.lock", ("jax", "figures", "training"), upgrade=upgrade)
    compile_lock("jax-gpu.lock", ("jax-gpu", "figures", "training"), constraint="jax.lock", upgrade=upgrade)
    write_versions(FOLDER / "runtime.lock", FOLDER / "runtime.txt")


if __name__ == "__main__":
    main(sys.argv[1:])
