"""What `kipoi predict` costs beside the network itself.

    python benchmarks/predict_overhead.py [--sequences 100000] [--batch-sizes 1024 32]

For each batch size, `kipoi predict` runs on a file of random constructs and writes a TSV with ids; its start-up, the
time that it takes for a file of one sequence, is taken off. The baseline is the compiled forward pass of the same
network on the same sequences, already one-hot encoded, in batches of the same size, after a warm-up. Both use all
cores. Wall time is what a user waits and suffers from other programs that run meanwhile; CPU time, summed over the
cores, hardly does.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from yeastpromoter.model.network import build_network
from yeastpromoter.model.startup import quiet_startup
from yeastpromoter.sequence.construct import CONSTRUCT_LENGTH
from yeastpromoter.sequence.encoding import from_one_hot, letters, one_hot

ENTRY = Path(__file__).resolve().parents[1]


def clock() -> np.ndarray:
    """Read the seconds of wall time and of CPU time, of this process and of those it has waited for."""
    times = os.times()
    return np.array([times.elapsed, sum(times[:4])])


def time_kipoi(sequences: list[str], batch_size: int, folder: Path) -> np.ndarray:
    """Run `kipoi predict` on sequences and return the wall and CPU seconds it takes, start-up included."""
    source, output = folder / "sequences.txt", folder / "predictions.tsv"
    source.write_text("".join(f"{sequence}\n" for sequence in sequences))
    command = [Path(sys.executable).parent / "kipoi", "predict", ENTRY, "--source", "dir", "--keep_metadata"]
    command += ["--dataloader_args", f"sequence_file={source}", "--batch_size", str(batch_size), "-o", output]
    start = clock()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = clock() - start
    with open(output) as file:
        written = sum(1 for _ in file) - 1
    if written != len(sequences):
        raise RuntimeError(f"kipoi predict wrote {written} rows for {len(sequences)} sequences")
    return seconds


def time_forward(encoded: np.ndarray, batch_size: int) -> np.ndarray:
    """Run the compiled network on one-hot sequences and return the wall and CPU seconds it takes."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quiet_startup():
        import tensorflow as tf

        arguments = yaml.safe_load((ENTRY / "model.yaml").read_text())["args"]
        network = build_network(arguments["first_activation"])
        network.load_weights(ENTRY / arguments["weights"])
    forward = tf.function(
        lambda x: network(x, training=False), input_signature=[tf.TensorSpec((None, *encoded.shape[1:]), tf.float32)]
    )
    for _ in range(5):
        forward(encoded[:batch_size]).numpy()
    start = clock()
    for first in range(0, len(encoded), batch_size):
        forward(encoded[first : first + batch_size]).numpy()
    return clock() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=100_000, help="how many sequences (default: 100,000)")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1024, 32], help="default: 1024 32")
    arguments = parser.parse_args()
    codes = np.random.default_rng(1).integers(0, 4, (arguments.sequences, CONSTRUCT_LENGTH))
    sequences = from_one_hot(np.eye(4, dtype=np.float32)[codes])
    encoded = one_hot(letters(sequences))
    print(f"{arguments.sequences:,} sequences on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        for batch_size in arguments.batch_sizes:
            start_up = time_kipoi(sequences[:1], batch_size, Path(folder))
            whole = time_kipoi(sequences, batch_size, Path(folder))
            forward = time_forward(encoded, batch_size)
            predict = whole - start_up
            print(
                f"batch size {batch_size}: kipoi predict {predict[0]:.1f} s after {start_up[0]:.1f} s of start-up, "
                f"forward pass {forward[0]:.1f} s, ratio {predict[0] / forward[0]:.2f} "
                f"(CPU time {predict[1]:.1f} s, {forward[1]:.1f} s, ratio {predict[1] / forward[1]:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
