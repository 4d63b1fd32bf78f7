import copy
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from training.config.loading import (
    complete_config,
    default_settings,
    files_of,
    gc_correction_in_effect,
    load_config,
    schema,
    synthetic_use,
)
from training.data.assay import Assay
from training.paths import Layout

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = sorted((ROOT / "training" / "config").glob("*.yaml"))
SMALL = {
    "name": "small",
    "data": {"sources": [{"name": "a", "file": "a.txt", "columns": {"sequence": 0, "expression": 1}}]},
    "runs": {"one": {}},
}


def changed(**changes):
    return copy.deepcopy(SMALL) | changes


def walk(rules, path=""):
    """Every property of the schema with its path."""
    for name, inner in rules.get("properties", {}).items():
        yield f"{path}.{name}", inner
        yield from walk(inner, f"{path}.{name}")
    for key in ("anyOf", "oneOf"):
        for option in rules.get(key, []):
            yield from walk(option, path)
    for key in ("items", "additionalProperties"):
        if isinstance(rules.get(key), dict):
            yield from walk(rules[key], path + "[]")
    for name, inner in rules.get("$defs", {}).items():
        yield from walk(inner, name)


def objects(rules):
    if isinstance(rules, dict):
        if "properties" in rules and rules.get("type") == "object":
            yield rules
        for inner in rules.values():
            yield from objects(inner)
    elif isinstance(rules, list):
        for inner in rules:
            yield from objects(inner)


def test_every_key_of_the_schema_is_described():
    found = list(walk(schema()))
    assert len(found) > 60
    for path, rules in found:
        target = rules
        if "$ref" in rules:
            target = schema()["$defs"][rules["$ref"].removeprefix("#/$defs/")] | rules
        assert target.get("description"), path
        kinds = target.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if {"number", "integer"} & set(kinds) and "string" not in kinds:
            assert target.get("unit"), path


def test_no_object_takes_unknown_keys_and_every_key_is_required_or_has_a_default():
    found = list(objects(schema()))
    assert len(found) > 15
    for rules in found:
        assert rules["additionalProperties"] is False
        for name, inner in rules["properties"].items():
            assert name in rules.get("required", []) or "default" in inner, name


COUNTS = {"sequence": 0, "counts": list(range(1, 19))}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"columns": {"sequence": 0}}, "columns has neither of expression and counts"),
        ({"columns": COUNTS | {"expression": 19}}, "columns has both of expression and counts"),
        ({"columns": {"sequence": 0, "counts": [1, 2]}}, "has 2 columns, but there are 18 buckets"),
        (
            {"columns": COUNTS | {"counts": [1, *range(1, 18)]}},
            "data.sources[0].columns.counts has 1 more than once, but its columns must differ",
        ),
        (
            {"columns": {"sequence": 0, "expression": 1, "replicates": [2, 2]}},
            "data.sources[0].columns.replicates has 2 more than once",
        ),
        (
            {"columns": COUNTS | {"counts": list("abcdefghijklmnopqr")}},
            "columns.counts[0] is 'a' but must be a column's number",
        ),
        ({"majority": {}}, "majority is for columns.counts, but there are none"),
        ({"columns": COUNTS, "calibration": {"slope": 2}}, "calibration is for measured values"),
        ({"columns": COUNTS, "majority": {"share": 0.5}}, "majority.share is 0.5 but must be more than 0.5"),
        ({"reads": {"sorted_cells": [1] * 18}}, "data.sources[0].reads is for columns.counts, but there are none"),
        ({"columns": COUNTS, "reads": {"sorted_cells": [1]}}, "sorted_cells has 1 numbers, but columns.counts has 18"),
        ({"columns": COUNTS, "reads": {}}, "data.sources[0].reads lacks the key sorted_cells"),
    ],
)
def test_mistakes_with_counts_are_named(source, message):
    config = copy.deepcopy(SMALL)
    config["data"]["sources"][0] |= source
    with pytest.raises(ValueError, match="not a valid configuration") as error:
        complete_config(config)
    assert message in str(error.value)


