"""The commands, chained by hand on simulated data up to the training, and the workflow's plan for the rest."""

import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from training.cli.main import main
from training.config.loading import load_config
from training.data.assay import PUBLIC
from training.data.similarity import KmerSet
from training.data.tables import letters_of, read_table
from training.paths import Layout
from training.studies.simulate import MOTIFS, planted_expression, simulate
from yeastpromoter.sequence.encoding import gc_content, letters

ROOT = Path(__file__).resolve().parents[3]
CI = ROOT / "training" / "config" / "ci.yaml"


def call(*arguments):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Simulated data with the steps up to the samples and the synthetic constructs done by the commands."""
    folder = tmp_path_factory.mktemp("ci")
    call("simulate", "--output", folder / "data")
    places = ("--config", CI, "--data-folder", folder / "data", "--results", folder / "results")
    for step in ("download", "assemble", "buckets", "split"):
        call(step, *places)
    for run in ("teacher_1", "teacher_2"):
        call("sample", *places, "--run", run)
    call("synthesise", *places, "--recipe", "mixture")
    return folder


def layout_of(folder):
    return Layout.of(load_config(CI, {"results": str(folder / "results")}))


def test_commands_chain_by_their_default_paths(folder):
    layout = layout_of(folder)
    files = json.loads(layout.files.read_text())
    assert set(files) == {"random.txt.gz", "tiles.txt.gz", "sample.txt", "held_out.txt.gz", "genome.fa"}
    report = json.loads(layout.constructs.with_suffix(".json").read_text())
    reasons = ("identical", "near", "shared_kmer")
    dropped = {
        reason: sum(counts.get(f"dropped_held_out_{reason}", 0) for counts in report["sources"].values())
        for reason in reasons
    }
    assert all(dropped.values()), "the simulated data has every kind of relative of a held-out sequence"
    for counts in report["sources"].values():
        left_out = sum(number for reason, number in counts.items() if reason.startswith("dropped_"))
        assert counts["rows"] == counts["kept_measurements"] + left_out
    tiles = [report["sources"][name] for name in ("tiles", "random_again")]
    assert sum(counts["rows"] for counts in tiles) == tiles[0]["rows_in_file"], "each row is one or the other"
    assert report["sources"]["random"]["fitted"] > 0
    assert report["merged_away"] > 10
    columns = read_table(layout.constructs)
    part = read_table(layout.split, "part")["part"]
    inserts = PUBLIC.inserts(letters_of(columns["sequence"]))
    assert not KmerSet(inserts[part == 0]).shared_by(inserts[part != 0]).any()
    assert set(np.unique(part)) == {0, 1, 2}
    assert json.loads(layout.split.with_suffix(".json").read_text())["groups_of_several"] > 20
    assert len(np.unique(read_table(layout.sample("teacher_2"), "row")["row"])) < len(
        read_table(layout.sample("teacher_2"), "row")["row"]
    ), "teacher_2 draws with replacement"
    assert len(read_table(layout.synthetic("mixture"), "sequence")["sequence"]) == 400


def test_explicit_paths_win_over_the_layout(folder, tmp_path):
    layout = layout_of(folder)
    output = tmp_path / "elsewhere" / "b.h5"
    call("buckets", "--config", CI, "--table", layout.constructs, "--output", output)
    assert output.read_bytes() == layout.buckets.read_bytes(), "equal columns make equal files"
    assert output.with_suffix(".json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "--run", "nobody"], "has no run 'nobody'; it has student, teacher_1, teacher_2"),
        (["synthesise", "--recipe", "none"], "no recipe 'none'; it has mixture"),
        (["distil", "--run", "teacher_1"], "runs.teacher_1 has no teachers"),
        (["distil", "--run", "student", "--weights", "one"], "--weights is given 1 times, but runs.student has 2"),
        (["split"], "constructs.h5 is missing: run the step assemble first"),
        (["train", "--run", "teacher_1"], "constructs.h5 is missing: run the step assemble first"),
        (["assemble", "--data-folder", "nowhere"], "is missing: get it with the download step"),
        (["download", "--data-folder", "nowhere"], "random.txt.gz (from: python -m training simulate)"),
    ],
)
def test_mistakes_are_told_without_a_traceback(arguments, message, tmp_path):
    result = CliRunner().invoke(main, [*arguments, "--config", str(CI), "--results", str(tmp_path)])
    assert result.exit_code == 1
    assert "Error: " in result.output
    assert message in result.output
    assert "Traceback" not in result.output


def test_simulated_files_follow_from_the_seed(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(tmp_path / name, 60, seed)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 5
    for file in files:
        content = [(tmp_path / name / file).read_bytes() for name in "abc"]
        assert content[0] == content[1] != content[2]


@pytest.mark.parametrize("name", ["random.txt.gz", "tiles.txt.gz", "sample.txt", "held_out.txt.gz", "genome.fa"])
def test_simulated_files_replace_none_that_is_there(tmp_path, name):
    (tmp_path / name).write_text("measured")
    with pytest.raises(ValueError, match=rf"{name} is there already.* Name another folder"):
        simulate(tmp_path, 60)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["measured"]


def test_planted_expression_by_hand():
    plain = "ACTGATCA" * 10
    assert not any(motif in plain or letters_back(motif) in plain for motif in MOTIFS)
    at = "AT" * 40
    (first,), (second,) = planted_expression(letters([at])), planted_expression(letters([plain]))
    assert first == 8 - 8 * 0.5
    assert second == pytest.approx(8 + 8 * (gc_content(letters([plain]))[0] - 0.5))
    with_motif = at[:40] + "CACCC" + at[45:]
    (third,) = planted_expression(letters([with_motif]))
    assert third == pytest.approx(4 + 8 * 4 / 80 + 2.5)
    (backward,) = planted_expression(letters([at[:40] + "GGGTG" + at[45:]]))
    assert backward == pytest.approx(third)


def letters_back(text):
    return text.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def imports_at_top(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_training_step_needs_only_a_few_packages():
    pending, seen, packages = ["training.cli.main", "training.cli.train", "training.fit.train"], set(), set()
    while pending:
        module = pending.pop()
        path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        if module in seen or not path.is_file():
            continue
        seen.add(module)
        for name in imports_at_top(path):
            if name.split(".")[0] in ("training", "yeastpromoter"):
                pending.append(name)
            elif name.split(".")[0] not in sys.stdlib_module_names:
                packages.add(name.split(".")[0])
    assert {"training.fit.train", "training.fit.batches", "yeastpromoter.model.network"} <= seen
    assert packages <= {"click", "h5py", "jsonschema", "keras", "numpy", "yaml"}


def test_training_runs_where_kipoi_snakemake_and_pandas_are_missing(folder, tmp_path):
    blocker = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("kipoi", "kipoiseq", "kipoi_utils", "snakemake", "pandas", "scipy", "pysam"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from training.cli.main import main
main(sys.argv[1:], standalone_mode=False)
import keras
if keras.config.backend() != "tensorflow":
    assert "tensorflow" not in sys.modules
"""
    command = [sys.executable, "-c", blocker, "train", "--config", str(CI), "--run", "teacher_1", "--progress", "none"]
    command += ["--results", str(folder / "results"), "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["settings"] == load_config(CI)["runs"]["teacher_1"]
    assert summary["epochs"] == 2
    assert len(summary["inputs"]) == 4
    assert {"yeastpromoter", "python", "numpy", "h5py", summary["backend"]} == set(summary["versions"])


def test_the_workflow_in_folders_with_difficult_names_and_files(tmp_path):
    if importlib.util.find_spec("snakemake") is None:
        pytest.skip("Snakemake is not installed")
    root, work = tmp_path / "it's {an} entry", tmp_path / "somebody's work"
    for name in ("training", "yeastpromoter"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "records", "*.h5"))
    (work / "data").mkdir(parents=True)
    # Scripts of somebody's own, with names of modules.
    for name in ("csv", "random", "yeastpromoter", "training", "numpy"):
        for folder in (work, root):
            if not (folder / name).exists():
                (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')")
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(20)]

    def write(file, values):
        lines = "".join(f"{sequence}\t{value}\n" for sequence, value in zip(sequences, values, strict=True))
        (work / "data" / file).write_text(lines)

    write("a.txt", [*range(18), 18, 19])
    source = {"name": "a", "file": "a.txt", "columns": {"sequence": 0, "expression": 1}, "sequence_type": "insert"}
    genome = {"file": "g.fa"}
    recipe = {"parts": [{"kind": "genome", "count": 3, "genome": genome}]}
    (work / "data" / "g.fa").write_text(f">one\n{''.join(sequences[::-1])}\n")
    config = {"name": "small", "results": "results", "data": {"sources": [source]}, "runs": {"one": {}}}
    (work / "c.yaml").write_text(json.dumps(config | {"split": {"method": "random"}, "synthetic": {"mix": recipe}}))
    workflow = root / "training" / "workflow" / "Snakefile"
    command = [sys.executable, "-P", "-m", "snakemake", "--snakefile", workflow, "--configfile", "c.yaml"]
    command += ["--cores", "2", "results/small/data/split.h5", "results/small/data/synthetic.mix.h5"]

    def run(*arguments):
        environment = os.environ | {"PYTHONPATH": ""}
        done = subprocess.run(
            list(map(str, [*command, *arguments])), cwd=work, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout + done.stderr

    output = run()
    assert not (tmp_path / "imported").exists()
    assert "Warning: source 'a': 2 of 20 values of data/a.txt are beyond 0 to 17" in output, "beside the log"
    assert "Warning: source 'a'" in (work / "results/small/logs/assemble.log").read_text()
    assert "Nothing to be done" in run("--dry-run")

    def planned():
        found = run("--dry-run")
        return {step for step in ("download", "assemble", "buckets", "split", "synthesise") if f"rule {step}:" in found}

    # The genome is replaced by one with an older time; then the source, too.
    (work / "data" / "g.fa").write_text(f">one\n{''.join(sequences)}\n")
    os.utime(work / "data" / "g.fa", (1, 1))
    assert planned() == {"synthesise"}
    write("a.txt", [*range(18), 0, 1])
    os.utime(work / "data" / "a.txt", (1, 1))
    assert planned() == {"assemble", "buckets", "split", "synthesise"}


def test_the_workflow_plans_teachers_before_students_and_validates_first(folder, tmp_path):
    if importlib.util.find_spec("snakemake") is None:
        pytest.skip("Snakemake is not installed")
    workflow = str(ROOT / "training" / "workflow" / "Snakefile")
    shutil.copytree(folder / "data", tmp_path / "data")
    command = [sys.executable, "-m", "snakemake", "--snakefile", workflow, "--directory", str(tmp_path), "--cores", "2"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def plan(*arguments):
        return subprocess.run(
            [*command, *arguments, "--dry-run", "--quiet", "host"], capture_output=True, text=True, env=environment
        )

    done = plan("all", "records", "export", "--configfile", str(CI))
    assert done.returncode == 0, done.stderr + done.stdout
    text = done.stdout + done.stderr
    counts = dict(line.split() for line in text.splitlines() if len(line.split()) == 2 and line.split()[1].isdigit())
    steps = {"download": 1, "assemble": 1, "sample": 3, "synthesise": 1, "train": 3, "distil": 1, "evaluate": 3}
    steps |= {"base_changes": 3, "network": 3, "page": 3}
    assert {name: int(counts[name]) for name in steps} == steps
    scores = "results/ci/runs/student/synthetic_scores.h5"
    needs = [line for line in text.splitlines() if line.strip().startswith("input:") and scores in line]
    assert needs, "the student's training waits for the scores"
    teachers = "results/ci/runs/teacher_1/best.weights.h5, results/ci/runs/teacher_2/best.weights.h5"
    assert any(teachers in line for line in text.splitlines()), "the scores wait for both teachers"

    needs = re.search(r"rule export:\n +input: (.*)", text)[1]
    assert "results/ci/runs/student/base_changes.json" in needs, "the export waits for all that the record is made of"

    results = Layout.of(load_config(CI)).root
    effective = tmp_path / results / "config.json"
    assert not effective.exists(), "a dry run does not change what running steps read"
    started = subprocess.run(
        [*command, str(results / "data/files.json"), "--configfile", str(CI)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert started.returncode == 0, started.stderr
    assert json.loads(effective.read_text()) == load_config(CI)

    # The page of each run shows the study of all of them.
    done = plan("gc_study", "all", "--configfile", str(CI.with_name("gc_study.yaml")))
    assert done.returncode == 0, done.stderr + done.stdout
    text = done.stdout + done.stderr
    steps = ("sample", "train", "evaluate", "base_changes", "record", "page")
    assert all(re.search(rf"^{step} +15$", text, re.MULTILINE) for step in steps)
    assert "training/records/gc_study/gc_study.md" in text

    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(CI.read_text().replace("epochs: 2", "epochs: many"))
    done = plan("--configfile", str(wrong))
    assert done.returncode != 0
    assert "epochs is 'many' but must be of type integer" in done.stdout + done.stderr
