import copy
import json

import h5py
import numpy as np
import pytest
from closeness import assert_scores_close
from training_tables import write_tables

from training.data.tables import PARTS, read_table, write_table

PHASE = {
    "constructs": "measured",
    "use": None,
    "batch_size": 24,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "warmup": 0,
    "optimizer": "adam",
    "weight_decay": 0,
    "average_last": None,
    "epochs": 2,
    "epoch_size": None,
    "shift": {"max_bp": 3, "share": 0.5},
    "patience": 10,
    "frozen": [],
}


def phase(**changes):
    return PHASE | changes


def run_of(*phases, **changes):
    return {
        "seed": 3,
        "precision": "float32",
        "devices": 1,
        "first_activation": "relu",
        "dropout_scale": 1.0,
        "deterministic": True,
        "loss": "mse",
        "soft_label_sd": 0.7,
        "source_weights": True,
        "learn_from": ["train"],
        "phases": list(phases or [PHASE]),
    } | changes


def steps(paths, run, output, **options):
    from training.fit.train import train

    return train(run, paths["table"], paths["buckets"], paths["split"], paths["sample"], output, verbose=0, **options)


def weights_of(folder):
    values = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            values[name] = item[()]

    with h5py.File(folder / "best.weights.h5") as file:
        file.visititems(keep)
    return values


def same(first, second):
    """Whether weights are equal to the last bit: of trainings that are `deterministic`, on one machine."""
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture
def small(monkeypatch):
    """Train a small network with every kind of state; returns what builds it.

    TensorFlow takes seconds to make its graph of the whole network, for every phase of every run.
    """
    from keras import Input, Model, initializers, layers

    from training.fit import train as module

    def build(
        network,
        first_activation,
        dtype="float32",
        dropout_scale=1.0,
        seed=None,
        synchronized=False,
        length=110,
        buckets=18,
    ):
        inputs = Input((length, 4), name="construct")
        kernel = initializers.GlorotUniform(seed)
        x = layers.Conv1D(6, 7, strides=4, activation=first_activation, kernel_initializer=kernel, name="conv_1")(
            inputs
        )
        x = layers.BatchNormalization(name="norm_1")(x)
        x = layers.Dropout(0.3 * dropout_scale, seed=seed)(x)
        kernel = initializers.GlorotUniform(None if seed is None else seed + 1)
        return Model(inputs, layers.Dense(buckets, kernel_initializer=kernel)(layers.Flatten()(x)))

    monkeypatch.setattr(module, "build_network", build)
    return build


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    tables = write_tables(folder, count=80)
    rng = np.random.default_rng(0)
    tables["scores"] = folder / "scores.h5"
    write_table(
        tables["scores"],
        {
            "sequence": read_table(tables["table"], "sequence")["sequence"][:48],
            "scores": rng.random((48, 18)).astype(np.float16),
        },
    )
    return tables


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(paths, small, tmp_path, monkeypatch):
    from training.fit import train as module

    # Two phases, with everything that has a state: dropout, optimiser, averaging, schedule, portions, shifts.
    run = run_of(
        phase(constructs="synthetic", epochs=2, epoch_size=24, optimizer="adamw", weight_decay=1e-3, patience=None),
        phase(epochs=2, schedule="cosine", warmup=0.2, average_last=2, patience=None),
    )
    synthetic = [paths["scores"]]
    whole = steps(paths, run, tmp_path / "whole", synthetic=synthetic)
    written = module.save_checkpoint
    folder = tmp_path / "stopped"
    for epoch in range(1, 4):

        def stop(path, network, progress, best, mean, epoch=epoch):
            written(path, network, progress, best, mean)
            if len(progress["history"]) == epoch:
                raise KeyboardInterrupt

        monkeypatch.setattr(module, "save_checkpoint", stop)
        with pytest.raises(KeyboardInterrupt):
            steps(paths, run, folder, synthetic=synthetic)
    monkeypatch.setattr(module, "save_checkpoint", written)
    summary = steps(paths, run, folder, synthetic=synthetic)
    assert same(weights_of(folder), weights_of(tmp_path / "whole"))
    assert summary["best"] == whole["best"] | {"seconds": summary["best"]["seconds"]}
    assert summary["epochs"] == 4

    # A finished run is not trained again, but what it had written is written again.
    folder = tmp_path / "whole"
    before = weights_of(folder)
    for name in ("best.weights.h5", "history.json", "summary.json"):
        (folder / name).unlink()
    monkeypatch.setattr(module, "save_checkpoint", None)
    again = steps(paths, run, folder, synthetic=synthetic)
    assert same(weights_of(folder), before)
    assert again == whole
    # Four epochs, and the average of the last two.
    assert len(json.loads((folder / "history.json").read_text())) == 5


