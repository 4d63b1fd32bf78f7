"""What the models of this entry are made of, without Kipoi: the trained network, as a model.yaml describes it."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.extras import require
from yeastpromoter.lookup.network import LookupNetwork, read_layers
from yeastpromoter.model.decoding import BUCKET_VALUES, METHODS, check_bucket_values, decode
from yeastpromoter.model.network import build_network
from yeastpromoter.model.prediction import CompiledNetwork
from yeastpromoter.model.shipped import ENTRY_FOLDER, shipped_arguments
from yeastpromoter.model.startup import quiet_startup
from yeastpromoter.model.weights import load_weights, verify_weights
from yeastpromoter.sequence.reporter import PTPA, Reporter
from yeastpromoter.uncertainty.calibration import Bounds, Calibration, read_calibration
from yeastpromoter.uncertainty.signals import Signals, signals_of

if TYPE_CHECKING:
    import keras

#: What computes predictions: look-up in NumPy, or the Keras network, on a GPU where its backend has one.
ENGINES = ("lookup", "keras")


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with its weights, and how its scores become expression.

    Parameters
    ----------
    engine : LookupNetwork or CompiledNetwork
        What computes bucket scores from letters.
    make_network : callable
        Makes the Keras network, for what the engine does not compute: gradients and outputs of layers.
    decoding : {"weighted_mean", "argmax"}
        How scores are decoded.
    bucket_values : tuple of float
        Expression that each bucket stands for.
    weights_version : str
        Version of the weights.
    calibration : Calibration, optional
        How sure its predictions are.
    reporter : Reporter, optional
        The reporter of the constructs that it reads.
    """

    engine: LookupNetwork | CompiledNetwork
    make_network: Callable[[], keras.Model]
    decoding: str
    bucket_values: tuple[float, ...]
    weights_version: str
    calibration: Calibration | None = None
    reporter: Reporter = PTPA

    @cached_property
    def network(self) -> keras.Model:
        """The Keras network, from one-hot constructs, (N, L, 4), to bucket scores, made when first asked for.

        Its backend is that of ``KERAS_BACKEND``, or else TensorFlow, or JAX if only that is installed. A
        `yeastpromoter.extras.MissingExtraError` is raised if Keras is not installed.
        """
        return self.make_network()

    def bucket_scores(self, letters: np.ndarray) -> np.ndarray:
        """Predict the bucket scores of constructs.

        Parameters
        ----------
        letters : numpy.ndarray
            ASCII letters of the constructs, A, C, G, T and N in either case, `uint8` (N, L).

        Returns
        -------
        numpy.ndarray
            (N, B), in the dtype of the arithmetic.

        Raises
        ------
        ValueError
            If `letters` has another dtype or shape, or holds another letter.
        """
        return self.engine.bucket_scores(letters)

    def related_scores(self, letters: np.ndarray) -> np.ndarray:
        """Predict the bucket scores of constructs that have pieces in common, such as windows around one variant.

        As `bucket_scores`; the look-up computes each piece once.
        """
        return self.engine.related_scores(letters)

    def substitution_scores(
        self, letters: np.ndarray, positions: range, bases: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predict the bucket scores of constructs, and of each of them with one base replaced.

        See `yeastpromoter.lookup.network.LookupNetwork.substitution_scores`.
        """
        return self.engine.substitution_scores(letters, positions, bases)

    def tile_scores(self, sequence: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Predict the bucket scores of tiles of a longer sequence, as inserts.

        Parameters
        ----------
        sequence : numpy.ndarray
            ASCII letters, A, C, G, T and N in either case, `uint8` (S,).
        starts : numpy.ndarray
            Where the tiles start, from 0, `int64` (T,). The look-up shares work between tiles that overlap and are an
            even number of bases apart.

        Returns
        -------
        numpy.ndarray
            (T, B), in the dtype of the arithmetic.

        Raises
        ------
        ValueError
            As from `bucket_scores`.
        """
        return self.engine.tile_scores(self.reporter.left_adapter, sequence, self.reporter.right_adapter, starts)

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Decode bucket scores, (N, B), into expression, `float64` (N,), NaN where that is undefined."""
        return decode(scores, self.bucket_values, self.decoding)

    def expression(self, letters: np.ndarray) -> np.ndarray:
        """Predict the expression of constructs.

        Parameters
        ----------
        letters : numpy.ndarray
            As in `bucket_scores`.

        Returns
        -------
        numpy.ndarray
            `float64` (N,), on the scale of `bucket_values`; NaN where the decoding is undefined.

        Raises
        ------
        ValueError
            As from `bucket_scores`.
        """
        return self.decode(self.bucket_scores(letters))

    def signals(self, letters: np.ndarray) -> Signals:
        """Predict constructs, and say what is looked at for how sure the predictions are.

        Parameters
        ----------
        letters : numpy.ndarray
            As in `bucket_scores`.

        Returns
        -------
        Signals
            Of each construct, its expression among them.

        Raises
        ------
        ValueError
            As from `bucket_scores`.
        """
        scores = self.bucket_scores(letters)
        return signals_of(letters, scores, self.decode(scores), self.reporter)

    def bounds(self, letters: np.ndarray, scores: np.ndarray, expression: np.ndarray, level: int) -> Bounds:
        """State prediction intervals and flags.

        Parameters
        ----------
        letters, scores, expression : numpy.ndarray
            Constructs as in `bucket_scores`, their bucket scores, (N, B), and their expression, (N,).
        level : int
            Percentage of measurements that the interval is to hold.

        Returns
        -------
        Bounds
            Of each construct.

        Raises
        ------
        ValueError
            If there is no calibration for these weights and their decoding, or it has no such level.
        """
        calibration = self.need_calibration(level)
        return calibration.bounds(signals_of(letters, scores, expression, self.reporter), level)

    def need_calibration(self, level: int, effects: bool = False) -> Calibration:
        """Return the calibration, before any work for intervals of a level.

        Parameters
        ----------
        level : int
            Percentage of measurements that an interval is to hold.
        effects : bool, optional
            Whether intervals of effects are wanted.

        Raises
        ------
        ValueError
            If there is none for these weights and their decoding, or it has no such level or no errors of effects.
        """
        if self.calibration is None:
            raise ValueError(
                "there are no prediction intervals for these weights: they were exported without a calibration"
            )
        if (self.decoding, self.bucket_values) != (self.calibration.decoding, self.calibration.bucket_values):
            raise ValueError(
                f"there are no prediction intervals for this decoding ({self.decoding}, bucket_values "
                f"{list(self.bucket_values)}): the calibration is for {self.calibration.decoding} and bucket_values "
                f"{list(self.calibration.bucket_values)}. Kipoi's models give none with interval: null in model.yaml"
            )
        self.calibration.check(level, effects)
        return self.calibration


def build_trained_network(
    weights: str | Path,
    weights_sha256: str,
    weights_version: str,
    first_activation: str = "relu",
    decoding: str = "weighted_mean",
    bucket_values: Sequence[float] = BUCKET_VALUES,
    engine: str = "lookup",
    dtype: str = "float32",
    threads: int | None = None,
    calibration: str | Path | None = None,
    calibration_sha256: str = "",
    reporter: Mapping[str, Any] | None = None,
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
        Expression that each of the buckets stands for, finite, none less than the one before.
    engine : {"lookup", "keras"}, optional
        What computes predictions: look-up in NumPy, or the Keras network, on a GPU where its backend has one. They
        differ by rounding alone.
    dtype : {"float32", "float64"}, optional
        Arithmetic.
    threads : int, optional
        Threads that the look-up computes with. Default: the environment variable ``YEASTPROMOTER_THREADS``, or else one
        for each core that this process may use.
    calibration : str or Path, optional
        Calibration of the weights, for prediction intervals; without it there are none.
    calibration_sha256 : str, optional
        SHA-256 of that file.
    reporter : mapping, optional
        Description of the reporter (`yeastpromoter.sequence.reporter.Reporter`), by default that of the public
        measurements.

    Returns
    -------
    TrainedNetwork
        The network.

    Raises
    ------
    yeastpromoter.extras.MissingExtraError
        If `engine` is ``"keras"`` and Keras is not installed.
    FileNotFoundError
        If there is no weights file, or no calibration.
    ValueError
        If the weights file is not the one that `weights_sha256` describes, if the calibration is another one or for
        other weights, or if another argument is not one of those above.
    """
    if decoding not in METHODS:
        raise ValueError(f"decoding must be one of {', '.join(METHODS)} but is {decoding!r}")
    if engine not in ENGINES:
        raise ValueError(f"{argument('engine')} must be one of {', '.join(ENGINES)} but is {engine!r}")
    values = tuple(check_bucket_values(bucket_values).tolist())
    of_reporter = Reporter.of(reporter)
    verify_weights(weights, weights_sha256)
    calibrated = None
    if calibration is not None:
        calibrated = read_calibration(calibration, calibration_sha256)
        if calibrated.weights_sha256 != weights_sha256.lower():
            raise ValueError(
                f"calibration {calibration} is for weights with sha256 {calibrated.weights_sha256}, but those of "
                f"{weights} have {weights_sha256.lower()}"
            )
    size = {"length": of_reporter.construct_length, "buckets": len(values)}
    make_network = partial(_keras_network, Path(weights).absolute(), weights_sha256, first_activation, dtype, size)
    described = {"decoding": decoding, "bucket_values": values, "weights_version": weights_version}
    described |= {"calibration": calibrated, "reporter": of_reporter}
    if engine == "keras":
        network = make_network()
        return TrainedNetwork(CompiledNetwork(network), lambda: network, **described)
    look_up = LookupNetwork(read_layers(weights), first_activation, dtype, threads, of_reporter.construct_length)
    if look_up.n_scores != len(values):
        raise ValueError(
            f"bucket_values are {len(values)} numbers, but the network of {weights} has {look_up.n_scores} buckets: "
            f"give "
            "one number for each"
        )
    return TrainedNetwork(look_up, make_network, **described)


def load_trained_network(
    entry: str | Path = ENTRY_FOLDER, engine: str = "lookup", dtype: str = "float32", threads: int | None = None
) -> TrainedNetwork:
    """Load the network that an entry ships.

    Parameters
    ----------
    entry : str or Path, optional
        Folder of the entry; by default the one that this package belongs to, or the copy in an installed package.
    engine, dtype, threads
        As for `build_trained_network`.

    Returns
    -------
    TrainedNetwork
        The network.

    Raises
    ------
    FileNotFoundError
        If the folder has no model.yaml, or there is no weights file.
    yeastpromoter.extras.MissingExtraError, ValueError
        As from `build_trained_network`.
    """
    arguments = shipped_arguments(entry) | {"engine": engine}
    return build_trained_network(**arguments, dtype=dtype, threads=threads)


def _keras_network(
    weights: Path, weights_sha256: str, first_activation: str, dtype: str, size: Mapping[str, int]
) -> keras.Model:
    require("tensorflow")
    only_jax = find_spec("jax") is not None and find_spec("tensorflow") is None
    os.environ.setdefault("KERAS_BACKEND", "jax" if only_jax else "tensorflow")
    with quiet_startup():
        network = build_network(first_activation, dtype=dtype, **size)
        load_weights(network, weights, weights_sha256)
    return network


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
