"""Batches of one epoch: shuffled, shifted and labelled on the fly.

Everything random in an epoch follows from the seed and the epoch's number alone, so an epoch can be repeated
exactly after an interruption. Constructs stay letters, 110 bytes each: the network that is trained encodes them where
it runs (`training.fit.devices`), so little has to be moved there.
"""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from yeastpromoter.sequence.encoding import check_letters, enclose
from yeastpromoter.sequence.reporter import PTPA, Reporter


def with_flanks(matrix: np.ndarray, width: int, reporter: Reporter) -> np.ndarray:
    """Put `width` bases of the plasmid on both sides of constructs, `uint8` (N, L) to (N, L + 2 width)."""
    left, right = reporter.left_flank, reporter.right_flank
    if min(len(left), len(right)) < width:
        raise ValueError(
            f"constructs cannot be shifted by {width} bp: the reporter {reporter.name} has flanks of {len(left)} and "
            f"{len(right)} bp"
        )
    return enclose(left[len(left) - width :], matrix, right[:width])


class Examples:
    """Constructs to learn from.

    Parameters
    ----------
    matrix : numpy.ndarray
        Constructs, `uint8` (N, L).
    labels : callable
        Gives the labels, `float32` (B, buckets), of an array of positions, `int` (B,).
    weight : numpy.ndarray
        Weight of each construct in the loss, `float32` (N,).
    shift : mapping, optional
        ``max_bp`` and ``share``: this many of the constructs are moved, in every epoch again, by up to this many bp
        within the plasmid.
    can_shift : numpy.ndarray, optional
        Which constructs may be moved, `bool` (N,); all by default.
    n_always : int, optional
        That many constructs, the first ones, are in every epoch, whatever its size; the others take turns.
    reporter : Reporter, optional
        The reporter of the constructs.

    Raises
    ------
    ValueError
        If a letter of `matrix` is none of A, C, G, T, N, or the reporter's flanks are too short for `shift`.
    """

    def __init__(
        self,
        matrix: np.ndarray,
        labels: Callable[[np.ndarray], np.ndarray],
        weight: np.ndarray,
        shift: Mapping[str, Any] | None = None,
        can_shift: np.ndarray | None = None,
        n_always: int = 0,
        reporter: Reporter = PTPA,
    ):
        check_letters(matrix)
        self.max_bp = shift["max_bp"] if shift else 0
        self.share = shift["share"] if shift else 0.0
        self.labels = labels
        self.weight = weight
        self.n_always = n_always
        self.can_shift = np.ones(len(matrix), dtype=bool) if can_shift is None else can_shift
        # Of millions of constructs one copy is kept: a construct is the window in the middle.
        wide = with_flanks(matrix, self.max_bp, reporter) if self.max_bp else matrix
        self._windows = np.lib.stride_tricks.sliding_window_view(wide, matrix.shape[1], axis=1)
        self.matrix = self._windows[:, self.max_bp]

    def __len__(self) -> int:
        return len(self.weight)

    def constructs(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Take constructs, some of them shifted, `uint8` (B, L)."""
        offset = np.full(len(rows), self.max_bp)
        if self.max_bp:
            moved = (rng.random(len(rows)) < self.share) & self.can_shift[rows]
            offset[moved] += rng.integers(-self.max_bp, self.max_bp + 1, moved.sum())
        return self._windows[rows, offset]


@lru_cache(maxsize=1)
def _shuffled(count: int, seed: int, number: int) -> np.ndarray:
    """The order of one pass through the data: the portions of a pass share it."""
    return np.random.default_rng([seed, number]).permutation(count)


class EpochBatches(keras.utils.PyDataset):
    """The batches of one epoch: letters, `uint8` (B, 110), labels, `float32` (B, 18), and weights, `float32` (B,).

    Parameters
    ----------
    examples : Examples
        Constructs to learn from.
    batch_size : int
        Constructs a batch; the last, smaller batch of an epoch is left out unless it is the only one, so that
        every step has one shape.
    seed : int
        Seed of the run.
    epoch : int
        Number of the epoch, from 0.
    epoch_size : int, optional
        Constructs an epoch. By default all of them, every one once. A smaller number goes through the shuffled
        constructs (other than those that are in every epoch) in such portions, epoch after epoch, and shuffles
        again after each whole pass.
    """

    def __init__(self, examples: Examples, batch_size: int, seed: int, epoch: int, epoch_size: int | None = None):
        super().__init__()
        self.examples = examples
        size = min(epoch_size or len(examples), len(examples))
        n_always, n_others = examples.n_always, len(examples) - examples.n_always
        if size < len(examples) and size <= n_always:
            raise ValueError(
                f"epoch_size is {epoch_size} but must be larger than {n_always}, the number of measured constructs, "
                "all of which are in every epoch"
            )
        turn = max(size - n_always, 1)
        portions = max(n_others // turn, 1)
        others = _shuffled(n_others, seed, epoch // portions)
        order = others[epoch % portions * turn :][: size - n_always] + n_always
        if n_always:
            order = np.concatenate([np.arange(n_always), order])
            order = np.random.default_rng([seed, epoch, 0, 0]).permutation(order)
        self._order = order
        self.batch_size = min(batch_size, size)
        self._seed = [seed, epoch]

    def __len__(self) -> int:
        return math.floor(len(self._order) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        rng = np.random.default_rng([*self._seed, index])
        return (
            self.examples.constructs(rows, rng),
            self.examples.labels(rows),
            self.examples.weight[rows],
        )
