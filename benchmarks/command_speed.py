"""How long whole commands take, start-up included, by look-up and with the Keras network in its place.

    python benchmarks/command_speed.py [CASE ...] [--rounds 5] [--sequences 100000] [--many 1000000]
    python benchmarks/command_speed.py variants tracks --genome genome.fa.gz --annotation genes.gtf.gz --vcf all.vcf.gz

The cases, all of them by default:

examples     `kipoi predict` on the shipped example, against the same entry with `engine: keras`
start        `yeastpromoter predict` on the shipped example, against `import numpy`
sequences    `kipoi predict` of random constructs at batch sizes 1,024 and 32, against the same with `engine: keras`
memory       `yeastpromoter predict` of a million random inserts: peak resident memory
variants     `yeastpromoter variants` of a genome: one with random bases, genes and variants unless files are given
tracks       `yeastpromoter tracks` of that genome, at step 20
size         what `pip install .` installs for `yeastpromoter predict`, in MB

Both sides take turns, after a round that warms up, and the median of the rounds is printed, of wall time and, summed
over the cores, of CPU time. Cases that take minutes are run once. `PYTHON -m yeastpromoter` stands for the command.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from yeastpromoter.sequence.reporter import PTPA

ENTRY = Path(__file__).resolve().parents[1]
EXAMPLE = ENTRY / "model_files" / "example" / "promoters.fa"
KIPOI = Path(sys.executable).parent / "kipoi"
YEASTPROMOTER = [sys.executable, "-m", "yeastpromoter"]

#: Size of the genome that is made up, in bp, the distance of its genes, and the number of variants: as in yeast.
GENOME, GENE_EVERY, VARIANTS = 12_000_000, 1_800, 260_000


class Cost(NamedTuple):
    """What a command took."""

    wall: float  # seconds
    cpu: float  # seconds, of all cores
    memory: float  # MB, the largest resident size


def run(command: list) -> Cost:
    """Run a command."""
    environment = os.environ | {"PYTHONPATH": str(ENTRY)}
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(list(map(str, command)), env=environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status:
            said.seek(0)
            raise SystemExit(f"{' '.join(map(str, command))} failed:\n{said.read().decode()}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def compare(title: str, new: list, old: list, old_name: str, rounds: int) -> None:
    """Run two commands in turn and print the medians."""
    costs = [[], []]
    for turn in range(rounds + 1):
        for found, command in zip(costs, (new, old), strict=True):
            cost = run(command)
            if turn:  # the first is the warm-up
                found.append(cost)
    (wall, cpu, memory), (old_wall, old_cpu, old_memory) = (np.median(found, axis=0) for found in costs)
    print(
        f"{title}: {wall:.2f} s against {old_wall:.2f} s {old_name}, a ratio of {old_wall / wall:.1f} (CPU time "
        f"{cpu:.2f} and {old_cpu:.2f} s; {memory:,.0f} and {old_memory:,.0f} MB; medians of {rounds})",
        flush=True,
    )


def alone(title: str, command: list) -> None:
    """Run a command once and print what it took."""
    wall, cpu, memory = run(command)
    print(f"{title}: {wall:.0f} s (CPU time {cpu:.0f} s; {memory:,.0f} MB)", flush=True)


def kipoi_predict(entry: Path, file: Path, output: Path, batch_size: int = 32) -> list:
    """Return the command that predicts the constructs of a file."""
    command = [KIPOI, "predict", entry, "--source", "dir", "--keep_metadata", "--batch_size", batch_size]
    return [*command, "--dataloader_args", f"sequence_file={file}", "-o", output]


def with_keras(folder: Path) -> Path:
    """Make a copy of the entry whose predictions come from the Keras network."""
    copy = folder / "keras"
    copy.mkdir()
    for name in ("model.py", "dataloader.py", "dataloader.yaml", "model_files", "yeastpromoter", "requirements"):
        (shutil.copytree if (ENTRY / name).is_dir() else shutil.copy)(ENTRY / name, copy / name)
    text = (ENTRY / "model.yaml").read_text()
    if "engine: lookup" not in text:
        raise SystemExit("model.yaml has no line with engine: lookup")
    (copy / "model.yaml").write_text(text.replace("engine: lookup", "engine: keras"))
    return copy


def random_rows(count: int, length: int, seed: int = 1) -> list[str]:
    """Return random sequences."""
    codes = np.random.default_rng(seed).integers(0, 4, (count, length), dtype=np.uint8)
    text = np.frombuffer(b"ACGT", np.uint8)[codes].tobytes().decode()
    return [text[start : start + length] for start in range(0, len(text), length)]


def made_genome(folder: Path) -> dict[str, Path]:
    """Write a genome, genes and variants that are made up."""
    rng = np.random.default_rng(1)
    (genome,) = random_rows(1, GENOME)
    starts = range(1_000, GENOME - GENE_EVERY, GENE_EVERY)
    genes = [
        f'I\tmade\t{feature}\t{start}\t{start + 900}\t.\t{"+-"[number % 2]}\t0\tgene_id "g{number}"; '
        'gene_biotype "protein_coding";\n'
        for number, start in enumerate(starts)
        for feature in ("gene", "CDS")
    ]
    places = np.sort(rng.choice(GENOME, VARIANTS, replace=False)).tolist()
    turns = rng.integers(1, 4, VARIANTS).tolist()
    lines = [
        f"I\t{place + 1}\t.\t{genome[place]}\t{'ACGT'[('ACGT'.index(genome[place]) + turn) % 4]}\t.\t.\t.\n"
        for place, turn in zip(places, turns, strict=True)
    ]
    texts = {
        "genome": ("genome.fa", [f">I\n{genome}\n"]),
        "annotation": ("genes.gtf", genes),
        "vcf": ("variants.vcf", ["##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n", *lines]),
    }
    for name, lines in texts.values():
        (folder / name).write_text("".join(lines))
    return {key: folder / name for key, (name, _) in texts.items()}


def installed_size(folder: Path) -> float:
    """Install the package with what it needs and return the size of all of it, in MB."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--target",
        folder / "installed",
        ENTRY,
    ]
    run(command)
    return sum(path.stat().st_size for path in (folder / "installed").rglob("*") if path.is_file()) / 1e6


