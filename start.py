"""Set up and go: ``python3.11 start.py predict`` or ``python3.11 start.py test``.

Needs Python 3.11 with pip on Linux or macOS, and nothing else. Both commands first make an environment in ``.venv``
(or the folder given with ``--environment``) from the lock files in ``requirements/``, unless a whole and current one
is there already. Then

``predict``
    runs ``kipoi predict`` on the shipped example and shows the result;
``test``
    runs the tests; what follows is passed on to pytest (``python3.11 start.py test -k dataloader``).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
EXAMPLE = "model_files/example/promoters.fa"
PREDICTIONS = "results/example_predictions.tsv"
ROWS_SHOWN = 20

# An environment of this script holds a stamp. It says "complete" and with what only after everything was installed,
# so that an interrupted set-up is never taken for a whole one.
STAMP = "yeastpromoter-environment.json"
LOCKS = {"predict": ("runtime",), "test": ("runtime", "development")}
SIZES = {
    "runtime": "about 700 MB to download, 2.3 GB on disk, a few minutes",
    "development": "about 100 MB more, 0.3 GB on disk, for training and tests",
}


class SetupError(Exception):
    """Something outside this project keeps the set-up from working; the message says what to do."""


def check_machine() -> None:
    """Refuse what the lock files were not made for.

    Raises
    ------
    SetupError
        If this is not Python 3.11, or Windows.
    """
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"this needs Python 3.11, but {sys.executable} is Python {found}. "
            "The locked versions were tested with 3.11 only; run it as: python3.11 start.py ..."
        )
    if sys.platform == "win32":
        raise SetupError(
            "this needs Linux or macOS: pysam and pybedtools do not exist for Windows. "
            "The Windows Subsystem for Linux will do"
        )


def lock_path(name: str) -> Path:
    """Path of a lock file."""
    return ROOT / "requirements" / f"{name}.lock"


def fingerprint(name: str) -> str:
    """Hash of a lock file, which tells whether an environment was made from its present content."""
    return hashlib.sha256(lock_path(name).read_bytes()).hexdigest()


def read_stamp(environment: Path) -> dict | None:
    """What the stamp of an environment says, or None if there is no readable one."""
    try:
        return json.loads((environment / STAMP).read_text())
    except (OSError, ValueError):
        return None


def write_stamp(environment: Path, content: dict) -> None:
    """Replace the stamp in one step: it is either the old one or the new one, never half of it."""
    temporary = environment / (STAMP + ".new")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.replace(environment / STAMP)


def missing_locks(environment: Path, wanted: tuple[str, ...]) -> tuple[str, ...] | None:
    """Which lock files are still to be installed.

    Parameters
    ----------
    environment : Path
        Folder of the environment.
    wanted : tuple of str
        Names of the lock files whose packages are needed.

    Returns
    -------
    tuple of str or None
        The names still to be installed, in order; empty if all is there. None if the environment has to be made
        from the start: there is none, it was interrupted, a lock file changed, or it was moved (its commands hold
        absolute paths).
    """
    stamp = read_stamp(environment)
    if stamp is None or stamp.get("state") != "complete" or stamp.get("folder") != str(environment):
        return None
    if any(installed != fingerprint(name) for name, installed in stamp["locks"].items()):
        return None
    # After an upgrade or removal of the Python that it was made from, an environment no longer starts.
    python = environment / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-c", ""], capture_output=True).returncode != 0:
        return None
    return tuple(name for name in wanted if name not in stamp["locks"])


def pip_command(environment: Path) -> list[str]:
    """Command that starts a pip which installs into the environment.

    Debian leaves out ``ensurepip``, so the pip of the calling Python serves the environment (``pip --python``, from
    pip 22.3 on). Where that is missing or too old, the environment gets a pip through ``ensurepip``.

    Raises
    ------
    SetupError
        If there is neither.
    """
    python = str(environment / "bin" / "python")
    outer = [sys.executable, "-m", "pip", "--python", python]
    if importlib.util.find_spec("pip") and subprocess.run([*outer, "--version"], capture_output=True).returncode == 0:
        return outer
    if subprocess.run([python, "-m", "ensurepip", "--default-pip"], capture_output=True).returncode == 0:
        return [python, "-m", "pip"]
    raise SetupError(
        f"found no usable pip for {sys.executable}: pip 22.3 or newer is needed. "
        "Try: python3.11 -m pip install --upgrade pip (or, on Debian and Ubuntu, apt install python3-pip)"
    )


def install(pip: list[str], name: str) -> None:
    """Install a lock file, with a line that says what goes on.

    Raises
    ------
    SetupError
        If pip fails; what pip says about it has been printed.
    """
    print(f"Installing requirements/{name}.lock ({SIZES[name]}) ...", flush=True)
    command = [*pip, "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--no-deps", "--requirement", str(lock_path(name))]
    # Two of the packages for training and tests come as source only. They are built with the setuptools of the
    # runtime lock, which is there by then, so that the locks decide that too.
    command += ["--no-build-isolation"]
    began = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, "PIP_USER": "0"})
    try:
        while True:
            try:
                status = process.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if sys.stdout.isatty():
                    print(f"\r  {time.monotonic() - began:.0f} s", end="", flush=True)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    print(f"\r  done in {time.monotonic() - began:.0f} s" if status == 0 else "", flush=True)
    if status != 0:
        raise SetupError(f"pip could not install requirements/{name}.lock, see above. Run the command again to retry")


def set_up(environment: Path, wanted: tuple[str, ...]) -> None:
    """Make the environment, or complete it, unless it is whole and current.

    Parameters
    ----------
    environment : Path
        Folder of the environment, absolute.
    wanted : tuple of str
        Names of the lock files whose packages are needed.

    Raises
    ------
    SetupError
        If the folder holds something that this script did not make, or the set-up fails.
    """
    todo = missing_locks(environment, wanted)
    if todo == ():
        return
    if todo is None:
        if environment.exists() and read_stamp(environment) is None and any(environment.iterdir()):
            raise SetupError(
                f"{environment} exists, but was not made by this script. "
                "Move it away, or choose another folder with --environment"
            )
        print(f"Making the environment {environment}", flush=True)
        shutil.rmtree(environment, ignore_errors=True)
        environment.mkdir(parents=True)
        write_stamp(environment, {"state": "incomplete"})
        venv.create(environment, symlinks=True, with_pip=False)
        installed: tuple[str, ...] = ()
        todo = wanted
    else:
        installed = tuple(name for name in LOCKS["test"] if name not in todo)
        write_stamp(environment, {"state": "incomplete"})
    pip = pip_command(environment)
    for name in todo:
        install(pip, name)
    locks = {name: fingerprint(name) for name in (*installed, *todo)}
    write_stamp(environment, {"state": "complete", "folder": str(environment), "locks": locks})
    print(f"The environment is ready. To use it: . {shlex.quote(str(environment / 'bin' / 'activate'))}\n", flush=True)


def run(command: list[str]) -> int:
    """Print a command as one would type it in this folder, run it there and return its exit status."""
    print("$ " + shlex.join(os.path.relpath(part, ROOT) if part.startswith("/") else part for part in command))
    sys.stdout.flush()
    return subprocess.run(command, cwd=ROOT).returncode


def table(rows: list[list[str]]) -> str:
    """Rows as text with aligned columns; the first row is the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def show(predictions: Path) -> None:
    """Print the first predictions of a table that ``kipoi predict`` wrote."""
    with open(predictions, newline="") as file:
        records = list(csv.DictReader(file, delimiter="\t"))
    rows = [["id", "expression"]]
    rows += [[record["metadata/id"], f"{float(record['preds/expression']):.2f}"] for record in records[:ROWS_SHOWN]]
    print("\n" + table(rows))
    if len(records) > ROWS_SHOWN:
        print(f"... {len(records) - ROWS_SHOWN} more")
    print(
        f"\nAll {len(records)} predictions: {predictions.relative_to(ROOT)}. "
        "Expression is the mean sorting bucket, 0 (low) to 17 (high)."
    )


