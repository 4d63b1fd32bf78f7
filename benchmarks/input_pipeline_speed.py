"""How fast the batches of a training are made, on one core and into nothing.

    python benchmarks/input_pipeline_speed.py [--constructs 3750000] [--batch-sizes 128 1024 4096] [--repeats 3]

What is measured is `training.fit.batches.EpochBatches`, as a training step gets them: constructs taken in a shuffled
order from memory, as letters, some of them shifted within the plasmid, with soft labels and the weights of their
sources. The last row also one-hot encodes them, which a training does where the network runs. The baseline is the least
that any training from letters in memory has to do, in plain numpy: take the same rows in the same order and look them
up in a table of 256 rows, without labels, weights, shifts or a check. CPU time is what the process used, and does not
suffer from other programs; wall time does. Threads of numpy are turned off, and the process keeps to one core.
"""

import os

# Before numpy is imported.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.data.assay import PUBLIC
from training.data.buckets import hard_labels, soft_labels
from training.data.tables import BASES
from training.fit.batches import EpochBatches, Examples
from yeastpromoter.sequence.encoding import encoding_table, one_hot
from yeastpromoter.sequence.reporter import PTPA

SHIFT = {"max_bp": 3, "share": 0.5}
SOFT_LABEL_SD = 0.7


def seconds(batches: Callable[[], Iterator[int]], repeats: int) -> tuple[float, float]:
    """Smallest CPU and wall time for a construct, of some repeats."""
    times = []
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        n = sum(batches())
        times.append(((time.process_time() - cpu) / n, (time.perf_counter() - wall) / n))
    return min(cpu for cpu, _ in times), min(wall for _, wall in times)


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--constructs", type=int, default=3_750_000, help="in memory; default: 3,750,000")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[128, 1024, 4096], help="default: 128 1024 4096")
    parser.add_argument("--taken", type=int, default=500_000, help="constructs of an epoch that are made into batches")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts; default: 3")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    rng = np.random.default_rng(1)
    n = options.constructs
    matrix = BASES[rng.integers(0, len(BASES), (n, PTPA.construct_length), dtype=np.uint8)]
    expression = rng.uniform(0, PUBLIC.ends[1], n).astype(np.float32)
    bucket = np.rint(expression).astype(np.uint8)
    weight = rng.random(n).astype(np.float32)
    table = encoding_table()
    ones = np.ones(n, dtype=np.float32)
    hard, soft = (lambda rows: hard_labels(bucket[rows])), (lambda rows: soft_labels(expression[rows], SOFT_LABEL_SD))
    kinds = {
        "letters, hard labels": Examples(matrix, hard, ones),
        "and source weights, soft labels": Examples(matrix, soft, weight),
        "and shifts": Examples(matrix, soft, weight, SHIFT, rng.random(n) < 0.9),
    }

    print(f"{n:,} constructs in memory\n\n{'':42} {'sequences/s (CPU)':>18} {'(wall)':>12} {'of the baseline':>16}")
    for batch_size in options.batch_sizes:
        order = np.random.default_rng(1).permutation(n)

        def baseline(size: int = batch_size, order: np.ndarray = order) -> Iterator[int]:
            for start in range(0, min(options.taken, n), size):
                yield len(table.take(matrix[order[start : start + size]], axis=0))

        def made(examples: Examples, encode: bool, size: int = batch_size) -> Iterator[int]:
            batches = EpochBatches(examples, size, 1, 0)
            for index in range(min(options.taken // size, len(batches))):
                letters, _, _ = batches[index]
                yield len(one_hot(letters) if encode else letters)

        rows = {"baseline: rows taken and one-hot encoded": baseline}
        rows |= {name: lambda examples=examples: made(examples, False) for name, examples in kinds.items()}
        rows["and one-hot encoded, checked"] = lambda: made(kinds["and shifts"], True)
        EpochBatches(kinds["and shifts"], batch_size, 1, 0)  # the order is measured below
        print(f"batches of {batch_size:,}")
        reference, _ = seconds(baseline, options.repeats)
        for name, batches in rows.items():
            cpu, wall = seconds(batches, options.repeats)
            print(f"  {name:40} {1 / cpu:18,.0f} {1 / wall:12,.0f} {reference / cpu:16.2f}", flush=True)

    started = time.process_time()
    EpochBatches(kinds["and shifts"], 1024, 2, 0)
    print(f"\nThe order of an epoch: {time.process_time() - started:.2f} s of CPU time, once an epoch")


if __name__ == "__main__":
    main()
