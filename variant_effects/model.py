"""The Kipoi model of variant effects: pairs of constructs in, effects out. A thin layer over `yeastpromoter`."""

import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kipoi.model import BaseModel

# The package lies in the folder above, where Kipoi does not look, and another copy of it may be loaded.
_PACKAGE = Path(__file__).resolve().parent.parent / "yeastpromoter"
with runpy.run_path(str(_PACKAGE / "kipoi_layer" / "own_package.py"))["own_package"](__file__):
    from yeastpromoter.kipoi_layer.messages import message_only
    from yeastpromoter.kipoi_layer.outputs import effect_interval
    from yeastpromoter.model.decoding import BUCKET_VALUES
    from yeastpromoter.model.entry import ExpectInFolder, build_trained_network
    from yeastpromoter.sequence.model_input import construct_letters
    from yeastpromoter.variants.effects import variant_effects

INPUTS = ("ref", "alt")


class YeastVariantEffects(ExpectInFolder, BaseModel):
    """Effects of variants on the expression of yeast promoters; effect is always alt − ref.

    Parameters
    ----------
    weights, weights_sha256, weights_version, first_activation, decoding, bucket_values, engine
        As for `yeastpromoter.model.entry.build_trained_network`; the working directory, which `weights` starts from, is
        the folder of this file while Kipoi constructs the model.
    calibration, calibration_sha256 : str, optional
        Calibration of the weights, likewise, and its SHA-256.
    interval : int, optional
        Level of the prediction intervals of effects, in percent; without it none are predicted.
    check_adapters : bool, optional
        Whether constructs without their adapters are refused (see `yeastpromoter.sequence.adapters`).
    reporter : mapping, optional
        As for `yeastpromoter.model.entry.build_trained_network`.

    Attributes
    ----------
    check_adapters : bool
        As above; it may be changed.
    interval : int or None
        As above; None if there are no intervals of effects.
    weights_version : str
        Version of the weights.

    Raises
    ------
    FileNotFoundError
        If there is no weights file.
    ValueError
        If the weights file is not the one that `weights_sha256` describes, or another argument is wrong.
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
            # An export may have prediction intervals, but none of effects: these are then left out.
            self.interval = effect_interval(self._trained, interval)
        self.weights_version = self._trained.weights_version

    @message_only()
    def predict_on_batch(self, x: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict effects.

        Parameters
        ----------
        x : mapping of str to numpy.ndarray
            ``ref`` and ``alt``: one-hot constructs with either allele at O places of the variant in the insert,
            (N, O, L, 4), or inserts, to which the adapters are added; of the public reporter (N, O, 110, 4) and
            (N, O, 80, 4). Columns in the order A, C, G, T; N is 0.25 each. Any floating, integer or boolean dtype.

        Returns
        -------
        dict of numpy.ndarray
            ``effect`` (alt − ref), ``ref``, ``alt`` and ``spread``, and with an `interval` the ends of that of the
            effect, ``effect_lower`` and ``effect_upper``, `float32` (N,), in buckets; see
            `yeastpromoter.variants.effects.variant_effects`.

        Raises
        ------
        ValueError
            If `x` is none of that.
        """
        if not isinstance(x, Mapping) or set(x) != set(INPUTS):
            found = f"the keys {', '.join(map(str, x))}" if isinstance(x, Mapping) else type(x).__name__
            raise ValueError(
                f"model input must be a dictionary with the keys {' and '.join(INPUTS)} but is {found}; of a "
                "dataloader's batch the model takes batch['inputs']"
            )
        reporter = self._trained.reporter
        ref, alt = (np.asarray(x[name]) for name in INPUTS)
        for name, array in (("ref", ref), ("alt", alt)):
            if array.ndim != 4 or array.shape != ref.shape or not array.shape[1]:
                raise ValueError(
                    f"{name} has shape {array.shape} but must have shape (N, O, {reporter.construct_length}, 4), or "
                    f"with {reporter.insert_length} for inserts, for O offsets, at least one, the same for ref "
                    f"{ref.shape} and alt {alt.shape}"
                )
        constructs = (
            construct_letters(array.reshape(-1, *array.shape[2:]), self.check_adapters, reporter)
            for array in (ref, alt)
        )
        ref, alt = (some.reshape(*ref.shape[:2], reporter.construct_length) for some in constructs)
        return variant_effects(self._trained, ref, alt, self.interval)
