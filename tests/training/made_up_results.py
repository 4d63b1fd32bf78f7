"""A results folder as the steps before an evaluation leave it, of a few made-up constructs."""

import json

import numpy as np
from networks import lively_network

from training.data.tables import letters_of, write_table
from training.paths import Layout
from training.run import Run
from yeastpromoter.sequence.reporter import PTPA

SOURCES = ["random", "tiles"]
N = 36


def run_of(config, results, name="plain"):
    """A run whose results are in a folder."""
    return Run(config, name, Layout(results, results / "records"))


def config():
    return {
        "name": "made_up",
        "data": {
            "folder": "/somewhere/private",
            "other_lengths": "fit",
            "sources": [
                {
                    "name": "random",
                    "file": "/somewhere/private/random.txt",
                    "sha256": "ab",
                    "url": "file:///mnt/random",
                },
                {"name": "tiles", "file": "tiles.txt", "sha256": "cd", "url": "https://example.org/tiles.txt"},
            ],
            "held_out": [],
        },
        "split": {"method": "grouped", "seed": 7, "fractions": {"train": 0.5, "test": 0.25, "validation": 0.25}},
        "buckets": {"method": "round"},
        "synthetic": {},
        "runs": {
            "plain": {
                "seed": 1,
                "first_activation": "relu",
                "loss": "mse",
                "soft_label_sd": None,
                "source_weights": False,
                "learn_from": ["train"],
                "gc_sampling": {"method": "none", "seed": 1},
                "synthetic": None,
                "teachers": [],
                "phases": [
                    {
                        "constructs": "measured",
                        "epochs": 2,
                        "optimizer": "adam",
                        "learning_rate": 0.001,
                        "patience": 10,
                        "average_last": None,
                    }
                ],
            }
        },
    }


def columns():
    """Constructs 0 to 17 are in train, 18 to 26 in test, 27 to 35 in validation; every third is fitted."""
    rng = np.random.default_rng(0)
    inserts = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(N)]
    expression = rng.uniform(0, 17, N).astype(np.float32)
    noise = rng.normal(0, 1, (2, N)).astype(np.float32)
    number = np.arange(N)
    replicate = np.where(number % 2 == 1, expression + noise, np.nan).astype(np.float32)
    return {
        "sequence": np.array([PTPA.left_adapter + insert + PTPA.right_adapter for insert in inserts], dtype="S110"),
        "source": (number % 2).astype(np.uint8),
        "fitted": number % 3 == 2,
        "expression": expression,
        "weight": np.ones(N, dtype=np.float32),
        "replicate_1": replicate[0],
        "replicate_2": replicate[1],
    }


def make_results(folder):
    """Write tables, weights, history and summary of the run ``plain``; return the folder of the results."""
    paths = Layout(folder / "made_up", folder / "records")
    table = columns()
    write_table(paths.constructs, table, sources=SOURCES)
    write_table(paths.buckets, {"bucket": np.rint(table["expression"]).astype(np.uint8)})
    part = np.repeat([0, 1, 2], [18, 9, 9]).astype(np.uint8)
    write_table(paths.split, {"part": part, "group": (np.arange(N) // 2).astype(np.int32)})
    paths.run("plain").mkdir(parents=True)
    network = lively_network()
    network.save_weights(paths.weights("plain"))
    history = [
        {
            "phase": 0,
            "epoch": epoch,
            "loss": 0.05 - epoch / 100,
            "accuracy": 0.2 + epoch / 10,
            "mae": 0.1,
            "mse": 0.0456,
            "val_loss": 0.06,
            "val_accuracy": 0.15,
            "val_mae": 0.11,
            "val_mse": 0.06,
            "val_mape": 12.34,
            "val_pearson_random": 0.5,
            "val_pearson_tiles": 0.6,
            "seconds": 30.0,
            "best": True,
        }
        for epoch in range(2)
    ]
    settings = config()["runs"]["plain"]
    write_json(paths.run("plain") / "history.json", history)
    write_json(
        paths.run("plain") / "summary.json",
        {
            "backend": "tensorflow",
            "keras": "3.15.1",
            "versions": {"numpy": "1.26.4"},
            "epochs": 2,
            "seconds": 60.0,
            "training_constructs": 18,
            "best": history[1],
            "settings": {name: settings[name] for name in ("seed", "first_activation", "loss", "phases")},
        },
    )
    gc = {"gc_expression_pearson": 0.3, "bucket_distance_to_target": [0.1] * 17 + [None]}
    write_json(paths.run("plain") / "sample.json", {"settings": {"method": "none"}, "before": gc, "after": gc})
    return paths.root, network


def write_json(path, content):
    path.write_text(json.dumps(content))


def matrix():
    return letters_of(columns()["sequence"])


def insert_gc(rows):
    """GC content of the inserts, counted letter by letter."""
    sequences = columns()["sequence"][rows].astype(str)
    return np.array([sum(letter in "GC" for letter in sequence[17:97]) / 80 for sequence in sequences])
