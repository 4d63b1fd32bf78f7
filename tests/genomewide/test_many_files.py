"""The workflow in many_files: with a stand-in for kipoi that has faults, and once with kipoi itself.

Tables of the stand-in are compared byte by byte: it divides whole numbers, which no processor does differently.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from closeness import assert_tables_close
from fake_kipoi import predict
from test_shards import fasta, inserts

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(find_spec("snakemake") is None, reason="Snakemake is not installed")


class Workflow:
    """The workflow on a configuration, in a folder of its own."""

    def __init__(self, folder, fake=True, entry=ROOT, **config):
        self.folder, self.faults = folder, folder / "faults"
        self.faults.mkdir()
        self.environment = {
            **os.environ,
            "FAULTS": str(self.faults),
        }
        if fake:
            program = folder / "it's {fake} kipoi"
            program.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{ROOT}/tests/fake_kipoi.py' \"$@\"\n")
            program.chmod(0o755)
            config["kipoi"] = str(program)
        self.config = config
        self.configure()
        self.command = [str(BIN / "snakemake"), "--snakefile", str(entry / "many_files" / "Snakefile")]
        self.command += ["--configfile", "config.yaml", "--directory", str(folder), "--cores", "2"]

    def configure(self, **config):
        self.config |= config
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config))

    def run(self, *arguments):
        command = [*self.command, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        return done.stdout + done.stderr, done.returncode

    def calls(self):
        """First records of the shards that were predicted since the last call."""
        path = self.faults / "calls"
        found = sorted(map(int, path.read_text().split())) if path.exists() else []
        path.unlink(missing_ok=True)
        return found


ARGUMENTS = {"sequence_type": "insert", "other_lengths": "drop"}


def test_faults_of_shards_cost_only_these_and_no_row(tmp_path):
    rows = inserts(11)
    rows[5] += "A"
    (tmp_path / "b.fa").write_text(fasta((f"id{number}", row) for number, row in enumerate(rows)))
    (tmp_path / "a.txt").write_text("\n".join(inserts(3, seed=1)))
    # A file that several patterns match is predicted once.
    files = ["b.fa", "*.txt", str(tmp_path / "*.fa")]
    workflow = Workflow(tmp_path, files=files, arguments=ARGUMENTS, batch_size=2, shard_size=4)
    for name in ("b.fa", "a.txt"):
        predict({"sequence_file": tmp_path / name, **ARGUMENTS}, 2, tmp_path / f"{name[0]}.whole.tsv")
    # In the first run one shard fails once, one ends early without saying so, and one is killed at both attempts.
    for fault in ("fails.0", "truncated.4"):
        (workflow.faults / fault).touch()
    never = workflow.faults / "killed.9"
    never.mkdir()  # cannot be removed, so that it stays
    output, status = workflow.run()
    assert status == 1, output
    assert sorted(set(workflow.calls())) == [0, 4, 9]
    assert (tmp_path / "predictions" / "a.tsv").read_bytes() == (tmp_path / "a.whole.tsv").read_bytes()
    assert not (tmp_path / "predictions" / "b.tsv").exists()

    # Meanwhile the table of a shard that was done is damaged.
    never.rmdir()
    table = tmp_path / "predictions" / "work" / "b" / "predictions" / "00001.tsv"
    table.write_text(table.read_text()[:-30])
    output, status = workflow.run()
    assert status == 1, output
    assert "ends within a line" in output
    assert workflow.calls() == [9], "only the shard that had failed is predicted"
    output, status = workflow.run()
    assert status == 0, output
    assert workflow.calls() == [4], "only the shard that was damaged is predicted"
    assert (tmp_path / "predictions" / "b.tsv").read_bytes() == (tmp_path / "b.whole.tsv").read_bytes()


def old_file(path, text):
    """Write a file that is older than any result, as `mv`, `cp -p` and `rsync -a` may put one in another's place."""
    path.write_text(text)
    os.utime(path, ns=(10**18, 10**18))
    return path


def test_a_file_that_was_replaced_is_predicted_again(tmp_path):
    path, result = tmp_path / "a.txt", tmp_path / "predictions" / "a.tsv"
    old_file(path, "\n".join(inserts(5)))
    workflow = Workflow(tmp_path, files=["a.txt"], arguments=ARGUMENTS, batch_size=2, shard_size=4)
    assert workflow.run()[1] == 0
    assert workflow.calls() == [0, 4]
    old_file(path, "\n".join(inserts(10, seed=1)))
    # It is replaced while it is predicted, too: what was predicted gets no name.
    other = old_file(tmp_path / "other", "\n".join(inserts(9, seed=2)))
    (workflow.faults / "moves.8").write_text(f"{other}\n{path}")
    output, status = workflow.run()
    assert status == 1, output
    assert "a.txt has changed since it was split" in output
    assert workflow.calls() == [0, 4, 8]
    output, status = workflow.run()
    assert status == 0, output
    assert workflow.calls() == [0, 4, 8]
    predict({"sequence_file": path, **ARGUMENTS}, 2, tmp_path / "whole.tsv")
    assert result.read_bytes() == (tmp_path / "whole.tsv").read_bytes()


