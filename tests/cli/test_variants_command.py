import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from closeness import EXPRESSION, assert_expression_close
from entry_copies import BIN
from variant_files import write_fasta, write_vcf

import yeastpromoter
from yeastpromoter.cli.main import main
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.uncertainty.signals import signals_of
from yeastpromoter.variants import effects
from yeastpromoter.variants.rows import VariantRows

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
    ranked = ["rank-variants", str(output), "-o", str(tmp_path / "ranked.tsv")]
    result = CliRunner().invoke(main, ranked)
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(ranked[-1], sep="\t")) == 31


def test_rows_are_written_in_blocks_whole_or_not_at_all(tmp_path, monkeypatch):
    assert run(*FILES, "-o", tmp_path / "at_once.tsv").exit_code == 0
    monkeypatch.setattr(effects, "BATCH_SIZE", 7)
    assert run(*FILES, "-o", tmp_path / "blocks.tsv").exit_code == 0
    in_blocks, at_once = (pd.read_csv(tmp_path / f"{name}.tsv", sep="\t") for name in ("blocks", "at_once"))
    pd.testing.assert_frame_equal(in_blocks, at_once, rtol=0, atol=EXPRESSION)
    calls = []

    def fails_at_the_third(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise OSError("the disk is full")
        return predicted(*arguments)

    predicted = effects.variant_effects
    monkeypatch.setattr(effects, "variant_effects", fails_at_the_third)
    result = run(*FILES, "-o", tmp_path / "none.tsv", "--ranked", tmp_path / "r.tsv", "--inserts", tmp_path / "i.fa")
    assert "the disk is full" in result.output
    assert {path.name for path in tmp_path.iterdir()} == {"at_once.tsv", "blocks.tsv"}


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
        (["--offsets", "90"], "--offsets must be whole numbers from 0 to 79", 1),
        (
            ["--upstream", "100"],
            "--upstream is the size of promoters and needs --annotation, but is 100 without one",
            1,
        ),
        (["--skipped", "genome.fa"], "it would be overwritten", 2),
        (["--figure-format", "svg"], "--figure-format goes with --figures, which is not given", 2),
        (["--ranked", "none/ranked.tsv"], "none/ranked.tsv cannot be written: the folder", 1),
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


def test_intervals_of_effects(tmp_path):
    result = run(*FILES, "-o", tmp_path / "effects.tsv", "--interval", 80)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "effects.tsv", sep="\t")
    wanted = yeastpromoter.load().variant_effects(
        *(EXAMPLE / name for name in ("variants.vcf", "genome.fa", "genes.gtf")), interval=80
    )
    assert list(table)[-2:] == list(wanted)[-2:] == ["effect_lower", "effect_upper"]
    assert_expression_close(table.effect_lower, wanted.effect_lower)
    half = wanted.effect_upper - wanted.effect_alt_minus_ref
    assert_expression_close(wanted.effect_alt_minus_ref - wanted.effect_lower, half)
    # The first row by hand: the scales of its constructs at the three places of the variant.
    rows = VariantRows(*(EXAMPLE / name for name in ("variants.vcf", "genome.fa", "genes.gtf")), skipped_file=False)
    batch = rows.read([0])
    trained = load_trained_network()
    squares = []
    for constructs in (batch.ref[0], batch.alt[0]):
        scores = trained.bucket_scores(constructs)
        scales = trained.calibration.scales(signals_of(constructs, scores, trained.decode(scores)))
        squares.append((scales**2).mean())
    multiple = trained.calibration.effects.half_widths[trained.calibration.levels.index(80)]
    assert half[0] == pytest.approx(multiple * np.sqrt(sum(squares)), abs=EXPRESSION)
    ranked = tmp_path / "ranked.tsv"
    assert run(*FILES, "-o", tmp_path / "e.tsv", "--interval", 80, "--ranked", ranked).exit_code == 0
    assert {"effect_lower", "effect_upper"} <= set(pd.read_csv(ranked, sep="\t"))
    result = run(*FILES, "-o", tmp_path / "x.tsv", "--interval", 99)
    assert result.exit_code == 1
    assert "no intervals of 99 % of effects" in result.output
