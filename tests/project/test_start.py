"""The set-up script: whole environments are kept, anything else is made again, nobody's folder is touched."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import venv
import zipfile
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

import start

Version = namedtuple("Version", "major minor micro")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with two small lock files, and a record of what pip was asked to install."""
    (tmp_path / "requirements").mkdir()
    for name in ("runtime", "development"):
        (tmp_path / "requirements" / f"{name}.lock").write_text(f"{name}==1\n")
    monkeypatch.setattr(start, "ROOT", tmp_path)
    monkeypatch.setattr(start, "pip_command", lambda environment, lock: ["pip"])
    installed = []
    monkeypatch.setattr(start, "install", lambda pip, name, environment, lock: installed.append(name))
    monkeypatch.setattr(start, "check_packages", lambda environment, names: None)
    return tmp_path, installed


def test_makes_an_environment_once(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime"]
    assert (environment / "bin" / "python").exists()
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime"]


def test_adds_what_the_tests_need_to_a_whole_environment(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    (environment / "kept").touch()
    start.set_up(environment, ("runtime", "development"))
    assert installed == ["runtime", "development"]
    assert (environment / "kept").exists()
    # What the tests use is enough for predicting too.
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime", "development"]


def test_starts_again_when_a_lock_changed(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    (environment / "left over").touch()
    (root / "requirements" / "runtime.lock").write_text("runtime==2\n")
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime", "runtime"]
    assert not (environment / "left over").exists()


def test_starts_again_when_the_folder_was_moved(project):
    root, installed = project
    start.set_up(root / "first", ("runtime",))
    (root / "first").rename(root / "second")
    start.set_up(root / "second", ("runtime",))
    assert installed == ["runtime", "runtime"]


def test_starts_again_when_its_python_is_gone(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    (environment / "bin" / "python").unlink()
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime", "runtime"]


def test_starts_again_when_its_python_has_another_version(project):
    root, installed = project
    environment = root / ".venv"
    start.set_up(environment, ("runtime",))
    # As after an upgrade of the system's Python, which finds no package of the one before it.
    stamp = json.loads((environment / start.STAMP).read_text())
    (environment / start.STAMP).write_text(json.dumps({**stamp, "python": "3.10"}))
    start.set_up(environment, ("runtime",))
    assert installed == ["runtime", "runtime"]


def test_a_link_to_another_disk_stays(project, monkeypatch):
    root, installed = project
    (root / "disk").mkdir()
    (root / ".venv").symlink_to(root / "disk")
    monkeypatch.setattr(start, "predict", lambda environment: 0)
    for content in ("runtime==1", "runtime==1", "runtime==2"):
        (root / "requirements" / "runtime.lock").write_text(content)
        assert start.main(["predict", "--environment", str(root / ".venv")]) == 0
    assert installed == ["runtime", "runtime"]
    assert (root / ".venv").is_symlink()
    assert (root / "disk" / "bin" / "python").exists()


def test_goes_on_where_locks_do_not_exist(project, monkeypatch, capsys):
    root, installed = project

    def flock(descriptor, operation):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(start.fcntl, "flock", flock)
    start.set_up(root / ".venv", ("runtime",))
    assert installed == ["runtime"]
    assert "cannot be locked (Function not implemented): run one start.py at a time" in capsys.readouterr().err


@pytest.mark.parametrize("at", ["runtime", "development"])
def test_an_interrupted_set_up_is_not_taken_for_whole(project, monkeypatch, at):
    root, installed = project
    environment = root / ".venv"

    def interrupted(pip, name, environment, lock):
        if name == at:
            raise KeyboardInterrupt
        installed.append(name)

    with monkeypatch.context() as patched:
        patched.setattr(start, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            start.set_up(environment, ("runtime", "development"))
    installed.clear()
    start.set_up(environment, ("runtime", "development"))
    assert installed == ["runtime", "development"]


def test_leaves_a_folder_of_somebody_else_alone(project):
    root, installed = project
    (root / "mine").mkdir()
    (root / "mine" / "work.txt").write_text("precious")
    with pytest.raises(start.SetupError, match="was not made by this script"):
        start.set_up(root / "mine", ("runtime",))
    assert (root / "mine" / "work.txt").read_text() == "precious"
    assert installed == []


@pytest.mark.parametrize("until", ["lock", "stamp"])
def test_takes_a_folder_for_its_own_however_the_set_up_ended(project, monkeypatch, until):
    root, installed = project
    environment = root / ".venv"

    def killed(*arguments, **options):
        raise MemoryError

    if until == "stamp":
        start.set_up(environment, ("runtime",))
        (root / "requirements" / "runtime.lock").write_text("runtime==2\n")
    with monkeypatch.context() as patched:
        # Before anything was made, or while the old one was being removed.
        patched.setattr(*((start.venv, "create") if until == "lock" else (start.shutil, "rmtree")), killed)
        with pytest.raises(MemoryError):
            start.set_up(environment, ("runtime",))
    start.set_up(environment, ("runtime",))
    assert installed[-1] == "runtime"
    assert json.loads((environment / start.STAMP).read_text())["state"] == "complete"


def test_says_so_when_it_may_not_write(project, monkeypatch, capsys):
    root, _ = project
    (root / "file").touch()
    assert start.main(["predict", "--environment", str(root / "file" / "environment")]) == 1
    assert "Not a directory" in (message := capsys.readouterr().err)
    assert "Choose another folder with --environment" in message
    monkeypatch.setattr(start, "set_up", lambda environment, wanted: None)
    (root / "results").touch()
    assert start.main(["predict"]) == 1
    assert f"cannot make {root}/results" in capsys.readouterr().err


def fake_pip(code):
    return lambda *_: [sys.executable, "-c", f"import json, sys\nif sys.argv[1] == 'install': {code}"]


def test_a_pip_that_fails_is_an_error_and_leaves_no_whole_environment(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(start, "pip_command", fake_pip("sys.exit(1)"))
    assert start.main(["predict", "--environment", str(tmp_path / "environment")]) == 1
    assert "pip could not install requirements/runtime.lock" in capsys.readouterr().err
    assert not (tmp_path / "environment" / start.STAMP).exists()


def test_a_pip_that_installs_elsewhere_is_an_error_and_leaves_no_whole_environment(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(start, "pip_command", fake_pip("pass"))
    assert start.main(["predict", "--environment", str(tmp_path / "environment")]) == 1
    message = capsys.readouterr().err
    assert f"has not the locked version of {len(start.pins('runtime'))} packages (absl-py, " in message
    assert not (tmp_path / "environment" / start.STAMP).exists()


def test_pip_installs_just_what_the_lock_says(tmp_path):
    record = tmp_path / "arguments.json"
    pip = fake_pip(f"json.dump(sys.argv[1:], open({str(record)!r}, 'w'))")()
    with open(tmp_path / "lock", "w") as lock:
        start.install(pip, "runtime", tmp_path, lock.fileno())
    arguments = json.loads(record.read_text())
    assert arguments[0] == "install"
    assert {"--require-hashes", "--no-deps"} <= set(arguments)
    assert Path(arguments[arguments.index("--requirement") + 1]) == start.ROOT / "requirements" / "runtime.lock"


def test_compiles_packages_without_their_tests(tmp_path, monkeypatch):
    environment = tmp_path / "tests" / "environment"  # a folder that only looks like a package's tests
    venv.create(environment, symlinks=True)
    (site,) = environment.glob("lib/python3.*/site-packages")
    for name in ("large", "large/tests", "small"):
        (site / name).mkdir()
        (site / name / "__init__.py").write_text("x = 1\n")
    monkeypatch.setattr(start, "COMPILED", ("large",))
    with open(tmp_path / "lock", "w") as lock:
        start.compile_packages(environment, lock.fileno())
    assert [path.parent.parent.name for path in site.rglob("*.pyc")] == ["large"]


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 9)])
def test_takes_python_3_11_and_3_12(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", Version(*version))
    start.check_machine()


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 13, 0)])
def test_another_python_is_refused_with_a_reason(monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", Version(*version))
    assert start.main(["predict"]) == 1
    message = capsys.readouterr().err
    assert "needs Python 3.11 or 3.12" in message
    assert ".".join(map(str, version)) in message


def test_shows_the_predictions_as_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(start, "ROOT", tmp_path)
    lines = ["metadata/id\tpreds/expression", "first\t10.256", "a longer name\t3.0"]
    (tmp_path / "predictions.tsv").write_text("\n".join(lines) + "\n")
    start.show(tmp_path / "predictions.tsv")
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "id             expression",
        "first          10.26",
        "a longer name  3.00",
    ]


def test_predicts_the_example_of_the_dataloader():
    dataloader = yaml.safe_load((start.ROOT / "dataloader.yaml").read_text())
    assert dataloader["args"]["sequence_file"]["example"] == start.EXAMPLE


KIPOI = """
import os, sys

def main():
    with open(sys.argv[sys.argv.index("--output") + 1], "w", encoding="utf-8") as file:
        file.write("metadata/id\\tpreds/expression\\n\u8349\\t5.5\\n")
    print("PYTHONPATH", os.environ.get("PYTHONPATH"))
"""


class Index:
    """An index of packages that has a small package `kipoi`, and hands it out only once `open` is set."""

    def __init__(self, folder):
        self.open, self.asked, self.handed_out = threading.Event(), threading.Semaphore(0), 0
        wheel = folder / "kipoi-1-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr("kipoi.py", KIPOI)
            file.writestr("kipoi-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: kipoi\nVersion: 1\n")
            file.writestr("kipoi-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            file.writestr("kipoi-1.dist-info/entry_points.txt", "[console_scripts]\nkipoi = kipoi:main\n")
            file.writestr("kipoi-1.dist-info/RECORD", "")
        self.content = wheel.read_bytes()
        self.requirement = f"kipoi==1 \\\n    --hash=sha256:{hashlib.sha256(self.content).hexdigest()}\n"
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = self.path.endswith(".whl")
                if wanted:
                    index.asked.release()
                    index.open.wait(60)
                    index.handed_out += 1
                self.send_response(200)
                self.send_header("Content-Type", "application/octet-stream" if wanted else "text/html")
                self.end_headers()
                self.wfile.write(index.content if wanted else b'<a href="/kipoi-1-py3-none-any.whl">kipoi</a>')

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/simple"


@pytest.fixture
def index(tmp_path):
    index = Index(tmp_path)
    yield index
    index.open.set()
    index.server.shutdown()
    index.server.server_close()


@pytest.fixture
def call(tmp_path, index):
    """Start the script in a project whose lock file has the package of the index, with a pip that is set up badly."""
    project = tmp_path / "project"
    (project / "requirements").mkdir(parents=True)
    shutil.copy(start.__file__, project)
    (project / "requirements" / "runtime.lock").write_text(index.requirement)
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "tmp").mkdir()
    (tmp_path / "home" / ".config" / "pip").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "pip" / "pip.conf").write_text(
        f"[global]\nindex-url = {index.url}\ntarget = {elsewhere}\n"
        f"[install]\nroot = {elsewhere}\nuser = true\npython = /bin/false\n"
    )
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "XDG_"))}
    variables |= {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    variables |= {"PIP_PREFIX": str(elsewhere), "PIP_DRY_RUN": "1", "PIP_REQUIRE_VIRTUALENV": "1"}
    variables |= {"PIP_NO_CACHE_DIR": "1", "PYTHONPATH": str(elsewhere), "TMPDIR": str(tmp_path / "tmp")}
    # A terminal that has ASCII only.
    variables |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    processes = []

    def begin():
        command = [sys.executable, project / "start.py", "predict"]
        # Ctrl-C counts, also where the tests run in the background and ignore it.
        options = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        processes.append(subprocess.Popen(command, cwd=tmp_path, env=variables, **options))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()
    assert not elsewhere.exists()


def is_locked(environment):
    with open(environment / start.LOCK) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_pip_ends_with_it(tmp_path, index, call, number):
    process = call()
    assert index.asked.acquire(timeout=60)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "interrupted" in output
    assert "Traceback" not in output
    # A pip that goes on would hold the lock.
    assert not is_locked(tmp_path / "project" / ".venv")
    assert start.missing_locks(tmp_path / "project" / ".venv", ("runtime",)) is None
    # Nor does it leave what it had downloaded.
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "project" / ".venv").glob("tmp*")) == []


def test_waits_for_the_pip_of_one_that_was_killed_and_for_another_at_once(tmp_path, index, call):
    killed = call()
    assert index.asked.acquire(timeout=60)
    # With the pip that only starts another one, which goes on in the environment.
    children = Path(f"/proc/{killed.pid}/task/{killed.pid}/children")
    pids = [killed.pid, *map(int, children.read_text().split() if children.exists() else [])]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    killed.wait()
    assert is_locked(tmp_path / "project" / ".venv")
    both = call(), call()
    for process in both:
        assert process.stdout.readline().startswith("Waiting for another start.py, or its pip")
    index.open.set()
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    # The killed one's pip installed it, then one of the two; the other had only to wait.
    assert index.handed_out == 2
    assert sorted(output.count("Making the environment") for output in outputs) == [0, 1]
    for output in outputs:
        assert "PYTHONPATH None\n" in output
        assert "\n?   5.50\n" in output