def test_counts_and_the_default_thresholds_of_a_majority():
    config = copy.deepcopy(SMALL)
    config["data"]["sources"][0] |= {"columns": COUNTS, "majority": {}}
    assert complete_config(config)["data"]["sources"][0]["majority"] == {"support": 10, "share": 0.75}


def test_reads_of_a_source():
    config = copy.deepcopy(SMALL)
    config["data"]["sources"][0] |= {"columns": COUNTS, "reads": {"sorted_cells": [1] * 18}}
    assert complete_config(config)["data"]["sources"][0]["reads"]["min_reads"] == 10


MPRA = {"columns": {"sequence": 1, "name": 0}, "mpra": {"tables": [{"file": "m.tsv"}]}}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"columns": {"sequence": 0, "expression": 1, "name": 2}}, "columns.name is for an mpra, but there is none"),
        ({"columns": {"sequence": 0, "expression": 1}}, "columns has expression, but with mpra the values are in"),
        ({"columns": COUNTS}, "columns has counts, but with mpra"),
        ({"columns": {"sequence": 0, "replicates": [1, 2]}}, "columns has replicates, but with mpra"),
        ({"columns": {"sequence": 1, "name": "n"}}, "columns.name is 'n' but must be a column's number"),
        ({"calibration": {"slope": 2}}, "calibration is for measured values, but an mpra has its mpra.scale"),
        ({"mpra": {"tables": []}}, "mpra.tables is [] but must be a list of at least 1"),
        ({"mpra": {"tables": [{"file": "m"}], "min_barcodes": 0}}, "min_barcodes is 0 but must be at least 1"),
        ({"mpra": {"tables": [{"file": "m"}], "level": "barcode", "normalised": False}}, "normalised is for the level"),
        ({"mpra": {"tables": [{"file": "m"}], "scale": {"from": [2, 1]}}}, "scale.from is [2, 1], but its first"),
        ({"mpra": {"tables": [{"file": "m"}], "scale": {"to": [1]}}}, "scale.to is [1] but must be a list of at least"),
        ({"mpra": {"tables": [{"file": "../m", "url": "https://a/b"}]}}, "'../m' has a url, but would not be put into"),
    ],
)
def test_mistakes_with_an_mpra_are_named(source, message):
    config = copy.deepcopy(SMALL)
    of_mpra = {} if "expression" in source.get("columns", {}) and "name" in source["columns"] else MPRA
    config["data"]["sources"][0] |= of_mpra | source
    with pytest.raises(ValueError, match="not a valid configuration") as error:
        complete_config(config)
    assert message in str(error.value)


def test_defaults_of_an_mpra():
    config = copy.deepcopy(SMALL)
    config["data"]["sources"][0] |= MPRA
    found = complete_config(config)
    assert complete_config(found) == found
    mpra = found["data"]["sources"][0]["mpra"]
    assert (mpra["level"], mpra["min_barcodes"], mpra["pseudocount"]) == ("oligo", 10, 1)
    assert mpra["columns"]["name"] == "oligo_name"
    assert mpra["scale"] == {"from": None, "quantiles": [0.01, 0.99], "to": None}
    assert [entry["file"] for entry in files_of(found)] == ["a.txt", "m.tsv"]


