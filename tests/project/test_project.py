"""The files around the code agree with each other and with the code."""

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import start
import yeastpromoter
from yeastpromoter import extras

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
RUNTIME = ["kipoi", "figures"]
#: The locks, with the extras of each.
LOCKS = {"runtime": RUNTIME, "development": [*RUNTIME, "tracks", "training", "test"], "gpu": [*RUNTIME, "gpu"]}
ENTRIES = (".", "variant_effects")
ENTRY_FILES = [f"{entry}/{name}.yaml" for entry in ENTRIES for name in ("model", "dataloader")]
INFERENCE = [ROOT / entry / f"{name}.py" for entry in ENTRIES for name in ("model", "dataloader")]
INFERENCE += sorted((ROOT / "yeastpromoter").rglob("*.py"))


def lock(name):
    """Versions by package name."""
    lines = (ROOT / "requirements" / f"{name}.lock").read_text().splitlines()
    return dict(re.match(r"([a-z0-9-]+)==(\S+)", line).groups() for line in lines if re.match(r"[a-z0-9]", line))


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text())


def imported(path):
    """Top-level names of the modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def test_version_is_the_same_everywhere():
    version = yeastpromoter.__version__
    assert read_yaml("CITATION.cff")["version"] == version
    assert re.search(r"^## \[(\S+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == version
    for name in ENTRY_FILES:
        assert str(read_yaml(name)["info"]["version"]) == version, name


def test_contributing_names_files_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("https:")]
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []
    modules = [path for folder in ("yeastpromoter", "training") for path in (ROOT / folder).rglob("*.py")]
    modules += ROOT.glob("*.py")
    named = re.findall(r"`([\w/]+\.py)`", text)
    assert len(named) > 20
    assert [name for name in named if not any(path.match(name) for path in modules)] == []


def test_licence_is_the_same_everywhere():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert PROJECT["license"] == "MIT"
    assert read_yaml("CITATION.cff")["license"] == "MIT"
    for name in ENTRY_FILES:
        assert read_yaml(name)["info"]["license"] == "MIT", name


def assert_lock_satisfies(name, extras):
    versions = lock(name)
    wanted = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(versions[requirement.name]), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_locks_satisfy_the_project(name):
    assert_lock_satisfies(name, LOCKS[name])


def test_the_locks_of_jax_satisfy_the_project_and_have_the_keras_of_the_others():
    versions, on_gpu = lock("jax"), lock("jax-gpu")
    assert_lock_satisfies("jax", ["jax", "figures", "training"])
    assert_lock_satisfies("jax-gpu", ["jax-gpu", "figures", "training"])
    assert versions["keras"] == lock("runtime")["keras"]
    assert not {"tensorflow", "kipoi"} & set(on_gpu)
    assert versions.items() <= on_gpu.items()
    assert on_gpu["jax-cuda12-plugin"] == versions["jax"]


def test_the_conda_environment_of_jax_is_its_lock():
    found = read_yaml("requirements/jax-gpu.yaml")
    python, pip, of_pip = found["dependencies"]
    assert re.fullmatch(r"python =3\.(11|12)", python), "the Pythons that the lock is made for"
    assert (pip, of_pip) == ("pip", {"pip": ["-r jax-gpu.lock"]})


@pytest.mark.parametrize("name", ["data", "training"])
def test_the_conda_environments_of_the_workflow_have_the_bounds_of_the_project(name):
    """Names and bounds alone: whether conda can make them is not tested."""
    bounds = {"pip": SpecifierSet()}
    for extra in ("kipoi", "tensorflow", "figures", "training"):
        for requirement in map(Requirement, [*PROJECT["dependencies"], *EXTRAS[extra]]):
            bounds[requirement.name] = bounds.get(requirement.name, SpecifierSet()) & requirement.specifier
    entries = read_yaml(f"training/workflow/envs/{name}.yaml")["dependencies"]
    of_pip = [package for entry in entries if isinstance(entry, dict) for package in entry["pip"]]
    found = dict(entry.partition(" ")[::2] for entry in [*of_pip, *(e for e in entries if not isinstance(e, dict))])
    assert found.pop("python") == "=3.11"
    found = {package.removesuffix("-base"): SpecifierSet(bound) for package, bound in found.items()}
    assert found == {package: bounds[package] for package in found} | ({"pip": SpecifierSet()} if of_pip else {})


def test_the_conda_environment_of_training_has_what_its_steps_import():
    entries = read_yaml("training/workflow/envs/training.yaml")["dependencies"]
    packages = [entry for entry in entries if not isinstance(entry, dict)] + entries[-1]["pip"]
    packages = {entry.split()[0].removesuffix("-base") for entry in packages}
    called = {"yaml": "pyyaml", "sklearn": "scikit-learn", "PIL": "pillow"}
    names = set().union(*map(imported, (ROOT / "training").rglob("*.py")))
    names -= {*sys.stdlib_module_names, "training", "yeastpromoter"}
    # The workflow's own, and an extra that a run can ask for.
    assert {called.get(name, name) for name in names} - {"snakemake", "tensorboard"} <= packages


def test_the_same_package_has_the_same_bounds_in_all_extras():
    bounds = {}
    for requirement in map(Requirement, chain(PROJECT["dependencies"], *EXTRAS.values())):
        bounds.setdefault(requirement.name, set()).add(str(requirement.specifier))
    # Kipoi bounds what the package itself leaves open, and JAX wants the other side of the bound.
    assert {name for name, found in bounds.items() if len(found) > 1} == {"numpy", "pandas"}


def test_prediction_needs_neither_kipoi_nor_a_network_library():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert "numpy" in names
    assert not names & {"kipoi", "kipoiseq", "tensorflow", "keras", "jax", "matplotlib"}


def test_the_wheel_has_what_the_model_names():
    inside = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    arguments = read_yaml("model.yaml")["args"]
    named = ["model.yaml", *(arguments[name] for name in ("weights", "calibration"))]
    named.append(read_yaml("dataloader.yaml")["args"]["sequence_file"]["example"])
    assert inside == {name: f"yeastpromoter/shipped/{name}" for name in named}
    assert all((ROOT / name).is_file() for name in inside)


def test_extras_bring_what_messages_say_that_they_bring():
    for extra, packages in extras.EXTRAS.items():
        assert set(packages) <= {Requirement(line).name for line in EXTRAS[extra]}


@pytest.mark.parametrize(("name", "fewest"), [*((name, 50) for name in LOCKS), ("jax", 20)])
def test_locks_hold_hashes_and_no_addresses(name, fewest):
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    pins = re.findall(r"^[a-z0-9-]+==\S+ \\$\n +--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    # A package for some Pythons or systems only would have a marker: start.py expects all of them.
    assert len(pins) == len(lock(name)) > fewest
    assert not re.search(r"://|--index-url|--find-links| @ ", text)


def test_pythons_are_the_same_everywhere():
    allowed = SpecifierSet(PROJECT["requires-python"])
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert named == ["3.11", "3.12", "3.13"]
    assert all(python in allowed for python in named)
    assert "3.10" not in allowed
    # Those of Kipoi, and so of the locks.
    pythons = [f"{major}.{minor}" for major, minor in start.PYTHONS]
    assert pythons == named[:2]
    assert f"with Python {' or '.join(pythons)} and pip" in (ROOT / "README.md").read_text()
    assert f"PYTHONS = {tuple(pythons)}".replace("'", '"') in (ROOT / "requirements" / "update.py").read_text()


def test_locks_agree_with_each_other():
    runtime = lock("runtime")
    for name in ("development", "gpu"):
        other = lock(name)
        assert {package: other.get(package) for package in runtime} == runtime


@pytest.mark.parametrize("name", ENTRY_FILES)
def test_kipoi_gets_the_locked_versions(name):
    dependencies = read_yaml(name)["dependencies"]
    # Kipoi passes over other keys in silence.
    assert set(dependencies) == {"conda", "conda_channels", "pip"}
    assert "python=3.11" in dependencies["conda"]
    (requirements,) = dependencies["pip"]
    text = (ROOT / name).parent.joinpath(requirements).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert dict(line.split("==") for line in lines) == lock("runtime")


def test_the_models_share_their_network():
    arguments = {entry: read_yaml(f"{entry}/model.yaml")["args"] for entry in ENTRIES}
    for name in ("weights", "calibration"):
        paths = {(ROOT / entry / found.pop(name)).resolve() for entry, found in arguments.items()}
        assert len(paths) == 1
    assert arguments["."] == arguments["variant_effects"]


def test_this_environment_is_the_locked_one():
    from importlib.metadata import version

    assert {name: version(name) for name in lock("runtime") if name != "pip"} == {
        name: wanted for name, wanted in lock("runtime").items() if name != "pip"
    }


def test_package_imports_neither_kipoi_nor_what_extras_bring():
    paths = (path.relative_to(ROOT) for path in INFERENCE if path.is_relative_to(ROOT / "yeastpromoter"))
    modules = [".".join(path.with_suffix("").parts) for path in paths]
    code = (
        "import importlib, json, sys\n"
        f"for name in {modules!r}: importlib.import_module(name.removesuffix('.__init__'))\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = set(json.loads(output))
    assert "numpy" in loaded
    assert not loaded & {"kipoi", "kipoiseq", "tensorflow", "keras", "jax", "torch", "model", "dataloader", "training"}
    assert not loaded & {"matplotlib", "logomaker", "scipy", "sklearn", "pybigtools", "jsonschema"}
    assert "pandas" not in loaded  # half of the time that the help of a command would take


def test_package_says_where_each_of_its_modules_belongs():
    named = re.findall(r"`(\w+)`", yeastpromoter.__doc__)
    modules = [module.name for module in pkgutil.iter_modules(yeastpromoter.__path__) if module.name != "__main__"]
    assert sorted(named) == sorted(modules)


@pytest.mark.parametrize("path", INFERENCE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_inference_needs_nothing_of_training(path):
    assert not imported(path) & {"training", "tests", "benchmarks"}
    if path.is_relative_to(ROOT / "yeastpromoter"):
        assert not imported(path) & {"kipoi", "kipoiseq", "kipoi_utils", "model", "dataloader"}


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_what_a_benchmark_imports_of_the_project_is_there(path):
    """No test runs the benchmarks, which take minutes."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] in ("yeastpromoter", "training"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name) or importlib.import_module(f"{node.module}.{alias.name}")
