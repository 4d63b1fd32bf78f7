"""Checkpoints: everything that a run needs to go on after an epoch, in one HDF5 file.

Groups ``weights``, ``seeds`` (of the dropout) and ``optimizer`` hold the state of the compiled network, ``best`` the
weights that are kept so far, ``mean`` the average of the last epochs' weights; the attribute ``progress`` is JSON.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from yeastpromoter.io.whole_files import whole_hdf5


def _state(network: keras.Model) -> dict[str, list]:
    """Every variable that a run's future depends on: weights, optimiser, dropout seeds."""
    weights = {id(v) for v in network.weights}
    generators = [v for layer in network.layers for v in layer.variables if id(v) not in weights]
    optimizer = [] if network.optimizer is None else list(network.optimizer.variables)
    return {"weights": list(network.weights), "seeds": generators, "optimizer": optimizer}


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep a run's folder to one training: two that write to it would spoil each other's checkpoints.

    Parameters
    ----------
    folder : Path
        Folder of the run. The lock on its file ``lock`` ends with the process, however that ends; the file stays.

    Raises
    ------
    ValueError
        If another training has the folder.
    """
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"another training is under way in {folder}: wait until it has ended, or stop it"
            ) from None
        except OSError:
            pass  # some network file systems have no locks
        yield


def save_checkpoint(
    path: Path, network: keras.Model, progress: Mapping[str, Any], best: list[np.ndarray], mean: list[np.ndarray]
) -> None:
    """Write everything needed to go on after an epoch; the file appears only once it is whole.

    Parameters
    ----------
    path : Path
        The file.
    network : keras.Model
        The network, compiled, with its optimiser built.
    progress : mapping
        How far the run has come; values that JSON can hold.
    best, mean : list of numpy.ndarray
        Weights that are kept so far, and the average of the last epochs' (empty without averaging).
    """
    state = {name: [variable.numpy() for variable in variables] for name, variables in _state(network).items()}
    with whole_hdf5(path) as file:
        for name, values in (state | {"best": best, "mean": mean}).items():
            group = file.create_group(name)
            for index, value in enumerate(values):
                group.create_dataset(f"{index:03d}", data=value)
        file.attrs["progress"] = json.dumps(progress)


def load_checkpoint(path: Path, network: keras.Model) -> None:
    """Put a checkpoint's state into a network that is compiled, with its optimiser built.

    Raises
    ------
    ValueError
        If the checkpoint is of a network or an optimiser with another number of variables.
    """
    with h5py.File(path, "r") as file:
        for name, variables in _state(network).items():
            stored = file[name]
            if len(stored) != len(variables):
                raise ValueError(
                    f"{path} holds {len(stored)} {name} variables but the network has {len(variables)}: the checkpoint "
                    "is of another configuration; remove it to start again"
                )
            for index, variable in enumerate(variables):
                variable.assign(stored[f"{index:03d}"][()])


def read_weights(path: Path, kind: str) -> list[np.ndarray]:
    """Read the ``best`` weights so far, or the ``mean`` of the last epochs, from a checkpoint."""
    with h5py.File(path, "r") as file:
        return [file[kind][name][()] for name in sorted(file[kind])] if kind in file else []


def read_progress(path: Path) -> dict[str, Any]:
    """Read how far a checkpoint's run has come.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            return json.loads(file.attrs["progress"])
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error})") from error
