"""Files and characters of the commands: nothing is overwritten that is read, and names say what files hold."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from training.cli.main import main as training
from yeastpromoter.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
GENOME = ">I\n" + "ACGTTGCAAC" * 20 + "\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genome.fa").write_text(GENOME)
    (tmp_path / "link.txt").symlink_to("genome.fa")
    (tmp_path / "in.tsv").write_text("a\tb\n")
    (tmp_path / "inserts.txt").write_text("ACGT" * 20 + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["saturate", "genome.fa", "--table", "link.txt"], "genome.fa is the file of '--table', too"),
        (["saturate", "--table", "./in.tsv", "in.tsv"], "in.tsv is the file of"),
        (["rank-variants", "in.tsv", "-o", "in.tsv"], "in.tsv is the file of"),
        (["saturate", "genome.fa", "--table", "o", "--hdf5", "o"], "o is the file of '--table', too"),
        (["contributions", "in.tsv", "--table", "in.tsv"], "in.tsv is the file of"),
        (["tracks-figure", "t", "--annotation", "a.svg", "-o", "a.svg"], "a.svg is the file of"),
        (["saturate", "genome.fa", "--table", "o.csv"], "o.csv must end in .tsv, .tsv.gz, .txt,"),
        (["saturate", "genome.fa", "--table", "o.xlsx"], "what is written is a table separated by tabs"),
        (["rank-variants", "in.tsv", "-o", "o.tsv.bz2"], "what is written is a table separated by tabs"),
        (["saturate", "genome.fa", "--hdf5", "o.tsv"], "must end in .h5, .hdf5 or .hdf: what is written is HDF5"),
        (["tracks-figure", "t", "--annotation", "a.gtf", "-o", "a.jpg"], "must end in .png, .svg or .pdf"),
        (["tracks-figure", "t", "--annotation", "a.gtf", "-o", "a"], "must end in .png, .svg or .pdf"),
        (["tracks-figure", "t", "--annotation", "a.gtf", "-o", "/dev/stdout"], "what is written is a figure"),
        (["compare-contributions", "--table", "o.json"], "what is written is a table separated by tabs"),
        (["compare-contributions", "--count", "29"], "29 is not in the range x>=30"),
    ],
)
def test_what_would_be_overwritten_or_misnamed_is_refused(folder, arguments, message):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.split())
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_steps_of_the_training_overwrite_no_input_either(folder):
    (folder / "config.yaml").write_text("")
    options = ["--config", "config.yaml", "--table", "t.h5", "--output", "t.h5"]
    result = CliRunner().invoke(training, ["buckets", *options])
    assert result.exit_code == 2
    assert "t.h5 is the file of '--table', too" in " ".join(result.output.split())


@pytest.mark.parametrize("name", ["out", "out.tsv", "OUT.TSV", "/dev/null", "/dev/stdout"])
def test_names_that_say_nothing_else_are_taken(folder, name):
    result = CliRunner().invoke(main, ["saturate", "inserts.txt", "--sequence-type", "insert", "--table", name])
    assert result.exit_code == 0, result.output
    assert (folder / name).exists()
    assert not Path("/dev/null").is_file()


def test_shards_do_not_overwrite_the_file_that_is_cut(folder):
    (folder / "00000.txt").write_text("ACGT" * 20 + "\n")
    arguments = ["shards", "split", "00000.txt", "-o", ".", "--arguments", '{"sequence_type": "insert"}']
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "cut into another folder" in result.output
    assert (folder / "00000.txt").read_text() == "ACGT" * 20 + "\n"


def command(code, *arguments, **environment):
    return [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n" + code, *map(str, arguments)]


@pytest.mark.parametrize("encoding", ["iso-8859-1", "ascii:strict", "utf-8"])
def test_other_locales_get_plain_characters(encoding):
    code = (
        "import click\nfrom yeastpromoter.cli.errors import MessageGroup\n"
        "@click.group(cls=MessageGroup)\ndef main(): pass\n"
        "@main.command()\ndef show():\n    '''alt − ref, A↔G …'''\n    print('−0.50 ± 1 µ ☃')\n"
        "main()\n"
    )
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    for argument, wanted, plain in (("show", "−0.50", "-0.50"), ("--help", "alt − ref, A↔G …", "alt - ref, A<->G ...")):
        result = subprocess.run(command(code, argument), env=environment, capture_output=True)
        assert result.returncode == 0, result.stderr
        if argument == "show" or encoding != "ascii:strict":  # click writes UTF-8 where ASCII is asked for
            assert (wanted if encoding == "utf-8" else plain) in result.stdout.decode(encoding.partition(":")[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_command_that_is_stopped_removes_what_is_not_whole(tmp_path, number):
    code = (
        "import time, click\nfrom yeastpromoter.cli.errors import MessageGroup\n"
        "from yeastpromoter.io.whole_files import whole_file\n"
        "@click.group(cls=MessageGroup)\ndef main(): pass\n"
        "@main.command()\n@click.argument('path')\ndef write(path):\n"
        "    with whole_file(path):\n        time.sleep(60)\n"
        "main()\n"
    )
    process = subprocess.Popen(command(code, "write", tmp_path / "o.tsv"))
    while not list(tmp_path.iterdir()):
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(30) == (-number if number == signal.SIGKILL else 128 + number)
    left = [path.name for path in tmp_path.iterdir()]
    if number == signal.SIGKILL:
        (name,) = left
        assert name.startswith("partial.")
        assert name.endswith(".o.tsv")
    else:
        assert left == []
