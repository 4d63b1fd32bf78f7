"""Inner layers of the network, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def network_to(network: keras.Model, layer: str | int, pre_nonlinearity: bool = False) -> keras.Model:
    """Cut a network off after one of its layers.

    Parameters
    ----------
    network : keras.Model
        A network as `yeastpromoter.model.network.build_network` makes it.
    layer : str or int
        Name of the layer, or its index, where 0 is the input.
    pre_nonlinearity : bool, optional
        Whether to leave out the layer's activation function. A layer that has none is not changed by it.

    Returns
    -------
    keras.Model
        From the network's input to the output of the layer. With `pre_nonlinearity` it holds a copy of the last
        layer's weights, otherwise it shares all weights with `network`.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    import keras

    found = find_layer(network, layer)
    output = found.output
    if pre_nonlinearity and hasattr(found, "activation"):
        linear = type(found).from_config(found.get_config() | {"activation": "linear"})
        output = linear(found.input)
        linear.set_weights(found.get_weights())
    return keras.Model(network.input, output, name=f"to_{found.name}")


def find_layer(network: keras.Model, layer: str | int) -> keras.layers.Layer:
    """Find a layer of a network by name or index.

    Parameters
    ----------
    network : keras.Model
        The network.
    layer : str or int
        Name of the layer, or its index, where 0 is the input.

    Returns
    -------
    keras.layers.Layer
        The layer.

    Raises
    ------
    ValueError
        If there is no such layer; the message names those that there are.
    """
    for index, candidate in enumerate(network.layers):
        if layer == candidate.name or (layer == index and not isinstance(layer, bool)):
            return candidate
    names = ", ".join(candidate.name for candidate in network.layers)
    raise ValueError(f"layer must be one of {names} (or an index, 0 to {len(network.layers) - 1}) but is {layer!r}")
