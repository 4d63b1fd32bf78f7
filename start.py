"""Set up and go: ``python3.11 start.py predict`` or ``python3.11 start.py test`` (or with ``python3.12``).

Needs Python 3.11 or 3.12 with pip on Linux or macOS, and nothing else. Both commands first make an environment in
``.venv`` (or the folder given with ``--environment``) from the lock files in ``requirements/``, unless a whole and
current one is there already. Then

``predict``
    runs ``kipoi predict`` on the shipped example and shows the result;
``test``
    runs the tests; what follows is passed on to pytest (``python3.11 start.py test -k dataloader``).
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows, which is refused with a reason
    fcntl = None

ROOT = Path(__file__).resolve().parent
EXAMPLE = "model_files/example/promoters.fa"
PREDICTIONS = "results/example_predictions.tsv"
ROWS_SHOWN = 20
PYTHONS = ((3, 11), (3, 12))

# Two files of this script in an environment. The stamp says "complete", and with what, only after everything was
# installed and checked. The lock is there before anything else and stays: it shows that the folder is this script's,
# however a set-up ended, and one set-up holds it at a time.
STAMP = "yeastpromoter-environment.json"
LOCK = "yeastpromoter-environment.lock"
LOCKS = {"predict": ("runtime",), "test": ("runtime", "development")}
SIZES = {
    "runtime": "about 700 MB to download, 2.3 GB on disk, a few minutes",
    "development": "about 100 MB more, 0.3 GB on disk, for training and tests",
}
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)

# Of pip's settings those that say how to reach the packages. The others would send them elsewhere, or leave some out.
PIP_SETTINGS = {
    *("index-url", "extra-index-url", "no-index", "find-links", "trusted-host", "proxy", "cert", "client-cert"),
    *("timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir", "keyring-provider"),
    *("use-feature", "use-deprecated"),
}
# Settings of Python that would make the environment's Python look for packages elsewhere.
PYTHON_SETTINGS = {"PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "__PYVENV_LAUNCHER__"}

# The packages whose modules are most of what a prediction imports: compiled in parallel, once, and not one by one in
# each process where Python is set to keep no bytecode, as containers often do.
COMPILED = ("tensorflow", "keras", "numpy", "pandas", "matplotlib")
UNUSED = "/site-packages/.*/tests?/"

# Run by the environment's Python: which of the packages, a JSON dictionary of versions, it does not have.
WRONG_PACKAGES = """
import json, sys
from importlib.metadata import PackageNotFoundError, version

