"""Simulated measurements in the forms of the public data, so that the workflow runs without them.

Expression is planted: a few motifs raise or lower it, GC content raises it, and each source measures it with its own
noise. The sequences are random; none is from an organism.
"""

import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from training.data.assay import PUBLIC
from training.data.tables import BASES
from yeastpromoter.io.whole_files import write_whole
from yeastpromoter.sequence.encoding import gc_content, letters, reverse_complement
from yeastpromoter.sequence.reporter import PTPA

RANDOM_FILE = "random.txt.gz"
TILES_FILE = "tiles.txt.gz"
SAMPLE_FILE = "sample.txt"
HELD_OUT_FILE = "held_out.txt.gz"
GENOME_FILE = "genome.fa"

#: Planted motifs and by how many buckets each, on either strand, moves expression.
MOTIFS = {"CACCC": 2.5, "TGACT": 2.0, "AAGAA": -1.5, "GGCGC": -2.0}
#: Expression at a GC content of a half and without motifs, and buckets by which it rises from no to only G and C.
MIDDLE, GC_EFFECT = 8.0, 8.0

#: Tiles of 80 bp every 20 bp, in clusters: those of one cluster overlap, those of different ones do not.
_TILE_STEP, _TILES_A_CLUSTER, _CLUSTER_STEP = 20, 5, 200


def refuse_existing(paths: Iterable[Path]) -> None:
    """Stop before simulated data takes the place of a file.

    Raises
    ------
    ValueError
        If one of the files is there.
    """
    for path in paths:
        if path.exists():
            raise ValueError(
                f"{path} is there already, and could be measured: simulated data does not replace it. Name another "
                "folder for the output, or remove the file"
            )


def planted_expression(inserts: np.ndarray, middle: float = MIDDLE, gc_effect: float = GC_EFFECT) -> np.ndarray:
    """Expression without noise.

    Parameters
    ----------
    inserts : numpy.ndarray
        ASCII letters, `uint8` (N, L).
    middle : float, optional
        Expression, 0 to 17, at a GC content of a half and without motifs.
    gc_effect : float, optional
        Buckets by which expression rises from no to only G and C.

    Returns
    -------
    numpy.ndarray
        `float64` (N,), 0 to 17.
    """
    expression = middle + gc_effect * (gc_content(inserts) - 0.5)
    for motif, effect in MOTIFS.items():
        word = letters([motif])
        for strand in (word, reverse_complement(word)):
            expression += effect * _count(inserts, strand[0])
    return np.clip(expression, 0, PUBLIC.ends[1])


def _count(inserts: np.ndarray, word: np.ndarray) -> np.ndarray:
    """How often a word stands in each row, `int64` (N,)."""
    length = inserts.shape[1] - len(word) + 1
    found = np.ones((len(inserts), length), dtype=bool)
    for position, letter in enumerate(word):
        found &= inserts[:, position : position + length] == letter
    return found.sum(axis=1)


