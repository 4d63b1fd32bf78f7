"""What the models of this entry are made of, without Kipoi: the trained network, as a model.yaml describes it."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from yeastpromoter.extras import require
from yeastpromoter.model.decoding import BUCKET_VALUES, METHODS, check_bucket_values, decode
from yeastpromoter.model.network import build_network
from yeastpromoter.model.prediction import compile_network
from yeastpromoter.model.startup import quiet_startup
from yeastpromoter.model.weights import load_weights

if TYPE_CHECKING:
    import keras

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "shipped"

#: The folder with model.yaml and what it names: inside an installed package, and around the package in a checkout.
ENTRY_FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


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


def build_trained_network(
    weights: str | Path,
    weights_sha256: str,
    weights_version: str,
    first_activation: str = "relu",
    decoding: str = "weighted_mean",
    bucket_values: Sequence[float] = BUCKET_VALUES,
    dtype: str = "float32",
) -> TrainedNetwork:
    """Build the network that the arguments of a model.yaml describe, and load its weights.

    Parameters
    ----------
    weights : str or Path
        Weights file, relative to the working directory.
    weights_sha256 : str
        SHA-256 of the weights file.
    weights_version : str
        Version of the weights.
    first_activation : {"relu", "softmax"}, optional
        Activation of the first convolution; it has to be the one that the weights were trained with.
    decoding : {"weighted_mean", "argmax"}, optional
        How bucket scores become expression (see `yeastpromoter.model.decoding.decode`).
    bucket_values : sequence of float, optional
        Expression that each of the 18 buckets stands for, finite, none less than the one before.
    dtype : {"float32", "float64"}, optional
        Arithmetic of the network.

    Returns
    -------
    TrainedNetwork
        The network, on Keras's backend: that of ``KERAS_BACKEND``, or else TensorFlow, or JAX if only that is
        installed.

    Raises
    ------
    yeastpromoter.extras.MissingExtraError
        If Keras is not installed.
    FileNotFoundError
        If there is no weights file.
    ValueError
        If the weights file is not the one that `weights_sha256` describes, or if another argument is not one of
        those above.
    """
    if decoding not in METHODS:
        raise ValueError(f"decoding must be one of {', '.join(METHODS)} but is {decoding!r}")
    values = tuple(check_bucket_values(bucket_values).tolist())
    require("tensorflow")
    only_jax = find_spec("jax") is not None and find_spec("tensorflow") is None
    os.environ.setdefault("KERAS_BACKEND", "jax" if only_jax else "tensorflow")
    with quiet_startup():
        network = build_network(first_activation, dtype=dtype)
        load_weights(network, weights, weights_sha256)
    return TrainedNetwork(network, decoding, values, weights_version)


def load_trained_network(entry: str | Path = ENTRY_FOLDER, dtype: str = "float32") -> TrainedNetwork:
    """Load the network that an entry ships.

    Parameters
    ----------
    entry : str or Path, optional
        Folder of the entry; by default the one that this package belongs to, or the copy in an installed package.
    dtype : {"float32", "float64"}, optional
        Arithmetic of the network.

    Returns
    -------
    TrainedNetwork
        The network, on Keras's backend: that of ``KERAS_BACKEND``, or else TensorFlow, or JAX if only that is
        installed.

    Raises
    ------
    yeastpromoter.extras.MissingExtraError
        If Keras is not installed.
    FileNotFoundError
        If the folder has no model.yaml, or there is no weights file.
    ValueError
        If the weights file is not the one that model.yaml describes.
    """
    path = Path(entry) / "model.yaml"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: {entry} is not the folder of this Kipoi entry. If only the folder `yeastpromoter` "
            "was copied, install the package with `pip install .` in the entry's folder"
        )
    arguments = yaml.safe_load(path.read_text(encoding="utf-8"))["args"]
    arguments.pop("check_adapters", None)  # of what the Kipoi model is given, not of the network
    return build_trained_network(**arguments | {"weights": Path(entry) / arguments["weights"]}, dtype=dtype)


class ExpectInFolder:
    """What `kipoi test` compares with, for the class of a model: a path in its model.yaml starts from there.

    Kipoi itself would look for the file from where the command is run. The class has to be constructed as Kipoi does
    it, with the folder of its model.yaml as the working directory.
    """

    def __init__(self) -> None:
        self._folder = Path.cwd()

    @property
    def test(self) -> Any:
        """The `test` part of model.yaml, the path of its `expect` made absolute."""
        return self._test

    @test.setter
    def test(self, test: Any) -> None:
        self._test = copy.copy(test)
        if isinstance(test.expect, str):
            self._test.expect = str(self._folder / test.expect)
