"""The layers after the pooling, as matrix products.

A convolution with three taps gives its outputs in pairs, by four products in place of six (the algorithm F(2, 3) of
Winograd 1980, *Arithmetic Complexity of Computations*; for networks Lavin and Gray 2016, doi:10.1109/CVPR.2016.435).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yeastpromoter.lookup.threads import Buffers

#: What Keras adds to a variance before it takes the root.
_EPSILON = 1e-3


@dataclass(eq=False)
class Convolution:
    """A convolution and its softmax, with the normalisation before it folded in.

    Attributes
    ----------
    name : str
        Name of the layer.
    kernel : numpy.ndarray
        (taps, channels in, channels out).
    bias : numpy.ndarray
        (channels out,).
    bounded : bool
        Whether the exponentials of the sums neither overflow nor underflow.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    bounded: bool

    @classmethod
    def folded(
        cls,
        name: str,
        layer: Sequence[np.ndarray],
        scale: np.ndarray,
        shift: np.ndarray,
        largest_sum: float,
        limit: float,
        dtype: np.dtype,
    ) -> Convolution:
        """Fold a normalisation into the convolution after it.

        The absolute values of what is normalised sum to `largest_sum` at most at each position. `limit` is how far from
        0 a sum may be.
        """
        kernel, bias = layer
        bias = bias + (shift @ kernel).sum(axis=0)
        kernel = scale[:, np.newaxis] * kernel
        largest = np.abs(bias) + largest_sum * np.abs(kernel).max(axis=1).sum(axis=0)
        return cls(name, kernel.astype(dtype), bias.astype(dtype), bool(largest.max() < limit))

    def __post_init__(self) -> None:
        taps, channels, _ = self.kernel.shape
        self._side_by_side = np.ascontiguousarray(self.kernel.swapaxes(0, 1)).reshape(channels, -1)
        if taps == 3:
            first, middle, last = self.kernel
            self._of_pairs = [first, (first + middle + last) / 2, (first - middle + last) / 2, last]

    @property
    def taps(self) -> int:
        """Positions that an output sees."""
        return len(self.kernel)

    def sums(self, x: np.ndarray, buffers: Buffers) -> np.ndarray:
        """Sums before the softmax, of (N, positions, channels in): (N, positions - taps + 1, channels out)."""
        n, positions, channels = x.shape
        outputs = positions - self.taps + 1
        sums = buffers(self.name, n, outputs, len(self.bias))
        if self.taps == 3 and outputs % 2 == 0:
            self._in_pairs(x, sums, buffers)
            return sums
        products = buffers("products", n, positions, self.taps, len(self.bias))
        np.matmul(x.reshape(-1, channels), self._side_by_side, out=products.reshape(n * positions, -1))
        np.add(products[:, :outputs, 0], self.bias, out=sums)
        for tap in range(1, self.taps):
            sums += products[:, tap : tap + outputs, tap]
        return sums

    def _in_pairs(self, x: np.ndarray, sums: np.ndarray, buffers: Buffers) -> None:
        n, positions, channels = x.shape
        pairs, width = positions // 2 - 1, len(self.bias)
        even, odd = x[:, 0::2], x[:, 1::2]
        zeroth, first, second, third = even[:, :-1], odd[:, :-1], even[:, 1:], odd[:, 1:]
        inputs = buffers("inputs", n, pairs, channels)
        both, between = (buffers(name, n * pairs, width) for name in ("products", "further products"))
        even, odd = (sums.reshape(-1, width)[parity::2] for parity in (0, 1))
        for combine, left, right, kernel, out in (
            (np.subtract, zeroth, second, self._of_pairs[0], even),
            (np.add, first, second, self._of_pairs[1], both),
            (np.subtract, second, first, self._of_pairs[2], between),
            (np.subtract, third, first, self._of_pairs[3], odd),
        ):
            combine(left, right, out=inputs)
            np.matmul(inputs.reshape(-1, channels), kernel, out=out)
        both += self.bias
        even += both
        even += between
        odd += both
        odd -= between

    def finish(self, sums: np.ndarray) -> None:
        """Replace sums, (..., channels out), by their softmax."""
        softmax(sums.reshape(-1, sums.shape[-1]), self.bounded)


def softmax(x: np.ndarray, bounded: bool = False) -> None:
    """Replace each row of a matrix by its softmax; `bounded` if the exponentials are known to be in range."""
    if not bounded:
        x -= x.max(axis=1, keepdims=True)
    np.exp(x, out=x)
    x *= np.reciprocal(x @ np.ones(x.shape[1], dtype=x.dtype))[:, np.newaxis]


def scale_and_shift(norm: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What a batch normalisation does at prediction: multiply by a scale and add a shift, for each channel."""
    gamma, beta, mean, variance = norm
    scale = gamma / np.sqrt(variance + _EPSILON)
    return scale, beta - mean * scale


def sigmoid(x: np.ndarray) -> None:
    """Replace numbers by their sigmoid: (1 + tanh(x / 2)) / 2, which does not overflow."""
    x *= 0.5
    np.tanh(x, out=x)
    x += 1
    x *= 0.5
