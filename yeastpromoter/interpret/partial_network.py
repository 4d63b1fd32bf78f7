"""Bucket scores of constructs with one base replaced, without running the whole network for each of them.

One base reaches only a few positions of each convolution, and only what it reaches is computed again. What is
carried from layer to layer is a *window*, the stretch of positions that the base can reach, in two forms: as
values, where a layer works on values (activation, batch normalisation, pooling), and as the difference from the
unchanged construct, where a layer is linear (convolution, the first dense layer). A linear layer turns a difference
into a difference, so positions outside of the window do not enter at all. From the second dense layer on everything
has changed and is computed as usual.

Nothing is approximated: the result is that of the whole network up to the rounding of its arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

#: Substitutions that are computed together. Fewer make the matrix products inefficient, more do not fit the
#: processor's caches (measured with benchmarks/saturation_speed.py).
ROWS_AT_ONCE = 768

#: Blocks of that many which are computed beside each other: the small steps between the matrix products of one,
#: which do not fill a second core, run during the products of the other.
BLOCKS_AT_ONCE = 2

#: Substitutions of one base: to each of the three others.
OTHER_BASES = 3


class PartialNetwork:
    """A network prepared for scoring substitutions.

    It holds a copy of the weights as they are when it is made, and is compiled on the first call (some seconds).

    Parameters
    ----------
    network : keras.Model
        A chain as `yeastpromoter.model.network.build_network` makes it: convolutions with a stride of 1 and no padding,
        each followed by batch normalisations and at most one pooling, then a flatten and dense layers; dropout
        anywhere. All layers compute in one dtype, float32 or float64.
    batch_size : int, optional
        Number of constructs that most calls will have: what is computed together is chosen by it.

    Raises
    ------
    ValueError
        If the network is not such a chain.
    """

    def __init__(self, network: keras.Model, batch_size: int = 32) -> None:
        self._chain = _read_chain(network)
        self._block = max(1, math.ceil(ROWS_AT_ONCE / (OTHER_BASES * batch_size)))
        self._reference = None
        self._substituted = {}

    def score_substitutions(
        self, constructs: np.ndarray, positions: range, alternatives: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Score constructs, and each of them with one base replaced.

        Parameters
        ----------
        constructs : numpy.ndarray
            One-hot constructs, (N, 110, 4), in any real dtype.
        positions : range
            The P positions at which bases are replaced, from 0, one after the other (a step of 1).
        alternatives : numpy.ndarray
            What stands there instead: columns of the one-hot encoding, `int` (N, P, A).

        Returns
        -------
        reference : numpy.ndarray
            Bucket scores of the constructs, (N, 18), in the network's dtype.
        substituted : numpy.ndarray
            Bucket scores with the replaced bases, (N, P, A, 18), in the network's dtype.

        Raises
        ------
        ValueError
            If `positions` are not within the construct, or not one after the other.
        """
        chain = self._chain
        if positions.step != 1 or not 0 <= positions.start < positions.stop <= chain.length:
            raise ValueError(
                f"positions must be a range with a step of 1 within 0 to {chain.length} but are {positions}"
            )
        import keras

        constructs = np.asarray(constructs, dtype=chain.dtype)
        n, (_, _, n_alternatives) = len(constructs), alternatives.shape
        scores = np.empty((n, len(positions), n_alternatives, chain.n_scores), dtype=chain.dtype)
        if not n:
            return scores[:, 0, 0], scores
        if self._reference is None:
            self._reference = _compile(chain.reference, [(None, chain.length, chain.n_columns)], chain.dtype)
        reference, *states = self._reference(constructs)
        one_hot = np.eye(chain.n_columns, dtype=chain.dtype)
        # Alternatives before positions: neighbouring positions are put side by side for the first dense layer.
        change = one_hot[alternatives.swapaxes(1, 2)] - constructs[:, np.newaxis, positions.start : positions.stop]

        def score_block(score: Callable, residue: int, turns: range) -> None:
            where = np.arange(turns.start, turns.stop) * chain.period + residue - positions.start
            block = score(change[:, :, where], np.int32(turns.start), *states)
            scores[:, where] = keras.ops.convert_to_numpy(block).swapaxes(1, 2)

        with ThreadPoolExecutor(BLOCKS_AT_ONCE) as pool:
            blocks = list(self._blocks(positions))
            # Compiled here: the threads only call.
            functions = [self._compiled(residue, len(turns)) for residue, turns in blocks]
            for _ in pool.map(score_block, functions, *zip(*blocks, strict=True)):
                pass  # to raise what a thread raised
        return keras.ops.convert_to_numpy(reference), scores

    def _blocks(self, positions: range) -> Iterator[tuple[int, range]]:
        """Positions in blocks whose windows have one shape: ``period * turn + residue`` for a range of turns.

        All blocks of a residue have one length, for which the network is compiled. Where they do not fill it, the
        last one overlaps the one before it, and what both compute is the same.
        """
        period = self._chain.period
        for residue in range(period):
            first = math.ceil((positions.start - residue) / period)
            stop = math.ceil((positions.stop - residue) / period)
            if first == stop:
                continue
            block = math.ceil((stop - first) / math.ceil((stop - first) / self._block))
            for turn in range(first, stop, block):
                begin = min(turn, stop - block)
                yield residue, range(begin, begin + block)

    def _compiled(self, residue: int, n_positions: int) -> Callable:
        key = residue, n_positions
        if key not in self._substituted:
            chain = self._chain
            shapes = [(None, None, n_positions, chain.n_columns), (), *chain.state_shapes()]
            function = _Substituted(chain, residue, n_positions)
            self._substituted[key] = _compile(function, shapes, chain.dtype)
        return self._substituted[key]


