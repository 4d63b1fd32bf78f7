import subprocess
import sys
from pathlib import Path

import pytest
from entry_copies import run
from variant_files import HEADER, random_text, write_fasta

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from yeastpromoter.kipoi_layer.messages import message_only

sys.argv[0] = {program!r}
try:
    with message_only():
        raise ValueError("handled")
except ValueError:
    pass
with message_only():
    raise {error}
"""


@pytest.mark.parametrize(
    ("program", "error", "traceback", "shown"),
    [
        ("/usr/bin/kipoi", "ValueError('x.vcf: line 3')", None, "Error: x.vcf: line 3\n"),
        ("/lib/kipoi/__main__.py", "FileNotFoundError('x.vcf: line 3')", None, "Error: x.vcf: line 3\n"),
        ("/usr/bin/kipoi", "ValueError('x.vcf: line 3')", "1", None),
        ("/usr/bin/kipoi", "KeyError('x')", None, None),
        ("notebook.py", "ValueError('x.vcf: line 3')", None, None),
        ("/usr/bin/kipoi", "SystemError('x'); 1 / 0", None, None),
    ],
)
def test_only_expected_errors_of_the_kipoi_command_are_messages(program, error, traceback, shown):
    script = SCRIPT.format(root=str(ROOT), program=program, error=error)
    environment = {"YEASTPROMOTER_TRACEBACK": traceback} if traceback else {}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    if shown is None:
        assert done.stderr.startswith("Traceback (most recent call last):")
    else:
        assert done.stderr == shown


def test_errors_of_the_dataloaders_end_the_kipoi_command_with_a_message(tmp_path):
    """`kipoi preproc` runs a dataloader without a model, and so without TensorFlow."""
    write_fasta(tmp_path / "g.fa", I=random_text(400, seed=1))
    (tmp_path / "v.vcf").write_text(HEADER + "I\t9e2\t.\tA\tC\t.\t.\t.\n")
    arguments = ["--dataloader_args", "vcf_file=v.vcf", "fasta_file=g.fa", "skipped_file=s.tsv"]
    command = ["kipoi", "preproc", ROOT / "variant_effects", "--source", "dir", "-o", "out.h5", *arguments]
    done = run(*command, cwd=tmp_path, home=tmp_path)
    assert done.status == 1
    wanted = "line 3 has '9e2' as POS but must have a whole number. Did a spreadsheet write it?"
    assert done.stderr.splitlines()[-1] == f"Error: {tmp_path / 'v.vcf'}: {wanted}"
    assert "Traceback" not in done.stderr
