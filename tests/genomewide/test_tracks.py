import gzip

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from closeness import assert_expression_close
from hypothesis import given
from hypothesis import strategies as st

import yeastpromoter.cli.tracks as tracks_command
from yeastpromoter.cli.main import main
from yeastpromoter.genomewide.tracks import (
    Inserts,
    covered,
    insert_starts,
    predict_inserts,
    read_track,
    track_lengths,
    write_tracks,
)
from yeastpromoter.io.annotation import Gene, read_genes
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.plots.tracks import gene_rows
from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.reporter import PTPA

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def letters_of(text):
    return np.frombuffer(text.encode(), dtype=np.uint8)


def random_text(length, seed):
    return "".join(np.array(list("ACGT"))[np.random.default_rng(seed).integers(0, 4, length)])


#: Weight of each position of an insert, so that no two inserts, nor strands, are alike.
WEIGHTS = np.random.default_rng(4).normal(size=80)


class Weighted:
    """In place of the trained network: an expression that can be computed from the text of an insert."""

    weights_version = "weighted"
    reporter = PTPA

    def tile_scores(self, sequence, starts):
        return sequence[starts[:, np.newaxis] + np.arange(80)]

    def decode(self, letters):
        return letters.astype(float) @ WEIGHTS


def expression_of(insert):
    return float(np.frombuffer(insert.encode(), np.uint8).astype(float) @ WEIGHTS)


@given(
    length=st.integers(0, 500),
    unknown=st.lists(st.integers(0, 499), max_size=3),
    step=st.integers(1, 100),
    seed=st.integers(0, 9),
)
def test_inserts_by_brute_force(length, unknown, step, seed):
    text = "".join("R" if at in unknown else base for at, base in enumerate(random_text(length, seed)))
    advanced = []
    found, left_out = predict_inserts(Weighted(), letters_of(text), step, advanced.append)
    windows = [(start, text[start : start + 80]) for start in range(0, len(text) - 79, step)]
    known = [(start, window) for start, window in windows if "R" not in window]
    assert left_out == 2 * (len(windows) - len(known))
    assert sum(advanced) == 2 * len(known)
    assert list(found) == (["+", "-"] if known else [])
    for strand, inserts in found.items():
        assert inserts.starts.tolist() == [start for start, _ in known]
        texts = [window if strand == "+" else window[::-1].translate(COMPLEMENT) for _, window in known]
        np.testing.assert_allclose(inserts.expression, list(map(expression_of, texts)), rtol=1e-12)


def test_an_undefined_expression_is_an_error():
    class Undefined(Weighted):
        def decode(self, letters):
            return np.full(len(letters), np.nan)

    with pytest.raises(ValueError, match=r"insert that starts at 0 \(from 0\) on [+] is undefined"):
        predict_inserts(Undefined(), letters_of("ACGT" * 30), 20)


def test_a_step_that_is_none():
    with pytest.raises(ValueError, match="at least 1 bp but is 0"):
        insert_starts(letters_of("A" * 100), 0, 80)


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
        assert [part.tolist() for part in covered(np.array([100]), step, 80)] == [[first], [stop]]


