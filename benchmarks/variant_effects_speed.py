"""How fast variants are scored beside the network itself.

    python benchmarks/variant_effects_speed.py [--variants 5000] [--batch-sizes 1024 32]

A random genome of 2 million bases, genes on both strands every 2,000 bp and random substitutions in their promoters
are made up. `kipoi predict variant_effects` scores them for each batch size, and writes a TSV with metadata; its
start-up, the time that it takes for a single variant on the same genome, is taken off. The baseline is the compiled
forward pass of the same network, in batches of 1,024 constructs, after a warm-up, on as many random constructs as the
command evaluated: identical ones are evaluated once, and only those count here. The ratio is constructs a second of
the whole command over those of the baseline. Both use all cores. Wall time is what a user waits and suffers from other
programs that run meanwhile; CPU time, summed over the cores, hardly does. Peak memory is that of the command.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from predict_overhead import clock, time_forward

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from yeastpromoter.sequence.encoding import from_one_hot, one_hot
from yeastpromoter.variants.effects import Expressions, variant_effects
from yeastpromoter.variants.rows import VariantRows

ENTRY = Path(__file__).resolve().parents[1]
GENOME = 2_000_000
GENE_EVERY = 2_000
PROMOTER = 500
NETWORK_BATCH = 1024


def make_files(folder: Path, count: int) -> dict[str, str]:
    """Write a genome, genes and variants, and the first variant alone; return their paths by a short name."""
    rng = np.random.default_rng(1)
    genome = from_one_hot(np.eye(4, dtype=np.float32)[rng.integers(0, 4, (1, GENOME))])[0]
    starts = np.arange(GENE_EVERY, GENOME - GENE_EVERY, GENE_EVERY)
    beds = [f"I\t{s}\t{s + PROMOTER}\tgene{n}\t0\t{'+-'[n % 2]}\n" for n, s in enumerate(starts)]
    places = (starts[:, np.newaxis] + np.arange(PROMOTER)).ravel()
    if count > len(places):
        raise SystemExit(f"--variants must be at most {len(places):,}, the bases of the promoters, but is {count:,}")
    chosen = np.sort(rng.choice(places, count, replace=False))
    turns = rng.integers(1, 4, count)
    lines = [
        f"I\t{place + 1}\tv{n}\t{genome[place]}\t{'ACGT'[('ACGT'.index(genome[place]) + turn) % 4]}\t.\t.\t.\n"
        for n, (place, turn) in enumerate(zip(chosen.tolist(), turns.tolist(), strict=True))
    ]
    header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    texts = {
        "fasta": ("genome.fa", f">I\n{genome}\n"),
        "bed": ("promoters.bed", "".join(beds)),
        "vcf": ("variants.vcf", header + "".join(lines)),
        "first": ("first.vcf", header + lines[0]),
    }
    paths = {}
    for key, (name, text) in texts.items():
        (folder / name).write_text(text)
        paths[key] = str(folder / name)
    return paths


def time_kipoi(files: dict[str, str], vcf: str, batch_size: int) -> np.ndarray:
    """Run `kipoi predict variant_effects` and return the wall and CPU seconds it takes, start-up included."""
    output = Path(files[vcf]).with_suffix(".tsv")
    arguments = [f"vcf_file={files[vcf]}", f"fasta_file={files['fasta']}", f"annotation_file={files['bed']}"]
    command = [Path(sys.executable).parent / "kipoi", "predict", ENTRY / "variant_effects", "--source", "dir"]
    command += ["--keep_metadata", "--batch_size", str(batch_size), "-o", output, "--dataloader_args", *arguments]
    start = clock()
    subprocess.run([*command, "skipped_file=false"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return clock() - start


def count_constructs(files: dict[str, str], batch_size: int) -> tuple[int, int]:
    """Number of constructs that the command asks for and that it evaluates, found without a network."""
    rows = VariantRows(files["vcf"], files["fasta"], files["bed"], skipped_file=False)
    expressions = Expressions(lambda constructs: np.zeros(len(constructs)))
    for start in range(0, len(rows), batch_size):
        batch = rows.read(np.arange(start, min(start + batch_size, len(rows))))
        pair = (one_hot(x.reshape(-1, x.shape[2])).reshape(*x.shape, 4) for x in (batch.ref, batch.alt))
        variant_effects(*pair, expressions)
    return expressions.n_asked, expressions.n_evaluated


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=5_000, help="how many variants (default: 5,000)")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1024, 32], help="default: 1024 32")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder), arguments.variants)
        for batch_size in arguments.batch_sizes:
            asked, evaluated = count_constructs(files, batch_size)
            start_up = time_kipoi(files, "first", batch_size)
            predict = time_kipoi(files, "vcf", batch_size) - start_up
            peak = (
                resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 / (1 + 1023 * (sys.platform == "darwin"))
            )
            codes = np.random.default_rng(2).integers(0, 4, (evaluated, 110))
            forward = time_forward(np.eye(4, dtype=np.float32)[codes], NETWORK_BATCH)
            print(
                f"{arguments.variants:,} variants on {os.cpu_count()} cores, batch size {batch_size}: {asked:,} "
                f"constructs, {evaluated:,} of them evaluated; kipoi predict {predict[0]:.1f} s after "
                f"{start_up[0]:.1f} s of start-up, {evaluated / predict[0]:,.0f} constructs/s, forward pass "
                f"{forward[0]:.1f} s, {evaluated / forward[0]:,.0f} constructs/s, ratio {forward[0] / predict[0]:.2f} "
                f"(CPU time {predict[1]:.1f} s, {forward[1]:.1f} s, ratio {forward[1] / predict[1]:.2f}); "
                f"peak memory {peak:,.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
