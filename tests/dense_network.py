"""The network of Table 1 layer by layer in NumPy, small weights for it, and letters to try it on."""

import numpy as np

#: Length of the constructs of `small_layers`.
LENGTH = 31

#: Bucket scores are of size 1. Rounding moves them by some 1e-7, see closeness.py.
BOUNDS = {"float32": 2e-6, "float64": 1e-12}


def as_letters(sequences):
    return np.array([list(sequence.encode()) for sequence in sequences], dtype=np.uint8)


def random_letters(count, length, seed=0, alphabet="ACGT"):
    return np.random.default_rng(seed).choice(np.frombuffer(alphabet.encode(), np.uint8), (count, length))


def special_letters(length=110):
    sequences = ["A", "T", "C", "G", "GC", "AT", "CAG", "TATAAA", "N", "NA", "a", "acgtn", "GGGGGGGGGGN"]
    sequences = [(sequence * length)[:length] for sequence in sequences]
    constructs = random_letters(6, length, seed=1)
    constructs[0, 0] = constructs[1, -1] = constructs[2, length // 2] = constructs[3, ::9] = ord("N")
    constructs[4, length // 3 : length // 2] = ord("n")
    constructs[5] += 32  # lower case
    return np.concatenate([as_letters(sequences), constructs])


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense_scores(layers, letters, first_activation="relu"):
    """Compute the network of Table 1 layer by layer, in float64."""
    layers = {name: [np.asarray(array, dtype=np.float64) for array in arrays] for name, arrays in layers.items()}
    encoding = {"A": [1, 0, 0, 0], "C": [0, 1, 0, 0], "G": [0, 0, 1, 0], "T": [0, 0, 0, 1], "N": [0.25] * 4}
    x = np.array([[encoding[chr(letter).upper()] for letter in row] for row in letters], dtype=np.float64)
    activations = [{"relu": lambda x: np.maximum(x, 0), "softmax": softmax}[first_activation], *[softmax] * 3]
    for number, activation in enumerate(activations, start=1):
        kernel, bias = layers[f"conv_{number}"]
        positions = x.shape[1] - len(kernel) + 1
        x = bias + sum(x[:, tap : tap + positions] @ kernel[tap] for tap in range(len(kernel)))
        gamma, beta, mean, variance = layers[f"norm_{number}"]
        x = (activation(x) - mean) / np.sqrt(variance + 0.001) * gamma + beta
        if number == 2:
            even, odd = x[:, 0::2], x[:, 1::2]
            x = np.maximum(even[:, : odd.shape[1]], odd)
    x = x.reshape(len(x), -1)
    for name in ("dense_1", "dense_2"):
        kernel, bias = layers[name]
        x = sigmoid(x @ kernel + bias)
    kernel, bias = layers["bucket_scores"]
    return x @ kernel + bias


def small_layers(length=LENGTH, first=7, second=4, seed=0):
    """Weights of a small network of the same kind; about half of the normalisations' scales are negative."""
    generator = np.random.default_rng(seed)
    layers = {}
    positions, inputs = length, 4
    for number, (taps, outputs) in enumerate([(first, 6), (second, 7), (3, 5), (2, 4)], start=1):
        # A softmax is neither even nor all in one channel, and a normalisation brings its outputs to a size of 1.
        kernel = generator.normal(size=(taps, inputs, outputs)) / np.sqrt(taps * inputs)
        layers[f"conv_{number}"] = [kernel, generator.normal(size=outputs)]
        gamma, beta, mean = generator.normal(size=(3, outputs))
        layers[f"norm_{number}"] = [gamma, beta, mean / 10, generator.uniform(0.001, 0.02, outputs)]
        positions = (positions - taps + 1) // (2 if number == 2 else 1)
        inputs = outputs
    inputs *= positions
    for name, outputs in (("dense_1", 8), ("dense_2", 8), ("bucket_scores", 18)):
        kernel = generator.normal(size=(inputs, outputs)) / np.sqrt(inputs)
        layers[name] = [kernel, generator.normal(size=outputs) / 4]
        inputs = outputs
    return layers


def with_complete_tables(network):
    """Let a network look up as many words as it takes to make all tables; a construct has length - 14 at least."""
    network.bucket_scores(random_letters(4**8 // 2 // (network.length - 14) + 1, network.length))
    assert network.tables.complete is not None
    return network