def found(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None

print(json.dumps([name for name, wanted in json.load(sys.stdin).items() if found(name) != wanted]))
"""


class SetupError(Exception):
    """Something outside this project keeps the set-up from working; the message says what to do."""


def check_machine() -> None:
    """Refuse what the lock files were not made for.

    Raises
    ------
    SetupError
        If this is neither Python 3.11 nor 3.12, or Windows.
    """
    if sys.version_info[:2] not in PYTHONS:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"this needs Python 3.11 or 3.12, but {sys.executable} is Python {found}. The locked versions were tested "
            "with those two only; run it as: python3.11 start.py ... or python3.12 start.py ..."
        )
    if fcntl is None:
        raise SetupError(
            "this needs Linux or macOS: the locked versions were not tested on Windows. "
            "The Windows Subsystem for Linux will do"
        )


def lock_path(name: str) -> Path:
    """Path of a lock file."""
    return ROOT / "requirements" / f"{name}.lock"


def fingerprint(name: str) -> str:
    """Hash of a lock file, which tells whether an environment was made from its present content."""
    return hashlib.sha256(lock_path(name).read_bytes()).hexdigest()


def pins(name: str) -> dict[str, str]:
    """Versions of a lock file by the name of the package."""
    return dict(PINNED.findall(lock_path(name).read_text(encoding="utf-8")))


def read_stamp(environment: Path) -> dict | None:
    """What the stamp of an environment says, or None if there is no readable one."""
    try:
        return json.loads((environment / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_stamp(environment: Path, locks: tuple[str, ...]) -> None:
    """Say that an environment is complete, in one step: the stamp is whole, or there is none."""
    content = {
        "state": "complete",
        "folder": str(environment),
        "python": python_version(environment),
        "locks": {name: fingerprint(name) for name in locks},
    }
    temporary = environment / (STAMP + ".new")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.replace(environment / STAMP)


def python_of(environment: Path) -> str:
    """Path of an environment's Python."""
    return str(environment / "bin" / "python")


def python_version(environment: Path) -> str | None:
    """Version of an environment's Python, such as "3.11", or None if it does not start."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.check_output(
            [python_of(environment), "-I", "-c", code], stderr=subprocess.DEVNULL, text=True
        ).strip()
    return None


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
    # After the Python that it was made from was upgraded or removed, an environment no longer starts, or no longer
    # finds its packages.
    version = python_version(environment)
    if version is None or version != stamp.get("python", version):
        return None
    return tuple(name for name in wanted if name not in stamp["locks"])


def claim(environment: Path) -> int:
    """Make the folder of the environment unless it exists, and open its lock.

    Returns
    -------
    int
        File descriptor of the lock, which nobody needs to hold yet.

    Raises
    ------
    SetupError
        If the folder holds something that this script did not make, or cannot be written to.
    """
    try:
        environment.mkdir(parents=True, exist_ok=True)
        names = os.listdir(environment)
        if names and not {STAMP, LOCK} & set(names):
            raise SetupError(
                f"{environment} exists, but was not made by this script. "
                "Move it away, or choose another folder with --environment"
            )
        return os.open(environment / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise SetupError(
            f"cannot make an environment in {environment}: {error}. Choose another folder with --environment"
        ) from error


@contextmanager
def locked(environment: Path) -> Iterator[int]:
    """Hold the lock of an environment, after whoever holds it now; gives its file descriptor.

    A process that inherits the descriptor holds the lock, too, until it ends: if this script is killed, the next one
    waits for the pip that it leaves.
    """
    waited = False
    while True:
        descriptor = claim(environment)
        try:
            if holds(descriptor, environment / LOCK):
                yield descriptor
                return
        finally:
            os.close(descriptor)
        if not waited:
            print(f"Waiting for another start.py, or its pip, that is still at work in {environment} ...", flush=True)
            waited = True
        time.sleep(0.5)


def holds(descriptor: int, path: Path) -> bool:
    """Take the lock if it is free; returns whether it is held now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        print(f"{path} cannot be locked ({error.strerror}): run one start.py at a time", file=sys.stderr, flush=True)
    # The folder may have been removed meanwhile, with the file that this lock is on.
    return path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())


