import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from networks import lively_network, random_one_hot
from toy_networks import bilinear_network, linear_network, trained

import yeastpromoter.cli.compare_contributions as compare_command
import yeastpromoter.cli.contributions as contributions_command
import yeastpromoter.cli.saturate as saturate_command
from yeastpromoter.cli.main import main
from yeastpromoter.interpret.agreement import rank_agreement, spearman
from yeastpromoter.interpret.contributions import (
    METHODS,
    at_sequence,
    expression_gradient,
    gradient_x_input,
    integrated_gradients,
    relative_to,
    uniform_baseline,
)
from yeastpromoter.model.prediction import run_network
from yeastpromoter.sequence.encoding import from_one_hot, letters, one_hot
from yeastpromoter.sequence.model_input import as_constructs
from yeastpromoter.sequence.reporter import PTPA

INSERTS = random_one_hot(3, 80, seed=1)
CONSTRUCTS = as_constructs(INSERTS)
WEIGHTS = np.random.default_rng(2).normal(size=(110, 4)) / 100
OTHERS = np.random.default_rng(3).normal(size=(110, 4)) / 100


@pytest.fixture(scope="module")
def linear():
    return linear_network(WEIGHTS)


@pytest.fixture(scope="module")
def bilinear():
    return bilinear_network(WEIGHTS, OTHERS)


@pytest.fixture(scope="module")
def lively():
    """In float64, where the remainder of the integral is not rounding."""
    return trained(lively_network(dtype="float64"), values=range(18))


def expression(trained, x):
    return trained.decode(run_network(trained.network, x.astype(np.float64)))


def test_gradient_x_input_by_hand(linear):
    found = gradient_x_input(linear, CONSTRUCTS)
    wanted = 10 * (WEIGHTS - WEIGHTS.mean(axis=1, keepdims=True))
    np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), atol=1e-12)
    # Position 20 of the first construct: the weight of its base against the mean of all four.
    base = CONSTRUCTS[0, 20].argmax()
    np.testing.assert_allclose(
        at_sequence(found, CONSTRUCTS)[0, 20], 10 * (WEIGHTS[20, base] - WEIGHTS[20].mean()), atol=1e-12
    )


def test_corrected_positions_sum_to_zero(lively):
    found = gradient_x_input(lively, CONSTRUCTS)
    assert np.abs(found).max() > 1e-4
    np.testing.assert_allclose(found.sum(axis=2), 0, atol=1e-12)
    # The correction takes off one number for each position.
    np.testing.assert_allclose(np.ptp(expression_gradient(lively, CONSTRUCTS) - found, axis=2), 0, atol=1e-12)


def test_integrated_gradients_by_hand(bilinear):
    # f = 10 a b with a and b linear: along the straight path the integral is 10 (da (b + b0) / 2 + db (a + a0) / 2),
    # shared out over the positions in proportion to their part of da and db.
    baseline = uniform_baseline(CONSTRUCTS.astype(float), PTPA)
    difference = CONSTRUCTS - baseline
    a, b = ((CONSTRUCTS * weights).sum(axis=(1, 2)) for weights in (WEIGHTS, OTHERS))
    a0, b0 = ((baseline * weights).sum(axis=(1, 2)) for weights in (WEIGHTS, OTHERS))
    middle_a, middle_b = ((low + high)[:, np.newaxis] / 2 for low, high in ((a0, a), (b0, b)))
    wanted = 10 * ((difference * WEIGHTS).sum(axis=2) * middle_b + (difference * OTHERS).sum(axis=2) * middle_a)
    for steps in (1, 5):  # the integrand is linear: one point is exact
        found = at_sequence(integrated_gradients(bilinear, CONSTRUCTS, steps=steps), CONSTRUCTS)
        np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_integrated_gradients_are_complete(lively):
    # Kinks (ReLU, pooling) make the integral converge slowly, so the remainder is measured against all contributions.
    found = at_sequence(integrated_gradients(lively, CONSTRUCTS, steps=32), CONSTRUCTS)
    wanted = expression(lively, CONSTRUCTS) - expression(lively, uniform_baseline(CONSTRUCTS, PTPA))
    assert (np.abs(found.sum(axis=1) - wanted) < 0.01 * np.abs(found).sum(axis=1)).all()
    assert (np.abs(wanted) > 0.03 * np.abs(found).sum(axis=1)).any()


