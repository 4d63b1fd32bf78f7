import gzip
import hashlib
import json

import numpy as np
import pytest
from training_tables import constructs_of, random_inserts, text_of

from training.data.assemble import assemble
from training.data.tables import read_attribute, read_table
from yeastpromoter.io import text_tables
from yeastpromoter.sequence.encoding import reverse_complement
from yeastpromoter.sequence.reporter import PTPA

TEXTS = text_of(constructs_of(random_inserts(20, 7)))


def source(file, /, **changes):
    return {
        "name": file,
        "label": file,
        "file": file,
        "sha256": None,
        "header": False,
        "separator": "\t",
        "columns": {"sequence": 0, "expression": 1, "replicates": []},
        "select": None,
        "trim": {"left": 0, "right": 0},
        "sequence_type": "construct",
        "check_adapters": True,
        "calibration": {"slope": 1, "intercept": 0},
        "weight": 1,
    } | changes


def run(folder, *sources, held_out=(), other_lengths="error"):
    """Assemble; return the columns by sequence, the report and the table's sources."""
    data = {"folder": str(folder), "other_lengths": other_lengths, "sources": list(sources), "held_out": list(held_out)}
    assemble(data, folder / "out.h5", folder / "out.json")
    columns = read_table(folder / "out.h5")
    rows = {
        sequence.decode(): {name: values[row] for name, values in columns.items()}
        for row, sequence in enumerate(columns["sequence"])
    }
    return rows, json.loads((folder / "out.json").read_text()), read_attribute(folder / "out.h5", "sources")


def assert_every_row_is_accounted_for(report, table):
    for name, counts in report["sources"].items():
        dropped = sum(number for reason, number in counts.items() if reason.startswith("dropped_"))
        assert counts["rows"] == counts["kept_measurements"] + dropped, name
    assert report["measurements"] == sum(counts["kept_measurements"] for counts in report["sources"].values())
    assert report["constructs"] == report["measurements"] - report["merged_away"] == len(table)
    assert report["constructs"] == sum(counts["constructs"] for counts in report["by_source"].values())


def write(path, *rows):
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))


def test_values_trimmed_calibrated_and_clipped(tmp_path):
    rows = [("s", "kind", "value", "r1", "r2")]
    left, right = PTPA.left_flank[-3:], PTPA.right_flank[:7]
    values = [(4, 3, 5), (20, 20, 20), (-5, -5, -5), (8, 8, 8)]
    rows += [(left + text.lower() + right, "yes", *value) for text, value in zip(TEXTS, values, strict=False)]
    rows += [(left + TEXTS[4] + right, "no", 1, 1, 1), (left + TEXTS[5] + right, "yes", "NA", 1, 1)]
    write(tmp_path / "a", *rows)
    found, report, sources = run(
        tmp_path,
        source(
            "a",
            header=True,
            columns={"sequence": "s", "expression": "value", "replicates": ["r1", "r2"]},
            select={"column": "kind", "value": "yes"},
            trim={"left": 3, "right": 7},
            calibration={"slope": 0.5, "intercept": 1},
            weight=2,
        ),
    )
    assert list(found) == TEXTS[:4]
    assert [found[text]["expression"] for text in TEXTS[:4]] == [3, 11, 0, 5]
    assert [found[TEXTS[0]][name] for name in ("replicate_1", "replicate_2")] == [2.5, 3.5]
    assert found[TEXTS[0]]["weight"] == 2
    assert sources == ["a"]
    counts = report["sources"]["a"]
    assert (counts["rows_in_file"], counts["rows"]) == (6, 5)
    assert (counts["dropped_without_value"], counts["clipped_to_scale"]) == (1, 1)
    assert_every_row_is_accounted_for(report, found)
    assert counts["file_sha256"] == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()


