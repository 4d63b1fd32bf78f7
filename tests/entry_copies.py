"""Copies of the entry, and programs run beside them."""

import os
import shutil
import stat
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ENTRY_FILES = ("model.yaml", "model.py", "dataloader.yaml", "dataloader.py")
ENTRY_FOLDERS = ("model_files", "variant_effects", "yeastpromoter", "requirements")

Result = namedtuple("Result", "status stdout stderr")


def run(*command, cwd, home):
    """Run a program of this environment and return its status and what it said."""
    environment = {**os.environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    for name in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "KERAS_BACKEND", "PYTHONPATH"):
        environment.pop(name, None)  # the entry has to be quiet and right without help from outside
    done = subprocess.run(
        [str(BIN / command[0]), *map(str, command[1:])], cwd=cwd, env=environment, capture_output=True, text=True
    )
    return Result(done.returncode, done.stdout, done.stderr)


def copy_entry(folder):
    """Copy what makes the entry, and nothing else of the repository."""
    folder.mkdir(parents=True)
    for name in ENTRY_FILES:
        shutil.copy(ROOT / name, folder)
    for name in ENTRY_FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def state(folder):
    """Every path below a folder with its time of change."""
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*")}


def set_writable(folder, writable):
    """Allow or forbid writing to a folder and all below it."""
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IWUSR if writable else mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
