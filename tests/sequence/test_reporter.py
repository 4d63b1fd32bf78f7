"""Another reporter than that of the public measurements: its entry, from typed sequences to every tool."""

import json
import shutil

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from training.data.tables import sha256_of
from yeastpromoter.cli.main import main
from yeastpromoter.design.constraints import Constraints
from yeastpromoter.design.designs import Request
from yeastpromoter.design.goals import HIGHEST
from yeastpromoter.interpret.saturation import delete_bases, saturation_mutagenesis
from yeastpromoter.model.decoding import decode
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.model.network import build_network
from yeastpromoter.model.shipped import ENTRY_FOLDER
from yeastpromoter.predictor import Predictor
from yeastpromoter.sequence.encoding import letters, one_hot
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA, Reporter

LONG = Reporter("pLong", "GATTACAGGACT", "CCTAGGTTCAAG", 60)
VALUES = (0, 1, 2, 4, 8)
#: Two ways through the same float32 network; its scores are of the order of 1, and the values up to 8.
CLOSE = 2e-4

INSERTS = [row.tobytes().decode() for row in random_inserts(6, 3, length=60)]


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    """An entry of `LONG` with random weights."""
    folder = tmp_path_factory.mktemp("long")
    network = build_network(seed=1, length=84, buckets=5)
    (folder / "model_files").mkdir()
    network.save_weights(folder / "model_files" / "yeastpromoter.weights.h5")
    described = yaml.safe_load((ENTRY_FOLDER / "model.yaml").read_text())
    described["args"] |= {
        "weights_sha256": sha256_of(folder / "model_files" / "yeastpromoter.weights.h5"),
        "reporter": LONG.description(),
        "bucket_values": list(VALUES),
        "calibration": None,
        "interval": None,
    }
    (folder / "model.yaml").write_text(yaml.safe_dump(described))
    return folder, network


def expected(network, inserts):
    constructs = letters([f"GATTACAGGACT{insert}CCTAGGTTCAAG" for insert in inserts])
    return decode(network.predict(one_hot(constructs), verbose=0), VALUES)


def test_predictions_are_those_of_its_network(entry):
    folder, network = entry
    predictor = Predictor(folder)
    wanted = expected(network, INSERTS)
    np.testing.assert_allclose(predictor.predict(INSERTS), wanted, rtol=0, atol=CLOSE)
    whole = [LONG.add_adapters(insert) for insert in INSERTS]
    np.testing.assert_allclose(predictor.predict(whole), wanted, rtol=0, atol=CLOSE)
    with pytest.raises(ValueError, match=r"80 bp but must have 60 \(an insert\) or 84"):
        predictor.predict(["ACGT" * 20])
    with pytest.raises(ValueError, match="begin with the adapter GATTACAGGACT"):
        predictor.predict(["A" * 84])


def test_tiles_and_substitutions_are_of_its_inserts(entry):
    folder, network = entry
    sequence = INSERTS[0] + INSERTS[1]
    scan = Predictor(folder).scan(sequence, step=25)
    assert scan.position.tolist() == [1, 26, 51, 61]
    tiles = [sequence[start - 1 : start + 59] for start in scan.position]
    np.testing.assert_allclose(scan.expression, expected(network, tiles), rtol=0, atol=CLOSE)
    trained = load_trained_network(folder)
    constructs = LONG.constructs(letters(INSERTS[:1]))
    found = saturation_mutagenesis(trained, constructs)
    assert found.effects.shape == (1, 60, 4)
    changed = INSERTS[0][:59] + ("A" if INSERTS[0][59] != "A" else "C")
    wanted = np.diff(expected(network, [INSERTS[0], changed]))
    assert found.effects[0, 59, "ACGT".index(changed[59])] == pytest.approx(wanted[0], abs=2 * CLOSE)


def test_designs_are_of_its_length(entry):
    folder, network = entry
    request = Request([HIGHEST], any_uncertainty=True, constraints=Constraints(avoid={"x": "GACTAA"}))
    table = Predictor(folder).design(request, interval=None)
    (insert,) = table["insert"]
    assert len(insert) == 60
    assert "GACTAA" not in f"GATTACAGGACT{insert}"
    np.testing.assert_allclose(table.expression, expected(network, [insert]), rtol=0, atol=CLOSE)


