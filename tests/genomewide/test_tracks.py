import gzip
import io

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from yeastpromoter.cli.main import main
from yeastpromoter.genomewide.tiling import insert_starts, write_inserts
from yeastpromoter.genomewide.tracks import Inserts, covered, read_inserts, read_track, write_tracks
from yeastpromoter.io.annotation import Gene, read_genes
from yeastpromoter.io.genome import read_genome
from yeastpromoter.plots.tracks import gene_rows

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def letters_of(text):
    return np.frombuffer(text.encode(), dtype=np.uint8)


def random_text(length, seed):
    return "".join(np.array(list("ACGT"))[np.random.default_rng(seed).integers(0, 4, length)])


@given(
    length=st.integers(0, 500),
    unknown=st.lists(st.integers(0, 499), max_size=3),
    step=st.integers(1, 100),
    seed=st.integers(0, 9),
)
def test_inserts_by_brute_force(length, unknown, step, seed):
    text = "".join("N" if at in unknown else base for at, base in enumerate(random_text(length, seed)))
    file = io.StringIO()
    counts = list(write_inserts({"X": letters_of(text)}, step, file))
    header, *lines = file.getvalue().splitlines()
    windows = [(start, text[start : start + 80]) for start in range(0, len(text) - 79, step)]
    known = [(start, window) for start, window in windows if "N" not in window]
    assert header == "id\tinsert"
    assert lines == [f"X:{start}-{start + 80}:+\t{window}" for start, window in known] + [
        f"X:{start}-{start + 80}:-\t{window[::-1].translate(COMPLEMENT)}" for start, window in known
    ]
    assert [(c.length, c.inserts, c.unknown) for c in counts] == [
        (len(text), 2 * len(known), 2 * (len(windows) - len(known)))
    ]


def test_a_step_that_is_none():
    with pytest.raises(ValueError, match="at least 1 bp but is 0"):
        insert_starts(letters_of("A" * 100), 0)


def test_covered_bases_by_hand():
    # The insert 100 to 180 has its centre between 139 and 140.
    for step, first, stop in (
        (1, 140, 141),
        (2, 139, 141),
        (20, 130, 150),
        (21, 130, 151),
        (80, 100, 180),
        (200, 100, 180),
    ):
        assert [part.tolist() for part in covered(np.array([100]), step)] == [[first], [stop]]


@given(step=st.integers(1, 80))
def test_neighbours_meet_and_stay_within_their_inserts(step):
    starts = np.arange(0, 1000, step)
    first, stop = covered(starts, step)
    assert (first[1:] == stop[:-1]).all()
    assert (first >= starts).all()
    assert (stop <= starts + 80).all()


@pytest.fixture
def tiled(tmp_path):
    """A genome with predictions of its inserts that are made up, by the commands."""
    genome = {"XI": random_text(400, 1), "II": random_text(130, 2) + "NN" + random_text(200, 3), "M": "ACGT" * 5}
    fasta = tmp_path / "genome.fa.gz"
    fasta.write_bytes(gzip.compress("".join(f">{name}\n{text}\n" for name, text in genome.items()).encode()))
    result = CliRunner().invoke(
        main, ["tile-genome", str(fasta), "--step", "20", "-o", str(tmp_path / "inserts.tsv.gz")]
    )
    assert result.exit_code == 0, result.output
    # By hand: II has 332 bp, so starts 0 to 240: 13 of them; those from 60 to 120 hold one of the Ns at 130 and 131.
    assert "II: 332 bp, 18 inserts, 8 left out for letters other than A, C, G and T" in result.output
    assert "M: 20 bp, 0 inserts\n" in result.output
    table = pd.read_csv(tmp_path / "inserts.tsv.gz", sep="\t")
    table["metadata/id"] = table["id"]
    table["preds/expression"] = np.random.default_rng(4).normal(8, 3, len(table)).astype(np.float32)
    table.drop(columns=["id", "insert"]).to_csv(tmp_path / "predictions.tsv", sep="\t", index=False)
    return tmp_path, fasta, table.set_index("id")["preds/expression"]