def test_seed_decides(paths, tmp_path):
    run = run_of(phase(epochs=1))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        steps(paths, run | {"seed": seed}, tmp_path / name)
    first, again, other = (weights_of(tmp_path / name) for name in "abc")
    assert same(first, again)
    assert not same(first, other)


def test_patience_stops_and_the_best_weights_come_back(paths, small, tmp_path, monkeypatch):
    from training.fit import train as module

    losses = iter([0.5, 0.3, 0.4, 0.35, 0.1])
    seen = []

    def validate(self, network, loss):
        seen.append([np.array(value) for value in network.get_weights()])
        return {"val_loss": next(losses)}

    monkeypatch.setattr(module.RunData, "validate", validate)
    summary = steps(paths, run_of(phase(epochs=5, patience=2)), tmp_path)
    assert summary["epochs"] == 4, "two epochs without a lower loss are the last"
    assert summary["best"]["epoch"] == 1
    assert summary["best"]["val_loss"] == 0.3
    network = small("kircherlab", "relu")
    network.load_weights(tmp_path / "best.weights.h5")
    for found, expected, last in zip(network.get_weights(), seen[1], seen[3], strict=True):
        assert np.array_equal(found, expected)
        assert found.size == 1 or not np.array_equal(found, last)


def test_frozen_layers_keep_the_weights_that_the_run_starts_from(paths, small, tmp_path):
    steps(paths, run_of(phase(patience=None)), tmp_path / "base")
    before = weights_of(tmp_path / "base")
    start = {"initial": tmp_path / "base" / "best.weights.h5"}
    frozen = phase(patience=None, frozen=["conv_1", "norm_1"])
    steps(paths, run_of(frozen, seed=9), tmp_path / "tuned", **start)
    after = weights_of(tmp_path / "tuned")
    for name, values in before.items():
        # The statistics of a frozen normalisation stay, too.
        kept = name.startswith(("layers/conv1d/", "layers/batch_normalization/"))
        assert np.array_equal(values, after[name]) == kept, name
    # In the phase after it all layers learn.
    steps(paths, run_of(frozen, phase(patience=None), seed=9), tmp_path / "thawed", **start)
    assert not any(np.array_equal(values, before[name]) for name, values in weights_of(tmp_path / "thawed").items())
    with pytest.raises(ValueError, match=r"layers conv_9 cannot be frozen: the network has construct, conv_1, norm_1"):
        steps(paths, run_of(phase(frozen=["conv_9"])), tmp_path / "wrong")


def test_without_patience_the_last_epoch_counts(paths, small, tmp_path, monkeypatch):
    from training.fit import train as module

    losses = iter([0.3, 0.5])
    monkeypatch.setattr(module.RunData, "validate", lambda self, network, loss: {"val_loss": next(losses)})
    summary = steps(paths, run_of(phase(patience=None)), tmp_path)
    assert summary["best"]["epoch"] == 1


