"""Effects of variants: from pairs of constructs to numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.sequence.construct import CONSTRUCT_LENGTH

if TYPE_CHECKING:
    import pandas as pd

    from yeastpromoter.io.row_files import Columns
    from yeastpromoter.model.entry import TrainedNetwork
    from yeastpromoter.variants.rows import VariantRows

#: Columns of predictions in tables, each with its name in the output of the Kipoi model.
COLUMNS = {"ref_expression": "ref", "alt_expression": "alt", "effect_alt_minus_ref": "effect", "spread": "spread"}

#: Rows that are predicted together.
BATCH_SIZE = 1024


def variant_effects(trained: TrainedNetwork, ref: np.ndarray, alt: np.ndarray) -> dict[str, np.ndarray]:
    """Predict what variants do to expression.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    ref, alt : numpy.ndarray
        Upper-case ASCII letters of the constructs with the bases of the genome and with those of the variant, `uint8`
        (N, O, 110), for O offsets, at least one. Constructs that occur several times are predicted once.

    Returns
    -------
    dict of numpy.ndarray
        `float32` (N,), in buckets: ``effect``, the mean over the offsets of alt − ref; ``ref`` and ``alt``, mean
        expression with either allele; ``spread``, standard deviation over the offsets of alt − ref (the root of the
        mean square deviation, so 0 for a single offset). NaN where an expression is undefined.
    """
    constructs = np.ascontiguousarray([ref, alt]).reshape(-1).view(f"V{CONSTRUCT_LENGTH}")
    distinct, inverse = np.unique(constructs, return_inverse=True)
    scores = trained.related_scores(distinct.view(np.uint8).reshape(-1, CONSTRUCT_LENGTH))
    with_ref, with_alt = trained.decode(scores)[inverse].reshape(2, *ref.shape[:2])
    effect = with_alt - with_ref
    columns = {
        "effect": effect.mean(axis=1),
        "ref": with_ref.mean(axis=1),
        "alt": with_alt.mean(axis=1),
        "spread": effect.std(axis=1),
    }
    return {name: column.astype(np.float32) for name, column in columns.items()}


def predict_rows(trained: TrainedNetwork, rows: VariantRows) -> Iterator[Columns]:
    """Predict the effects of all variants of a file, some rows at a time.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    rows : VariantRows
        The variants.

    Yields
    ------
    dict of str to list of str or numpy.ndarray
        Of the next rows, in the order of the file: the metadata of `VariantRows.read`, text as lists, then
        ``ref_expression``, ``alt_expression``, ``effect_alt_minus_ref`` and ``spread`` (see `variant_effects`). A file
        without rows gives the columns once, empty.
    """
    for first in range(0, max(1, len(rows)), BATCH_SIZE):
        batch = rows.read(np.arange(first, min(first + BATCH_SIZE, len(rows))))
        effects = variant_effects(trained, batch.ref, batch.alt)
        columns: Columns = {
            name: values.tolist() if values.dtype.kind == "U" else values for name, values in batch.metadata.items()
        }
        yield columns | {name: effects[of_kipoi] for name, of_kipoi in COLUMNS.items()}


def effects_table(blocks: Iterable[Columns]) -> pd.DataFrame:
    """Join what `predict_rows` yields, at least one block, into a table."""
    import pandas as pd

    return pd.concat(map(pd.DataFrame, blocks), ignore_index=True)