def test_any_baseline(bilinear, lively):
    other = CONSTRUCTS[::-1].astype(float)
    found = at_sequence(integrated_gradients(bilinear, CONSTRUCTS, baseline=other), CONSTRUCTS)
    wanted = expression(bilinear, CONSTRUCTS) - expression(bilinear, other)
    np.testing.assert_allclose(found.sum(axis=1), wanted, atol=1e-12)
    # Where sequence and baseline agree, nothing is contributed.
    assert (found[np.equal(CONSTRUCTS, other).all(axis=2)] == 0).all()
    one = np.full((110, 4), 0.25)
    np.testing.assert_allclose(
        integrated_gradients(lively, CONSTRUCTS, steps=3, baseline=one),
        integrated_gradients(lively, CONSTRUCTS, steps=3, baseline=np.stack([one] * 3)),
        atol=1e-10,
    )


def test_uniform_baseline_leaves_the_adapters():
    (baseline,) = uniform_baseline(CONSTRUCTS[:1], PTPA)
    assert from_one_hot(baseline[np.newaxis]) == [PTPA.add_adapters("N" * 80)]
    assert (baseline[PTPA.insert] == 0.25).all()


def test_adapters_contribute_nothing_to_integrated_gradients(lively):
    found = at_sequence(integrated_gradients(lively, CONSTRUCTS, steps=3), CONSTRUCTS)
    outside = np.r_[:17, 97:110]
    assert (found[:, outside] == 0).all()
    assert (found[:, PTPA.insert] != 0).any(axis=0).all()


def test_unknown_bases_contribute_nothing(lively):
    x = CONSTRUCTS.copy()
    x[:, 30:40] = 0.25
    for method in METHODS.values():
        np.testing.assert_allclose(at_sequence(method(lively, x), x)[:, 30:40], 0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_batches_and_inserts_change_nothing(lively, method):
    arguments = {"steps": 4} if method == "integrated_gradients" else {}
    whole = METHODS[method](lively, CONSTRUCTS, **arguments)
    assert whole.shape == (3, 110, 4)
    for batch_size in (1, 5, 1000):
        found = METHODS[method](lively, CONSTRUCTS, batch_size=batch_size, **arguments)
        np.testing.assert_allclose(found, whole, atol=1e-10)
    np.testing.assert_allclose(METHODS[method](lively, INSERTS, **arguments), whole[:, PTPA.insert], atol=1e-10)
    assert METHODS[method](lively, CONSTRUCTS[:0], **arguments).shape == (0, 110, 4)


def test_wrong_arguments(linear):
    steps = trained(linear.network, "argmax", linear.bucket_values)
    for method in METHODS.values():
        with pytest.raises(ValueError, match="argmax has no gradient"):
            method(steps, CONSTRUCTS)
        with pytest.raises(ValueError, match="batch_size must be at least 1 but is 0"):
            expression_gradient(linear, CONSTRUCTS, batch_size=0)
    with pytest.raises(ValueError, match="number of steps must be at least 1 but is 0"):
        integrated_gradients(linear, CONSTRUCTS, steps=0)
    with pytest.raises(ValueError, match=r"baseline has shape \(80, 4\) but must have shape \(110, 4\)"):
        integrated_gradients(linear, CONSTRUCTS, baseline=np.full((80, 4), 0.25))
    with pytest.raises(ValueError, match="baseline must sum to 1"):
        integrated_gradients(linear, CONSTRUCTS, baseline=np.zeros((110, 4)))


def test_relative_to_by_hand():
    gradients = np.array([[[1.0, 2.0, 3.0, 6.0]]])
    np.testing.assert_array_equal(relative_to(gradients, np.full(4, 0.25)), [[[-2, -1, 0, 3]]])
    np.testing.assert_array_equal(relative_to(gradients, np.array([0.0, 0, 1, 0])), [[[-2, -1, 0, 3]]])
    np.testing.assert_array_equal(relative_to(gradients, np.array([0.5, 0.5, 0, 0])), [[[-0.5, 0.5, 1.5, 4.5]]])


def test_spearman_by_hand():
    # Ranks 1 2 3 4 against 2 1 4 3: 1 - 6 (1 + 1 + 1 + 1) / (4 (16 - 1)) = 0.6. Ties: 1 2.5 2.5 4 against 1 2 3 4.
    first = np.array([[1.0, 2, 3, 4], [1, 7, 7, 9], [1, 1, 1, 1], [1, np.nan, 2, 3]])
    second = np.array([[20.0, 10, 40, 30], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]])
    np.testing.assert_allclose(spearman(first, second), [0.6, 4.5 / np.sqrt(4.5 * 5), np.nan, np.nan])


