import json
import re

import pytest
from made_up_results import config, make_results, run_of, write_json

from training.evaluate.evaluation import evaluate
from training.evaluate.record import ablation_table, differences, make_record, record, write_ablation_table


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    results, _ = make_results(tmp_path_factory.mktemp("results"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yeastpromoter.statistics.MIN_GROUPS", 2)  # the parts are small
        evaluate(run_of(config(), results), resamples=10)
    return results


def test_record_of_a_run(made, tmp_path):
    found = record(run_of(config(), made), tmp_path / "deep" / "plain.json")
    text = (tmp_path / "deep" / "plain.json").read_text()
    assert found == json.loads(text)
    assert found["settings"] == config()["runs"]["plain"]
    assert (found["epochs"], found["seconds"]) == (2, 60)
    assert found["versions"] == {"keras": "3.15.1", "backend": "tensorflow", "numpy": "1.26.4"}
    assert set(found["evaluation"]) == {"train", "validation"}
    evaluation = json.loads((made / "runs/plain/evaluation/evaluation.json").read_text())
    whole = evaluation["parts"]["validation"]["tiles"]["full_length"]["pearson"]
    value, low, high = found["evaluation"]["validation"]["tiles"]["full_length"]["pearson"]
    assert (value, low, high) == tuple(round(whole[name], 6) for name in ("value", "low", "high"))
    assert set(found["tables"]) == {"table", "buckets", "split"}


def test_record_holds_no_path_of_this_machine_and_no_sequence(made, tmp_path):
    record(run_of(config(), made), tmp_path / "plain.json")
    text = (tmp_path / "plain.json").read_text()
    assert "random.txt" in text
    assert "https://example.org/tiles.txt" in text
    for private in ("/somewhere", "private", "/mnt", str(made), "folder"):
        assert private not in text
    assert not re.search("[ACGT]{20}", text)
    assert len(text) < 20_000


def test_files_as_found_by_the_download(made, tmp_path):
    write_json(made / "data" / "files.json", {"random.txt": {"sha256": "ef", "got_from": "/mnt/x"}})
    try:
        assert record(run_of(config(), made), tmp_path / "plain.json")["files"] == {"random.txt": "ef"}
    finally:
        (made / "data" / "files.json").unlink()


def test_a_record_is_of_one_run(made, tmp_path):
    changed = config()
    changed["runs"]["plain"]["phases"][0]["epochs"] = 3
    with pytest.raises(ValueError, match=r"other settings .*phases\[0\].epochs"):
        record(run_of(changed, made), tmp_path / "plain.json")
    later = config()
    later["runs"]["plain"]["a_setting_of_later"] = 1
    assert record(run_of(later, made), tmp_path / "plain.json")

    summary = made / "runs/plain/summary.json"
    before = summary.read_text()
    write_json(summary, {**json.loads(before), "inputs": {"table": "0" * 64}})
    with pytest.raises(ValueError, match=r"other tables .*\(table\)"):
        record(run_of(config(), made), tmp_path / "plain.json")
    summary.write_text(before)

    evaluation = made / "runs/plain/evaluation/evaluation.json"
    before = evaluation.read_text()
    write_json(evaluation, {**json.loads(before), "weights_sha256": "0" * 64})
    with pytest.raises(ValueError, match="trained again; rerun the step evaluate"):
        record(run_of(config(), made), tmp_path / "plain.json")
    evaluation.write_text("{")
    with pytest.raises(ValueError, match="holds no JSON"):
        record(run_of(config(), made), tmp_path / "plain.json")
    evaluation.write_text(before)


def test_fewer_resamples_are_recorded(made, tmp_path):
    path = made / "runs/plain/evaluation/evaluation.json"
    before = path.read_text()
    evaluation = json.loads(before)
    evaluation["parts"]["validation"]["tiles"]["full_length"]["resamples"] = 200
    write_json(path, evaluation)
    found = record(run_of(config(), made), tmp_path / "plain.json")["evaluation"]["validation"]
    path.write_text(before)
    assert found["tiles"]["full_length"]["resamples"] == 200
    assert "resamples" not in found["random"]["full_length"]


def settings(**changed):
    phase = {"constructs": "measured", "epochs": 5, "optimizer": "adam", "learning_rate": 0.001, "schedule": "cosine"}
    return {"seed": 1, "loss": "mse", "gc_sampling": {"method": "none", "seed": 1}, "phases": [phase]} | changed


def test_differences_in_words():
    one = settings()
    assert differences(one, settings(seed=9, gc_sampling={"method": "none", "seed": 4})) == "–"
    assert differences(settings(loss="huber"), one) == "loss huber"
    soft, hard = settings(soft_label_sd=0.7), settings(soft_label_sd=None)
    assert differences(soft, hard) == "soft_label_sd 0.7"
    assert differences(hard, soft) == "soft_label_sd none"
    sampled = settings(gc_sampling={"method": "sampling", "seed": 1})
    assert differences(sampled, one) == "gc_sampling.method sampling"
    longer = settings(phases=[{**one["phases"][0], "epochs": 6, "shift": {"max_bp": 3, "share": 0.5}}])
    assert differences(longer, one) == "phase 1 epochs 6; phase 1 shift.max_bp 3; phase 1 shift.share 0.5"
    one |= {"teachers": []}
    two = settings(teachers=["a", "b"], phases=[*one["phases"], {**one["phases"][0], "learning_rate": 0.0004}])
    assert differences(two, one) == "teachers a, b; phase 2: measured, 5 epochs, adam 0.0004 cosine"
    assert differences(one, two) == "teachers none; no phase 2"
    assert differences(settings(of_later=[1]), settings()) == "–"


def write_record(folder, run, pearson, excess=0.05, configuration="public", **changed):
    summary = {"pearson": [pearson, pearson - 0.1, 1], "gc_excess": [excess, 0, 1]}
    content = {
        "configuration": configuration,
        "run": run,
        "settings": settings(**changed),
        "epochs": 5,
        "seconds": 120,
        "evaluation": {"validation": {"native": {"full_length": summary}, "all_sources": {"full_length": None}}},
    }
    (folder / configuration).mkdir(parents=True, exist_ok=True)
    write_json(folder / configuration / f"{run}.json", content)


def test_ablation_table(tmp_path):
    write_record(tmp_path, "huber", 0.9, loss="huber")
    write_record(tmp_path, "plain_1", 0.92)
    write_record(tmp_path, "plain_2", 0.96, excess=None, seed=2)
    assert ablation_table(tmp_path, "plain_1").splitlines() == [
        "Configuration `public`:",
        "",
        "| Run | What differs from plain_1 | Pearson, native | GC excess, native | Epochs | Minutes |",
        "|---|---|---:|---:|---:|---:|",
        "| plain_1, plain_2 | – | 0.940 (0.920 to 0.960) | 0.05 | 5 | 2 |",
        "| huber | loss huber | 0.900 | 0.05 | 5 | 2 |",
    ]
    assert "What differs from huber" in ablation_table(tmp_path)  # the first by name
    write_record(tmp_path, "baseline", 0.8, loss="poisson")
    assert "What differs from baseline" in ablation_table(tmp_path)
    write_record(tmp_path, "report", 0.7, configuration="report")
    assert ablation_table(tmp_path).count("Configuration `") == 2
    alone = ablation_table(tmp_path, "baseline", "public")
    assert alone.count("Configuration `") == 1
    assert "What differs from baseline" in alone, "the other configuration has no such run, and is not asked for one"
    before = ablation_table(tmp_path)
    write_record(tmp_path, "learned", 0.99, learn_from=["train", "validation"])
    assert ablation_table(tmp_path) == before
    document = tmp_path / "README.md"
    document.write_text("before\n<!-- ablation: begin -->\nold\n<!-- ablation: end -->\nafter\n")
    write_ablation_table(tmp_path, document)
    wanted = f"before\n<!-- ablation: begin -->\n{ablation_table(tmp_path)}\n<!-- ablation: end -->\nafter\n"
    assert document.read_text() == wanted


def test_ablation_table_of_nothing(tmp_path):
    with pytest.raises(ValueError, match="holds no records"):
        ablation_table(tmp_path)
    write_record(tmp_path, "plain", 0.9)
    with pytest.raises(ValueError, match="no record of a run 'other'; there are plain"):
        ablation_table(tmp_path, "other")
    write_json(tmp_path / "public" / "plain.json", {"run": "plain"})
    with pytest.raises(ValueError, match="is not a record of a run"):
        ablation_table(tmp_path)


def test_a_record_says_why_a_correlation_is_undefined(made):
    path = made / "runs/plain/evaluation/evaluation.json"
    before = path.read_text()
    evaluation = json.loads(before)
    undefined = {"value": None, "low": None, "high": None, "reason": "the predictions do not vary"}
    evaluation["parts"]["validation"]["tiles"]["full_length"]["spearman"] = undefined
    write_json(path, evaluation)
    found = make_record(run_of(config(), made))["evaluation"]["validation"]
    path.write_text(before)
    assert found["tiles"]["full_length"]["spearman"] == [None, None, None]
    assert found["tiles"]["full_length"]["reasons"] == {"spearman": "the predictions do not vary"}
    assert "reasons" not in found["random"]["all_lengths"]
