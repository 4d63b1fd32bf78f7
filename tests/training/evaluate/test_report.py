import base64
import copy
import json
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from made_up_results import SOURCES, config, make_results, run_of, write_json
from made_up_studies import made_up
from matplotlib.image import imread

from training.config.loading import default_settings, load_config, studies_gc_correction
from training.evaluate.card import evaluation_text, long_figures, short_figures
from training.evaluate.evaluation import evaluate
from training.evaluate.figures import FIGURES, epochs_note, figures
from training.evaluate.markdown import with_bounds
from training.evaluate.network import network, totals
from training.evaluate.record import make_record
from training.evaluate.report import FOLDER, caption, report
from training.studies.gc_study import read_runs, study_cells
from yeastpromoter.model.layers import layers_of
from yeastpromoter.model.network import build_network

TRAINING = Path(__file__).resolve().parents[3] / "training"
STUDY = TRAINING / "config" / "gc_study.yaml"
ASSEMBLED = {
    "held_out_sequences": 1234,
    "sources": {
        "random": {"file_sha256": "ab", "rows_in_file": 50, "rows": 30, "dropped_without_value": 4, "fitted": 5}
        | {"dropped_held_out_near": 6, "kept_measurements": 20},
        "tiles": {"file_sha256": "cd", "rows_in_file": 50, "rows": 19, "dropped_without_value": 0, "fitted": 7}
        | {"dropped_of_a_later_kind": 1, "kept_measurements": 18},
    },
    "measurements": 38,
    "merged_away": 2,
    "constructs": 36,
    "by_source": {name: {"constructs": 18, "constructs_not_fitted": 12} for name in SOURCES},
    "agreement": [
        {
            "sources": SOURCES,
            "sequences": 2,
            "pearson": 0.9,
            "line_second_to_first": {
                "slope": {"value": 1.1, "low": 1.05, "high": 1.15},
                "intercept": {"value": -0.2, "low": None, "high": None},
            },
            "errors_from": "second",
        }
    ],
}
SPLIT = {
    "method": "grouped",
    "groups": 18,
    "groups_of_several": 17,
    "largest_group": 2,
    "constructs": {"train": 18, "test": 9, "validation": 9},
    "by_source": {
        "random": {"train": 9, "test": 5, "validation": 4},
        "tiles": {"train": 9, "test": 4, "validation": 5},
    },
}


def chosen(constructs, r, distance):
    return {
        "constructs": constructs,
        "distinct_constructs": constructs - 1,
        "effective_constructs": constructs - 2.5,
        "largest_weight": 1.75,
        "gc_expression_pearson": r,
        "gc_expression_pearson_by_source": {"random": r / 2, "tiles": None},
        "bucket_distance_to_target": [distance] * 17 + [None],
        "bucket_constructs": [*range(17), constructs],
    }


SAMPLE = {
    "settings": {"method": "reweighting", "target": "all", "genome": None},
    "calibration": {"not_calibrated": [{"bucket": 17, "constructs": 3}]},
    "before": chosen(18, 0.31, 0.25),
    "after": chosen(17, 0.01, 0.125),
}