def test_agreement_by_hand():
    # Two positions, bases A and C. Hypothetical contributions are the effects plus a constant for each position, but
    # for one substitution: T instead of C.
    x = np.eye(4)[[[0, 1]]]
    effects = np.array([[[0.0, -1, -2, -3], [2, 0, 4, 6]]])
    hypothetical = effects + np.array([5.0, -7])[:, np.newaxis]
    found = rank_agreement(hypothetical, effects, x)
    np.testing.assert_allclose(found["positions"], [1])
    np.testing.assert_allclose(found["substitutions"], [1])
    hypothetical[0, 1, 3] = -7 - 10  # ranks of the changes: 4 3 2 5 6 1 against 3 2 1 4 5 6
    np.testing.assert_allclose(rank_agreement(hypothetical, effects, x)["substitutions"], [1 - 6 * 30 / (6 * 35)])
    with pytest.raises(ValueError, match="must have one shape"):
        rank_agreement(hypothetical[:, :1], effects, x)
    with pytest.raises(ValueError, match="not a single base"):
        rank_agreement(hypothetical, effects, np.full_like(x, 0.25))


def test_compare_command_on_a_linear_network(linear, monkeypatch, tmp_path):
    monkeypatch.setattr(compare_command, "load_trained_network", lambda *_, **__: linear)
    arguments = ["compare-contributions", "--count", "30", "--steps", "2", "--table", str(tmp_path / "agreement.tsv")]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "| gradient × input | 1.000 (1.000 to 1.000) |" in result.stdout
    assert "| integrated gradients | 1.000 (1.000 to 1.000) |" in result.stdout
    table = pd.read_csv(tmp_path / "agreement.tsv", sep="\t")
    assert sorted(table["insert"]) == sorted([*range(30)] * 3)
    np.testing.assert_allclose(table["substitutions"], 1)
    corrected = table["method"] != "uncorrected"
    np.testing.assert_allclose(table["positions"][corrected], 1)
    # What the correction is for: without it, what all bases of a position share comes in.
    assert (table["positions"][~corrected] < 0.99).all()


@pytest.fixture
def fasta(tmp_path):
    sequences = [*from_one_hot(INSERTS), "acgtn" * 16]
    path = tmp_path / "inserts.fa"
    path.write_text("".join(f">no/{number}\n{sequence}\n" for number, sequence in enumerate(sequences)))
    return path, [PTPA.add_adapters(sequence.upper()) for sequence in sequences]


