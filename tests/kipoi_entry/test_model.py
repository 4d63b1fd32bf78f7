"""The entry's model as Kipoi loads it. What holds does so for any weights."""

import hashlib
import json
import logging
import os
from pathlib import Path

import kipoi
import numpy as np
import pandas as pd
import pytest
import yaml
from closeness import SCORES, assert_close_by_size, assert_expression_close, assert_scores_close
from kipoi.cli.main import cli_predict
from kipoi_interpret.importance_scores.gradient import Gradient, GradientXInput
from kipoi_interpret.importance_scores.ism import Mutation
from networks import lively_network, random_one_hot

import yeastpromoter
from yeastpromoter.model.decoding import BUCKET_VALUES, decode
from yeastpromoter.model.network import build_network
from yeastpromoter.model.prediction import run_network
from yeastpromoter.sequence.encoding import from_one_hot, letters, one_hot
from yeastpromoter.sequence.model_input import as_constructs
from yeastpromoter.sequence.reporter import PTPA

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = yaml.safe_load((ROOT / "model.yaml").read_text())
INSERTS = random_one_hot(40, 80, seed=7)
CONSTRUCTS = as_constructs(INSERTS)


@pytest.fixture(scope="module")
def model():
    return kipoi.get_model(str(ROOT), source="dir")


@pytest.fixture(scope="module")
def make_model(model):
    """Build the model with other arguments, as Kipoi does: with the entry as the working directory."""

    def make(**args):
        before = Path.cwd()
        os.chdir(ROOT)
        try:
            return type(model)(**{**DESCRIPTION["args"], **args})
        finally:
            os.chdir(before)

    return make


@pytest.fixture(scope="module")
def lively(make_model, tmp_path_factory):
    """The model with weights whose gradients are far from rounding errors, and its network in float64."""
    path = tmp_path_factory.mktemp("weights") / "lively.weights.h5"
    lively_network().save_weights(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    network = build_network(dtype="float64")
    network.load_weights(path)
    own = {"weights": str(path), "weights_sha256": digest, "first_activation": "relu"}
    return make_model(**own, calibration=None, interval=None), network


def expression(model, x):
    return model.predict_on_batch(x)["expression"]


def test_prediction_is_the_decoded_bucket_scores(model):
    predicted = model.predict_on_batch(CONSTRUCTS)
    assert next(iter(predicted)) == "expression"  # the one that `kipoi test` compares
    assert predicted["expression"].dtype == np.float32
    assert predicted["expression"].shape == (40,)
    scores = model.predict_bucket_scores(CONSTRUCTS)
    assert scores.dtype == np.float32
    by_numpy = [np.average(range(18), weights=row) for row in scores.astype(float)]
    assert_expression_close(predicted["expression"], by_numpy)


def test_plain_keras_gives_the_same_numbers(model):
    network = build_network(DESCRIPTION["args"]["first_activation"])
    network.load_weights(ROOT / DESCRIPTION["args"]["weights"])
    assert_scores_close(network.predict(CONSTRUCTS, verbose=0), model.predict_bucket_scores(CONSTRUCTS))


def test_batch_size_changes_nothing(model):
    x = np.concatenate([as_constructs(random_one_hot(1025, 80, seed=8)), CONSTRUCTS])
    whole = expression(model, x)
    for size, count in [(1, 10), (7, 70), (32, 200), (1024, len(x))]:
        batches = [expression(model, x[start : start + size]) for start in range(0, count, size)]
        assert_expression_close(np.concatenate(batches)[:count], whole[:count])


def test_order_of_the_records_does_not_matter(model):
    assert_expression_close(expression(model, CONSTRUCTS[::-1]), expression(model, CONSTRUCTS)[::-1])


def test_inserts_are_predicted_as_their_constructs(model):
    assert_expression_close(expression(model, INSERTS), expression(model, CONSTRUCTS))
    sequences = [PTPA.add_adapters(insert) for insert in from_one_hot(INSERTS)]
    assert_expression_close(expression(model, one_hot(letters(sequences))), expression(model, CONSTRUCTS))


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint8, np.float16, np.float64])
def test_dtype_changes_nothing(model, dtype):
    assert_expression_close(expression(model, INSERTS.astype(dtype)), expression(model, INSERTS))


def test_n_is_accepted(model):
    x = INSERTS.copy()
    x[:, 3:9] = 0.25
    assert np.isfinite(expression(model, x)).all()


