import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from test_train import same, weights_of


def test_a_training_killed_at_any_moment_ends_as_if_nothing_had_been(tmp_path):
    script = Path(__file__).parents[1] / "killed_training.py"
    process = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout.splitlines()[-1])
    assert (result["undisturbed"], result["last"]) == (0, 0), process.stderr
    # In the middle of writing: nothing has a name that a run would go on from.
    assert result["writing"] == -9
    lock, partial = result["left_by_writing"]
    assert lock == "lock"
    assert re.fullmatch(r"partial\.[0-9a-f]{8}\.checkpoint\.h5", partial)
    assert len(result["random"]) == 3
    # A slow machine may let one of them end before its kill, not all.
    assert result["random"][0]["ended"] == -9
    assert 1 <= result["random"][0]["epochs"] < 8

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert same(weights_of(whole), weights_of(killed))
    histories = [json.loads((folder / "history.json").read_text()) for folder in (whole, killed)]
    assert len(histories[0]) == 9, "eight epochs, and the average of the last ones"
    for first, second in zip(*histories, strict=True):
        assert first | {"seconds": 0} == second | {"seconds": 0}
    assert not list(killed.glob("*partial*")), "the next training removes what a killed one left"

    # And the state after the last epoch, which the average does not show.
    from training.fit.checkpoint import read_weights

    for kind in ("weights", "seeds", "optimizer", "mean"):
        pairs = zip(*(read_weights(folder / "checkpoint.h5", kind) for folder in (whole, killed)), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs), kind
