"""Yeast promoter expression: the science of this Kipoi entry, without Kipoi.

The package holds what prediction and training share, and what is asked of the trained network. Importing it imports
neither Kipoi nor TensorFlow; Keras is imported when a network is built, and prediction by look-up needs none. Where
what is:

- `sequence`: the construct and its adapters, what becomes a construct, one-hot encoding, random inserts.
- `io`: reading sequences, intervals, tables, genomes and annotations; writing files whole or not at all.
- `predictor`: prediction from Python, what yeastpromoter.load gives.
- `model`: the network, its weights and its decoding; running it in Keras; gradients and outputs of layers.
- `lookup`: the network without Keras, by look-up in NumPy: whole constructs, substitutions, tiles of long sequences.
- `interpret`: which bases matter: saturation mutagenesis, contributions, planted sites.
- `variants`: variants of a VCF file, their windows, effects and ranking.
- `uncertainty`: how sure a prediction is: prediction intervals, and what is unlike the training data.
- `design`: promoters of a wanted strength.
- `genomewide`: tiles of a genome, shards of large files, tracks.
- `plots`: the figures. `pages`: HTML pages of promoters. `cli`: the commands, ``yeastpromoter COMMAND``.
- `kipoi_layer`: what the files that Kipoi loads share.
- `statistics` (intervals over groups), `argument_names` (how messages name arguments) and `extras` (packages that only
  some functions need) serve all of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yeastpromoter.predictor import Predictor

__all__ = ["Predictor", "load"]

__version__ = "1.8.0"


def load(entry: str | os.PathLike | None = None, threads: int | None = None, engine: str = "lookup") -> Predictor:
    """Load the trained network for prediction from Python.

    Parameters
    ----------
    entry, threads, engine
        As for `yeastpromoter.predictor.Predictor`: by default the weights that come with the package, one thread for
        each core, and look-up in NumPy.

    Returns
    -------
    yeastpromoter.predictor.Predictor
        It predicts lists, series, tables and files of sequences.

    Raises
    ------
    FileNotFoundError, ValueError
        As from `Predictor`.

    Examples
    --------
    >>> import yeastpromoter
    >>> yeastpromoter.load().predict(["ACGT" * 20])
    array([12.798...])
    """
    from yeastpromoter.predictor import Predictor

    return Predictor(entry, threads, engine)


def __getattr__(name: str) -> Any:
    # Only when it is asked for: importing the package is quick.
    if name == "Predictor":
        from yeastpromoter.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