def test_constructs_without_adapters_are_refused_unless_that_is_meant(model, make_model):
    x = CONSTRUCTS[:2, ::-1, ::-1]
    with pytest.raises(ValueError, match="the reverse complement of a construct"):
        model.predict_on_batch(x)
    with pytest.raises(ValueError, match="the reverse complement of a construct"):
        model.predict_activation_on_batch(x, "dense_1")
    unchecked = make_model(check_adapters=False)
    assert expression(unchecked, x).shape == (2,)
    unchecked.check_adapters = True
    with pytest.raises(ValueError, match="the reverse complement of a construct"):
        unchecked.predict_on_batch(x)


def test_intervals(model, make_model):
    found = model.predict_on_batch(CONSTRUCTS)
    assert list(found) == ["expression", "lower", "upper", "flagged"]
    assert {values.dtype.name for values in found.values()} == {"float32", "uint8"}
    wanted = yeastpromoter.load().predict(from_one_hot(CONSTRUCTS), interval=90)
    for name in ("expression", "lower", "upper"):
        assert_expression_close(found[name], wanted[name])
    assert found["flagged"].tolist() == [bool(flag) for flag in wanted.flag]
    poly_a = np.tile(np.eye(4, dtype=np.float32)[0], (1, 80, 1))
    assert model.predict_on_batch(poly_a)["flagged"].tolist() == [1]
    half = make_model(interval=50)
    assert (np.ptp([half.predict_on_batch(CONSTRUCTS)[name] for name in ("lower", "upper")], axis=0) < 5).all()
    assert list(make_model(interval=None).predict_on_batch(CONSTRUCTS)) == ["expression"]
    with pytest.raises(ValueError, match="from 50 to 99 but is 30"):
        make_model(interval=30)
    with pytest.raises(ValueError, match="exported without a calibration"):
        make_model(calibration=None)
    with pytest.raises(ValueError, match=r"calibration is for weighted_mean .* interval: null in model\.yaml"):
        make_model(decoding="argmax")
    with pytest.raises(ValueError, match=r"calibration\.json is not the one that is expected \(sha256"):
        make_model(calibration_sha256="0" * 64)


def test_no_records(model):
    assert expression(model, INSERTS[:0]).shape == (0,)
    assert model.predict_activation_on_batch(INSERTS[:0], "conv_4").shape == (0, 45, 100)
    assert len(model.predict_activation_on_batch(INSERTS[:0], "bucket_scores")["00"]) == 0
    assert model.input_grad(INSERTS[:0]).shape == (0, 80, 4)


def test_wrong_input_is_refused_before_it_is_predicted(model):
    half = INSERTS / 2
    for method in (model.predict_on_batch, lambda x: model.predict_activation_on_batch(x, "dense_1")):
        with pytest.raises(ValueError, match="must have shape"):
            method(INSERTS[:, 1:])
        with pytest.raises(ValueError, match="not one-hot"):
            method(half)
        with pytest.raises(ValueError, match="look like the order TGCA"):
            method(CONSTRUCTS[:, :, ::-1])
    with pytest.raises(ValueError, match="must be finite"):
        model.input_grad(half * np.nan)


def test_bucket_scores_have_names_that_sort(model):
    columns = model.predict_activation_on_batch(INSERTS, "bucket_scores")
    assert sorted(columns) == list(columns) == [f"{bucket:02d}" for bucket in range(18)]
    assert_scores_close(np.stack(list(columns.values()), axis=1), model.predict_bucket_scores(INSERTS))
    before = model.predict_activation_on_batch(INSERTS, "bucket_scores", pre_nonlinearity=True)
    assert list(before) == list(columns)


def test_inner_layers(model):
    after = model.predict_activation_on_batch(INSERTS, "conv_1")
    before = model.predict_activation_on_batch(INSERTS, "conv_1", pre_nonlinearity=True)
    assert after.shape == (40, 104, 250)
    assert after.dtype == np.float32
    assert (before < 0).any()
    assert_close_by_size(after, np.maximum(before, 0))
    # The input, as it is.
    np.testing.assert_array_equal(model.predict_activation_on_batch(INSERTS, 0), CONSTRUCTS)
    with pytest.raises(ValueError, match="layer must be one of construct, conv_1"):
        model.predict_activation_on_batch(INSERTS, "conv1")