def predict(environment: Path) -> int:
    """Run ``kipoi predict`` on the shipped example and show the result; returns the exit status."""
    (ROOT / PREDICTIONS).parent.mkdir(exist_ok=True)
    kipoi = str(environment / "bin" / "kipoi")
    command = [kipoi, "predict", ".", "--source", "dir", "--dataloader_args", f"sequence_file={EXAMPLE}"]
    status = run([*command, "--keep_metadata", "--output", PREDICTIONS])
    if status == 0:
        show(ROOT / PREDICTIONS)
    return status


def test(environment: Path, options: list[str]) -> int:
    """Run pytest with the given options; returns the exit status."""
    return run([str(environment / "bin" / "python"), "-m", "pytest", *options])


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, set up, and go; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="start.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("command", choices=["predict", "test"])
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv", metavar="FOLDER", help="default: .venv")
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "test":
        parser.error(f"unrecognised arguments: {' '.join(rest)}")
    # Not resolved: a link in the path is the user's choice, and Python itself keeps it.
    environment = Path(os.path.abspath(options.environment))
    try:
        check_machine()
        set_up(environment, LOCKS[options.command])
    except (SetupError, OSError) as error:
        print(f"start.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstart.py: interrupted; the next call starts the set-up again", file=sys.stderr)
        return 130
    return predict(environment) if options.command == "predict" else test(environment, rest)


if __name__ == "__main__":
    sys.exit(main())
