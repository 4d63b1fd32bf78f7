import stat
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from variant_files import COMPLEMENT, random_text, write_bed, write_fasta, write_vcf

from yeastpromoter.sequence.reporter import PTPA
from yeastpromoter.variants import rows as module
from yeastpromoter.variants.rows import SKIPPED_COLUMNS, VariantRows
from yeastpromoter.variants.vcf import REASONS

GENOME = random_text(2_000, seed=4)


def other(base, turn=1):
    return "ACGT"[("ACGT".index(base) + turn) % 4]


def at(position, length=1, genome=GENOME):
    """Bases at a position from 1."""
    return genome[position - 1 : position - 1 + length]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Make files in an empty folder; the working directory is another one."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def make(records, promoters=(), **chromosomes):
        made = {
            "vcf_file": write_vcf(tmp_path / "my.vcf", records),
            "fasta_file": write_fasta(tmp_path / "g.fa", **(chromosomes or {"I": GENOME})),
        }
        if promoters:
            made["annotation_file"] = write_bed(tmp_path / "p.bed", *promoters)
        return made

    return make


def texts(constructs):
    return [[row.tobytes().decode() for row in offsets] for offsets in constructs]


def test_rows_of_alleles_and_genes_in_the_order_of_the_file(files):
    records = [
        ("chrI", 801, at(801), f"{other(at(801))},{other(at(801), 2)}"),
        ("chrI", 501, at(501), other(at(501))),
        ("chrI", 1201, at(1201), other(at(1201))),
    ]
    promoters = [("I", 700, 900, "B", "+"), ("I", 790, 950, "C", "-"), ("I", 400, 600, "A", "-")]
    rows = VariantRows(**files(records, promoters), offsets=[40])
    batch = rows.read(range(len(rows)))
    table = pd.DataFrame(batch.metadata)
    assert list(table["gene"]) == ["B", "C", "B", "C", "A"]
    assert list(table["strand"]) == ["+", "-", "+", "-", "-"]
    assert list(table["position"]) == [801, 801, 801, 801, 501]
    assert list(table["record"]) == [0, 0, 0, 0, 1]
    assert list(table["id"]) == ["v0", "v0", "v0", "v0", "v1"]
    assert set(table["chromosome"]) == {"chrI"}
    assert list(table["ALT"][:3:2]) == records[0][3].split(",")
    # First coding bases, from 1: 901, 790 and 400.
    assert list(table["distance"]) == [801 - 901, 790 - 801, 801 - 901, 790 - 801, 400 - 501]
    assert batch.ref.shape == batch.alt.shape == (5, 1, 110)
    forward, reverse = GENOME[760:840], GENOME[761:841].translate(COMPLEMENT)[::-1]
    assert texts(batch.ref)[:2] == [[PTPA.add_adapters(forward)], [PTPA.add_adapters(reverse)]]
    changed = GENOME[760:800] + other(at(801)) + GENOME[801:840]
    assert texts(batch.alt)[0] == [PTPA.add_adapters(changed)]
    assert (rows.n_records, rows.n_alleles, rows.n_scored, len(rows)) == (3, 4, 3, 5)
    assert rows.skipped == {"outside_promoters": 1}
    assert "chromosome names are matched to those of the FASTA: chrI = I" in rows.notes[1]
    one = rows.read([3])
    np.testing.assert_array_equal(one.alt[0], batch.alt[3])
    with pytest.raises(IndexError, match="less than 5"):
        rows.read([5])


def test_both_strands_without_annotation(files):
    rows = VariantRows(**files([("I", 801, at(801), other(at(801)))]))
    batch = rows.read([0, 1])
    assert list(batch.metadata["strand"]) == ["+", "-"]
    assert list(batch.metadata["gene"]) == list(batch.metadata["gene_name"]) == [".", "."]
    assert np.isnan(batch.metadata["distance"]).all()
    assert batch.ref.shape == (2, 7, 110)


