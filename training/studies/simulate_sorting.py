"""Simulated sorting of cells at the size of the challenge: millions of random promoters with a known true expression.

A library of random inserts is made, each insert has a true expression (planted motifs and GC content), its cells are
sorted with noise into 18 buckets, and what is measured is the mean bucket of its cells. Rows are made and written some
at a time, so that memory does not grow with their number.
"""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from training.data.assay import PUBLIC
from training.data.tables import BASES
from training.studies.simulate import planted_expression, refuse_existing
from yeastpromoter.io.whole_files import whole_file, whole_table
from yeastpromoter.sequence.encoding import reverse_complement
from yeastpromoter.sequence.random_inserts import inserts_of_any_gc
from yeastpromoter.sequence.reporter import PTPA

TRAIN_FILE = "train_sequences.txt"
HELD_OUT_FILE = "held_out_sequences.txt.gz"

#: Rows of the challenge's training set, and sequences of its test set.
N_TRAIN, N_HELD_OUT = 6_739_258, 71_103

#: Lengths of the construct in bp, and how many of the 6,370 rows of the challenge's public sample have each: 82 % have
#: 110 bp, 13 % 109 and 2.4 % 108.
LENGTHS = {
    **{87: 2, 88: 1, 90: 1, 91: 2, 93: 2, 94: 1, 95: 3, 96: 2, 97: 4, 98: 3, 99: 3, 100: 4, 101: 3, 102: 6, 103: 5},
    **{104: 11, 105: 17, 106: 29, 107: 50, 108: 152, 109: 812, 110: 5219, 111: 29, 115: 1, 119: 1, 120: 1, 121: 1},
    **{123: 1, 128: 1, 131: 1, 133: 1, 135: 1},
}

#: Each insert has its own share of G and C, beta distributed: mean 0.473 and, with the chance of its bases, standard
#: deviation 0.082, as in the public sample.
GC_BETA = (31.7, 35.3)
#: Expression at a GC content of a half and without motifs, buckets by which it rises from no to only G and C, and
#: standard deviation, in buckets, among the cells of one promoter. With 2.8 cells a promoter, measured expression has
#: mean 11.1, standard deviation 2.3, whole numbers in 57 % of the rows and a correlation of 0.35 with GC content; the
#: public sample has 11.15, 2.35, 58 % and 0.35.
MIDDLE, GC_EFFECT = 11.3, 9.7
CELL_SD = 1.85
#: Share of the cells that end up in any of the buckets.
MISSORTED = 0.02
#: Share of the rows that hold one N.
UNKNOWN = 0.004
#: Share of the rows that are another row with one base changed (an error of sequencing).
COPIES = 0.005
#: Share of the rows that resemble a held-out sequence.
LIKE_HELD_OUT = 0.0005

_ROWS_AT_ONCE = 50_000
_ADAPTERS = len(PTPA.left_adapter) + len(PTPA.right_adapter)


@dataclass
class Sorted:
    """Some promoters with the buckets that their cells were sorted into.

    Attributes
    ----------
    inserts : numpy.ndarray
        ASCII letters, `uint8` (N, W), each row filled up with zeros after its insert.
    lengths : numpy.ndarray
        Length of each insert in bp, `int64` (N,).
    expression : numpy.ndarray
        True expression, `float64` (N,), 0 to 17.
    counts : numpy.ndarray
        Cells in each bucket, `int64` (N, 18); every promoter has at least one.
    """

    inserts: np.ndarray
    lengths: np.ndarray
    expression: np.ndarray
    counts: np.ndarray

    @property
    def mean_bucket(self) -> np.ndarray:
        """Measured expression, `float64` (N,): the mean bucket of the cells."""
        return self.counts @ np.asarray(PUBLIC.bucket_values, dtype=float) / self.counts.sum(axis=1)

    @property
    def constructs(self) -> list[bytes]:
        """The inserts between the adapters."""
        left, right = PTPA.left_adapter.encode(), PTPA.right_adapter.encode()
        rows = self.inserts.view(f"S{self.inserts.shape[1]}").ravel().tolist()  # without the zeros after
        return [left + row + right for row in rows]


def held_out_inserts(count: int, seed: int) -> np.ndarray:
    """Random inserts that are held out, `uint8` (count, 80)."""
    return inserts_of_any_gc(count, GC_BETA, np.random.default_rng([seed, 0]))


def sorted_promoters(sequences: int, held_out: np.ndarray, cells: float, seed: int) -> Iterator[Sorted]:
    """Make promoters and sort their cells, some promoters at a time.

    Parameters
    ----------
    sequences : int
        How many promoters.
    held_out : numpy.ndarray
        Held-out inserts, `uint8` (M, 80), M may be 0. A share `LIKE_HELD_OUT` of the promoters is like one of them:
        as it is or with 1 to 6 substitutions, or with one half of it, on either strand.
    cells : float
        Mean number of cells of a promoter, at least 1; the number is geometrically distributed.
    seed : int
        Seed: the same arguments give the same promoters.

    Yields
    ------
    Sorted
    """
    for number, start in enumerate(range(0, sequences, _ROWS_AT_ONCE), start=1):
        rng = np.random.default_rng([seed, number])
        yield _sort(*_library(min(_ROWS_AT_ONCE, sequences - start), held_out, rng), cells, rng)


