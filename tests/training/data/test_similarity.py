from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data import similarity
from training.data.assay import PUBLIC
from training.data.assemble import HeldOut
from training.data.similarity import KmerSet, Neighbours, kmer_groups, kmer_keys, repeated_rows
from training.studies.simulate_sorting import held_out_inserts, sorted_promoters
from yeastpromoter.sequence.encoding import letters
from yeastpromoter.sequence.reporter import PTPA

PARTNER = str.maketrans("ACGT", "TGCA")


def backward(sequence):
    return sequence.translate(PARTNER)[::-1]


def kmers(sequence, k):
    """The k-mers of both strands, without those that hold an N."""
    strands = (sequence, backward(sequence))
    return {s[i : i + k] for s in strands for i in range(len(s) - k + 1) if "N" not in s[i : i + k]}


def sequences(length, alphabet="AC", min_size=1, max_size=8):
    # Two letters only, so that short k-mers are often shared.
    return st.lists(st.text(alphabet, min_size=length, max_size=length), min_size=min_size, max_size=max_size)


@given(first=sequences(9, "ACN"), second=sequences(9, "GTN"), k=st.integers(1, 7))
@settings(max_examples=150)
def test_shared_kmers_are_those_of_brute_force(first, second, k):
    known = set().union(*(kmers(sequence, k) for sequence in second))
    expected = [bool(kmers(sequence, k) & known) for sequence in first]
    assert KmerSet(letters(second), k=k).shared_by(letters(first)).tolist() == expected


@given(items=sequences(8, "ACGTN"), k=st.integers(2, 6))
@settings(max_examples=150)
def test_groups_are_the_connected_components(items, k):
    groups = list(range(len(items)))
    for i in range(len(items)):
        for j in range(i):
            if kmers(items[i], k) & kmers(items[j], k):
                groups = [groups[i] if group == groups[j] else group for group in groups]
    found = kmer_groups(letters(items), k)
    for i in range(len(items)):
        for j in range(len(items)):
            assert (found[i] == found[j]) == (groups[i] == groups[j])


@given(items=sequences(12, "AC"), known=sequences(12, "AC", min_size=0), substitutions=st.integers(0, 4))
@settings(max_examples=200)
def test_near_duplicates_are_those_of_brute_force(items, known, substitutions):
    expected = [
        any(sum(a != b for a, b in zip(item, other, strict=True)) <= substitutions for other in known) for item in items
    ]
    other = letters(known) if known else np.empty((0, 12), dtype=np.uint8)
    assert Neighbours(other, substitutions).near(letters(items)).tolist() == expected


def test_keys_are_the_same_for_both_strands_and_differ_otherwise():
    rng = np.random.default_rng(1)
    items = ["".join(rng.choice(list("ACGT"), 31)) for _ in range(200)]
    keys, whole = kmer_keys(letters(items), 31)
    assert keys.shape == whole.shape == (200, 1)
    assert whole.all()
    assert (kmer_keys(letters([backward(item) for item in items]), 31)[0] == keys).all()
    assert len(np.unique(keys)) == 200


def test_a_kmer_is_as_long_as_said():
    head = "ACGTTGCAACGTACGGTTCAGCATTGACCA"
    assert len(head) == 30
    first, second = head + "A" * 20, "C" * 20 + backward(head)
    assert KmerSet(letters([second])).shared_by(letters([first])).all()
    # One base less in common is no shared 30-mer.
    shorter = "T" + first[1:]
    assert not KmerSet(letters([second])).shared_by(letters([shorter])).any()


def test_sequences_shorter_than_k_and_none_at_all():
    assert not KmerSet(letters(["ACGT"])).shared_by(letters(["ACGT"])).any()
    assert kmer_groups(letters(["ACGT", "ACGT"])).tolist() == [0, 1]
    assert len(KmerSet(np.empty((0, 80), dtype=np.uint8))) == 0


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="sequences of 4 bp cannot be compared with known ones of 3 bp"):
        Neighbours(letters(["ACG"])).near(letters(["ACGT"]))


@given(
    adapter=st.text("AC", max_size=9),
    items=sequences(8, "ACN"),
    known=sequences(8, "AC"),
    substitutions=st.integers(0, 4),
)
@settings(max_examples=100)
def test_adapters_change_nothing_about_what_is_near(adapter, items, known, substitutions):
    expected = [any(sum(a != b for a, b in zip(i, k, strict=True)) <= substitutions for k in known) for i in items]
    with_adapter = letters([adapter + item for item in items])
    neighbours = Neighbours(letters([adapter + sequence for sequence in known]), substitutions)
    assert neighbours.near(with_adapter).tolist() == expected
    # Another adapter counts, by as many letters as differ.
    other = letters(["G" * len(adapter) + item for item in items])
    fewer = [
        any(len(adapter) + sum(a != b for a, b in zip(i, k, strict=True)) <= substitutions for k in known)
        for i in items
    ]
    assert neighbours.near(other).tolist() == fewer


