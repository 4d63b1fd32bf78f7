import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from closeness import assert_expression_close
from matplotlib.image import imread

import yeastpromoter
from yeastpromoter.cli.main import main
from yeastpromoter.design.designs import Request
from yeastpromoter.design.goals import HIGHEST, target
from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.random_inserts import random_inserts

PROMOTERS = [row.tobytes().decode() for row in random_inserts(2, 12)]


def run(*arguments):
    return CliRunner().invoke(main, ["design", *map(str, arguments)])


@pytest.fixture
def promoters(tmp_path):
    path = tmp_path / "promoters.fa"
    path.write_text("".join(f">p{n}\n{insert}\n" for n, insert in enumerate(PROMOTERS)))
    return path


def test_a_ladder(tmp_path):
    paths = [tmp_path / name for name in ("ladder.tsv", "ladder.fa", "ladder.png")]
    result = run(
        *(
            "--ladder",
            "6,12",
            "--count",
            2,
            "--gc",
            0.3,
            0.6,
            "--longest-run",
            6,
            "--avoid-site",
            "BsaI",
            "--apart",
            30,
        ),
        *("-o", paths[0], "--fasta", paths[1], "--figure", paths[2]),
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv(paths[0], sep="\t", keep_default_na=False)
    assert list(table) == [
        *("id", "goal", "reached", "insert", "expression", "lower", "upper", "flag", "gc", "nearest"),
    ]
    assert table.goal.tolist() == [6, 6, 12, 12]
    assert (table.reached == "yes").all()
    assert (table.flag == "").all()
    assert (abs(table.expression - table.goal) <= 0.1001).all()
    assert table["gc"].between(0.3, 0.6).all()
    assert table.nearest.ge(30).all()
    for insert in table["insert"]:
        assert not re.search("GGTCTC|GAGACC|A{7}|C{7}|G{7}|T{7}", insert)
    predicted = yeastpromoter.load().predict(table["insert"].tolist(), interval=90)
    for name in ("expression", "lower", "upper"):
        assert_expression_close(table[name], predicted[name])
    records = re.findall(r"^>(\S+) goal=(\S+) expression=(\S+)\n([ACGT]{80})$", paths[1].read_text(), re.MULTILINE)
    assert [(name, insert) for name, _, _, insert in records] == list(zip(table.id, table["insert"], strict=True))
    assert imread(paths[2]).shape[0] > 500


def test_promoters_are_changed_where_they_may_be(promoters, tmp_path):
    result = run(promoters, "--highest", "--most-changes", 2, "--only", "1-30", "--keep", "5", "-o", tmp_path / "o.csv")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "o.csv", keep_default_na=False)
    assert table.id.tolist() == ["p0_highest_1", "p1_highest_1"]
    assert table.start_id.tolist() == ["p0", "p1"]
    for row, promoter in zip(table.itertuples(), PROMOTERS, strict=True):
        found = {int(change[1:-1]) for change in row.changes.split()}
        differ = np.flatnonzero(letters([row.insert])[0] != letters([promoter])[0]) + 1
        assert found == set(differ.tolist())
        assert 1 <= row.substitutions == len(found) <= 2
        assert found <= set(range(1, 31)) - {5}
        assert row.expression > row.start_expression
        for change in row.changes.split():
            assert promoter[int(change[1:-1]) - 1] == change[0]


def test_one_change_is_the_best_of_saturation(promoters, tmp_path):
    assert (
        run(promoters, "--highest", "--most-changes", 1, "--any-uncertainty", "-o", tmp_path / "o.tsv").exit_code == 0
    )
    found = pd.read_csv(tmp_path / "o.tsv", sep="\t")
    result = CliRunner().invoke(
        main, ["saturate", str(promoters), "--sequence-type", "insert", "--table", str(tmp_path / "s.tsv")]
    )
    assert result.exit_code == 0
    best = pd.read_csv(tmp_path / "s.tsv", sep="\t").sort_values("effect_alt_minus_ref").groupby("id").last()
    assert_expression_close(found.expression, best.alt_expression)


def test_a_table_of_promoters(tmp_path):
    (tmp_path / "in.csv").write_text(f"name,seq\nfirst,{PROMOTERS[0]}\n")
    reading = ("--sequence-column", "seq", "--id-column", "name")
    assert run(tmp_path / "in.csv", *reading, "--highest", "--most-changes", 1, "-o", tmp_path / "o.tsv").exit_code == 0
    assert pd.read_csv(tmp_path / "o.tsv", sep="\t").id.tolist() == ["first_highest_1"]
    arguments = ["explain", str(tmp_path / "in.csv"), *reading, "-o", str(tmp_path / "page.html")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert "Promoter first" in (tmp_path / "page.html").read_text()


def test_rows_go_to_standard_output(promoters):
    result = run(promoters, "--target", 12)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].startswith("id\tgoal\treached\tinsert")
    assert len(result.stdout.splitlines()) == 3


def test_python_and_command_agree(tmp_path):
    assert run("--target", 9, "--count", 2, "--seed", 5, "-o", tmp_path / "o.tsv").exit_code == 0
    found = pd.read_csv(tmp_path / "o.tsv", sep="\t")
    table = yeastpromoter.load().design(Request([target(9)], count=2, seed=5))
    assert found["insert"].tolist() == table["insert"].tolist()
    assert table.attrs["missing"] == {}


def test_designs_for_the_extremes_are_flagged_where_they_may_be():
    predictor = yeastpromoter.load()
    given = {"promoters": letters(PROMOTERS[:1]), "ids": ["p"], "most_changes": 10}
    table = predictor.design(Request([HIGHEST], **given, any_uncertainty=True))
    assert table.flag.str.startswith("unlike the training data: expression 17.").all()
    careful = predictor.design(Request([HIGHEST], **given))
    assert (careful.flag == "").all()
    assert careful.expression.max() < table.expression.min()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give at least one goal"),
        (["--target", 8, "--ladder", "6,8"], "the goal 8 is given twice"),
        (["--ladder", "6,x"], "is not a list of numbers"),
        (["--target", 8, "--only", "90"], "must be positions in the insert"),
        (["--target", 8, "--avoid-site", "NoSuchI"], "no restriction enzyme 'NoSuchI'"),
        (["--target", 8, "--avoid-motif", "AXC"], "must have letters of IUPAC"),
        (["--target", 8, "--preset", "x"], "there is no preset 'x'"),
        (["--target", 8, "--keep-motif", "XYZ"], "must have letters of IUPAC"),
        (["--target", 8, "--only", "1-5", "--keep", "1-9"], "leave no position"),
        (["--target", 8, "--figure", "no/such/folder.png"], "there is no folder"),
        (["--target", 8, "--template", "ACGT"], "has 4 letters but must have 80"),
        (["--target", 8, "--most-changes", 3], "is for given promoters"),
        (["--target", 99], "the goal 99 is not on the scale of expression, 0 to 17"),
        (["--target", 8, "--template", "ACGT" * 20], "no design was found"),
        (["--range", 9, 3], "the lower one first"),
        (["--target", 8, "--gc", 0.6, 0.4], "from a smaller to a larger share"),
    ],
)
def test_wrong_requests(arguments, said):
    result = run(*arguments)
    assert result.exit_code != 0
    assert said in re.sub(r"\s+", " ", result.output)
