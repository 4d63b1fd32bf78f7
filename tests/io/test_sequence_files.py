import gzip
import pickle
import random
import time
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeastpromoter.io import text_files
from yeastpromoter.io.sequence_files import SequenceFile
from yeastpromoter.sequence.encoding import one_hot
from yeastpromoter.sequence.reporter import PTPA


def dna(length, seed=0):
    return "".join(random.Random(f"{seed} {length}").choices("ACGT", k=length))


def construct(length=110, seed=0):
    """Make a sequence of some length with both adapters."""
    return PTPA.add_adapters(dna(length - 30, seed))


CONSTRUCTS = [construct(seed=seed) for seed in range(6)]
S = CONSTRUCTS[0]


@pytest.fixture
def store(tmp_path):
    """Write a text and give its path."""

    def write(text, name="sequences"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def decoded(batch):
    return [row.tobytes().decode() for row in batch.constructs]


def everything(file):
    return file.read(np.arange(len(file)))


def rows(*cells, delimiter="\t"):
    return "".join(delimiter.join(map(str, row)) + "\n" for row in cells)


LAYOUTS = {
    "FASTA": "".join(f">s{i} words\n{s}\n" for i, s in enumerate(CONSTRUCTS)),
    "wrapped FASTA": "".join(f">s{i}\n{s[:60]}\n{s[60:]}\n" for i, s in enumerate(CONSTRUCTS)),
    "tab": rows(*((f"s{i}", s, i) for i, s in enumerate(CONSTRUCTS))),
    "tab with header": rows(("id", "seq", "n"), *((f"s{i}", s, i) for i, s in enumerate(CONSTRUCTS))),
    "comma": rows(*((f"s{i}", s, i) for i, s in enumerate(CONSTRUCTS)), delimiter=","),
    "comma, quoted": rows(*((f'"s{i}"', f'"{s}"', i) for i, s in enumerate(CONSTRUCTS)), delimiter=","),
    "list": "".join(s + "\n" for s in CONSTRUCTS),
}
ENDINGS = {
    "LF": lambda text: text.encode(),
    "CR LF": lambda text: text.replace("\n", "\r\n").encode(),
    "no final line end": lambda text: text.removesuffix("\n").encode(),
    "blank lines at the end": lambda text: text.encode() + b"\n\r\n",
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "lower case": lambda text: text.replace("A", "a").replace("T", "t").encode(),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_records_from_every_layout(store, layout, ending):
    table = layout.startswith(("tab", "comma"))
    arguments = {"sequence_column": 1, "id_column": 0, "target_columns": 2} if table else {}
    file = SequenceFile(store(ENDINGS[ending](LAYOUTS[layout])), **arguments)
    batch = file.read([5, 0, 3, 4])
    assert [sequence.upper() for sequence in decoded(batch)] == [CONSTRUCTS[i] for i in (5, 0, 3, 4)]
    assert batch.ids.tolist() == (["5", "0", "3", "4"] if layout == "list" else ["s5", "s0", "s3", "s4"])
    assert batch.records.tolist() == [5, 0, 3, 4]
    assert batch.lengths.tolist() == [110] * 4
    if table:
        assert batch.targets.tolist() == [[5], [0], [3], [4]]
        assert batch.targets.dtype == np.float32
    else:
        assert batch.targets is None
    assert (len(file), file.n_records, file.notes) == (6, 6, ())
    assert pickle.loads(pickle.dumps(file)).read([2]).ids.tolist() == (["2"] if layout == "list" else ["s2"])


@settings(max_examples=60)
@given(
    lengths=st.lists(st.sampled_from([85, 97, 109, 110, 110, 111, 135]), min_size=1, max_size=12),
    block=st.integers(1, 400),
    layout=st.sampled_from(["list", "FASTA", "wrapped", "table"]),
    other_lengths=st.sampled_from(["fit", "drop"]),
    data=st.data(),
)
def test_blocks_and_lengths_against_a_plain_reader(tmp_path_factory, lengths, block, layout, other_lengths, data):
    sequences = [construct(length, seed) for seed, length in enumerate(lengths)]
    path = tmp_path_factory.mktemp("files") / "sequences"
    form = {"list": "{s}\n", "FASTA": ">i{i} x\n{s}\n", "wrapped": ">i{i}\n{a}\n{b}\n", "table": "{s}\ti{i}\t{i}.5\n"}
    path.write_text("".join(form[layout].format(i=i, s=s, a=s[:7], b=s[7:]) for i, s in enumerate(sequences)))
    arguments = {"id_column": 1, "target_columns": [2]} if layout == "table" else {}
    kept = [i for i, s in enumerate(sequences) if other_lengths == "fit" or len(s) == 110]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "BLOCK_BYTES", block)
        if not kept:
            with pytest.raises(ValueError, match="leaves none"):
                SequenceFile(path, other_lengths=other_lengths, **arguments)
            return
        file = SequenceFile(path, other_lengths=other_lengths, **arguments)
    assert len(file) == len(kept)
    assert file.n_dropped == len(sequences) - len(kept)
    assert file.n_fitted == (sum(length != 110 for length in lengths) if other_lengths == "fit" else 0)
    indices = data.draw(st.lists(st.integers(0, len(kept) - 1), max_size=8))
    batch = file.read(indices)
    records = [kept[i] for i in indices]
    assert decoded(batch) == [PTPA.fit_construct(sequences[i]) for i in records]
    assert batch.records.tolist() == records
    assert batch.lengths.tolist() == [lengths[i] for i in records]
    assert batch.ids.tolist() == [str(i) if layout == "list" else f"i{i}" for i in records]
    if layout == "table":
        assert batch.targets.tolist() == [[i + 0.5] for i in records]


def test_eighteen_targets_in_the_chosen_order(store):
    buckets = np.random.default_rng(0).uniform(size=(3, 18)).round(4)
    header = ["seq", *(f"b{i}" for i in range(18))]
    path = store(rows(header, *([s, *values] for s, values in zip(CONSTRUCTS, buckets.tolist(), strict=False))))
    file = SequenceFile(path, target_columns=[f"b{i}" for i in range(17, -1, -1)])
    np.testing.assert_array_equal(file.read([2, 0]).targets, buckets[[2, 0], ::-1].astype(np.float32))


@pytest.mark.parametrize("cells", [("id", "seq", "el"), ("seq", "el", "id")])
def test_doubled_carriage_returns_are_part_of_the_line_end(store, cells):
    values = [{"id": f"i{n}", "seq": s, "el": n} for n, s in enumerate(CONSTRUCTS)]
    text = rows(cells, *([row[cell] for cell in cells] for row in values), delimiter=",").replace("\n", "\r\r\n")
    for ending in ("", "\r\r\n"):
        path = store(text.removesuffix("\r\r\n") + ending)
        batch = everything(SequenceFile(path, sequence_column="seq", id_column="id", target_columns="el"))
        assert batch.ids.tolist() == [f"i{n}" for n in range(6)]
        assert batch.targets[:, 0].tolist() == list(range(6))
        assert decoded(batch) == CONSTRUCTS


def test_an_id_may_have_a_thousand_letters_of_any_alphabet(store):
    names = ["a" * 1000, "é\xa0β " * 250]
    path = store(rows(*zip(names, CONSTRUCTS, strict=False)))
    assert everything(SequenceFile(path, id_column=0, sequence_column=1)).ids.tolist() == names


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (">" + " " * (8 << 20) + f"a\n{S}\n", {}),
        ((">" + " " * 4000 + f"a\n{S}\n") * 2000, {}),
        (f">a\n{S}\n" + "\n" * (8 << 20) + f">b\n{S}\n", {}),
        (f">a\n{S}\n>b" + "\r" * (8 << 20) + f"\n{S}\n", {}),
        (f'{S},"' + "," * (1 << 19) + '"\n', {"id_column": 1}),
        (f"{S},a\n{S}," + '"' * (4 << 20) + "\n", {}),
        (f'{S},""\n' * 60_000, {"id_column": 1}),
    ],
    ids=["blanks in a header", "blanks in headers", "blank lines", "returns", "commas", "quotes", "quoted cells"],
)
def test_time_grows_with_the_size_of_the_file(store, text, arguments):
    """Each takes a second at most, but minutes where time grows with the square of something."""
    path = store(text)
    start = time.process_time()
    with suppress(ValueError):  # an id that is too long
        SequenceFile(path, **arguments)
    assert time.process_time() - start < 20


