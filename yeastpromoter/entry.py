"""The trained network of this entry, as model.yaml describes it, without Kipoi."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from yeastpromoter.decoding import decode
from yeastpromoter.network import build_network
from yeastpromoter.prediction import compile_network
from yeastpromoter.startup import quiet_startup
from yeastpromoter.weights import load_weights

if TYPE_CHECKING:
    import keras

#: The folder with model.yaml, where the package lies in it.
ENTRY_FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with its weights, and how its scores become expression.

    Parameters
    ----------
    network : keras.Model
        From constructs, (N, 110, 4), to bucket scores, (N, 18).
    decoding : {"weighted_mean", "argmax"}
        How scores are decoded.
    bucket_values : tuple of float
        Expression that each of the 18 buckets stands for.
    weights_version : str
        Version of the weights.
    """

    network: keras.Model
    decoding: str
    bucket_values: tuple[float, ...]
    weights_version: str

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Decode bucket scores, (N, 18), into expression, `float64` (N,), as the entry does."""
        return decode(scores, self.bucket_values, self.decoding)

    def compiled(self) -> Callable[[np.ndarray], np.ndarray]:
        """Compile the network: constructs, `float32` (N, 110, 4), to bucket scores, `float32` (N, 18)."""
        return compile_network(self.network)


def load_trained_network(entry: str | Path = ENTRY_FOLDER, dtype: str = "float32") -> TrainedNetwork:
    """Load the network that an entry ships.

    Parameters
    ----------
    entry : str or Path, optional
        Folder of the entry, the one that holds this package by default.
    dtype : {"float32", "float64"}, optional
        Arithmetic of the network.

    Returns
    -------
    TrainedNetwork
        The network, on Keras's backend: TensorFlow unless ``KERAS_BACKEND`` names another.

    Raises
    ------
    FileNotFoundError
        If the folder has no model.yaml, or there is no weights file.
    ValueError
        If the weights file is not the one that model.yaml describes.
    """
    path = Path(entry) / "model.yaml"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: {entry} is not the folder of this Kipoi entry. Was the package installed without "
            "the rest? Install it with `pip install --no-deps -e .` in the entry's folder"
        )
    arguments = yaml.safe_load(path.read_text())["args"]
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with quiet_startup():
        network = build_network(arguments["first_activation"], dtype=dtype)
        load_weights(network, Path(entry) / arguments["weights"], arguments["weights_sha256"])
    return TrainedNetwork(
        network,
        arguments["decoding"],
        tuple(float(value) for value in arguments["bucket_values"]),
        arguments["weights_version"],
    )
