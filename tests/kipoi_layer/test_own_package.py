"""Several copies of the entry in one process: each runs its own code."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSERT = "ACGTTGCA" * 10
ADAPTER = "TGCATTTTTTTCACATC"  # of the pTpA plasmid
ENTRIES = (".", "variant_effects")

# Loads the models and dataloaders of some copies, all before any is used, and prints the left adapters that they add.
LOAD = """
import inspect, json, os, pickle, sys
import numpy as np
import kipoi
from kipoi_utils.utils import cd, load_obj

file, *copies = sys.argv[1:]

def letters(one_hot):
    return "".join("ACGT"[base] for base in one_hot[:17].argmax(axis=1))

loaded = []
for copy in copies:
    with cd(copy):
        model = load_obj("model.YeastPromoterExpression")
    with cd(copy + "/variant_effects"):
        effects = load_obj("model.YeastVariantEffects")
    sequences = kipoi.get_dataloader_factory(copy, source="dir")
    variants = kipoi.get_dataloader_factory(copy + "/variant_effects", source="dir")
    loaded.append((model, effects, sequences, variants))

def of(function, name):
    return inspect.unwrap(function).__globals__[name]

insert = np.eye(4, dtype=np.float32)[np.zeros((1, 80), dtype=int)]

def of_model(function):
    return of(function, "construct_letters")(insert)[0, :17].tobytes().decode()

found, errors = {}, []
for copy, (model, effects, sequences, variants) in zip(copies, loaded):
    example = {name: f"{copy}/variant_effects/example/{file}" for name, file in
               {"vcf_file": "variants.vcf", "fasta_file": "genome.fa"}.items()}
    found[os.path.basename(copy)] = [
        of_model(model.predict_bucket_scores),
        of_model(effects.predict_on_batch),
        letters(sequences(sequence_file=file, sequence_type="insert")[0]["inputs"]),
        letters(variants(**example, skipped_file=False)[0]["inputs"]["ref"][0]),
    ]
    # What the model and the dataloader know of each other is in modules that both use.
    assert of(of(model.predict_bucket_scores, "construct_letters"), "one_hot") is of(
        of(sequences.read_batch, "sequence_batch"), "one_hot"
    )
    try:
        batches = of(sequences.__init__, "WholeBatches")(len, 1, 1, False, False)
        pickle.loads(pickle.dumps(batches))
    except RuntimeError as error:
        errors.append(str(error))
package = sys.modules.get("yeastpromoter")
print(json.dumps([found, errors, getattr(package, "__file__", None), sys.path[:2]]))
"""


def copy_entry(folder, adapter):
    for entry in ENTRIES:
        (folder / entry).mkdir(parents=True)
        for name in ("model.py", "model.yaml", "dataloader.py", "dataloader.yaml"):
            shutil.copy(ROOT / entry / name, folder / entry)
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "yeastpromoter", folder / "yeastpromoter", ignore=without)
    shutil.copytree(ROOT / "variant_effects" / "example", folder / "variant_effects" / "example", ignore=without)
    path = folder / "yeastpromoter" / "sequence" / "reporter.py"
    text = path.read_text()
    assert text.count(ADAPTER) == 1
    path.write_text(text.replace(ADAPTER, adapter))
    return folder


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Two copies of the entry with other left adapters, and a file with an insert."""
    folder = tmp_path_factory.mktemp("copies")
    (folder / "inserts.txt").write_text(INSERT + "\n")
    return folder, copy_entry(folder / "first", "A" * 17), copy_entry(folder / "second", "C" * 17)


def load(*options, before="", arguments, cwd):
    done = subprocess.run(
        [sys.executable, *options, "-c", before + LOAD, *map(str, arguments)], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("options", [[], ["-P"]], ids=["working directory on the path", "and not"])
def test_each_copy_runs_its_own_code(copies, options):
    folder, first, second = copies
    found, errors, package, path = load(*options, arguments=[folder / "inserts.txt", second, first], cwd=first)
    assert found == {"first": ["A" * 17] * 4, "second": ["C" * 17] * 4}
    # The one that was loaded first stays what the process imports, and a worker would.
    (error,) = errors
    assert f"cannot read for {first}, because another package of this name was loaded first" in error
    assert str(second / "yeastpromoter") in error
    assert package == str(second / "yeastpromoter" / "__init__.py")
    assert str(first) not in path
    assert str(second) not in path


@pytest.mark.parametrize("name", ["yeastpromoter.py", "yeastpromoter/__init__.py"])
def test_another_module_of_its_name_does_not_count_and_stays(copies, tmp_path, name):
    folder, first, _ = copies
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    arguments = [folder / "inserts.txt", first]
    found, errors, package, _ = load(before="import yeastpromoter\n", arguments=arguments, cwd=tmp_path)
    assert found == {"first": ["A" * 17] * 4}
    assert package == str(tmp_path / name)
    assert str(tmp_path / name) in errors[0]


def own_imports(nodes):
    """Modules of the package that some statements import."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "yeastpromoter":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in [node.module, *names] if source(name).exists())
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "yeastpromoter")


def source(module):
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_what_the_entries_load_imports_all_of_the_package_at_once():
    todo = [ROOT / entry / name for entry in ENTRIES for name in ("model.py", "dataloader.py")]
    done = set()
    while todo:
        path = todo.pop()
        tree = ast.parse(path.read_text())
        in_functions = [
            node
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for node in ast.walk(function)
        ]
        # Such an import would find the package of another copy, where one is loaded. No entry calls the functions of
        # the package itself, which are for users of one copy.
        assert path == ROOT / "yeastpromoter" / "__init__.py" or list(own_imports(in_functions)) == [], path
        done.add(path)
        todo += [found for name in own_imports(ast.walk(tree)) if (found := source(name)) not in done]
    assert ROOT / "yeastpromoter" / "sequence" / "reporter.py" in done