def simulate_sorting(
    folder: str | Path,
    sequences: int = N_TRAIN,
    held_out: int = N_HELD_OUT,
    cells: float = 2.8,
    seed: int = 1,
    counts: str | Path | None = None,
) -> None:
    """Write a simulated data set in the form of the challenge's.

    Parameters
    ----------
    folder : str or Path
        Where to write; made if need be. ``train_sequences.txt``: construct and mean bucket in each line, separated by
        a tab, without header. ``held_out_sequences.txt.gz``: constructs, one a line; not written without any.
    sequences, held_out : int, optional
        Lines of the two files.
    cells : float, optional
        Mean number of cells of a promoter.
    seed : int, optional
        Seed: the same arguments give the same files, byte for byte.
    counts : str or Path, optional
        Further table to write, with header and separated by tabs: ``sequence``, ``true_expression`` (0 to 17) and
        ``count_0`` to ``count_17``, the cells in each bucket; the same lines as the first file.

    Raises
    ------
    ValueError
        If one of the files is there already, or the folder of `counts` is not; nothing is written then.
    """
    folder = Path(folder)
    refuse_existing([folder / TRAIN_FILE, folder / HELD_OUT_FILE, *([Path(counts)] if counts is not None else [])])
    folder.mkdir(parents=True, exist_ok=True)
    kept_out = held_out_inserts(held_out, seed)
    everywhere = np.full(len(kept_out), PTPA.insert_length)
    nothing = np.empty(0)
    lines = b"".join(b"%b\n" % construct for construct in Sorted(kept_out, everywhere, nothing, nothing).constructs)
    # All files appear at the end: after an interruption none is there that would have to be removed first.
    with ExitStack() as stack:
        if held_out:
            path = stack.enter_context(whole_file(folder / HELD_OUT_FILE))
            # Neither the time nor the name is stored, so that equal content makes equal files.
            path.write_bytes(gzip.compress(lines, compresslevel=6, mtime=0))
        train = stack.enter_context(stack.enter_context(whole_file(folder / TRAIN_FILE)).open("wb"))
        table = None
        if counts is not None:
            table = stack.enter_context(whole_table(counts)).buffer
            names = ["sequence", "true_expression", *(f"count_{bucket}" for bucket in range(PUBLIC.buckets))]
            table.write("\t".join(names).encode() + b"\n")
        bar = stack.enter_context(tqdm(total=sequences, unit=" sequences", unit_scale=True, disable=None))
        for promoters in sorted_promoters(sequences, kept_out, cells, seed):
            constructs = promoters.constructs
            measured = promoters.mean_bucket.tolist()
            train.write(b"".join(b"%b\t%.6g\n" % row for row in zip(constructs, measured, strict=True)))
            if table is not None:
                rows = zip(constructs, promoters.expression.tolist(), promoters.counts.tolist(), strict=True)
                line = b"%b\t%.6g" + PUBLIC.buckets * b"\t%d" + b"\n"
                table.write(b"".join(line % (construct, true, *cells_) for construct, true, cells_ in rows))
            bar.update(len(constructs))


def _substituted(base: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return BASES[(np.searchsorted(BASES, base) + rng.integers(1, 4, len(base))) % 4]


def _library(count: int, held_out: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Inserts, `uint8` (count, W), filled up with zeros, and their lengths, `int64` (count,)."""
    sizes = np.array(list(LENGTHS)) - _ADAPTERS
    share = np.array(list(LENGTHS.values()), dtype=float)
    lengths = rng.choice(sizes, count, p=share / share.sum())
    inserts = inserts_of_any_gc(count, GC_BETA, rng, sizes.max())
    for row in np.flatnonzero(rng.random(count) < LIKE_HELD_OUT) if len(held_out) else ():
        inserts[row, : PTPA.insert_length] = _relative(held_out[rng.integers(len(held_out))], inserts[row], rng)
        lengths[row] = PTPA.insert_length
    copies = np.flatnonzero(rng.random(count) < COPIES)
    originals = rng.integers(0, count, len(copies))
    inserts[copies], lengths[copies] = inserts[originals], lengths[originals]
    places = rng.integers(0, lengths[copies])
    inserts[copies, places] = _substituted(inserts[copies, places], rng)
    unknown = np.flatnonzero(rng.random(count) < UNKNOWN)
    inserts[unknown, rng.integers(0, lengths[unknown])] = ord("N")
    inserts[np.arange(sizes.max()) >= lengths[:, np.newaxis]] = 0
    return inserts, lengths


def _relative(insert: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Relative of an insert, `uint8` (80,): mutated a little, or one half of it, on either strand, beside another."""
    relative = insert.copy()
    if rng.random() < 0.5:
        places = rng.choice(PTPA.insert_length, rng.integers(0, 7), replace=False)
        relative[places] = _substituted(relative[places], rng)
        return relative
    relative[PTPA.insert_length // 2 :] = other[PTPA.insert_length // 2 : PTPA.insert_length]
    return reverse_complement(relative[np.newaxis])[0] if rng.random() < 0.5 else relative


def _sort(inserts: np.ndarray, lengths: np.ndarray, cells: float, rng: np.random.Generator) -> Sorted:
    expression = np.empty(len(inserts))
    for length in np.unique(lengths):
        rows = lengths == length
        expression[rows] = planted_expression(inserts[rows, :length], MIDDLE, GC_EFFECT)
    row = np.repeat(np.arange(len(inserts)), rng.geometric(1 / cells, len(inserts)))
    seen = np.rint(expression[row] + rng.normal(0, CELL_SD, len(row))).clip(0, PUBLIC.ends[1]).astype(np.int64)
    lost = np.flatnonzero(rng.random(len(row)) < MISSORTED)
    seen[lost] = rng.integers(0, PUBLIC.buckets, len(lost))
    counts = np.bincount(row * PUBLIC.buckets + seen, minlength=len(inserts) * PUBLIC.buckets).reshape(
        -1, PUBLIC.buckets
    )
    return Sorted(inserts, lengths, expression, counts)
