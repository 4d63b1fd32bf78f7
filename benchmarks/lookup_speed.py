"""How fast prediction by look-up is, against the network itself compiled in TensorFlow.

    python benchmarks/lookup_speed.py [--sequences 6144] [--batch-sizes 128 256 512 1024 2048] [--rounds 5]

Both get random constructs in the form that they take, letters or one-hot, and use all cores. The network is measured at
several batch sizes. The look-up forms its own batches and is measured with several numbers of constructs in each
(`BATCH_SIZE` and `BLOCK_SIZE` of `yeastpromoter.lookup.network`). They take turns in one process. For each the median
is printed, of wall time, which suffers from other programs that run meanwhile, and of CPU time, which does so less. The
tables are made before and timed separately. The largest difference of the bucket scores is printed too.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from yeastpromoter.lookup import network as lookup
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
    parser.add_argument("--sequences", type=int, default=6144, help="default: 6,144")
    parser.add_argument(
        "--batch-sizes", type=int, nargs="+", default=[128, 256, 512, 1024, 2048], help="of the network"
    )
    parser.add_argument(
        "--look-up-batches",
        nargs="+",
        default=["64:16", "64:8", "64:32", "128:16"],
        metavar="BATCH:BLOCK",
        help="of the look-up (default: 64:16 64:8 64:32 128:16)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    arguments = parser.parse_args()

    codes = np.random.default_rng(1).integers(0, 4, (arguments.sequences, PTPA.insert_length))
    constructs = letters([PTPA.add_adapters(insert) for insert in from_one_hot(np.eye(4)[codes])])
    encoded = one_hot(constructs)
    predict = compile_network(load_trained_network().network)
    seconds, predictor = timed(load_trained_network)
    print(f"{len(constructs):,} sequences, {predictor.engine.threads.count} threads")
    print(f"loading for look-up: {seconds[0]:.2f} s")
    for name, count in (("1 sequence", 1), ("20 sequences", 20), ("enough to make all tables", 322)):
        seconds, _ = timed(lambda count=count: predictor.bucket_scores(constructs[np.arange(count) % len(constructs)]))
        print(f"first call, {name}: {seconds[0]:.2f} s")

    def dense(batch_size: int) -> np.ndarray:
        starts = range(0, len(encoded), batch_size)
        return np.concatenate([predict(encoded[start : start + batch_size]) for start in starts])

    def looked_up(batch: str) -> np.ndarray:
        lookup.BATCH_SIZE, lookup.BLOCK_SIZE = map(int, batch.split(":"))
        return predictor.bucket_scores(constructs)

    networks = {f"network, batch size {size}": lambda size=size: dense(size) for size in arguments.batch_sizes}
    look_ups = {f"look-up, batch {batch}": lambda batch=batch: looked_up(batch) for batch in arguments.look_up_batches}
    functions = networks | look_ups
    seconds = {name: [] for name in functions}
    results = {}
    for turn in range(arguments.rounds + 1):
        for name, function in functions.items():
            taken, results[name] = timed(function)
            if turn:  # the first is the warm-up
                seconds[name].append(taken)

    medians = {name: np.median(taken, axis=0) for name, taken in seconds.items()}
    for name, (wall, cpu) in medians.items():
        print(f"{name}: {len(constructs) / wall:,.0f} sequences/s (CPU time {cpu / len(constructs) * 1e6:.0f} µs each)")
    best = [np.min([medians[name] for name in names], axis=0) for names in (networks, look_ups)]
    wall, cpu = best[0] / best[1]
    print(f"the look-up is {wall:.1f} times as fast as the network, each at its best (by CPU time {cpu:.1f} times)")
    reference = results[next(iter(networks))]
    print(f"largest difference in bucket scores: {max(np.abs(results[n] - reference).max() for n in look_ups):.1e}")


if __name__ == "__main__":
    main()