def test_a_checkpoint_of_other_settings_or_data_is_refused_or_replaced(paths, small, tmp_path):
    run = run_of(phase(epochs=1))
    steps(paths, run, tmp_path)
    other = copy.deepcopy(run)
    other["phases"][0]["learning_rate"] = 1e-2
    with pytest.raises(ValueError, match=r"checkpoint\.h5 is of a run with other settings: .* by --restart$"):
        steps(paths, other, tmp_path)
    changed = paths | {"sample": tmp_path / "sample.h5"}
    write_table(changed["sample"], {"row": read_table(paths["sample"], "row")["row"][:40]})
    with pytest.raises(ValueError, match="other inputs"):
        steps(changed, run, tmp_path)
    summary = steps(changed, run, tmp_path, restart=True)
    assert summary["training_constructs"] == 40
    assert summary["epochs"] == 1


def test_a_damaged_checkpoint_is_named_or_replaced(paths, small, tmp_path, capsys):
    run = run_of(phase(epochs=1))
    first = steps(paths, run, tmp_path)
    checkpoint = tmp_path / "checkpoint.h5"
    whole = checkpoint.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2]):
        checkpoint.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checkpoint\.h5 is damaged .*: remove it, or train again by --restart$"):
            steps(paths, run, tmp_path)
        assert steps(paths, run, tmp_path, restart=True)["best"]["epoch"] == first["best"]["epoch"]
        assert "checkpoint.h5 is damaged" in capsys.readouterr().out


def test_a_folder_is_for_one_training_at_a_time(paths, small, tmp_path):
    from training.fit.checkpoint import alone_in

    with alone_in(tmp_path), pytest.raises(ValueError, match="another training is under way"):
        steps(paths, run_of(phase(epochs=1)), tmp_path)
    assert steps(paths, run_of(phase(epochs=1)), tmp_path)["epochs"] == 1


def test_a_sample_from_outside_the_training_part_is_refused(paths, tmp_path):
    wrong = paths | {"sample": tmp_path / "sample.h5"}
    write_table(wrong["sample"], {"row": np.array([0, 79])})
    with pytest.raises(ValueError, match="not in the train part"):
        steps(wrong, run_of(), tmp_path)


def test_a_run_can_learn_from_the_validation_part_too(paths):
    from training.fit.run_data import RunData

    part = read_table(paths["split"], "part")["part"]
    rows = np.flatnonzero(part == PARTS.index("validation"))
    sample = paths["sample"].with_name("validation_sample.h5")
    write_table(sample, {"row": rows})
    tables = (paths["table"], paths["buckets"], paths["split"], sample)
    assert (RunData(run_of(learn_from=["train", "validation"]), *tables).rows == rows).all()
    with pytest.raises(ValueError, match="not in the train part"):
        RunData(run_of(), *tables)


def test_only_measured_constructs_are_shifted(paths):
    from training.fit.run_data import RunData

    tables = (paths["table"], paths["buckets"], paths["split"], paths["sample"])
    data = RunData(run_of(), *tables, synthetic=[paths["scores"]])
    examples = data.examples(phase(constructs="both", shift={"max_bp": 3, "share": 1.0}))
    shifted = (examples.constructs(np.arange(len(examples)), np.random.default_rng(0)) != examples.matrix).any(axis=1)
    measured = np.arange(len(examples)) < len(data.rows)
    assert not shifted[~measured].any()
    assert shifted[measured & examples.can_shift].mean() > 0.7


def test_a_split_without_validation_part_is_refused(paths, tmp_path):
    wrong = paths | {"split": tmp_path / "split.h5"}
    write_table(wrong["split"], {"part": np.zeros(80, dtype=np.uint8)})
    with pytest.raises(ValueError, match="no construct in the validation part"):
        steps(wrong, run_of(), tmp_path)


def test_fewer_scores_than_a_phase_uses_are_refused(paths, tmp_path):
    run = run_of(phase(constructs="synthetic", use=49))
    with pytest.raises(ValueError, match=r"scores\.h5: 48 synthetic constructs have scores but a phase uses 49"):
        steps(paths, run, tmp_path, synthetic=[paths["scores"]])
    from training.fit.run_data import RunData

    arguments = [paths[name] for name in ("table", "buckets", "split", "sample")]
    examples = RunData(run, *arguments, [paths["scores"]]).examples(phase(constructs="synthetic", use=7))
    assert len(examples) == 7
    assert (examples.labels(np.array([6])) == read_table(paths["scores"], "scores")["scores"][6]).all()