def test_every_allele_is_accounted_for(files, tmp_path):
    genome = GENOME[:1_000] + "N" * 30 + GENOME[1_030:1_900]
    long = at(300, 82)
    records = [
        ("I", 500, at(500), other(at(500))),
        ("I", 500, at(500), "."),
        ("I", 500, at(500), f"<DEL>,*,{other(at(500))},{at(500)},{at(500)}N"),
        ("II", 500, "A", "C"),
        ("I", 500, other(at(500)), at(500)),
        ("I", 1_890, at(1_890, 12), "A"),
        ("I", 300, long, long[0]),
        ("I", 300, long[:81], long[0]),
        ("I", 1_500, at(1_500), other(at(1_500))),
        ("I", 1_005, "NNN", "A"),
        ("I", 960, at(960), other(at(960))),
        ("I", 5, at(5), other(at(5))),
        ("I", 1_895, at(1_895), other(at(1_895))),
    ]
    promoters = [("I", 0, 1_200, "A", "+"), ("I", 1_880, 1_900, "B", "+")]
    rows = VariantRows(**files(records, promoters, I=genome))
    assert (rows.n_records, rows.n_alleles, rows.n_scored, len(rows)) == (13, 17, 3, 3)
    assert rows.n_scored + sum(rows.skipped.values()) == rows.n_alleles
    twice = {"outside_promoters": 1, "window_off_chromosome": 2}
    assert dict(rows.skipped) == dict.fromkeys(REASONS, 1) | twice
    table = pd.read_csv(tmp_path / "work" / "my.skipped.tsv", sep="\t", keep_default_na=False)
    assert tuple(table.columns) == SKIPPED_COLUMNS
    assert rows.skipped_path == str(tmp_path / "work" / "my.skipped.tsv")
    assert Counter(table["reason"]) == {REASONS[reason]: count for reason, count in rows.skipped.items()}
    assert set(table["gene"]) == set(table["strand"]) == {"."}
    scored = set(rows.read(range(3)).metadata["record"].tolist())
    assert scored == {0, 2, 7}
    assert set(range(13)) == scored | set(table["record"])
    assert list(table.loc[0]) == [1, "I", 500, "v1", at(500), ".", ".", ".", REASONS["no_alt"]]
    assert "13 records with 17 alleles, of which 3 are scored in 3 rows" in rows.notes[0]
    assert "14 are not (2: a window reaches over the end of the chromosome; 1: " in rows.notes[0]
    assert "does not have II" in rows.notes[1]


def test_a_gene_without_a_row_is_listed_by_its_name(files, tmp_path):
    # At offset 70 a forward window begins 70 bases to the left, a reverse one ends there and begins 9 to the right.
    record = ("I", 60, at(60), other(at(60)))
    promoters = [("I", 50, 100, "F", "+"), ("I", 50, 100, "R", "-")]
    rows = VariantRows(**files([record], promoters), offsets=[70])
    assert (rows.n_scored, len(rows), dict(rows.skipped)) == (1, 1, {})
    assert dict(rows.skipped_rows) == {"window_off_chromosome": 1}
    assert rows.read([0]).metadata["gene"].tolist() == ["R"]
    table = pd.read_csv(tmp_path / "work" / "my.skipped.tsv", sep="\t")
    assert table[["gene", "strand"]].to_numpy().tolist() == [["F", "+"]]
    assert "some genes of scored alleles have no row (1: a window" in rows.notes[0]


def test_another_assembly_is_suspected(files):
    records = [("I", p, at(p), other(at(p))) for p in (500, 600)] + [("I", 700, other(at(700)), at(700))]
    rows = VariantRows(**files(records))
    assert "REF differs from the FASTA in 1 of 3 alleles: is the FASTA the assembly" in rows.notes[1]