def test_tracks_hold_each_prediction_at_its_centre(tiled):
    folder, fasta, expression = tiled
    command = [
        "tracks",
        str(folder / "predictions.tsv"),
        "--genome",
        str(fasta),
        "--step",
        "20",
        "-o",
        str(folder / "t"),
    ]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    for strand, word in (("+", "plus"), ("-", "minus")):
        for chromosome, length in (("XI", 400), ("II", 332)):
            track = read_track(folder / f"t.{word}.bw", f"chr{chromosome}", 0, length)
            wanted = np.full(length, np.nan)
            for name, value in expression.items():
                found, interval, of_strand = name.split(":")
                if (found, of_strand) == (chromosome, strand):
                    start = int(interval.split("-")[0])
                    wanted[start + 30 : start + 50] = np.float32(value)
            assert np.array_equal(track, wanted, equal_nan=True)
    with pytest.raises(ValueError, match="has no chromosome M"):
        read_track(folder / "t.plus.bw", "M", 0, 5)
    with pytest.raises(ValueError, match="332 bp, which do not hold 300 to 400"):
        read_track(folder / "t.plus.bw", "II", 300, 400)
    with pytest.raises(ValueError, match="is no bigWig file"):
        read_track(fasta, "II", 0, 3)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda table: table.replace("XI:0-80:+", "XI:0-81:+"), "has the id 'XI:0-81:[+]'"),
        (lambda table: table.replace("XI:0-80:+", "gene"), "has the id 'gene'"),
        (lambda table: table.replace("XI:0-80:+", "XI:20-100:+"), "XI that starts at 20 on [+] occurs twice"),
        (
            lambda table: table.replace("XI:0-80:+", "XI:400-480:+"),
            "ends at 480, but chromosome XI of the genome at 400",
        ),
        (lambda table: table.replace("XI:0-80:+", "XI:1-81:+"), "start at 1 and 20"),
        (lambda table: table.replace("XI:0-80:+", "XV:0-80:+"), "no chromosome XV"),
        (lambda table: table.rename(columns={"metadata/id": "id"}), "has no column metadata/id, but a table"),
        (
            lambda table: table.assign(**{"preds/expression": np.nan}),
            "line 2 has '' in column preds/expression, but must have a finite",
        ),
        (lambda table: table.iloc[:0], "has no rows"),
    ],
)
def test_predictions_that_are_no_track(tiled, change, match):
    folder, fasta, _ = tiled
    change(pd.read_csv(folder / "predictions.tsv", sep="\t")).to_csv(folder / "changed.tsv", sep="\t", index=False)
    lengths = {name: letters.size for name, letters in read_genome(fasta).items()}
    with pytest.raises(ValueError, match=match):
        write_tracks(read_inserts(folder / "changed.tsv"), lengths, 20, folder / "t")
    assert not list(folder.glob("*.bw"))


def inserts_at(*starts):
    return Inserts(np.array(starts), np.ones(len(starts)))


def test_a_step_smaller_than_that_of_the_inserts_is_refused(tmp_path):
    inserts = {("II", "+"): inserts_at(0, 40, 120), ("II", "-"): inserts_at(80), ("M", "+"): inserts_at(0, 80)}
    with pytest.raises(ValueError, match=r"step is 20 bp, but no two inserts are less than 40 bp apart.*probably 40"):
        write_tracks(inserts, {"II": 200, "M": 200}, 20, tmp_path / "t")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("step", "starts", "covered_bases"),
    [
        (40, {"II": (0, 40, 120), "M": (0, 80)}, {"II": 120, "M": 80}),  # M has its neighbour at 40 left out
        (20, {"II": (60,), "M": (0,)}, {"II": 20, "M": 20}),
        (80, {"II": (0, 160)}, {"II": 160}),  # that at 80 left out: a step of 160 bp would cover no more
    ],
)
def test_inserts_that_are_left_out_are_no_larger_step(step, starts, covered_bases, tmp_path):
    inserts = {(chromosome, "+"): inserts_at(*some) for chromosome, some in starts.items()}
    files = write_tracks(inserts, {"II": 240, "M": 240}, step, tmp_path / "t")
    for chromosome, bases in covered_bases.items():
        assert np.isfinite(read_track(files["+"], chromosome, 0, 240)).sum() == bases