@dataclass(repr=False)
class _Convolution:
    """A convolution with what follows it up to the next linear layer.

    Weights are tensors of the Keras backend, made outside of what is compiled: as constants in it they would be
    copied, into each of the compiled functions and several times while it is made.
    """

    kernel: Any  # (k, columns in, columns out)
    bias: Any
    activation: Callable
    length: int  # of its output
    #: What follows: functions of each value, (scale, shift), and poolings, whose size is an int.
    steps: list = field(default_factory=list)
    _products: dict = field(default_factory=dict)

    @property
    def pool(self) -> int:
        return next((step for step in self.steps if isinstance(step, int)), 1)

    @property
    def pooled_length(self) -> int:
        return self.length // self.pool

    def products(self, width: int) -> list[tuple[slice, Any]]:
        """For each position made of a window of a width: rows of the window, and the part of the kernel they meet."""
        from keras import ops

        if width not in self._products:
            size, _, columns_out = self.kernel.shape
            products = []
            for output in range(width + size - 1):
                rows = slice(max(0, output - size + 1), min(width, output + 1))
                taps = slice(rows.start + size - 1 - output, rows.stop + size - 1 - output)
                products.append((rows, ops.reshape(self.kernel[taps], (-1, columns_out))))
            if width == 1:
                # A single product gives all positions.
                products = [(slice(0, 1), ops.concatenate([kernel for _, kernel in products], axis=1))]
            self._products[width] = products
        return self._products[width]

    def finish(self, x):
        """Everything after the sums of the convolution, on a tensor (..., positions, columns)."""
        from keras import ops

        x = self.activation(x)
        for step in self.steps:
            if isinstance(step, int):
                shape = ops.shape(x)
                x = ops.max(ops.reshape(x, (*shape[:-2], shape[-2] // step, step, shape[-1])), axis=-2)
            else:
                x = x * step[0] + step[1]
        return x


@dataclass(repr=False)
class _Dense:
    kernel: Any  # (columns in, columns out)
    bias: Any
    activation: Callable


@dataclass(repr=False)
class _Chain:
    """The layers of a network, as far as they do something at prediction."""

    dtype: str
    length: int
    n_columns: int
    convolutions: list[_Convolution]
    dense: list[_Dense]

    @property
    def n_scores(self) -> int:
        return self.dense[-1].kernel.shape[1]

    @property
    def period(self) -> int:
        """Distance of positions whose windows lie in the same way on the poolings."""
        return math.prod(convolution.pool for convolution in self.convolutions)

    def state_shapes(self) -> list[tuple]:
        """Shapes of what `reference` returns beside the scores."""
        shapes = []
        for convolution in self.convolutions:
            columns = convolution.kernel.shape[2]
            shapes += [(None, convolution.length, columns), (None, convolution.pooled_length, columns)]
        return [*shapes, (None, self.dense[0].kernel.shape[1])]

    def reference(self, x):
        """From a tensor of constructs: scores, sums and results of each convolution, sums of the first dense layer."""
        from keras import ops

        states = []
        for convolution in self.convolutions:
            sums = ops.conv(x, convolution.kernel, padding="valid", data_format="channels_last") + convolution.bias
            # Positions that no pooling takes in are cut off, as the pooling does.
            x = convolution.finish(sums[:, : convolution.pooled_length * convolution.pool])
            states += [sums, x]
        shape = ops.shape(x)
        sums = ops.matmul(ops.reshape(x, (-1, shape[1] * shape[2])), self.dense[0].kernel) + self.dense[0].bias
        return self.scores(sums), *states, sums

    def scores(self, sums):
        """From a tensor of sums of the first dense layer, (N, columns), to the scores."""
        from keras import ops

        x = self.dense[0].activation(sums)
        for dense in self.dense[1:]:
            x = dense.activation(ops.matmul(x, dense.kernel) + dense.bias)
        return x


class _Substituted:
    """Scores after substitutions at positions ``period * turn + residue``, for some turns in a row.

    What its functions take and return without a type are tensors of the Keras backend.

    All windows are found once, for turn 0; with each turn they move on by a fixed step. Near the ends they reach
    over the sequence. Such positions are computed from whatever is there and then have their difference set to 0.
    """

    def __init__(self, chain: _Chain, residue: int, n_turns: int) -> None:
        self._chain, self._n_turns = chain, n_turns
        self._layers = []
        start, width, step = residue, 1, chain.period
        for convolution in chain.convolutions:
            products, size = convolution.products(width), convolution.kernel.shape[0]
            start, width = start - size + 1, width + size - 1
            pool = convolution.pool
            pooled_start, pooled_stop = start // pool, -(-(start + width) // pool)
            # The window in which the values are needed: whole poolings.
            before, after = start - pool * pooled_start, pool * pooled_stop - start - width
            window = _Window(pool * pooled_start, before + width + after, step, convolution.length)
            start, width, step = pooled_start, pooled_stop - pooled_start, step // pool
            pooled = _Window(start, width, step, convolution.pooled_length)
            self._layers.append((convolution, products, (before, after), window, pooled))

    def __call__(self, change, turn, *states):
        from keras import ops

        turns = turn + ops.arange(self._n_turns, dtype="int32")
        # (constructs, alternatives, turns, positions of the window, columns)
        x = ops.expand_dims(change, 3)
        outer = ops.shape(change)[:2]
        for layer, (convolution, products, padding, window, pooled) in enumerate(self._layers):
            sums, result = states[2 * layer : 2 * layer + 2]
            columns = convolution.kernel.shape[2]
            x = ops.reshape(
                self._convolve(x, products, columns, padding), (*outer, self._n_turns, window.width, columns)
            )
            x = convolution.finish(x + window.of(sums, turns))
            x = (x - pooled.of(result, turns)) * pooled.inside(turns, self._chain.dtype)
        return ops.reshape(self._finish(x, turns, states[-1]), (*outer, self._n_turns, self._chain.n_scores))

    @staticmethod
    def _convolve(x, products: list, columns_out: int, padding: tuple[int, int]):
        """Differences of the sums, (rows, positions, columns)."""
        from keras import ops

        columns = x.shape[-1]
        flat = ops.reshape(x, (-1, x.shape[-2] * columns))
        sums = [ops.matmul(flat[:, rows.start * columns : rows.stop * columns], kernel) for rows, kernel in products]
        if len(products) == 1:
            sums = ops.reshape(sums[0], (-1, products[0][1].shape[1] // columns_out, columns_out))
            return ops.pad(sums, ((0, 0), padding, (0, 0))) if any(padding) else sums
        zeros = [ops.zeros_like(sums[0])]
        return ops.stack(padding[0] * zeros + sums + padding[1] * zeros, axis=1)

    def _finish(self, x, turns, sums):
        """From the differences of the last convolution to the scores, (rows, scores)."""
        from keras import ops

        convolution, _, _, _, window = self._layers[-1]
        n_turns, step, columns = self._n_turns, window.step, convolution.kernel.shape[2]
        dense = self._chain.dense[0]
        # The windows of all turns are put on one stretch, so that all rows meet the same rows of the kernel. Written
        # one after the other with a gap of one step more than the stretch is long, they move on by a step when the
        # whole is cut into stretches.
        stretch = window.width + step * (n_turns - 1)
        outer = ops.shape(x)[:2]
        x = ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, stretch + step - window.width), (0, 0)))
        x = ops.reshape(x, (*outer, n_turns * (stretch + step), columns))[:, :, : n_turns * stretch]
        x = ops.reshape(x, (-1, stretch * columns))
        rows = _Window(window.start, stretch, step, window.length).rows(turns[:1])
        kernel = ops.reshape(dense.kernel, (window.length, columns, -1))
        kernel = ops.reshape(ops.take(kernel, rows[0], axis=0), (stretch * columns, -1))
        x = ops.reshape(ops.matmul(x, kernel), (*outer, n_turns, -1))
        x = x + ops.expand_dims(ops.expand_dims(sums, 1), 1)
        return self._chain.scores(ops.reshape(x, (-1, dense.kernel.shape[1])))


@dataclass(repr=False)
class _Window:
    """A stretch of positions of a layer's output that moves on with each turn (`turns` and `x` are tensors)."""

    start: int  # at turn 0
    width: int
    step: int
    length: int  # of the layer's output

    def rows(self, turns):
        """Positions, (turns, width); those over the ends are replaced by the ends."""
        from keras import ops

        return ops.clip(self._rows(turns), 0, self.length - 1)

    def inside(self, turns, dtype: str):
        """1 for positions that there are, 0 for those over the ends: (turns, width, 1)."""
        from keras import ops

        rows = self._rows(turns)
        return ops.expand_dims(ops.cast(ops.logical_and(rows >= 0, rows < self.length), dtype), -1)

    def of(self, x, turns):
        """Cut out of (constructs, length, columns): (constructs, 1, turns, width, columns)."""
        from keras import ops

        return ops.expand_dims(ops.take(x, self.rows(turns), axis=1), 1)

    def _rows(self, turns):
        from keras import ops

        return ops.expand_dims(self.step * turns, 1) + np.arange(self.start, self.start + self.width, dtype=np.int32)


def _read_chain(network: keras.Model) -> _Chain:
    from keras import layers, ops

    dtype = network.input.dtype
    if dtype not in ("float32", "float64"):
        raise ValueError(f"the network must compute in float32 or float64 but its input is {dtype}")
    convolutions, dense, flat, previous = [], [], False, None
    for layer in network.layers:
        if isinstance(layer, layers.InputLayer):
            previous = layer.output
            continue
        if layer.input is not previous:
            raise ValueError(f"the layers of the network must be a chain but {layer.name} branches off")
        if layer.compute_dtype != dtype:
            raise ValueError(f"the network must compute in one dtype but {layer.name} does in {layer.compute_dtype}")
        previous = layer.output
        if isinstance(layer, layers.Conv1D) and not flat and _is_plain(layer):
            kernel, bias = map(ops.convert_to_tensor, layer.get_weights())
            convolutions.append(_Convolution(kernel, bias, layer.activation, layer.output.shape[1]))
        elif isinstance(layer, layers.BatchNormalization) and convolutions and not flat:
            convolutions[-1].steps.append(_scale_and_shift(layer, dtype))
        elif isinstance(layer, layers.MaxPooling1D) and convolutions and not flat and _is_whole(layer):
            if layer.pool_size[0] > 1:
                convolutions[-1].steps.append(int(layer.pool_size[0]))
        elif isinstance(layer, layers.Dense) and flat and layer.use_bias:
            dense.append(_Dense(*map(ops.convert_to_tensor, layer.get_weights()), layer.activation))
        elif isinstance(layer, layers.Flatten):
            flat = True
        elif not isinstance(layer, layers.Dropout):  # which does nothing at prediction
            raise ValueError(
                f"the layer {layer.name} ({type(layer).__name__}) stands where it is not expected or has settings that "
                "are not: scoring in part is for convolutions (stride 1, no padding, with bias), each with batch "
                "normalisations over the last axis and at most one max pooling, and then flatten and dense layers"
            )
    if not convolutions or not dense or any(sum(isinstance(s, int) for s in c.steps) > 1 for c in convolutions):
        raise ValueError(
            "the network must have convolutions, each with at most one pooling, and dense layers to be scored in part"
        )
    return _Chain(dtype, *network.input.shape[1:], convolutions, dense)


def _is_plain(layer: keras.layers.Conv1D) -> bool:
    settings = (layer.strides, layer.dilation_rate, layer.groups, layer.padding, layer.data_format, layer.use_bias)
    return settings == ((1,), (1,), 1, "valid", "channels_last", True)


def _is_whole(layer: keras.layers.MaxPooling1D) -> bool:
    return (layer.strides, layer.padding, layer.data_format) == (layer.pool_size, "valid", "channels_last")


def _scale_and_shift(layer: keras.layers.BatchNormalization, dtype: str) -> tuple:
    """What a batch normalisation does at prediction: multiply by a scale and add a shift, for each column."""
    from keras import ops

    if layer.axis not in (-1, 2):
        raise ValueError(f"the batch normalisation {layer.name} must be over the last axis but is over {layer.axis}")
    mean, variance = (np.asarray(value, dtype=np.float64) for value in (layer.moving_mean, layer.moving_variance))
    scale = 1 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        scale = scale * np.asarray(layer.gamma, dtype=np.float64)
    shift = -mean * scale
    if layer.center:
        shift = shift + np.asarray(layer.beta, dtype=np.float64)
    return ops.convert_to_tensor(scale, dtype), ops.convert_to_tensor(shift, dtype)


def _compile(function: Callable, shapes: list[tuple], dtype: str) -> Callable:
    """Compile a function of tensors; axes of None have any length. A shape of () is an `int32` number."""
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec(shape, dtype if shape else tf.int32) for shape in shapes]
        # A partial, as in yeastpromoter.model.prediction, so that those of several networks are not counted together.
        return tf.function(partial(function), input_signature=signature, autograph=False)
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(function)
    return function
