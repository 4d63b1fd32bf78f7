import gzip

import numpy as np
import pytest
from test_assemble import TEXTS, assert_every_row_is_accounted_for, run, write

from training.config.loading import complete_config, files_of
from training.data.tables import PARTS

NAMES = [f"oligo_{number}" for number in range(20)]
OLIGO_HEADER = (
    *("replicate", "oligo_name", "dna_counts", "rna_counts"),
    *("dna_normalized", "rna_normalized", "log2FoldChange", "n_bc"),
)


def mpra_source(*tables, designs=None, **mpra):
    """A source of an MPRA, with the defaults of the configuration."""
    mpra = {"tables": [{"file": name} for name in tables or ("m",)]} | mpra
    given = {"name": "a", "file": "a", "columns": {"sequence": 1, "name": 0}, "mpra": mpra} | (designs or {})
    config = {"name": "x", "data": {"sources": [given]}, "runs": {"one": {}}}
    return complete_config(config)["data"]["sources"][0]


def write_fasta(path, names=NAMES, texts=TEXTS):
    # The sequence of a record may be on several lines, and only the first word of a header is the name.
    path.write_text("".join(f">{n} of a library\n{t[:60]}\n{t[60:]}\n" for n, t in zip(names, texts, strict=False)))


def write_oligos(path, *rows, header=OLIGO_HEADER):
    """Rows of replicate, name, normalised DNA and RNA, barcodes; the other columns hold what must not be read."""
    lines = [(replicate, name, 7, 7, dna, rna, "NA", barcodes) for replicate, name, dna, rna, barcodes in rows]
    text = "".join("\t".join(map(str, line)) + "\n" for line in [header, *lines])
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


SCALE = {"from": [-2, 3], "to": [1, 16]}  # 3 buckets for a log ratio of 1; 7 is a ratio of 1


def test_oligos_by_hand(tmp_path, capsys):
    write_fasta(tmp_path / "a")
    write_oligos(
        tmp_path / "m.tsv.gz",
        *[("1", NAMES[0], 1, 4, 10), ("1", NAMES[1], 2, 1, 30), ("1", NAMES[2], 2, 1, 9), ("1", NAMES[3], 0, 1, 50)],
        *[("2", NAMES[0], 1, 2, 12), ("2", NAMES[1], 1, 8, 9), ("2", "other", 1, 1, 99), ("2", "no_BC", 1, 1, 99)],
    )
    found, report, _ = run(tmp_path, mpra_source("m.tsv.gz", scale=SCALE))
    # Oligo 0 has log ratios of 2 and 1. Oligo 1 has -1, and too few barcodes in the second replicate.
    assert {text: row["expression"] for text, row in found.items()} == {TEXTS[0]: 7 + 4.5, TEXTS[1]: 4}
    np.testing.assert_array_equal([found[TEXTS[0]][f"replicate_{n}"] for n in (1, 2)], [13, 10])
    np.testing.assert_array_equal([found[TEXTS[1]][f"replicate_{n}"] for n in (1, 2)], [4, np.nan])
    counts = report["sources"]["a"]
    assert (counts["rows"], counts["dropped_without_barcodes"], counts["dropped_without_value"]) == (20, 1, 17)
    assert (counts["replicates"], counts["measured_without_design"]) == (2, 1)
    assert counts["scale"] == {"from": [-2, 3], "to": [1, 16], "slope": 3, "intercept": 7}
    assert len(counts["tables_sha256"]) == 1
    assert_every_row_is_accounted_for(report, found)
    assert "expression = 3 * log2(RNA/DNA) + 7, which brings -2 to 1 and 3 to 16" in capsys.readouterr().err