def test_header_names_choose_columns(store):
    path = store(rows(("name", "EL", " seq "), ("a", 1.5, CONSTRUCTS[0]), ("b", -2, CONSTRUCTS[1]), delimiter=","))
    batch = everything(SequenceFile(path, sequence_column="seq", id_column="name", target_columns="EL"))
    assert decoded(batch) == CONSTRUCTS[:2]
    assert batch.ids.tolist() == ["a", "b"]
    assert batch.targets.tolist() == [[1.5], [-2]]


def test_ids_of_any_alphabet_and_without(store):
    path = store(rows(("β", CONSTRUCTS[0]), ("", CONSTRUCTS[1])))
    assert everything(SequenceFile(path, id_column=0, sequence_column=1)).ids.tolist() == ["β", "1"]
    assert everything(SequenceFile(store(f">\n{CONSTRUCTS[0]}\n>x\n{CONSTRUCTS[1]}\n"))).ids.tolist() == ["0", "x"]


class TestGeometry:
    def test_inserts_get_the_adapters(self, store):
        inserts = [dna(80, seed) for seed in range(3)]
        batch = everything(SequenceFile(store("\n".join(inserts)), sequence_type="insert"))
        assert decoded(batch) == [PTPA.add_adapters(insert) for insert in inserts]
        assert batch.lengths.tolist() == [80, 80, 80]

    def test_inserts_of_other_lengths_are_fitted_after_the_adapters(self, store):
        inserts = [dna(length) for length in (80, 55, 75, 81, 105)]
        file = SequenceFile(store("\n".join(inserts)), sequence_type="insert", other_lengths="fit")
        assert decoded(everything(file)) == [PTPA.fit_insert(insert) for insert in inserts]
        assert file.n_fitted == 4
        assert file.notes == (
            f"{file.path}: 4 of 5 sequences are not 80 bp long and are fitted to constructs of 110 bp",
        )

    def test_error_names_the_first_offenders_and_the_options(self, store):
        lengths = [110, 99, 110, 115, 100, 101, 102, 103]
        path = store("".join(f">s{i}\n{construct(n, i)}\n" for i, n in enumerate(lengths)))
        with pytest.raises(ValueError, match="6 of 8 sequences are not 110 bp long") as error:
            SequenceFile(path)
        message = str(error.value)
        assert str(path) in message
        assert "record 1 's1' has 99 bp, record 3 's3' has 115 bp, record 4 's4' has 100 bp" in message
        assert "'s6' has 102 bp, …." in message
        assert "s7" not in message
        assert "other_lengths='drop'" in message
        assert "other_lengths='fit'" in message
        assert "sequence_column" not in message
        assert "sequence_type=" not in message.split("as sequence_type='construct' says")[1]

    @pytest.mark.parametrize("other_lengths", ["error", "fit"])
    def test_inserts_given_as_constructs(self, store, other_lengths):
        with pytest.raises(ValueError, match=r"2 of them have 80 bp: if they lack .* sequence_type='insert' is right"):
            SequenceFile(store(f"{dna(80)}\n{dna(80, 1)}\n"), other_lengths=other_lengths)

    @pytest.mark.parametrize("other_lengths", ["error", "fit"])
    def test_constructs_given_as_inserts(self, store, other_lengths):
        path = store("".join(f"{sequence}\n" for sequence in CONSTRUCTS[:2]))
        with pytest.raises(ValueError, match=r"2 of them are constructs, .*sequence_type='construct' is right"):
            SequenceFile(path, sequence_type="insert", other_lengths=other_lengths)

    def test_sequences_of_110_bp_that_are_neither(self, store):
        with pytest.raises(ValueError, match=r"2 of them have 110 bp but not the adapters .*an insert has 80 bp"):
            SequenceFile(store(f"{dna(110)}\n{dna(110, 1)}\n"), sequence_type="insert")

    def test_drop_counts_and_keeps_the_ids(self, store):
        path = store("".join(f">s{i}\n{construct(n, i)}\n" for i, n in enumerate([110, 99, 110, 111, 110])))
        file = SequenceFile(path, other_lengths="drop")
        assert (len(file), file.n_records, file.n_dropped) == (3, 5, 2)
        batch = everything(file)
        assert batch.ids.tolist() == ["s0", "s2", "s4"]
        assert batch.records.tolist() == [0, 2, 4]
        assert file.notes == (
            f"{path}: 2 of 5 sequences are left out because they are not 110 bp long: "
            "record 1 's1' has 99 bp, record 3 's3' has 111 bp",
        )

    def test_what_is_far_from_a_construct_is_not_fitted(self, store):
        path = store(f"{construct()}\n{construct(84)}\n")
        with pytest.raises(ValueError, match=r"1 of 2 .* more than 25 bp from 110 bp: record 1 \(line 2\)") as error:
            SequenceFile(path, other_lengths="fit")
        assert "--scan" not in str(error.value)
        path = store(f"{construct()}\n{construct(1040)}\n")
        with pytest.raises(
            ValueError, match=r"Up to 930 bp of a sequence would have been lost.*predict promoters.fa --scan"
        ):
            SequenceFile(path, other_lengths="fit")
        with pytest.raises(ValueError, match=r"1 of 2 sequences are not 110 bp long.*predict promoters.fa --scan"):
            SequenceFile(path)
        with pytest.raises(ValueError, match=r"Up to 960 bp .*predict promoters.fa --scan"):
            SequenceFile(path, other_lengths="fit", sequence_type="insert")


