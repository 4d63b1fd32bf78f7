"""Train the network: one run of a configuration, from its constructs to its best weights.

The step needs NumPy, h5py and Keras with any of its backends, and neither Kipoi nor TensorFlow nor Snakemake.
A run has one or more phases (synthetic constructs with the scores of a teacher ensemble, measured constructs),
each with its own optimiser and schedule. After every epoch a checkpoint is written, from which an
interrupted run goes on.
"""

import hashlib
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from training.batches import EpochBatches, Examples
from training.buckets import hard_labels, soft_labels
from training.tables import PARTS, letters_of, read_attribute, read_table, write_report
from yeastpromoter.decoding import N_BUCKETS, decode
from yeastpromoter.encoding import one_hot
from yeastpromoter.network import build_network

WEIGHTS_FILE = "best.weights.h5"
CHECKPOINT_FILE = "checkpoint.h5"
HISTORY_FILE = "history.json"
SUMMARY_FILE = "summary.json"

#: Batches from which the normalisations of averaged weights are estimated: at a momentum of 0.99 what they held
#: before has faded to 1 % after 460.
NORM_BATCHES = 460


class BoundedPoisson(keras.losses.Loss):
    """Poisson loss of linear outputs: below zero it is undefined, so the scores are bounded just above."""

    def call(self, labels, scores):
        """Mean over the buckets of ``scores - labels * log(scores)``, (N,)."""
        return keras.losses.poisson(labels, keras.ops.maximum(scores, keras.config.epsilon()))


def loss_function(name: str):
    """Loss of one construct's 18 scores, by its name in the configuration.

    ``categorical_crossentropy`` takes the scores as shares of their sum, the same reading as the weighted mean
    that decodes them; ``poisson`` bounds them at 1e-7.
    """
    return {
        "mse": keras.losses.MeanSquaredError(),
        "huber": keras.losses.Huber(delta=0.1),
        "poisson": BoundedPoisson(),
        "categorical_crossentropy": keras.losses.CategoricalCrossentropy(from_logits=False),
    }[name]


