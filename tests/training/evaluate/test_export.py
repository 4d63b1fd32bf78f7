import copy
import json
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from closeness import EXPRESSION, assert_expression_close
from made_up_results import config, make_results, run_of

from training.config.loading import complete_config, load_config
from training.data.assay import PUBLIC, Assay
from training.data.tables import sha256_of
from training.evaluate.card import RECORD_FILE, evaluation_text, long_figures, short_figures, trained_on
from training.evaluate.evaluation import evaluate
from training.evaluate.expected import expected_predictions
from training.evaluate.export import (
    entry_texts,
    export,
    for_assay,
    new_entry,
    of_these_weights,
    parameters,
    unwritten,
    weights_version,
    with_values,
)
from training.evaluate.markdown import markdown_table, replace_block
from training.evaluate.record import without_folders
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.model.network import build_network
from yeastpromoter.sequence.encoding import one_hot
from yeastpromoter.sequence.reporter import Reporter

ROOT = Path(__file__).resolve().parents[3]
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
    trained_on: >-
        Nothing
        yet.
    license: MIT
"""
VALUES = {"args": {"weights_sha256": "12ab", "weights_version": "public-run-12ab"}}
VALUES |= {"info": {"trained_on": "Measurements: " + 20 * "of some, # of " + "others."}}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_values_change_and_nothing_else(tmp_path, end):
    path = tmp_path / "model.yaml"
    path.write_bytes(MODEL_YAML.replace("\n", end).encode())
    text = with_values(path, VALUES)
    assert path.read_bytes() == MODEL_YAML.replace("\n", end).encode()
    assert yaml.safe_load(text)["info"]["trained_on"] == VALUES["info"]["trained_on"]
    lines = text.split(end)
    assert max(map(len, lines)) <= 120
    start, stop = lines.index("    trained_on: >-") + 1, lines.index("    license: MIT")
    assert stop - start == 3
    lines[start:stop] = ["        Nothing", "        yet."]
    wanted = MODEL_YAML.replace("00ff", "12ab").replace("untrained", "public-run-12ab")
    assert lines == wanted.split("\n")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (MODEL_YAML.replace("    weights_sha256: 00ff\n", ""), "has 0"),
        (MODEL_YAML + "    weights_sha256: 33\n", "has 2"),
        (MODEL_YAML.replace("    weights_sha256", "  weights_sha256"), "has 0"),
        (MODEL_YAML.replace("args:", "settings:").replace("info:", "args:"), "do not stand under args"),
    ],
)
def test_no_certain_place_for_a_value(tmp_path, text, match):
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=match):
        with_values(path, {"args": {"weights_sha256": "12ab"}})


BY_HAND = "# A\n<!-- by hand for v-1: begin -->\n{}\n<!-- by hand: end -->\nafter\n## B\n"
BY_HAND += "<!-- by hand for v-2: begin -->\nsecond\n<!-- by hand: end -->\n"


def test_what_was_written_by_hand_about_other_weights_goes(tmp_path):
    text = BY_HAND.format("first\n\n| table |")
    assert "\n".join(of_these_weights(text, "v-1").splitlines()[:6]) == "\n".join(text.splitlines()[:6])
    found = of_these_weights(text, "v-2")
    assert "first" not in found
    assert "table" not in found
    assert "v-1" not in found
    assert "\nafter\n## B\n" in found
    assert found.endswith("\nsecond\n<!-- by hand: end -->\n")
    assert of_these_weights(found, "v-2") == found, "and what is written then is kept"

    (tmp_path / "MODEL_CARD.md").write_text(found)
    (tmp_path / "README.md").write_text("# C\n")
    assert unwritten(tmp_path) == ["MODEL_CARD.md, line 3, under 'A'"]


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
    with pytest.raises(ValueError, match="does not exist"):
        replace_block(tmp_path / "other.md", "x", "new")


def test_table_in_markdown():
    assert markdown_table(["a", "b"], [["1", "2"]]) == "| a | b |\n|---|---:|\n| 1 | 2 |"


def recorded(**parts):
    return {
        "configuration": "public",
        "run": "student",
        "weights_sha256": "ab",
        "settings": {"learn_from": ["train"]},
        "split": {"method": "grouped", "seed": 1},
        "buckets": {"method": "round"},
        "bootstrap": {"resamples": 1000},
        "evaluation": parts,
    }


def summary(constructs, r, **others):
    made = {name: [0.5, 0.4, 0.6] for name in ("spearman", "mse", "mae", "gc_predicted", "gc_measured", "gc_excess")}
    made |= {"constructs": constructs, "groups": constructs // 2, "pearson": [r, r - 0.02, r + 0.01]}
    return made | others


CEILING = {"noise_ceiling": 0.99, "replicated_pearson": 0.91}


def test_figures_are_of_the_test_part_where_it_was_scored():
    validation = {"native": {"full_length": summary(10, 0.9), "all_lengths": summary(10, 0.9)}}
    test = {"native": {"full_length": summary(1200, 0.95, **CEILING), "all_lengths": summary(1300, 0.94)}}
    short = short_figures(recorded(validation=validation, test=test))
    assert "| native | 1,200 | 600 | 0.950 (0.930 to 0.960) | 0.500 (0.400 to 0.600) | 0.50 | 0.990 |" in short
    assert "the test part, by which the training chooses nothing" in short
    assert "0.900 (" not in short
    short = short_figures(recorded(validation=validation))
    assert "| native | 10 | 5 | 0.900 (0.880 to 0.910) | 0.500 (0.400 to 0.600) | 0.50 | – |" in short
    assert "validation part" in short
    with pytest.raises(ValueError, match="neither the test nor the validation part"):
        short_figures(recorded(train=validation))
    both = {"settings": {"learn_from": ["train", "validation"]}}
    with pytest.raises(ValueError, match="the run learned from it"):
        short_figures(recorded(validation=validation) | both)

    rows = [line for line in long_figures(recorded(validation=validation, test=test)).splitlines() if "native" in line]
    assert [row.split(" | ")[:5] for row in rows] == [
        ["| test", "native", "full length", "1,200", "600"],
        ["| test", "native", "all lengths", "1,300", "650"],
        ["| validation", "native", "full length", "10", "5"],
    ]
    assert rows[0].endswith("| 0.990 | 0.910 |")
    learned = long_figures(recorded(validation=validation, test=test) | both)
    assert "| validation (learned) | native | full length | 10 |" in learned


def test_a_split_of_ones_own_is_told_and_so_are_relatives_on_both_sides():
    test = {"native": {name: summary(1200, 0.95) for name in ("full_length", "all_lengths")}}
    record = recorded(test=test)
    record["split"] |= {"fractions": {"train": 0.7, "test": 0.2, "validation": 0.1}}
    numbers = {"train": 100, "test": 20, "validation": 0}
    given = {"constructs": numbers, "with_relatives": 3, "at_random": 50, "train_related_to": {"test": 0}}
    given |= {"validation_from_train": 0}
    said = evaluation_text(record | {"given_parts": given})
    assert "the part that the data give them: 100 in train and 20 in test. 3 others are in the part of their" in said
    assert "The other 50 are split in proportion into train and validation, by seed 1," in said
    assert "always in one part" in said
    assert "none of whose inserts shares a 30-mer" in short_figures(record | {"given_parts": given})
    leaking = given | {"at_random": 0, "train_related_to": {"test": 7}}
    said = evaluation_text(record | {"given_parts": leaking})
    assert "Of the given training constructs 7 to test are related by common 30-mers: figures are too good" in said
    assert "always in one part" not in said
    assert "are split" not in said
    taken = leaking | {"with_relatives": 0, "validation_from_train": 9}
    assert "20 in test. 9 of those in train are taken for validation, by seed 1." in evaluation_text(
        record | {"given_parts": taken}
    )
    figures = short_figures(record | {"given_parts": leaking})
    assert "the test part, by which the training chooses nothing, to which 7 training constructs are related" in figures


def test_figures_without_an_interval_or_a_value():
    few = summary(4, 0.9, spearman=[0.8, None, None])
    constant = summary(10, 0.9, pearson=[None] * 3, reasons={"pearson": "predictions do not vary"})
    test = {"few": {"full_length": few, "all_lengths": few}, "flat": {"full_length": constant, "all_lengths": constant}}
    for table in (short_figures(recorded(test=test)), long_figures(recorded(test=test))):
        assert "| 4 | 2 | 0.900 (0.880 to 0.910) | 0.800 (–) |" in table
        assert "| 10 | 5 | – (predictions do not vary) | 0.500 (0.400 to 0.600) |" in table


def test_the_note_says_where_intervals_are_of_fewer_resamples():
    native = summary(10, 0.9)
    note = long_figures(recorded(test={"native": {"full_length": native, "all_lengths": native}}))
    assert "(1,000 resamples of groups of constructs whose inserts share a 30-mer, as" in note
    assert "100,000" not in note
    many = native | {"resamples": 200}
    note = long_figures(recorded(test={"native": {"full_length": many, "all_lengths": many}}))
    assert "; 200 of more than 100,000)" in note


def test_version_of_the_weights():
    assert weights_version("public", "student_3", "0123456789abcdef") == "public-student_3-0123456789ab"
    with pytest.raises(ValueError, match=r"version would be '1a-x-0': names .* a letter first"):
        weights_version("1a", "x", "0")


SHIPPED = json.loads((ROOT / RECORD_FILE).read_text(encoding="utf-8"))
#: Files that say what the weights are; CHANGELOG.md, training/ and benchmarks/ say what runs were, whatever is shipped.
STATEMENTS = ("README.md", "MODEL_CARD.md", "CITATION.cff", "model.yaml", "dataloader.yaml", "many_files/README.md")
STATEMENTS += tuple(f"variant_effects/{name}" for name in ("model.yaml", "dataloader.yaml", "README.md"))


def of_old_weights(record):
    """What only a statement of some weights says: names of sources, files and runs, conditions, figures."""
    said = [record["configuration"] + "`", record["run"] + "`", record["weights_sha256"]]
    said += [item["file"] for item in (*record["data"]["sources"], *record["data"]["held_out"])]
    said += [source["name"].replace("_", " ") for source in record["data"]["sources"]]
    said += [source["description"] for source in record["data"]["sources"]]
    said += [f"{record['training_constructs']:,}", "glucose", "Mig1", "gradients |", "teacher_", "student_"]
    for lengths in record["evaluation"]["test"].values():
        said += [f"{value:.3f}" for value in lengths["full_length"]["pearson"]]
    return said


def test_the_shipped_texts_are_those_of_the_shipped_record():
    args = yaml.safe_load((ROOT / "model.yaml").read_text())["args"]
    assert args["weights_sha256"] == SHIPPED["weights_sha256"] == sha256_of(ROOT / args["weights"])
    assert args["calibration_sha256"] == SHIPPED["calibration_sha256"] == sha256_of(ROOT / args["calibration"])
    for name, text in entry_texts(SHIPPED, ROOT).items():
        assert text == (ROOT / name).read_text(encoding="utf-8"), name
    assert unwritten(ROOT) == []
    data = without_folders(load_config(ROOT / "training/config/public.yaml")["data"])
    # Keys that the schema got since have their defaults.
    shipped = complete_config({"name": "shipped", "data": SHIPPED["run"]["data"], "runs": {"one": {}}})["data"]
    assert without_folders(shipped) == data, "or export has not been run with what the configuration says now"


def other_run():
    """The shipped record, as if another run on other data had been exported."""
    other = copy.deepcopy(SHIPPED)
    other |= {"weights_version": "mine-first-0123456789ab", "weights_sha256": 64 * "1", "calibration_sha256": None}
    run = other["run"]
    del run["prediction_intervals"]
    run |= {"configuration": "mine", "run": "first", "weights_sha256": 64 * "2", "synthetic": None, "files": {}}
    run |= {"training_constructs": 777, "split": run["split"] | {"method": "random", "seed": 5}}
    run["settings"] |= {"first_activation": "softmax", "learn_from": ["train"], "initial": None, "teachers": []}
    run["settings"]["gc_sampling"] = {"method": "none"}
    source = {"name": "my_library", "file": "mine.tsv", "select": None, "origin": "the bench | here", "licence": None}
    run["data"] = {"description": "Sorted in galactose.", "sources": [source], "held_out": []}
    figures = summary(88, 0.4321)
    run["evaluation"] = {"test": {"my_library": {"full_length": figures, "all_lengths": figures}}}
    return other


def test_an_export_of_another_run_leaves_nothing_of_the_old_weights(tmp_path):
    other = other_run()
    texts = entry_texts(other, ROOT)
    after = {name: texts.get(name, (ROOT / name).read_text(encoding="utf-8")) for name in STATEMENTS}
    assert set(texts) <= set(after)
    everything = "\n".join(after.values())
    for said in (*of_old_weights(SHIPPED["run"]), SHIPPED["weights_version"], "ReLU"):
        assert said not in everything, said
    for name in ("MODEL_CARD.md", "README.md", "model.yaml", "variant_effects/model.yaml"):
        assert other["weights_version"] in after[name], name
    for name in ("model.yaml", "variant_effects/model.yaml"):
        described = yaml.safe_load(after[name])
        assert described["args"]["first_activation"] == "softmax"
        assert {described["args"][key] for key in ("calibration", "calibration_sha256", "interval")} == {None}
        assert described["info"]["trained_on"].startswith(
            "Sorted in galactose. Sources: my library (mine.tsv). Run first learned from 777 constructs of the train"
        )
    card = after["MODEL_CARD.md"]
    assert "The first convolution is softmax, as in the report's Table 1." in card
    assert "No file of sequences was held out." in card
    assert r"| the bench \| here |" in card
    assert "by seed 5" in card
    assert "Each sequence is drawn separately" in card
    assert "These weights have no calibration, and so no prediction intervals." in card
    assert "resamples of single constructs" in card
    assert "| my library | 88 | 44 | 0.432 (0.412 to 0.442) |" in after["README.md"]

    for name in ("MODEL_CARD.md", "README.md"):
        (tmp_path / name).write_text(after[name], encoding="utf-8")
    headings = {place.split("under ")[1].strip("'") for place in unwritten(tmp_path)}
    assert headings == {
        "Training data",
        "How it was evaluated",
        "On the test sequences of the DREAM Challenge 2022",
        "What it has learned of known binding sites",
        "Which of its explanations to trust",
        "Caveats",
        "How good it is",
        "yeastpromoter",
    }


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


def test_a_new_folder_becomes_a_copy_of_all_of_the_project(tmp_path):
    assert new_entry(tmp_path / "new")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode or not tracked.stdout:
        pytest.skip("no version control here")
    wanted = {
        name for name in tracked.stdout.split("\n") if name and not name.startswith(".") and (ROOT / name).exists()
    }
    copied = {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert wanted <= copied
    assert not any("__pycache__" in name or name.startswith(".") for name in copied)
    assert not new_entry(tmp_path / "new"), "there already"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "note").touch()
    with pytest.raises(ValueError, match=r"other is neither a Kipoi entry .* nor empty"):
        new_entry(tmp_path / "other")


@pytest.mark.parametrize(("length", "buckets"), [(80, 2), (121, 18), (230, 6)])
def test_number_of_parameters_is_that_of_the_network(length, buckets):
    assay = Assay(Reporter("made up", "", "", length), tuple(range(buckets)))
    assert parameters(assay) == build_network(**assay.network).count_params()


def test_words_of_another_assay_are_found_across_lines_and_without_adapters_their_names_go():
    other = Assay(Reporter("long", "", "", 120), (-1.5, 0.0, 2.0))
    text = "Their adapters, TGCATTTTTTTCACATC and GGTTACGGCTGTT, with at most 3; 0 (lowest) to 17\n  (highest), 80\nbp."
    said = for_assay(text, PUBLIC, other)
    assert said == "Their adapters with at most 3; -1.5 (lowest) to 2 (highest), 120 bp."


def test_export_makes_an_entry_of_one_run(entry, tmp_path):
    results, network = make_results(tmp_path)
    changed = config()
    (entry / "variant_effects/expected_predictions.h5").unlink()
    descriptions = [entry / "model.yaml", entry / "variant_effects/model.yaml"]
    before = [path.read_text() for path in descriptions]
    with pytest.raises(ValueError, match="run the step that writes it first"):
        export(run_of(changed, results), entry)
    assert [path.read_text() for path in descriptions] == before

    found = evaluate(run_of(changed, results), resamples=5)
    exported = export(run_of(changed, results), entry)
    weights = entry / "model_files/yeastpromoter.weights.h5"
    args = yaml.safe_load((entry / "model.yaml").read_text())["args"]
    assert args["weights_sha256"] == sha256_of(weights) == exported["weights_sha256"]
    assert args["weights_version"] == f"made_up-plain-{sha256_of(weights)[:12]}"
    for path, text in zip(descriptions, before, strict=True):
        after, wanted = yaml.safe_load(path.read_text()), yaml.safe_load(text)
        assert after["args"] | {"weights": None} == args | {"weights": None}
        wanted["args"] |= {name: args[name] for name in ("weights_sha256", "weights_version", "first_activation")}
        wanted["args"] |= dict.fromkeys(("calibration", "calibration_sha256", "interval"))  # the run has none
        wanted["info"]["trained_on"] = trained_on(exported["run"])
        assert after == wanted

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
    for name, text in entry_texts(exported, entry).items():
        assert (entry / name).read_text(encoding="utf-8") == text, "an export of the same changes nothing"
    assert long_figures(recorded["run"]) in (entry / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert len(unwritten(entry)) == 11

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


def test_a_model_that_names_no_file_for_its_predictions_is_refused(entry, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(entry, broken)
    text = (broken / "model.yaml").read_text()
    (broken / "model.yaml").write_text(text.replace("expect:", "expected:"))
    with pytest.raises(ValueError, match="under test: expect:"):
        expected_predictions(broken)


def test_the_expected_predictions_of_this_entry_are_those_that_kipoi_made(tmp_path):
    for name in ("model.yaml", "dataloader.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("model_files", "variant_effects"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for path in expected_predictions(tmp_path):
        with h5py.File(path) as file, h5py.File(ROOT / path.relative_to(tmp_path)) as kept:
            names = []
            kept.visititems(lambda name, item, names=names: names.append(name) if hasattr(item, "shape") else None)
            found = []
            file.visititems(lambda name, item, found=found: found.append(name) if hasattr(item, "shape") else None)
            assert found == names
            for name in names:
                assert file[name].dtype == kept[name].dtype
                np.testing.assert_allclose(file[name][:], kept[name][:], rtol=0, atol=EXPRESSION)