def test_data_of_another_configuration(tmp_path):
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(SMALL | {"split": {"seed": 5}, "base_changes": {"gc": 0.4}}))
    two = {"name": "two", "same_data_as": "one.yaml", "runs": {"other": {}}}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(two))
    one, found = load_config(tmp_path / "one.yaml"), load_config(tmp_path / "two.yaml", {"data": {"folder": "there"}})
    assert found["data"] == one["data"] | {"folder": "there"}
    assert (found["split"], list(found["runs"]), found["base_changes"]) == (one["split"], ["other"], None)
    assert found["same_data_as"] is None, "so that the complete configuration stands by itself"
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(two | {"split": {"method": "random"}}))
    assert load_config(tmp_path / "two.yaml")["split"] == one["split"] | {"method": "random"}
    alone = {key: value for key, value in two.items() if key != "same_data_as"}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(alone))
    found = load_config(tmp_path / "two.yaml", {"same_data_as": "one.yaml", "data": {"folder": "there"}})
    assert found["data"] == one["data"] | {"folder": "there"}, "named among the settings that win, too"
    assert (found["split"], found["same_data_as"]) == (one["split"], None)
    for wrong, message in (
        ("none.yaml", "that file is missing"),
        ("two.yaml", "that configuration has none of its own"),
    ):
        (tmp_path / "two.yaml").write_text(yaml.safe_dump(two | {"same_data_as": wrong}))
        with pytest.raises(ValueError, match=message):
            load_config(tmp_path / "two.yaml")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path):
    config = load_config(path)
    assert complete_config(config) == config


def test_report_configuration_has_the_reports_numbers():
    config = load_config(ROOT / "training" / "config" / "report.yaml")
    assert set(config["runs"]) == {"relu", "softmax", "relu_without_sampling"}
    assert config["split"] == {
        "method": "random",
        "fractions": {"train": 0.7, "test": 0.2, "validation": 0.1},
        "seed": 2022,
    }
    assert config["data"]["other_lengths"] == "drop"
    for name, run in config["runs"].items():
        assert run["first_activation"] == name.removesuffix("_without_sampling")
        assert (run["loss"], run["soft_label_sd"], run["source_weights"]) == ("mse", None, False)
        sampling = {key: run["gc_sampling"][key] for key in ("method", "fraction", "replacement", "target", "cap")}
        method = "none" if name.endswith("_without_sampling") else "sampling"
        assert sampling["method"] == method
        if method == "sampling":
            assert sampling == {"method": method, "fraction": 0.8, "replacement": False, "target": "all", "cap": None}
        (phase,) = run["phases"]
        assert (phase["optimizer"], phase["learning_rate"], phase["batch_size"]) == ("adam", 1e-3, 1024)
        assert (phase["epochs"], phase["patience"], phase["schedule"]) == (20, 10, "constant")


def test_defaults_are_filled_in_at_every_depth():
    config = complete_config(SMALL)
    source = config["data"]["sources"][0]
    assert source["label"] == "a"
    assert source["separator"] == "\t"
    assert source["trim"] == {"left": 0, "right": 0}
    assert source["calibration"] == {"slope": 1, "intercept": 0}
    assert config["runs"]["one"]["phases"][0]["epochs"] == 20
    assert config["runs"]["one"]["gc_sampling"]["bin_width"] == 0.05
    assert config["split"]["fractions"] == {"train": 0.7, "test": 0.2, "validation": 0.1}
    assert config["export"] is None
    assert SMALL["runs"] == {"one": {}}, "the input is not changed"


def test_defaults_of_runs_are_merged():
    config = complete_config(
        changed(
            run_defaults={
                "seed": 7,
                "gc_sampling": {"method": "sampling", "fraction": 0.5},
                "phases": [{"epochs": 3}, {"epochs": 4}],
            },
            runs={"one": {}, "two": {"seed": 8, "gc_sampling": {"fraction": 0.6}, "phases": [{"batch_size": 5}]}},
        )
    )
    one, two = config["runs"]["one"], config["runs"]["two"]
    assert (one["seed"], two["seed"]) == (7, 8)
    assert (one["gc_sampling"]["fraction"], two["gc_sampling"]["fraction"]) == (0.5, 0.6)
    assert two["gc_sampling"]["method"] == "sampling"
    assert [phase["epochs"] for phase in one["phases"]] == [3, 4]
    assert [(phase["batch_size"], phase["epochs"]) for phase in two["phases"]] == [(5, 20)]
    one["phases"][0]["epochs"] = 99
    assert config["runs"]["two"]["phases"][0]["epochs"] == 20, "runs share no objects"


