"""The nested entry `variant_effects` as Kipoi loads it. What holds does so for any weights."""

import importlib.util
import inspect
import shutil
import warnings
from pathlib import Path

import h5py
import kipoi
import numpy as np
import pandas as pd
import pytest
import yaml
from closeness import EXPRESSION, assert_expression_close
from entry_copies import copy_entry, run, set_writable, state
from kipoi.writers import HDF5BatchWriter, TsvBatchWriter
from variant_files import COMPLEMENT, random_text, write_bed, write_fasta, write_vcf

from yeastpromoter.model.decoding import decode
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.model.prediction import run_network
from yeastpromoter.sequence.encoding import from_one_hot, letters, one_hot
from yeastpromoter.sequence.reporter import PTPA
from yeastpromoter.variants.rows import VariantRows
from yeastpromoter.variants.summaries import read_effects

ROOT = Path(__file__).resolve().parents[2]
ENTRY = ROOT / "variant_effects"
DESCRIPTION = yaml.safe_load((ENTRY / "model.yaml").read_text())
EXAMPLE = {"vcf_file": "variants.vcf", "fasta_file": "genome.fa", "annotation_file": "genes.gtf"}
EXAMPLE = {name: str(ENTRY / "example" / file) for name, file in EXAMPLE.items()} | {"skipped_file": False}


@pytest.fixture(scope="module")
def model():
    return kipoi.get_model(str(ENTRY), source="dir")


