"""How many sequences a second the training takes on a GPU, and what share of the GPU's peak that is.

    python benchmarks/gpu_training_speed.py [--backends jax torch tensorflow] [--precisions bfloat16 tf32]
        [--batch-sizes 512 1024 2048 4096 8192] [--steps 200] [--epoch 3750000] [--peak TFLOPS]
    python benchmarks/gpu_training_speed.py --device cpu --batch-sizes 128 --steps 5 --epoch 0

Synthetic data go through the training's own steps (training/fit/train.py): batches with shifts, soft labels and
weights, the whole network with dropout, AdamW. Each backend and precision has a process of its own; a backend that is
not installed is reported as such. A rate is that of `--steps` steps, after steps that compile, the making of the
batches included. With the best batch size of each, one epoch of `--epoch` sequences is then trained as a whole (0:
not). 3,750,000 is the report's epoch: 70 % of 6.7 million sequences, of which GC sampling keeps 80 %. Without a GPU
this says so and ends, unless it is asked for figures of the CPU.

Operations are counted from the network: 2 for each multiplication of its convolutions and dense layers, three times
(forward, and backward to the weights and to the inputs) except to the inputs of the first. The peak is the maker's
figure without sparsity, for a GPU that is known here.
"""

import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

#: Packages to look for, by the backend's name.
PACKAGES = {"jax": "jax", "torch": "torch", "tensorflow": "tensorflow"}
#: What a precision is called by JAX and by PyTorch, for products of float32 numbers.
PRODUCTS = {"bfloat16": ("tensorfloat32", "high"), "tf32": ("tensorfloat32", "high"), "float32": ("highest", "highest")}
#: Dense peak in TFLOP/s, by a part of the GPU's name, the first that fits, from the maker's data sheets.
PEAKS = {
    "H200 NVL": {"bfloat16": 835, "tf32": 417, "float32": 60},
    "H200": {"bfloat16": 989, "tf32": 495, "float32": 67},
    "H100 NVL": {"bfloat16": 835, "tf32": 417, "float32": 60},
    "H100 PCIe": {"bfloat16": 756, "tf32": 378, "float32": 51},
    "H100": {"bfloat16": 989, "tf32": 495, "float32": 67},
    "A100": {"bfloat16": 312, "tf32": 156, "float32": 19.5},
    "L40S": {"bfloat16": 362, "tf32": 183, "float32": 91.6},
}
PHASE = {
    "optimizer": "adamw",
    "weight_decay": 0.001,
    "learning_rate": 0.001,
    "schedule": "cosine",
    "warmup": 0.05,
}
SHIFT = {"max_bp": 3, "share": 0.5}
SOFT_LABEL_SD = 0.7
WARM_UP_STEPS = 5


def operations(network: Any) -> int:
    """Floating-point operations that one sequence takes in a training step."""
    forward = [
        2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in network.layers
        if hasattr(layer, "kernel")
    ]
    return 3 * sum(forward) - forward[0]


def use_device(backend: str, precision: str, device: str) -> str | None:
    """Set the backend up; returns the device's name, None where there is no GPU but one is wanted."""
    names = PRODUCTS[precision]
    if backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", names[0])
        found = jax.devices()[0]
        return found.device_kind if device == "cpu" or found.platform == "gpu" else None
    if backend == "torch":
        import torch

        torch.set_float32_matmul_precision(names[1])
        torch.backends.cudnn.allow_tf32 = precision != "float32"
        if device == "cpu":
            return "cpu"
        return torch.cuda.get_device_name() if torch.cuda.is_available() else None
    import tensorflow

    tensorflow.config.experimental.enable_tensor_float_32_execution(precision != "float32")
    gpus = tensorflow.config.list_physical_devices("GPU")
    if gpus:
        return tensorflow.config.experimental.get_device_details(gpus[0])["device_name"]
    return "cpu" if device == "cpu" else None