def reverse_complement(sequence):
    return sequence[::-1].translate(str.maketrans("ACGTacgt", "TGCAtgca"))


INSIDE = dna(80, 7)
REFUSED = {
    "the reverse complement of a construct": reverse_complement(CONSTRUCTS[0]),
    "a construct with its adapters swapped": PTPA.right_adapter + INSIDE + PTPA.left_adapter,
    "a construct written backwards": CONSTRUCTS[0][::-1],
    "the complement of a construct": reverse_complement(CONSTRUCTS[0])[::-1],
    "a sequence with the left adapter alone": PTPA.left_adapter + INSIDE + "ACGTACGTACGTA",
    "a sequence with the right adapter alone": "ACGTACGTACGTACGTA" + INSIDE + PTPA.right_adapter,
    "a sequence without adapters": dna(110, 8),
}


class TestAdapters:
    @pytest.mark.parametrize("form", REFUSED)
    def test_what_is_not_a_construct_is_named(self, store, form):
        path = store(f">a\n{CONSTRUCTS[0]}\n>b\n{REFUSED[form].lower()}\n")
        wanted = rf"1 of 2 sequences are not constructs.*: record 1 'b' has 110 bp \({form}\)\. .*check_adapters=False"
        with pytest.raises(ValueError, match=wanted):
            SequenceFile(path)
        batch = everything(SequenceFile(path, check_adapters=False))
        assert decoded(batch) == [CONSTRUCTS[0], REFUSED[form].lower()]

    def test_all_forms_are_counted_and_five_records_named(self, store):
        path = store("".join(f"{sequence}\n" for sequence in REFUSED.values()))
        with pytest.raises(ValueError, match="7 of 7 sequences are not constructs") as error:
            SequenceFile(path)
        for form in REFUSED:
            assert f"{form.capitalize()} (1 of them)" in str(error.value)
        assert str(error.value).count("has 110 bp") == 5

    @pytest.mark.parametrize("other_lengths", ["drop", "fit"])
    def test_other_lengths_do_not_change_that(self, store, other_lengths):
        path = store(f"{CONSTRUCTS[0]}\n{dna(110)}\n")
        with pytest.raises(ValueError, match="1 of 2 sequences are not constructs"):
            SequenceFile(path, other_lengths=other_lengths)
        with pytest.raises(ValueError, match="2 of 2 sequences are not constructs"):
            SequenceFile(store(f"{dna(105)}\n{dna(112)}\n"), other_lengths="fit")

    @pytest.mark.parametrize("positions", [(0, 8, 16), (97, 103, 109), (0, 5, 9, 97, 98, 99), tuple(range(17, 97))])
    def test_mutated_constructs_are_constructs(self, store, positions):
        letters = list(CONSTRUCTS[0])
        for position in positions:
            letters[position] = {"A": "C", "C": "G", "G": "T", "T": "A"}[letters[position]]
        assert len(SequenceFile(store("".join(letters)))) == 1

    def test_four_substitutions_in_an_adapter_are_too_many(self, store):
        letters = list(CONSTRUCTS[0])
        for position in (0, 5, 8, 16):
            letters[position] = {"A": "C", "C": "G", "G": "T", "T": "A"}[letters[position]]
        with pytest.raises(ValueError, match="the right adapter alone"):
            SequenceFile(store("".join(letters)))

    @pytest.mark.parametrize(
        "insert",
        [
            PTPA.add_adapters(dna(50)),
            PTPA.left_adapter + dna(63),
            PTPA.left_adapter + dna(70),
            dna(67) + PTPA.right_adapter,
            dna(80) + PTPA.right_adapter,
        ],
    )
    def test_inserts_with_adapters_are_refused(self, store, insert):
        with pytest.raises(ValueError, match=r"1 of 2 sequences have an adapter at an end, .*record 1"):
            SequenceFile(store(f"{dna(80)}\n{insert}\n"), sequence_type="insert", other_lengths="fit")
        taken = {"sequence_type": "insert", "other_lengths": "fit", "check_adapters": False}
        assert len(SequenceFile(store(f"{dna(80)}\n{insert}\n"), **taken)) == 2

    def test_the_switch_may_be_text_as_on_a_command_line(self, store):
        assert len(SequenceFile(store(dna(110)), check_adapters="false")) == 1
        with pytest.raises(ValueError, match="check_adapters must be one of True, False but is 'no'"):
            SequenceFile(store(dna(110)), check_adapters="no")


