"""Bucket scores of many constructs, with any backend of Keras."""

import keras
import numpy as np

from yeastpromoter.sequence.encoding import one_hot

#: Constructs a forward pass, by default.
BATCH_SIZE = 1024


def predict_scores(network: keras.Model, matrix: np.ndarray, batch_size: int = BATCH_SIZE) -> np.ndarray:
    """Bucket scores of constructs, a batch at a time.

    The last batch is filled up to `batch_size`, so that backends that compile for a shape compile once.

    Parameters
    ----------
    network : keras.Model
        The network.
    matrix : numpy.ndarray
        Constructs, `uint8` (N, 110).
    batch_size : int, optional
        Constructs a forward pass.

    Returns
    -------
    numpy.ndarray
        `float32` (N, 18).
    """
    scores = np.empty((len(matrix), network.output_shape[-1]), dtype=np.float32)
    for start in range(0, len(matrix), batch_size):
        batch = matrix[start : start + batch_size]
        filled = np.concatenate([batch, np.repeat(batch[-1:], batch_size - len(batch), axis=0)])
        scores[start : start + len(batch)] = np.asarray(network.predict_on_batch(one_hot(filled)))[: len(batch)]
    return scores
