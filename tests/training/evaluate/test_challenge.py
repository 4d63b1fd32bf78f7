"""The challenge's score on made-up labels, against SciPy and numbers worked out by hand."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import pearsonr, spearmanr

from training.cli.main import main
from training.evaluate.challenge import read_labels, score_challenge, score_text

SINGLES = {"high": "high_exp_seqs", "low": "low_exp_seqs", "yeast": "yeast_seqs", "random": "all_random_seqs"}
SINGLES |= {"challenging": "challenging_seqs"}
PAIRS = {"SNV": "all_SNVs_seqs", "motif_perturbation": "motif_perturbation_seqs", "motif_tiling": "motif_tiling_seqs"}
WEIGHTS = dict(zip(["all", *SINGLES, *PAIRS], (1, 0.3, 0.3, 0.3, 0.3, 0.5, 1.25, 0.3, 0.4), strict=True))
COUNT = 60
LEADERBOARD = {name: f"{name}_exp_indices.json" for name in [*SINGLES, *PAIRS]} | {"SNV": "SNVs_exp_indices.json"}


def write_csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


class Challenge:
    """Made-up test sequences, labels, predictions, and subsets of both kinds, in the challenge's files."""

    def __init__(self, folder):
        rng = np.random.default_rng(8)
        self.folder, self.rng = folder, rng
        self.sequences = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(COUNT)]
        self.measured = rng.normal(0, 1, COUNT).round(6)
        self.predicted = (self.measured * 2 + 9 + rng.normal(0, 1.5, COUNT)).round(5)
        self.rows = {name: rng.choice(COUNT, 15, replace=False).tolist() for name in SINGLES}
        self.pairs = {name: rng.choice(COUNT, (12, 2), replace=False).tolist() for name in PAIRS}
        self.labels, self.subsets, self.leaderboard = (folder / n for n in ("labels.txt", "subsets", "leaderboard"))
        self.predictions = folder / "predictions.tsv"
        self.subsets.mkdir()
        self.leaderboard.mkdir()
        self.write_labels(self.measured)
        self.write_predictions(self.predicted)
        for name, stem in SINGLES.items():
            self.write_rows(stem, self.rows[name])
        for name, stem in PAIRS.items():
            self.write_pairs(stem, self.pairs[name])
        self.public = {name: rows[:5] for name, rows in self.rows.items()}
        self.public |= {name: pairs[:3] for name, pairs in self.pairs.items()}
        for name, file in LEADERBOARD.items():
            keys = [str(entry) if isinstance(entry, int) else f"{entry[0]},{entry[1]}" for entry in self.public[name]]
            (self.leaderboard / file).write_text(json.dumps({key: [None] for key in keys}))

    def write_labels(self, expression):
        lines = [f"{s}\t{e}\tmore\n" for s, e in zip(self.sequences, expression, strict=True)]
        self.labels.write_text("".join(lines))

    def write_predictions(self, expression, records=range(COUNT)):
        lines = [f"{r}\t{e}\n" for r, e in zip(records, expression, strict=True)]
        self.predictions.write_text("metadata/record\tpreds/expression\n" + "".join(lines))

    def write_rows(self, stem, rows):
        entries = [(i, 'a tag, "quoted"', self.sequences[row], row, "") for i, row in enumerate(rows)]
        write_csv(self.subsets / f"{stem}.csv", ["", "tag", "sequence", "pos", "exp"], entries)

    def write_pairs(self, stem, pairs):
        header = ["", "Unnamed: 0", "alt_tag", "ref_tag", "alt_sequence", "ref_sequence", "alt_pos", "ref_pos"]
        seq = self.sequences
        entries = [(i, i, "a,b", "c", seq[alt], seq[ref], alt, ref, "", "") for i, (alt, ref) in enumerate(pairs)]
        write_csv(self.subsets / f"{stem}.csv", [*header, "alt_exp", "ref_exp"], entries)

    def score(self, **options):
        return score_challenge(self.predictions, self.labels, **({"subsets": self.subsets} | options))

    def expected(self, rows, pairs):
        """Correlations of the rows and the differences of the pairs of each subset, by SciPy."""
        values = {name: (self.predicted[index], self.measured[index]) for name, index in rows.items()}
        for name, some in pairs.items():
            alt, ref = np.array(some).T
            values[name] = tuple(side[alt] - side[ref] for side in (self.predicted, self.measured))
        return {name: (pearsonr(*both)[0], spearmanr(*both)[0]) for name, both in values.items()}