@pytest.fixture(scope="module")
def loader(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.default_dataloader(**EXAMPLE)


def predict(model, **arguments):
    """Predictions and metadata of variants as one table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = model.default_dataloader(**arguments, skipped_file=False).load_all()
    return pd.DataFrame(batch["metadata"] | model.predict_on_batch(batch["inputs"]))


def test_every_column_is_the_expected_one(model):
    """Kipoi itself compares only the first."""
    with h5py.File(ENTRY / DESCRIPTION["test"]["expect"]) as file:
        inputs, expected = ({name: part[name][:] for name in part} for part in (file["inputs"], file["preds"]))
    found = model.predict_on_batch(inputs)
    assert next(iter(found)) == "effect"
    assert set(found) == set(expected) == set(DESCRIPTION["schema"]["targets"])
    for name, values in expected.items():
        assert_expression_close(found[name], values)
    # Kipoi compares the first column to 1.5 units of this decimal place.
    assert 1.5 * 10.0 ** -DESCRIPTION["test"]["precision_decimal"] >= EXPRESSION
    assert np.abs(expected["effect"]).max() > 0.1  # or nothing would have been compared


def test_expected_inputs_are_those_of_the_example(loader):
    inputs = loader.read_batch(np.arange(len(loader)))["inputs"]
    with h5py.File(ENTRY / DESCRIPTION["test"]["expect"]) as file:
        for name in ("ref", "alt"):
            np.testing.assert_array_equal(file["inputs"][name][:], inputs[name])


def test_prediction_of_a_variant_worked_out_by_hand(model, tmp_path):
    genome = random_text(400, seed=1)
    records = [("I", 201, genome[200], "ACGT"[("ACGT".index(genome[200]) + 1) % 4])]
    arguments = {
        "vcf_file": write_vcf(tmp_path / "v.vcf", records),
        "fasta_file": write_fasta(tmp_path / "g.fa", I=genome),
        "annotation_file": write_bed(tmp_path / "p.bed", ("I", 150, 290, "A", "+")),
    }
    found = predict(model, **arguments, offsets=[20, 50])
    constructs = []
    for text in (genome, genome[:200] + records[0][3] + genome[201:]):
        constructs += [PTPA.add_adapters(text[200 - offset : 280 - offset]) for offset in (20, 50)]
    expression = decode(run_network(load_trained_network().network, one_hot(letters(constructs))))
    differences = expression[2:] - expression[:2]
    assert_expression_close(found["ref"], expression[:2].mean())
    assert_expression_close(found["alt"], expression[2:].mean())
    assert_expression_close(found["effect"], differences.mean())
    assert_expression_close(found["spread"], abs(differences[1] - differences[0]) / 2)
    assert found["distance"].tolist() == [200 - 290]


def test_metamorphoses(model, tmp_path):
    """REF and ALT swapped on the genome with ALT, and everything reverse-complemented."""
    genome = random_text(2_400, seed=2)
    generator = np.random.default_rng(3)
    records, altered, new_start = [], "", []
    for number, start in enumerate(range(200, 2_200, 200)):
        length = (1, 1, 3, 5, 9)[number % 5]
        ref = genome[start : start + length]
        alt = ref[0] + "".join(generator.choice(list("ACGT"), (0, 12, 2, 0, 4)[number % 5]))
        if len(ref) == len(alt) == 1:
            alt = "ACGT"[("ACGT".index(ref) + 1) % 4]
        records.append((start, ref, alt))
    position = 0
    for start, ref, alt in records:
        altered += genome[position:start]
        new_start.append(len(altered))
        altered += alt
        position = start + len(ref)
    altered += genome[position:]

    def effects(name, text, variants, strands):
        promoters = [("I", 0, len(text), gene, strand) for gene, strand in zip("AB", strands, strict=True)]
        found = predict(
            model,
            vcf_file=write_vcf(tmp_path / f"{name}.vcf", [("I", s + 1, ref, alt) for s, ref, alt in variants]),
            fasta_file=write_fasta(tmp_path / f"{name}.fa", I=text),
            annotation_file=write_bed(tmp_path / f"{name}.bed", *promoters),
        )
        assert len(found) == 2 * len(variants)
        return found.sort_values(["record", "gene"])

    forth = effects("forth", genome, records, "+-")
    swapped = [(start, alt, ref) for start, (_, ref, alt) in zip(new_start, records, strict=True)]
    back = effects("back", altered, swapped, "+-")
    assert forth["effect"].abs().min() > 1e-3
    assert_expression_close(back["effect"], -forth["effect"])
    assert_expression_close(back["ref"], forth["alt"])
    assert_expression_close(back["spread"], forth["spread"])

    def turn(text):
        return text.translate(COMPLEMENT)[::-1]

    turned = [(len(genome) - start - len(ref), turn(ref), turn(alt)) for start, ref, alt in records[::-1]]
    mirrored = effects("mirrored", turn(genome), turned, "-+")
    mirrored = mirrored.assign(record=len(records) - 1 - mirrored["record"]).sort_values(["record", "gene"])
    assert mirrored["strand"].tolist() == ["-", "+"] * len(records)
    assert mirrored["distance"].tolist() == forth["distance"].tolist()
    for column in ("ref", "alt", "effect", "spread"):
        assert_expression_close(mirrored[column], forth[column])


def test_a_vcf_file_without_records_gives_a_table_with_its_columns(model, tmp_path):
    with pytest.warns(UserWarning, match="The file has a header but no records: there is nothing to predict"):
        empty = model.default_dataloader(**EXAMPLE | {"vcf_file": write_vcf(tmp_path / "v.vcf", [])})
    (batch,) = empty.batch_iter(batch_size=8)
    assert empty.get_output_schema().compatible_with_batch(batch)
    rows = {"metadata": batch["metadata"], "preds": model.predict_on_batch(batch["inputs"])}
    TsvBatchWriter(tmp_path / "out.tsv").batch_write(rows)
    HDF5BatchWriter.dump(tmp_path / "out.h5", rows)
    for name in ("out.tsv", "out.h5"):
        assert read_effects(tmp_path / name).empty


def test_wrong_input(model):
    constructs = np.zeros((2, 3, 110, 4))
    for x in (constructs, {"ref": constructs}, {"ref": constructs, "alt": constructs, "more": constructs}):
        with pytest.raises(ValueError, match="a dictionary with the keys ref and alt but is"):
            model.predict_on_batch(x)
    with pytest.raises(ValueError, match="not one-hot"):
        model.predict_on_batch({"ref": constructs, "alt": constructs})


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches(loader, num_workers):
    whole = loader.read_batch(np.arange(len(loader)))
    assert whole["inputs"]["ref"].dtype == np.float32
    parts = loader.load_all(batch_size=7, num_workers=num_workers)
    for name in ("ref", "alt"):
        np.testing.assert_array_equal(parts["inputs"][name], whole["inputs"][name])
    assert list(parts["metadata"]) == list(whole["metadata"])
    for name, column in whole["metadata"].items():
        np.testing.assert_array_equal(parts["metadata"][name], column)
    assert loader.get_output_schema().compatible_with_batch(whole)
    assert set(loader.get_output_schema().metadata) == set(whole["metadata"])
    sample = loader[-1]
    np.testing.assert_array_equal(sample["inputs"]["alt"], whole["inputs"]["alt"][-1])
    assert sample["metadata"]["gene_name"] == "REVERSE1"
    with pytest.raises(IndexError):
        loader[len(loader)]


def test_example_is_made_by_its_script(loader):
    spec = importlib.util.spec_from_file_location("make_example", ENTRY / "example/make_example.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for name, text in made.files().items():
        assert (ENTRY / "example" / name).read_text() == text
    # The last base of each site in the inserts of its variant, the middle one at the offset.
    metadata = loader.rows.read(range(len(loader))).metadata
    for gene in ("forward1", "reverse1"):
        row = metadata["id"].tolist().index(f"{gene}_gcn4_site")
        inserts = from_one_hot(loader[row]["inputs"]["ref"][:, 17:97])
        assert [
            insert[offset - 3 : offset + 4] for insert, offset in zip(inserts, loader.rows.offsets, strict=True)
        ] == ["TGACTCA"] * 7


def test_what_became_of_the_records_is_said(model):
    with pytest.warns(UserWarning, match="37 records with 40 alleles, of which 31 are scored in 31 rows") as caught:
        made = model.default_dataloader(**EXAMPLE)
    assert tuple(str(warning.message) for warning in caught) == made.notes == made.rows.notes


def test_yaml_describes_the_arguments(model):
    described = model.default_dataloader.args
    parameters = inspect.signature(model.default_dataloader).parameters
    shared = inspect.signature(VariantRows).parameters
    # The reporter is the entry's.
    assert list(described) == list(parameters) == [name for name in shared if name != "reporter"]
    for name, parameter in parameters.items():
        assert described[name].optional == (parameter.default is not inspect.Parameter.empty), name
        assert "Example: " in described[name].doc, name
        assert parameter.default == shared[name].default, name
        if described[name].optional:
            default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
            assert f"Default: {default}" in described[name].doc, name


COMMANDS = """
import sys
from kipoi.__main__ import main
import kipoi

for command in (
    ["test", "promoters/variant_effects", "--source", "zoo"],
    ["predict", "promoters/variant_effects", "--source", "zoo", "--keep_metadata", "--batch_size", "8"]
    + ["-o", "out.tsv", "out.h5", "--dataloader_args", *sys.argv[1:]],
):
    sys.argv = ["kipoi", *command]
    main()
root = kipoi.get_model("promoters", "zoo")
print([path for path in sys.path if path.startswith(root.source_dir.rstrip("/"))], type(root).__name__)
"""


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """`kipoi test` and `kipoi predict` of the read-only member of a local source, called from an unrelated folder."""
    folder = tmp_path_factory.mktemp("source")
    entry = copy_entry(folder / "zoo" / "promoters")
    home = folder / "home"
    (home / ".kipoi").mkdir(parents=True)
    config = {"model_sources": {"zoo": {"type": "local", "local_path": str(folder / "zoo")}}}
    (home / ".kipoi" / "config.yaml").write_text(yaml.safe_dump(config))
    work = tmp_path_factory.mktemp("elsewhere")
    for file in (ENTRY / "example").iterdir():
        if file.is_file():
            shutil.copy(file, work)
    set_writable(entry, False)
    before = state(entry)
    arguments = ["vcf_file=variants.vcf", "fasta_file=genome.fa", "annotation_file=genes.gtf"]
    result = run("python", "-c", COMMANDS, *arguments, cwd=work, home=home)
    after = state(entry)
    set_writable(entry, True)
    assert result.status == 0, result.stderr
    assert before == after
    return work, result


def test_kipoi_test_passes_without_warnings(commands):
    output = commands[1].stdout + commands[1].stderr
    assert "All predictions match" in output
    for noise in ("WARNING", "oneDNN", "cpu_feature_guard", "cuda", "absl", "[W::"):
        assert noise not in output


def test_kipoi_predict_writes_every_row_and_lists_the_rest(commands, loader):
    work, _ = commands
    table = pd.read_csv(work / "out.tsv", sep="\t", keep_default_na=False)
    metadata = loader.rows.read(range(len(loader))).metadata
    for name, column in metadata.items():
        assert table[f"metadata/{name}"].tolist() == column.tolist(), name
    with h5py.File(ENTRY / DESCRIPTION["test"]["expect"]) as file, h5py.File(work / "out.h5") as written:
        for name in ("effect", "ref", "alt", "spread"):
            assert_expression_close(table[f"preds/{name}"], file[f"preds/{name}"][:])
            assert_expression_close(written[f"preds/{name}"][:], file[f"preds/{name}"][:])
        assert written["metadata/gene_name"].asstr()[:].tolist() == metadata["gene_name"].tolist()
    listed = pd.read_csv(work / "variants.skipped.tsv", sep="\t")
    assert listed["id"].tolist() == [
        *["ref_differs_from_the_genome", "symbolic", "one_allele_and_a_star", "no_alternative"],
        *["longer_than_the_insert", "within_the_coding_sequence", "within_unknown_bases"],
        *["too_near_the_end_of_the_chromosome", "unknown_chromosome"],
    ]


def test_the_entry_above_works_in_the_same_process(commands):
    assert commands[1].stdout.splitlines()[-1] == "[] YeastPromoterExpression"
