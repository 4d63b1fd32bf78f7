import gzip
import stat

import numpy as np
import pysam
import pytest

from yeastpromoter.io.genome import NUCLEAR, ChromosomeNames, read_genome, standard_name, unknown_bases_before

FASTA = ">I a chromosome > of two lines\nACGT\nacgn\n\n>chrM\r\nTT\r\n\r\ntt\r\n"


def texts(genome):
    return {name: letters.tobytes().decode() for name, letters in genome.items()}


def test_genome_plain_gzip_and_bgzip_in_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "g.fa").write_text(FASTA)
    (tmp_path / "g.fa.gz").write_bytes(gzip.compress(FASTA.encode()))
    pysam.tabix_compress(str(tmp_path / "g.fa"), str(tmp_path / "b.fa.gz"))
    before = sorted(path.name for path in tmp_path.iterdir())
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        for name in before:
            assert texts(read_genome(tmp_path / name)) == {"I": "ACGTACGN", "chrM": "TTTT"}
    finally:
        tmp_path.chmod(stat.S_IRWXU)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("ACGT\n", "is not FASTA"),
        ("ACGT\n>I\nACGT\n", "is not FASTA"),
        (">I\nA\n>I\nC\n", r"name of sequence 2 \('I'\) occurs twice"),
        (">I\nA\n> \nC\n", r"line 3: the name of sequence 2 \(''\) is missing"),
        (">I\nA\n>II\n>III\nC\n", "line 3: the sequence 'II' is empty: is the file whole"),
        (">I\nA\n>II\n\n", "line 3: the sequence 'II' is empty"),
        (">I\rACGT\rACGT\r", r"line 1 holds a carriage return"),
        (">I\nA\n;gi 12*\nA\n", "line 3 has ';' in the sequence 'I', .*; a comment line is not part of FASTA"),
        (">I\n1 acgt\n", "line 2 has '1' in the sequence 'I', .*; are the lines numbered, as in a GenBank file"),
        (">I\nAC\n>p\nMKV\nLE*\n", "line 5 has 'L' in the sequence 'p', .*; is it a protein, or a line of text"),
        (">I\nAC-GT\n", "line 2 has '-' in .*; is it an alignment"),
        (">I\nAC GT\n", "line 2 has ' ' in .*; take the spaces out"),
        (">I\nACU\n", "line 2 has 'U' in .*; is it RNA"),
        (">I\nACGT>II\nAC\n", "line 2 has '>' in .*; a header needs a line of its own"),
        (">I\nAC\x00GT\n", "line 2 holds the control byte 0x00"),
        (">I\nAC\xe9GT\n", "line 2 is not UTF-8"),
        (">I\xe9\nAC\n", "line 1 is not UTF-8"),
    ],
)
def test_what_is_no_genome(tmp_path, text, match):
    (tmp_path / "g.fa").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=match) as error:
        read_genome(tmp_path / "g.fa")
    assert str(tmp_path / "g.fa") in str(error.value)


def test_codes_of_iupac_are_unknown_bases(tmp_path):
    (tmp_path / "g.fa").write_text(">I\nACGTNryswkm\nBDHVacgtn\n")
    letters = read_genome(tmp_path / "g.fa")["I"]
    assert letters.tobytes() == b"ACGTNRYSWKMBDHVACGTN"
    assert unknown_bases_before(letters)[[4, 15, 19, 20]].tolist() == [0, 11, 11, 12]


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("chrIV", "IV"),
        ("IV", "IV"),
        ("CHRiv", "IV"),
        ("chrM", "Mito"),
        ("MT", "Mito"),
        ("chrmt", "Mito"),
        ("Mito", "Mito"),
        ("chrXVI", "XVI"),
        ("XVII", None),
        ("2-micron", None),
        ("chr", None),
        ("4", None),
    ],
)
def test_standard_names(name, standard):
    assert standard_name(name) == standard


@pytest.mark.parametrize("prefix", ["", "chr"])
def test_names_are_matched_both_ways_and_said(prefix):
    other = "chr" if not prefix else ""
    names = ChromosomeNames([prefix + name for name in (*NUCLEAR, "Mito")] + ["plasmid"])
    assert names.find("plasmid") == "plasmid"
    assert names.find(f"{prefix}IX") == f"{prefix}IX"
    assert names.note("x.vcf") is None
    assert [names.find(other + name) for name in NUCLEAR] == [prefix + name for name in NUCLEAR]
    assert names.find("MT") == f"{prefix}Mito"
    assert (names.find("XVII"), names.find("XVII")) == (None, None)
    assert names.unknown == {"XVII": 2}
    assert f"x.vcf: chromosome names are matched to those of the FASTA: {other}I = {prefix}I, " in names.note("x.vcf")


def test_a_name_that_could_be_two_chromosomes():
    names = ChromosomeNames(["I", "chrI"])
    assert (names.find("I"), names.find("chrI")) == ("I", "chrI")
    with pytest.raises(ValueError, match="'CHRI' could be any of I, chrI"):
        names.find("CHRI")


def test_unknown_bases_are_counted():
    letters = np.frombuffer(b"ANCRGTN", dtype=np.uint8)
    assert unknown_bases_before(letters).tolist() == [0, 0, 1, 1, 2, 2, 2, 3]
