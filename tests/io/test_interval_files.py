import gzip
import pickle
import random

import kipoi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeastpromoter.io.interval_files import IntervalFile
from yeastpromoter.sequence.reporter import PTPA

CHROMOSOMES = {name: "".join(random.Random(name).choices("ACGT", k=300)) for name in ("I", "II", "IX", "Mito")}
# chromosome, start (0-based), end (exclusive), name, score, strand
INTERVALS = [
    ("I", 10, 90, "forward", 0, "+"),
    ("I", 10, 90, "reverse", 0, "-"),
    ("IX", 220, 300, "last_base", 0, "-"),
    ("Mito", 0, 80, "first_base", 0, "+"),
    ("II", 77, 157, "without_strand", 0, "."),
]


def reverse_complement(sequence):
    return sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))


def insert_of(chromosome, start, stop, strand):
    insert = CHROMOSOMES[chromosome][start:stop]
    return reverse_complement(insert) if strand == "-" else insert


def decoded(batch):
    return [row.tobytes().decode() for row in batch.constructs]


def everything(file):
    return file.read(np.arange(len(file)))


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    lines = [f">{name} made up\n{text[:77].lower()}\n{text[77:]}\n" for name, text in CHROMOSOMES.items()]
    path.write_text("".join(lines))
    return path


@pytest.fixture
def bed(tmp_path):
    def write(*rows, text=None):
        path = tmp_path / "intervals.bed"
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows) if text is None else text)
        return path

    return write


def test_inserts_on_both_strands(genome, bed):
    file = IntervalFile(bed(*INTERVALS), genome)
    batch = file.read([4, 0, 1, 2, 3])
    chosen = [INTERVALS[i] for i in (4, 0, 1, 2, 3)]
    assert decoded(batch) == [PTPA.add_adapters(insert_of(*row[:3], row[5])) for row in chosen]
    assert batch.ids.tolist() == [row[3] for row in chosen]
    assert batch.records.tolist() == [4, 0, 1, 2, 3]
    assert batch.lengths.tolist() == [80] * 5
    assert batch.targets is None
    assert file.notes == (
        f"{file.path}: 1 of 5 intervals have no strand (column 6) and are read on the forward strand",
    )
    assert decoded(pickle.loads(pickle.dumps(file)).read([2])) == decoded(file.read([2]))


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(CHROMOSOMES)), st.integers(0, 195), st.integers(55, 105), st.sampled_from("+-")),
        min_size=1,
        max_size=20,
    )
)
def test_fitted_intervals_against_plain_slicing(tmp_path_factory, genome, drawn):
    path = tmp_path_factory.mktemp("bed") / "some.bed"
    path.write_text("".join(f"chr{c}\t{s}\t{s + n}\t.\t0\t{strand}\n" for c, s, n, strand in drawn))
    file = IntervalFile(path, genome, other_lengths="fit")
    batch = everything(file)
    assert decoded(batch) == [PTPA.fit_insert(insert_of(c, s, s + n, strand)) for c, s, n, strand in drawn]
    assert batch.ids.tolist() == [f"chr{c}:{s}-{s + n}:{strand}" for c, s, n, strand in drawn]
    assert file.n_fitted == sum(n != 80 for _, _, n, _ in drawn)
    assert any("chromosome names are matched to those of the FASTA" in note for note in file.notes)


def test_other_lengths_are_an_error_or_dropped(genome, bed):
    path = bed(INTERVALS[0], ("I", 10, 89, "short", 0, "+"), INTERVALS[1])
    with pytest.raises(ValueError, match=r"1 of 3 sequences are not 80 bp long.*interval 1 'short' has 79 bp"):
        IntervalFile(path, genome)
    file = IntervalFile(path, genome, other_lengths="drop")
    assert (len(file), file.n_dropped, everything(file).records.tolist()) == (2, 1, [0, 2])


def test_intervals_of_110_bp_are_not_constructs(genome, bed):
    path = bed(("I", 10, 120, "a", 0, "+"))
    with pytest.raises(ValueError, match="1 of 1 sequences are not 80 bp long"):
        IntervalFile(path, genome)
    with pytest.raises(ValueError, match="a sequence without adapters"):
        IntervalFile(path, genome, sequence_type="construct")
    taken = IntervalFile(path, genome, sequence_type="construct", check_adapters=False)
    assert decoded(everything(taken)) == [CHROMOSOMES["I"][10:120]]


