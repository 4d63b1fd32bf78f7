import gzip

import pysam
import pytest

from yeastpromoter.variants import REASONS, Variant, read_variants, unreadable

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


def test_alleles_of_plain_gzip_and_bgzip_files(tmp_path, capfd):
    (tmp_path / "v.vcf").write_text(HEADER + RECORDS)
    (tmp_path / "g.vcf.gz").write_bytes(gzip.compress((HEADER + RECORDS).encode()))
    pysam.tabix_compress(str(tmp_path / "v.vcf"), str(tmp_path / "b.vcf.gz"))
    for name in ("v.vcf", "g.vcf.gz", "b.vcf.gz"):
        assert list(read_variants(tmp_path / name)) == VARIANTS
    (tmp_path / "empty.vcf").write_text(HEADER)
    assert list(read_variants(tmp_path / "empty.vcf")) == []
    assert capfd.readouterr() == ("", "")  # htslib complains of names that the header does not declare


def test_genotypes_do_not_matter(tmp_path):
    text = HEADER.replace("INFO", "INFO\tFORMAT\ts1") + "I\t5\t.\tA\tC\t.\t.\t.\tGT\t0/1\n"
    (tmp_path / "v.vcf").write_text(text)
    assert list(read_variants(tmp_path / "v.vcf")) == [Variant(0, "I", 5, ".", "A", "C")]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "cannot be read as VCF"),
        ("I\t5\t.\tA\tC\t.\t.\t.\n", "cannot be read as VCF .* must begin with ##fileformat=VCF"),
        (HEADER + "I\t5\t.\tA\tC\t.\t.\t.\nI\t6\t.\tA\n", "record 1 .counted from 0. cannot be read"),
        (HEADER + "I 5 . A C . . .\n", "record 0 .* separated by tabs"),
        (HEADER + "I\tx\t.\tA\tC\t.\t.\t.\n", "record 0 .counted from 0. cannot be read"),
    ],
)
def test_what_is_no_vcf(tmp_path, text, match):
    (tmp_path / "v.vcf").write_text(text)
    with pytest.raises(ValueError, match=match):
        list(read_variants(tmp_path / "v.vcf"))


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