def test_no_name_is_taken_for_a_command(tmp_path):
    """Quotes, braces, blanks and hyphens in what a user names, and files named as Python's modules are."""
    entry, work = tmp_path / "it's {an} entry", tmp_path / "work"
    work.mkdir()
    for name in ("many_files", "yeastpromoter"):
        shutil.copytree(ROOT / name, entry / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "model.yaml", entry)
    (entry / "model_files").symlink_to(ROOT / "model_files")
    for name in ("csv", "random", "yeastpromoter", "click"):
        (work / f"{name}.py").write_text("open('PWNED', 'w').close()\n")
    sequences = inserts(4)
    (work / "-x.csv").write_text(f"seq\n{sequences[0]}\n")
    (work / "a b").mkdir()
    (work / "a b" / "it's.fa").write_text(fasta([("a", sequences[1])]))
    chromosomes = ["chr'1", "I' || touch PWNED; echo '", "--step=3"]
    genome = "".join(f">{name}\n{row}\n" for name, row in zip(["chr'1", "--step=3"], sequences[2:], strict=True))
    (work / "it's a genome.fa").write_text(genome)
    genomes = {"R64": {"fasta": "it's a genome.fa", "chromosomes": chromosomes}}
    workflow = Workflow(
        work, entry=entry, files=["-x.csv", "a b/*.fa"], arguments=ARGUMENTS, genomes=genomes, output="it's out put"
    )
    output, status = workflow.run()
    assert not (work / "PWNED").exists()
    assert "has no chromosome I' || touch PWNED; echo '; it has chr'1, --step=3" in output
    for name in ("-x", "it's"):
        assert (work / "it's out put" / f"{name}.tsv").read_text().count("\n") == 2, output

    genomes["R64"]["chromosomes"] = [chromosomes[0], chromosomes[2]]
    # The genome is replaced while the workflow runs.
    other = old_file(work / "other", genome[:-1])
    (workflow.faults / "moves.0").write_text(f"{other}\n{work}/it's a genome.fa")
    workflow.configure(genomes=genomes, batch_size=512)  # which predicts the files again
    output, status = workflow.run()
    assert status == 1, output
    assert "it's a genome.fa changed while this ran" in output
    assert (work / "it's out put" / "R64.plus.bw").stat().st_size > 0
    assert not (work / "PWNED").exists()


def test_with_kipoi_the_result_is_that_of_one_process(tmp_path):
    (tmp_path / "some.txt").write_text("\n".join(inserts(5)))
    workflow = Workflow(tmp_path, fake=False, files=["some.txt"], arguments=ARGUMENTS, batch_size=2, shard_size=4)
    output, status = workflow.run()
    assert status == 0, output
    arguments = json.dumps({"sequence_file": str(tmp_path / "some.txt"), **ARGUMENTS})
    whole = tmp_path / "whole.tsv"
    command = [BIN / "kipoi", "predict", ROOT, "--source", "dir", "--dataloader_args", arguments, "--keep_metadata"]
    subprocess.run([*map(str, command), "--batch_size", "2", "-o", str(whole)], check=True, capture_output=True)
    assert_tables_close(tmp_path / "predictions" / "some.tsv", whole)
    assert whole.read_text().count("\n") == 6


def test_mistakes_of_a_configuration_are_all_told(tmp_path):
    genomes = {"R64": {"step": 5, "steps": 5}, 2022: {"fasta": "b.fa"}}
    names = ("a/b", "..", ".a", "-a", "a\n", "", "a b", "a'b")
    genomes |= {name: {"fasta": "a.fa"} for name in names}
    output, status = Workflow(tmp_path, fake=False, batches=3, shard_size=0, genomes=genomes).run("-n")
    assert status == 1
    for message in (
        "batches: there is no such key, only output, files,",
        "genomes.R64.steps: there is no such key, only fasta, step, chromosomes",
        "shard_size: 0 is less than",
        "genomes.R64: 'fasta' is a required",
        *(f"genomes: {name!r} does not match" for name in names),
        "genomes: 2022 is not of type 'string'",
    ):
        assert message in output


@pytest.mark.parametrize(
    ("file", "folder", "message"),
    [
        ("plate{1}.fa", ".", "files: ./plate{1}.fa has a brace"),
        ("partial.plate.fa", ".", "partial.plate.fa begins like a table that is not whole has here"),
        ("...fa", ".", "would be predicted into a hidden file, ...tsv"),
        ("plate.fa", "-a", "output: -a begins with a hyphen"),
        ("plate.tsv", ".", "the predictions of ./plate.tsv would overwrite it"),
    ],
)
def test_files_that_cannot_have_their_results_are_told(file, folder, message, tmp_path):
    (tmp_path / file).write_text(fasta([("a", inserts(1)[0])]))
    output, status = Workflow(tmp_path, fake=False, files=[f"./{file}"], output=folder).run("-n")
    assert status == 1
    assert message in output


def test_paths_may_begin_at_the_home_folder_and_hold_brackets(tmp_path):
    for file in ("genome.fa", "plate[1].fa"):
        (tmp_path / file).write_text(fasta([("a", inserts(1)[0])]))
    genomes = {"R64": {"fasta": "~/genome.fa"}}
    workflow = Workflow(tmp_path, fake=False, files=["~/plate[1].fa"], genomes=genomes, output="~/results")
    workflow.environment["HOME"] = str(tmp_path)
    output, status = workflow.run("-n")
    assert status == 0, output
    for line in (f"input: {tmp_path}/genome.fa", f"input: {tmp_path}/plate[1].fa", f"{tmp_path}/results/R64.plus.bw"):
        assert line in output


def test_every_key_of_the_configuration_is_described():
    schema = yaml.safe_load((ROOT / "many_files" / "config.schema.yaml").read_text())
    pending = list(schema["properties"].items())
    assert len(pending) == 7
    while pending:
        name, rules = pending.pop()
        assert "efault" in rules["description"], name
        inner = rules.get("additionalProperties") or {}
        pending += [*rules.get("properties", {}).items(), *inner.get("properties", {}).items()]
