import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_tables import random_inserts, text_of, write_tables

from training.data.assay import PUBLIC
from training.data.similarity import KmerSet, Neighbours
from training.data.synthesise import genome_inserts, mutate, recombine, synthesise
from training.data.tables import letters_of, read_table
from yeastpromoter.sequence.encoding import gc_content, letters, reverse_complement
from yeastpromoter.sequence.random_inserts import inserts_of_any_gc
from yeastpromoter.sequence.reporter import PTPA


def test_gc_content_of_random_inserts_is_spread_like_the_beta_distribution():
    inserts = inserts_of_any_gc(4000, (8, 8), np.random.default_rng(0))
    gc = gc_content(inserts)
    assert gc.mean() == pytest.approx(0.5, abs=0.01)
    # The variance of beta(8, 8), 1 / 68, and that of 80 draws with such a share, (1/4 - 1/68) / 80.
    assert gc.var() == pytest.approx(1 / 68 + (1 / 4 - 1 / 68) / 80, rel=0.08)
    counts = [(inserts == ord(base)).mean() for base in "ACGT"]
    np.testing.assert_allclose(counts, 0.25, atol=0.01)


def test_mutations_come_at_the_rows_rate_and_change_the_base():
    inserts = random_inserts(3000, 1)
    rates = np.repeat([0, 0.1, 1], 1000)
    mutated = mutate(inserts, rates, np.random.default_rng(0))
    changed = (mutated != inserts).reshape(3, -1).mean(axis=1)
    assert changed[0] == 0
    assert changed[1] == pytest.approx(0.1, abs=0.005)
    assert changed[2] == 1
    assert set(np.unique(mutated)) <= set(b"ACGT")
    to_others = [(mutated[2000:][inserts[2000:] == ord("A")] == ord(base)).mean() for base in "CGT"]
    np.testing.assert_allclose(to_others, 1 / 3, atol=0.02)


