"""A stand-in for `kipoi predict`: GC content in place of the network, and faults where it is told to have some.

FAULTS in the environment is a folder. A file there named KIND.FIRST makes the prediction of the shard whose first
record is FIRST go wrong in that way, once: the file is removed. The kind "moves" holds two paths and moves
the first to the second. Calls are noted in the file calls.
"""

import csv
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.sequence.encoding import gc_content


def predict(arguments, batch_size, output):
    sequences = SequenceFile(arguments.pop("sequence_file"), **arguments)
    with Path(output).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")  # as pandas, and so Kipoi, writes
        rows.writerow(["metadata/id", "metadata/length", "metadata/record", "preds/expression"])
        for start in range(0, len(sequences), batch_size):
            batch = sequences.read(np.arange(start, min(start + batch_size, len(sequences))))
            rows.writerows(zip(batch.ids, batch.lengths, batch.records, gc_content(batch.constructs), strict=True))


def main(options):
    assert options[0] == "predict"
    value = {name: options[options.index(name) + 1] for name in ("--dataloader_args", "--batch_size", "-o")}
    arguments, output = json.loads(value["--dataloader_args"]), Path(value["-o"])
    first, faults = arguments.get("first_record", 0), Path(os.environ["FAULTS"])
    with (faults / "calls").open("a") as calls:
        calls.write(f"{first}\n")

    def has(kind):
        fault = faults / f"{kind}.{first}"
        if there := fault.exists():
            fault.unlink()
        return there

    if (moves := faults / f"moves.{first}").exists():
        os.replace(*moves.read_text().splitlines())
        moves.unlink()
    if has("fails"):
        sys.exit(1)
    predict(arguments, int(value["--batch_size"]), output)
    text = output.read_text()
    if has("killed"):
        output.write_text(text[: len(text) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    if has("truncated"):
        output.write_text(text[: text.rindex("\n", 0, -1) + 1])


if __name__ == "__main__":
    main(sys.argv[1:])