def test_values_of_another_unit_are_refused(tmp_path):
    fluorescence = [1200.5, 3400, 17.5, *range(3, 8)]
    write(tmp_path / "a", *zip(TEXTS, [*fluorescence, 20, 30, 40, 50], strict=False))
    message = (
        r"source 'a': 7 of 12 values of .*a are beyond 0 to 17.* from 3 to 3400. They .*fluorescence.* calibration"
    )
    with pytest.raises(ValueError, match=message):
        run(tmp_path, source("a"))
    # A half of log ratios is below 0, give or take.
    write(tmp_path / "a", *zip(TEXTS, [-2, -1.5, -1, -0.5, -0.1, 0.1, 0.5, 1, 1.5, 2, 2.5], strict=False))
    with pytest.raises(ValueError, match=r"5 of 11 values .* from -2 to 2.5. They .*it needs a calibration"):
        run(tmp_path, source("a"))
    with pytest.raises(ValueError, match=r"7 of 11 .* from -19.5 to 34.5 after the calibration 12 \* value \+ 4.5"):
        run(tmp_path, source("a", calibration={"slope": 12, "intercept": 4.5}))
    found, _, _ = run(tmp_path, source("a", calibration={"slope": 2, "intercept": 4}))
    assert [found[text]["expression"] for text in TEXTS[:3]] == [0, 1, 2]


def test_some_values_beyond_the_scale_are_warned_of(tmp_path, capsys):
    values = [-0.25, 17.25, *range(18)]
    write(tmp_path / "a", *zip(TEXTS, values, strict=True))
    found, report, _ = run(tmp_path, source("a"))
    assert [found[text]["expression"] for text in TEXTS[:3]] == [0, 17, 0]
    (warning,) = report["warnings"]
    assert "2 of 20 values" in warning
    assert "from -0.25 to 17.25" in warning
    assert f"Warning: {warning}\n" in capsys.readouterr().err
    write(tmp_path / "a", *zip(TEXTS, [-0.25, 17, *range(18)], strict=True))
    _, report, _ = run(tmp_path, source("a"))
    assert report["sources"]["a"]["clipped_to_scale"] == 1
    assert report["warnings"] == [], "1 of 20 is noise"


def test_what_is_left_out_is_said(tmp_path, capsys):
    write(tmp_path / "a", *((text, "NA" if number < 2 else number) for number, text in enumerate(TEXTS[:6])))
    _, report, _ = run(tmp_path, source("a"))
    said = capsys.readouterr().err
    assert "source 'a': 4 of 6 rows kept\n" in said
    assert "of the 6 rows of source 'a', dropped_without_value 2\n" in said
    assert report["warnings"] == []
    write(tmp_path / "a", *((text[: 110 - (number > 1)], number) for number, text in enumerate(TEXTS[:6])))
    _, report, _ = run(tmp_path, source("a"), other_lengths="drop")
    (warning,) = report["warnings"]
    assert warning == "most rows are left out: of the 6 rows of source 'a', dropped_for_length 4"
    assert f"Warning: {warning}\n" in capsys.readouterr().err


def test_repeated_measurements_are_merged_by_weight(tmp_path, capsys):
    write(tmp_path / "a", (TEXTS[0], 4), (TEXTS[1], 8), (TEXTS[0], 6))
    write(tmp_path / "b", (TEXTS[1], 2), (TEXTS[2], 3))
    found, report, sources = run(tmp_path, source("a", weight=2), source("b", label="other", weight=1))
    assert sources == ["a", "other"]
    assert found[TEXTS[0]]["expression"] == 5
    assert found[TEXTS[1]]["expression"] == 6, "(2 * 8 + 1 * 2) / 3"
    assert [found[text]["weight"] for text in TEXTS[:3]] == [4, 3, 1]
    assert [found[text]["source"] for text in TEXTS[:3]] == [0, 0, 1]
    assert (found[TEXTS[1]]["replicate_1"], found[TEXTS[1]]["replicate_2"]) == (8, 2)
    assert np.isnan(found[TEXTS[2]]["replicate_1"])
    assert (report["measurements"], report["constructs"], report["merged_away"]) == (5, 3, 2)
    assert "2 repeated measurements of a construct are merged: 3 constructs" in capsys.readouterr().err