def test_contributions_command(bilinear, monkeypatch, tmp_path, fasta):
    monkeypatch.setattr(contributions_command, "load_trained_network", lambda *_, **__: bilinear)
    monkeypatch.setattr(contributions_command, "_BLOCK", 3)
    path, sequences = fasta
    arguments = ["contributions", str(path), "--sequence-type", "insert", "--method", "integrated_gradients"]
    arguments += ["--steps", "2", "--table", str(tmp_path / "table.tsv.gz"), "--hdf5", str(tmp_path / "all.h5")]
    arguments += ["--figures", str(tmp_path / "logos"), "--figure-format", "svg", "--region", "construct"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "Largest remainder of the integral" in result.stderr

    x = one_hot(letters(sequences))
    hypothetical = integrated_gradients(bilinear, x)
    table = pd.read_csv(tmp_path / "table.tsv.gz", sep="\t", keep_default_na=False)
    assert len(table) == 4 * 110
    assert "".join(table["base"]) == "".join(sequences)
    assert table["id"].tolist() == [f"no/{number}" for number in range(4) for _ in range(110)]
    assert table["position"].tolist() == list(range(-16, 94)) * 4
    first = table[table["record"] == 0].set_index("position")["base"]
    assert "".join(first.loc[-16:0]) == PTPA.left_adapter
    assert "".join(first.loc[81:93]) == PTPA.right_adapter
    columns = [f"hypothetical_{base}" for base in "ACGT"]
    np.testing.assert_allclose(table[columns].to_numpy().reshape(4, 110, 4), hypothetical, atol=1e-6)
    np.testing.assert_allclose(
        table["contribution"].to_numpy().reshape(4, 110), at_sequence(hypothetical, x), atol=1e-6
    )

    with h5py.File(tmp_path / "all.h5") as file:
        assert file["position"][:].tolist() == list(range(-16, 94))
        assert "from 1 at its first base" in file["position"].attrs["description"]
        assert file["id"].asstr()[:].tolist() == ["no/0", "no/1", "no/2", "no/3"]
        assert file["sequence"].asstr()[:].tolist() == sequences
        assert file["length"][:].tolist() == [80] * 4
        np.testing.assert_allclose(file["hypothetical"][:], hypothetical, atol=1e-6)
        np.testing.assert_allclose(file["contributions"][:], at_sequence(hypothetical, x), atol=1e-6)
        np.testing.assert_allclose(file["expression"][:], expression(bilinear, x), atol=1e-6)
        np.testing.assert_allclose(
            file["expression"][:] - file["baseline_expression"][:],
            file["contributions"][:].sum(axis=1),
            atol=1e-6,
        )
        np.testing.assert_allclose(file["remainder"][:], 0, atol=1e-6)

    logos = sorted(tmp_path.joinpath("logos").iterdir())
    assert [logo.name for logo in logos] == [f"{number}_no_{number}.svg" for number in range(4)]
    assert all(b"<svg" in logo.read_bytes() for logo in logos)

    arguments[-1:] = ["insert"]
    assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 0
    whole, table = table, pd.read_csv(tmp_path / "table.tsv.gz", sep="\t", keep_default_na=False)
    pd.testing.assert_frame_equal(table, whole[whole["position"].between(1, 80)].reset_index(drop=True))
    with h5py.File(tmp_path / "all.h5") as file:
        assert file["sequence"].asstr()[:].tolist() == [sequence[17:97] for sequence in sequences]
        np.testing.assert_allclose(file["hypothetical"][:], hypothetical[:, 17:97], atol=1e-6)


@pytest.mark.parametrize("region", ["insert", "construct"])
def test_contributions_and_effects_have_the_same_positions(linear, region, tmp_path, monkeypatch):
    monkeypatch.setattr(contributions_command, "load_trained_network", lambda *_, **__: linear)
    monkeypatch.setattr(saturate_command, "load_trained_network", lambda *_, **__: linear)
    # Three bases short: fitted, its insert is what then lies between the places of the adapters.
    short = PTPA.add_adapters("ACGTTGCATT" * 7 + "ACGTTGC")
    (tmp_path / "in.fa").write_text(f">a\n{PTPA.add_adapters('AACCGGTTAC' * 8)}\n>short\n{short}\n")
    tables = []
    for command in ("saturate", "contributions"):
        arguments = [command, str(tmp_path / "in.fa"), "--region", region, "--other-lengths", "fit"]
        path = tmp_path / f"{command}.tsv"
        result = CliRunner().invoke(main, [*arguments, "--table", str(path)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        tables.append(pd.read_csv(path, sep="\t"))
    effects, contributed = tables
    mean = effects.groupby(["id", "position"], sort=False).agg(
        ref=("ref", "first"), effect=("effect_alt_minus_ref", "mean")
    )
    joined = contributed.set_index(["id", "position"]).join(mean, how="outer")
    assert len(joined) == len(contributed) == 2 * (80 if region == "insert" else 110)
    assert (joined["base"] == joined["ref"]).all()
    # Of weights w, the base adds w - (sum of all four) / 4; the others add (sum - w) / 3 - w on average.
    np.testing.assert_allclose(joined["contribution"], -0.75 * joined["effect"], atol=1e-5)
    assert "".join(joined["base"].loc["short"].sort_index().loc[1:80]) == PTPA.fit_construct(short)[17:97]


def test_contributions_command_says_what_is_wrong(linear, monkeypatch, tmp_path, fasta):
    path, _ = fasta
    result = CliRunner().invoke(main, ["contributions", str(path), "--sequence-type", "insert"])
    assert result.exit_code == 2
    assert "give at least one of --hdf5, --table and --figures" in result.stderr
    result = CliRunner().invoke(main, ["contributions", str(path), "--table", str(tmp_path / "table.tsv")])
    assert result.exit_code == 1
    assert "--sequence-type insert is right" in result.stderr
    steps = ["--steps", "64", "--table", str(tmp_path / "table.tsv")]
    result = CliRunner().invoke(main, ["contributions", str(path), "--sequence-type", "insert", *steps])
    assert result.exit_code == 2
    assert "--steps goes with --method integrated_gradients, not with gradient_x_input" in result.stderr
    argmax = trained(linear.network, "argmax", linear.bucket_values)
    monkeypatch.setattr(contributions_command, "load_trained_network", lambda *_, **__: argmax)
    arguments = ["contributions", str(path), "--sequence-type", "insert", "--table", str(tmp_path / "table.tsv")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "argmax has no gradient" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["inserts.fa"]
