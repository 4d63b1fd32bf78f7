"""Train the network: one run of a configuration, from its constructs to its best weights.

The step needs NumPy, h5py and Keras with any of its backends, and neither Kipoi nor TensorFlow nor Snakemake.
A run has one or more phases (synthetic constructs with the scores of a teacher ensemble, measured constructs),
each with its own optimiser and schedule. After every epoch a checkpoint is written, from which an
interrupted run goes on.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.data.tables import sha256_of, write_report
from training.fit.batch_size import fitting_batch_size
from training.fit.batches import EpochBatches
from training.fit.checkpoint import alone_in, load_checkpoint, read_progress, read_weights, save_checkpoint
from training.fit.devices import divided_among, fed_with_letters
from training.fit.event_files import EventFiles, remove_events
from training.fit.losses import loss_function
from training.fit.networks import build_network, described
from training.fit.run_data import RunData
from training.notices import say, warn
from training.paths import HISTORY_FILE, SUMMARY_FILE
from training.versions import versions
from yeastpromoter.extras import require
from yeastpromoter.io.whole_files import whole_file

WEIGHTS_FILE = "best.weights.h5"
CHECKPOINT_FILE = "checkpoint.h5"

#: Batches from which the normalisations of averaged weights are estimated: at a momentum of 0.99 what they held
#: before has faded to 1 % after 460.
NORM_BATCHES = 460


def make_optimizer(phase: Mapping[str, Any], total_steps: int) -> keras.optimizers.Optimizer:
    """Make the optimiser of a phase, with its schedule.

    Parameters
    ----------
    phase : mapping
        One of a run's phases.
    total_steps : int
        Steps of the whole phase, over which a schedule goes.
    """
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


def compile_learner(learner: keras.Model, phase: Mapping[str, Any], loss: keras.losses.Loss, total_steps: int) -> None:
    """Make the network ready for the training steps of a phase.

    Parameters
    ----------
    learner : keras.Model
        The network, fed with letters.
    phase : mapping
        One of a run's phases.
    loss : keras.losses.Loss
        Loss of the bucket scores.
    total_steps : int
        Steps of the whole phase.
    """
    optimizer = make_optimizer(phase, total_steps)
    learner.compile(
        optimizer=optimizer,
        loss=loss,
        weighted_metrics=["mse", "mae", keras.metrics.CategoricalAccuracy("accuracy")],
    )
    optimizer.build(learner.trainable_variables)


def freeze(network: keras.Model, names: Sequence[str]) -> None:
    """Let some layers of a network keep their weights while it is trained, and all others learn.

    A normalisation that is frozen uses its moving statistics, as in prediction.

    Raises
    ------
    ValueError
        If the network has no such layer.
    """
    there = [layer.name for layer in network.layers]
    if unknown := [name for name in names if name not in there]:
        raise ValueError(f"layers {', '.join(unknown)} cannot be frozen: the network has {', '.join(there)}")
    for layer in network.layers:
        layer.trainable = layer.name not in names


def add_to_mean(mean: list[np.ndarray], values: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Mean of `count` sets of weights and one more, from the mean of the `count`."""
    if not count:
        return [np.asarray(value) for value in values]
    return [old + (np.asarray(new) - old) / (count + 1) for old, new in zip(mean, values, strict=True)]


def estimate_norms(learner: keras.Model, batches: EpochBatches) -> None:
    """Let the batch normalisations see constructs again.

    Their moving statistics belong to the weights of each epoch; those of averaged weights are other ones (Izmailov
    et al. 2018, arXiv:1803.05407).
    """
    for index in range(min(len(batches), NORM_BATCHES)):
        learner(batches[index][0], training=True)


def _show(record: Mapping[str, Any], verbose: int) -> None:
    if verbose:
        values = ", ".join(
            f"{name[4:]} {'undefined' if value is None else format(value, '.4f')}"
            for name, value in record.items()
            if name.startswith("val_")
        )
        what = "average of the last epochs" if "averaged" in record else f"epoch {record['epoch'] + 1}"
        print(f"phase {record['phase'] + 1}, {what}: validation {values}", flush=True)