def make_optimizer(phase: Mapping[str, Any], total_steps: int) -> keras.optimizers.Optimizer:
    """Make the optimiser of a phase, with its schedule."""
    rate = phase["learning_rate"]
    if phase["schedule"] == "cosine":
        warmup = math.ceil(phase["warmup"] * total_steps)
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 100 if warmup else rate,
            max(total_steps - warmup, 1),
            alpha=0.01,
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    options = {"learning_rate": rate}
    if phase["optimizer"] == "adamw":
        return keras.optimizers.AdamW(weight_decay=phase["weight_decay"], **options)
    return {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[phase["optimizer"]](**options)


def add_to_mean(mean: list[np.ndarray], values: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Mean of `count` sets of weights and one more, from the mean of the `count`."""
    if not count:
        return [np.asarray(value) for value in values]
    return [old + (np.asarray(new) - old) / (count + 1) for old, new in zip(mean, values, strict=True)]


def estimate_norms(network: keras.Model, batches: EpochBatches) -> None:
    """Let the batch normalisations see constructs again.

    Their moving statistics belong to the weights of each epoch; those of averaged weights are other ones (Izmailov
    et al. 2018, arXiv:1803.05407).
    """
    for index in range(min(len(batches), NORM_BATCHES)):
        network(batches[index][0], training=True)


def pearson(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson correlation; NaN where either side does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def predict_scores(network: keras.Model, matrix: np.ndarray, batch_size: int = 1024) -> np.ndarray:
    """Bucket scores of constructs, `uint8` (N, 110) to `float32` (N, 18), a batch at a time.

    The last batch is filled up to `batch_size`, so that backends that compile for a shape compile once.
    """
    scores = np.empty((len(matrix), network.output_shape[-1]), dtype=np.float32)
    for start in range(0, len(matrix), batch_size):
        batch = matrix[start : start + batch_size]
        filled = np.concatenate([batch, np.repeat(batch[-1:], batch_size - len(batch), axis=0)])
        scores[start : start + len(batch)] = np.asarray(network.predict_on_batch(one_hot(filled)))[: len(batch)]
    return scores


class _Data:
    """Tables of one run, read once."""

    def __init__(self, run: Mapping[str, Any], table: Path, buckets: Path, split: Path, sample: Path, synthetic: list):
        columns = read_table(table, "sequence", "expression", "weight", "source", "fitted")
        self.matrix = letters_of(columns["sequence"])
        self.expression, self.source = columns["expression"], columns["source"]
        self.weight, self.fitted = columns["weight"], columns["fitted"]
        self.sources = read_attribute(table, "sources")
        self.bucket = read_table(buckets, "bucket")["bucket"]
        part = read_table(split, "part")["part"]
        self.validation = np.flatnonzero(part == PARTS.index("validation"))
        self.rows = read_table(sample, "row")["row"]
        if not (part[self.rows] == PARTS.index("train")).all():
            raise ValueError(
                f"{sample} holds constructs that are not in the training part of {split}: rerun both steps"
            )
        self._synthetic = synthetic
        self._run = run

    def labels_of(self, rows: np.ndarray) -> np.ndarray:
        sd = self._run["soft_label_sd"]
        return soft_labels(self.expression[rows], sd) if sd else hard_labels(self.bucket[rows])

    def examples(self, phase: Mapping[str, Any]) -> Examples:
        measured = self._measured(phase) if phase["constructs"] != "synthetic" else None
        synthetic = self._scored(phase) if phase["constructs"] != "measured" else None
        if measured is None or synthetic is None:
            return measured or synthetic
        n = len(measured)

        def labels(rows: np.ndarray) -> np.ndarray:
            result = np.empty((len(rows), N_BUCKETS), dtype=np.float32)
            result[rows < n] = measured.labels(rows[rows < n])
            result[rows >= n] = synthetic.labels(rows[rows >= n] - n)
            return result

        return Examples(
            np.concatenate([measured.matrix, synthetic.matrix]),
            labels,
            np.concatenate([measured.weight, synthetic.weight]),
            phase["shift"],
            np.concatenate([measured.can_shift, synthetic.can_shift]),
            n_always=n,
        )

    def _scored(self, phase: Mapping[str, Any]) -> Examples:
        """Synthetic constructs, with the scores of the ensemble as labels."""
        parts = [read_table(path, "sequence", "scores") for path in self._synthetic]
        matrix = np.concatenate([letters_of(part["sequence"]) for part in parts])[: phase["use"]]
        scores = np.concatenate([part["scores"] for part in parts])
        return Examples(
            matrix,
            lambda rows: scores[rows].astype(np.float32),
            np.ones(len(matrix), dtype=np.float32),
            phase["shift"],
        )

    def _measured(self, phase: Mapping[str, Any]) -> Examples:
        """Measured constructs of the run's sample, with labels from their expression."""
        rows = self.rows
        weight = self.weight[rows] if self._run["source_weights"] else np.ones(len(rows), dtype=np.float32)
        # Mean weight 1: a learning rate means the same with and without weights.
        return Examples(
            self.matrix[rows],
            lambda picked: self.labels_of(rows[picked]),
            (weight / weight.mean()).astype(np.float32),
            phase["shift"],
            ~self.fitted[rows],
        )

    def validate(self, network: keras.Model, loss) -> dict[str, float]:
        rows = self.validation
        scores = predict_scores(network, self.matrix[rows])
        labels = self.labels_of(rows)
        expression = decode(scores)
        values = {
            "val_loss": float(keras.ops.convert_to_numpy(loss(labels, scores))),
            "val_mse": float(np.mean((scores - labels) ** 2)),
            "val_mae": float(np.mean(np.abs(scores - labels))),
            "val_accuracy": float(np.mean(scores.argmax(axis=1) == self.bucket[rows])),
        }
        for number, source in enumerate(self.sources):
            of_source = (self.source[rows] == number) & ~self.fitted[rows] & np.isfinite(expression)
            values[f"val_pearson_{source}"] = pearson(expression[of_source], self.expression[rows][of_source])
        return values


def _all_state(network: keras.Model) -> dict[str, Any]:
    """Every variable that a run's future depends on: weights, optimiser, dropout seeds."""
    weights = {id(v) for v in network.weights}
    generators = [v for layer in network.layers for v in layer.variables if id(v) not in weights]
    optimizer = [] if network.optimizer is None else list(network.optimizer.variables)
    return {"weights": list(network.weights), "seeds": generators, "optimizer": optimizer}


def save_checkpoint(path: Path, network: keras.Model, progress: Mapping[str, Any], best: list[np.ndarray], mean: list):
    """Write everything needed to go on after an epoch; the file appears only once it is whole."""
    partial = path.with_name(path.name + ".partial")
    with h5py.File(partial, "w") as file:
        for name, variables in _all_state(network).items():
            group = file.create_group(name)
            for index, variable in enumerate(variables):
                group.create_dataset(f"{index:03d}", data=keras.ops.convert_to_numpy(variable.value))
        for name, values in {"best": best, "mean": mean}.items():
            group = file.create_group(name)
            for index, value in enumerate(values):
                group.create_dataset(f"{index:03d}", data=value)
        file.attrs["progress"] = json.dumps(progress)
    os.replace(partial, path)


def load_checkpoint(path: Path, network: keras.Model) -> None:
    """Put a checkpoint's state into a compiled network."""
    with h5py.File(path, "r") as file:
        for name, variables in _all_state(network).items():
            stored = file[name]
            if len(stored) != len(variables):
                raise ValueError(
                    f"{path} holds {len(stored)} {name} variables but the network has {len(variables)}: the checkpoint "
                    "is of another configuration; remove it to start anew"
                )
            for index, variable in enumerate(variables):
                variable.assign(stored[f"{index:03d}"][()])


def read_weights(path: Path, kind: str) -> list[np.ndarray]:
    """Read the ``best`` weights so far, or the ``mean`` of the last epochs, from a checkpoint."""
    with h5py.File(path, "r") as file:
        return [file[kind][name][()] for name in sorted(file[kind])] if kind in file else []


def read_progress(path: Path) -> dict[str, Any]:
    """Read how far a checkpoint's run has come."""
    with h5py.File(path, "r") as file:
        return json.loads(file.attrs["progress"])


def _hash_tables(tables: Mapping[str, str | Path]) -> dict[str, str]:
    """SHA-256 of each table: equal columns make equal files."""
    hashes = {}
    for name, path in tables.items():
        with Path(path).open("rb") as file:
            hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def _show(record: Mapping[str, Any], verbose: int) -> None:
    if verbose:
        values = ", ".join(f"{name[4:]} {value:.4f}" for name, value in record.items() if name.startswith("val_"))
        what = "average of the last epochs" if "averaged" in record else f"epoch {record['epoch'] + 1}"
        print(f"phase {record['phase'] + 1}, {what}: validation {values}", flush=True)


def train(
    run: Mapping[str, Any],
    table: str | Path,
    buckets: str | Path,
    split: str | Path,
    sample: str | Path,
    output: str | Path,
    synthetic: list[str | Path] | None = None,
    initial: str | Path | None = None,
    verbose: int = 1,
    restart: bool = False,
) -> dict[str, Any]:
    """Train one run, or go on with it where its checkpoint stopped.

    Parameters
    ----------
    run : mapping
        One entry of ``runs`` in a validated configuration.
    table, buckets, split, sample : str or Path
        Tables of the steps before.
    output : str or Path
        Folder of the run: best weights, checkpoint, history and summary.
    synthetic : list of str or Path, optional
        Labelled synthetic tables for phases on synthetic constructs.
    initial : str or Path, optional
        Weights of another run to start from, with the same first activation; random ones by default.
    verbose : int, optional
        1 for a progress bar each epoch, 2 for a line each epoch, 0 for silence.
    restart : bool, optional
        Whether to train anew where the checkpoint in `output` is of other settings or data. By default that is
        an error, so that no finished work is lost by a slip.

    Returns
    -------
    dict
        The summary that is also written: best epoch, its metrics, seconds, hashes of the tables.

    Raises
    ------
    ValueError
        If the checkpoint in `output` is of other settings or data.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    settings = dict(run)
    keras.utils.set_random_seed(run["seed"])
    if run["deterministic"] and keras.config.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    dtype = "mixed_bfloat16" if run["precision"] == "bfloat16" else run["precision"]
    network = build_network(run["first_activation"], dtype=dtype, dropout_scale=run["dropout_scale"], seed=run["seed"])
    data = _Data(run, Path(table), Path(buckets), Path(split), Path(sample), list(synthetic or []))
    loss = loss_function(run["loss"])

    checkpoint = output / CHECKPOINT_FILE
    tables = {"table": table, "buckets": buckets, "split": split, "sample": sample}
    tables |= {f"synthetic_{number}": path for number, path in enumerate(synthetic or [])}
    tables |= {"initial": initial} if initial else {}
    inputs = _hash_tables(tables)
    progress = {
        "settings": settings,
        "inputs": inputs,
        "phase": 0,
        "epoch": 0,
        "best": None,
        "waited": 0,
        "history": [],
    }
    best_weights = None
    resume = checkpoint.exists()
    if resume:
        found = read_progress(checkpoint)
        # What an older checkpoint does not say is taken to be the same.
        wanted = {"settings": settings, "inputs": inputs}
        differs = [
            name
            for name, values in wanted.items()
            if any(values.get(key) != value for key, value in found.get(name, {}).items())
        ]
        if differs and not restart:
            raise ValueError(
                f"{checkpoint} is of a run with other {' and other '.join(differs)}: remove the folder {output} to "
                "train anew with the new ones"
            )
        if differs:
            resume = False
        else:
            progress = found | wanted

    if initial and not resume:
        network.load_weights(initial)
    for number in range(progress["phase"], len(run["phases"])):
        phase = run["phases"][number]
        if progress["phase"] != number:
            progress |= {"phase": number, "epoch": 0, "best": None, "waited": 0}
            network.set_weights(best_weights)
        mean: list[np.ndarray] = []
        examples = data.examples(phase)
        first = EpochBatches(examples, phase["batch_size"], 0, 0, phase["epoch_size"])
        optimizer = make_optimizer(phase, phase["epochs"] * len(first))
        network.compile(
            optimizer=optimizer,
            loss=loss,
            weighted_metrics=["mse", "mae", keras.metrics.CategoricalAccuracy("accuracy")],
        )
        optimizer.build(network.trainable_variables)
        if resume:
            load_checkpoint(checkpoint, network)
            best_weights, mean = read_weights(checkpoint, "best"), read_weights(checkpoint, "mean")
            resume = False
        while progress["epoch"] < phase["epochs"]:
            epoch, started = progress["epoch"], time.monotonic()
            batches = EpochBatches(
                examples, phase["batch_size"], run["seed"] + 1000 * number, epoch, phase["epoch_size"]
            )
            fitted = network.fit(batches, epochs=epoch + 1, initial_epoch=epoch, shuffle=False, verbose=verbose)
            record = {"phase": number, "epoch": epoch}
            record |= {name: float(values[-1]) for name, values in fitted.history.items()}
            record["seconds"] = round(time.monotonic() - started, 1)
            record |= data.validate(network, loss)
            better = progress["best"] is None or record["val_loss"] < progress["best"]
            if better or not phase["patience"]:
                best_weights = network.get_weights()
            progress["best"] = record["val_loss"] if better else progress["best"]
            progress["waited"] = 0 if better else progress["waited"] + 1
            record["best"] = better
            progress["history"].append(record)
            progress["epoch"] = epoch + 1
            if phase["patience"] and progress["waited"] >= phase["patience"]:
                progress["epoch"] = phase["epochs"]
            _show(record, verbose)
            n_averaged = epoch + (phase["average_last"] or 0) - phase["epochs"]
            if n_averaged >= 0:
                mean = add_to_mean(mean, network.get_weights(), n_averaged)
                if epoch + 1 == phase["epochs"]:
                    network.set_weights(mean)
                    estimate_norms(network, batches)
                    averaged = {"phase": number, "epoch": epoch + 1, "averaged": True, "seconds": 0.0}
                    averaged |= data.validate(network, loss)
                    averaged["best"] = averaged["val_loss"] < record["val_loss"]
                    if averaged["best"]:
                        best_weights = network.get_weights()
                    progress["history"].append(averaged)
                    _show(averaged, verbose)
            save_checkpoint(checkpoint, network, progress, best_weights, mean)
            write_report(output / HISTORY_FILE, progress["history"])

    final = build_network(run["first_activation"])
    final.set_weights(best_weights)
    partial = output / f"partial.{WEIGHTS_FILE}"
    final.save_weights(partial)
    os.replace(partial, output / WEIGHTS_FILE)
    # Also where all was done before: the checkpoint alone brings back everything else of a finished run.
    write_report(output / HISTORY_FILE, progress["history"])
    last_phase = [record for record in progress["history"] if record["phase"] == progress["phase"]]
    # Without patience the last epoch is kept, or the average if it is better; with it the best epoch.
    last_is_kept = not run["phases"][-1]["patience"]
    chosen = [record for record in last_phase if record["best"] or (last_is_kept and "averaged" not in record)][-1]
    summary = {
        "backend": keras.config.backend(),
        "keras": keras.__version__,
        "epochs": sum("averaged" not in record for record in progress["history"]),
        "seconds": round(sum(record["seconds"] for record in progress["history"]), 1),
        "training_constructs": len(data.rows),
        "inputs": inputs,
        "best": chosen,
        "settings": settings,
    }
    write_report(output / SUMMARY_FILE, summary)
    return summary