@pytest.mark.parametrize("other_lengths", ["error", "drop", "fit"])
def test_other_lengths(tmp_path, other_lengths):
    short, long = TEXTS[1][:50] + TEXTS[1][53:], TEXTS[2][:50] + "AC" + TEXTS[2][50:]
    write(tmp_path / "a", (TEXTS[0], 1), (short, 2), (long, 3), ("ACG", 4))
    if other_lengths == "error":
        with pytest.raises(ValueError, match=r"a, line 2: the construct is 107 bp .* 3 rows are not"):
            run(tmp_path, source("a"))
        return
    found, report, _ = run(tmp_path, source("a"), other_lengths=other_lengths)
    counts = report["sources"]["a"]
    if other_lengths == "drop":
        assert list(found) == TEXTS[:1]
        assert counts["dropped_for_length"] == 3
    else:
        # 107 + 2 bases of the plasmid on the left and 1 on the right; one base off each end of the longer one.
        assert list(found) == [TEXTS[0], PTPA.left_flank[-2:] + short + PTPA.right_flank[0], long[1:-1]]
        assert list(found)[1] == PTPA.fit_construct(short)
        assert [found[text]["fitted"] for text in found] == [False, True, True]
        assert (counts["fitted"], counts["dropped_for_length"]) == (2, 1)
    assert_every_row_is_accounted_for(report, found)


def test_inserts_get_the_adapters(tmp_path):
    insert = TEXTS[0][17:-13]
    write(tmp_path / "a", (insert, 1))
    found, _, _ = run(tmp_path, source("a", sequence_type="insert"))
    assert list(found) == [PTPA.left_adapter + insert + PTPA.right_adapter] == TEXTS[:1]


def test_fitted_inserts_keep_the_adapters(tmp_path):
    insert = TEXTS[0][17:-13]
    write(tmp_path / "a", (insert + "ACG", 1), (insert[:77], 2), (insert[:54], 3), (insert * 2, 4))
    found, report, _ = run(tmp_path, source("a", sequence_type="insert"), other_lengths="fit")
    long = (insert + "ACG")[2:82]
    assert list(found) == [
        PTPA.left_adapter + long + PTPA.right_adapter,
        PTPA.left_flank[-2:] + PTPA.left_adapter + insert[:77] + PTPA.right_adapter + PTPA.right_flank[0],
    ]
    counts = report["sources"]["a"]
    assert (counts["fitted"], counts["dropped_for_length"]) == (2, 2)


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (
            [TEXTS[0], TEXTS[1][::-1]],
            {},
            r"1 of 2 sequences .*: line 2 \(a construct written backwards",
        ),
        (
            [TEXTS[0], TEXTS[1]],
            {"trim": {"left": 0, "right": 10}},
            r"line 1 \(a sequence with the left adapter",
        ),
        ([TEXTS[0][17:97], TEXTS[1][:80]], {"sequence_type": "insert"}, r"1 of 2 .*have an adapter.*: line 2"),
        ([TEXTS[0][17:97], TEXTS[1][30:]], {"sequence_type": "insert"}, r"1 of 2 .*have an adapter.*: line 2"),
        ([TEXTS[0], PTPA.left_adapter + "N" * 80 + PTPA.right_adapter], {}, "line 2: the insert holds nothing but N"),
    ],
)
def test_what_is_not_the_sequence_type_is_refused(tmp_path, rows, changes, message):
    write(tmp_path / "a", *((text, 1) for text in rows))
    with pytest.raises(ValueError, match=message):
        run(tmp_path, source("a", **changes), other_lengths="fit")


def test_the_check_of_the_adapters_can_be_switched_off(tmp_path):
    write(tmp_path / "a", (TEXTS[0], 1), (TEXTS[1][::-1], 2))
    found, _, _ = run(tmp_path, source("a", check_adapters=False))
    assert list(found) == [TEXTS[0], TEXTS[1][::-1]]


def substituted(text, *places):
    partner = dict(zip("ACGT", "CGTA", strict=True))
    letters = list(text)
    for place in places:
        letters[place] = partner[letters[place]]
    return "".join(letters)