def assert_is_gradient(gradient, function, x):
    """Compare a float32 gradient with central differences in float64, along random directions."""
    assert gradient.shape == x.shape
    assert gradient.dtype == np.float32
    length = np.sqrt((gradient.astype(float) ** 2).sum(axis=(1, 2)))
    assert (length > 0).all()
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=x.shape)
        step = 1e-5
        wanted = (function(x + step * direction) - function(x - step * direction)) / (2 * step)
        found = (gradient * direction).sum(axis=(1, 2))
        assert (np.abs(found - wanted) < 1e-2 * length).all()


def test_gradient_of_the_expression(lively):
    model, network = lively
    x = CONSTRUCTS[:3].astype(float)
    assert_is_gradient(model.input_grad(x), lambda x: decode(run_network(network, x)), x)


def test_gradient_of_a_bucket_score(lively):
    model, network = lively
    x = CONSTRUCTS[:3].astype(float)
    gradient = model.input_grad(x, layer="bucket_scores", filter_idx=4)
    assert_is_gradient(gradient, lambda x: run_network(network, x)[:, 4], x)
    assert_close_by_size(model.input_grad(x, 4, "sum", "bucket_scores", final_layer=False), gradient)


def test_gradient_of_inserts_is_that_of_their_constructs(model):
    whole = model.input_grad(CONSTRUCTS)
    assert_close_by_size(model.input_grad(INSERTS), whole[:, 17:97])


def test_gradient_between_sequences(lively):
    model, network = lively
    x = 0.3 * CONSTRUCTS[:2].astype(float)
    assert_is_gradient(model.input_grad(x), lambda x: decode(run_network(network, x)), x)


def test_gradient_of_inner_layers(model):
    before = model.input_grad(INSERTS, layer="conv_1", filter_idx=3, pre_nonlinearity=True)
    kernel = model.network.get_layer("conv_1").get_weights()[0]
    # A base within the insert lies in seven windows of the first convolution, once at each offset.
    assert_close_by_size(before, np.broadcast_to(kernel[:, :, 3].sum(axis=0), before.shape))
    assert model.input_grad(INSERTS, layer="conv_3", avg_func="max").shape == INSERTS.shape


def test_gradient_of_a_wrong_choice(model, make_model):
    with pytest.raises(ValueError, match="filter_idx must be None for the expression"):
        model.input_grad(INSERTS, filter_idx=3)
    with pytest.raises(ValueError, match="filter_idx must be None for the expression"):
        model.input_grad(INSERTS, filter_idx=np.array([3, 4]))
    with pytest.raises(ValueError, match="layer must be given"):
        model.input_grad(INSERTS, final_layer=False)
    with pytest.raises(ValueError, match="selected_fwd_node must be None"):
        model.input_grad(INSERTS, selected_fwd_node=1)
    with pytest.raises(ValueError, match="step function"):
        make_model(decoding="argmax", interval=None).input_grad(INSERTS)


def test_decoding_and_bucket_values_are_those_of_the_arguments(model, make_model):
    scores = model.predict_bucket_scores(INSERTS)
    values = [2.0 * value - 1 for value in BUCKET_VALUES]
    argmax = make_model(decoding="argmax", bucket_values=values, interval=None)
    buckets = (expression(argmax, INSERTS) + 1) / 2
    # Of scores that are equal but for rounding, either may be the largest.
    chosen = np.take_along_axis(scores, buckets.astype(int)[:, np.newaxis], axis=1)[:, 0]
    assert (buckets == buckets.astype(int)).all()
    assert (chosen >= scores.max(axis=1) - SCORES).all()
    stretched = make_model(bucket_values=values, interval=None)
    assert_expression_close(expression(stretched, INSERTS), 2 * expression(model, INSERTS) - 1)
    assert_close_by_size(stretched.input_grad(INSERTS), 2 * model.input_grad(INSERTS))


def test_wrong_arguments(make_model):
    with pytest.raises(ValueError, match="decoding must be one of weighted_mean, argmax but is 'mean'"):
        make_model(decoding="mean")
    with pytest.raises(ValueError, match=r"bucket_values are 17 numbers, but the network of .* has 18 buckets"):
        make_model(bucket_values=list(range(17)))
    with pytest.raises(ValueError, match=r"bucket_values\[4\] is nan but must be a finite number"):
        make_model(bucket_values=[0, 1, 2, 3, float("nan"), *range(5, 18)])
    with pytest.raises(ValueError, match="first_activation"):
        make_model(first_activation="elu")
    with pytest.raises(ValueError, match="is a whole HDF5 file but not the one that is expected"):
        make_model(weights_sha256="0" * 64)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        make_model(weights="model_files/other.weights.h5")


