"""How large batches are; without Keras, which takes seconds to import."""

#: Steps that an epoch should have at least, and the batch below which no smaller one is taken for that: the batch
#: normalisations learn from the mean and variance of each batch.
EPOCH_STEPS, SMALLEST_BATCH = 25, 16


def fitting_batch_size(wanted: int, constructs: int, devices: int = 1) -> int:
    """How large batches are: as large as wanted, or smaller, where there are too few constructs for an epoch of steps.

    Parameters
    ----------
    wanted : int
        Constructs a batch.
    constructs : int
        Number of constructs to learn from.
    devices : int, optional
        The batch is a multiple of them.

    Returns
    -------
    int
        `wanted` where that gives 25 steps or more; else as many constructs as give 25, but at least 16.
    """
    fitting = min(wanted, max(constructs // EPOCH_STEPS, SMALLEST_BATCH))
    return max(fitting // devices, 1) * devices