class TestUnknownBases:
    @pytest.mark.parametrize("sequence_type", ["construct", "insert"])
    def test_nothing_but_n(self, store, sequence_type):
        rows = [dna(80), "n" * 80]
        if sequence_type == "construct":
            rows = list(map(PTPA.add_adapters, rows))
        path = store("".join(f"{row}\n" for row in rows))
        with pytest.raises(ValueError, match=r"1 of 2 sequences hold nothing but N, .*: record 1 \(line 2\)"):
            SequenceFile(path, sequence_type=sequence_type, check_adapters=False)

    def test_a_construct_that_is_n_throughout_is_said_to_be_unknown_not_without_adapters(self, store):
        with pytest.raises(ValueError, match="1 of 2 sequences hold nothing but N"):
            SequenceFile(store(f"{CONSTRUCTS[0]}\n{'N' * 110}\n"))

    def test_many_n_are_counted(self, store):
        inserts = [dna(80), "N" * 8 + dna(72), "N" * 9 + dna(71), "NNN" + dna(70) + "N" * 7]
        file = SequenceFile(store("".join(f"{insert}\n" for insert in inserts)), sequence_type="insert")
        assert len(file) == 4
        assert file.notes == (
            f"{file.path}: 2 of 4 sequences hold more than 8 N, so their predictions are of little worth: "
            "record 2 (line 3) has 80 bp, record 3 (line 4) has 80 bp",
        )