SYNTHETIC = {"mix": {"parts": [{"kind": "random", "count": 5}]}}
ON_SYNTHETIC = [{"constructs": "synthetic"}]


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"foo": 1}, ["unknown key foo"]),
        ({"runs": {}}, ["runs", "at least 1 key"]),
        ({"name": "a b"}, ["name is 'a b'"]),
        ({"runs": {"one": {"loss": "mae"}}}, ["runs.one.loss is 'mae'", "mse, huber"]),
        ({"runs": {"one": {"phases": [{"epochs": 0}]}}}, ["runs.one.phases[0].epochs is 0 but must be at least 1"]),
        ({"runs": {"one": {"phases": [{"epochs": "3"}]}}}, ["of type integer"]),
        ({"runs": {"one": {"phases": [{"shift": {"max_bp": 3}}]}}}, ["phases[0].shift lacks the key share"]),
        ({"runs": {"one": {"phases": [{"shift": 3}]}}}, ["phases[0].shift is 3 but must be null or a mapping"]),
        ({"runs": {"one": {"phases": [{"warmup": 0.1}]}}}, ["warmup is for the cosine schedule"]),
        ({"runs": {"one": {"phases": [{"weight_decay": 0.1}]}}}, ["weight_decay is for adamw"]),
        ({"runs": {"one": {"phases": [{"use": 3}]}}}, ["use is for synthetic constructs"]),
        ({"split": {"fractions": {"train": 0.7, "test": 0.2, "validation": 0.2}}}, ["sum to 1.1"]),
        ({"export": {"run": "two"}}, ["export.run is 'two' but must be one of one"]),
        ({"runs": {"one": {"gc_sampling": {"target": "genome"}}}}, ["there is no runs.one.gc_sampling.genome"]),
        ({"runs": {"one": {"gc_sampling": {"method": "sampling", "fraction": 1.5}}}}, ["needs replacement: true"]),
        (
            {
                "runs": {
                    "one": {
                        "gc_sampling": {
                            "weighting": "authors",
                            "fraction": 0.5,
                            "cap": 9,
                            "replacement": True,
                            "seed": 2,
                        }
                    }
                }
            },
            [
                f"runs.one.gc_sampling.{key} is for the method sampling, but the method is none"
                for key in ("weighting", "fraction", "cap", "replacement", "seed")
            ],
        ),
        (
            {"runs": {"one": {"gc_sampling": {"method": "reweighting", "cap": 9}}}},
            ["runs.one.gc_sampling.cap is for the method sampling, but the method is reweighting"],
        ),
        (
            {"runs": {"one": {"gc_sampling": {"method": "reweighting_by_source", "fraction": 1}}}},
            ["runs.one.gc_sampling.fraction is for the method sampling, but the method is reweighting_by_source"],
        ),
        (
            {"runs": {"one": {"gc_sampling": {"method": "sampling", "genome": {"file": "g.fa"}}}}},
            ["runs.one.gc_sampling.genome is for the target genome, but the target is all"],
        ),
        (
            {"runs": {"one": {"gc_sampling": {"target": "genome", "genome": {"file": "g.fa"}}}}},
            ["runs.one.gc_sampling.target is genome, but the method is none"],
        ),
        ({"runs": {1: {}}}, ["runs has the key 1, but keys are text: put a name into quotation marks"]),
        ({"runs": {"a b": {}}}, ["a name under runs is 'a b' but must be text like"]),
        (
            {"data": {"sources": [SMALL["data"]["sources"][0] | {"label": "all_sources"}]}},
            ["data.sources[0] is called 'all_sources'"],
        ),
        ({"runs": {"one": {"phases": ON_SYNTHETIC}}}, ["needs teachers and synthetic"]),
        ({"runs": {"one": {"teachers": ["x"], "synthetic": "mix", "phases": ON_SYNTHETIC}}}, ["'x'", "the recipes"]),
        (
            {"runs": {"one": {}, "two": {"teachers": ["one"], "synthetic": "mix"}}, "synthetic": SYNTHETIC},
            ["none of its phases is on synthetic"],
        ),
        (
            {
                "runs": {
                    "one": {"teachers": ["two"], "synthetic": "mix", "phases": ON_SYNTHETIC},
                    "two": {"teachers": ["one"], "synthetic": "mix", "phases": ON_SYNTHETIC},
                },
                "synthetic": SYNTHETIC,
            },
            ["circle: one <- two <- one"],
        ),
        (
            {
                "runs": {
                    "one": {},
                    "two": {
                        "teachers": ["one"],
                        "synthetic": "mix",
                        "phases": [{"constructs": "synthetic", "shift": {"max_bp": 3, "share": 0.5}}],
                    },
                },
                "synthetic": SYNTHETIC,
            },
            ["runs.two.phases[0].shift is for measured constructs"],
        ),
        ({"runs": {"one": {"initial": "one"}}}, ["runs.one.initial is the run itself"]),
        (
            {"runs": {"one": {"initial": "shipped"}, "shipped": {}}},
            ["runs has a run 'shipped', but this is what runs.one.initial calls the weights of this entry"],
        ),
        (
            {"runs": {"one": {"initial": "shipped", "first_activation": "softmax"}}},
            ["runs.one.initial starts from a network with relu"],
        ),
        (
            {"runs": {"one": {"phases": [{"frozen": ["conv_7"]}]}}},
            ["runs.one.phases[0].frozen has 'conv_7', but the network kircherlab has conv_1"],
        ),
        ({"runs": {"one": {"initial": "two"}}}, ["runs.one.initial is 'two', but the runs are one"]),
        ({"runs": {"one": {"initial": "two"}, "two": {"initial": "one"}}}, ["circle: one <- two <- one"]),
        (
            {"runs": {"one": {"initial": "two"}, "two": {"first_activation": "softmax"}}},
            ["runs.one.initial starts from a network with softmax"],
        ),
        (
            {"runs": {"one": {"learn_from": ["train", "validation"]}}},
            ["runs.one.phases[0].patience chooses by the validation part"],
        ),
        ({"runs": {"one": {"learn_from": ["train", "test"]}}}, ["runs.one.learn_from is ['train', 'test']"]),
        (
            {"runs": {"one": {"set_aside": {"constructs": 5, "use": 6}}}},
            ["runs.one.set_aside.use is for learn_from: set_aside", "use is 6, but only 5 are set aside"],
        ),
        (
            {
                "runs": {
                    "one": {"set_aside": {"constructs": 5, "seed": 1}},
                    "two": {"initial": "one", "set_aside": {"constructs": 5, "learn_from": "set_aside"}},
                    "three": {},
                    "four": {"initial": "three", "set_aside": {"constructs": 5, "learn_from": "set_aside"}},
                }
            },
            [
                "runs.two.initial is 'one', which learned from constructs that runs.two.set_aside sets aside",
                "runs.four.initial is 'three', which learned from",
            ],
        ),
        ({"split": {"seed": 1.0}}, ["split.seed is 1.0 but must be of type integer"]),
        ({"runs": {"one": {1: 2, "foo": 3}}}, ["runs.one has the key 1, but keys are text"]),
        ({"synthetic": {"mix": {"parts": [{"kind": "genome", "count": 5}]}}}, ["parts[0] is of kind genome"]),
        (
            {
                "runs": {
                    "one": {},
                    "two": {
                        "teachers": ["one"],
                        "synthetic": "mix",
                        "phases": [{"constructs": "synthetic", "use": 6}],
                    },
                },
                "synthetic": SYNTHETIC,
            },
            ["runs.two.phases[0].use is 6, but the recipe mix makes 5 constructs"],
        ),
    ],
)
def test_mistakes_are_named(changes, messages):
    with pytest.raises(ValueError, match="not a valid configuration") as error:
        complete_config(changed(**changes))
    for message in messages:
        assert message in str(error.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"columns": {"sequence": "seq", "expression": 1}}, "columns.sequence is 'seq' but must be a column's number"),
        ({"header": True}, "columns.sequence is 0 but must be a column's name"),
        ({"columns": {"sequence": 0, "expression": 1, "replicates": [2]}}, "a list of no or 2 columns"),
        ({"sha256": "37AB"}, "sha256 is '37AB'"),
        ({"url": "ftp://somewhere"}, "url is 'ftp://somewhere'"),
        ({"weight": 0}, "weight is 0 but must be more than 0"),
    ],
)
def test_mistakes_in_sources_are_named(source, message):
    config = copy.deepcopy(SMALL)
    config["data"]["sources"][0] |= source
    with pytest.raises(ValueError, match="not a valid configuration") as error:
        complete_config(config)
    assert message in str(error.value)


