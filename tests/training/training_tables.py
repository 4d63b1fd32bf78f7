"""Small tables for tests of the training steps, without a file of measurements."""

import numpy as np

from training.data.tables import PARTS, sequences_of, write_table
from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.reporter import PTPA

BASES = np.frombuffer(b"ACGT", dtype=np.uint8)


def random_inserts(count, seed):
    return BASES[np.random.default_rng(seed).integers(0, 4, (count, PTPA.insert_length))]


def constructs_of(inserts):
    return letters([PTPA.add_adapters(row.tobytes().decode()) for row in inserts])


def text_of(matrix):
    return [row.tobytes().decode() for row in matrix]


def write_tables(folder, count=120, seed=0):
    """Constructs of two sources, their buckets, a split and all training rows as the sample; returns the paths."""
    rng = np.random.default_rng(seed)
    inserts = random_inserts(count, seed)
    expression = (17 * rng.random(count)).astype(np.float32)
    part = np.repeat(np.arange(len(PARTS)), [count * 7 // 10, count // 10, count - count * 7 // 10 - count // 10])
    missing = np.full(count, np.nan, dtype=np.float32)
    paths = {name: folder / f"{name}.h5" for name in ("table", "buckets", "split", "sample")}
    write_table(
        paths["table"],
        {
            "sequence": sequences_of(constructs_of(inserts)),
            "expression": expression,
            "weight": np.where(np.arange(count) % 2, 0.5, 2).astype(np.float32),
            "source": (np.arange(count) % 2).astype(np.uint8),
            "fitted": np.arange(count) % 10 == 0,
            "replicate_1": missing,
            "replicate_2": missing,
        },
        sources=["first", "second"],
    )
    write_table(paths["buckets"], {"bucket": np.rint(expression).astype(np.uint8)})
    write_table(
        paths["split"],
        {"part": part.astype(np.uint8), "group": np.arange(count, dtype=np.int32)},
        parts=list(PARTS),
    )
    write_table(paths["sample"], {"row": np.flatnonzero(part == 0)})
    return paths
