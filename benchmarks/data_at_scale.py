"""What the data steps cost at the size of the challenge: seconds, peak memory, and bytes a sequence between the steps.

    python benchmarks/data_at_scale.py [--sequences 6739258] [--held-out 71103] [--folder FOLDER] [--document FILE]

Simulated sorting data is made (unless the folder has it already) and put through the steps by the commands that a user
runs, each under `/usr/bin/time -v` (or the resource usage of the child process, where that program is missing), on at
most two cores: first report.yaml with every row kept (other lengths fitted), 71,103 sequences held out and both kinds
of split, then report.yaml as it is. Wall time is what a user waits and suffers from other programs that run meanwhile;
CPU time hardly does. With --document, the tables also replace the block "data at scale" of that file.
"""

import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.config.loading import load_config
from training.evaluate.markdown import markdown_table, replace_block
from training.paths import Layout
from training.studies.simulate_sorting import HELD_OUT_FILE, N_HELD_OUT, N_TRAIN, TRAIN_FILE

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "training" / "config" / "report.yaml"
RUN = "relu"
CORES = 2
#: What the steps of the first table may cost together: minutes, GB, bytes a sequence.
LIMITS = (6, 6, 60)

_TIME = "/usr/bin/time"
_WALL = re.compile(r"Elapsed \(wall clock\) time.*: (?:(\d+):)?(\d+):([\d.]+)\n")


def measure(*arguments: str | Path) -> tuple[float, float, float]:
    """Run a training command: its wall and CPU seconds and its peak memory in GB."""
    command = [sys.executable, "-m", "training", *map(str, arguments)]
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    with tempfile.NamedTemporaryFile("r") as figures:
        if os.access(_TIME, os.X_OK):
            command = [_TIME, "-v", "-o", figures.name, *command]
        start = os.times().elapsed
        child = subprocess.Popen(command, cwd=ROOT, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
        text = figures.read()
    if not text:
        return os.times().elapsed - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9
    hours, minutes, seconds = _WALL.search(text).groups()

    def value(name: str) -> float:
        return float(re.search(rf"{re.escape(name)}.*: ([\d.]+)\n", text)[1])

    cpu = value("User time") + value("System time")
    return (
        int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds),
        cpu,
        value("Maximum resident set size") * 1024 / 1e9,
    )


def lines_of(path: Path) -> int:
    """Number of lines of a file, plain or gzip; 0 for one that is missing."""
    if not path.exists():
        return 0
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


class Table:
    """Rows of what was measured, printed as they come."""

    def __init__(self, title: str, sequences: int):
        self.title, self._sequences = title, sequences
        self._header = ["Step", "Wall s", "CPU s", "Peak memory, GB", "Bytes a sequence"]
        self._rows, self._figures = [], []
        print(f"\n{title}\n{' | '.join(self._header)}", flush=True)

    def step(self, name: str, arguments: list, output: Path | None = None) -> None:
        """Run a step; `output` is the table that it hands on."""
        size = None
        figures = measure(*arguments)
        if output is not None:
            size = output.stat().st_size / self._sequences
        self._figures.append((*figures, size))
        self._add(name, *figures, size)

    def total(self) -> tuple[float, float, float, float]:
        """All steps together: seconds and bytes summed, the highest peak."""
        wall, cpu, memory, size = zip(*self._figures, strict=True)
        total = sum(wall), sum(cpu), max(memory), sum(filter(None, size))
        self._add("Together", *total)
        return total

    def _add(self, name: str, wall: float, cpu: float, memory: float, size: float | None) -> None:
        row = [name, f"{wall:.0f}", f"{cpu:.0f}", f"{memory:.2f}", "" if size is None else f"{size:.1f}"]
        self._rows.append(row)
        print(" | ".join(row), flush=True)

    def markdown(self) -> str:
        """Title and table."""
        return f"{self.title}\n\n{markdown_table(self._header, self._rows)}"