def test_a_design_in_two_parts_is_refused_and_a_part_on_any_of_its_lines_counts(tmp_path):
    source = mpra_source(
        "m",
        scale=SCALE,
        min_barcodes=1,
        designs={"header": True, "columns": {"sequence": "s", "name": "n", "split": "p"}},
    )
    write_oligos(tmp_path / "m", *[("1", name, 1, 2, 10) for name in NAMES[:3]])

    def designs(*parts):
        names = [*NAMES[:3], NAMES[0]]
        lines = [("s", "n", "p"), *((TEXTS[NAMES.index(n)], n, part) for n, part in zip(names, parts, strict=True))]
        write(tmp_path / "a", *lines)

    designs("", "train", "test", "validation")
    found, report, _ = run(tmp_path, source)
    assert [found[text]["part"] for text in TEXTS[:3]] == [
        PARTS.index(part) for part in ("validation", "train", "test")
    ]
    assert report["sources"]["a"]["dropped_repeated_design"] == 1
    designs("train", "train", "test", "test")
    with pytest.raises(ValueError, match="lines 2 and 5: the design 'oligo_0' is in the train and the test part"):
        run(tmp_path, source)


def test_a_table_that_is_there_twice_is_refused(tmp_path):
    write_fasta(tmp_path / "a")
    for name in ("m", "copy"):
        write_oligos(tmp_path / name, ("1", NAMES[0], 1, 2, 10))
    with pytest.raises(ValueError, match="are the same table"):
        run(tmp_path, mpra_source("m", "copy", scale=SCALE))


def test_the_scale_is_from_quantiles_and_can_be_undone(tmp_path):
    write_fasta(tmp_path / "a")
    ratios = np.linspace(-3, 2, 20)
    write_oligos(tmp_path / "m", *(("1", name, 1, 2.0**ratio, 50) for name, ratio in zip(NAMES, ratios, strict=True)))
    found, report, _ = run(tmp_path, mpra_source())
    counts = report["sources"]["a"]
    # Twenty evenly spaced values: their quantiles are those of the interval.
    np.testing.assert_allclose(counts["scale"]["from"], [-3 + 0.05, 2 - 0.05])
    assert counts["scale"]["to"] == [1, 16]
    undone = [(found[text]["expression"] - counts["scale"]["intercept"]) / counts["scale"]["slope"] for text in TEXTS]
    np.testing.assert_allclose(undone, ratios, atol=1e-5)
    assert counts["clipped_to_scale"] == 0
    # With a narrow range some are clipped, and counted: -3 would be 1 - 15 * 0.5 / 4.5, below 0.
    found, report, _ = run(tmp_path, mpra_source(scale={"from": [-2.5, 2], "to": [1, 16]}))
    assert [found[text]["expression"] for text in TEXTS[:2]] == pytest.approx([0, 1 - 15 * (0.2368421) / 4.5], abs=1e-5)
    assert report["sources"]["a"]["clipped_to_scale"] == 1


def test_no_held_out_measurement_guides_the_scale(tmp_path):
    write_fasta(tmp_path / "a")
    ratios = [-100, *np.linspace(-1, 1, 18), 1]
    write_oligos(tmp_path / "m", *(("1", name, 1, 2.0**ratio, 50) for name, ratio in zip(NAMES, ratios, strict=True)))
    write(tmp_path / "h", (TEXTS[0],))
    held_out = [{"file": "h", "sha256": None}]
    source = mpra_source(scale={"quantiles": [0, 1]})
    found, report, _ = run(tmp_path, source, held_out=held_out)
    assert report["sources"]["a"]["scale"]["from"] == [-1, 1]
    assert TEXTS[0] not in found
    assert_every_row_is_accounted_for(report, found)