@pytest.fixture
def made(tmp_path):
    return Challenge(tmp_path)


def assert_as_expected(result, expected):
    assert list(result["subsets"]) == list(WEIGHTS)
    for name, (r, rho) in expected.items():
        assert result["subsets"][name]["pearson"] == pytest.approx(r, abs=1e-9), name
        assert result["subsets"][name]["spearman"] == pytest.approx(rho, abs=1e-9), name
        assert result["subsets"][name]["weight"] == WEIGHTS[name]
    squares = sum(weight * expected[name][0] ** 2 for name, weight in WEIGHTS.items()) / 4.65
    ranks = sum(weight * expected[name][1] for name, weight in WEIGHTS.items()) / 4.65
    assert result["pearson_score"]["value"] == pytest.approx(squares, abs=1e-9)
    assert result["spearman_score"]["value"] == pytest.approx(ranks, abs=1e-9)


def test_score_is_the_weighted_mean_over_subsets_and_differences(made):
    result = made.score()
    assert result["rows"] == "all"
    assert result["sequences"] == COUNT
    assert_as_expected(result, made.expected({"all": np.arange(COUNT)} | made.rows, made.pairs))
    gc = [(sequence.count("G") + sequence.count("C")) / 30 for sequence in made.sequences]
    assert result["gc_predicted"]["value"] == pytest.approx(pearsonr(gc, made.predicted)[0], abs=1e-9)
    assert result["gc_measured"]["value"] == pytest.approx(pearsonr(gc, made.measured)[0], abs=1e-9)


@pytest.mark.parametrize("slope", [1, 0.3])
def test_perfect_predictions_score_1(made, slope):
    made.write_predictions(made.measured * slope + 4)
    result = made.score()
    assert result["pearson_score"]["value"] == pytest.approx(1, abs=1e-9)
    assert result["spearman_score"]["value"] == pytest.approx(1, abs=1e-9)


def test_inverted_predictions_have_a_perfect_pearson_score_and_spearman_minus_1(made):
    made.write_predictions(-made.measured)
    result = made.score()
    assert result["pearson_score"]["value"] == pytest.approx(1, abs=1e-9)
    assert result["spearman_score"]["value"] == pytest.approx(-1, abs=1e-9)


def test_rows_and_pairs_listed_again_count_once(made):
    before = made.score()
    made.write_rows("yeast_seqs", [*made.rows["yeast"], made.rows["yeast"][0]])
    alt, ref = made.pairs["motif_tiling"][0]
    made.write_pairs("motif_tiling_seqs", [*made.pairs["motif_tiling"], [alt, ref], [alt, ref]])
    result = made.score()
    assert result["subsets"]["yeast"] == before["subsets"]["yeast"] | {"repeated": 1}
    assert result["subsets"]["motif_tiling"] == before["subsets"]["motif_tiling"] | {"repeated": 2}
    assert "- motif tiling: 2 listed again, counted once" in score_text(result)


def test_private_leaves_out_what_the_leaderboard_showed(made):
    shown = {row for rows in made.public.values() for row in np.ravel(rows).tolist()}
    rows = {name: [row for row in listed if row not in shown] for name, listed in made.rows.items()}
    rows["all"] = [row for row in range(COUNT) if row not in shown]
    pairs = {name: listed[3:] for name, listed in made.pairs.items()}
    result = made.score(leaderboard=made.leaderboard)
    assert result["rows"] == "private"
    assert_as_expected(result, made.expected(rows, pairs))
    assert result["subsets"]["all"]["left_out"] == len(shown)
    assert [result["subsets"][name]["count"] for name in PAIRS] == [9, 9, 9]