GTF = "\n".join(
    f'XI\tx\t{feature}\t{start}\t{stop}\t.\t{strand}\t0\tgene_id "{gene}"; gene_name "{name}";'
    for feature, start, stop, strand, gene, name in (
        ("CDS", 101, 150, "+", "Y1", "ONE"),
        ("CDS", 201, 250, "+", "Y1", "ONE"),
        ("CDS", 300, 350, "-", "Y2", "TWO"),
        ("gene", 1, 400, "-", "Y3", "THREE"),
    )
)


def test_genes_reach_from_their_first_to_their_last_coding_base(tmp_path):
    path = tmp_path / "genes.gtf"
    path.write_text(GTF)
    assert read_genes(path, {"chrXI": 400}) == [
        Gene("chrXI", 100, 250, "+", "Y1", "ONE"),
        Gene("chrXI", 299, 350, "-", "Y2", "TWO"),
    ]
    path.write_text("XI\t1\t5\tx\t0\t+\n")
    with pytest.raises(ValueError, match="is BED"):
        read_genes(path, {"XI": 400})


def test_genes_that_overlap_get_rows_of_their_own():
    def gene(start, stop, name="N"):
        return Gene("I", start, stop, "+", name, name)

    assert gene_rows([gene(0, 400), gene(500, 900)], 0, 1000) == [0, 0]
    assert gene_rows([gene(0, 400), gene(300, 900), gene(450, 990)], 0, 1000) == [0, 1, 0]
    assert gene_rows([gene(100, 101, "A" * 30), gene(200, 210, "B" * 30)], 0, 1000) == [0, 1], "their names overlap"


def test_figure_of_a_locus(tiled):
    folder, fasta, _ = tiled
    (folder / "genes.gtf").write_text(GTF)
    CliRunner().invoke(
        main, ["tracks", str(folder / "predictions.tsv"), "--genome", str(fasta), "-o", str(folder / "t")]
    )
    command = ["tracks-figure", str(folder / "t"), "--annotation", str(folder / "genes.gtf")]

    def draw(*arguments):
        return CliRunner().invoke(main, [*command, *arguments, "-o", str(folder / "locus.png")])

    result = draw("--gene", "one", "--around", "50")
    assert result.exit_code == 0, result.output
    assert "XI:51-300 with 2 genes" in result.output
    assert (folder / "locus.png").read_bytes().startswith(b"\x89PNG")
    assert "XI:1-400 with 2 genes" in draw("--region", "chrXI:1-400").output
    for suffix, start in (("svg", b"<?xml"), ("pdf", b"%PDF")):
        output = folder / f"locus.{suffix}"
        assert CliRunner().invoke(main, [*command, "--gene", "one", "-o", str(output)]).exit_code == 0
        assert output.read_bytes().startswith(start)
    for arguments, message in (
        (("--region", "XI:0-400"), "must lie within the 400 bp"),
        (("--region", "XV:1-400"), "names chromosome XV, but the tracks have"),
        (("--region", "XI"), "must be such as II:277000-281000"),
        (("--gene", "THREE"), "has no protein-coding gene THREE"),
        ((), "give the locus"),
        (("--region", "XI:1-400", "--around", "1000"), "--around goes with --gene, not with --region"),
    ):
        result = draw(*arguments)
        assert result.exit_code, arguments
        assert message in result.output