class TestDuplicates:
    def test_are_counted_and_named(self, store):
        names = ["a", "b", "a", "c", "b", "a"]
        file = SequenceFile(store("".join(f">{n}\n{s}\n" for n, s in zip(names, CONSTRUCTS, strict=True))))
        assert file.n_duplicates == 5
        assert len(file) == 6
        assert "5 of 6 sequences share their id with another one: 'a' (record 0), 'b' (record 1)" in file.notes[0]
        assert "'c'" not in file.notes[0]

    def test_of_dropped_records_do_not_count(self, store):
        path = store(rows(("a", CONSTRUCTS[0]), ("a", construct(90)), ("b", CONSTRUCTS[1])))
        file = SequenceFile(path, id_column=0, sequence_column=1, other_lengths="drop")
        assert (file.n_dropped, file.n_duplicates, len(file.notes)) == (1, 0, 1)

    def test_record_numbers_are_none(self, store):
        assert SequenceFile(store(f"{CONSTRUCTS[0]}\n" * 3)).n_duplicates == 0


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("", {}, "the file is empty"),
        ("\n\n" + S, {}, "the first line is empty"),
        (f"{S}\n{S[:4]}U{S[5:]}\n", {}, r"record 1 \(line 2\) has 'U' at position 5 .*; is it RNA\? Replace U by T"),
        (f"{S}\tx\nACu\tx\n", {}, r"record 1 \(line 2\) has 'u' at position 3 .*is it RNA"),
        (f">a\n{S}\n>b\n{S[:60]}\n{S[:7]}X\n", {}, "record 1, id 'b', has 'X' at position 68"),
        (f"{S[:-1]}R\n", {}, "'R' at position 110 .*of the IUPAC codes .* only N is read"),
        (f"{S} \n", {}, "' ' at position 111"),
        (f"{S};1\n", {}, "';' at position 111 .* semicolons"),
        (f">a\n;made up\n{S}\n", {}, "';' at position 1 .* a comment line is not part of FASTA"),
        (f"{S[:9]}é{S[10:]}\n", {}, "'é' at position 10"),
        (f"{S}\r{S}\r", {}, "carriage returns alone"),
        (f"{S}\n{S}\r{S}\n", {}, r"line 2 holds a carriage return .*returns alone"),
        (f">a\n{S}\n>b\n>c\n{S}\n", {}, "record 1, id 'b', has no sequence"),
        (f"{S}\n\n{S}\n", {}, r"record 1 \(line 2\) has no sequence"),
        (f"{S}\t1\n\t2\n", {}, r"record 1 \(line 2\) has no sequence"),
        (f"seq\tEL\n{S}\t1\n{S}\n", {}, r"record 1 \(line 3\) has 1 column,"),
        ("seq\tEL\n", {}, "no records after the header"),
        (f"{S}\t1\n", {"target_columns": 2}, "no column 2"),
        (f"seq\tEL\n{S}\t1\n", {"target_columns": "MEL"}, "no column named 'MEL'"),
        (
            f"seq\tEL\n{S}\t1\n{S}\tNA\n",
            {"target_columns": "EL"},
            r"record 1 \(line 3\) has 'NA' in target column 'EL'",
        ),
        (f"{S}\t1\t2\n{S}\t1\t\n", {"target_columns": [1, 2]}, r"record 1 \(line 2\) has '' in target column 2"),
        (f"{S}\t1e39\n", {"target_columns": 1}, "has '1e39' in target column 1, but must have a finite number"),
        (
            f"{S}\t1\t2\n{S}\tx\t2\n{S}\t1\ty\n{S}\t1\t2\n",
            {"target_columns": [2, 1]},
            r"record 1 \(line 2\) has 'x' .* 1,",
        ),
        (f"{S}\n>a\n{S}\n", {}, r"record 1 \(line 2\) has '>' at position 1 .*is it FASTA"),
        ("-" * 110 + f"\n{S}\n", {}, r"record 0 \(line 1\) has '-' at position 1 .*alignment"),
        (f"{S}\tinf\n", {"target_columns": 1}, "has 'inf' in target column 1, but must have a finite number"),
        (
            f"name\tseq\nHO\t{S}\n",
            {},
            r"record 0 \(line 2\) has .* Does sequence_column choose the right column\?.* 'HO'",
        ),
        (
            f"TAG\t{S}\nACAT\t{S}\n",
            {},
            r"2 of 2 .* record 0 \(line 1\) has 3 bp.* Does sequence_column choose the right",
        ),
        (f">a\n{S}\n", {"target_columns": 1}, "is FASTA, which has neither columns"),
        (f"HO\t{S}\nCDC28\t{S}\n", {"header": False}, "Does sequence_column"),
        (b"a\xff\t" + S.encode(), {"id_column": 0, "sequence_column": 1}, "line 1 is not UTF-8: .* Save it as UTF-8"),
        (f"seq\tvalue (µg)\n{S}\t1\n".encode("latin-1"), {"sequence_column": "seq"}, "line 1 is not UTF-8"),
        (f"seq\tel\n{S}\t1\n{S}\t±5\n".encode("latin-1"), {"target_columns": "el"}, "line 3 is not UTF-8"),
        (f">a\n{S}\n>b é\n{S}\n".encode("latin-1"), {}, "line 3 is not UTF-8"),
        (f"{S}\ta\n" * 1000 + f"{S}\ta\0b\n", {"id_column": 1}, "line 1001 holds the control byte 0x00"),
        (f'{S},a\n{S},"a\tb"\n', {"id_column": 1}, r"record 1 \(line 2\), id .*control character '\\t' in its id"),
        (f">a\n{S}\n>b\x7fc\n{S}\n", {}, r"record 1, id .* has the control character '\\x7f' in its id"),
        (f">a\u2028b\n{S}\n", {}, r"record 0, id .* has the control character '\\u2028' in its id"),
        (f"{S}\t{'a' * 1001}\n", {"id_column": 1}, r"record 0 \(line 1\), id 'a{80}', has an id of 1,001 characters"),
        (f"{S}\t2,44\n", {"target_columns": 1}, "'2,44' in target column 1, .* Is the comma a decimal comma"),
        (f"seq;el\n{S};2,44\n", {"sequence_column": "seq"}, "It looks separated by semicolons"),
        (f",seq,el\n0,{S},2.4\n", {}, r"nothing in column 0, .*index=False\), .* sequence_column"),
    ],
)
def test_mistakes_in_the_file(store, text, arguments, message):
    path = store(text)
    with pytest.raises(ValueError, match=f"(?s)^{path}: .*{message}"):
        SequenceFile(path, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequence_type": "promoter"}, "sequence_type must be one of 'construct', 'insert' but is 'promoter'"),
        ({"other_lengths": "pad"}, "other_lengths must be one of 'error', 'drop', 'fit' but is 'pad'"),
        ({"header": "yes"}, "header must be one of 'auto', True, False but is 'yes'"),
        ({"header": 1}, "header must be one of"),
        ({"id_column": True}, "id_column must hold a column's number"),
        ({"sequence_column": None}, "sequence_column must hold a column's number"),
        ({"sequence_column": 0.5}, "sequence_column must hold a column's number"),
        ({"target_columns": [[1]]}, "target_columns must hold a column's number"),
    ],
)
def test_mistakes_in_the_arguments(store, arguments, message):
    with pytest.raises(ValueError, match=message):
        SequenceFile(store(S), **arguments)