def test_model_and_description_agree(model):
    assert model.weights_version == DESCRIPTION["args"]["weights_version"]
    assert tuple(DESCRIPTION["args"]["bucket_values"]) == BUCKET_VALUES
    assert DESCRIPTION["schema"]["inputs"]["shape"] == str(model.network.input_shape[1:])
    assert model.default_dataloader.output_schema.inputs.shape == model.network.input_shape[1:]
    assert model.test.expect == str(ROOT / DESCRIPTION["test"]["expect"])
    assert model.test.precision_decimal == DESCRIPTION["test"]["precision_decimal"]


def test_gradient_methods_of_kipoi_interpret(model):
    x = INSERTS[:2].astype(float)
    gradient = model.input_grad(x)
    assert_close_by_size(Gradient(model).score(x), gradient)
    assert_close_by_size(GradientXInput(model).score(x), gradient * x)
    score = GradientXInput(model, layer="bucket_scores", filter_idx=2).score(x)
    assert_close_by_size(score, model.input_grad(x, layer="bucket_scores", filter_idx=2) * x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_mutation_of_kipoi_interpret(model, dtype):
    x = CONSTRUCTS[:1].astype(dtype)
    method = Mutation(model, "construct", batch_size=128, output_sel_fn=lambda output: output["expression"])
    (scores,) = method.score(x)
    reference = expression(model, x)[0]
    for position, base in [(0, 0), (50, 1), (109, 2)]:
        mutant = x.copy()
        mutant[0, position] = 0
        mutant[0, position, base] = 1
        found = scores[position][base]
        if x[0, position, base]:
            assert found is None
        else:
            assert_expression_close(found[0], expression(model, mutant)[0] - reference)
    assert sum(score is None for row in scores for score in row) == 110


def test_kipoi_predict_writes_the_layer_that_is_asked_for(model, tmp_path, caplog):
    sequences = [PTPA.add_adapters(insert) for insert in from_one_hot(INSERTS)]
    (tmp_path / "promoters.txt").write_text("".join(f"{sequence}\n" for sequence in sequences))
    arguments = [str(ROOT), "--source", "dir", "--dataloader_args", f"sequence_file={tmp_path / 'promoters.txt'}"]
    with caplog.at_level(logging.WARNING):
        cli_predict("predict", [*arguments, "-o", str(tmp_path / "expression.tsv")])
        cli_predict("predict", [*arguments, "--layer", "bucket_scores", "-o", str(tmp_path / "scores.tsv")])
    assert not caplog.records
    table = pd.read_csv(tmp_path / "expression.tsv", sep="\t")
    assert list(table) == ["preds/expression", "preds/flagged", "preds/lower", "preds/upper"]
    assert_expression_close(table["preds/expression"], expression(model, CONSTRUCTS))
    scores = pd.read_csv(tmp_path / "scores.tsv", sep="\t")
    assert list(scores) == [f"preds/{bucket:02d}" for bucket in range(18)]
    assert_scores_close(scores.to_numpy(), model.predict_bucket_scores(CONSTRUCTS))


def test_kipoi_predict_takes_what_the_dataloader_takes(model, tmp_path):
    # A fitted construct does not have its adapters at their places, and the third one has none.
    insert = from_one_hot(INSERTS[:1])[0]
    sequences = [PTPA.add_adapters(insert[:60]), PTPA.add_adapters(insert + insert[:25]), insert + insert[:30]]
    (tmp_path / "promoters.txt").write_text("".join(f"{sequence}\n" for sequence in sequences))
    arguments = {"sequence_file": str(tmp_path / "promoters.txt"), "other_lengths": "fit", "check_adapters": False}
    cli_predict(
        "predict",
        [str(ROOT), "--source", "dir", "-o", str(tmp_path / "out.tsv"), "--dataloader_args", json.dumps(arguments)],
    )
    fitted = one_hot(letters([PTPA.fit_construct(sequence) for sequence in sequences]))
    wanted = decode(run_network(model.network, fitted))
    np.testing.assert_allclose(pd.read_csv(tmp_path / "out.tsv", sep="\t")["preds/expression"], wanted, atol=1e-4)
    loaded = kipoi.get_dataloader_factory(str(ROOT), "dir")(**arguments).load_all()
    np.testing.assert_allclose(expression(model, loaded["inputs"]), wanted, atol=1e-4)


def test_adapters_are_at_the_ends(model):
    assert from_one_hot(model.predict_activation_on_batch(INSERTS, "construct"))[0].startswith(PTPA.left_adapter)