CASES = ("examples", "start", "sequences", "memory", "variants", "tracks", "size")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=list(CASES), metavar="CASE")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--sequences", type=int, default=100_000, help="of `sequences` (default: 100,000)")
    parser.add_argument("--many", type=int, default=1_000_000, help="of `memory` (default: 1,000,000)")
    for name in ("genome", "annotation", "vcf"):
        parser.add_argument(f"--{name}", type=Path)
    arguments = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output = folder / "predictions.tsv"
        keras = with_keras(folder)
        given = {name: getattr(arguments, name) for name in ("genome", "annotation", "vcf")}
        if {"variants", "tracks"} & set(arguments.cases) and None in given.values():
            given = made_genome(folder)
        for case in arguments.cases:
            if case == "examples":
                commands = (kipoi_predict(entry, EXAMPLE, output) for entry in (ENTRY, keras))
                compare("kipoi predict, 20 examples", *commands, "with Keras", arguments.rounds)
            elif case == "start":
                commands = [*YEASTPROMOTER, "predict", EXAMPLE], [sys.executable, "-c", "import numpy"]
                compare("yeastpromoter predict, 20 examples", *commands, "of `import numpy`", arguments.rounds)
            elif case == "sequences":
                file = folder / "constructs.txt"
                inserts = random_rows(arguments.sequences, 80)
                file.write_text("".join(f"{PTPA.left_adapter}{insert}{PTPA.right_adapter}\n" for insert in inserts))
                for size in (1024, 32):
                    commands = (kipoi_predict(entry, file, output, size) for entry in (ENTRY, keras))
                    title = f"kipoi predict, {arguments.sequences:,} sequences, batch size {size:,}"
                    compare(title, *commands, "with Keras", arguments.rounds)
            elif case == "memory":
                file = folder / "inserts.txt"
                file.write_text("\n".join(random_rows(arguments.many, 80)) + "\n")
                command = [*YEASTPROMOTER, "predict", file, "--sequence-type", "insert", "-o", output]
                alone(f"yeastpromoter predict, {arguments.many:,} sequences", command)
            elif case == "variants":
                options = ["--genome", given["genome"], "--annotation", given["annotation"], "-o", output]
                alone("yeastpromoter variants", [*YEASTPROMOTER, "variants", given["vcf"], *options])
            elif case == "tracks":
                command = [*YEASTPROMOTER, "tracks", given["genome"], "--step", "20", "-o", folder / "track"]
                alone("yeastpromoter tracks, step 20, both strands", command)
            elif case == "size":
                print(
                    f"installed size of what yeastpromoter predict needs: {installed_size(folder):.0f} MB", flush=True
                )


if __name__ == "__main__":
    main()