def test_what_resembles_a_held_out_sequence_is_left_out(tmp_path):
    held = TEXTS[0]
    insert = held[17:97]
    # Substitutions so close together that no 30-mer is left in common, or spread so that none is.
    within = substituted(held, 25, 50, 75)
    beyond = substituted(held, 25, 45, 65, 85)
    shared = PTPA.left_adapter + TEXTS[5][17:67] + insert[:30] + PTPA.right_adapter
    backward = PTPA.left_adapter + text_of(reverse_complement(constructs_of(random_inserts(20, 7))))[0][13:43]
    backward += TEXTS[6][47:97] + PTPA.right_adapter
    almost = PTPA.left_adapter + TEXTS[7][17:68] + insert[:29] + PTPA.right_adapter
    write(tmp_path / "a", *((text, 5) for text in (held, within, beyond, shared, backward, almost)))
    with gzip.open(tmp_path / "held.gz", "wt") as file:
        file.write(f"{held.lower()}\tignored\n{TEXTS[9]}\t0")
    digest = hashlib.sha256((tmp_path / "held.gz").read_bytes()).hexdigest()
    found, report, _ = run(tmp_path, source("a"), held_out=[{"file": "held.gz", "sha256": digest}])
    assert list(found) == [beyond, almost]
    counts = report["sources"]["a"]
    assert report["held_out_sequences"] == 2
    assert counts["dropped_held_out_identical"] == 1
    assert counts["dropped_held_out_near"] == 1
    assert counts["dropped_held_out_shared_kmer"] == 2
    assert counts["kept_measurements"] == 2
    assert_every_row_is_accounted_for(report, found)


def test_agreement_of_two_sources_is_a_line(tmp_path):
    values = np.arange(1, 7)
    write(tmp_path / "a", *((text, 2 * value + 1) for text, value in zip(TEXTS, values, strict=False)))
    write(tmp_path / "b", *((text, value) for text, value in zip(TEXTS, values, strict=False)))
    _, report, _ = run(tmp_path, source("a"), source("b"))
    (pair,) = report["agreement"]
    assert pair["sources"] == ["a", "b"]
    assert pair["sequences"] == 6
    assert pair["pearson"] == pytest.approx(1)
    # No interval over so few.
    assert pair["line_second_to_first"] == {
        "slope": {"value": pytest.approx(2), "low": None, "high": None},
        "intercept": {"value": pytest.approx(1), "low": None, "high": None},
    }


def test_agreement_is_of_values_as_they_were_measured_and_noise_does_not_flatten_it(tmp_path):
    rng = np.random.default_rng(8)
    texts = text_of(constructs_of(random_inserts(1500, 8)))
    truth = rng.normal(9, 3, len(texts))
    replicates = truth + rng.normal(0, 2, (2, len(texts)))
    write(tmp_path / "a", *zip(texts, 1.2 * truth - 2 + rng.normal(0, 1, len(texts)), strict=True))
    write(tmp_path / "b", *zip(texts, replicates.mean(axis=0), *replicates, strict=True))
    columns = {"sequence": 0, "expression": 1, "replicates": [2, 3]}
    found, report, _ = run(tmp_path, source("a"), source("b", columns=columns))
    (pair,) = report["agreement"]
    line = pair["line_second_to_first"]["slope"]
    assert line["low"] < 1.2 < line["high"]
    # Of the variance of the second 9 / (9 + 2) is signal.
    assert pair["ordinary_line"]["slope"] == pytest.approx(1.2 * 9 / 11, abs=0.05)
    assert pair["error_sd"] == {"first": pytest.approx(1, rel=0.15), "second": pytest.approx(2**0.5, rel=0.1)}
    assert report["sources"]["a"]["clipped_to_scale"] > 20
    assert all(0 <= row["expression"] <= 17 for row in found.values())


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([(TEXTS[0], "x")], {}, "a, line 1: column 1 is 'x' but must be a number"),
        ([(TEXTS[0], 1), (TEXTS[2], 1), (TEXTS[1], "inf")], {}, "a, line 3: column 1 is 'inf' but must be a number"),
        ([(TEXTS[0], "2,44")], {}, "a, line 1: column 1 is '2,44' but must be a number. Is the comma a decimal comma"),
        (
            [(TEXTS[0], 1, 2, "x")],
            {"columns": {"sequence": 0, "expression": 1, "replicates": [2, 3]}},
            "a, line 1: column 3 is 'x' but must be a number",
        ),
        ([(TEXTS[0], 1), (TEXTS[1], 1, 1)], {}, "a: line 2 has 3 columns, but the first .* has 2"),
        ([], {}, "source 'a': .*a: the file is empty"),
        (
            [("s", "v"), (TEXTS[0], 1, 2)],
            {"header": True, "columns": {"sequence": "s", "expression": "v"}},
            r"a: line 2 has 3 columns, but the first line .* has 2\. .*row\.names=FALSE",
        ),
        ([(TEXTS[0], 1), (TEXTS[1][:-1] + "U", 1)], {}, "a, line 2: .* is not a DNA sequence"),
        ([(TEXTS[0] + " ", 1)], {}, "a, line 1: .* There are blanks around it"),
        ([(TEXTS[0], 1)], {"trim": {"left": 60, "right": 50}}, "the sequence has 110 bp, but trim cuts 110 bp off"),
        (
            [(TEXTS[0], 1)],
            {"columns": {"sequence": 0, "expression": 4}},
            "source 'a': .*a: has no column 4: .* 0 '[ACGT]+', 1 '1'$",
        ),
        ([(TEXTS[0], 1)], {"separator": ","}, r"a: has no column 1: .* It looks separated by tabs"),
        (
            [("s", "s"), (TEXTS[0], 1)],
            {"header": True, "columns": {"sequence": "s", "expression": "s"}},
            "a: has more than one column named 's'",
        ),
        ([(TEXTS[0], 1)], {"sha256": "0" * 64}, "a has sha256 .* but the configuration says 0000"),
        ([(TEXTS[0], 1)], {"file": "b"}, "b is missing: get it with the download step"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, rows, changes, message):
    write(tmp_path / "a", *rows)
    with pytest.raises(ValueError, match=message):
        run(tmp_path, source("a", **changes))