def test_barcodes_by_hand(tmp_path):
    write_fasta(tmp_path / "a")
    header = ("barcode", "oligo_name", "dna_count_A", "rna_count_A", "dna_count_B", "rna_count_B")
    rows = [
        ("AA", NAMES[0], 2, 5, 1, ""),
        ("AC", NAMES[0], 1, "", "", 3),
        ("AG", NAMES[1], 4, 3, "", ""),
        ("AT", NAMES[1], "", 4, 6, 1),
        ("CA", "other", 8, 8, 8, 8),
        ("CC", "no_BC", 999, 999, 999, 999),
    ]
    write(tmp_path / "m", header, *rows)
    found, report, _ = run(tmp_path, mpra_source(level="barcode", min_barcodes=2, scale=SCALE))
    # Replicate A, with 1 for each barcode: oligo 0 has DNA 3 + 2 of 20, and RNA 5 + 2 of 25; oligo 1 has DNA 4 + 2 and
    # RNA 7 + 2. In B, oligo 0 has DNA 1 + 2 of 19 and RNA 3 + 2 of 16, and oligo 1 a single barcode.
    first = np.log2([7 / 25 / (5 / 20), 9 / 25 / (6 / 20)])
    second = np.log2(5 / 16 / (3 / 19))
    expected = 7 + 3 * np.array([(first[0] + second) / 2, first[1]])
    np.testing.assert_allclose([found[text]["expression"] for text in TEXTS[:2]], expected, rtol=1e-6)
    np.testing.assert_allclose(found[TEXTS[0]]["replicate_2"], 7 + 3 * second, rtol=1e-6)
    assert np.isnan(found[TEXTS[1]]["replicate_2"])
    assert report["sources"]["a"]["measured_without_design"] == 1
    assert_every_row_is_accounted_for(report, found)
    # Without pseudocounts, 3 of 15 and 5 of 20 in A.
    found, _, _ = run(tmp_path, mpra_source(level="barcode", min_barcodes=2, pseudocount=0, scale=SCALE))
    np.testing.assert_allclose(found[TEXTS[0]]["replicate_1"], 7 + 3 * np.log2(5 / 20 / (3 / 15)), rtol=1e-6)


def test_barcodes_and_their_oligos_agree(tmp_path, monkeypatch):
    """The two levels of one experiment have the same ratios, whatever the pieces in which the table is read."""
    from yeastpromoter.io import text_tables

    rng = np.random.default_rng(5)
    oligo, dna, rna = rng.integers(0, 20, 400), rng.poisson(5, 400) + 1, rng.poisson(9, 400)
    write_fasta(tmp_path / "a")
    rows = [(row, NAMES[of], *counts) for row, (of, *counts) in enumerate(zip(oligo, dna, rna, strict=True))]
    write(tmp_path / "barcodes", ("barcode", "oligo_name", "dna_count", "rna_count"), *rows)
    sums = [(NAMES[of], dna[oligo == of].sum(), rna[oligo == of].sum(), (oligo == of).sum()) for of in range(20)]
    write(tmp_path / "oligos", ("oligo_name", "dna_counts", "rna_counts", "n_bc"), *sums)
    monkeypatch.setattr(text_tables, "_BLOCK_BYTES", 500)
    by_barcode, _, _ = run(tmp_path, mpra_source("barcodes", level="barcode", scale=SCALE))
    columns = {"replicate": None, "dna": "dna_counts", "rna": "rna_counts"}
    of_oligos = mpra_source("oligos", columns=columns, normalised=False, scale=SCALE)
    by_oligo, _, _ = run(tmp_path, of_oligos)
    assert len(by_oligo) == 20
    for text, row in by_barcode.items():
        assert row["expression"] == pytest.approx(by_oligo[text]["expression"], abs=1e-5)


def test_replicates_in_files_of_their_own_joined_by_sequence(tmp_path):
    header = ("seq", "rna", "dna", "n")
    columns = {"name": "seq", "replicate": None, "dna": "dna", "rna": "rna", "barcodes": "n"}
    write(tmp_path / "one", header, (TEXTS[0], 4, 1, 20), (TEXTS[1], 1, 1, 20))
    write(tmp_path / "two", header, (TEXTS[0], 2, 1, 20))
    write(tmp_path / "three", header, (TEXTS[0], 1, 1, 20), (TEXTS[1], 4, 1, 20))
    designs = {"file": "one", "header": True, "columns": {"sequence": "seq"}}
    source = mpra_source("one", "two", "three", designs=designs, columns=columns, scale=SCALE)
    found, report, _ = run(tmp_path, source)
    assert {text: row["expression"] for text, row in found.items()} == {TEXTS[0]: 10, TEXTS[1]: 10}
    np.testing.assert_array_equal([found[TEXTS[0]][f"replicate_{n}"] for n in (1, 2)], [13, 10])
    np.testing.assert_array_equal([found[TEXTS[1]][f"replicate_{n}"] for n in (1, 2)], [7, np.nan])
    assert len(report["sources"]["a"]["tables_sha256"]) == 3
    assert_every_row_is_accounted_for(report, found)


