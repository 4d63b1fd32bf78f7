import gzip

import numpy as np
import pysam
import pytest

from yeastpromoter.variants.vcf import REASONS, Variant, read_variants, unreadable

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
RECORDS = (
    "I\t5\trs1\tA\tC,GT\t.\t.\tUNDECLARED=1\nchrII\t9\t.\tacg\t.\t.\tPASS\t.\nI\t2\tx\tAT\t<DEL>,*,A[I:7[\t.\t.\t.\n"
)
VARIANTS = [
    Variant(0, "I", 5, "rs1", "A", "C"),
    Variant(0, "I", 5, "rs1", "A", "GT"),
    Variant(1, "chrII", 9, ".", "acg", "."),
    Variant(2, "I", 2, "x", "AT", "<DEL>"),
    Variant(2, "I", 2, "x", "AT", "*"),
    Variant(2, "I", 2, "x", "AT", "A[I:7["),
]


def test_alleles_of_plain_gzip_and_bgzip_files(tmp_path):
    (tmp_path / "v.vcf").write_text(HEADER + RECORDS)
    (tmp_path / "g.vcf.gz").write_bytes(gzip.compress((HEADER + RECORDS).encode()))
    pysam.tabix_compress(str(tmp_path / "v.vcf"), str(tmp_path / "b.vcf.gz"))
    for name in ("v.vcf", "g.vcf.gz", "b.vcf.gz"):
        assert list(read_variants(tmp_path / name)) == VARIANTS
    (tmp_path / "empty.vcf").write_text(HEADER)
    assert list(read_variants(tmp_path / "empty.vcf")) == []


def test_genotypes_do_not_matter(tmp_path):
    text = HEADER.replace("INFO", "INFO\tFORMAT\ts1") + "I\t5\t.\tA\tC\t.\t.\t.\tGT\t0/1\n"
    (tmp_path / "v.vcf").write_text(text)
    assert list(read_variants(tmp_path / "v.vcf")) == [Variant(0, "I", 5, ".", "A", "C")]


def test_variants_are_those_that_htslib_reads(tmp_path):
    rng = np.random.default_rng(5)
    alleles = ["A", "acgt", "GTC", "<DEL>", "*", "<*>", "A[I:7[", "]I:7]N", "N", ".", "A,."]
    names = ["I", "chrII", "2-micron", "<c>"]
    lines = [
        f"{rng.choice(names)}\t{rng.integers(0, 10**9)}\t{rng.choice(['.', 'a;b', 'NA', 'é'])}"
        f"\t{rng.choice(['A', 'nAc', 'R'])}\t{','.join(rng.choice(alleles[:-1], 3)) if row % 2 else alleles[row % 11]}"
        f"\t{rng.choice(['.', '7.5'])}\tPASS\tX={row}\tGT\t0|1\n"
        for row in range(300)
    ]
    (tmp_path / "v.vcf").write_text(HEADER.replace("INFO", "INFO\tFORMAT\ts1") + "".join(lines))
    before = pysam.set_verbosity(0)  # it warns of names that the header does not declare
    with pysam.VariantFile(str(tmp_path / "v.vcf")) as file:
        wanted = [
            Variant(number, record.chrom, record.pos, record.id or ".", record.ref, alt)
            for number, record in enumerate(file)
            for alt in record.alts or (".",)
        ]
    pysam.set_verbosity(before)
    assert list(read_variants(tmp_path / "v.vcf")) == wanted


def test_what_does_no_harm(tmp_path):
    record = "I\t5\t\tA\tC\t.\t.\t.\n"
    for text in (record, record + "\n\n", record.rstrip(), "\ufeff" + record, record.replace("\n", "\r\n")):
        start = text.startswith("\ufeff")
        (tmp_path / "v.vcf").write_text("\ufeff" * start + HEADER + text.removeprefix("\ufeff"), newline="")
        assert list(read_variants(tmp_path / "v.vcf")) == [Variant(0, "I", 5, ".", "A", "C")]