@pytest.mark.parametrize("file", ["../../x", "/absolute", "a/../b", "..", "."])
def test_what_is_downloaded_goes_into_the_data_folder(file):
    config = copy.deepcopy(SMALL)
    config["data"]["held_out"] = [{"file": file}]
    complete_config(config)
    config["data"]["held_out"] = [{"file": file, "url": "https://example.org/x"}]
    with pytest.raises(ValueError, match=re.escape(f"the file {file!r} has a url, but would not be put into")):
        complete_config(config)
    config["data"]["held_out"] = [{"file": "a/b..txt", "url": "https://example.org/x"}]
    complete_config(config)


@pytest.mark.parametrize("end", ["\n", "\t", "\0"])
def test_names_do_not_end_in_what_cannot_be_seen(end):
    source = SMALL["data"]["sources"][0]
    wrong = {
        "name is": {"name": "small" + end},
        "a name under runs is": {"runs": {"one" + end: {}}},
        "a name under synthetic is": {"synthetic": {"mix" + end: SYNTHETIC["mix"]}},
        "data.sources[0].name is": {"data": {"sources": [source | {"name": "a" + end}]}},
        "data.sources[0].label is": {"data": {"sources": [source | {"label": "a" + end}]}},
        "data.sources[0].file is": {"data": {"sources": [source | {"file": "a" + end}]}},
        "data.sources[0].sha256 is": {"data": {"sources": [source | {"sha256": "0" * 64 + end}]}},
        "data.sources[0].url is": {"data": {"sources": [source | {"url": "https://a/b" + end}]}},
    }
    for message, changes in wrong.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            complete_config(changed(**changes))


