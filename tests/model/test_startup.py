import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

NOISE = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795351018.868899    5425 port.cc:153] oneDNN custom operations are on. To turn them off, ...
I0000 00:00:1795351018.869733    5425 cudart_stub.cc:31] Could not find cuda drivers on your machine, ...
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the appropriate compiler \
flags.
E0000 00:00:1795351029.395928    5425 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to \
cuInit: UNKNOWN ERROR (303)
"""
NEWS = """\
W0000 00:00:1795351018.868899    5425 somewhere.cc:1] allocation exceeds 10% of free memory
E0000 00:00:1795351029.395928    5425 cuda_platform.cc:52] failed call to cuInit: SYSTEM_DRIVER_MISMATCH (803)
F0000 00:00:1795351029.395928    5425 cpu.cc:1] compiled to use AVX instructions, but these aren't available
Illegal something
WARNING: something else
"""


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", "import os, sys\nfrom yeastpromoter.model.startup import quiet_startup\n" + code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def test_drops_noise_and_nothing_else():
    code = (
        f"noise, news = {NOISE.encode()!r}, {NEWS.encode()!r}\n"
        "with quiet_startup():\n"
        "    os.write(2, noise + news + noise)\n"
        "    print('from Python', file=sys.stderr)\n"
        "    os.write(2, b'no line end')\n"
        "os.write(2, b'\\n' + noise)\n"
    )
    assert run(code).stderr == NEWS + "from Python\nno line end\n" + NOISE


def test_last_words_of_a_process_that_aborts_arrive():
    result = run(f"with quiet_startup():\n    os.write(2, {NEWS.encode()!r})\n    os.abort()\n")
    assert result.returncode < 0
    assert result.stderr == NEWS


def test_exceptions_pass():
    result = run("with quiet_startup():\n    raise KeyError('this one')\n")
    assert result.returncode == 1
    assert "KeyError: 'this one'" in result.stderr


@pytest.mark.parametrize("code", ["os.close(2)", "sys.stderr = None", "sys.executable = '/nowhere/python'"])
def test_works_without_standard_error_or_filter(code):
    result = run(f"{code}\nwith quiet_startup():\n    print('done')\n")
    assert (result.returncode, result.stdout) == (0, "done\n")


def test_does_not_wait_for_children_that_keep_the_pipe():
    code = (
        "import subprocess, time\n"
        "with quiet_startup():\n"
        "    child = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)\n"
        "    os.write(2, b'message\\n')\n"
        "child.kill()\n"
    )
    assert run(code).stderr == "message\n"


@pytest.mark.parametrize(
    ("backend", "why"), [("numpy_of_mine", "is not one of Keras"), ("openvino", "is not installed")]
)
def test_a_backend_that_cannot_be_had_is_named(backend, why):
    code = (
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'openvino' else find(name)\n"
        "try:\n    with quiet_startup():\n        pass\n"
        "except ValueError as error:\n    print(error)\n"
    )
    said = run(code, KERAS_BACKEND=backend).stdout
    assert f"KERAS_BACKEND names the backend '{backend}', which {why}: set it to one that is (tensorflow, " in said
    assert run(code, KERAS_BACKEND="tensorflow").stdout == run(code, KERAS_BACKEND="").stdout == ""


def test_log_level_of_the_user_stays():
    code = "with quiet_startup():\n    print(os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
    assert run(code, TF_CPP_MIN_LOG_LEVEL="0").stdout == "0\n"
    assert run("del os.environ['TF_CPP_MIN_LOG_LEVEL']\n" + code, TF_CPP_MIN_LOG_LEVEL="0").stdout == "1\n"
