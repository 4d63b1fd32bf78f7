"""Kill a training several times, let it end, and compare it with one that was left alone; prints JSON.

    python killed_training.py FOLDER

Every training is the command `train` in a process of its own, forked from this one, which has imported everything
but not yet used TensorFlow. One is killed while it writes its first checkpoint, the others at random moments.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

# Threads do not outlive a fork, so none are started before.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from training_tables import write_tables

import training.fit.train
from training.cli.main import main as command
from training.fit import checkpoint

RUN = {
    "deterministic": True,
    "soft_label_sd": 0.7,
    "phases": [
        {
            "batch_size": 8,
            "epochs": 8,
            "epoch_size": 24,
            "schedule": "cosine",
            "warmup": 0.2,
            "optimizer": "adamw",
            "weight_decay": 0.001,
            "shift": {"max_bp": 3, "share": 0.5},
            "average_last": 3,
            "patience": None,
            "frozen": [],
        }
    ],
}
RANDOM_KILLS = 3


def start(arguments: list[str], prepare: Callable[[], None] = lambda: None) -> int:
    """Run the command in a new process; returns its number."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        prepare()
        command([str(argument) for argument in arguments], standalone_mode=False)
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def die_before_the_move() -> None:
    """Let the checkpoint be written, and end before it gets its name."""
    os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)


def how_it_ended(process: int) -> int:
    """Wait for a process: its exit status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def main() -> None:
    folder = Path(sys.argv[1])
    paths = write_tables(folder, count=60)
    sources = [{"name": "a", "file": "a.txt", "columns": {"sequence": 0, "expression": 1}}]
    config = folder / "config.json"
    config.write_text(json.dumps({"name": "killed", "data": {"sources": sources}, "runs": {"one": RUN}}))
    tables = [text for name, path in paths.items() for text in (f"--{name}", path)]
    arguments = ["train", "--config", config, "--run", "one", *tables, "--progress", "none", "--output"]

    whole, killed = folder / "whole", folder / "killed"
    result = {"undisturbed": how_it_ended(start([*arguments, whole]))}
    seconds = np.median([record["seconds"] for record in json.loads((whole / "history.json").read_text())])
    result["writing"] = how_it_ended(start([*arguments, killed], die_before_the_move))
    result["left_by_writing"] = sorted(path.name for path in killed.iterdir())

    rng = np.random.default_rng(int(time.time()))
    state, result["random"] = killed / checkpoint_name(), []
    for _ in range(RANDOM_KILLS):
        before = state.stat().st_mtime_ns if state.exists() else 0
        process = start([*arguments, killed])
        # It goes on for at least an epoch, so that the kills are spread over the run, and then for a random time.
        while not (state.exists() and state.stat().st_mtime_ns != before):
            if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 1.5 * seconds))
        os.kill(process, signal.SIGKILL)
        epoch = checkpoint.read_progress(state)["epoch"]
        result["random"].append({"ended": how_it_ended(process), "epochs": epoch})
    result["last"] = how_it_ended(start([*arguments, killed]))
    print(json.dumps(result))


def checkpoint_name() -> str:
    """Name of the file that a run goes on from."""
    return training.fit.train.CHECKPOINT_FILE


if __name__ == "__main__":
    main()
