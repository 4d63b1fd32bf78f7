import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from closeness import EXPRESSION
from entry_copies import BIN
from variant_files import write_fasta, write_vcf

import yeastpromoter
from yeastpromoter.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "variant_effects" / "example"
FILES = [EXAMPLE / "variants.vcf", "--genome", EXAMPLE / "genome.fa", "--annotation", EXAMPLE / "genes.gtf"]


def run(*arguments):
    return CliRunner().invoke(main, ["variants", *map(str, arguments)])


def test_the_whole_job_in_one_command_and_as_kipoi_does_it(tmp_path):
    outputs = {name: tmp_path / name for name in ("effects.tsv", "ranked.tsv", "top.fa", "skipped.tsv", "figures")}
    effects, ranked, top, skipped, figures = outputs.values()
    command = [
        sys.executable,
        "-m",
        "yeastpromoter",
        "variants",
        *FILES,
        "-o",
        effects,
        "--ranked",
        ranked,
        "--top",
        "3",
    ]
    command += ["--inserts", top, "--skipped", skipped, "--figures", figures]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=True)
    assert "37 records with 40 alleles, of which 31 are scored in 31 rows" in done.stderr
    assert "The first 3 of 31 rows" in done.stdout
    table = pd.read_csv(effects, sep="\t")
    assert len(table) == 31
    files = {"vcf_file": "variants.vcf", "fasta_file": "genome.fa", "annotation_file": "genes.gtf"}
    kipoi = [BIN / "kipoi", "predict", ROOT / "variant_effects", "--source", "dir", "--keep_metadata"]
    kipoi += ["-o", tmp_path / "kipoi.tsv", "--dataloader_args"]
    kipoi += [*(f"{key}={EXAMPLE / name}" for key, name in files.items()), f"skipped_file={tmp_path / 'k.tsv'}"]
    subprocess.run(list(map(str, kipoi)), cwd=tmp_path, check=True, capture_output=True)
    by_kipoi = pd.read_csv(tmp_path / "kipoi.tsv", sep="\t")
    for name in table:
        if name in ("ref_expression", "alt_expression", "effect_alt_minus_ref", "spread"):
            of_kipoi = {"effect_alt_minus_ref": "effect"}.get(name, name.removesuffix("_expression"))
            np.testing.assert_allclose(table[name], by_kipoi[f"preds/{of_kipoi}"], rtol=0, atol=EXPRESSION)
        else:
            assert table[name].tolist() == by_kipoi[f"metadata/{name}"].tolist()
    assert skipped.read_text() == (tmp_path / "k.tsv").read_text()
    order = pd.read_csv(ranked, sep="\t")
    sizes = order["effect_alt_minus_ref"].abs().to_numpy()
    assert (sizes[:-1] >= sizes[1:]).all()
    names = [line[1:] for line in top.read_text().splitlines() if line.startswith(">")]
    assert len(names) == 3
    assert names[0].startswith(f"top1_I:{order['position'][0]}_")
    made = {path.relative_to(figures).as_posix() for path in figures.rglob("*") if path.is_file()}
    assert len(made) == 7
    assert {"effect_by_distance.png", "effect_by_substitution.tsv"} < made
    # Both later commands read what this one wrote.
    again = tmp_path / "again.tsv"
    assert CliRunner().invoke(main, ["rank-variants", str(effects), "-o", str(again)]).exit_code == 0
    for name, column in pd.read_csv(again, sep="\t").items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(column, order[name], rtol=0, atol=1e-4)
    result = CliRunner().invoke(main, ["variant-figures", str(effects), "-o", str(tmp_path / "more")])
    assert result.exit_code == 0, result.output


def test_from_python():
    predictor = yeastpromoter.load()
    effects = predictor.variant_effects(*(EXAMPLE / name for name in ("variants.vcf", "genome.fa", "genes.gtf")))
    assert len(effects) == 31
    assert "31 are scored" in effects.attrs["notes"][0]
    difference = effects["alt_expression"] - effects["ref_expression"]
    np.testing.assert_allclose(effects["effect_alt_minus_ref"], difference, rtol=0, atol=1e-5)


@pytest.mark.parametrize("suffix", ["csv", "h5"])
def test_other_formats(suffix, tmp_path):
    output = tmp_path / f"effects.{suffix}"
    result = run(*FILES, "-o", output)
    assert result.exit_code == 0, result.output
    if suffix == "csv":
        assert len(pd.read_csv(output)) == 31
    else:
        ranked = ["rank-variants", str(output), "-o", str(tmp_path / "ranked.tsv")]
        assert CliRunner().invoke(main, ranked).exit_code == 0


def test_without_annotation_and_without_records(tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", I="ACGTTGCA" * 40)
    vcf = write_vcf(tmp_path / "one.vcf", [("I", 161, "A", "T")])
    result = run(vcf, "--genome", genome, "-o", tmp_path / "one.tsv", "--offsets", "40")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "one.tsv", sep="\t")
    assert table["strand"].tolist() == ["+", "-"]
    assert table["distance"].isna().all()
    assert (table["spread"] == 0).all()
    empty = write_vcf(tmp_path / "none.vcf", [])
    result = run(empty, "--genome", genome, "-o", tmp_path / "none.tsv", "--figures", tmp_path / "figures")
    assert result.exit_code == 0, result.output
    assert "There are no variants." in result.output
    assert (tmp_path / "none.tsv").read_text().startswith("record\tchromosome\t")


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (["--offsets", "10;20"], "'10;20' is not a list of whole numbers such as 10,20,30", 2),
        (["--offsets", "90"], "must be whole numbers from 0 to 79", 1),
        (["--upstream", "100"], "needs annotation_file", 1),
        (["--skipped", "genome.fa"], "it would be overwritten", 2),
        (["--ranked", "new/ranked.tsv"], "ranked.tsv cannot be written: the folder", 1),
    ],
)
def test_mistakes(options, message, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_fasta(tmp_path / "genome.fa", I="ACGTTGCA" * 40)
    write_vcf(tmp_path / "one.vcf", [("I", 161, "A", "T")])
    result = run("one.vcf", "--genome", "genome.fa", "-o", "one.tsv", *options)
    assert result.exit_code == code
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "one.tsv").exists()