def test_public_scores_the_leaderboard_alone(made):
    shown = sorted({row for rows in made.public.values() for row in np.ravel(rows).tolist()})
    rows = {"all": shown} | {name: made.public[name] for name in SINGLES}
    result = made.score(subsets=None, leaderboard=made.leaderboard, rows="public")
    assert_as_expected(result, made.expected(rows, {name: made.public[name] for name in PAIRS}))


def test_snv_pairs_of_another_file(made):
    (made.subsets / "all_SNVs_seqs.csv").unlink()
    with pytest.raises(ValueError, match=r"one file of the subset SNV, all_SNVs_seqs.csv or SNVs_seqs.csv, but has 0"):
        made.score()
    result = made.score(snvs=made.leaderboard / "SNVs_exp_indices.json")
    pairs = made.pairs | {"SNV": made.public["SNV"]}
    assert_as_expected(result, made.expected({"all": np.arange(COUNT)} | made.rows, pairs))


def test_constant_predictions_have_no_score_and_say_why(made):
    made.write_predictions([9.5] * COUNT)
    result = made.score()
    assert result["subsets"]["all"]["pearson"] is None
    assert result["subsets"]["SNV"]["reason"] == "the predictions do not vary"
    assert result["pearson_score"]["value"] is None
    assert "all, high, low" in result["spearman_score"]["reason"]
    assert result["gc_predicted"] == {"value": None, "reason": "the predicted expression does not vary"}
    assert result["gc_measured"]["value"] is not None
    assert "– (the predictions do not vary)" in score_text(result)


def test_json_of_the_challenge(made):
    table = made.score()
    made.predictions = made.folder / "board.json"
    board = {str(row): float(value) for row, value in enumerate(made.predicted)}
    made.predictions.write_text(json.dumps(board))
    assert made.score()["subsets"] == table["subsets"]
    shown = sorted({row for rows in made.public.values() for row in np.ravel(rows).tolist()})
    made.predictions.write_text(json.dumps({str(row): board[str(row)] for row in shown}))
    public = made.score(subsets=None, leaderboard=made.leaderboard, rows="public")
    assert public["subsets"]["all"]["count"] == len(shown)
    with pytest.raises(ValueError, match=r"board.json: has no prediction for row \d+ .* of the subset all"):
        made.score()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"0": 1, "0": 2}', "has the key '0' twice"),
        ('{"60": 1}', "'60' is beyond the 60 test sequences"),
        ('{"-1": 1}', "'-1' must be a row number"),
        ('{"0,1": 1}', "'0,1' must be a row number"),
        ('{"0": NaN}', "row 0 has 'nan' but must have a finite number"),
        ('{"0": true}', "row 0 has 'True'"),
        ('{"0": "1"}', "row 0 has '1' but"),
        ("[1, 2]", "must be a JSON object"),
        ('{"0": 1,\n1: 2}', "line 2: is not JSON"),
    ],
)
def test_wrong_json(made, text, message):
    made.predictions = made.folder / "board.json"
    made.predictions.write_text(text)
    with pytest.raises(ValueError, match=message):
        made.score()


def test_wrong_predictions(made):
    made.write_predictions(made.predicted[:-1], range(COUNT - 1))
    with pytest.raises(ValueError, match="has 59 predictions, but the labels are of 60 sequences"):
        made.score()
    made.write_predictions(made.predicted, [0, 2, 1, *range(3, COUNT)])
    with pytest.raises(ValueError, match="line 3: metadata/record is 2 but must be 1"):
        made.score()
    made.write_predictions(["nan", *made.predicted[1:]])
    with pytest.raises(ValueError, match="line 2: column 'preds/expression' is 'nan' but must be a number"):
        made.score()
    made.predictions.write_text("id\tscore\n0\t1\n")
    with pytest.raises(ValueError, match="one column named preds/expression or expression but has 0"):
        made.score()