def test_patterns_hold_to_the_end_of_the_text():
    # In Python $ stands before a newline at the end, too.
    def patterns(rules):
        for key, inner in rules.items() if isinstance(rules, dict) else enumerate(rules):
            if key == "pattern":
                yield inner
            elif isinstance(inner, dict | list):
                yield from patterns(inner)

    found = list(patterns(schema()))
    assert len(found) > 6
    assert all(pattern.startswith("^") and pattern.endswith("\\Z") for pattern in found)


def test_numbers_are_finite(tmp_path):
    path = tmp_path / "config.yaml"
    for text, place in (
        ("runs: {one: {dropout_scale: .nan}}", "runs.one.dropout_scale is nan"),
        ("runs: {one: {phases: [{learning_rate: .inf}]}}", "runs.one.phases[0].learning_rate is inf"),
        ("runs: {one: {phases: [{learning_rate: 1e999}]}}", "runs.one.phases[0].learning_rate is inf"),
        ("run_defaults: {soft_label_sd: -.inf}\nruns: {one: {}}", "run_defaults.soft_label_sd is -inf"),
    ):
        path.write_text(yaml.safe_dump({key: SMALL[key] for key in ("name", "data")}) + text)
        with pytest.raises(ValueError, match=re.escape(f"{place} but must be a finite number")):
            load_config(path)


@pytest.mark.parametrize(("uses", "expected"), [([3, 5], 5), ([3, None], None), ([4], 4)])
def test_the_synthetic_constructs_that_a_run_uses(uses, expected):
    phases = [{"constructs": "synthetic", "use": use} for use in uses]
    assert synthetic_use({"phases": [*phases, {"constructs": "measured", "use": None}]}) == expected


