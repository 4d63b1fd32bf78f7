"""Synthetic constructs for distillation: a seeded recipe of parts, each kept clear of what is held out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import Assay
from training.data.assemble import read_held_out
from training.data.data_files import DataFiles
from training.data.similarity import KmerSet
from training.data.tables import BASES, PARTS, letters_of, read_table, sequences_of, write_report, write_table
from yeastpromoter.io.genome import read_genome
from yeastpromoter.sequence.encoding import gc_content, reverse_complement
from yeastpromoter.sequence.random_inserts import inserts_of_any_gc

_BATCH = 200_000


def mutate(inserts: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Substitute each base by one of the other three with the rate of its row, `float` (N,)."""
    hit = rng.random(inserts.shape) < rates[:, np.newaxis]
    code = np.searchsorted(BASES, inserts)
    other = BASES[(code + rng.integers(1, 4, inserts.shape)) % 4]
    return np.where(hit, other, inserts)


def recombine(parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Join the head of each insert with the tail of another one, drawn at random, at a random point."""
    point = rng.integers(0, parents.shape[1] + 1, (len(parents), 1))
    return np.where(np.arange(parents.shape[1]) < point, parents, parents[rng.permutation(len(parents))])


def genome_inserts(genome: Mapping[str, np.ndarray], count: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Windows of a genome at random places on random strands, `uint8` (count, length)."""
    whole = np.concatenate(list(genome.values()))
    ends = np.cumsum([len(chromosome) for chromosome in genome.values()])
    places = len(whole) - length + 1
    start = rng.integers(0, places, count)
    # Windows over the end of a chromosome hold a junction that does not exist: they are drawn again.
    while (bad := np.searchsorted(ends, start, "right") != np.searchsorted(ends, start + length - 1, "right")).any():
        start[bad] = rng.integers(0, places, bad.sum())
    windows = np.lib.stride_tricks.sliding_window_view(whole, length)[start]
    return np.where(rng.random((count, 1)) < 0.5, windows, reverse_complement(windows))


def _candidates(part: Mapping[str, Any], count: int, measured: np.ndarray, genome: Mapping | None, rng) -> np.ndarray:
    if part["kind"] == "random":
        inserts = inserts_of_any_gc(count, part["gc_beta"], rng, measured.shape[1])
    elif part["kind"] == "genome":
        inserts = genome_inserts(genome, count, measured.shape[1], rng)
    else:
        inserts = measured[rng.integers(0, len(measured), count)]
        if part["kind"] == "recombined":
            inserts = recombine(inserts, rng)
    return mutate(inserts, rng.uniform(0, part["mutation_rate"], count), rng)


def synthesise(
    settings: Mapping[str, Any],
    data: Mapping[str, Any],
    table: str | Path,
    split: str | Path,
    output: str | Path,
    report: str | Path,
    downloaded: str | Path | None = None,
) -> None:
    """Make the synthetic constructs of a recipe.

    Parts of kind ``random`` are random inserts, ``genome`` windows of a genome, ``measured`` inserts of the
    training part, ``recombined`` two of them joined at a random point; all are then mutated at a rate drawn
    between 0 and the part's ``mutation_rate``. A construct is left out, and another one drawn, if it is within
    3 substitutions of a held-out sequence, or shares a 30-mer on either strand with a held-out sequence or
    with the test or validation part.

    Parameters
    ----------
    settings : mapping
        The ``synthetic`` section of a validated configuration.
    data : mapping
        Its ``data`` section.
    table, split : str or Path
        Tables of the steps before.
    output : str or Path
        Table to write: ``sequence`` S110 in random order and ``part`` uint8.
    report : str or Path
        JSON file for the number of constructs made and left out, with the reason, and the mean GC of each part.
    downloaded : str or Path, optional
        Report of the step download: the files have to be those that it found.
    """
    files = DataFiles(data["folder"], downloaded)
    rng = np.random.default_rng(settings["seed"])
    matrix = letters_of(read_table(table, "sequence")["sequence"])
    assay = Assay.of_table(table)
    part_of = read_table(split, "part")["part"]
    unseen = KmerSet(assay.inserts(matrix[part_of != PARTS.index("train")]))
    measured = assay.inserts(matrix[part_of == PARTS.index("train")])
    measured = measured[np.isin(measured, BASES).all(axis=1)]
    held_out = read_held_out(data["held_out"], files, assay)

    made, numbers, counts = [], [], []
    for number, part in enumerate(settings["parts"]):
        genome = None
        if part["kind"] == "genome":
            with files.reading(part["genome"]) as (path, _):
                genome = read_genome(path)
        wanted, count = part["count"], {"kind": part["kind"], "left_out_near_held_out": 0}
        count |= {"left_out_shared_kmer_held_out": 0, "left_out_shared_kmer_test_or_validation": 0}
        count |= {"left_out_unknown_base": 0}
        kept = []
        while wanted:
            inserts = _candidates(part, min(_BATCH, 2 * wanted + 100), measured, genome, rng)
            known = np.isin(inserts, BASES).all(axis=1)
            count["left_out_unknown_base"] += int((~known).sum())
            inserts = inserts[known]
            constructs = assay.reporter.constructs(inserts)
            reasons = held_out.resembled_by(constructs)
            near = reasons["identical"] | reasons["near"]
            relative = unseen.shared_by(inserts) & ~near & ~reasons["shared_kmer"]
            count["left_out_near_held_out"] += int(near.sum())
            count["left_out_shared_kmer_held_out"] += int(reasons["shared_kmer"].sum())
            count["left_out_shared_kmer_test_or_validation"] += int(relative.sum())
            fine = constructs[~(near | reasons["shared_kmer"] | relative)][:wanted]
            if not len(fine):
                raise ValueError(
                    f"synthetic part {number} ({part['kind']}): none of {len(inserts)} sequences is clear of the "
                    "held-out, test and validation sequences; raise its mutation_rate or choose another kind"
                )
            kept.append(fine)
            wanted -= len(fine)
        kept = np.concatenate(kept) if kept else np.empty((0, matrix.shape[1]), dtype=np.uint8)
        gc = gc_content(assay.inserts(kept))
        count |= {"made": len(kept), "gc_mean": float(gc.mean()), "gc_sd": float(gc.std())}
        made.append(kept)
        numbers.append(np.full(len(kept), number, dtype=np.uint8))
        counts.append(count)
    order = rng.permutation(sum(map(len, made)))
    write_table(output, {"sequence": sequences_of(np.concatenate(made)[order]), "part": np.concatenate(numbers)[order]})
    write_report(report, {"seed": settings["seed"], "parts": counts})
