import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from training.cli.backend import use_backend

ROOT = Path(__file__).resolve().parents[3]


def started(tmp_path, backend, **environment):
    """Read a configuration with a backend in a process of its own, and say which one Keras then has."""
    config = yaml.safe_load((ROOT / "training/config/ci_reporter.yaml").read_text()) | {"backend": backend}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    code = (
        "import sys; from pathlib import Path; from training.cli.options import Settings\n"
        "assert 'keras' not in sys.modules\n"
        "Settings(Path(sys.argv[1]), None, None)\n"
        "assert 'keras' not in sys.modules\n"
        "import keras; print(keras.config.backend())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | environment
    command = [sys.executable, "-c", code, str(tmp_path / "c.yaml")]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


def test_the_configuration_chooses_before_keras_is_imported(tmp_path):
    assert started(tmp_path, "tensorflow").stdout.split() == ["tensorflow"]
    assert started(tmp_path, None, KERAS_BACKEND="tensorflow").stdout.split() == ["tensorflow"]
    said = started(tmp_path, "tensorflow", KERAS_BACKEND="jax").stderr
    assert "backend of the configuration is tensorflow, but the environment variable KERAS_BACKEND is jax" in said


def test_a_backend_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr("training.cli.backend.find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=r"the package jax is not installed in this environment, .*README\.md says how"
    ):
        use_backend("jax")
    assert "KERAS_BACKEND" not in os.environ


def test_a_backend_after_another_one_is_refused(monkeypatch):
    import keras

    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr("training.cli.backend.find_spec", lambda name: True)
    other = next(name for name in ("jax", "torch") if name != keras.config.backend())
    with pytest.raises(ValueError, match=f"is {other}, but Keras has been imported with {keras.config.backend()}"):
        use_backend(other)