def test_a_gzip_file_that_is_cut_short_is_named(tmp_path):
    content = gzip.compress("".join(f"{text}\t5\n" for text in TEXTS).encode())
    (tmp_path / "a.gz").write_bytes(content[:-20])
    with pytest.raises(ValueError, match=r"a\.gz: the gzip file ends before its end: it is truncated"):
        run(tmp_path, source("a.gz"))


def test_blank_lines_at_the_end_are_not_rows_and_others_are_errors(tmp_path):
    held_out = [{"file": "held", "sha256": None}]
    (tmp_path / "a").write_text(f"{TEXTS[0]}\t5\n{TEXTS[1]}\t6\n\n\r\n")
    (tmp_path / "held").write_text(f"{TEXTS[1]}\n\n")
    found, report, _ = run(tmp_path, source("a"), held_out=held_out)
    assert list(found) == TEXTS[:1]
    assert report["sources"]["a"]["rows"] == 2
    assert_every_row_is_accounted_for(report, found)
    (tmp_path / "a").write_text(f"{TEXTS[0]}\t5\n\n{TEXTS[1]}\t6\n")
    with pytest.raises(ValueError, match="a: line 2 is empty, but the first line of the tab-separated table has 2"):
        run(tmp_path, source("a"))
    (tmp_path / "held").write_text(f"{TEXTS[1]}\n\n{TEXTS[2]}\n")
    with pytest.raises(ValueError, match="held, line 2: '' is not a DNA sequence"):
        run(tmp_path, source("a"), held_out=held_out)


def test_a_quotation_mark_that_is_not_closed_takes_no_rows_with_it(tmp_path):
    names = ['"p0', "p1", 'p"2', '"p3"', '"p4', "p5"]
    write(tmp_path / "a", ("name", "s", "v"), *zip(names, TEXTS, range(6), strict=False))
    named = {"header": True, "columns": {"sequence": "s", "expression": "v"}}
    found, report, _ = run(tmp_path, source("a", **named))
    assert {text: row["expression"] for text, row in found.items()} == dict(zip(TEXTS, range(6), strict=False))
    assert report["sources"]["a"]["rows_in_file"] == 6


def test_a_held_out_sequence_without_a_30_mer_is_named(tmp_path):
    write(tmp_path / "a", (TEXTS[0], 1))
    write(tmp_path / "held", (TEXTS[1],), ("ACGT",))
    with pytest.raises(ValueError, match="held, line 2: a held-out sequence is 4 bp long but must have 30 or more"):
        run(tmp_path, source("a"), held_out=[{"file": "held", "sha256": None}])