def measure(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What one backend reaches at one precision: the device, then a result for each batch size and for the epoch."""
    name = use_device(options.worker, options.precisions[0], options.device)
    yield {"device": name}
    if name is None:
        return
    from training.data.assay import PUBLIC
    from training.data.buckets import soft_labels
    from training.data.tables import BASES
    from training.fit.batches import EpochBatches, Examples
    from training.fit.devices import fed_with_letters
    from training.fit.losses import loss_function
    from training.fit.train import compile_learner
    from yeastpromoter.model.network import build_network
    from yeastpromoter.sequence.reporter import PTPA

    rng = np.random.default_rng(1)
    n = max(options.epoch, options.steps * max(options.batch_sizes))
    expression = rng.uniform(0, PUBLIC.ends[1], n).astype(np.float32)
    examples = Examples(
        BASES[rng.integers(0, len(BASES), (n, PTPA.construct_length), dtype=np.uint8)],
        lambda rows: soft_labels(expression[rows], SOFT_LABEL_SD),
        rng.random(n, dtype=np.float32),
        SHIFT,
    )
    network = build_network(dtype="mixed_bfloat16" if options.precisions[0] == "bfloat16" else "float32", seed=1)
    yield {"operations": operations(network)}
    learner, loss = fed_with_letters(network), loss_function("mse")

    def seconds(batch_size: int, size: int) -> float:
        batches = EpochBatches(examples, batch_size, seed=1, epoch=0, epoch_size=size)
        started = time.perf_counter()
        learner.fit(batches, shuffle=False, verbose=0)
        return (time.perf_counter() - started) / (len(batches) * batch_size)

    rates = {}
    for batch_size in options.batch_sizes:
        compile_learner(learner, PHASE, loss, options.steps + WARM_UP_STEPS)
        try:
            seconds(batch_size, WARM_UP_STEPS * batch_size)
            rates[batch_size] = 1 / seconds(batch_size, options.steps * batch_size)
        except Exception as error:  # each backend has its own for too little memory
            text = str(error).splitlines()
            yield {"batch_size": batch_size, "error": f"{type(error).__name__}: {text[0][:100] if text else ''}"}
            continue
        yield {"batch_size": batch_size, "rate": rates[batch_size]}
    if options.epoch and rates:
        best = max(rates, key=rates.get)
        compile_learner(learner, PHASE, loss, options.epoch // best)
        seconds(best, WARM_UP_STEPS * best)
        yield {"epoch": seconds(best, options.epoch) * options.epoch, "batch_size": best}


def results_of(backend: str, precision: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Results of a process of its own, as they come."""
    if importlib.util.find_spec(PACKAGES[backend]) is None:
        yield {"error": "not installed"}
        return
    command = [sys.executable, __file__, "--worker", backend, "--precisions", precision, "--device", options.device]
    command += ["--steps", str(options.steps), "--epoch", str(options.epoch)]
    command += ["--batch-sizes", *map(str, options.batch_sizes)]
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if options.device == "cpu":
        environment |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    for line in process.stdout:
        if line.startswith("{"):
            yield json.loads(line)
    if process.wait():
        yield {"error": f"ended with status {process.returncode}, see above"}


def peak_of(device: str, precision: str, given: float | None) -> float | None:
    """Peak of a device in TFLOP/s, as far as it is known."""
    if given:
        return given
    return next((peaks[precision] for name, peaks in PEAKS.items() if name in device), None)


def row(*cells: Any) -> None:
    """Print a row of a Markdown table, at once."""
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", nargs="+", choices=PACKAGES, default=list(PACKAGES), help="default: all")
    parser.add_argument("--precisions", nargs="+", choices=PRODUCTS, default=["bfloat16", "tf32"])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[512, 1024, 2048, 4096, 8192])
    parser.add_argument("--steps", type=int, default=200, help="steps that are measured; default: 200")
    parser.add_argument("--epoch", type=int, default=3_750_000, help="sequences of the whole epoch; 0: leave out")
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu", help="default: gpu")
    parser.add_argument("--peak", type=float, help="peak of the device in TFLOP/s, for one that is not known here")
    parser.add_argument("--worker", choices=PACKAGES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        for result in measure(options):
            print(json.dumps(result), flush=True)
        return

    header = ("Backend", "Precision", "Device", "Batch size", "Sequences/s", "TFLOP/s", "Share of peak", "Epoch, s")
    row(*header)
    row(*["---"] * 3, *["---:"] * 5)
    missing, count = set(), 0
    for backend in options.backends:
        for precision in options.precisions:
            device = "–"
            for result in results_of(backend, precision, options):
                device, count = result.get("device", device) or "no GPU", result.get("operations", count)
                size = result.get("batch_size", "–")
                if "error" in result:
                    missing |= {backend} if size == "–" else set()
                    row(backend, precision, device, size, result["error"], "", "", "")
                elif device == "no GPU":
                    missing.add(backend)
                    row(backend, precision, device, "", "", "", "", "")
                elif "rate" in result or "epoch" in result:
                    rate = result.get("rate") or options.epoch / result["epoch"]
                    done, peak = rate * count / 1e12, peak_of(device, precision, options.peak)
                    share = f"{done / peak:.1%}" if peak else "–"
                    epoch = f"{result['epoch']:.1f}" if "epoch" in result else ""
                    row(backend, precision, device, f"{size:,}", f"{rate:,.0f}", f"{done:.3g}", share, epoch)
    if set(options.backends) == missing and options.device == "gpu":
        print("\nNothing was measured: no backend that is installed here found a GPU. --device cpu is for the CPU.")
    else:
        print(f"\nA sequence takes {count / 1e6:.1f} MFLOP in a step.", end=" ")
        print(f"Rows with a time are of one whole epoch of {options.epoch:,} sequences." if options.epoch else "")


if __name__ == "__main__":
    main()
