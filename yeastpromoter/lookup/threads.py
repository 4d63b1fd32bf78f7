"""Threads that compute beside each other, each with arrays of its own, while BLAS computes on one thread in each."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import ThreadpoolController

#: Environment variable with the number of threads.
THREADS = "YEASTPROMOTER_THREADS"


def thread_count(threads: int | None = None) -> int:
    """Count the threads to compute with.

    Parameters
    ----------
    threads : int, optional
        What the user wants. Default: the environment variable ``YEASTPROMOTER_THREADS``, or else one for each core that
        this process may use, where the system says that.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If the argument or the variable is not a number of threads.
    """
    if threads is not None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1 but is {threads}")
        return threads
    text = os.environ.get(THREADS)
    if text:
        if not (text.isascii() and text.isdecimal() and int(text)):
            raise ValueError(f"the environment variable {THREADS} must be a number of threads but is {text!r}")
        return int(text)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Buffers:
    """Arrays of one thread, used again for each block: fresh memory costs as much time as some of the steps.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the arrays.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self._dtype = dtype
        self._flat = {}

    def __call__(self, name: str, *shape: int) -> np.ndarray:
        """Return the array of a name, with any content, in a shape."""
        size = math.prod(shape)
        if name not in self._flat or self._flat[name].size < size:
            self._flat[name] = np.empty(size, dtype=self._dtype)
        return self._flat[name][:size].reshape(shape)


class Threads:
    """Some threads.

    Parameters
    ----------
    count : int
        How many.
    dtype : numpy.dtype
        Of the arrays that they compute with.
    """

    def __init__(self, count: int, dtype: np.dtype) -> None:
        self.count, self._dtype = count, dtype
        self._idle: list[Buffers] = []

    def map(self, function: Callable, arguments: Sequence) -> list:
        """Call a function on each argument."""
        if self.count == 1 or len(arguments) <= 1:
            return [function(argument) for argument in arguments]
        with ThreadPoolExecutor(self.count) as pool:
            return list(pool.map(function, arguments))

    def share(self, work: Callable[[object, Buffers], None], pieces: Sequence) -> None:
        """Call ``work(piece, buffers)`` for each piece, in each thread with buffers of its own."""
        remaining = iter(pieces)

        def work_on(pieces: Iterator) -> None:
            try:
                buffers = self._idle.pop()
            except IndexError:
                buffers = Buffers(self._dtype)
            for piece in pieces:
                work(piece, buffers)
            self._idle.append(buffers)

        # The threads take the pieces from one iterator: whoever is ready takes the next one.
        self.map(work_on, [remaining] * min(self.count, len(pieces)))


class _OneBlasThread:
    """A context in which BLAS computes on one thread, as every thread of ours has matrices of its own.

    That is a setting of the whole process. Where contexts overlap, in several threads, the first one makes it and the
    last one restores what was before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._controller: ThreadpoolController | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._controller is None:  # once: to look for the libraries takes milliseconds
                self._controller = ThreadpoolController()
            if not self._inside:
                self._limits = self._controller.limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limits.restore_original_limits()


#: The one such context of this process.
ONE_BLAS_THREAD = _OneBlasThread()