def test_a_training_that_diverges_stops_with_its_last_checkpoint(paths, small, tmp_path, monkeypatch):
    from training.fit import train as module

    losses = iter([0.3, float("nan")])
    monkeypatch.setattr(module.RunData, "validate", lambda self, network, loss: {"val_loss": next(losses)})
    with pytest.raises(ValueError, match="phase 1, epoch 2: the validation loss is nan, the training has diverged"):
        steps(paths, run_of(phase(epochs=3)), tmp_path)
    from training.fit.checkpoint import read_progress

    assert read_progress(tmp_path / "checkpoint.h5")["epoch"] == 1


def test_labels_are_soft_or_hard(paths):
    from training.fit.run_data import RunData

    arguments = [paths[name] for name in ("table", "buckets", "split", "sample")]
    expression = read_table(paths["table"], "expression")["expression"]
    rows = np.arange(5)
    hard = RunData(run_of(soft_label_sd=None), *arguments, []).labels_of(rows)
    assert (hard.sum(axis=1) == 1).all()
    assert (hard.argmax(axis=1) == np.rint(expression[:5])).all()
    soft = RunData(run_of(), *arguments, []).labels_of(rows)
    assert (soft.max(axis=1) < 0.7).all()
    np.testing.assert_allclose(soft.sum(axis=1), 1, rtol=1e-5)


def test_weights_of_the_sources_have_mean_one_and_count_only_when_asked(paths):
    from training.fit.run_data import RunData

    arguments = [paths[name] for name in ("table", "buckets", "split", "sample")]
    weighted = RunData(run_of(), *arguments, []).examples(PHASE).weight
    assert weighted.mean() == pytest.approx(1)
    assert weighted[0] / weighted[1] == pytest.approx(4)
    assert (RunData(run_of(source_weights=False), *arguments, []).examples(PHASE).weight == 1).all()


def test_losses_by_hand():
    import keras

    from training.fit.losses import loss_function

    labels = np.array([[0.0, 1.0], [0.5, 0.5]], dtype=np.float32)
    scores = np.array([[0.2, 0.6], [-0.5, 1.5]], dtype=np.float32)

    def value(name):
        return float(keras.ops.convert_to_numpy(loss_function(name)(labels, scores)))

    assert value("mse") == pytest.approx((0.04 + 0.16 + 1 + 1) / 4)
    # Beyond delta, 0.1: delta * (|error| - delta / 2).
    assert value("huber") == pytest.approx(0.1 * (0.15 + 0.35 + 0.95 + 0.95) / 4)
    # Scores below 0.01 count as 0.01 exp(score / 0.01 - 1): -0.5 as next to nothing, with the logarithm log(0.01) - 51.
    log_low = np.log(0.01) - 51
    assert value("categorical_crossentropy") == pytest.approx(
        np.mean([-np.log(0.75), -0.5 * (log_low - np.log(1.5)) - 0.5 * np.log(1)]), rel=1e-5
    )
    poisson = [0.2, 0.6 - np.log(0.6), -0.5 * log_low, 1.5 - 0.5 * np.log(1.5)]
    assert value("poisson") == pytest.approx(np.mean(poisson), rel=1e-5)


def test_positive_numbers_are_joined_smoothly_and_have_finite_logarithms():
    import keras

    from training.fit.losses import FLOOR, positive

    scores = np.array([-50, -1, 0, FLOOR - 1e-5, FLOOR, FLOOR + 1e-5, 0.5], dtype=np.float32)
    numbers, logarithms = (keras.ops.convert_to_numpy(values) for values in positive(scores))
    np.testing.assert_allclose(numbers[3:], scores[3:], rtol=1e-5)
    np.testing.assert_allclose(numbers[2:], np.exp(logarithms[2:]), rtol=1e-5)
    assert np.isfinite(logarithms).all()
    assert (np.diff(logarithms) > 0).all()