@given(items=sequences(3, "ACN", max_size=20))
@settings(max_examples=100)
def test_repeated_rows_are_those_of_brute_force(items):
    rows, number = repeated_rows(letters(items))
    assert rows.tolist() == [row for row, item in enumerate(items) if items.count(item) > 1]
    repeated = sorted({item for item in items if items.count(item) > 1})
    assert [repeated[index] for index in number] == [items[row] for row in rows]


def test_equal_hashes_are_no_repeats(monkeypatch):
    monkeypatch.setattr(similarity, "_hashes", lambda matrix, positions: np.zeros(len(matrix), dtype=np.uint64))
    rows, number = repeated_rows(letters(["AC", "GT", "AC", "AA"]))
    assert (rows.tolist(), number.tolist()) == ([0, 2], [0, 0])
    assert Neighbours(letters(["AAAAAA", "CCCCCC"]), 1).near(letters(["AAAACC", "CCCACC"])).tolist() == [False, True]


@pytest.fixture(scope="module")
def library():
    """Promoters of a simulated library, a fifth of them like a held-out one, some with an N or another length."""
    patch = pytest.MonkeyPatch()
    for name, value in (("LIKE_HELD_OUT", 0.2), ("COPIES", 0.1), ("UNKNOWN", 0.05)):
        patch.setattr(f"training.studies.simulate_sorting.{name}", value)
    held_out = held_out_inserts(30, 4)
    (promoters,) = sorted_promoters(400, held_out, 2, 4)
    patch.undo()
    texts = [PTPA.fit_construct(construct.decode()) for construct in promoters.constructs]
    return texts, [PTPA.add_adapters(row.tobytes().decode()) for row in held_out]


@pytest.mark.parametrize("rows_at_once", [4096, 50])
def test_exclusion_from_a_library_is_that_of_brute_force(library, rows_at_once, monkeypatch):
    monkeypatch.setattr(similarity, "_ROWS_AT_ONCE", rows_at_once)
    texts, held_out = library
    known = set().union(*(kmers(text[17:97], 30) for text in held_out))
    expected = {"identical": [], "near": [], "shared_kmer": []}
    for text in texts:
        fewest = min(sum(a != b for a, b in zip(text, other, strict=True)) for other in held_out)
        expected["identical"].append(fewest == 0)
        expected["near"].append(0 < fewest <= 3)
        expected["shared_kmer"].append(fewest > 3 and bool(kmers(text[17:97], 30) & known))
    found = HeldOut(letters(held_out)).resembled_by(letters(texts))
    assert {name: mask.tolist() for name, mask in found.items()} == expected
    assert all(sum(mask) >= 3 for mask in expected.values()), "the library has every kind of relative"


@pytest.mark.parametrize(("rows_at_once", "keys_at_once"), [(4096, 1 << 24), (37, 1000)])
def test_groups_of_a_library_are_those_of_brute_force(library, rows_at_once, keys_at_once, monkeypatch):
    monkeypatch.setattr(similarity, "_ROWS_AT_ONCE", rows_at_once)
    monkeypatch.setattr(similarity, "_KEYS_AT_ONCE", keys_at_once)
    texts = library[0]
    of_each = [kmers(text[17:97], 30) for text in texts]
    groups = list(range(len(texts)))
    for i, j in combinations(range(len(texts)), 2):
        if groups[i] != groups[j] and of_each[i] & of_each[j]:
            groups = [groups[i] if group == groups[j] else group for group in groups]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    found = kmer_groups(PUBLIC.inserts(letters(texts)))
    assert found.tolist() == [numbers[group] for group in groups], "numbered by their first sequences"
    assert 20 < len(texts) - len(numbers) < 200


def test_a_sieve_never_loses_a_key():
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 2**63, 5000).astype(np.uint64)
    sieve = similarity._Sieve(len(keys))
    for part in np.array_split(keys, 3):
        sieve.add(part)
    assert sieve.may_hold(keys).all()
    others = rng.integers(0, 2**63, (50, 1000)).astype(np.uint64)
    assert 0 < sieve.may_hold(others).mean() < 0.03, "a 64th at most, of which some hold more than one key"