def test_held_out_sequences_of_other_lengths_keep_what_shares_a_30_mer_away(tmp_path, capsys):
    write(tmp_path / "a", *[(text, 1) for text in TEXTS[:8]])
    backwards = np.frombuffer(TEXTS[2].encode(), dtype=np.uint8)[np.newaxis]
    held_out = [
        TEXTS[0][40:70],  # 30 bp: the whole of it is in the insert
        TEXTS[1][60:89] + "ACGTACGTACGTACG",  # 45 bp, of which 29 in a row are in the insert
        # 200 bp that hold 40 bp of an insert on the other strand.
        "A" * 90 + reverse_complement(backwards).tobytes().decode()[30:70] + "C" * 70,
        TEXTS[3][17:97],  # an insert: as if it were the construct
        substituted(TEXTS[4], 20, 46, 72)[17:97],  # an insert, three substitutions away
        substituted(TEXTS[5], 20, 46, 72)[17:96],  # 79 bp, compared by 30-mers alone, of which none is left
        PTPA.left_adapter + TEXTS[6][17:46],  # 29 bp of the insert: the adapter does not count
    ]
    write(tmp_path / "held", *[(text,) for text in held_out])
    found, report, _ = run(tmp_path, source("a"), held_out=[{"file": "held", "sha256": None}])
    assert set(found) == {TEXTS[1], TEXTS[5], TEXTS[6], TEXTS[7]}
    counts = report["sources"]["a"]
    assert [counts[f"dropped_held_out_{name}"] for name in ("shared_kmer", "identical", "near")] == [2, 1, 1]
    assert report["held_out_sequences"] == 7
    assert "5 held-out sequences are neither constructs (110 bp) nor inserts (80 bp)" in capsys.readouterr().err


SPLIT_VALUES = {"train": ["train", "A"], "test": ["test"], "validation": ["val"]}


def test_parts_of_a_column_and_of_a_whole_file(tmp_path):
    words = ["train", "TEST ", "val", "", "a"]
    write(tmp_path / "a", ("s", "v", "set"), *zip(TEXTS, range(5), words, strict=False))
    write(tmp_path / "b", (TEXTS[6], 1), (TEXTS[3], 5))
    named = {"header": True, "columns": {"sequence": "s", "expression": "v", "split": "set"}}
    found, report, _ = run(tmp_path, source("a", **named, split_values=SPLIT_VALUES), source("b", part="test"))
    # The fourth one has no part by its first measurement, but one by its second.
    assert [found[text]["part"] for text in TEXTS[:5]] == [0, 1, 2, 1, 0]
    assert found[TEXTS[6]]["part"] == 1
    assert_every_row_is_accounted_for(report, found)
    write(tmp_path / "c", (TEXTS[3], 5))
    assert "part" not in run(tmp_path, source("c"))[0][TEXTS[3]]


def test_parts_that_cannot_be_right_are_named(tmp_path):
    write(tmp_path / "a", (TEXTS[0], 1, "train"), (TEXTS[1], 1, "holdout"))
    columns = {"sequence": 0, "expression": 1, "split": 2}
    with pytest.raises(
        ValueError, match=r"a, line 2: 'holdout' in the column .* which has train: train, A; test: test"
    ):
        run(tmp_path, source("a", columns=columns, split_values=SPLIT_VALUES))
    write(tmp_path / "b", (TEXTS[0], 2), (TEXTS[2], 2))
    write(tmp_path / "c", (TEXTS[0], 1), (TEXTS[2], 2))
    with pytest.raises(ValueError, match=rf"2 constructs are in two parts .* such as ({TEXTS[0]}|{TEXTS[2]}): a net"):
        run(tmp_path, source("b", part="train"), source("c", part="test"))


