"""The backend of Keras that a configuration names, chosen before Keras is imported."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

_VARIABLE = "KERAS_BACKEND"


def use_backend(backend: str | None) -> None:
    """Have Keras compute with a backend.

    Parameters
    ----------
    backend : {"tensorflow", "jax", "torch"} or None
        ``backend`` of a configuration; None to leave the choice to Keras.

    Raises
    ------
    ValueError
        If the backend is not installed, or another one is chosen already: by the environment variable
        ``KERAS_BACKEND``, or as Keras has been imported.
    """
    if backend is None:
        return
    chosen = os.environ.get(_VARIABLE)
    if chosen and chosen != backend:
        raise ValueError(
            f"backend of the configuration is {backend}, but the environment variable {_VARIABLE} is {chosen}: unset "
            "it, or let both say the same"
        )
    if find_spec(backend) is None:
        raise ValueError(
            f"backend of the configuration is {backend}, but the package {backend} is not installed in this "
            f"environment, {sys.prefix}: training/README.md says how to make one that has it"
        )
    if "keras" in sys.modules and (found := sys.modules["keras"].config.backend()) != backend:
        raise ValueError(f"backend of the configuration is {backend}, but Keras has been imported with {found} already")
    os.environ[_VARIABLE] = backend