def test_commands_take_the_entry(entry, tmp_path):
    folder, network = entry
    file = tmp_path / "inserts.txt"
    file.write_text("\n".join(INSERTS) + "\n")
    output = tmp_path / "p.tsv"
    arguments = ["predict", file, "--sequence-type", "insert", "--bucket-scores", "-o", output]
    done = CliRunner().invoke(main, [*map(str, arguments), "--entry", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    rows = [line.split("\t") for line in output.read_text().splitlines()]
    assert rows[0] == ["id", "record", "expression", *(f"bucket_0{number}" for number in range(5))]
    found = [float(row[2]) for row in rows[1:]]
    np.testing.assert_allclose(found, expected(network, INSERTS), rtol=0, atol=CLOSE)
    done = CliRunner().invoke(main, list(map(str, arguments)), env={"YEASTPROMOTER_ENTRY": str(folder)})
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(main, ["predict", INSERTS[0], "--entry", str(folder)]).exit_code == 0
    done = CliRunner().invoke(main, ["compare", INSERTS[0], INSERTS[1][:1] + INSERTS[0][1:], "--entry", str(folder)])
    assert done.exit_code == 0, done.output


def test_variants_have_its_windows(entry, tmp_path):
    folder, _ = entry
    example = ENTRY_FOLDER / "variant_effects" / "example"
    effects = Predictor(folder).variant_effects(example / "variants.vcf", example / "genome.fa", example / "genes.gtf")
    assert len(effects) > 20
    with pytest.raises(ValueError, match="from 0 to 59"):
        Predictor(folder).variant_effects(example / "variants.vcf", example / "genome.fa", offsets=[60])


def test_without_flanks_nothing_is_fitted_or_deleted(entry, tmp_path):
    folder, _ = entry
    (tmp_path / "short.txt").write_text(INSERTS[0][:-1] + "\n")
    arguments = ["predict", str(tmp_path / "short.txt"), "--sequence-type", "insert", "--other-lengths", "fit"]
    done = CliRunner().invoke(main, [*arguments, "--entry", str(folder)])
    assert done.exit_code
    assert "the reporter pLong has no flanks" in done.output
    with pytest.raises(ValueError, match="pLong has no flanks"):
        delete_bases(LONG.constructs(letters(INSERTS[:1])), range(3), LONG)


def test_weights_of_another_length_or_number_of_buckets_are_refused(entry, tmp_path):
    folder, _ = entry
    shutil.copytree(folder, tmp_path / "entry")
    path = tmp_path / "entry" / "model.yaml"
    right = yaml.safe_load(path.read_text())
    for changes, said in (
        ({"reporter": None}, "constructs of 110 bp"),
        ({"bucket_values": [0, 1]}, "bucket_values are 2 numbers, but the network"),
        ({"reporter": LONG.description() | {"insert_length": "60"}}, "insert_length must be a whole number"),
        ({"reporter": {"name": "x"}}, "lacks left_adapter, right_adapter, insert_length"),
        ({"reporter": LONG.description() | {"plasmid": "x"}}, "a reporter is described by"),
    ):
        path.write_text(json.dumps(right | {"args": right["args"] | changes}))
        with pytest.raises(ValueError, match=said):
            load_trained_network(tmp_path / "entry")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"left_adapter": "gattaca"}, "left_adapter must be text of ACGT in upper case"),
        ({"name": " "}, "name must be text"),
        ({"insert_length": 5}, "at least 12"),
        ({"left_adapter": "", "right_adapter": "", "insert_length": 20}, "at least 30 bp"),
        ({"left_flank": "ACGT" * 5}, "flanks must have at least 13 bp each, or there must be none"),
    ],
)
def test_wrong_reporters(changes, said):
    with pytest.raises(ValueError, match=said):
        Reporter.of(LONG.description() | changes)


def test_a_reporter_without_adapters_reads_inserts_alone():
    bare = Reporter("bare", "", "", 80)
    assert (bare.construct_length, bare.insert, bare.positions("construct")) == (80, slice(0, 80), range(1, 81))
    assert bare.coordinate == "position in the insert, from 1 at its first base: 1 to 80 are the insert"
    assert Reporter.of(None) is PTPA