def test_all_mistakes_are_listed():
    with pytest.raises(ValueError, match="not a valid") as error:
        complete_config(changed(foo=1, runs={"one": {"loss": "mae", "seed": -1}}))
    assert len(str(error.value).splitlines()) == 4


def test_files_are_listed_once_and_one_file_has_one_hash():
    config = copy.deepcopy(SMALL)
    genome = {"file": "g.fa", "sha256": "0" * 64}
    config["data"]["sources"].append(config["data"]["sources"][0] | {"name": "b"})
    config["data"]["held_out"] = [{"file": "h.txt", "url": "file:///h.txt"}]
    config["synthetic"] = {"mix": {"parts": [{"kind": "genome", "count": 1, "genome": genome}]}}
    config["run_defaults"] = {"gc_sampling": {"method": "reweighting", "target": "genome", "genome": genome}}
    assert [entry["file"] for entry in files_of(complete_config(config))] == ["a.txt", "h.txt", "g.fa"]
    config["data"]["sources"][1]["sha256"] = "1" * 64
    with pytest.raises(ValueError, match="two values of sha256"):
        complete_config(config)


def test_a_run_does_not_inherit_what_its_own_gc_correction_does_not_use():
    shared = {
        "method": "sampling",
        "weighting": "authors",
        "fraction": 0.5,
        "seed": 7,
        "target": "genome",
        "genome": {"file": "g.fa"},
    }
    runs = {
        "same": {},
        "none": {"gc_sampling": {"method": "none"}},
        "reweighting": {"gc_sampling": {"method": "reweighting"}},
        "all": {"gc_sampling": {"target": "all"}},
    }
    config = complete_config(SMALL | {"run_defaults": {"gc_sampling": shared}, "runs": runs})
    assert complete_config(config) == config
    found = {name: run["gc_sampling"] for name, run in config["runs"].items()}
    assert (found["same"]["fraction"], found["same"]["genome"]["file"]) == (0.5, "g.fa")
    assert found["none"] == default_settings()["gc_sampling"]
    assert found["reweighting"]["fraction"] == default_settings()["gc_sampling"]["fraction"]
    assert (found["reweighting"]["target"], found["reweighting"]["genome"]["file"]) == ("genome", "g.fa")
    assert (found["all"]["fraction"], found["all"]["target"], found["all"]["genome"]) == (0.5, "all", None)
    # What a run says itself and does not use is still refused.
    own = {"none": {"gc_sampling": {"method": "none", "fraction": 0.3}}}
    with pytest.raises(ValueError, match=r"runs\.none\.gc_sampling\.fraction is for the method sampling"):
        complete_config(SMALL | {"run_defaults": {"gc_sampling": shared}, "runs": own})