def clear(environment: Path) -> None:
    """Remove everything from an environment, the stamp first, but its lock."""
    (environment / STAMP).unlink(missing_ok=True)
    for path in environment.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def own_variables() -> dict[str, str]:
    """Environment variables for the environment's Python: those of this process, less those that lead elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in PYTHON_SETTINGS}


def pip_command(environment: Path, lock: int) -> list[str]:
    """Command that starts a pip which installs into the environment.

    Debian leaves out ``ensurepip``, so the pip of the calling Python serves the environment (``pip --python``, from
    pip 22.3 on). Where that is missing or too old, the environment gets a pip through ``ensurepip``.

    Raises
    ------
    SetupError
        If there is neither.
    """
    python = python_of(environment)
    # The calling Python may be that of the environment itself, from which everything was just removed.
    caller = sys._base_executable if Path(sys.prefix) == environment else sys.executable
    variables = pip_variables({})
    for first in (caller, python):
        if first == python:
            ensure = [python, "-m", "ensurepip", "--default-pip"]
            subprocess.run(ensure, stdin=lock, capture_output=True, env=variables)
        # -P: a `pip` or `csv.py` in the working folder is not meant.
        command = [first, "-P", "-m", "pip", "--python", python]
        if subprocess.run([*command, "--version"], capture_output=True, env=variables).returncode == 0:
            return command
    raise SetupError(
        f"found no usable pip for {sys.executable}: pip 22.3 or newer is needed. "
        f"Try: {shlex.quote(sys.executable)} -m pip install --upgrade pip (or, on Debian and Ubuntu, "
        "apt install python3-pip)"
    )


def pip_settings(pip: list[str]) -> dict[str, str]:
    """Read how the user's pip reaches packages, from its files and variables, by the name of the setting.

    Raises
    ------
    SetupError
        If pip cannot read its settings.
    """
    listed = subprocess.run(
        [*pip, "config", "list"], capture_output=True, encoding="utf-8", errors="replace", env=own_variables()
    )
    if listed.returncode != 0:
        raise SetupError(f"pip cannot read its settings: {listed.stderr.strip()}")
    found = {}
    for section in ("global", "install", ":env:"):  # each is stronger than those before it
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(.+)$", listed.stdout, re.MULTILINE):
            if name in PIP_SETTINGS and ast.literal_eval(value):
                found[name] = ast.literal_eval(value)
    return found


def pip_variables(settings: dict[str, str]) -> dict[str, str]:
    """Environment variables for a pip that has these settings and no others."""
    variables = {name: value for name, value in own_variables().items() if not name.startswith("PIP_")}
    variables |= {f"PIP_{name.upper().replace('-', '_')}": value for name, value in settings.items()}
    return variables | {"PIP_CONFIG_FILE": os.devnull}


def change(what: str, command: list[str], lock: int, variables: dict[str, str]) -> int:
    """Run a command that changes the environment, with a line that says what goes on; returns its exit status.

    The command and its children hold the lock, and end when this is interrupted.
    """
    print(f"{what} ...", flush=True)
    began = time.monotonic()
    # The lock, an empty file, is the standard input, which the children of the command have, too.
    process = subprocess.Popen(command, stdin=lock, env=variables, start_new_session=True)
    status = None
    try:
        while status is None:
            with suppress(subprocess.TimeoutExpired):
                status = process.wait(timeout=1)
            if sys.stdout.isatty():
                print(f"\r  {time.monotonic() - began:.0f} s", end="", flush=True)
    finally:
        if status != 0:
            stop(process)
    print(f"\r  done in {time.monotonic() - began:.0f} s" if status == 0 else "", flush=True)
    return status


def stop(process: subprocess.Popen) -> None:
    """End a process and its children. They have nothing to clean up: all they wrote is in the environment."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def install(pip: list[str], name: str, environment: Path, lock: int) -> None:
    """Install a lock file.

    Raises
    ------
    SetupError
        If pip fails; what pip says about it has been printed.
    """
    command = [*pip, "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--no-deps", "--requirement", str(lock_path(name))]
    # Two of the packages for training and tests come as source only. They are built with the setuptools of the
    # runtime lock, which is there by then, so that the locks decide that too.
    command += ["--no-build-isolation"]
    what = f"Installing requirements/{name}.lock ({SIZES[name]})"
    variables = pip_variables(pip_settings(pip))
    # The disk of the environment has the space, which /tmp often has not.
    with tempfile.TemporaryDirectory(dir=environment) as temporary:
        status = change(what, command, lock, variables | {"TMPDIR": temporary})
    if status != 0:
        raise SetupError(f"pip could not install requirements/{name}.lock, see above. Run the command again to retry")


