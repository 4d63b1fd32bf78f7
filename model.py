"""The Kipoi model: constructs or inserts in, expression out. A thin layer over the package `yeastpromoter`."""

import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kipoi.model import BaseModel, GradientMixin, LayerActivationMixin

if TYPE_CHECKING:
    import keras

# The package lies beside this file, where Kipoi does not look, and another copy of it may be loaded.
_PACKAGE = Path(__file__).resolve().parent / "yeastpromoter"
with runpy.run_path(str(_PACKAGE / "kipoi_layer" / "own_package.py"))["own_package"](__file__):
    from yeastpromoter.kipoi_layer.messages import message_only
    from yeastpromoter.kipoi_layer.outputs import expression_outputs
    from yeastpromoter.model.activations import find_layer, network_to
    from yeastpromoter.model.decoding import BUCKET_VALUES
    from yeastpromoter.model.entry import ExpectInFolder, build_trained_network
    from yeastpromoter.model.gradients import FilterIndex, expression_cotangent, input_gradient, selection_cotangent
    from yeastpromoter.model.prediction import run_network
    from yeastpromoter.sequence.model_input import as_constructs, construct_letters, of_input

BUCKET_SCORES = "bucket_scores"


class YeastPromoterExpression(ExpectInFolder, BaseModel, GradientMixin, LayerActivationMixin):
    """Expression of yeast promoters, predicted from their one-hot sequence.

    Parameters
    ----------
    weights : str
        Weights file, relative to the working directory, which is the entry's folder while Kipoi constructs the
        model.
    weights_sha256 : str
        SHA-256 of the weights file.
    weights_version : str
        Version of the weights.
    first_activation : {"relu", "softmax"}, optional
        Activation of the first convolution; it has to be the one that the weights were trained with.
    decoding : {"weighted_mean", "argmax"}, optional
        How bucket scores become expression (see `yeastpromoter.model.decoding.decode`).
    bucket_values : sequence of float, optional
        Expression that each of the buckets stands for.
    engine : {"lookup", "keras"}, optional
        What computes predictions: look-up in NumPy, or the Keras network, on a GPU where its backend has one. They
        differ by rounding alone. Outputs of layers and gradients come from the Keras network either way.
    calibration, calibration_sha256 : str, optional
        Calibration of the weights, relative to the working directory, and its SHA-256.
    interval : int, optional
        Level of the prediction intervals, in percent; without it none are predicted.
    check_adapters : bool, optional
        Whether constructs without their adapters are refused (see `yeastpromoter.sequence.adapters`). The dataloader
        has an argument of its own for what it reads.
    reporter : mapping, optional
        Adapters, insert length and flanks of the reporter (`yeastpromoter.sequence.reporter.Reporter`), by default
        those of the public measurements.

    Attributes
    ----------
    check_adapters : bool
        As above; it may be changed.
    interval : int or None
        As above; it may be changed.
    weights_version : str
        Version of the weights.

    Raises
    ------
    FileNotFoundError
        If there is no weights file.
    ValueError
        If the weights file is not the one that `weights_sha256` describes, or if another argument is not one of
        those above.
    """

    def __init__(
        self,
        weights: str,
        weights_sha256: str,
        weights_version: str,
        first_activation: str = "relu",
        decoding: str = "weighted_mean",
        bucket_values: Sequence[float] = BUCKET_VALUES,
        engine: str = "lookup",
        calibration: str | None = None,
        calibration_sha256: str = "",
        interval: int | None = None,
        check_adapters: bool = True,
        reporter: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.check_adapters = check_adapters
        self.interval = interval
        with message_only():
            self._trained = build_trained_network(
                weights,
                weights_sha256,
                weights_version,
                first_activation,
                decoding,
                bucket_values,
                engine,
                calibration=calibration,
                calibration_sha256=calibration_sha256,
                reporter=reporter,
            )
            if interval is not None:
                self._trained.need_calibration(interval)
        self.weights_version = self._trained.weights_version
        self.decoding = self._trained.decoding
        self.bucket_values = self._trained.bucket_values
        self._networks_to = {}

    @property
    def network(self) -> "keras.Model":
        """The Keras network, from constructs, (N, L, 4), to bucket scores, (N, B), made when first asked for."""
        with message_only():
            return self._trained.network

    def _letters(self, x: np.ndarray) -> np.ndarray:
        return construct_letters(x, self.check_adapters, self._trained.reporter)

    @message_only()
    def predict_on_batch(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Predict expression.

        Parameters
        ----------
        x : numpy.ndarray
            One-hot constructs (N, L, 4), or inserts, to which the adapters are added; of the public reporter
            (N, 110, 4) and (N, 80, 4). Columns in the order A, C, G, T; N is 0.25 each. Any floating, integer or
            boolean dtype.

        Returns
        -------
        dict of numpy.ndarray
            ``expression``, `float32` (N,), mean sorting bucket, NaN where the decoding is undefined. With an
            `interval` also its ends, ``lower`` and ``upper``, `float32` (N,), and ``flagged``, `uint8` (N,), 1 where
            the sequence or its prediction is unlike the training data.

        Raises
        ------
        ValueError
            If `x` is none of that.
        """
        return expression_outputs(self._trained, self._letters(x), self.interval)

    def predict_bucket_scores(self, x: np.ndarray) -> np.ndarray:
        """Predict the bucket scores that are decoded into expression.

        Parameters
        ----------
        x : numpy.ndarray
            As in `predict_on_batch`.

        Returns
        -------
        numpy.ndarray
            Raw outputs of the network, `float32` (N, B).

        Raises
        ------
        ValueError
            If `x` is not as in `predict_on_batch`.
        """
        return self._trained.bucket_scores(self._letters(x))

    @message_only()
    def predict_activation_on_batch(
        self, x: np.ndarray, layer: str | int, pre_nonlinearity: bool = False
    ) -> np.ndarray | dict[str, np.ndarray]:
        """Predict the output of a layer.

        Parameters
        ----------
        x : numpy.ndarray
            As in `predict_on_batch`.
        layer : str or int
            Name of the layer (``conv_1``, ..., ``bucket_scores``), or its index, where 0 is the input.
        pre_nonlinearity : bool, optional
            Whether to return the output from before the layer's activation function, where it has one.

        Returns
        -------
        numpy.ndarray or dict of numpy.ndarray
            Output of the layer, `float32` (N, ...). For ``bucket_scores`` a dictionary with the keys ``00`` to
            ``17`` for 18 buckets, each (N,), so that the columns Kipoi writes sort by bucket.

        Raises
        ------
        ValueError
            If `x` is not as in `predict_on_batch`, or if there is no such layer.
        """
        if layer == BUCKET_SCORES or find_layer(self.network, layer).name == BUCKET_SCORES:
            # Linear, so the same with `pre_nonlinearity`; by its name it needs no Keras.
            scores = self.predict_bucket_scores(x)
            return {f"{bucket:02d}": column for bucket, column in enumerate(scores.T)}
        constructs = as_constructs(x, check_adapters=self.check_adapters, reporter=self._trained.reporter)
        return run_network(self._network_to(layer, pre_nonlinearity), constructs)

    def input_grad(
        self,
        x: np.ndarray,
        filter_idx: FilterIndex = None,
        avg_func: str | None = None,
        layer: str | int | None = None,
        final_layer: bool = True,
        selected_fwd_node: None = None,
        pre_nonlinearity: bool = False,
    ) -> np.ndarray:
        """Gradient of the expression, or of outputs of a layer, with respect to the input.

        Parameters
        ----------
        x : numpy.ndarray
            As in `predict_on_batch`, but with any finite numbers.
        filter_idx : int, slice, list or tuple, optional
            Which outputs of `layer`: an index of its last axis (for ``bucket_scores``, the bucket), or a tuple of
            indices of all its axes after the first. Default: all.
        avg_func : {"sum", "max", "min", "absmax"}, optional
            How these outputs of one record become the one number whose gradient is taken. Default: their sum. It
            does nothing without `layer`.
        layer : str or int, optional
            Name of the layer or its index. Default: the expression.
        final_layer : bool, optional
            Whether the expression is meant where no `layer` is given. A `layer` that is given counts either way.
        selected_fwd_node : None, optional
            Part of Kipoi's interface for layers that are used more than once, which this network has none of.
        pre_nonlinearity : bool, optional
            Whether to take the outputs of `layer` from before its activation function.

        Returns
        -------
        numpy.ndarray
            `float32`, the shape of `x`. NaN in records whose expression is undefined.

        Raises
        ------
        ValueError
            If an argument is none of that, or for the gradient of an expression that is decoded by argmax, which
            is a step function.
        """
        if selected_fwd_node is not None:
            raise ValueError(f"selected_fwd_node must be None but is {selected_fwd_node!r}: no layer is used twice")
        reporter = self._trained.reporter
        constructs = as_constructs(x, only_one_hot=False, reporter=reporter)
        if layer is None:
            self._check_expression_gradient(filter_idx, final_layer)
            network = self.network

            def cotangent(scores):
                return expression_cotangent(scores, self.bucket_values)
        else:
            network = self._network_to(layer, pre_nonlinearity)

            def cotangent(outputs):
                return selection_cotangent(outputs, filter_idx, avg_func)

        _repair_kipoi_interpret()
        return of_input(input_gradient(network, constructs, cotangent), np.shape(x)[1], reporter)

    def _check_expression_gradient(self, filter_idx, final_layer):
        if not final_layer:
            raise ValueError("layer must be given when final_layer is false")
        if filter_idx is not None and (np.ndim(filter_idx) or filter_idx != 0):
            raise ValueError(
                f"filter_idx must be None for the expression, which is one number, but is {filter_idx!r}; the scores "
                f"of the buckets are there with layer={BUCKET_SCORES!r}"
            )
        if self.decoding == "argmax":
            raise ValueError(
                "an expression decoded by argmax has no gradient: it is a step function. Take that of bucket scores "
                f"(layer={BUCKET_SCORES!r}) or decode by weighted_mean"
            )

    def _network_to(self, layer, pre_nonlinearity):
        key = find_layer(self.network, layer).name, bool(pre_nonlinearity)
        if key not in self._networks_to:
            self._networks_to[key] = network_to(self.network, *key)
        return self._networks_to[key]


def _repair_kipoi_interpret() -> None:
    """Let kipoi-interpret's GradientXInput run: it multiplies the gradient by means of a name gone since Python 3.10.

    Its last release, 0.1.2, looks for ``collections.Mapping``, which is ``collections.abc.Mapping`` now. Only its
    own reference to the module is replaced, and only if it is in use.
    """
    utils = sys.modules.get("kipoi_interpret.utils")
    if utils is not None:
        import collections.abc

        utils.collections = collections.abc
