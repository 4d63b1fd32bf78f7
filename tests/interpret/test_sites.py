import re

import numpy as np
import pytest
import yaml

from yeastpromoter.interpret.sites import SITES_FILE, Site, find_sites, read_sites, shuffled_sites
from yeastpromoter.sequence.encoding import ALPHABET

#: Motifs as the literature writes them, each on one strand; kept apart from the file on purpose.
MOTIFS = {
    "Reb1": "TTACCCG",
    "Abf1": "RTCRYNNNNNACG",
    "Rap1": "ACACCCRYACAYW",
    "Gcn4": "TGASTCA",
    "Cbf1": "RTCACGTG",
    "Rsc3": "CGCG",
    "poly(dA:dT)": "AAAAAAAAAA",
    "TATA box": "TATAWAWR",
    "Mcm1": "CCYWWWNNRG",
    "Gcr1": "CTTCC",
    "Hsf1": "TTCNNGAANNTTC",
    "Pho4": "CACGTGGG",
    "Dot6/Tod6 (PAC)": "GATGAG",
    "Gal4": "CGGNNNNNNNNNNNCCG",
    "Ume6": "TAGCCGCCGA",
    "Mig1": "WWWWSYGGGG",
}
IUPAC = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "N": "ACGT"}
COMPLEMENT = str.maketrans(ALPHABET, ALPHABET[::-1])


def reverse(sequence):
    return sequence.translate(COMPLEMENT)[::-1]


def words(sequence):
    return {sequence[start : start + 4] for start in range(len(sequence) - 3)}


def test_sites_of_the_package_hold_their_motifs():
    sites = {site.factor: site for site in read_sites()}
    assert set(sites) == set(MOTIFS)
    for factor, motif in MOTIFS.items():
        pattern = "".join(f"[{IUPAC.get(letter, letter)}]" for letter in motif)
        site = sites[factor].letters
        assert re.search(pattern, site) or re.search(pattern, reverse(site)), factor


def test_sites_of_the_package_are_cited():
    sites = read_sites()
    for site in sites:
        assert site.references
        assert site.reason
        assert all(re.search(r" \d{4}, .*doi:10\.\d{4,}/\S+$", reference) for reference in site.references), site
    cited = {reference for site in sites for reference in site.references}
    assert cited == set(yaml.safe_load(SITES_FILE.read_text())["references"].values())
    assert {site.expected for site in sites} == {"+", "-", "depends"}


def test_palindromes_have_one_strand():
    one = {site.factor for site in read_sites() if site.strands == ("+",)}
    assert one == {site.factor for site in read_sites() if reverse(site.letters) == site.letters}
    assert one == {"Cbf1", "Rsc3", "Mcm1"}


@pytest.mark.parametrize("site", read_sites(), ids=lambda site: site.factor)
def test_shuffled_sites_keep_the_letters_and_nothing_else(site):
    shuffled = shuffled_sites(site, 50, np.random.default_rng(1))
    assert shuffled.shape == (50, len(site.letters))
    sequences = [row.tobytes().decode() for row in shuffled]
    forbidden = words(site.letters) | words(reverse(site.letters))
    for sequence in sequences:
        assert sorted(sequence) == sorted(site.shuffle)
        assert not words(sequence) & forbidden
    assert len(set(sequences)) > 3
    assert sum(letter in "GC" for letter in site.shuffle) == sum(letter in "GC" for letter in site.letters)
    np.testing.assert_array_equal(shuffled_sites(site, 50, np.random.default_rng(1)), shuffled)


def test_what_cannot_be_shuffled():
    with pytest.raises(ValueError, match="the site AAAAAAA of tract cannot be shuffled"):
        shuffled_sites(Site("tract", "AAAAAAA", "+", "AAAAAAA"), 3, np.random.default_rng(0))


GOOD = {"factor": "A", "site": "ACGTACG", "consensus": "", "expected": "+", "reason": "", "references": ["x"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expected": "up"}, r"site 2 \('B'\) expects 'up' but it must be one of \+, -, depends"),
        ({"site": "ACGTNCG"}, "'ACGTNCG' as site but must have letters A, C, G and T"),
        ({"site": "acgtacg"}, "must have letters A, C, G and T in upper case"),
        ({"site": "ACG"}, "a site of 3 bp but it must have at least 5 bp"),
        ({"shuffle": "ACGT"}, "has 4 letters to shuffle but must have as many as the site"),
        ({"references": ["y"]}, r"references \['y'\], but not all of them are in 'references'"),
        ({"direction": "+"}, r"has the unknown ones \['direction'\]"),
        ({"factor": "A"}, "the factor 'A' is there 2 times"),
    ],
)
def test_wrong_files_of_sites(tmp_path, change, message):
    path = tmp_path / "sites.yaml"
    path.write_text(yaml.safe_dump({"sites": [GOOD, GOOD | {"factor": "B"} | change], "references": {"x": "X"}}))
    with pytest.raises(ValueError, match=message):
        read_sites(path)


@pytest.mark.parametrize("text", ["", "sites: []", "sites: 3", "- a", "sites: [", "sites: [a]"])
def test_files_that_are_none(tmp_path, text):
    path = tmp_path / "sites.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"sites\.yaml: "):
        read_sites(path)
    path.write_bytes("sites:\n- Café".encode("latin-1"))
    with pytest.raises(ValueError, match=r"sites\.yaml: line 2 is not UTF-8"):
        read_sites(path)


def test_sites_are_found_by_their_motifs():
    sites = read_sites()
    found = find_sites("ACGTTACCCGGACTTTCAGT" + "A" * 12 + "CGCAGTGACTCAGG", sites)
    assert [(site.factor, site.first, site.last, site.strand) for site in found] == [
        ("Reb1", 4, 10, "-"),
        ("poly(dA:dT)", 21, 32, "+"),
    ]
    gcn4 = find_sites("GGATGACTCATGG", sites)
    assert [(site.factor, site.first, site.last, site.strand) for site in gcn4] == [("Gcn4", 3, 11, "+")]
    assert find_sites("NNNN", sites) == []
