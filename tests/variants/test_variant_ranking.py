import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from test_variant_figures import effects, write_tsv
from variant_files import COMPLEMENT, random_text, write_fasta

from yeastpromoter.cli.main import main
from yeastpromoter.variants.ranking import COLUMNS, rank, reference_inserts

GENOME = random_text(400, seed=4)
LETTERS = {"I": np.frombuffer(GENOME.encode(), dtype=np.uint8)}


def variants(*records, **columns):
    """Predictions of variants with a chromosome, position, REF, ALT and strand each."""
    chromosome, position, ref, alt, strand = zip(*records, strict=True)
    table = effects(effect=np.arange(len(records), 0, -1.0), chromosome=chromosome, position=position, strand=strand)
    return table.assign(REF=ref, ALT=alt, **columns)


def other(position):
    return "ACGT"[("ACGT".index(GENOME[position - 1]) + 1) % 4]


def invoke(*arguments):
    return CliRunner().invoke(main, ["rank-variants", *map(str, arguments)])


def test_largest_effects_come_first_whichever_way_they_point():
    table = effects(effect=[0.5, -2.0, np.nan, 2.0, -0.25, 0.0], distance=[-1, -2, np.nan, -4, -5, -6])
    ranked = rank(table)
    assert list(ranked) == list(COLUMNS)
    assert ranked["position"].tolist() == [2, 4, 1, 5, 6, 3]  # of equal size: in the order of the predictions
    assert ranked["rank"].tolist()[:5] == [1, 2, 3, 4, 5]
    assert ranked["rank"].isna().tolist() == [False] * 5 + [True]
    for column, predicted in COLUMNS.items():
        if column != "rank":
            found = ranked.sort_values("position")[column]
            assert found.dropna().tolist() == table[predicted].dropna().tolist(), column


def test_inserts_have_the_variant_in_the_middle_and_read_toward_the_gene():
    table = variants(
        ("I", 151, GENOME[150], other(151), "+"),
        ("chrI", 151, GENOME[150].lower(), other(151), "-"),
        # Of three changed bases the last one, as it reads toward the gene, is in the middle.
        ("I", 201, GENOME[200:203], "".join(map(other, (201, 202, 203))), "+"),
        ("I", 40, GENOME[39], other(40), "+"),
        ("I", 41, GENOME[40], other(41), "+"),
        ("I", 361, GENOME[360], other(361), "+"),
        ("I", 362, GENOME[361], other(362), "+"),
        gene_name=["A", "B", ".", "D", "E", "F", "G"],
    )
    found = reference_inserts(rank(table), LETTERS, 80)
    turned = GENOME[111:191].translate(COMPLEMENT)[::-1]
    assert turned[40] == GENOME[150].translate(COMPLEMENT)
    assert found == [
        ("top1_I:151_A", GENOME[110:190]),
        ("top2_chrI:151_B", turned),
        ("top3_I:201_+", GENOME[162:242]),
        None,
        ("top5_I:41_E", GENOME[:80]),
        ("top6_I:361_F", GENOME[320:]),
        None,
    ]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (("II", 151, "A", "C", "+"), "the FASTA, with chromosomes I, …, does not have II:151"),
        (("I", 151, other(151), GENOME[150], "+"), f"REF of I:151 is {other(151)} but the FASTA has {GENOME[150]}"),
        (("I", 900, "A", "C", "+"), "REF of I:900 is A but the FASTA has nothing there"),
    ],
)
def test_another_genome_is_noticed(tmp_path, record, message):
    with pytest.raises(ValueError, match=message.replace("…", ".")):
        reference_inserts(rank(variants(record)), LETTERS, 80)
    predictions = write_tsv(tmp_path / "e.tsv", variants(record))
    fasta = write_fasta(tmp_path / "g.fa", I=GENOME)
    done = invoke(predictions, "-o", tmp_path / "r.tsv", "--inserts", tmp_path / "top.fa", "--genome", fasta)
    assert done.exit_code == 1
    assert message in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.tsv", "g.fa"]


def test_command(tmp_path):
    long = GENOME[200:230]
    table = variants(
        ("I", 10, GENOME[9], other(10), "+"),
        ("I", 201, long, long[0], "+"),
        ("I", 151, GENOME[150], other(151), "+"),
        ("I", 152, GENOME[151], other(152), "+"),
    )
    table.loc[3, "effect"] = np.nan
    predictions = write_tsv(tmp_path / "e.tsv", table)
    fasta = write_fasta(tmp_path / "g.fa", I=GENOME)
    top = tmp_path / "top.fa"
    done = invoke(predictions, "-o", tmp_path / "r.tsv", "--top", 4, "--inserts", top, "--genome", fasta)
    assert done.exit_code == 0, done.output
    assert f" {long[:9]}… " in done.output
    assert "+4.00" in done.output
    assert "The first 4 of 4 rows" in done.output
    assert "Effect is alt − ref" in done.output
    assert "1 of 4 rows have no defined effect: they come last, unranked." in done.output
    assert "1 of the top 3 have no insert" in done.output
    ranked = pd.read_csv(tmp_path / "r.tsv", sep="\t", keep_default_na=False)
    assert ranked["rank"].tolist() == ["1", "2", "3", "NaN"]
    assert ranked["effect_alt_minus_ref"].tolist() == ["4", "3", "2", "NaN"]
    assert ranked["REF"].tolist() == table["REF"].tolist()
    assert [line[:5] for line in top.read_text().splitlines()[::2]] == [">top2", ">top3"]


def test_a_table_without_variants(tmp_path):
    predictions, fasta = write_tsv(tmp_path / "e.tsv", effects(effect=[])), write_fasta(tmp_path / "g.fa", I=GENOME)
    top = tmp_path / "top.fa"
    done = invoke(predictions, "-o", tmp_path / "r.tsv", "--inserts", top, "--fasta-file", fasta)
    assert done.exit_code == 0, done.output
    assert "There are no variants." in done.output
    assert (tmp_path / "r.tsv").read_text() == "\t".join(COLUMNS) + "\n"
    assert top.read_text() == ""


def test_joined_and_cut_tables_are_refused(tmp_path):
    predictions = write_tsv(tmp_path / "e.tsv", effects(effect=[1.0, 2.0]))
    whole = predictions.read_text()
    for text, message in ((whole + whole, "line 4 is the header again"), (whole[:-2], "ends within a line, line 3")):
        predictions.write_text(text)
        done = invoke(predictions, "-o", tmp_path / "r.tsv")
        assert done.exit_code == 1
        assert message in done.output
        assert not (tmp_path / "r.tsv").exists()


def test_command_line_mistakes(tmp_path):
    predictions = write_tsv(tmp_path / "e.tsv", effects(effect=[1.0]))
    done = invoke(predictions, "-o", tmp_path / "r.tsv", "--inserts", tmp_path / "top.fa")
    assert done.exit_code == 2
    assert "--inserts and --genome need each other" in done.output
    assert "there is no such file" in invoke(tmp_path / "nowhere.tsv", "-o", tmp_path / "r.tsv").output
    assert "does not exist" in invoke(predictions, "-o", tmp_path / "nowhere" / "r.tsv").output
    assert "Effect is alt − ref" in " ".join(invoke("--help").output.split())
