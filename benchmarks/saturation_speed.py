"""How much faster saturation mutagenesis is than running the network on every substitution.

    python benchmarks/saturation_speed.py [--sequences 64] [--batch-sizes 128 256 512 1024 2048] [--rounds 5]

The baseline is the compiled network on all 240 substitutions of each insert, one-hot encoded beforehand, at each of
the batch sizes; its best one counts. Against it stands `saturation_mutagenesis`, from letters to effects, after a
warm-up. They take turns in one run, so that other programs disturb both, and the median of the rounds is compared: by
wall time, which is what a user waits, and by CPU time, summed over the cores, which other programs hardly change. The
largest difference of the expressions is printed too.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from yeastpromoter.interpret.saturation import saturation_mutagenesis
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.model.prediction import compile_network
from yeastpromoter.sequence.encoding import from_one_hot, letters, one_hot
from yeastpromoter.sequence.reporter import PTPA


def clock() -> np.ndarray:
    """Read the seconds of wall time and of CPU time of this process."""
    times = os.times()
    return np.array([times.elapsed, times.user + times.system])


def timed(function: Callable[[], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Call a function: the wall and CPU seconds that it takes, and what it returns."""
    start = clock()
    result = function()
    return clock() - start, result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=64, help="default: 64")
    parser.add_argument(
        "--batch-sizes", type=int, nargs="+", default=[128, 256, 512, 1024, 2048], help="of the baseline"
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    arguments = parser.parse_args()

    trained = load_trained_network()
    codes = np.random.default_rng(1).integers(0, 4, (arguments.sequences, PTPA.insert_length))
    constructs = letters([PTPA.add_adapters(insert) for insert in from_one_hot(np.eye(4)[codes])])
    encoded = one_hot(constructs)
    others = (codes[..., np.newaxis] + np.arange(1, 4)) % 4  # (sequences, positions, substitutions)
    changed = np.tile(encoded[:, np.newaxis, np.newaxis], (1, *others.shape[1:], 1, 1))
    for index, position in enumerate(range(PTPA.insert.start, PTPA.insert.stop)):
        changed[:, index, :, position] = np.eye(4)[others[:, index]]
    changed = changed.reshape(-1, *encoded.shape[1:])

    predict = compile_network(trained.network)

    def plainly(batch_size: int) -> np.ndarray:
        starts = range(0, len(changed), batch_size)
        return np.concatenate([predict(changed[start : start + batch_size]) for start in starts])

    functions = {f"whole network, batch size {size}": lambda size=size: plainly(size) for size in arguments.batch_sizes}
    functions["only what a substitution reaches"] = lambda: saturation_mutagenesis(trained, constructs)
    seconds = {name: [] for name in functions}
    results = {}
    for turn in range(arguments.rounds + 1):
        for name, function in functions.items():
            taken, results[name] = timed(function)
            if turn:  # the first is the warm-up
                seconds[name].append(taken)

    print(f"{len(constructs):,} sequences, {len(changed):,} substitutions, {len(os.sched_getaffinity(0))} cores")
    medians = {name: np.median(taken, axis=0) for name, taken in seconds.items()}
    for name, (wall, cpu) in medians.items():
        print(f"{name}: {wall / len(changed) * 1e6:.0f} µs a substitution (CPU time {cpu / len(changed) * 1e6:.0f} µs)")
    *baseline, partial = medians.values()
    wall, cpu = np.min(baseline, axis=0) / partial
    print(f"{wall:.1f} times as fast as the whole network at its best batch size (by CPU time {cpu:.1f} times)")
    result = results["only what a substitution reaches"]
    alternative = result.reference[:, None, None] + np.take_along_axis(result.effects, others, axis=2)
    plain = trained.decode(results[f"whole network, batch size {arguments.batch_sizes[0]}"]).reshape(others.shape)
    print(f"largest difference in expression: {np.abs(alternative - plain).max():.1e} (0 to 17)")


if __name__ == "__main__":
    main()