class Page(HTMLParser):
    """What a page holds: sections, tables by title, figures, addresses, tags in which tables stand."""

    def __init__(self, text):
        super().__init__()
        self.sections, self.tables, self.figures, self.addresses, self.tags = [], {}, {}, [], []
        self.boxes, self.meta, self.text, self._open, self._title, self._figure = [], {}, "", [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        if tag == "table":
            self.boxes.append(self._open[-1])
            self.tables[self._title] = []
        elif tag == "section":
            self.sections.append(attributes["id"])
        elif tag == "figure":
            self._figure = self.figures[attributes["id"]] = {"caption": ""}
        elif tag == "tr":
            self.tables[self._title].append([])
        elif tag in ("td", "th"):
            self.tables[self._title][-1].append("")
        elif tag == "h3":
            self._title = ""
        elif tag == "meta":
            self.meta[attributes.get("name")] = attributes.get("content")
        for name in ("src", "srcset", "href", "data", "action"):
            if name in attributes:
                self.addresses.append(attributes[name])
                if tag in ("img", "source"):
                    self._figure[tag] = attributes[name]
        if tag not in ("meta", "img", "source"):
            self._open.append((tag, attributes.get("class")))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        inside = {tag for tag, _ in self._open}
        self.text += data
        if "h3" in inside:
            self._title += data
        if inside & {"td", "th"}:
            self.tables[self._title][-1][-1] += data
        if "figcaption" in inside:
            self._figure["caption"] += data

    def rows(self, title):
        """Rows of a table by their first cell."""
        return {row[0]: row[1:] for row in self.tables[title]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results of a run with all that the steps before say, but for the figures."""
    results, _ = make_results(tmp_path_factory.mktemp("report"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yeastpromoter.statistics.MIN_GROUPS", 2)  # the parts are small
        evaluate(run_of(config(), results), resamples=20)
    for name, content in (("constructs", ASSEMBLED), ("split", SPLIT)):
        write_json(results / "data" / f"{name}.json", content)
    write_json(results / "data" / "buckets.json", {"method": "round", "constructs": list(range(100, 118))})
    write_json(results / "runs" / "plain" / "sample.json", SAMPLE)
    with pytest.raises(ValueError, match=r"learning_curves\.png does not exist: run the step figures first"):
        report(run_of(config(), results), records=results)
    with pytest.raises(ValueError, match="no evaluation of the part 'test', only of train, validation"):
        report(run_of(config(), results), records=results, part="test")
    figures(run_of(config(), results))
    network(run_of(config(), results))
    return results


@pytest.fixture(scope="module")
def page(made):
    return Page(report(run_of(config(), made), records=made).read_text(encoding="utf-8"))


def test_every_part_is_there(page):
    wanted = ["summary", "configuration", "network", "data", "training", "gc", "buckets", "predictions", "software"]
    assert page.sections == wanted
    assert set(page.figures) == {f"figure-{name}" for name in (*FIGURES, "network")}


def test_the_network_is_shown_where_its_step_was_run(made, page):
    layers = page.rows("Layers")
    assert len(page.tables["Layers"]) == 1 + 18
    assert layers["Dense (linear)"] == ["bucket_scores", "(None, 18)", "–", "–", "5,418"]
    assert totals(layers_of(build_network())) in page.text
    folder = made / "runs/plain/network"
    hidden = folder.rename(folder.with_name("hidden"))
    found = Page(report(run_of(config(), made), made / "no_network.html", records=made).read_text(encoding="utf-8"))
    hidden.rename(folder)
    assert "network" not in found.sections


def test_settings(page):
    assert page.rows("Settings of the run")["gc_sampling.method"] == ["none"]
    assert page.rows("Phases of the training")["epochs"] == ["2"]
    assert page.rows("Sources of measurements")["tiles"][:4] == [
        "tiles",
        "tiles.txt",
        "https://example.org/tiles.txt",
        "cd",
    ]
    assert "phase 1 epochs 2" in page.text, "what differs from the defaults"
    assert default_settings()["phases"][0]["epochs"] == 20
    assert "private" not in page.text


def test_counts_through_every_step(page):
    rows = page.rows("From the files to measurements")
    assert rows["rows in the file"] == ["50", "50", "–"]
    assert rows["rows of the source"] == ["30", "19", "49"]
    assert rows["left out: without a value"] == ["4", "0", "4"]
    assert rows["dropped of a later kind"] == ["0", "1", "1"], "nothing that a step counts is left out"
    assert rows["measurements kept"] == ["20", "18", "38"]
    assert "Held-out sequences: 1,234" in page.text
    rows = page.rows("From measurements to the parts")
    assert rows["measurements kept"][-1] == "38"
    assert rows["constructs"] == ["18", "18", "36"]
    assert rows["of these of full length as measured"] == ["12", "12", "24"]
    assert rows["validation part"] == ["4", "5", "9"]
    assert rows["to learn from"][-1] == "18"
    assert rows["after GC correction (reweighting)"][-1] == "17"
    # Every third construct is fitted to 110 bp.
    assert rows["validation, full length: scored"] == ["3", "3", "6"]
    shared = page.rows("Sequences that two sources measured")["random and tiles"]
    assert shared == ["2", "0.900", "1.100 (1.050 to 1.150)", "-0.200 (–)", "second"]


def test_epochs_and_buckets_and_gc(made, page):
    history = json.loads((made / "runs/plain/history.json").read_text())
    assert page.tables["Epochs"][1:] == [
        ["1", str(record["epoch"] + 1), *(f"{record[name]:.3f}" for name in ("accuracy", "mae", "mse"))]
        + [f"{record[name]:.3f}" for name in ("val_accuracy", "val_mae", "val_mse")]
        + ["12.3"]
        + ["yes" if record == history[-1] else ""]
        for record in history
    ]
    assert epochs_note(make_record(run_of(config(), made))) in page.text
    (kept,) = page.rows("The run")["weights kept"]
    assert kept.startswith("phase 1, epoch 2, which has the lowest validation loss")
    assert page.rows("Occupancy")["3"] == ["103", "3", "0.250", "3", "0.125"]
    assert page.rows("Occupancy")["17"] == ["117", "18", "–", "17", "–"]
    rows = page.rows("Training constructs and their GC content")
    assert rows["effective number of constructs"] == ["15.5", "14.5"]
    assert rows["GC and expression, r, all"] == ["0.310", "0.010"]
    assert rows["GC and expression, r, tiles"] == ["–", "–"]
    assert "Not calibrated: bucket 17, 3 constructs." in page.text


def test_scores_with_intervals(made, page):
    parts = json.loads((made / "runs/plain/evaluation/evaluation.json").read_text())["parts"]
    accuracy = {tuple(row[:2]): row[2:] for row in page.tables["Accuracy"]}
    gc = {tuple(row[:2]): row[2:] for row in page.tables["GC content and expression"]}
    for part in ("train", "validation"):
        for source in ("random", "tiles", "all_sources"):
            summary = parts[part][source]["full_length"]
            row = accuracy[part, source.replace("_", " ")]
            counts = [str(summary["constructs"]), str(summary["groups"])]
            assert row[:3] == [*counts, with_bounds(summary["pearson"])]
            assert row[5:7] == [with_bounds(summary["mae"]), with_bounds(summary["mape"], 1)]
            assert gc[part, source.replace("_", " ")][4] == with_bounds(summary["gc_excess"])
    low, high = (parts["validation"]["tiles"]["full_length"]["pearson"][name] for name in ("low", "high"))
    (said,) = page.rows("The run")["Pearson, tiles, validation part"]
    assert said.endswith(f"({low:.3f} to {high:.3f}); 3 constructs, 3 groups")


def test_the_card_has_percentage_errors_where_the_evaluation_has_them(made):
    record = make_record(run_of(config(), made))
    table = short_figures(record).splitlines()
    value = record["evaluation"]["validation"]["tiles"]["full_length"]["mape"][0]
    cells = dict(zip(table[0].split(" | "), table[2].split(" | "), strict=True))
    assert cells["| Measurements"] == "| tiles"
    assert cells["MAPE, %"] == f"{value:.1f}"
    assert "MAPE, % | GC, predicted" in long_figures(record)
    assert "measured at 1 or above" in table[-1]
    # The record of an evaluation by an earlier version.
    for lengths in (lengths for sources in record["evaluation"].values() for lengths in sources.values()):
        for summary in lengths.values():
            summary.pop("mape", None)
    for text in (short_figures(record), long_figures(record)):
        assert "MAPE" not in text
        assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_all_lengths_are_shown_of_parts_without_full_length(made, page):
    assert "Figures are of the validation part, full-length constructs." in page.text
    path = made / "runs/plain/evaluation/evaluation.json"
    before = path.read_text()
    evaluation = json.loads(before)
    for lengths in evaluation["parts"]["validation"].values():
        lengths["full_length"] = None
    write_json(path, evaluation)
    found = Page(report(run_of(config(), made), made / "lengths.html", records=made).read_text(encoding="utf-8"))
    path.write_text(before)
    assert "Figures are of the validation part, constructs of all lengths." in found.text
    summary = evaluation["parts"]["validation"]["tiles"]["all_lengths"]
    assert found.rows("The run")["Pearson, tiles, validation part"] == [
        f"{with_bounds(summary['pearson'])}; {summary['constructs']} constructs, {summary['groups']} groups"
    ]
    assert (
        "full-length constructs; constructs of all lengths in the parts without any of full length (validation)."
        in found.text
    )
    accuracy = {tuple(row[:2]): row[2] for row in found.tables["Accuracy"]}
    assert (accuracy["train", "tiles"], accuracy["validation", "tiles"]) == ("6", "5")


def test_warnings_and_undefined_correlations_are_shown(made, page):
    assert "warnings" not in page.sections
    paths = [made / "runs/plain/evaluation/evaluation.json", made / "runs/plain/summary.json"]
    before = [path.read_text() for path in paths]
    evaluation, summary = map(json.loads, before)
    undefined = {"value": None, "low": None, "high": None, "reason": "the predictions do not vary"}
    evaluation["parts"]["validation"]["tiles"]["full_length"]["pearson"] = undefined
    # As an evaluation of an earlier version.
    del evaluation["parts"]["validation"]["tiles"]["full_length"]["mape"]
    for path, found in zip(
        paths, (evaluation | {"warnings": ["no & no"]}, summary | {"warnings": ["few"]}), strict=True
    ):
        write_json(path, found)
    found = Page(report(run_of(config(), made), made / "warned.html", records=made).read_text(encoding="utf-8"))
    recorded = make_record(run_of(config(), made))
    for path, text in zip(paths, before, strict=True):
        path.write_text(text)
    said = "– (the predictions do not vary)"
    assert found.rows("The run")["Pearson, tiles, validation part"][0].startswith(f"{said}; 3 constructs")
    assert ["validation", "tiles", said, "–"] in [[*row[:2], row[4], row[8]] for row in found.tables["Accuracy"]]
    assert f"| validation | tiles | full length | 3 | 3 | {said} |" in long_figures(recorded)
    assert evaluation_text(recorded).endswith("\n\nWarning: few.\n\nWarning: no & no.")
    assert found.tables["Of the steps"][-2:] == [["train", "few"], ["evaluate", "no & no"]]


def test_intervals_of_fewer_resamples_are_named(made, page):
    assert "They come from" not in page.text
    path = made / "runs/plain/evaluation/evaluation.json"
    before = path.read_text()
    evaluation = json.loads(before)
    evaluation["bootstrap"]["resamples"] = 1000
    evaluation["parts"]["train"]["tiles"]["full_length"]["resamples"] = 200
    write_json(path, evaluation)
    found = Page(report(run_of(config(), made), made / "fewer.html", records=made).read_text(encoding="utf-8"))
    path.write_text(before)
    assert "They come from 1,000 resamples, of sets of more than 100,000 groups from 200." in found.text


def test_versions(page):
    rows = page.rows("Versions")
    assert rows["numpy"] == ["1.26.4", np.__version__]
    assert rows["keras"][0] == "3.15.1"
    assert {"python", "tensorflow", "matplotlib", "yeastpromoter"} <= set(rows)


def test_the_page_needs_nothing_else(made, page):
    path = made / "runs/plain/report.html"
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    assert {address[1:] for address in page.addresses if address.startswith("#")} == set(page.sections)
    assert "script" not in page.tags
    assert not re.search(r"url\(|@import", path.read_text())
    # Snakemake's report shows it as an address, of which Chromium takes 2 MiB.
    assert path.stat().st_size * 4 / 3 < 2**21
    assert not list(path.parent.glob("partial.*"))


def test_narrow_screens(made, page):
    assert page.meta["viewport"] == "width=device-width, initial-scale=1"
    assert set(page.boxes) == {("div", "table")}, "wide tables scroll in a box of their own"
    for name in FIGURES:
        found = page.figures[f"figure-{name}"]
        for tag, file in (("img", f"{name}.png"), ("source", f"{name}.narrow.png")):
            content = base64.b64decode(found[tag].partition(",")[2])
            assert content == (made / "runs/plain/figures" / file).read_bytes()
            width = imread(BytesIO(content)).shape[1]
            assert tag == "img" or width == 4.8 * 150, "text of 10 points has 10 pixels on a screen of 360"


def test_captions_say_what_to_look_for(page):
    marked = set()
    for rules in sorted((TRAINING / "workflow" / "rules").glob("*.smk")):
        text = rules.read_text()
        marked |= set(re.findall(r'caption="\.\./report/(\w+)\.rst"', text))
        marked |= set(re.findall(r'^ +figure\("(\w+)"\)', text, re.MULTILINE))
        assert len(re.findall(r"\breport\($", text, re.MULTILINE)) == len(re.findall(r"caption=", text))
    assert marked == {*FIGURES, "network", "gc_study", "page"}
    for name in marked:
        shows, look = caption(name)
        assert len(shows) > 100, name
        assert look.startswith("Look ")
        assert not re.search(r"[*`|{}\\]|_\b|\b_|::", shows + look), (
            "the same plain text on the page and in Snakemake's report"
        )
    assert {path.stem for path in FOLDER.glob("*.rst")} == marked | {"workflow"}
    for name in (*FIGURES, "network"):
        for paragraph in caption(name):
            assert paragraph in page.figures[f"figure-{name}"]["caption"]


def test_text_of_others_is_no_markup(made, tmp_path):
    other = copy.deepcopy(config())
    other["data"]["sources"][0]["origin"] = "<script>alert(1)</script> & more"
    found = Page(report(run_of(other, made), tmp_path / "page.html", records=made).read_text(encoding="utf-8"))
    assert "script" not in found.tags
    assert found.rows("Sources of measurements")["random"][2] == "<script>alert(1)</script> & more"


def test_the_study_of_gc_correction(made, tmp_path, monkeypatch):
    study = load_config(STUDY)
    others = [load_config(STUDY.with_name(f"{name}.yaml")) for name in ("ci", "public", "report")]
    assert studies_gc_correction(study)
    assert not any(map(studies_gc_correction, others))
    for number, (name, settings) in enumerate(study["runs"].items()):
        if name != "none_3":
            write_json(tmp_path / f"{name}.json", made_up(settings, number))
    settings = config()
    settings["runs"] |= {name: study["runs"][name] for name in ("none_1", "reweighting_1", "none_3")}
    assert not studies_gc_correction(settings | {"base_changes": study["base_changes"]}), "plain is another network"

    results, _ = make_results(tmp_path)
    for name in ("data", "runs"):
        for path in (made / name).rglob("*"):
            if path.suffix in (".json", ".tsv", ".png"):
                copied = results / path.relative_to(made)
                copied.parent.mkdir(parents=True, exist_ok=True)
                copied.write_bytes(path.read_bytes())
    write_json(results / "runs/plain/base_changes.json", made_up({}, 0)["base_changes"] | changes_of(results))
    settings = config() | {"base_changes": study["base_changes"]}
    settings["runs"]["plain"]["source_weights"] = True
    second = settings["runs"]["plain"] | {"gc_sampling": {"method": "reweighting", "target": "all", "seed": 1}}
    settings["runs"] |= {"second": second}
    none = Page(report(run_of(settings, results), records=tmp_path / "none").read_text(encoding="utf-8"))
    assert "gc-study" not in none.sections, "no run has a record yet"
    for number, name in enumerate(("plain", "second")):
        write_json(tmp_path / f"{name}.json", made_up(settings["runs"][name], number))
    found = Page(report(run_of(settings, results), records=tmp_path).read_text(encoding="utf-8"))
    assert found.sections[-2:] == ["gc-study", "software"]
    header, rows, note = study_cells(*read_runs(settings, tmp_path))
    assert found.tables["The study in numbers"] == [header, *rows]
    assert note in found.text
    assert caption("gc_study")[1] in found.figures["figure-gc_study"]["caption"]
    assert imread(BytesIO(base64.b64decode(found.figures["figure-gc_study"]["source"].partition(",")[2]))).ndim == 3

    # The pages of a configuration that is no study show the one that it names, by its committed records.
    monkeypatch.chdir(TRAINING.parent)
    with_study = config() | {"gc_study": str(STUDY)}
    named = Page(report(run_of(with_study, results), records=tmp_path / "none").read_text(encoding="utf-8"))
    assert named.sections[-2:] == ["gc-study", "software"]
    header, rows, _ = study_cells(*read_runs(load_config(STUDY), TRAINING / "records" / "gc_study"))
    assert named.tables["The study in numbers"] == [header, *rows]
    assert "Runs of configuration gc_study." in named.text


def changes_of(results):
    """What base_changes.json says beside its numbers, which stand as mappings there."""
    evaluation = json.loads((results / "runs/plain/evaluation/evaluation.json").read_text())
    numbers = made_up({}, 0)["base_changes"]
    return {"weights_sha256": evaluation["weights_sha256"]} | {
        group: {
            name: dict(zip(("value", "low", "high"), bounds, strict=True)) for name, bounds in numbers[group].items()
        }
        for group in ("mean_absolute_effect", "ratio", "mean_effect")
    }