@given(seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_recombined_inserts_have_the_head_of_one_and_the_tail_of_another(seed):
    parents = random_inserts(6, seed)
    texts = text_of(parents)
    for child, parent in zip(text_of(recombine(parents, np.random.default_rng(seed))), texts, strict=True):
        assert any(child == parent[:point] + other[point:] for other in texts for point in range(81))


def test_windows_of_a_genome_never_cross_the_end_of_a_chromosome():
    rng = np.random.default_rng(0)
    genome = {name: letters([text_of(random_inserts(1, seed))[0] + "ACG"])[0] for seed, name in enumerate("ab")}
    windows = set(text_of(genome_inserts(genome, 200, 80, rng)))
    forward = {chromosome.tobytes().decode()[i : i + 80] for chromosome in genome.values() for i in range(4)}
    backward = {text_of(reverse_complement(letters([window])))[0] for window in forward}
    assert windows <= forward | backward
    assert windows & forward
    assert windows & backward


def test_every_window_of_a_genome_can_be_drawn():
    text = text_of(random_inserts(1, seed=4))[0] + "AC"
    windows = set(text_of(genome_inserts({"one": letters([text])[0]}, 200, 80, np.random.default_rng(0))))
    assert {text[i : i + 80] for i in range(3)} < windows
    assert len(windows) == 6


def test_step_makes_what_the_recipe_says_and_keeps_clear_of_what_is_held_out(tmp_path):
    paths = write_tables(tmp_path, count=60)
    matrix = letters_of(read_table(paths["table"], "sequence")["sequence"])
    part = read_table(paths["split"], "part")["part"]
    train = np.flatnonzero(part == 0)
    # Held out: half of the training inserts (as if assemble had let them through), so that many drawn are too near.
    held_out = matrix[train[::2]]
    (tmp_path / "held.txt").write_text("\n".join(text_of(held_out)) + "\n")
    # In the genome: inserts of the test and validation part.
    unseen = matrix[part != 0]
    windows = [*text_of(random_inserts(5, 99)), *text_of(PUBLIC.inserts(unseen)[:3])]
    (tmp_path / "genome.fa").write_text(">one\n" + "".join(windows) + "\n")
    recipe = {
        "seed": 3,
        "parts": [
            {"kind": "random", "count": 50, "mutation_rate": 0, "gc_beta": [8, 8], "genome": None},
            {"kind": "measured", "count": 40, "mutation_rate": 0.02, "gc_beta": [8, 8], "genome": None},
            {"kind": "recombined", "count": 30, "mutation_rate": 0.05, "gc_beta": [8, 8], "genome": None},
            {
                "kind": "genome",
                "count": 20,
                "mutation_rate": 0,
                "gc_beta": [8, 8],
                "genome": {"file": "genome.fa", "sha256": None},
            },
        ],
    }
    data = {"folder": str(tmp_path), "held_out": [{"file": "held.txt", "sha256": None}]}
    synthesise(recipe, data, paths["table"], paths["split"], tmp_path / "out.h5", tmp_path / "out.json")
    columns = read_table(tmp_path / "out.h5")
    made = letters_of(columns["sequence"])
    assert np.bincount(columns["part"]).tolist() == [50, 40, 30, 20]
    assert (np.diff(columns["part"].astype(int)) != 0).sum() > 40, "the order is random"
    texts = text_of(made)
    assert all(text.startswith(PTPA.left_adapter) and text.endswith(PTPA.right_adapter) for text in texts)
    assert not Neighbours(held_out).near(made).any()
    assert not KmerSet(PUBLIC.inserts(held_out)).shared_by(PUBLIC.inserts(made)).any()
    assert not KmerSet(PUBLIC.inserts(unseen)).shared_by(PUBLIC.inserts(made)).any()
    report = json.loads((tmp_path / "out.json").read_text())["parts"]
    assert [entry["made"] for entry in report] == [50, 40, 30, 20]
    assert report[3]["left_out_shared_kmer_test_or_validation"] > 5
    assert report[1]["left_out_near_held_out"] + report[1]["left_out_shared_kmer_held_out"] > 10
    synthesise(recipe, data, paths["table"], paths["split"], tmp_path / "again.h5", tmp_path / "again.json")
    assert (read_table(tmp_path / "again.h5", "sequence")["sequence"] == columns["sequence"]).all()


def test_a_part_that_can_only_make_held_out_sequences_is_an_error(tmp_path):
    paths = write_tables(tmp_path, count=20)
    matrix = letters_of(read_table(paths["table"], "sequence")["sequence"])
    (tmp_path / "held.txt").write_text("\n".join(text_of(matrix)))
    recipe = {"seed": 1, "parts": [{"kind": "measured", "count": 5, "mutation_rate": 0, "gc_beta": [8, 8]}]}
    data = {"folder": str(tmp_path), "held_out": [{"file": "held.txt", "sha256": None}]}
    with pytest.raises(ValueError, match=r"synthetic part 0 \(measured\): none of 110 sequences is clear"):
        synthesise(recipe, data, paths["table"], paths["split"], tmp_path / "out.h5", tmp_path / "out.json")


def test_what_is_held_out_is_made_ready_once(tmp_path, monkeypatch):
    import training.data.assemble
    import training.data.synthesise as module

    made = []

    class Counted(KmerSet):
        def __init__(self, matrix, *arguments):
            made.append(len(matrix))
            super().__init__(matrix, *arguments)

    for place in (training.data.assemble, module):
        monkeypatch.setattr(place, "KmerSet", Counted)
    monkeypatch.setattr(module, "_BATCH", 20)
    paths = write_tables(tmp_path)
    part = {"kind": "random", "count": 90, "mutation_rate": 0, "gc_beta": [8, 8], "genome": None}
    data = {"folder": str(tmp_path), "held_out": []}
    tables = (paths["table"], paths["split"], tmp_path / "out.h5", tmp_path / "out.json")
    synthesise({"seed": 1, "parts": [part, part]}, data, *tables)
    assert len(read_table(tmp_path / "out.h5", "part")["part"]) == 180
    assert sorted(made) == [0, 36], "the held-out sequences, and the test and validation part"