@pytest.mark.parametrize("name", ["poisson", "categorical_crossentropy"])
def test_a_bucket_whose_scores_begin_below_zero_is_learnt(name):
    import keras

    from training.fit.losses import loss_function

    network = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(2, bias_initializer=lambda shape, dtype: np.array([-0.3, 0.3]))]
    )
    network.compile(optimizer=keras.optimizers.Adam(0.05), loss=loss_function(name))
    construct, label = np.zeros((1, 1), dtype=np.float32), np.array([[0.8, 0.2]], dtype=np.float32)
    for _ in range(150):
        network.train_on_batch(construct, label)
    (score,) = network.predict_on_batch(construct)
    np.testing.assert_allclose(score / score.sum(), [0.8, 0.2], atol=0.05)


def test_every_optimiser_loss_and_precision_trains(paths, tmp_path):
    for optimizer, loss, precision in (
        ("sgd", "huber", "bfloat16"),
        ("adamw", "poisson", "float32"),
        ("adam", "categorical_crossentropy", "bfloat16"),
    ):
        changes = phase(epochs=1, optimizer=optimizer, batch_size=56)
        summary = steps(paths, run_of(changes, loss=loss, precision=precision), tmp_path / optimizer)
        assert np.isfinite(summary["best"]["val_loss"])
    record = json.loads((tmp_path / "adam" / "history.json").read_text())[0]
    assert {"loss", "mse", "mae", "accuracy", "val_loss", "val_mse", "val_mae", "val_accuracy"} <= record.keys()
    assert {"val_pearson_first", "val_pearson_second"} <= record.keys()


def test_cosine_schedule_rises_and_falls():
    from training.fit.train import make_optimizer

    optimizer = make_optimizer(phase(schedule="cosine", warmup=0.1, learning_rate=1.0), 100)
    rates = [float(optimizer._learning_rate(step)) for step in (0, 5, 10, 55, 100)]
    assert rates == pytest.approx([0.01, 0.505, 1, 0.505, 0.01], abs=1e-3)


def test_mean_of_weights_is_that_of_numpy():
    from training.fit.train import add_to_mean

    rng = np.random.default_rng(0)
    epochs = [[rng.normal(size=(2, 3)), rng.normal(size=4)] for _ in range(3)]
    mean = []
    for count, weights in enumerate(epochs):
        mean = add_to_mean(mean, weights, count)
    for index, values in enumerate(mean):
        np.testing.assert_allclose(values, np.mean([weights[index] for weights in epochs], axis=0))


def test_normalisations_come_to_hold_what_they_see():
    import keras

    from training.fit.train import NORM_BATCHES, estimate_norms

    class Batches(list):
        """Batches of one input with mean 3 and variance 4 in its only column."""

    batches = Batches([(np.array([[1.0], [5.0]], dtype=np.float32), None, None)] * (NORM_BATCHES + 10))
    network = keras.Sequential([keras.Input((1,)), keras.layers.BatchNormalization()])
    estimate_norms(network, batches)
    _, _, mean, variance = (values.item() for values in network.get_weights())
    assert mean == pytest.approx(3, rel=0.02)
    assert variance == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("average_is_better", [True, False])
def test_the_average_of_the_last_epochs_is_kept_where_it_is_better(
    paths, small, tmp_path, monkeypatch, average_is_better
):
    from training.fit import train as module

    losses = iter([0.3, 0.4, 0.5, 0.2 if average_is_better else 0.6])
    seen = []

    def validate(self, network, loss):
        seen.append([np.array(value) for value in network.get_weights()])
        return {"val_loss": next(losses)}

    monkeypatch.setattr(module.RunData, "validate", validate)
    summary = steps(paths, run_of(phase(epochs=3, average_last=2, patience=None)), tmp_path)
    network = small("kircherlab", "relu")
    network.load_weights(tmp_path / "best.weights.h5")
    kept = seen[3] if average_is_better else seen[2]
    assert all(np.array_equal(found, value) for found, value in zip(network.get_weights(), kept, strict=True))
    np.testing.assert_allclose(seen[3][0], (seen[1][0] + seen[2][0]) / 2, atol=1e-6)
    assert summary["best"]["val_loss"] == (0.2 if average_is_better else 0.5)


