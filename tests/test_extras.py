"""What is said where a package of an extra is not installed."""

import importlib.util

import pytest
from click.testing import CliRunner

from yeastpromoter import extras
from yeastpromoter.cli.main import main
from yeastpromoter.model import entry

_LOCUS = ["--annotation", "{sequences}", "--gene", "GAL1", "-o", "{folder}.png"]


@pytest.fixture
def without(monkeypatch):
    """Make packages look as if they were not installed."""
    missing = set()

    def find_spec(name, package=None):
        return None if name in missing else importlib.util.find_spec(name, package)

    monkeypatch.setattr(extras, "find_spec", find_spec)
    monkeypatch.setattr(entry, "find_spec", find_spec)
    return missing.update


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (
            ["contributions", "{sequences}", "--sequence-type", "insert", "--hdf5", "{folder}/x.h5"],
            "keras",
            "tensorflow",
        ),
        (["plant", "--count", "30"], "logomaker", "figures"),
        (["saturate", "{sequences}", "--figures", "{folder}"], "matplotlib", "figures"),
        (["contributions", "{sequences}", "--figures", "{folder}"], "matplotlib", "figures"),
        (["variant-figures", "{sequences}"], "matplotlib", "figures"),
        (["tracks-figure", "x", *_LOCUS], "matplotlib", "figures"),
        (["predict", "{sequences}", "--scan", "--figure", "{folder}.png"], "matplotlib", "figures"),
        (["predict", "{sequences}", "-o", "{folder}.parquet"], "pyarrow", "parquet"),
        (["tracks-figure", "{bigwig}", *_LOCUS], "pybigtools", "tracks"),
    ],
)
def test_a_missing_package_is_said_in_one_sentence_with_its_extra(command, package, extra, tmp_path, without):
    without({package})
    sequences, folder = tmp_path / "sequences.txt", tmp_path / "made"
    sequences.write_text("ACGT" * 20 + "\n")
    (tmp_path / "track.plus.bw").touch()
    arguments = [part.format(sequences=sequences, folder=folder, bigwig=tmp_path / "track") for part in command]
    if command[0] == "plant":
        arguments += ["-o", str(folder)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    wanted = f'this needs the package {package}, which is not installed: pip install "yeastpromoter[{extra}]"'
    assert result.stderr == f"Error: {wanted}\n"
    assert not list(folder.glob("*"))


def test_python_gets_an_error_that_says_the_same(without):
    without({"keras"})
    with pytest.raises(ModuleNotFoundError, match=r'pip install "yeastpromoter\[tensorflow\]"') as caught:
        entry.load_trained_network().make_network()
    assert caught.value.name == "keras"


@pytest.mark.parametrize(
    ("missing", "chosen"),
    [([], "tensorflow"), (["jax"], "tensorflow"), (["tensorflow"], "jax"), (["tensorflow", "jax"], "tensorflow")],
)
def test_jax_is_the_backend_where_only_jax_is_installed(missing, chosen, monkeypatch):
    class StopError(Exception):
        pass

    def stop():
        raise StopError

    monkeypatch.setattr(entry, "find_spec", lambda name: None if name in missing else object())
    monkeypatch.setattr(entry, "quiet_startup", stop)
    monkeypatch.setenv("KERAS_BACKEND", "removed afterwards")
    monkeypatch.delenv("KERAS_BACKEND")
    with pytest.raises(StopError):
        entry.load_trained_network().make_network()
    assert entry.os.environ["KERAS_BACKEND"] == chosen