def test_a_sequence_with_a_mistake_is_not_taken_for_a_header(store):
    with pytest.raises(ValueError, match=r"record 0 \(line 1\) has 'X' at position 3"):
        SequenceFile(store(f"ACX{S[3:]}\n{S}\n"))


def test_n_becomes_a_quarter_of_each_base(store):
    batch = everything(SequenceFile(store(PTPA.add_adapters("N" * 79 + "A"))))
    np.testing.assert_array_equal(one_hot(batch.constructs)[0, 17:97], [[0.25] * 4] * 79 + [[1, 0, 0, 0]])


@pytest.mark.parametrize("text", ["A" * (17 << 20), ">chr\n" + ("ACGT" * 15 + "\n") * (17 << 14)])
def test_a_chromosome_is_no_promoter(store, text):
    with pytest.raises(ValueError, match=r"line 1 begins a record that is longer than 16 MiB.* genome"):
        SequenceFile(store(text))


def test_indices_out_of_range(store):
    file = SequenceFile(store(f"{S}\n{S}\n"))
    assert file.read([]).constructs.shape == (0, 110)
    for index in (-1, 2):
        with pytest.raises(IndexError, match="less than 2"):
            file.read([index])


def test_a_file_that_is_rewritten_is_noticed(store):
    path = store(f"{S}\n{S}\n")
    file = SequenceFile(path)
    store(f"{S[:50]}\n{S[:59]}\n{S}\n")
    with pytest.raises(ValueError, match="has changed since it was checked"):
        file.read([0])
