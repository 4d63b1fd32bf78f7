"""Start-up: TensorFlow's routine lines are kept off standard error, everything else gets through.

TensorFlow 2.21 writes some lines before any setting of its own is read, straight to file descriptor 2, so
neither ``TF_CPP_MIN_LOG_LEVEL`` nor Python's logging keeps them away. They are filtered out by a small process
of its own rather than in memory, so that the last words of a TensorFlow that aborts still arrive.
"""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: What TensorFlow says on every start, and what it says where there is no NVIDIA driver at all (CUDA's error
#: 303; the other errors of cuInit mean a driver that is there but broken, and are shown).
NOISE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    rb"|I\d{4} \d\d:\d\d:\S+ +\d+ \S+:\d+\] "
    rb"|To enable the following instructions: .* rebuild TensorFlow with the appropriate compiler flags"
    rb"|E\d{4} \d\d:\d\d:\S+ +\d+ \S+:\d+\] failed call to cuInit: .*\(303\)"
)

#: The backends of Keras, each with the package that it needs.
BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch", "openvino": "openvino", "numpy": "numpy"}

#: How long to wait for the filter to pass on its last lines: only a child process that was started meanwhile
#: and still holds the pipe can keep it.
PATIENCE_SECONDS = 2.0


@contextmanager
def quiet_startup() -> Iterator[None]:
    """Keep TensorFlow's routine lines off standard error while TensorFlow starts.

    Within the context, the lines that `NOISE` knows are dropped from file descriptor 2 and all others are
    passed on as they come. TensorFlow's later information lines are turned off by ``TF_CPP_MIN_LOG_LEVEL=1``,
    unless that variable is set already; warnings and errors stay. Where a filter cannot be set up (no standard
    error, no process to be had), nothing is filtered.

    Raises
    ------
    ValueError
        If the environment variable ``KERAS_BACKEND`` names a backend that Keras does not know or that is not installed.
    """
    _check_backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    process = _start_filter()
    if process is None:
        yield
        return
    _flush()
    original = os.dup(2)
    os.dup2(process.stdin.fileno(), 2)
    try:
        yield
    finally:
        _flush()
        os.dup2(original, 2)
        os.close(original)
        process.stdin.close()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _check_backend() -> None:
    backend = os.environ.get("KERAS_BACKEND")
    if not backend or "keras" in sys.modules:
        return
    installed = [name for name, package in BACKENDS.items() if importlib.util.find_spec(package) is not None]
    if backend not in installed:
        why = "is not installed" if backend in BACKENDS else "is not one of Keras"
        raise ValueError(
            f"the environment variable KERAS_BACKEND names the backend {backend!r}, which {why}: set it to one that is "
            f"({', '.join(installed)}), or unset it"
        )


def _start_filter() -> subprocess.Popen | None:
    try:
        os.fstat(2)
        # -I and -S: the filter needs neither the user's settings nor the installed packages, and starts faster.
        return subprocess.Popen([sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE)
    except OSError:
        return None


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()


def _filter() -> None:
    """Copy standard input to standard error without the lines that are noise."""
    for line in sys.stdin.buffer:
        if not NOISE.match(line):
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()


if __name__ == "__main__":
    _filter()