RECORD = "I\t5\t.\tA\tC\t.\t.\t.\n"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "the file is empty"),
        (RECORD, "line 1 must begin with ##fileformat=VCF but is 'I.t5.*is it a VCF file"),
        ("##fileformat=VCFv4.2\n", "has no line that begins with #CHROM"),
        ("##fileformat=VCFv4.2\n" + RECORD, "line 2 must name the columns, #CHROM, POS, .* but is 'I"),
        (HEADER.replace("INFO", "INFO "), "line 2 must name the columns, .* but has 'INFO ' in place of 'INFO'"),
        (HEADER.replace("\tINFO", ""), "line 2 must name the columns"),
        (HEADER.replace("\t", " "), "line 2 must name the columns, .* separated by tabs, but has '#CHROM POS"),
        (HEADER + RECORD + "I\t6\t.\tA\n", "line 4 has 4 columns, but the header names 8: is the line cut off"),
        (HEADER + RECORD.replace("\t", " "), "line 3 has 1 columns, which must be separated by tabs"),
        (HEADER.replace("INFO", "INFO\tFORMAT\ts1") + RECORD, "line 3 has 8 columns, but the header names 10"),
        (HEADER + RECORD.replace(".\tA", "a\tb\tA"), "line 3 has 9 columns, but the header names 8"),
        (HEADER + RECORD + HEADER + RECORD, "line 4 is a line of a header .* were files joined"),
        (HEADER + RECORD + "\n" + RECORD, "line 4 is blank, which only the last lines may be"),
        (HEADER + RECORD + "  \n", "line 4 holds nothing but blanks"),
        (HEADER + RECORD.replace(".", "a" * 1001, 1), "line 3 has an id of 1,001 characters"),
        (HEADER + RECORD.replace("\t5", "\tx"), "line 3 has 'x' as POS but must have a whole number$"),
        (HEADER + RECORD.replace("\t5", "\t9e2"), "line 3 has '9e2' as POS .*Did a spreadsheet write it"),
        (HEADER + RECORD.replace("\t5", "\t-5"), "line 3 has '-5' as POS"),
        (HEADER + RECORD.replace("\t5", "\t" + "5" * 5000), "line 3 has '5555"),
        (HEADER + RECORD.replace("\tA", "\t"), "line 3 has no REF: VCF writes . where"),
        (HEADER + RECORD.replace("\tC", "\t"), "line 3 has no ALT"),
        (HEADER + RECORD.replace("\tC", "\tC,,G"), "line 3 has no ALT"),
        (HEADER + RECORD.replace("I", ""), "line 3 has no CHROM"),
        (HEADER + RECORD.replace(".", "caf\xe9", 1), "line 3 is not UTF-8"),
        ((HEADER + RECORD).replace("\n", "\r"), "line 1 holds a carriage return"),
        ("BCF\x02\x02\x00", "not a text file but BCF, the binary form of VCF: convert it with `bcftools view`"),
        ("\xfd7zXZ\x00\x00", "compressed with xz"),
        ("BZh91AY", "compressed with bzip2"),
        ("\x1f\x8b\x08", "truncated"),
        ("\x1f\x8b", "truncated"),
    ],
)
def test_what_is_not_vcf(tmp_path, text, match):
    (tmp_path / "v.vcf").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=match) as error:
        list(read_variants(tmp_path / "v.vcf"))
    assert str(tmp_path / "v.vcf") in str(error.value)


def test_bcf_in_bgzip_is_named(tmp_path):
    header = pysam.VariantHeader()
    header.add_line("##contig=<ID=I>")
    with pysam.VariantFile(str(tmp_path / "v.bcf"), "wb", header=header):
        pass
    with pytest.raises(ValueError, match="BCF, the binary form of VCF"):
        list(read_variants(tmp_path / "v.bcf"))


def test_damaged_gzip(tmp_path):
    content = bytearray(gzip.compress((HEADER + RECORD * 1000).encode(), mtime=0))
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "v.vcf.gz").write_bytes(content)
    with pytest.raises(ValueError, match="the gzip file is damaged"):
        list(read_variants(tmp_path / "v.vcf.gz"))


@pytest.mark.parametrize("compress", [gzip.compress, None])
def test_truncated_files(tmp_path, compress):
    text = HEADER + "".join(f"I\t{i}\tid{i * 7919 % 1000}\tA\tC\t.\t.\t.\n" for i in range(1, 20_000))
    (tmp_path / "v.vcf").write_text(text)
    path = tmp_path / "v.vcf.gz"
    if compress:
        path.write_bytes(compress(text.encode()))
    else:
        pysam.tabix_compress(str(tmp_path / "v.vcf"), str(path))
    content = path.read_bytes()
    for size in (len(content) - 28, len(content) // 2):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match="truncated"):
            list(read_variants(path))


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        list(read_variants(tmp_path / "v.vcf"))
    with pytest.raises(ValueError, match="must be a regular file"):
        list(read_variants(tmp_path))


@pytest.mark.parametrize(
    ("alt", "reason"),
    [
        ("C", None),
        ("acgt", None),
        (".", "no_alt"),
        ("*", "overlapping_deletion"),
        ("<INS>", "symbolic_allele"),
        ("A[I:7[", "symbolic_allele"),
        ("]I:7]A", "symbolic_allele"),
        ("A.", "symbolic_allele"),
        (".A", "symbolic_allele"),
        ("N", "alt_letters"),
        ("AR", "alt_letters"),
        ("A", "alt_is_ref"),
    ],
)
def test_what_no_genome_can_make_readable(alt, reason):
    assert unreadable(Variant(0, "I", 1, ".", "a", alt)) == reason
    assert reason is None or reason in REASONS


@pytest.mark.parametrize("ref", ["N", "aR", "-", ".", "<DEL>", "A ", "é"])
def test_letters_of_ref(ref):
    assert unreadable(Variant(0, "I", 1, ".", ref, "ACGT")) == "n_in_ref"