def test_sequences_beside_the_predictions_must_be_those_of_the_labels(made):
    made.predictions = made.folder / "predictions.csv"
    rows = list(zip(made.sequences, made.predicted, strict=True))
    write_csv(made.predictions, ["sequence", "expression"], rows)
    assert_as_expected(made.score(), made.expected({"all": np.arange(COUNT)} | made.rows, made.pairs))
    write_csv(made.predictions, ["sequence", "expression"], [*rows[:7], rows[8], rows[7], *rows[9:]])
    with pytest.raises(ValueError, match=r"line 9: the sequence is .* in the challenge's order"):
        made.score()


def test_wrong_labels(made):
    made.sequences.append(made.sequences.pop(0))
    made.write_labels(made.measured)
    with pytest.raises(
        ValueError, match=r"high_exp_seqs.csv, line 2: sequence is .* are the labels in the challenge's"
    ):
        made.score()
    for text, message in (
        ("ACGT\t1\nACGT\t2\n", "line 2: the sequence is that of line 1"),
        ("ACGT\t1\nACG\t2\n", "line 2: the sequence has 3 letters, but that of line 1 has 4"),
        ("ACGT\t1\nACXT\t2\n", "line 2: the sequence has 'X' at position 3"),
        ("sequence\texpression\nACGT\t1\n", "line 1: column 1 is 'expression' but must be a number"),
        ("ACGT\t\n", "line 1: column 1 is '' but must be a number"),
    ):
        made.labels.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_labels(made.labels)


def test_wrong_subsets(made):
    path = made.subsets / "yeast_seqs.csv"
    write_csv(path, ["", "tag", "sequence", "pos", "exp"], [(0, "t", made.sequences[0], 60, "")])
    with pytest.raises(
        ValueError, match=r"yeast_seqs.csv, line 2: column 'pos' is '60' but must be a number from 0 to"
    ):
        made.score()
    write_csv(path, ["", "tag", "sequence", "pos", "exp"], [(0, "t", made.sequences[0], 0.5, "")])
    with pytest.raises(ValueError, match=r"line 2: pos is 0.5 but must be a whole number"):
        made.score()
    write_csv(path, ["", "tag", "sequence", "pos", "exp"], [])
    with pytest.raises(ValueError, match=r"yeast_seqs.csv: has no rows"):
        made.score()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": "private"}, "rows='private' needs leaderboard"),
        ({"rows": "public", "subsets": None}, "rows='public' needs leaderboard"),
        ({"rows": "all", "leaderboard": "x"}, "leaderboard has no use with rows='all'"),
        ({"rows": "public", "leaderboard": "x"}, "subsets has no use with rows='public'"),
        ({"subsets": None}, "rows='all' needs subsets"),
        ({"rows": "some"}, "rows must be one of all, public, private"),
    ],
)
def test_arguments_that_do_not_go_together(made, options, message):
    with pytest.raises(ValueError, match=message):
        made.score(**options)


def test_command(made):
    output = made.folder / "score.json"
    arguments = ["score-challenge", made.predictions, "--labels", made.labels, "--subsets", made.subsets]
    done = CliRunner().invoke(main, [*map(str, arguments), "-o", str(output)])
    assert done.exit_code == 0, done.output
    result = made.score()
    assert json.loads(output.read_text()) == result
    assert done.output == score_text(result) + "\n"
    r, rho = (result["subsets"]["SNV"][name] for name in ("pearson", "spearman"))
    assert f"| SNV | pairs | 12 | 1.25 | {r:.3f} | {r**2:.3f} | {rho:.3f} |" in done.output
    assert f"- Pearson score: {result['pearson_score']['value']:.3f}" in done.output
    done = CliRunner().invoke(main, [*map(str, arguments), "--rows", "private"])
    assert done.exit_code != 0
    assert "--rows private needs --leaderboard" in done.output
    assert "Traceback" not in done.output