def through_the_steps(title: str, sequences: int, folder: Path, changes: dict, also: str | None = None) -> Table:
    """Put the simulated file through the steps with the configuration of the report, changed.

    `also` names a second kind of split, which is made beside the configuration's own.
    """
    config = load_config(REPORT, {**changes, "results": str(folder / "results")})
    layout = Layout.of(config)
    shutil.rmtree(layout.root, ignore_errors=True)
    path = folder / f"{config['name']}.json"
    path.write_text(json.dumps(config))
    table = Table(title, sequences)
    table.step("assemble", ["assemble", "--config", path], layout.constructs)
    table.step("buckets", ["buckets", "--config", path], layout.buckets)
    method = config["split"]["method"]
    table.step(f"split, {method}", ["split", "--config", path], layout.split)
    if also:
        other = folder / f"{config['name']}.{also}.json"
        other.write_text(json.dumps({**config, "split": {**config["split"], "method": also}}))
        output = folder / "results" / f"split.{also}.h5"
        # Only one of the two splits is on disk in a training: its bytes do not count twice.
        table.step(f"split, {also}", ["split", "--config", other, "--output", output])
    table.step("sample (GC correction)", ["sample", "--config", path, "--run", RUN], layout.sample(RUN))
    report = json.loads(layout.constructs.with_suffix(".json").read_text())
    print(f"assemble counted: {report['sources']['challenge']}")
    for path in [layout.split, *([output] if also else [])]:
        report = json.loads(path.with_suffix(".json").read_text())
        names = ("method", "groups", "groups_of_several", "largest_group", "constructs")
        print(f"split counted: { {name: report[name] for name in names} }")
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=N_TRAIN, help="default: 6,739,258, as in the challenge")
    parser.add_argument("--held-out", type=int, default=N_HELD_OUT, help="default: 71,103, as in the challenge")
    parser.add_argument("--folder", type=Path, help="for the data and the tables, which stay; default: a temporary one")
    parser.add_argument("--document", type=Path, help="file whose block is rewritten")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = (arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))).resolve()
        n = arguments.sequences
        load = f"{os.getloadavg()[0]:.1f}"
        making = Table(f"{n:,} sequences, {CORES} cores; load of the machine before the first step: {load}", n)
        if (folder / TRAIN_FILE).exists():
            for name, wanted in ((TRAIN_FILE, n), (HELD_OUT_FILE, arguments.held_out)):
                if (found := lines_of(folder / name)) != wanted:
                    parser.error(f"{folder / name} has {found:,} lines but {wanted:,} are to be measured")
        else:
            simulate = ["simulate-sorting", "--output", folder, "--sequences", n, "--held-out", arguments.held_out]
            making.step("simulate-sorting", simulate, folder / TRAIN_FILE)
        data = {"folder": str(folder)}
        held_out = [{"file": HELD_OUT_FILE}] if arguments.held_out else []
        hard = through_the_steps(
            f"report.yaml with all rows kept, {arguments.held_out:,} sequences held out, and both kinds of split",
            n,
            folder,
            {"name": "scale", "data": {**data, "other_lengths": "fit", "held_out": held_out}},
            also="grouped",
        )
        wall, cpu, memory, size = hard.total()
        minutes, gigabytes, size_limit = LIMITS
        print(
            f"wall {wall / 60:.1f} min, CPU {cpu / 60:.1f} min (limit {minutes}); {memory:.1f} GB (limit {gigabytes}); "
            f"{size:.0f} bytes a sequence (limit {size_limit})"
        )
        plain = through_the_steps("report.yaml as it is", n, folder, {"name": "report", "data": data})
        plain.total()
        if arguments.document:
            tables = [table.markdown() for table in (making, hard, plain)]
            replace_block(arguments.document, "data at scale", "\n\n".join(tables))


if __name__ == "__main__":
    main()
