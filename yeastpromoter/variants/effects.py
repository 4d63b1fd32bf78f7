"""Effects of variants: from pairs of constructs to numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.uncertainty.signals import signals_of

if TYPE_CHECKING:
    import pandas as pd

    from yeastpromoter.io.row_files import Columns
    from yeastpromoter.model.entry import TrainedNetwork
    from yeastpromoter.variants.rows import VariantRows

#: Columns of predictions in tables, each with its name in the output of the Kipoi model.
COLUMNS = {"ref_expression": "ref", "alt_expression": "alt", "effect_alt_minus_ref": "effect", "spread": "spread"}

#: Those of intervals, likewise.
INTERVAL_COLUMNS = {"effect_lower": "effect_lower", "effect_upper": "effect_upper"}

#: Rows that are predicted together.
BATCH_SIZE = 1024


def variant_effects(
    trained: TrainedNetwork, ref: np.ndarray, alt: np.ndarray, interval: int | None = None
) -> dict[str, np.ndarray]:
    """Predict what variants do to expression.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    ref, alt : numpy.ndarray
        Upper-case ASCII letters of the constructs with the bases of the genome and with those of the variant, `uint8`
        (N, O, L), for O offsets, at least one. Constructs that occur several times are predicted once.
    interval : int, optional
        Level of a prediction interval of the effect, in percent.

    Returns
    -------
    dict of numpy.ndarray
        `float32` (N,), in buckets: ``effect``, the mean over the offsets of alt − ref; ``ref`` and ``alt``, mean
        expression with either allele; ``spread``, standard deviation over the offsets of alt − ref (the root of the
        mean square deviation, so 0 for a single offset). NaN where an expression is undefined. With `interval` also
        its ends, ``effect_lower`` and ``effect_upper``: it is for the difference of two measurements, and approximate
        (see `yeastpromoter.uncertainty.calibration.EffectErrors`).

    Raises
    ------
    ValueError
        If `interval` is given, but there is no calibration for it.
    """
    calibration = None if interval is None else trained.need_calibration(interval, effects=True)
    constructs = np.ascontiguousarray([ref, alt]).reshape(-1).view(f"V{ref.shape[-1]}")
    distinct, inverse = np.unique(constructs, return_inverse=True)
    letters = distinct.view(np.uint8).reshape(-1, ref.shape[-1])
    scores = trained.related_scores(letters)
    with_ref, with_alt = trained.decode(scores)[inverse].reshape(2, *ref.shape[:2])
    effect = with_alt - with_ref
    columns = {
        "effect": effect.mean(axis=1),
        "ref": with_ref.mean(axis=1),
        "alt": with_alt.mean(axis=1),
        "spread": effect.std(axis=1),
    }
    if calibration is not None:
        signals = signals_of(letters, scores, trained.decode(scores), trained.reporter)
        scales = calibration.scales(signals)[inverse].reshape(2, *ref.shape[:2])
        # Over the offsets the error does not average out: all are of one variant.
        half = calibration.effect_half_widths(*np.sqrt((scales**2).mean(axis=2)), interval)
        columns |= {"effect_lower": columns["effect"] - half, "effect_upper": columns["effect"] + half}
    return {name: column.astype(np.float32) for name, column in columns.items()}


def predict_rows(trained: TrainedNetwork, rows: VariantRows, interval: int | None = None) -> Iterator[Columns]:
    """Predict the effects of all variants of a file, some rows at a time.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    rows : VariantRows
        The variants.
    interval : int, optional
        Level of a prediction interval of the effect, in percent.

    Yields
    ------
    dict of str to list of str or numpy.ndarray
        Of the next rows, in the order of the file: the metadata of `VariantRows.read`, text as lists, then
        ``ref_expression``, ``alt_expression``, ``effect_alt_minus_ref`` and ``spread``, and with `interval`
        ``effect_lower`` and ``effect_upper`` (see `variant_effects`). A file without rows gives the columns once,
        empty.

    Raises
    ------
    ValueError
        As from `variant_effects`.
    """
    written = COLUMNS if interval is None else COLUMNS | INTERVAL_COLUMNS
    for first in range(0, max(1, len(rows)), BATCH_SIZE):
        batch = rows.read(np.arange(first, min(first + BATCH_SIZE, len(rows))))
        effects = variant_effects(trained, batch.ref, batch.alt, interval)
        columns: Columns = {
            name: values.tolist() if values.dtype.kind == "U" else values for name, values in batch.metadata.items()
        }
        yield columns | {name: effects[of_kipoi] for name, of_kipoi in written.items()}


def effects_table(blocks: Iterable[Columns]) -> pd.DataFrame:
    """Join what `predict_rows` yields, at least one block, into a table."""
    import pandas as pd

    return pd.concat(map(pd.DataFrame, blocks), ignore_index=True)