def _earlier_progress(
    checkpoint: Path, settings: Mapping[str, Any], inputs: Mapping[str, str], restart: bool
) -> dict[str, Any] | None:
    """How far the run has come; None where it starts again.

    Raises
    ------
    ValueError
        If the checkpoint is damaged, or of other settings or tables, and `restart` does not allow to train again.
    """
    if not checkpoint.exists():
        return None
    try:
        found = read_progress(checkpoint)
    except ValueError as error:
        if not restart:
            raise ValueError(f"{error}: remove it, or train again by --restart") from error
        print(f"{error}: the run is trained again", flush=True)
        return None
    # What an older checkpoint does not say is taken to be the same.
    wanted = {"settings": settings, "inputs": inputs}
    differs = [
        name
        for name, values in wanted.items()
        if any(values.get(key) != value for key, value in found.get(name, {}).items())
    ]
    if differs and not restart:
        raise ValueError(
            f"{checkpoint} is of a run with other {' and other '.join(differs)}: put them back to go on with it, or "
            "train again with the new ones by --restart"
        )
    return None if differs else found | wanted


def plan(run: Mapping[str, Any], counts: Sequence[int], from_random: bool = True) -> list[str]:
    """Say how the phases of a run are trained where that is not as its settings say, and warn if it is too little.

    Parameters
    ----------
    run : mapping
        One entry of ``runs`` in a validated configuration.
    counts : sequence of int
        How many constructs each phase learns from.
    from_random : bool, optional
        Whether the run starts from random weights.

    Returns
    -------
    list of str
        The warnings.
    """
    total = 0
    for number, (phase, count) in enumerate(zip(run["phases"], counts, strict=True), start=1):
        batch_size = fitting_batch_size(phase["batch_size"], count, run["devices"])
        size = min(phase["epoch_size"] or count, count)
        steps = max(size // batch_size, 1)
        total += phase["epochs"] * steps
        if batch_size < phase["batch_size"]:
            say(
                f"phase {number}: batches of {min(batch_size, size):,} constructs, not of {phase['batch_size']:,}, "
                f"since there are {count:,} to learn from: {steps:,} steps an epoch"
            )
    if total >= NORM_BATCHES or not from_random:
        return []
    return [
        warn(
            f"the training has at most {total:,} steps, but the averages in the batch normalisations alone take "
            f"{NORM_BATCHES:,}: its predictions may hardly differ from one another. It needs more epochs, smaller "
            "batches or more data"
        )
    ]


class _Training:
    """A run under way: its network, how far it has come, and the weights that it keeps."""

    def __init__(
        self,
        run: Mapping[str, Any],
        data: RunData,
        network: keras.Model,
        building: Callable[[], AbstractContextManager],
        folder: Path,
        progress: dict,
        verbose: int,
        events: EventFiles | None = None,
    ):
        self.run, self.data, self.network = run, data, network
        self.building = building
        with building():
            self.learner = fed_with_letters(network)
        self.loss = loss_function(run["loss"])
        self.folder, self.progress, self.verbose, self.events = folder, progress, verbose, events
        self.best_weights: list[np.ndarray] = []
        self.mean: list[np.ndarray] = []

    def train(self, resume: bool) -> None:
        """Train all phases that are not done yet, from the checkpoint or from the network's present weights."""
        for number in range(self.progress["phase"], len(self.run["phases"])):
            if self.progress["phase"] != number:
                self.progress |= {"phase": number, "epoch": 0, "best": None, "waited": 0}
                self.network.set_weights(self.best_weights)
            self._train_phase(number, self.run["phases"][number], resume)
            resume = False

    def _train_phase(self, number: int, phase: Mapping[str, Any], resume: bool) -> None:
        examples, seed = self.data.examples(phase), self.run["seed"] + 1000 * number

        batch_size = fitting_batch_size(phase["batch_size"], len(examples), self.run["devices"])

        def batches_of(epoch: int) -> EpochBatches:
            return EpochBatches(examples, batch_size, seed, epoch, phase["epoch_size"])

        first = batches_of(0)
        if first.batch_size % self.run["devices"]:
            raise ValueError(
                f"{self.folder.name}, phase {number + 1}: a batch of {first.batch_size} constructs cannot be divided "
                f"among {self.run['devices']} devices: there are too few constructs for a batch of the size wanted"
            )
        freeze(self.network, phase["frozen"])
        with self.building():
            compile_learner(self.learner, phase, self.loss, phase["epochs"] * len(first))
        self.mean = []
        checkpoint = self.folder / CHECKPOINT_FILE
        if resume:
            load_checkpoint(checkpoint, self.learner)
            self.best_weights, self.mean = read_weights(checkpoint, "best"), read_weights(checkpoint, "mean")
        while self.progress["epoch"] < phase["epochs"]:
            batches = batches_of(self.progress["epoch"])
            record = self._train_epoch(phase, batches)
            if phase["average_last"]:
                self._average(phase, batches, record)
            save_checkpoint(checkpoint, self.learner, self.progress, self.best_weights, self.mean)
            write_report(self.folder / HISTORY_FILE, self.progress["history"])
            if self.events:
                self.events.update(self.progress["history"])

    def _train_epoch(self, phase: Mapping[str, Any], batches: EpochBatches) -> dict[str, Any]:
        """Train one epoch, validate, and decide what is kept and whether to stop; returns the epoch's record."""
        progress, epoch, started = self.progress, self.progress["epoch"], time.monotonic()
        fitted = self.learner.fit(batches, epochs=epoch + 1, initial_epoch=epoch, shuffle=False, verbose=self.verbose)
        record = {"phase": progress["phase"], "epoch": epoch}
        record |= {name: float(values[-1]) for name, values in fitted.history.items()}
        record["seconds"] = round(time.monotonic() - started, 1)
        record |= self.data.validate(self.network, self.loss)
        if not math.isfinite(record["val_loss"]):
            raise ValueError(
                f"{self.folder.name}, phase {record['phase'] + 1}, epoch {epoch + 1}: the validation loss is "
                f"{record['val_loss']}, the training has diverged; lower the learning rate of the phase"
            )
        record["best"] = progress["best"] is None or record["val_loss"] < progress["best"]
        if record["best"] or not phase["patience"]:
            self.best_weights = self.network.get_weights()
        progress["best"] = record["val_loss"] if record["best"] else progress["best"]
        progress["waited"] = 0 if record["best"] else progress["waited"] + 1
        progress["history"].append(record)
        stops = phase["patience"] and progress["waited"] >= phase["patience"]
        progress["epoch"] = phase["epochs"] if stops else epoch + 1
        _show(record, self.verbose)
        return record

    def _average(self, phase: Mapping[str, Any], batches: EpochBatches, last: Mapping[str, Any]) -> None:
        """Take one of the phase's last epochs into the mean; after the last, keep the mean if it is better."""
        n_averaged = last["epoch"] + phase["average_last"] - phase["epochs"]
        if n_averaged < 0:
            return
        self.mean = add_to_mean(self.mean, self.network.get_weights(), n_averaged)
        if last["epoch"] + 1 < phase["epochs"]:
            return
        self.network.set_weights(self.mean)
        estimate_norms(self.learner, batches)
        record = {"phase": last["phase"], "epoch": phase["epochs"], "averaged": True, "seconds": 0.0}
        record |= self.data.validate(self.network, self.loss)
        record["best"] = record["val_loss"] < last["val_loss"]
        if record["best"]:
            self.best_weights = self.network.get_weights()
        self.progress["history"].append(record)
        _show(record, self.verbose)


def _kept_record(history: Sequence[Mapping[str, Any]], phase: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record of the epoch, or of the average, whose weights are the run's: one of those of its last phase."""
    # Without patience the last epoch is kept, or the average if it is better; with it the best epoch.
    last_is_kept = not phase["patience"]
    of_last_phase = [record for record in history if record["phase"] == history[-1]["phase"]]
    return [record for record in of_last_phase if record["best"] or (last_is_kept and "averaged" not in record)][-1]


def _write_weights(settings: Mapping[str, Any], weights: list[np.ndarray], path: Path) -> None:
    """Save weights from a network that was never compiled, so without optimiser state, and in one move."""
    network = build_network(**settings)
    network.set_weights(weights)
    with whole_file(path) as partial:
        network.save_weights(partial)


def train(
    run: Mapping[str, Any],
    table: str | Path,
    buckets: str | Path,
    split: str | Path,
    sample: str | Path,
    output: str | Path,
    synthetic: Sequence[str | Path] = (),
    initial: str | Path | None = None,
    verbose: int = 1,
    restart: bool = False,
    tensorboard: bool = False,
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
    synthetic : sequence of str or Path, optional
        Labelled synthetic tables for phases on synthetic constructs.
    initial : str or Path, optional
        Weights to start from, of the same network and first activation; random ones by default.
    verbose : int, optional
        1 for a progress bar each epoch, 2 for a line each epoch, 0 for silence.
    restart : bool, optional
        Whether to train again where the checkpoint in `output` is of other settings or data. By default that is
        an error, so that no finished work is lost by a slip.
    tensorboard : bool, optional
        Whether to write the history as event files of TensorBoard, too, into the folder ``tensorboard`` of `output`.
        It changes nothing in the run.

    Returns
    -------
    dict
        The summary that is also written: best epoch, its metrics, seconds, hashes of the tables, versions of the
        software.

    Raises
    ------
    ValueError
        If a table is missing, the checkpoint in `output` is of other settings or data, the tables do not fit
        together, there are fewer devices than the run wants, another training has the folder, the checkpoint is
        damaged, or the validation loss is no longer a number.
    MissingExtraError
        If `tensorboard` is asked for, and the package is not installed.
    """
    if tensorboard:
        require("tensorboard")
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    with alone_in(output):
        # What a training that was killed left: here no other can be writing them.
        for name in (CHECKPOINT_FILE, WEIGHTS_FILE, HISTORY_FILE, SUMMARY_FILE):
            for left in output.glob(f"partial.*.{name}"):
                left.unlink()
        return _train(run, table, buckets, split, sample, output, synthetic, initial, verbose, restart, tensorboard)


def _train(
    run: Mapping[str, Any],
    table: str | Path,
    buckets: str | Path,
    split: str | Path,
    sample: str | Path,
    output: Path,
    synthetic: Sequence[str | Path],
    initial: str | Path | None,
    verbose: int,
    restart: bool,
    tensorboard: bool,
) -> dict[str, Any]:
    settings = dict(run)
    tables = {"table": table, "buckets": buckets, "split": split, "sample": sample}
    tables |= {f"synthetic_{number}": path for number, path in enumerate(synthetic)}
    tables |= {"initial": initial} if initial else {}
    # Equal columns make equal files.
    inputs = {name: sha256_of(path) for name, path in tables.items()}
    earlier = _earlier_progress(output / CHECKPOINT_FILE, settings, inputs, restart)
    if earlier is None:
        remove_events(output)
    progress = earlier or {
        "settings": settings,
        "inputs": inputs,
        "phase": 0,
        "epoch": 0,
        "best": None,
        "waited": 0,
        "history": [],
    }

    keras.utils.set_random_seed(run["seed"])
    if run["deterministic"] and keras.config.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    dtype = "mixed_bfloat16" if run["precision"] == "bfloat16" else run["precision"]
    data = RunData(run, table, buckets, split, sample, synthetic)
    warnings = plan(run, [data.count(phase) for phase in run["phases"]], from_random=not initial)
    with divided_among(run["devices"]) as building:
        with building():
            network = build_network(
                **described(run, data.assay),
                dtype=dtype,
                dropout_scale=run["dropout_scale"],
                seed=run["seed"],
                # JAX computes over the whole batch by itself, and rejects the argument.
                synchronized=run["devices"] > 1 and keras.config.backend() == "tensorflow",
            )
        if initial and not earlier:
            network.load_weights(initial)
        with EventFiles(output) if tensorboard else nullcontext() as events:
            if events:
                events.update(progress["history"])
            training = _Training(run, data, network, building, output, progress, verbose, events)
            training.train(resume=earlier is not None)

    _write_weights(described(run, data.assay), training.best_weights, output / WEIGHTS_FILE)
    # Also where all was done before: the checkpoint alone brings back everything else of a finished run.
    write_report(output / HISTORY_FILE, progress["history"])
    summary = {
        "backend": keras.config.backend(),
        "keras": keras.__version__,
        "versions": versions(keras.config.backend(), "numpy", "h5py"),
        "epochs": sum("averaged" not in record for record in progress["history"]),
        "seconds": round(sum(record["seconds"] for record in progress["history"]), 1),
        "training_constructs": len(data.rows),
        "inputs": inputs,
        "best": _kept_record(progress["history"], run["phases"][-1]),
        "settings": settings,
        "warnings": warnings,
    }
    write_report(output / SUMMARY_FILE, summary)
    return summary
