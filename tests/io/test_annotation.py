import gzip

import pytest

from yeastpromoter.io.annotation import Promoter, Promoters, read_promoters

CHROMOSOMES = {"I": 10_000, "II": 10_000}


def gtf(feature, start, stop, strand, gene, chromosome="I", **attributes):
    pairs = {"gene_id": gene, **attributes}
    text = " ".join(f'{key} "{value}";' for key, value in pairs.items())
    return f"{chromosome}\tx\t{feature}\t{start}\t{stop}\t.\t{strand}\t0\t{text}\n"


def read(tmp_path, text, **arguments):
    (tmp_path / "annotation").write_text(text)
    return read_promoters(tmp_path / "annotation", CHROMOSOMES, **arguments)


def test_coding_start_of_genes_on_both_strands_from_gtf(tmp_path):
    text = "#!genome-version R64-1-1\n" + "".join(
        [
            # Forward, coding 1001 to 1100 and, after an intron, 1201 to 1300; the exon begins 50 bases earlier.
            gtf("gene", 951, 1300, "+", "A", gene_name="AAA1"),
            gtf("exon", 951, 1100, "+", "A"),
            gtf("CDS", 1201, 1300, "+", "A"),
            gtf("CDS", 1001, 1100, "+", "A", gene_name="AAA1", gene_biotype="protein_coding"),
            gtf("start_codon", 1001, 1003, "+", "A"),
            # Reverse, its coding start is its last base.
            gtf("CDS", 2001, 2100, "-", "B", chromosome="chrII"),
            gtf("CDS", 2201, 2300, "-", "B", chromosome="chrII"),
            gtf("stop_codon", 1998, 2000, "-", "B", chromosome="chrII"),
            # At the start of the chromosome; only a start codon is given.
            gtf("start_codon", 101, 103, "+", "C"),
            gtf("CDS", 3001, 3100, "+", "D", gene_biotype="pseudogene"),
            gtf("CDS", 3001, 3100, "+", "E", chromosome="2-micron"),
        ]
    )
    found = read(tmp_path, text)
    assert list(found) == [
        Promoter("I", 0, 100, "+", 100, "C", "C"),
        Promoter("I", 500, 1000, "+", 1000, "A", "AAA1"),
        Promoter("II", 2300, 2800, "-", 2299, "B", "B"),
    ]
    assert found.kind == "GTF"
    assert found.notes == (
        f"{tmp_path / 'annotation'}: chromosome names are matched to those of the FASTA: chrII = II",
        f"{tmp_path / 'annotation'}: genes left out because they are not protein-coding: 1 pseudogene",
        f"{tmp_path / 'annotation'}: the FASTA does not have chromosome 2-micron, so 1 lines there are left out",
    )
    assert [(p.start, p.stop) for p in read(tmp_path, text, upstream=30)] == [(70, 100), (970, 1000), (2300, 2330)]


def test_gff3_of_ensembl_and_of_sgd(tmp_path):
    ensembl = (
        "##gff-version 3\n"
        "I\tsgd\tgene\t101\t900\t.\t+\t.\tID=gene:YAL1W;Name=ONE1;biotype=protein_coding;gene_id=YAL1W\n"
        "I\tsgd\tmRNA\t101\t900\t.\t+\t.\tID=transcript:YAL1W_mRNA;Parent=gene:YAL1W;biotype=protein_coding\n"
        "I\tsgd\tCDS\t701\t900\t.\t+\t0\tID=CDS:YAL1W;Parent=transcript:YAL1W_mRNA\n"
        "I\tsgd\tgene\t101\t900\t.\t+\t.\tID=gene:YAL2W;biotype=pseudogene\n"
        "I\tsgd\tmRNA\t101\t900\t.\t+\t.\tID=transcript:YAL2W;Parent=gene:YAL2W\n"
        "I\tsgd\tCDS\t701\t900\t.\t+\t0\tParent=transcript:YAL2W\n"
    )
    sgd = (
        "##gff-version 3\n"
        "chrI\tSGD\tCDS\t701\t900\t.\t-\t0\tParent=YAL1C_mRNA;Name=YAL1C_CDS\n"
        "chrI\tSGD\tgene\t701\t900\t.\t-\t.\tID=YAL1C;Name=YAL1C;gene=ONE%31\n"
        "chrI\tSGD\tmRNA\t701\t900\t.\t-\t.\tID=YAL1C_mRNA;Name=YAL1C_mRNA;Parent=YAL1C\n"
        "chrI\tSGD\ttransposable_element_gene\t2701\t2900\t.\t-\t.\tID=YAL3C;Name=YAL3C\n"
        "chrI\tSGD\tCDS\t2701\t2900\t.\t-\t0\tParent=YAL3C;Name=YAL3C_CDS\n"
        "##FASTA\n>chrI\nACGT\n"
    )
    assert list(read(tmp_path, ensembl)) == [Promoter("I", 200, 700, "+", 700, "YAL1W", "ONE1")]
    assert list(read(tmp_path, sgd)) == [Promoter("I", 900, 1400, "-", 899, "YAL1C", "ONE1")]
    assert read(tmp_path, sgd).kind == "GFF3"


