"""The Kipoi model of variant effects: pairs of constructs in, effects out. A thin layer over `yeastpromoter`."""

import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from kipoi.model import BaseModel

# The package lies in the folder above, where Kipoi does not look, and another copy of it may be loaded.
_PACKAGE = Path(__file__).resolve().parent.parent / "yeastpromoter"
with runpy.run_path(str(_PACKAGE / "kipoi_layer" / "own_package.py"))["own_package"](__file__):
    from yeastpromoter.kipoi_layer.messages import message_only
    from yeastpromoter.model.decoding import BUCKET_VALUES
    from yeastpromoter.model.entry import ExpectInFolder, build_trained_network
    from yeastpromoter.variants.effects import Expressions, variant_effects

INPUTS = ("ref", "alt")


class YeastVariantEffects(ExpectInFolder, BaseModel):
    """Effects of variants on the expression of yeast promoters; effect is always alt − ref.

    Parameters
    ----------
    weights, weights_sha256, weights_version, first_activation, decoding, bucket_values
        As for `yeastpromoter.model.entry.build_trained_network`; the working directory, which `weights` starts from, is
        the folder of this file while Kipoi constructs the model.
    check_adapters : bool, optional
        Whether constructs without their adapters are refused (see `yeastpromoter.sequence.adapters`).

    Attributes
    ----------
    check_adapters : bool
        As above; it may be changed.
    network : keras.Model
        From constructs (N, 110, 4) to bucket scores (N, 18).
    weights_version : str
        Version of the weights.
    expressions : yeastpromoter.variants.effects.Expressions
        The predictor, with the counts `n_asked` and `n_evaluated` of constructs.

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
        check_adapters: bool = True,
    ):
        super().__init__()
        self.check_adapters = check_adapters
        with message_only():
            trained = build_trained_network(
                weights, weights_sha256, weights_version, first_activation, decoding, bucket_values
            )
        self.network = trained.network
        self.weights_version = trained.weights_version
        scores = trained.compiled()
        self.expressions = Expressions(lambda constructs: trained.decode(scores(constructs)))

    @message_only()
    def predict_on_batch(self, x: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict effects.

        Parameters
        ----------
        x : mapping of str to numpy.ndarray
            ``ref`` and ``alt``: one-hot constructs with either allele at O places of the variant in the insert,
            (N, O, 110, 4), or inserts, (N, O, 80, 4), to which the adapters are added. Columns in the order A, C, G,
            T; N is 0.25 each. Any floating, integer or boolean dtype.

        Returns
        -------
        dict of numpy.ndarray
            ``effect`` (alt − ref), ``ref``, ``alt`` and ``spread``, `float32` (N,), in buckets; see
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
        return variant_effects(x["ref"], x["alt"], self.expressions, self.check_adapters)