def test_the_home_folder_can_be_written_as_a_tilde(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    data = SMALL["data"] | {"folder": "~/data"}
    config = complete_config(SMALL | {"data": data, "results": "~/results", "records": "~"})
    assert (config["data"]["folder"], config["results"]) == ("/home/someone/data", "/home/someone/results")
    assert config["records"] == "/home/someone"


def test_numbers_in_scientific_notation_and_keys_given_twice(tmp_path):
    text = yaml.safe_dump(SMALL).replace("one: {}", "one: {phases: [{learning_rate: 1e-4}]}")
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert load_config(path)["runs"]["one"]["phases"][0]["learning_rate"] == 1e-4
    path.write_text(text + "name: again\n")
    with pytest.raises(ValueError, match="the key 'name' is there twice"):
        load_config(path)
    path.write_text("name: [")
    with pytest.raises(ValueError, match="not a YAML file"):
        load_config(path)


def test_a_configuration_that_is_not_utf_8_is_named(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes("name: small\n# für\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"config\.yaml, line 2: the byte 0xfc is not UTF-8"):
        load_config(path)


def test_gc_sampling_that_does_something_is_accepted():
    genome = {"target": "genome", "genome": {"file": "g.fa"}}
    drawn = {"method": "sampling", "weighting": "authors", "fraction": 1.5, "cap": 9, "replacement": True}
    runs = {"drawn": drawn | genome, "weighted": {"method": "reweighting", "bin_width": 0.1} | genome}
    found = complete_config(changed(runs={name: {"gc_sampling": settings} for name, settings in runs.items()}))["runs"]
    assert found["drawn"]["gc_sampling"] | drawn == found["drawn"]["gc_sampling"]
    assert found["weighted"]["gc_sampling"]["fraction"] == 0.8, "the default, which it does not use"


def test_the_examples_in_the_documentation_are_valid():
    text = (ROOT / "training" / "README.md").read_text()
    blocks = (yaml.safe_load(textwrap.dedent(block)) for block in re.findall(r"```yaml\n(.*?)```", text, re.S))
    whole, parts, reporter, tuned, intervals, line, correction, counts, reads, mpra, small, students, backend = blocks
    assert Assay.of(complete_config(reporter | {"name": "x", "runs": {"one": {}}, "data": SMALL["data"]})).network == {
        "length": 231,
        "buckets": 6,
    }
    first, second = complete_config(parts | {"name": "x", "runs": {"one": {}}})["data"]["sources"]
    assert (first["columns"]["split"], first["split_values"]["validation"]) == ("fold", ["tune"])
    assert (first["part"], second["part"]) == (None, "test")
    assert complete_config(SMALL | backend)["backend"] == "jax"
    assert line == {"calibration": {"slope": 1.06906, "intercept": 0.192754}}
    assert complete_config(SMALL | tuned)["runs"]["tuned"]["initial"] == "shipped"
    assert complete_config(SMALL | intervals)["prediction_intervals"]["sources"] == ["high_quality"]
    assert set(complete_config(whole)["runs"]) == {"first", "soft"}
    corrected = complete_config(SMALL | correction)["runs"]["corrected"]
    assert corrected["gc_sampling"]["method"] == "reweighting"
    (source,) = complete_config(SMALL | counts)["data"]["sources"]
    assert source["majority"] == {"support": 10, "share": 0.75}
    (source,) = complete_config(SMALL | reads)["data"]["sources"]
    assert source["reads"]["sorted_cells"][9] == 61200
    (source,) = complete_config(SMALL | mpra)["data"]["sources"]
    assert source["mpra"]["scale"]["quantiles"] == [0.01, 0.99]
    runs = complete_config(SMALL | small)["runs"]
    assert (runs["small"]["network"], runs["student"]["network"]) == ("conv_gru", "kircherlab")
    assert complete_config(SMALL | students)["runs"]["student"]["teachers"] == ["teacher_1", "teacher_2"]


def test_every_command_is_in_the_documentation():
    from training.cli.main import main

    text = (ROOT / "training" / "README.md").read_text()
    for command in main.commands:
        assert re.search(rf"(`|-m training ){command}\b", text), command


def test_overrides_win(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    config = load_config(path, {"data": {"folder": "elsewhere"}})
    assert config["data"]["folder"] == "elsewhere"
    assert len(config["data"]["sources"]) == 1


def test_settings_that_a_gc_correction_does_not_use_are_left_out():
    def in_effect(**settings):
        config = complete_config(changed(runs={"first": {"gc_sampling": settings}}))
        return list(gc_correction_in_effect(config["runs"]["first"]["gc_sampling"]))

    assert in_effect(method="reweighting") == ["method", "target", "genome", "bin_width"]
    assert in_effect(method="sampling")[:5] == ["method", "weighting", "fraction", "cap", "replacement"]
    assert "seed" in in_effect(method="sampling")


def test_a_run_can_start_from_the_shipped_weights(tmp_path):
    config = complete_config(SMALL | {"runs": {"one": {"initial": "shipped"}, "two": {"initial": "one"}, "three": {}}})
    layout = Layout(tmp_path, tmp_path / "records")
    found = {name: layout.initial(settings) for name, settings in config["runs"].items()}
    assert found["one"] == ROOT / "model_files/yeastpromoter.weights.h5"
    assert found["two"] == tmp_path / "runs/one/best.weights.h5"
    assert found["three"] is None