def test_scores_do_not_depend_on_the_batch_size():
    from training_tables import constructs_of, random_inserts

    from training.fit.scores import predict_scores
    from yeastpromoter.model.network import build_network

    network = build_network("relu", seed=1)
    matrix = constructs_of(random_inserts(9, 0))
    scores = predict_scores(network, matrix, 4)
    assert_scores_close(scores, predict_scores(network, matrix, 16))
    assert scores.shape == (9, 18)


def test_distillation_takes_the_mean_of_the_teachers(paths, tmp_path):
    from training.data.distil import label_synthetic
    from training.data.tables import letters_of
    from training.fit.scores import predict_scores
    from yeastpromoter.model.network import build_network

    sequence = read_table(paths["scores"], "sequence")["sequence"]
    expected = 0
    files = []
    for number, activation in enumerate(("relu", "softmax")):
        network = build_network(activation, seed=number)
        files.append(tmp_path / f"{number}.weights.h5")
        network.save_weights(files[-1])
        expected = expected + predict_scores(network, letters_of(sequence)) / 2
    label_synthetic(
        files,
        [{"first_activation": name} for name in ("relu", "softmax")],
        paths["scores"],
        tmp_path / "out.h5",
        tmp_path / "out.json",
    )
    columns = read_table(tmp_path / "out.h5")
    assert (columns["sequence"] == sequence).all()
    np.testing.assert_allclose(columns["scores"], expected, atol=2e-3)
    report = json.loads((tmp_path / "out.json").read_text())
    assert (report["teachers"], report["constructs"]) == (2, 48)
    assert np.array(report["teacher_pearson"]).shape == (2, 2)


def test_a_training_of_few_steps_is_warned_of(capsys):
    from training.fit.train import plan

    default = phase(batch_size=1024, epochs=20)
    # 811 constructs: batches of 32, 25 steps an epoch, 500 in all.
    assert plan(run_of(default), [811]) == []
    assert "batches of 32 constructs, not of 1,024, since there are 811" in capsys.readouterr().err
    # 300: batches of 16, 18 steps an epoch; 21 constructs: one step of 16 and no second one of 5.
    for count, steps in ((300, 360), (21, 20)):
        (warning,) = plan(run_of(default), [count])
        assert f"the training has at most {steps} steps" in warning
        assert f"Warning: {warning}" in capsys.readouterr().err
        assert plan(run_of(default), [count], from_random=False) == [], "trained weights have their averages"
    # Phases add up: 360 and 4 epochs of 1,000 constructs in 62 steps.
    second = phase(batch_size=16, epochs=4, epoch_size=1000)
    assert plan(run_of(default, second), [300, 40_000]) == []
    capsys.readouterr()
    assert plan(run_of(phase(batch_size=128, epochs=10)), [38_824]) == []
    assert capsys.readouterr().err == "", "nothing is said where all is as the settings say"


def test_the_training_has_the_batches_that_fit(paths, small, tmp_path, monkeypatch):
    from training.fit import train as module

    sizes = []

    class Batches(module.EpochBatches):
        def __init__(self, examples, batch_size, *others):
            super().__init__(examples, batch_size, *others)
            sizes.append((len(self), self[0][0].shape[0]))

    monkeypatch.setattr(module, "EpochBatches", Batches)
    summary = steps(paths, run_of(phase(batch_size=1024, epochs=1)), tmp_path)
    assert set(sizes) == {(3, 16)}, "56 constructs"
    (warning,) = summary["warnings"]
    assert "at most 3 steps" in warning
