import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.similarity import KmerSet, Neighbours, kmer_groups, kmer_keys, repeated_rows
from yeastpromoter.encoding import letters

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
@settings(max_examples=150, deadline=None)
def test_shared_kmers_are_those_of_brute_force(first, second, k):
    known = set().union(*(kmers(sequence, k) for sequence in second))
    expected = [bool(kmers(sequence, k) & known) for sequence in first]
    assert KmerSet(letters(second), k).shared_by(letters(first)).tolist() == expected


@given(items=sequences(8, "ACGTN"), k=st.integers(2, 6))
@settings(max_examples=150, deadline=None)
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
@settings(max_examples=200, deadline=None)
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