def simulate(folder: str | Path, constructs: int = 400, seed: int = 1) -> None:
    """Write simulated data files.

    Parameters
    ----------
    folder : str or Path
        Where to write them; made if need be.
    constructs : int, optional
        Rows of the table of tiles; the other files follow from it.
    seed : int, optional
        Seed: the same one gives the same files, byte for byte.

    Raises
    ------
    ValueError
        If one of the files is there already; nothing is written then.

    Notes
    -----
    - ``random.txt.gz``, half as many rows: constructs of random inserts and their expression, little noise, no
      header. One in ten is up to 5 bp shorter or longer than 110 bp.
    - ``tiles.txt.gz``: a table with header, 120-bp sequences (3 more constant bases on the left and 7 on the right
      of the construct) with two replicates and their mean. 9 of 10 rows are tiles of the simulated genome, in clusters
      of five that overlap, the others random promoters of the file before, measured again. One row in 50 has no
      value, and the scale is another one (2 + 0.8 times expression).
    - ``sample.txt``, half as many rows: like the first, but noisy and in part whole numbers, some with an N, and
      without a newline at the end.
    - ``held_out.txt.gz``: constructs, one a line: one in 20 of the random file's 110-bp ones as they are or with 1 to
      3 substitutions, one in 40 of the tiles moved along by 10 bp, and as many new ones.
    - ``genome.fa``: the genome that the tiles are from, in two halves.
    """
    folder = Path(folder)
    refuse_existing(folder / name for name in (RANDOM_FILE, TILES_FILE, SAMPLE_FILE, HELD_OUT_FILE, GENOME_FILE))
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    n_random = n_sample = max(constructs // 2, 20)
    n_tiles = max(constructs - constructs // 10, 20)
    n_again = max(constructs // 10, 2)

    random = _random_inserts(n_random, rng)
    truth = planted_expression(random)
    measured = np.clip(truth + rng.normal(0, 0.5, n_random), 0, PUBLIC.ends[1])
    longer = np.where(rng.random(n_random) < 0.1, rng.integers(-5, 6, n_random), 0)
    _write_gzip(folder / RANDOM_FILE, _lines(_of_lengths(random, longer, rng), _text(measured)))

    cluster, place = np.divmod(np.arange(n_tiles), _TILES_A_CLUSTER)
    tile_starts = cluster * _CLUSTER_STEP + place * _TILE_STEP
    genome = _random_inserts((int(tile_starts[-1]) + _CLUSTER_STEP) // PTPA.insert_length + 1, rng).ravel()
    middle = len(genome) // 2
    chromosomes = {"one": genome[:middle], "two": genome[middle:]}
    fasta = "".join(f">{name}\n{_wrapped(chromosome)}\n" for name, chromosome in chromosomes.items())
    write_whole(folder / GENOME_FILE, fasta)
    windows = np.lib.stride_tricks.sliding_window_view(genome, PTPA.insert_length)
    tiles = windows[tile_starts]
    same_length = np.flatnonzero(longer == 0)
    again = rng.choice(same_length, min(n_again, len(same_length)), replace=False)
    inserts = np.concatenate([tiles, random[again]])
    _write_tiles(folder / TILES_FILE, inserts, len(tiles), measured[again], rng)

    noisy = _random_inserts(n_sample, rng)
    values = np.clip(planted_expression(noisy) + rng.normal(0, 2.5, n_sample), 0, PUBLIC.ends[1])
    whole = rng.random(n_sample) < 0.5
    values[whole] = np.rint(values[whole])
    unknown = rng.random(n_sample) < 0.01
    noisy[unknown, rng.integers(0, PTPA.insert_length, unknown.sum())] = ord("N")
    longer = np.where(rng.random(n_sample) < 0.1, rng.integers(-5, 6, n_sample), 0)
    write_whole(folder / SAMPLE_FILE, _lines(_of_lengths(noisy, longer, rng), _text(values)).rstrip(b"\n"))

    copied = random[rng.choice(same_length, max(len(same_length) // 20, 1), replace=False)].copy()
    for row, number in enumerate(rng.integers(0, 4, len(copied))):
        places = rng.choice(PTPA.insert_length, number, replace=False)
        copied[row, places] = BASES[(np.searchsorted(BASES, copied[row, places]) + 1) % 4]
    moved = windows[rng.choice(tile_starts, max(n_tiles // 40, 1), replace=False) + 10]
    held_out = np.concatenate([copied, moved, _random_inserts(len(copied) + len(moved), rng)])
    held_out = held_out[rng.permutation(len(held_out))]
    _write_gzip(folder / HELD_OUT_FILE, _lines(_of_lengths(held_out, np.zeros(len(held_out), int), rng)))


def _random_inserts(count: int, rng: np.random.Generator) -> np.ndarray:
    return BASES[rng.integers(0, 4, (count, PTPA.insert_length))]


def _of_lengths(inserts: np.ndarray, longer: np.ndarray, rng: np.random.Generator) -> list[bytes]:
    """Constructs whose inserts lack or have some more bases at their end, as lines' first column."""
    left, right = PTPA.left_adapter.encode(), PTPA.right_adapter.encode()
    rows = np.ascontiguousarray(inserts).view(f"S{PTPA.insert_length}").ravel().tolist()
    for row in np.flatnonzero(longer):
        extra = BASES[rng.integers(0, 4, max(longer[row], 0))].tobytes()
        rows[row] = rows[row][: PTPA.insert_length + min(longer[row], 0)] + extra
    return [left + insert + right for insert in rows]


def _text(values: np.ndarray) -> list[bytes]:
    return [b"%.6g" % value for value in values.tolist()]


def _lines(*columns: list[bytes]) -> bytes:
    return b"\n".join(map(b"\t".join, zip(*columns, strict=True))) + b"\n"


def _wrapped(letters_: np.ndarray) -> str:
    text = letters_.tobytes().decode()
    return "\n".join(text[start : start + 60] for start in range(0, len(text), 60))


def _write_gzip(path: Path, content: bytes) -> None:
    # Neither the time nor the name is stored, so that equal content makes equal files.
    write_whole(path, gzip.compress(content, mtime=0))


def _write_tiles(path: Path, inserts: np.ndarray, n_tiles: int, original: np.ndarray, rng) -> None:
    truth = 2 + 0.8 * planted_expression(inserts)
    replicates = truth[:, np.newaxis] + rng.normal(0, 0.8, (len(inserts), 2))
    combined = _text(replicates.mean(axis=1))
    first, second = _text(replicates[:, 0]), _text(replicates[:, 1])
    for row in np.flatnonzero(rng.random(len(inserts)) < 0.02):
        combined[row] = b"NA"
    left = PTPA.left_flank[-3:].encode()
    right = PTPA.right_flank[:7].encode()
    constructs = _of_lengths(inserts, np.zeros(len(inserts), dtype=int), rng)
    sequences = [left + construct + right for construct in constructs]
    is_tile = [b"TRUE"] * n_tiles + [b"FALSE"] * (len(inserts) - n_tiles)
    originals = [b"NA"] * n_tiles + _text(original)
    header = b"\t".join([b"seq", b"isNative", b"EL.originalHQ", b"EL.rep1", b"EL.rep2", b"EL.combined"]) + b"\n"
    _write_gzip(path, header + _lines(sequences, is_tile, originals, first, second, combined))