def test_where_the_list_goes(files, tmp_path):
    made = files([("I", 500, at(500), other(at(500)))])
    for no_file in (False, "false", "False"):
        assert VariantRows(**made, skipped_file=no_file).skipped_path is None
    assert not list((tmp_path / "work").iterdir())
    other_file = tmp_path / "other.tsv"
    other_file.write_text("old")
    assert VariantRows(**made, skipped_file=other_file).skipped_path == str(other_file)
    assert other_file.read_text().splitlines() == ["\t".join(SKIPPED_COLUMNS)]
    assert not list((tmp_path / "work").iterdir())
    with pytest.raises(ValueError, match="nowhere does not exist"):
        VariantRows(**made, skipped_file=tmp_path / "nowhere" / "x.tsv")
    with pytest.raises(ValueError, match="skipped_file must be a path, false"):
        VariantRows(**made, skipped_file=True)
    for read in (made["vcf_file"], made["fasta_file"]):
        before = read.read_bytes()
        with pytest.raises(ValueError, match="which is read: it would be overwritten"):
            VariantRows(**made, skipped_file=read)
        assert read.read_bytes() == before


def test_files_that_may_not_be_written_or_read(files, tmp_path, monkeypatch):
    made = files([("I", 500, at(500), other(at(500)))])

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "whole_table", refuse)
    with pytest.raises(PermissionError, match=r"my\.skipped\.tsv \(Permission denied\): .* skipped_file, or false"):
        VariantRows(**made)
    with pytest.raises(PermissionError, match=r"new\.tsv \(Permission denied\): name another file with skipped_file$"):
        VariantRows(**made, skipped_file=tmp_path / "new.tsv")
    monkeypatch.undo()
    monkeypatch.setattr(module, "read_variants", refuse)
    with pytest.raises(PermissionError) as error:
        VariantRows(**made, skipped_file=tmp_path / "new.tsv")
    assert error.value.filename == str(made["vcf_file"])


def test_files_in_a_folder_that_cannot_be_written(files, tmp_path):
    made = files([("I", 500, at(500), other(at(500)))], [("I", 400, 900, "A", "+")])
    before = sorted(tmp_path.iterdir())
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert len(VariantRows(**made)) == 1
    finally:
        tmp_path.chmod(stat.S_IRWXU)
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_to_score(files, tmp_path):
    with pytest.raises(ValueError, match=r"none of the alleles can be scored.*1: outside of the promoters"):
        VariantRows(**files([("I", 500, at(500), other(at(500)))], [("I", 600, 900, "A", "+")]))
    assert (tmp_path / "work" / "my.skipped.tsv").read_text().count("\n") == 2
    made = files([("I", 500, at(500), other(at(500)))])
    with pytest.raises(ValueError, match="upstream is the size of promoters and needs annotation_file"):
        VariantRows(**made, upstream=100)
    made["vcf_file"].write_text("##fileformat=VCFv4.2\n#CHROM\nbroken")
    with pytest.raises(ValueError, match=r"my\.vcf: line 2 must name the columns"):
        VariantRows(**made, skipped_file=tmp_path / "new.tsv")
    assert not list(tmp_path.glob("*new.tsv"))


def test_a_vcf_file_without_records_has_no_rows_and_says_so(files, tmp_path):
    for promoters, kind in (((), np.float64), ([("I", 400, 900, "A", "+")], np.int64)):
        rows = VariantRows(**files([], promoters))
        assert (len(rows), rows.n_records, rows.n_alleles) == (0, 0, 0)
        assert "The file has a header but no records: there is nothing to predict." in rows.notes[0]
        assert (tmp_path / "work" / "my.skipped.tsv").read_text() == "\t".join(SKIPPED_COLUMNS) + "\n"
        batch = rows.read([])
        assert batch.ref.shape == batch.alt.shape == (0, 7, 110)
        assert {column.shape for column in batch.metadata.values()} == {(0,)}
        assert batch.metadata["distance"].dtype == kind


def test_a_chromosome_that_could_be_two(files):
    made = files([("CHRI", 500, at(500), other(at(500)))], I=GENOME, chrI=GENOME)
    with pytest.raises(
        ValueError, match=r"my\.vcf: record 0 .counted from 0.: chromosome 'CHRI' could be any of I, chrI"
    ):
        VariantRows(**made)


def test_positions_off_the_chromosome_are_accounted_for(files):
    records = [("I", 500, at(500), other(at(500))), ("I", 0, "A", "C"), ("I", 2_001, "A", "C"), ("I", 10**11, "A", "C")]
    rows = VariantRows(**files(records))
    assert dict(rows.skipped) == {"off_chromosome": 3}
