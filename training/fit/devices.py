"""What a training step runs on: one device or several, and the network as it learns, fed with letters."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import keras

from yeastpromoter.sequence.encoding import encoding_table


@contextmanager
def divided_among(devices: int) -> Iterator[Callable[[], AbstractContextManager]]:
    """Divide the batches of what is trained within the context among several devices.

    Every device holds the whole network and takes an equal part of each batch; the gradients are averaged. JAX uses
    `keras.distribution.DataParallel`, TensorFlow `tf.distribute.MirroredStrategy`.

    Parameters
    ----------
    devices : int
        How many devices of the backend to use, GPUs if it has any. With 1 nothing is changed.

    Yields
    ------
    callable
        Makes a context of its own, within which networks have to be built and compiled. Nothing else belongs there:
        TensorFlow divides by the number of devices what a loss says of a batch that is not divided.

    Raises
    ------
    ValueError
        If the backend has fewer devices, or cannot divide batches.
    """
    if devices == 1:
        yield nullcontext
        return
    backend = keras.config.backend()
    if backend == "jax":
        found = keras.distribution.list_devices()
    elif backend == "tensorflow":
        import tensorflow

        list_devices = tensorflow.config.list_logical_devices
        found = [device.name for device in list_devices("GPU") or list_devices("CPU")]
    else:
        raise ValueError(
            f"devices is {devices}, but the backend {backend} trains on one: set backend of the configuration to jax "
            "or tensorflow, or devices to 1"
        )
    if len(found) < devices:
        raise ValueError(f"devices is {devices}, but {backend} finds {len(found)} here: {', '.join(found)}")
    if backend == "jax":
        with keras.distribution.DataParallel(devices=found[:devices]).scope():
            yield nullcontext
    else:
        yield tensorflow.distribute.MirroredStrategy(found[:devices]).scope


class OneHot(keras.layers.Layer):
    """One-hot encodes letters, `uint8` (N, L) to `float32` (N, L, 4), where the network runs.

    The same as `yeastpromoter.sequence.encoding.one_hot`, without the check of the letters.
    """

    def call(self, letters):
        """Look the letters up."""
        table = keras.ops.convert_to_tensor(encoding_table())
        return keras.ops.take(table, keras.ops.cast(letters, "int32"), axis=0)


def fed_with_letters(network: keras.Model) -> keras.Model:
    """Put the encoding before a network, which keeps its weights: what this one learns, `network` has learnt.

    Parameters
    ----------
    network : keras.Model
        Takes one-hot constructs.

    Returns
    -------
    keras.Model
        Takes constructs as letters, `uint8` (N, L): a sixteenth of the bytes to move to a GPU. Not compiled.
    """
    letters = keras.Input(network.input_shape[1:2], dtype="uint8", name="letters")
    return keras.Model(letters, network(OneHot(dtype="float32", name="one_hot")(letters)), name="learner")