def test_constructs_in_a_plasmid(tmp_path, bed):
    insert = CHROMOSOMES["I"][:80]
    (tmp_path / "plasmid.fa").write_text(
        f">p\nCCCC{reverse_complement(PTPA.left_adapter + insert + PTPA.right_adapter)}GG\n"
    )
    file = IntervalFile(bed(("p", 4, 114, "a", 0, "-")), tmp_path / "plasmid.fa", sequence_type="construct")
    assert decoded(everything(file)) == [PTPA.add_adapters(insert)]


def test_comments_track_lines_and_gzip(tmp_path, genome):
    path = tmp_path / "some.bed.gz"
    path.write_bytes(
        gzip.compress(
            b"#c\r\ntrack name=x\r\nbrowser position I\r\nI\t10\t90\r\n\r\ntrack name=y\r\nII\t77\t157\tb\r\n"
        )
    )
    file = IntervalFile(path, genome)
    assert everything(file).ids.tolist() == ["I:10-90:+", "b"]
    assert decoded(everything(file)) == [
        PTPA.add_adapters(insert_of("I", 10, 90, "+")),
        PTPA.add_adapters(insert_of("II", 77, 157, "+")),
    ]


def test_names_that_occur_twice_are_noted(genome, bed):
    file = IntervalFile(bed(*[("I", i, i + 80, "ab"[i % 2], 0, "+") for i in range(3)]), genome)
    assert file.notes == (
        f"{file.path}: 2 of 3 intervals share their name with another one: 'a'. The record number distinguishes them",
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("I\t10", "has 2 columns but BED has at least three"),
        ("I 10 90", "has 1 column but BED has at least three, separated by tabs"),
        ("I\t1e1\t90", r"has '1e1' as start but must have a whole number\. Did a spreadsheet write it"),
        ("I\t-1\t79", "has '-1' as start but must have a whole number$"),
        ("I\t10\t", "has '' as end but"),
        ("I\t10\t" + "9" * 5000, "has '9{40}' as end but must have a whole number$"),
        ("I\t10\t90\ta", r"has 4 columns, but those before it have 3: is the line cut off\?"),
        ("I\t10\t90\t" + "a" * 1001, "has an id of 1,001 characters"),
        ("I\t10\t90\ta\u2028b", r"has the control character '\\u2028' in its id"),
        ("I\t90\t10", "ends at 10, but must end after its start, 90"),
        ("I\t10\t10", "ends at 10, but must end after its start, 10"),
        ("I\t10\t90\ta\t0\tplus", r"has the strand 'plus' in column 6 but must have \+, - or \."),
        ("V\t10\t90", "the FASTA has no chromosome 'V'; it has I, II, IX, Mito"),
        ("I\t221\t301", "the interval ends at 301, but chromosome I has 300 bp: is the FASTA the assembly"),
    ],
)
def test_a_wrong_line_is_named(genome, bed, line, message):
    path = bed(text=f"# made up\nI\t10\t90\n{line}\n")
    with pytest.raises(ValueError, match=f"^{path}, line 3: {message}"):
        IntervalFile(path, genome)


def test_other_mistakes(tmp_path, genome, bed):
    with pytest.raises(ValueError, match="has no intervals"):
        IntervalFile(bed(text="# nothing\n"), genome)
    with pytest.raises(FileNotFoundError):
        IntervalFile(tmp_path / "none.bed", genome)
    (tmp_path / "r.fa").write_text(">I\n" + "ACGT" * 10 + "R" + "ACGT" * 30 + "\n")
    with pytest.raises(ValueError, match="interval 1 'b' holds 'R' in the FASTA"):
        IntervalFile(bed(("I", 50, 130, "a"), ("I", 0, 80, "b")), tmp_path / "r.fa")
    (tmp_path / "n.fa").write_text(">I\n" + "N" * 90 + "\n")
    with pytest.raises(ValueError, match="hold nothing but N"):
        IntervalFile(bed(("I", 5, 85, "a")), tmp_path / "n.fa")
    with pytest.raises(IndexError, match="less than 1"):
        IntervalFile(bed(("I", 10, 90)), genome).read([1])


def test_the_dataloader_takes_two_arguments(genome, bed):
    factory = kipoi.get_dataloader_factory(".", "dir")
    with pytest.warns(UserWarning, match="no strand"):
        loader = factory(sequence_file=str(bed(*INTERVALS)), fasta_file=str(genome))
    batch = loader.load_all(batch_size=2)
    assert batch["inputs"].shape == (5, 110, 4)
    assert batch["metadata"]["id"].tolist() == [row[3] for row in INTERVALS]
    with pytest.raises(ValueError, match="id_column must be left out with fasta_file"):
        factory(sequence_file=str(bed(*INTERVALS)), fasta_file=str(genome), id_column=3)