def test_intervals_of_bed_are_the_promoters(tmp_path):
    text = b"track name=x\nI\t10\t90\tA\t0\t+\nchrII\t10\t90\tB\t0\t-\textra\n"
    (tmp_path / "annotation").write_bytes(gzip.compress(text))
    found = read_promoters(tmp_path / "annotation", CHROMOSOMES)
    assert list(found) == [Promoter("I", 10, 90, "+", 90, "A", "A"), Promoter("II", 10, 90, "-", 9, "B", "B")]
    assert found.kind == "BED6"
    with pytest.raises(ValueError, match="upstream must be left at 500 but is 100"):
        read_promoters(tmp_path / "annotation", CHROMOSOMES, upstream=100)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("I\t10\t90\tA\t0\n", "line 1 has 5 columns but BED6 has six"),
        ("I\t10\t90\tA\t0\t.\n", r"line 1 has the strand '\.' but must have \+ or -"),
        ("I\t10\t90\tA\t0\t+\nI\tx\t90\tA\t0\t+\n", "line 2 has 'x' as start"),
        ("I\t90\t90\tA\t0\t+\n", "line 1 has the start 90 and the end 90, but BED6 is half-open"),
        ("I 10 90 A 0 +\n", "must be GTF, GFF3 or BED6"),
        ("#only a comment\n", "has no lines but comments"),
        (gtf("CDS", 5, 9, "+", "A", chromosome="III"), "no protein-coding genes .* its chromosomes are III"),
        (gtf("exon", 5, 9, "+", "A"), "no protein-coding genes"),
        (gtf("CDS", 5, 9, ".", "A"), r"line 1, a CDS, has the strand '\.'"),
        (gtf("CDS", 5, 9, "+", "A") + "I\tx\tCDS\t5\n", "line 2 has 4 columns, separated by tabs, but GTF has nine"),
        (gtf("CDS", 5, 9, "+", ""), "line 1 does not say which gene it is of: GTF needs gene_id"),
        ("I\tx\tCDS\t5\t9\t.\t+\t0\tID=CDS:1\n", "GFF3 needs the Parent of a CDS"),
    ],
)
def test_wrong_annotations(tmp_path, text, match):
    with pytest.raises(ValueError, match=match) as error:
        read(tmp_path, text)
    assert str(tmp_path / "annotation") in str(error.value)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (gtf("CDS", 1600, 1001, "-", "A"), "line 1, a CDS, has the start 1600 and the end 1001, but GTF has the lower"),
        (gtf("CDS", 0, 300, "+", "A"), "line 1, a CDS, starts at 0, but GTF counts from 1: was it made from BED"),
        (gtf("CDS", -5, 300, "+", "A"), "line 1, a CDS, has '-5' as start but must have a whole number$"),
        (gtf("CDS", "1e3", 3000, "+", "A"), "has '1e3' as start but must have a whole number. Did a spreadsheet"),
        (
            gtf("CDS", 9000, 10_001, "+", "A"),
            "a CDS of gene A, ends at 10,001, after the end of chromosome I at 10,000",
        ),
        # Not read, but a sign of what is wrong with the file.
        (gtf("CDS", 5, 9, "+", "A") + gtf("exon", 9, 5, "+", "A"), "line 2, a exon, has the start 9 and the end 5"),
        ("I\tx\tCDS\t9\t5\t.\t+\t0\tParent=A\n", "the start 9 and the end 5, but GFF3 has the lower one first"),
        ("I\t-10\t90\tA\t0\t+\n", "line 1 has '-10' as start"),
        ("I\t900\t90\tA\t0\t+\n", "line 1 has the start 900 and the end 90, but BED6 is half-open"),
        ("I\t10\t10001\tA\t0\t+\n", "line 1 ends at 10,001, after the end of chromosome I at 10,000: is the anno"),
        ("I\t10\t90\t\t0\t+\n", "line 1 has no name, the fourth column"),
        ("I\t10\t90\tA\t0\t+\nchrI\t10\t90\tA\t1\t+\n", "line 2 is the promoter of line 1 again"),
        ("I\t10\t90\tA\t0\t+\t10\t90\t0\t1\t80\t0\n", "line 1 has 12 columns, as BED has for genes"),
        (
            gtf("CDS", 5, 9, "+", "A") + gtf("CDS", 5, 9, "-", "A"),
            "line 2, a CDS of gene A, lies on I -, but line 1 on I [+]",
        ),
        (gtf("CDS", 5, 9, "+", "A") + gtf("CDS", 5, 9, "+", "A", "X"), "line 2, a CDS of gene A, lies on X [+]"),
        ('I\tx\tCDS\t5\t9\t.\t+\t0\tgene_id "A" transcript_id "T"; n "1";\n', 'line 1 has \'gene_id "A" transcript_id'),
        (gtf("CDS", 5, 9, "+", "A")[:-3], "line 1 has 'gene_id \"A' among its attributes"),
        (
            gtf("CDS", 5, 9, "+", "A") + "I\tx\tCDS\t5\t9\t.\t+\t0\tParent=B\n",
            "line 2 is GFF3 but those before it are GTF",
        ),
        (gtf("CDS", 5, 9, "+", "A") + "I\t10\t90\tA\t0\t+\n", "line 2 is BED6 but those before it are GTF: were two"),
        ("I\tx\tCDS\t5\t9\t.\t+\t0\tParent=A\nI\tx\tmRNA\t5\t9\t.\t+\t.\tID=A;Parent=A\n", "is its own ancestor"),
    ],
)
def test_lines_that_cannot_be_right(tmp_path, text, match):
    with pytest.raises(ValueError, match=match) as error:
        read(tmp_path, text)
    assert str(tmp_path / "annotation") in str(error.value)


