"""Make the example sequences: `python model_files/example/make_promoters.py` writes promoters.fa beside this file.

All are synthetic. Most are random inserts of a stated GC content; some have a motif written into a random insert.
Every one is a construct of the entry's reporter, with both adapters.
"""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from yeastpromoter.model.shipped import shipped_reporter  # noqa: E402

SEED = 2022
REPORTER = shipped_reporter(HERE.parents[1])
MOTIFS = {
    "tata_box": ("TATAAA", 55),
    "reb1_site": ("TTACCCG", 20),
    "rap1_site": ("ACACCCATACATTT", 20),
    "gcn4_site": ("TGACTCA", 30),
    "poly_a_tract": ("A" * 20, 30),
}


def random_insert(generator: random.Random, gc: float) -> str:
    """Draw an insert whose letters are G or C with probability `gc`."""
    weights = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return "".join(generator.choices("ACGT", weights, k=REPORTER.insert_length))


def promoters() -> list[tuple[str, str]]:
    """Make the example: (FASTA header, construct) for each sequence."""
    generator = random.Random(SEED)
    made = []
    for percent in (20, 35, 50, 65):
        for number in range(1, 4):
            insert = random_insert(generator, percent / 100)
            made.append((f"random_gc{percent}_{number} random insert, G or C with probability {percent / 100}", insert))
    background = random_insert(generator, 0.4)
    made.append(("background random insert that the motifs below are written into", background))
    for name, (motif, start) in MOTIFS.items():
        if start + len(motif) > REPORTER.insert_length:
            continue
        insert = background[:start] + motif + background[start + len(motif) :]
        made.append((f"background_{name} {motif} at position {start + 1} of the insert", insert))
    made.append(("background_unknown_base N at position 41 of the insert", background[:40] + "N" + background[41:]))
    made.append(("background_lower_case the same letters in lower case", background.lower()))
    return [(header, REPORTER.add_adapters(insert)) for header, insert in made]


if __name__ == "__main__":
    text = "".join(f">{header}\n{construct}\n" for header, construct in promoters())
    (HERE / "promoters.fa").write_text(text, encoding="ascii", newline="\n")
