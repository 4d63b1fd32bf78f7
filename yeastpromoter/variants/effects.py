"""Effects of variants: from pairs of constructs to numbers, each distinct construct evaluated once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np

from yeastpromoter.sequence.model_input import SHAPES, as_constructs

#: Constructs that the network gets at a time: the size from which on it is no faster.
NETWORK_BATCH = 1024

#: Distinct constructs whose expression is kept for later batches (about 15 MB).
REMEMBERED = 50_000


class Expressions:
    """Expression of constructs, each distinct one evaluated once in a while.

    Variants that share a window (other ALT alleles, genes on the same strand, neighbours) have constructs in common,
    most of them in the same or in the next batch.

    Parameters
    ----------
    predict : callable
        From constructs, `float32` (N, 110, 4), to their expression, `float64` (N,).
    network_batch : int, optional
        Constructs that `predict` gets at most at a time.
    remembered : int, optional
        Distinct constructs whose expression is kept, the last ones that were evaluated.

    Attributes
    ----------
    n_asked, n_evaluated : int
        Number of constructs whose expression was asked for so far, and of those that were evaluated.
    """

    def __init__(
        self,
        predict: Callable[[np.ndarray], np.ndarray],
        network_batch: int = NETWORK_BATCH,
        remembered: int = REMEMBERED,
    ) -> None:
        self._predict, self._network_batch, self._remembered = predict, network_batch, remembered
        self._known: dict[bytes, float] = {}
        self.n_asked = self.n_evaluated = 0

    def __call__(self, constructs: np.ndarray) -> np.ndarray:
        """Look the expression of constructs up, or evaluate them.

        Parameters
        ----------
        constructs : numpy.ndarray
            One-hot constructs, `float32` (N, 110, 4); N is 0.25 each.

        Returns
        -------
        numpy.ndarray
            `float64` (N,).
        """
        keys = _keys(constructs)
        new: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            if key not in self._known:
                new.setdefault(key, row)
        rows = np.fromiter(new.values(), np.int64, len(new))
        for start in range(0, rows.size, self._network_batch):
            chosen = rows[start : start + self._network_batch]
            values = self._predict(constructs[chosen]).tolist()
            self._known.update(zip((keys[row] for row in chosen.tolist()), values, strict=True))
        expression = np.fromiter((self._known[key] for key in keys), np.float64, len(keys))
        self.n_asked += len(keys)
        self.n_evaluated += rows.size
        for key in list(islice(self._known, max(0, len(self._known) - self._remembered))):  # the oldest
            del self._known[key]
        return expression


def _keys(constructs: np.ndarray) -> list[bytes]:
    """Each construct as 55 bytes: a base has one of its four bits set, N all of them."""
    n, length, n_bases = constructs.shape
    bits = constructs.reshape(n, length * n_bases) != 0
    return [row.tobytes() for row in np.packbits(bits, axis=1)]


def variant_effects(
    ref: np.ndarray, alt: np.ndarray, expressions: Callable[[np.ndarray], np.ndarray], check_adapters: bool = True
) -> dict[str, np.ndarray]:
    """Predict what variants do to expression.

    Parameters
    ----------
    ref, alt : numpy.ndarray
        One-hot constructs with the bases of the genome and with those of the variant, (N, O, 110, 4), or inserts,
        (N, O, 80, 4), for O offsets; as `yeastpromoter.sequence.model_input.as_constructs` takes them.
    expressions : callable
        From constructs, `float32` (M, 110, 4), to their expression, `float64` (M,), such as `Expressions`.
    check_adapters : bool, optional
        As for `yeastpromoter.sequence.model_input.as_constructs`.

    Returns
    -------
    dict of numpy.ndarray
        `float32` (N,), in buckets: ``effect``, the mean over the offsets of alt − ref; ``ref`` and ``alt``, mean
        expression with either allele; ``spread``, standard deviation over the offsets of alt − ref (the root of the
        mean square deviation, so 0 for a single offset). NaN where an expression is undefined.

    Raises
    ------
    ValueError
        If the arrays are not as above, or have different shapes.
    """
    ref, alt = np.asarray(ref), np.asarray(alt)
    for name, array in (("ref", ref), ("alt", alt)):
        if array.ndim != 4 or array.shape != ref.shape or not array.shape[1]:
            raise ValueError(
                f"{name} has shape {array.shape} but must have shape (N, O, 110, 4), or with 80 for inserts, for O "
                f"offsets, at least one, the same for ref {ref.shape} and alt {alt.shape}. At each offset they are as "
                f"the input of the expression model, {SHAPES}"
            )
    n_rows, n_offsets = ref.shape[:2]
    pair = np.concatenate(
        [as_constructs(array.reshape(-1, *array.shape[2:]), check_adapters=check_adapters) for array in (ref, alt)]
    )
    with_ref, with_alt = expressions(pair).reshape(2, n_rows, n_offsets)
    effect = with_alt - with_ref
    columns = {
        "effect": effect.mean(axis=1),
        "ref": with_ref.mean(axis=1),
        "alt": with_alt.mean(axis=1),
        "spread": effect.std(axis=1),
    }
    return {name: column.astype(np.float32) for name, column in columns.items()}