@given(step=st.integers(1, 80))
def test_neighbours_meet_and_stay_within_their_inserts(step):
    starts = np.arange(0, 1000, step)
    first, stop = covered(starts, step, 80)
    assert (first[1:] == stop[:-1]).all()
    assert (first >= starts).all()
    assert (stop <= starts + 80).all()


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A genome, and its tracks and its table by the command."""
    genome = {"XI": random_text(400, 1), "II": random_text(130, 2) + "NN" + random_text(200, 3), "M": "ACGT" * 5}
    fasta = tmp_path / "genome.fa.gz"
    fasta.write_bytes(gzip.compress("".join(f">{name}\n{text}\n" for name, text in genome.items()).encode()))
    monkeypatch.setattr(tracks_command, "load_trained_network", lambda *_, **__: Weighted())
    arguments = [str(fasta), "--step", "20", "-o", str(tmp_path / "t"), "--table", str(tmp_path / "t.tsv")]
    result = CliRunner().invoke(main, ["tracks", *arguments])
    assert result.exit_code == 0, result.output
    # By hand: II has 332 bp, so starts 0 to 240: 13 of them; those from 60 to 120 hold one of the Ns at 130 and 131.
    assert "II: 8 inserts left out for letters other than A, C, G and T" in result.output
    assert "26 inserts on the + strand" in result.output  # 9 of II, and 17 of XI, 0 to 320
    return tmp_path, genome


def test_tracks_hold_each_prediction_at_its_centre(drawn):
    folder, genome = drawn
    table = pd.read_csv(folder / "t.tsv", sep="\t")
    assert list(table.columns) == ["chromosome", "start", "stop", "strand", "expression"]
    assert len(table) == 52
    for strand, word in (("+", "plus"), ("-", "minus")):
        for chromosome, length in (("XI", 400), ("II", 332)):
            track = read_track(folder / f"t.{word}.bw", f"chr{chromosome}", 0, length)
            wanted = np.full(length, np.nan)
            rows = table[(table["chromosome"] == chromosome) & (table["strand"] == strand)]
            for row in rows.itertuples():
                insert = genome[chromosome][row.start : row.stop]
                value = expression_of(insert if strand == "+" else insert[::-1].translate(COMPLEMENT))
                assert row.expression == pytest.approx(value, abs=1e-6)
                wanted[row.start + 30 : row.start + 50] = value
            np.testing.assert_allclose(track, wanted, rtol=1e-6)
    with pytest.raises(ValueError, match="has no chromosome M"):
        read_track(folder / "t.plus.bw", "M", 0, 5)
    with pytest.raises(ValueError, match="332 bp, which do not hold 300 to 400"):
        read_track(folder / "t.plus.bw", "II", 300, 400)
    with pytest.raises(ValueError, match="is not a bigWig file"):
        read_track(folder / "genome.fa.gz", "II", 0, 3)


def test_tracks_of_some_chromosomes(drawn, monkeypatch):
    folder, _ = drawn
    arguments = ["tracks", str(folder / "genome.fa.gz"), "-o", str(folder / "some"), "--chromosome"]
    assert CliRunner().invoke(main, [*arguments, "chrII"]).exit_code == 0
    assert track_lengths(folder / "some.plus.bw") == {"II": 332}
    result = CliRunner().invoke(main, [*arguments, "V"])
    assert result.exit_code == 1
    assert "has no chromosome V; it has XI, II, M" in result.output
    result = CliRunner().invoke(main, [*arguments, "M"])
    assert "has no 80 bp of A, C, G and T alone" in result.output
    monkeypatch.setattr(tracks_command, "load_trained_network", None)  # not even loaded
    result = CliRunner().invoke(main, ["tracks", str(folder / "genome.fa.gz"), "-o", str(folder / "new" / "some")])
    assert result.exit_code == 1
    assert f"the folder {folder / 'new'} does not exist" in result.output


def test_tracks_are_those_of_the_network(tmp_path):
    text = random_text(300, 9)
    trained = load_trained_network()
    found, _ = predict_inserts(trained, letters_of(text), 7)
    inserts = [text[start : start + 80] for start in range(0, 221, 7)]
    other_strand = [insert[::-1].translate(COMPLEMENT) for insert in inserts]
    for strand, some in (("+", inserts), ("-", other_strand)):
        wanted = trained.expression(letters([PTPA.add_adapters(insert) for insert in some]))
        assert_expression_close(found[strand].expression, wanted)


def inserts_at(*starts):
    return Inserts(np.array(starts), np.ones(len(starts)))


@pytest.mark.parametrize(
    ("step", "starts", "covered_bases"),
    [
        (40, {"II": (0, 40, 120), "M": (0, 80)}, {"II": 120, "M": 80}),  # M has its neighbour at 40 left out
        (20, {"II": (60,), "M": (0,)}, {"II": 20, "M": 20}),
        (80, {"II": (0, 160)}, {"II": 160}),
    ],
)
def test_bases_without_an_insert_have_no_value(step, starts, covered_bases, tmp_path):
    inserts = {(chromosome, "+"): inserts_at(*some) for chromosome, some in starts.items()}
    files = write_tracks(inserts, {"II": 240, "M": 240}, step, 80, tmp_path / "t")
    assert list(files) == ["+"]
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


def test_figure_of_a_locus(drawn):
    folder, _ = drawn
    (folder / "genes.gtf").write_text(GTF)
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