@pytest.mark.parametrize("wrong", ["X" * 110, TEXTS[1].replace("T", "U"), TEXTS[1][:-1] + "É", "sequence"])
def test_a_held_out_sequence_with_other_letters_is_named(tmp_path, wrong):
    write(tmp_path / "a", (TEXTS[0], 1))
    (tmp_path / "held").write_text(f"{TEXTS[2]}\n{TEXTS[3][:-1]}n\n{wrong}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"held, line 3: '{wrong}' is not a DNA sequence of A, C, G, T and N"):
        run(tmp_path, source("a"), held_out=[{"file": "held", "sha256": None}])


def test_pieces_make_the_same_table_as_the_whole(tmp_path, monkeypatch):
    short = TEXTS[3][:50] + TEXTS[3][53:]
    near = substituted(TEXTS[9], 30)
    rows = [(TEXTS[0], 4), (near, 3), (TEXTS[1], 8), (TEXTS[0], 6), (short, 1), (TEXTS[2], "NA"), (TEXTS[0], 20)]
    write(tmp_path / "a", *rows)
    write(tmp_path / "b", (TEXTS[1], 2), (TEXTS[4], 2))
    write(tmp_path / "held", (TEXTS[9],), (TEXTS[8],), (TEXTS[7],))
    contents = []
    for size in (10_000, 250, 1):
        monkeypatch.setattr(text_tables, "_BLOCK_BYTES", size)
        held_out = [{"file": "held", "sha256": None}]
        found, report, _ = run(tmp_path, source("a"), source("b"), held_out=held_out, other_lengths="fit")
        contents.append(((tmp_path / "out.h5").read_bytes(), report))
    assert contents[0] == contents[1] == contents[2]
    assert list(found) == [TEXTS[0], TEXTS[1], PTPA.fit_construct(short), TEXTS[4]]
    assert found[TEXTS[0]]["expression"] == pytest.approx((4 + 6 + 17) / 3)
    assert (found[TEXTS[0]]["replicate_1"], found[TEXTS[0]]["replicate_2"]) == (4, 6)
    assert report["sources"]["a"]["dropped_held_out_near"] == 1
    assert_every_row_is_accounted_for(report, found)


def test_lines_are_counted_over_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(text_tables, "_BLOCK_BYTES", 250)
    write(tmp_path / "a", (TEXTS[0], 1), (TEXTS[4], 1), (TEXTS[1][3:], 1), (TEXTS[2], 1), (TEXTS[3][:-1], 1))
    with pytest.raises(ValueError, match=r"a, line 3: the construct is 107 bp long but must be 110; 2 rows are not"):
        run(tmp_path, source("a"))
    write(tmp_path / "a", ("s", "v"), *((text, 1) for text in TEXTS[:6]), (TEXTS[7], "x"))
    named = {"header": True, "columns": {"sequence": "s", "expression": "v"}}
    with pytest.raises(ValueError, match="a, line 8: column 'v' is 'x' but must be a number"):
        run(tmp_path, source("a", **named))


def test_a_source_without_rows_is_named(tmp_path):
    write(tmp_path / "a", (TEXTS[0], 1))
    write(tmp_path / "b", ("s", "v"))
    named = source("b", header=True, columns={"sequence": "s", "expression": "v"})
    with pytest.raises(ValueError, match=r"source 'b': .*b has no rows"):
        run(tmp_path, source("a"), named)


def test_a_selection_of_nothing_is_named_with_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(text_tables, "_BLOCK_BYTES", 250)
    write(tmp_path / "a", (TEXTS[0], 1, "TRUE"), (TEXTS[1], 1, "TRUE"), (TEXTS[2], 1, "FALSE"))
    message = "source 'a': no row of .*a has 'True' in the column 2: .* the first values there are 'TRUE', 'FALSE'$"
    with pytest.raises(ValueError, match=message):
        run(tmp_path, source("a", select={"column": 2, "value": "True"}))
    found, report, _ = run(tmp_path, source("a", select={"column": 2, "value": "FALSE"}))
    assert list(found) == [TEXTS[2]]
    assert report["sources"]["a"]["rows"] == 1


def test_nothing_left_of_all_sources_is_an_error_with_the_reasons(tmp_path):
    write(tmp_path / "a", (TEXTS[0], 1), (TEXTS[1], "NA"))
    write(tmp_path / "b", (TEXTS[0][:-5], 1))
    write(tmp_path / "held", (TEXTS[0],))
    message = (
        "nothing is left of the measurements: of the 2 rows of source 'a', dropped_without_value 1, "
        "dropped_held_out_identical 1; of the 1 rows of source 'b', dropped_for_length 1"
    )
    held_out = [{"file": "held", "sha256": None}]
    with pytest.raises(ValueError, match=message):
        run(tmp_path, source("a"), source("b"), held_out=held_out, other_lengths="drop")
    assert not (tmp_path / "out.h5").exists()
    write(tmp_path / "a", (TEXTS[1], 2))
    found, report, _ = run(tmp_path, source("a"), source("b"), held_out=held_out, other_lengths="drop")
    assert list(found) == [TEXTS[1]]
    assert report["sources"]["b"]["kept_measurements"] == 0, "one source may be left out whole"