def check_packages(environment: Path, names: tuple[str, ...]) -> None:
    """Check that the environment has the packages of lock files, at their versions.

    Raises
    ------
    SetupError
        If it has not; the message names the packages.
    """
    wanted = {package: version for name in names for package, version in pins(name).items()}
    command = [python_of(environment), "-I", "-c", WRONG_PACKAGES]
    checked = subprocess.run(command, input=json.dumps(wanted), stdout=subprocess.PIPE, text=True)
    if checked.returncode != 0:
        raise SetupError(f"the Python of {environment} does not work, see above. Run the command again to retry")
    wrong = json.loads(checked.stdout)
    if wrong:
        raise SetupError(
            f"pip reported success, but {environment} has not the locked version of {len(wrong)} packages "
            f"({', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}). Did another pip write to it? "
            "Run the command again to retry"
        )


def compile_packages(environment: Path, lock: int) -> None:
    """Compile the modules that take longest, without the packages' tests."""
    folder = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(environment)}))
    command = [python_of(environment), "-I", "-W", "ignore", "-m", "compileall", "-qq", "-j", "0", "-x", UNUSED]
    command += [str(folder / name) for name in COMPILED]
    # Without bytecode all works as well, only slower, so a failure does not count.
    change("Compiling what a prediction imports", command, lock, own_variables())


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
    if missing_locks(environment, wanted) == ():
        return
    with locked(environment) as lock:
        # Whoever held the lock may have done it all.
        todo = missing_locks(environment, wanted)
        if todo == ():
            return
        if todo is None:
            print(f"Making the environment {environment}", flush=True)
            clear(environment)
            venv.create(environment, symlinks=True, with_pip=False)
            installed: tuple[str, ...] = ()
            todo = wanted
        else:
            installed = tuple(name for name in LOCKS["test"] if name not in todo)
            (environment / STAMP).unlink()
        pip = pip_command(environment, lock)
        for name in todo:
            install(pip, name, environment, lock)
        check_packages(environment, (*installed, *todo))
        if "runtime" in todo:
            compile_packages(environment, lock)
        write_stamp(environment, (*installed, *todo))
    print(f"The environment is ready. To use it: . {shlex.quote(str(environment / 'bin' / 'activate'))}\n", flush=True)


def run(command: list[str]) -> int:
    """Print a command as one would type it in this folder, run it there and return its exit status."""
    print("$ " + shlex.join(os.path.relpath(part, ROOT) if part.startswith("/") else part for part in command))
    sys.stdout.flush()
    return subprocess.run(command, cwd=ROOT, env=own_variables()).returncode


def table(rows: list[list[str]]) -> str:
    """Rows as text with aligned columns; the first row is the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def show(predictions: Path) -> None:
    """Print the first predictions of a table that ``kipoi predict`` wrote."""
    with open(predictions, newline="", encoding="utf-8") as file:
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
    """Run ``kipoi predict`` on the shipped example and show the result; returns the exit status.

    Raises
    ------
    SetupError
        If this folder cannot be written to.
    """
    results = (ROOT / PREDICTIONS).parent
    try:
        results.mkdir(exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"cannot make {results}: {error.strerror}. Use a copy of {ROOT} that you may write to"
        ) from error
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
    # A link in the path stays, as Python itself keeps it, but venv refuses one in place of the folder.
    environment = Path(os.path.abspath(options.environment))
    if environment.is_symlink():
        environment = environment.resolve()
    try:
        check_machine()
        set_up(environment, LOCKS[options.command])
        return predict(environment) if options.command == "predict" else test(environment, rest)
    except (SetupError, OSError) as error:
        print(f"start.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as reason:
        print("\nstart.py: interrupted; a set-up that is not complete starts again with the next call", file=sys.stderr)
        return 128 + (reason.args[0] if reason.args else signal.SIGINT)


def interrupt(number: int, _: object) -> None:
    """Let a signal end this script as Ctrl-C does: its pip ends, too."""
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    for ending in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:  # Windows has no SIGHUP
        if signal.getsignal(ending) is signal.SIG_DFL:
            signal.signal(ending, interrupt)
    # Ids may have letters that the terminal's encoding does not.
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
