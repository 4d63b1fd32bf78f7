"""What predicts with the weights of a trained run, whichever network they are of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.data.assay import Assay
from training.fit.networks import KIRCHERLAB, build_network, described
from yeastpromoter.lookup.network import LookupNetwork, read_layers
from yeastpromoter.model.prediction import CompiledNetwork
from yeastpromoter.model.startup import quiet_startup


def engine_of(run: Mapping[str, Any], weights: str | Path, assay: Assay) -> LookupNetwork | CompiledNetwork:
    """What computes the bucket scores of a trained run: look-up for the KircherLab network, else Keras.

    Parameters
    ----------
    run : mapping
        Settings of the run.
    weights : str or Path
        Its weights.
    assay : Assay
        The assay of the configuration.
    """
    settings = described(run, assay)
    if settings["network"] == KIRCHERLAB:
        return LookupNetwork(read_layers(weights), run["first_activation"], length=settings["length"])
    with quiet_startup():
        network = build_network(**settings)
        network.load_weights(weights)
    return CompiledNetwork(network)