def test_coding_lines_too_far_apart_for_one_gene(tmp_path):
    for gap, found in ((20_000, 1), (20_001, None)):
        text = gtf("CDS", 11, 20, "+", "A") + gtf("CDS", 21 + gap, 30 + gap, "+", "A")
        (tmp_path / "a").write_text(text)
        if found:
            assert len(read_promoters(tmp_path / "a", {"I": 30_000})) == found
            continue
        with pytest.raises(
            ValueError, match="line 2, a CDS of gene A, starts 20,001 bp after the end of the one before"
        ):
            read_promoters(tmp_path / "a", {"I": 30_000})


def gff3(feature, attributes, start=101, stop=200):
    return f"I\tx\t{feature}\t{start}\t{stop}\t.\t+\t0\t{attributes}\n"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        # As NCBI writes: the type is on the line of the gene, wherever that is in the file.
        (gtf("CDS", 5, 9, "+", "B") + gtf("gene", 5, 9, "+", "B", gene_biotype="pseudogene"), "1 pseudogene"),
        (gtf("CDS", 5, 9, "+", "B", pseudo="true"), "1 pseudogene"),
        (gtf("pseudogene", 5, 9, "+", "B") + gtf("CDS", 5, 9, "+", "B"), "1 pseudogene"),
        (gtf("exon", 5, 9, "+", "B", gene_type="tRNA") + gtf("CDS", 5, 9, "+", "B"), "1 trna"),
        (gtf("transcript", 5, 9, "+", "B", transcript_biotype="snRNA") + gtf("CDS", 5, 9, "+", "B"), "1 snrna"),
        (gtf("CDS", 5, 9, "+", "B", gene_biotype="x", transcript_biotype="protein_coding"), "1 x"),
        (gff3("gene", "ID=B;gene_biotype=pseudogene") + gff3("CDS", "Parent=B"), "1 pseudogene"),
        (gff3("gene", "ID=B;biotype=x") + gff3("mRNA", "ID=m;Parent=B;biotype=mRNA") + gff3("CDS", "Parent=m"), "1 x"),
        (gff3("gene", "ID=B") + gff3("mRNA", "ID=m;Parent=B;biotype=x") + gff3("CDS", "Parent=m"), "1 x"),
        (gff3("gene", "ID=B;gene_biotype=protein_coding") + gff3("CDS", "Parent=B;pseudo=true"), "1 pseudogene"),
        (gff3("gene", "ID=B") + gff3("gene", "ID=B;pseudogene=unitary") + gff3("CDS", "Parent=B"), "1 pseudogene"),
    ],
)
def test_genes_of_other_types_are_left_out_and_counted(tmp_path, text, other):
    is_gtf = "gene_id" in text
    kept = (
        gtf("CDS", 1001, 1009, "+", "A", gene_biotype="protein_coding")
        if is_gtf
        else gff3("CDS", "Parent=A", 1001, 1009)
    )
    found = read(tmp_path, text + kept)
    assert [promoter.gene for promoter in found] == ["A"]
    assert found.notes == (f"{tmp_path / 'annotation'}: genes left out because they are not protein-coding: {other}",)
    with pytest.raises(
        ValueError, match=f"no protein-coding genes .*; genes left out because they are not protein-coding: {other}"
    ):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        gtf("CDS", 5, 9, "+", "A", transcript_biotype="mRNA") + gtf("CDS", 5, 9, "+", "A", transcript_type="decay"),
        gtf("gene", 5, 9, "+", "A", gene_biotype="Protein_coding", pseudo="false") + gtf("CDS", 5, 9, "+", "A"),
        gtf("CDS", 5, 9, "+", "A", note="not a pseudo gene; of no gene_biotype").replace("note", "x"),
        gff3("gene", "ID=A;biotype=protein_coding", 5, 9) + gff3("CDS", "Parent=A;biotype=x", 5, 9),
    ],
)
def test_genes_that_are_protein_coding(tmp_path, text):
    assert [(promoter.gene, promoter.stop) for promoter in read(tmp_path, text)] == [("A", 4)]


