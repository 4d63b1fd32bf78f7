import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from closeness import assert_expression_close
from made_up_results import config, make_results

from training.evaluate import evaluate
from training.export import expected_predictions, export, long_figures, set_arguments, short_figures, weights_version
from training.markdown import markdown_table, replace_block
from training.tables import sha256_of
from yeastpromoter.encoding import one_hot
from yeastpromoter.network import build_network
from yeastpromoter.sequence_files import SequenceFile

ROOT = Path(__file__).resolve().parents[2]
MODEL_YAML = """\
defined_as: model.Some  # kept
args:
    weights: here.weights.h5
    weights_sha256: 00ff
    # A comment on the version.
    weights_version: untrained
    scale:   [0, 1]
info:
    doc: >-
        The weights_sha256: and weights_version: of a run.
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_arguments_change_and_nothing_else(tmp_path, end):
    path = tmp_path / "model.yaml"
    path.write_bytes(MODEL_YAML.replace("\n", end).encode())
    set_arguments(path, {"weights_sha256": "12ab", "weights_version": "public-run-12ab"})
    wanted = MODEL_YAML.replace("00ff", "12ab").replace("untrained", "public-run-12ab").replace("\n", end)
    assert path.read_bytes() == wanted.encode()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (MODEL_YAML.replace("    weights_sha256: 00ff\n", ""), "has 0"),
        (MODEL_YAML + "    weights_sha256: 33\n", "has 2"),
        (MODEL_YAML.replace("    weights_sha256", "  weights_sha256"), "has 0"),
        (MODEL_YAML.replace("args:", "settings:").replace("info:", "args:"), "not as arguments"),
    ],
)
def test_no_certain_place_for_an_argument(tmp_path, text, match):
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=match):
        set_arguments(path, {"weights_sha256": "12ab"})
    assert path.read_text() == text


def test_block_of_a_document(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n<!-- y: begin --><!-- y: end -->")
    replace_block(path, "x", r"new \1")
    replace_block(path, "x", r"newer \1")
    assert path.read_text() == "a\n<!-- x: begin -->\nnewer \\1\n<!-- x: end -->\nb\n<!-- y: begin --><!-- y: end -->"
    for text in ("", "<!-- x: end --> <!-- x: begin -->", "<!-- x: begin -->", path.read_text() * 2):
        path.write_text(text)
        with pytest.raises(ValueError, match="exactly one block"):
            replace_block(path, "x", "new")
        assert path.read_text() == text
    with pytest.raises(ValueError, match="is not there"):
        replace_block(tmp_path / "other.md", "x", "new")


def test_table_in_markdown():
    assert markdown_table(["a", "b"], [["1", "2"]]) == "| a | b |\n|---|---:|\n| 1 | 2 |"


def bounds(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def evaluation(**parts):
    return {
        "configuration": "public",
        "run": "student",
        "weights_sha256": "ab",
        "split": {"method": "grouped", "seed": 1},
        "bootstrap": {"resamples": 1000},
        "parts": parts,
    }


def summary(constructs, pearson, ceiling=None):
    made = {name: bounds(0.5) for name in ("spearman", "mse", "mae", "gc_predicted", "gc_measured", "gc_excess")}
    made |= {"constructs": constructs, "pearson": bounds(pearson, pearson - 0.02, pearson + 0.01)}
    return made | ({"noise_ceiling": {"ceiling": ceiling, "predicted_pearson": 0.91}} if ceiling else {})


def test_figures_are_of_the_test_part_where_it_was_scored():
    validation = {"native": {"110_bp": summary(10, 0.9), "all_lengths": summary(10, 0.9)}}
    test = {"native": {"110_bp": summary(1200, 0.95, 0.99), "all_lengths": summary(1300, 0.94)}}
    short = short_figures(evaluation(validation=validation, test=test))
    assert "| native | 1,200 | 0.950 (0.930 to 0.960) | 0.500 | 0.50 | 0.990 |" in short
    assert "the test part, by which nothing was chosen" in short
    assert "0.900 (" not in short
    short = short_figures(evaluation(validation=validation))
    assert "| native | 10 | 0.900 (0.880 to 0.910) | 0.500 | 0.50 | – |" in short
    assert "validation part" in short
    with pytest.raises(ValueError, match="neither the test nor the validation part"):
        short_figures(evaluation(train=validation))
    with pytest.raises(ValueError, match="the run learned from it"):
        short_figures(evaluation(validation=validation) | {"learned_from": ["train", "validation"]})

    rows = [
        line for line in long_figures(evaluation(validation=validation, test=test)).splitlines() if "native" in line
    ]
    assert [row.split(" | ")[:4] for row in rows] == [
        ["| validation", "native", "110 bp", "10"],
        ["| test", "native", "110 bp", "1,200"],
        ["| test", "native", "all lengths", "1,300"],
    ]
    assert rows[1].endswith("| 0.990 | 0.910 |")
    learned = evaluation(validation=validation, test=test) | {"learned_from": ["train", "validation"]}
    assert "| validation (learned) | native | 110 bp | 10 |" in long_figures(learned)


def test_the_note_says_where_intervals_are_of_fewer_resamples():
    native = summary(10, 0.9)
    assert "(1,000 resamples of groups of constructs whose inserts share a 30-mer)." in long_figures(
        evaluation(test={"native": {"110_bp": native, "all_lengths": native}})
    )
    many = native | {"resamples": 200}
    assert "whose inserts share a 30-mer; 200 of more than 100,000)." in long_figures(
        evaluation(test={"native": {"110_bp": many, "all_lengths": many}})
    )


def test_version_of_the_weights():
    assert weights_version("public", "student_3", "0123456789abcdef") == "public-student_3-0123456789ab"
    with pytest.raises(ValueError, match=r"version would be '1a-x-0': names .* a letter first"):
        weights_version("1a", "x", "0")


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    """A copy of the entry, with other weights than it will get, and nothing to compare with."""
    folder = tmp_path_factory.mktemp("entry") / "copy"
    folder.mkdir()
    for name in ("model.py", "model.yaml", "dataloader.py", "dataloader.yaml", "README.md", "MODEL_CARD.md"):
        shutil.copy(ROOT / name, folder)
    for name in ("yeastpromoter", "requirements", "model_files/example", "variant_effects"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_export_makes_an_entry_of_one_run(entry, tmp_path):
    results, network = make_results(tmp_path)
    changed = config()
    (entry / "variant_effects/expected_predictions.h5").unlink()
    descriptions = [entry / "model.yaml", entry / "variant_effects/model.yaml"]
    before = [path.read_text().splitlines() for path in descriptions]
    with pytest.raises(ValueError, match="run the step that writes it first"):
        export(changed, "plain", results, entry)
    assert [path.read_text().splitlines() for path in descriptions] == before

    found = evaluate(changed, "plain", results, resamples=5)
    exported = export(changed, "plain", results, entry)
    weights = entry / "model_files/yeastpromoter.weights.h5"
    args = yaml.safe_load((entry / "model.yaml").read_text())["args"]
    assert args["weights_sha256"] == sha256_of(weights) == exported["weights_sha256"]
    assert args["weights_version"] == f"made_up-plain-{sha256_of(weights)[:12]}"
    for path, lines in zip(descriptions, before, strict=True):
        after = path.read_text().splitlines()
        different = [line.split(":")[0].strip() for line, old in zip(after, lines, strict=True) if line != old]
        assert set(different) <= {"weights_sha256", "weights_version", "first_activation"}
        assert yaml.safe_load(path.read_text())["args"] | {"weights": None} == args | {"weights": None}

    with h5py.File(weights) as file:
        assert "optimizer" not in file
    restored = build_network()
    restored.load_weights(weights)
    for value, wanted in zip(restored.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(value, wanted)

    recorded = json.loads((entry / "model_files/training_run.json").read_text())
    assert recorded == exported
    assert recorded["run"]["weights_sha256"] == found["weights_sha256"]
    assert recorded["run"]["settings"] == changed["runs"]["plain"]
    assert long_figures(found) in (entry / "MODEL_CARD.md").read_text()
    assert short_figures(found) in (entry / "README.md").read_text()

    example = SequenceFile(entry / "model_files/example/promoters.fa")
    scores = network.predict(one_hot(example.read(range(len(example))).constructs), verbose=0).astype(float)
    with h5py.File(entry / "model_files/expected_predictions.h5") as file:
        expected = file["preds/expression"][:]
    assert_expression_close(expected, [np.average(range(18), weights=row) for row in scores])
    with h5py.File(entry / "variant_effects/expected_predictions.h5") as file:
        ref = network.predict(file["inputs/ref"][:].reshape(-1, 110, 4), verbose=0).astype(float)
        expected = file["preds/ref"][:]
    decoded = np.array([np.average(range(18), weights=row) for row in ref])
    assert_expression_close(expected, decoded.reshape(len(expected), -1).mean(axis=1))
    assert not list(entry.rglob("partial.*"))


def test_export_says_why_kipoi_failed(entry, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(entry, broken)
    (broken / "model.py").write_text("raise OSError('this is why')")
    with pytest.raises(ValueError, match=r"kipoi test .* failed:\n(.|\n)*this is why"):
        expected_predictions(broken)
    (broken / "model.yaml").write_text("args: {}\n")
    with pytest.raises(ValueError, match="under test: expect:"):
        expected_predictions(broken)


def test_the_shipped_entry_is_of_one_recorded_run():
    path = ROOT / "model_files/training_run.json"
    args = yaml.safe_load((ROOT / "model.yaml").read_text())["args"]
    if args["weights_version"] == "untrained":
        pytest.skip("no run has been exported yet")
    recorded = json.loads(path.read_text())
    assert args["weights_sha256"] == recorded["weights_sha256"]
    assert args["weights_version"] == recorded["weights_version"]
    assert args["first_activation"] == recorded["run"]["settings"]["first_activation"]
    for document in ("README.md", "MODEL_CARD.md"):
        assert f"Run `{recorded['run']['run']}` of configuration" in (ROOT / document).read_text()
    assert recorded["run"]["weights_sha256"] in (ROOT / "MODEL_CARD.md").read_text()
