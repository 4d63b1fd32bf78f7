"""Binding sites of known factors: what a file of them says, and their shuffled controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from yeastpromoter.io.text_files import read_text
from yeastpromoter.sequence.encoding import ALPHABET, letters, reverse_complement
from yeastpromoter.sequence.motifs import IUPAC, check_motif, occurrences, strands

#: The sites that come with the package, with their literature.
SITES_FILE = Path(__file__).with_name("sites.yaml")

EXPECTED = ("+", "-", "depends")

#: A shuffled site shares no run of this many letters with the site on either strand.
WORD_LENGTH = 4

_KEYS = {"factor", "site", "consensus", "expected", "reason", "references"}
_MAX_DRAWS = 1000


@dataclass(frozen=True)
class Site:
    """A binding site.

    Parameters
    ----------
    factor : str
        Name of the factor or element that binds it.
    letters : str
        Exact sequence, A, C, G and T, 5' to 3'.
    expected : {"+", "-", "depends"}
        Direction of its effect on expression in the literature.
    shuffle : str
        Letters that shuffled sites are made of: those of the site itself, unless they are all the same.
    motif : str
        Letters of IUPAC by which it is found in a sequence; the site itself if there are none.
    consensus, reason : str
        What the literature gives for the site, and why the direction is expected.
    references : tuple of str
        Literature, with DOIs.
    """

    factor: str
    letters: str
    expected: str
    shuffle: str
    motif: str = ""
    consensus: str = ""
    reason: str = ""
    references: tuple[str, ...] = ()

    @property
    def strands(self) -> tuple[str, ...]:
        """The strands on which it can be distinguished: only ``"+"`` where it is its own reverse complement."""
        matrix = letters([self.letters])
        return ("+",) if (reverse_complement(matrix) == matrix).all() else ("+", "-")


def read_sites(path: str | Path = SITES_FILE) -> list[Site]:
    """Read a file of sites.

    Parameters
    ----------
    path : str or Path, optional
        YAML; the file of the package, which is the default, explains its keys.

    Returns
    -------
    list of Site
        In the order of the file.

    Raises
    ------
    ValueError
        If the file is not as described; the message names the site.
    FileNotFoundError
        If there is no such file.
    """
    try:
        content = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: is not YAML: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("sites"), list) or not content["sites"]:
        raise ValueError(f"{path}: must have a list of sites under the key 'sites', see {SITES_FILE}")
    references = content.get("references") or {}
    sites = [_site(path, number, entry, references) for number, entry in enumerate(content["sites"], 1)]
    factors = [site.factor for site in sites]
    for factor in factors:
        if factors.count(factor) > 1:
            raise ValueError(f"{path}: the factor {factor!r} is there {factors.count(factor)} times but must be unique")
    return sites


def shuffled_sites(site: Site, count: int, rng: np.random.Generator) -> np.ndarray:
    """Shuffle a site, independently for each insert.

    A shuffled site has the letters of the site in another order that keeps nothing of it: no 4 letters in a row
    are those of the site, on either strand. Orders that do are drawn again.

    Parameters
    ----------
    site : Site
        The site.
    count : int
        How many, N.
    rng : numpy.random.Generator
        Source of the orders.

    Returns
    -------
    numpy.ndarray
        ASCII letters, `uint8` (N, length of the site).

    Raises
    ------
    ValueError
        If hardly any order of the letters is like that.
    """
    forbidden = _words(letters([site.letters, reverse_complement(letters([site.letters])).tobytes().decode()]))
    pool = letters([site.shuffle])
    result = np.repeat(pool, count, axis=0)
    left = np.arange(count)
    for _ in range(_MAX_DRAWS):
        drawn = rng.permuted(np.repeat(pool, left.size, axis=0), axis=1)
        fine = ~np.isin(_words(drawn), forbidden).any(axis=1)
        result[left[fine]] = drawn[fine]
        left = left[~fine]
        if not left.size:
            return result
    raise ValueError(
        f"the site {site.letters} of {site.factor} cannot be shuffled: hardly any order of the letters {site.shuffle} "
        f"is without {WORD_LENGTH} letters in a row of the site or its other strand. Give other letters as 'shuffle'"
    )


class Found(NamedTuple):
    """An occurrence of a site: the factor, its first and last position in the sequence, from 1, and the strand."""

    factor: str
    first: int
    last: int
    strand: str


def find_sites(sequence: str, sites: Sequence[Site]) -> list[Found]:
    """Find sites in a sequence by their motifs.

    Parameters
    ----------
    sequence : str
        A, C, G, T and N in either case; an N matches nothing.
    sites : sequence of Site
        What is looked for.

    Returns
    -------
    list of Found
        By position. A run, such as poly(dA:dT), is one occurrence, however long it is.
    """
    matrix = letters([sequence])
    found = []
    for site in sites:
        for strand, motif in zip("+-", strands(site.motif or site.letters), strict=False):
            starts = np.flatnonzero(occurrences(matrix, motif)[0]).tolist() if len(motif) <= len(sequence) else []
            for start in starts:
                last = found[-1] if found else None
                if last and (last.factor, last.strand) == (site.factor, strand) and last.last == start + len(motif) - 1:
                    found[-1] = last._replace(last=last.last + 1)
                else:
                    found.append(Found(site.factor, start + 1, start + len(motif), strand))
    return sorted(found, key=lambda some: (some.first, some.factor, some.strand))


def _words(matrix: np.ndarray) -> np.ndarray:
    """Number each run of `WORD_LENGTH` letters of each row: (N, L), (N, L - 3)."""
    codes = np.searchsorted(letters([ALPHABET])[0], matrix)
    windows = np.lib.stride_tricks.sliding_window_view(codes, WORD_LENGTH, axis=1)
    return windows @ len(ALPHABET) ** np.arange(WORD_LENGTH)


def _site(path: str | Path, number: int, entry: Any, references: dict[str, str]) -> Site:
    if not isinstance(entry, dict):
        raise ValueError(f"{path}: site {number} is {entry!r} but must have keys and values")
    where = f"{path}: site {number} ({entry.get('factor')!r})"
    missing, unknown = _KEYS - set(entry), set(entry) - _KEYS - {"shuffle", "motif"}
    if missing or unknown:
        raise ValueError(f"{where} lacks the keys {sorted(missing)} and has the unknown ones {sorted(unknown)}")
    sequence, shuffle = entry["site"], entry.get("shuffle", entry["site"])
    for key, value in (("site", sequence), ("shuffle", shuffle)):
        if not isinstance(value, str) or not value or set(value) - set(ALPHABET):
            raise ValueError(f"{where} has {value!r} as {key} but must have letters A, C, G and T in upper case")
    if len(sequence) <= WORD_LENGTH:
        raise ValueError(f"{where} has a site of {len(sequence)} bp but it must have at least {WORD_LENGTH + 1} bp")
    if len(shuffle) != len(sequence):
        raise ValueError(f"{where} has {len(shuffle)} letters to shuffle but must have as many as the site")
    # A consensus that is more than letters, such as "core CTTCC", finds nothing: then the site itself does.
    consensus = str(entry["consensus"])
    motif = str(entry.get("motif", sequence if not consensus or set(consensus) - set(IUPAC) else consensus))
    check_motif(motif, f"the motif of {where}")
    if entry["expected"] not in EXPECTED:
        raise ValueError(f"{where} expects {entry['expected']!r} but it must be one of {', '.join(EXPECTED)}")
    if not isinstance(entry["references"], list) or set(map(str, entry["references"])) - set(references):
        raise ValueError(f"{where} has the references {entry['references']!r}, but not all of them are in 'references'")
    return Site(
        factor=str(entry["factor"]),
        letters=sequence,
        expected=entry["expected"],
        shuffle=shuffle,
        motif=motif,
        consensus=consensus,
        reason=str(entry["reason"]),
        references=tuple(references[key] for key in entry["references"]),
    )