def test_a_table_of_designs_selected_and_repeated(tmp_path):
    rows = [("name", "sequence", "class"), ("a b[1]", TEXTS[0], "test"), ("c", TEXTS[1], "test")]
    write(tmp_path / "a", *rows, ("c", TEXTS[1].lower(), "test"), ("d", TEXTS[2], "element active control"))
    write_oligos(tmp_path / "m", ("1", "a_b_1_", 1, 2, 10), ("1", "c", 1, 1, 10), ("1", "d", 1, 1, 10))
    designs = {"header": True, "columns": {"sequence": "sequence", "name": "name"}}
    designs |= {"select": {"column": "class", "value": "test"}}
    found, report, _ = run(tmp_path, mpra_source(designs=designs, scale=SCALE))
    assert {text: row["expression"] for text, row in found.items()} == {TEXTS[0]: 10, TEXTS[1]: 7}
    counts = report["sources"]["a"]
    assert (counts["rows_in_file"], counts["rows"], counts["dropped_repeated_design"]) == (4, 3, 1)
    assert_every_row_is_accounted_for(report, found)


@pytest.mark.parametrize(
    ("rows", "mpra", "message"),
    [
        ([("1", "x", 1, 1, 20)], {}, r"a: no design is measured in .*m. Oligos there are called 'x' …, .* 'oligo_0', "),
        ([("1", NAMES[0], 1, 1, 20)] * 2, {}, "m, line 3: the oligo 'oligo_0' is there twice in the replicate '1'"),
        (
            [("1", NAMES[0], -1, 1, 20)],
            {},
            "m, line 2: column 'dna_normalized' is '-1' but must be a number of at least",
        ),
        ([("1", NAMES[0], 1, 1, 20)], {"columns": {"name": "name"}}, "m: .*'name'.*mpra.columns"),
        ([("1", NAMES[0], 1, 1, 20)], {"level": "barcode"}, r"m has no column dna_count_….*mpra.level: oligo"),
        ([("1", NAMES[0], 1, 1, 20)], {"scale": {}}, "source 'a': the quantiles 0.01 and 0.99 of 1 values are 0 and 0"),
        ([], {}, "m.* no rows"),
    ],
)
def test_mistakes_in_tables_are_named(tmp_path, rows, mpra, message):
    write_fasta(tmp_path / "a")
    write_oligos(tmp_path / "m", *rows)
    with pytest.raises(ValueError, match=message):
        run(tmp_path, mpra_source(**mpra))


def test_a_name_of_two_sequences_is_refused(tmp_path):
    write_fasta(tmp_path / "a", ["x", "y", "x"])
    write_oligos(tmp_path / "m", ("1", "x", 1, 1, 20))
    with pytest.raises(
        ValueError, match=r"source 'a': .*a, line 7: the design 'x' has another sequence than on an earl"
    ):
        run(tmp_path, mpra_source())


def test_fasta_has_two_columns_and_its_lines_are_named(tmp_path):
    write_oligos(tmp_path / "m", ("1", NAMES[1], 1, 1, 20))
    write_fasta(tmp_path / "a", texts=[TEXTS[0], TEXTS[1][:-1] + "?"])
    with pytest.raises(ValueError, match=r"a, line 4: .* is not a DNA sequence"):
        run(tmp_path, mpra_source(scale=SCALE))
    designs = {"header": True, "columns": {"sequence": "sequence", "name": "name"}}
    with pytest.raises(ValueError, match=r"FASTA is read as a table .* has no column 'sequence'"):
        run(tmp_path, mpra_source(designs=designs))


def test_the_tables_are_data_files():
    source = mpra_source("one", "two")
    config = complete_config({"name": "x", "data": {"sources": [source]}, "runs": {"one": {}}})
    assert [entry["file"] for entry in files_of(config)] == ["a", "one", "two"]
