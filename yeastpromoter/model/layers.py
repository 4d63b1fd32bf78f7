"""The layers of a Keras network as data, for a table and a drawing of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Layer:
    """A layer of a network, with what its Keras layer says; None for what it does not have.

    Parameters
    ----------
    name, type : str
        Its name, and that of its class in Keras.
    shape : tuple of int or None
        Shape of its output for one example: (positions, channels), or (units,).
    parameters, trainable : int
        Number of its parameters, and of those that are trained.
    filters : int, optional
        Filters of a convolution.
    kernel : tuple of int, optional
        Positions that a filter, or a pool, spans.
    strides : tuple of int, optional
        Positions from one filter, or pool, to the next.
    activation : str, optional
        Name of the activation.
    rate : float, optional
        Share that a dropout leaves out.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]
    parameters: int
    trainable: int
    filters: int | None = None
    kernel: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    activation: str | None = None
    rate: float | None = None

    @property
    def title(self) -> str:
        """Type as in the report's Table 1: "Dropout 0.1", "Conv1D (relu)"."""
        if self.rate is not None:
            return f"{self.type} {self.rate:g}"
        return f"{self.type} ({self.activation})" if self.activation else self.type

    @property
    def span(self) -> str | None:
        """Kernel, or pool, as text; with the stride where it is not the usual one, 1 or that of the pool."""
        if self.kernel is None:
            return None
        span = "×".join(map(str, self.kernel))
        usual = (1,) * len(self.kernel) if self.filters is not None else self.kernel
        return span if self.strides in (None, usual) else f"{span}, stride {'×'.join(map(str, self.strides))}"


def _whole(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    return tuple(value) if isinstance(value, Sequence) else (value,)


def _activation(layer: keras.Layer) -> str | None:
    activation = getattr(layer, "activation", None)
    return None if activation is None else getattr(activation, "__name__", type(activation).__name__)


def layers_of(network: keras.Model) -> list[Layer]:
    """The layers of a network whose layers follow one another, in their order.

    Parameters
    ----------
    network : keras.Model
        A functional or sequential network.

    Returns
    -------
    list of Layer
        The input first.

    Raises
    ------
    ValueError
        If a layer does not take the output of the one before.
    """
    import keras

    found, before = [], network.inputs[0]
    if not isinstance(network.layers[0], keras.layers.InputLayer):  # a sequential network does not list it
        found.append(Layer("input", "InputLayer", tuple(before.shape[1:]), 0, 0))
    for layer in network.layers:
        # Of a layer that is used more than once Keras knows no input.
        if (found and getattr(layer, "input", None) is not before) or len(network.inputs) > 1:
            raise ValueError(
                f"layer {layer.name!r} of the network {network.name!r} does not take the output of the layer before "
                "it, and that alone: only a network whose layers follow one another can be shown as a list of layers"
            )
        before = layer.output
        kernel = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
        found.append(
            Layer(
                name=layer.name,
                type=type(layer).__name__,
                shape=tuple(before.shape[1:]),
                parameters=layer.count_params(),
                trainable=sum(math.prod(variable.shape) for variable in layer.trainable_variables),
                filters=getattr(layer, "filters", None),
                kernel=_whole(kernel),
                strides=None if kernel is None else _whole(layer.strides),
                activation=_activation(layer),
                rate=getattr(layer, "rate", None) if isinstance(layer, keras.layers.Dropout) else None,
            )
        )
    return found
