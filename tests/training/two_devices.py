"""Train one small run on one device and on two virtual ones, and print the losses of both as JSON.

    python two_devices.py FOLDER DROPOUT_SCALE

The backend is chosen by KERAS_BACKEND. It has to be a process of its own: virtual devices are made at the start.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if os.environ["KERAS_BACKEND"] == "jax":
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
elif os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow

    processor = tensorflow.config.list_physical_devices("CPU")[0]
    virtual = [tensorflow.config.LogicalDeviceConfiguration() for _ in range(2)]
    tensorflow.config.set_logical_device_configuration(processor, virtual)

from training_tables import write_tables

from training.config.loading import complete_config
from training.fit.train import train


def main() -> None:
    folder, dropout_scale = Path(sys.argv[1]), float(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    paths = write_tables(folder, count=60)
    phase = {
        "batch_size": 10,
        # Adam would make much of differences by rounding, where a gradient is next to nothing.
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "epochs": 2,
        "shift": {"max_bp": 3, "share": 0.5},
        "average_last": 2,
        "patience": None,
        "frozen": [],
    }
    runs = {
        f"on_{devices}": {"devices": devices, "dropout_scale": dropout_scale, "soft_label_sd": 0.7, "phases": [phase]}
        for devices in (1, 2, 3)
    }
    runs["on_3"]["phases"] = [phase | {"batch_size": 9}]
    sources = [{"name": "a", "file": "a.txt", "columns": {"sequence": 0, "expression": 1}}]
    runs = complete_config({"name": "two", "data": {"sources": sources}, "runs": runs})["runs"]
    found = {}
    for name, run in runs.items():
        try:
            train(run, *paths.values(), folder / name, verbose=0)
            found[name] = json.loads((folder / name / "history.json").read_text())
        except ValueError as error:
            found[name] = str(error)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
