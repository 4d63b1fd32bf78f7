"""How fast the dataloader is, and how much memory it takes.

    python benchmarks/dataloader_speed.py [--records 400000] [--memory-records 5000000]

Speed: from a plain-text file to one-hot batches of 1,024, in one process, everything included: the checking pass,
reading, encoding, metadata. The baseline does the least that any loader has to do, in plain Python and numpy: it
iterates over the lines of a list and looks up each batch in a table of 256 rows, with no checks, no ids and no
random access. CPU time is what the process used, and does not suffer from other programs; wall time does.

Memory: largest resident memory of a process that loads 50,000 records, and of one that loads many more. The
difference is what the loader needs for each record.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataloader import YeastPromoterSequences

BATCH_SIZE = 1024
LENGTH = 110
LAYOUTS: dict[str, tuple[str, dict]] = {
    "list": ("{sequence}\n", {}),
    "FASTA": (">promoter_{number}\n{sequence}\n", {}),
    "FASTA, 60 letters a line": (">promoter_{number}\n{first}\n{second}\n", {}),
    "table with ids": ("promoter_{number}\t{sequence}\n", {"id_column": 0, "sequence_column": 1}),
    "table with ids, 1 target": (
        "promoter_{number}\t{sequence}\t{target}\n",
        {"id_column": 0, "sequence_column": 1, "target_columns": 2},
    ),
    "table with ids, 18 targets": (
        "promoter_{number}\t{sequence}\t{targets}\n",
        {"id_column": 0, "sequence_column": 1, "target_columns": list(range(2, 20))},
    ),
    "list of inserts": ("{insert}\n", {"sequence_type": "insert"}),
    "list, every sequence fitted": ("{short}\n", {"other_lengths": "fit"}),
}


def write(path: str, layout: str, n_records: int) -> None:
    """Write a file of random sequences."""
    generator = np.random.default_rng(1)
    with open(path, "w", encoding="ascii") as file:
        for start in range(0, n_records, 10_000):
            n = min(10_000, n_records - start)
            text = generator.choice(np.frombuffer(b"ACGT", np.uint8), (n, LENGTH)).tobytes().decode()
            targets = generator.uniform(0, 17, (n, 18)).round(3)
            for row in range(n):
                sequence = text[row * LENGTH : (row + 1) * LENGTH]
                file.write(
                    layout.format(
                        number=start + row,
                        sequence=sequence,
                        first=sequence[:60],
                        second=sequence[60:],
                        insert=sequence[17:97],
                        short=sequence[: 100 + row % 10],
                        target=targets[row, 0],
                        targets="\t".join(map(str, targets[row])),
                    )
                )


def baseline(path: str) -> Iterator[np.ndarray]:
    """One-hot batches of a list of sequences, with the least work."""
    table = np.zeros((256, 4), np.float32)
    table[list(b"ACGT"), range(4)] = 1
    with open(path, "rb") as file:
        lines = []
        for line in file:
            lines.append(line[:-1])
            if len(lines) == BATCH_SIZE:
                yield table.take(np.frombuffer(b"".join(lines), np.uint8).reshape(len(lines), -1), axis=0)
                lines = []
        if lines:
            yield table.take(np.frombuffer(b"".join(lines), np.uint8).reshape(len(lines), -1), axis=0)


def loader(path: str, arguments: dict) -> Iterator[np.ndarray]:
    """Inputs of the dataloader's batches."""
    for batch in YeastPromoterSequences(path, **arguments).batch_iter(batch_size=BATCH_SIZE):
        yield batch["inputs"]


def seconds(batches: Callable[[], Iterator[np.ndarray]], n_records: int, repeats: int) -> tuple[float, float]:
    """Smallest CPU and wall time of some repeats."""
    times = []
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        n = sum(len(batch) for batch in batches())
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
        if n != n_records:
            raise ValueError(f"{n} records came out of a file of {n_records}")
    return min(cpu for cpu, _ in times), min(wall for _, wall in times)


def peak_memory(path: str, arguments: dict) -> float:
    """Largest resident memory, in MB, of a process that goes through all batches of a file."""
    command = [sys.executable, __file__, "--load", path, json.dumps(arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=400_000, help="records for the speed")
    parser.add_argument("--memory-records", type=int, default=5_000_000, help="records for the memory; 0: leave out")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        for _ in loader(options.load[0], json.loads(options.load[1])):
            pass
        unit = 1 if sys.platform == "darwin" else 1024
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)
        return

    warnings.simplefilter("ignore", UserWarning)  # the loader's note that sequences are fitted
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sequences.txt")
        print(f"{'':28} {'sequences/s (CPU)':>18} {'(wall)':>12} {'times the baseline CPU':>23}")
        reference = None
        for name, (layout, arguments) in LAYOUTS.items():
            write(path, layout, options.records)
            if reference is None:
                reference, wall = seconds(lambda: baseline(path), options.records, options.repeats)
                rates = [f"{options.records / value:,.0f}" for value in (reference, wall)]
                print(f"{'baseline (list, no checks)':28} {rates[0]:>18} {rates[1]:>12} {1:23.2f}")
            cpu, wall = seconds(lambda given=arguments: loader(path, given), options.records, options.repeats)
            rates = [f"{options.records / value:,.0f}" for value in (cpu, wall)]
            print(f"{name:28} {rates[0]:>18} {rates[1]:>12} {cpu / reference:23.2f}", flush=True)
        if options.memory_records:
            print(f"\n{'':28} {'50,000 records':>18} {f'{options.memory_records:,}':>12} {'difference':>23}")
            for name in ("list", "FASTA"):
                layout, arguments = LAYOUTS[name]
                peaks = []
                for n_records in (50_000, options.memory_records):
                    write(path, layout, n_records)
                    peaks.append(peak_memory(path, arguments))
                print(f"{name:28} {peaks[0]:15.0f} MB {peaks[1]:9.0f} MB {peaks[1] - peaks[0]:20.0f} MB", flush=True)


if __name__ == "__main__":
    main()