def test_ids_of_gff3(tmp_path):
    text = "".join(
        [
            gff3("transcript", "ID=T1;geneID=G1"),
            gff3("exon", "Parent=T1;geneID=G1;IDs=2"),
            gff3("CDS", "Parent=T1"),
            # A coding line of two genes, one of which has a comma in its id.
            gff3("gene", "ID=A%2C1;Name=COM%09A", 701, 900),
            gff3("gene", "ID=B;gene=BEE;Name=b", 701, 900),
            gff3("mRNA", "ID=b_mRNA;Parent=B", 701, 900),
            gff3("CDS", "ID=c;Parent=A%2C1,b_mRNA", 701, 900),
            gff3("CDS", "ID=c;Parent=b_mRNA", 690, 695),
        ]
    )
    assert [(p.gene, p.name, p.stop) for p in read(tmp_path, text)] == [
        ("T1", "T1", 100),
        ("B", "BEE", 689),
        ("A,1", "COM%09A", 700),
    ]


def test_format_is_recognised_beyond_the_first_line(tmp_path):
    first = "I\tx\tregion\t1\t10000\t.\t+\t.\t.\n"
    assert read(tmp_path, first + gtf("CDS", 5, 9, "+", "A")).kind == "GTF"
    assert read(tmp_path, first + gff3("CDS", "Parent=A")).kind == "GFF3"
    # Only LF ends a line, whatever Unicode says.
    assert len(read(tmp_path, gtf("CDS", 5, 9, "+", "A", note="a\u2028b\x85c"))) == 1


def test_blanks_take_linear_time(tmp_path):
    line = gtf("CDS", 501, 509, "+", "A")
    blanks = " " * 300_000  # minutes, if every start within them were tried
    text = "".join(
        [line.replace('";', f'"{blanks};'), line.replace(";", f";{blanks}"), line.replace("gene_id ", f"x {blanks}")]
    )
    with pytest.raises(ValueError, match="line 3 does not say which gene"):
        read(tmp_path, text)


def test_promoters_end_with_the_chromosome(tmp_path):
    text = gtf("CDS", 11, 20, "+", "A") + gtf("CDS", 9601, 9900, "-", "B")
    assert [(p.start, p.stop) for p in read(tmp_path, text)] == [(0, 10), (9_900, 10_000)]


@pytest.mark.parametrize("upstream", [0, -1, True, 1.5, "500"])
def test_wrong_sizes(tmp_path, upstream):
    with pytest.raises(ValueError, match="upstream must be a number of bases"):
        read(tmp_path, gtf("CDS", 5, 9, "+", "A"), upstream=upstream)


def test_promoters_around_a_change():
    promoters = Promoters(
        [
            Promoter("I", 100, 600, "+", 600, "far", "far"),
            Promoter("I", 590, 610, "+", 610, "short", "short"),
            Promoter("I", 560, 700, "+", 700, "long", "long"),
            Promoter("I", 560, 700, "-", 559, "other strand", "x"),
            Promoter("II", 100, 600, "+", 600, "other chromosome", "x"),
        ]
    )

    def genes(start, stop, strand="+"):
        return [promoter.gene for promoter in promoters.around("I", strand, start, stop)]

    assert len(promoters) == 5
    assert genes(595, 596) == ["far", "long", "short"]
    assert genes(599, 600) == ["far", "long", "short"]
    assert genes(600, 601) == ["long", "short"]
    assert genes(99, 100) == []
    assert genes(90, 101) == ["far"]
    assert genes(609, 620) == ["long", "short"]
    assert genes(700, 701) == []
    # An insertion belongs to the base upstream of it: before base 600 that is 599 on the forward strand, and on the
    # reverse strand, upstream being to the right, 600.
    assert genes(600, 600) == ["far", "long", "short"]
    assert genes(100, 100) == []
    assert genes(560, 560, "-") == ["other strand"]
    assert genes(700, 700, "-") == []
    assert promoters.around("III", "+", 1, 2) == []
