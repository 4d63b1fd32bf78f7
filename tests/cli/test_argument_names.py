import re

import click
import pytest
from click.testing import CliRunner

from yeastpromoter.argument_names import argument
from yeastpromoter.cli.errors import MessageGroup
from yeastpromoter.cli.main import main


def test_python_names_arguments_as_in_a_call():
    assert argument("other_lengths") == "other_lengths"
    assert argument("other_lengths", "drop") == "other_lengths='drop'"
    assert argument("header", False) == "header=False"


@pytest.mark.parametrize(
    ("spoken_of", "named"),
    [
        (("other_lengths",), "--other-lengths"),
        (("other_lengths", "drop"), "--other-lengths drop"),
        (("id_column", "name of it"), "--id-column 'name of it'"),
        (("header", False), "--header no"),
        (("header", True), "--header yes"),
        (("check", False), "--no-check"),
        (("check", True), "--check"),
        (("target_columns", [1]), "target_columns=[1]"),  # not an option of this command
        (("output",), "--output"),
        (("file",), "file"),
    ],
)
def test_a_command_names_its_options(spoken_of, named):
    @click.group(cls=MessageGroup)
    def group():
        pass

    @group.command()
    @click.argument("file")
    @click.option("--other-lengths")
    @click.option("--id-column")
    @click.option("--header", type=click.Choice(["yes", "no"]))
    @click.option("--check/--no-check")
    @click.option("-o", "--output")
    def command(**_):
        raise ValueError(f"see {argument(*spoken_of)}")

    result = CliRunner().invoke(group, ["command", "x"])
    assert (result.exit_code, result.output) == (1, f"Error: see {named}\n")
    assert argument("other_lengths") == "other_lengths", "the names of a command end with it"


@pytest.mark.parametrize("command", ["saturate", "contributions"])
@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (">a\nACGT\n", [], "as --sequence-type construct says: .* --other-lengths drop would leave them out"),
        (">a\nACGT\n", ["--other-lengths", "drop"], "--other-lengths drop leaves none"),
        (">a\nACGT\n", ["--id-column", "1", "--header", "yes"], "leave out --id-column and --header$"),
        ("name\tseq\nHO\tACGT\n", [], r"Does --sequence-column choose the right column\?"),
        (",seq\n0,ACGT\n", [], "choose the column of the sequences with --sequence-column"),
        ("name,seq\n", ["--id-column", "name", "--header", "no"], "although --header no says"),
    ],
)
def test_commands_that_read_sequences_name_their_options(tmp_path, command, text, options, message):
    (tmp_path / "in").write_text(text)
    result = CliRunner().invoke(main, [command, str(tmp_path / "in"), "--hdf5", str(tmp_path / "out.h5"), *options])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: {tmp_path / 'in'}: ")
    assert re.search(message, line)
