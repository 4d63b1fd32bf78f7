"""What a designed insert must keep to: composition, sites and motifs, runs, repeats, positions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from yeastpromoter.extras import require
from yeastpromoter.io.text_files import read_text
from yeastpromoter.sequence.encoding import ALPHABET, gc_content, reverse_complement
from yeastpromoter.sequence.motifs import check_motif, occurrences, strands
from yeastpromoter.sequence.reporter import PTPA, Reporter

#: Limits of vendors, by the names of products; the file explains them.
PRESETS_FILE = Path(__file__).with_name("presets.yaml")


_N = ord("N")


@dataclass(frozen=True)
class Constraints:
    """What inserts must keep to.

    Sites, motifs and runs are looked for in the construct, wherever they reach into the insert: an insert can complete
    a site that begins in an adapter. What lies in an adapter alone is the plasmid's.

    Parameters
    ----------
    gc : tuple of float, optional
        Smallest and largest GC content of the insert, 0 to 1.
    avoid : mapping of str to str, optional
        Motifs that must not occur on either strand, in letters of IUPAC, by what messages call them.
    longest_run : mapping of str to int, optional
        Longest run of each base.
    longest_repeat : int, optional
        Longest stretch of the insert that may occur twice in it, on either strand; a palindrome occurs on both.

    Raises
    ------
    ValueError
        If an argument is none of that.
    """

    gc: tuple[float, float] = (0.0, 1.0)
    avoid: Mapping[str, str] = field(default_factory=dict)
    longest_run: Mapping[str, int] = field(default_factory=dict)
    longest_repeat: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.gc[0] <= self.gc[1] <= 1:
            raise ValueError(f"the GC content must be from a smaller to a larger share, 0 to 1, but is {self.gc}")
        for name, motif in self.avoid.items():
            check_motif(motif, name)
        for base, length in self.longest_run.items():
            if base not in ALPHABET or length < 1:
                raise ValueError(f"the longest run of {base!r} is {length} but must be at least 1, of A, C, G or T")
        if self.longest_repeat is not None and self.longest_repeat < 4:
            raise ValueError(
                f"the longest repeat is {self.longest_repeat} but must be at least 4 bp: shorter stretches occur twice "
                "in nearly every insert"
            )

    def violations(self, inserts: np.ndarray, reporter: Reporter = PTPA) -> dict[str, np.ndarray]:
        """Count what is wrong with inserts.

        Parameters
        ----------
        inserts : numpy.ndarray
            Upper-case ASCII letters, `uint8` (N, L).
        reporter : Reporter, optional
            The reporter whose inserts they are.

        Returns
        -------
        dict of str to numpy.ndarray
            For each constraint, in words, how far each insert is from keeping to it, `int64` (N,): occurrences of a
            site or motif, runs or stretches that are too long, bases of GC too many or too few, and N, which no design
            has; 0 where it does.
        """
        length = inserts.shape[1]
        constructs = reporter.constructs(inserts)
        found = {"no unknown bases": (inserts == _N).sum(axis=1)}
        if self.gc != (0.0, 1.0):
            gc = np.rint(gc_content(inserts) * length)
            few, many = (np.array(self.gc) * length + [-1e-9, 1e-9]).tolist()
            away = np.ceil(np.maximum(0, few - gc)) + np.ceil(np.maximum(0, gc - many))
            found[f"GC content {self.gc[0]:g} to {self.gc[1]:g}"] = away.astype(np.int64)
        for name, motif in self.avoid.items():
            found[f"no {name}"] = sum(_count_inside(constructs, strand, reporter) for strand in strands(motif))
        for base, longest in self.longest_run.items():
            found[f"at most {longest} {base} in a row"] = _count_inside(constructs, base * (longest + 1), reporter)
        if self.longest_repeat is not None and self.longest_repeat < length:
            found[f"nothing over {self.longest_repeat} bp twice"] = _repeats(inserts, self.longest_repeat + 1)
        return found

    def count(self, inserts: np.ndarray, reporter: Reporter = PTPA) -> np.ndarray:
        """Sum of the `violations` of each insert, `int64` (N,)."""
        return sum(self.violations(inserts, reporter).values(), np.zeros(len(inserts), dtype=np.int64))


def motif_positions(inserts: np.ndarray, motif: str) -> np.ndarray:
    """Find the bases of inserts that belong to an occurrence of a motif, on either strand.

    Parameters
    ----------
    inserts : numpy.ndarray
        Upper-case ASCII letters, `uint8` (N, L).
    motif : str
        In letters of IUPAC.

    Returns
    -------
    numpy.ndarray
        `bool` (N, L).
    """
    covered = np.zeros(inserts.shape, dtype=bool)
    for strand in strands(motif):
        found = occurrences(inserts, strand)
        for offset in range(len(strand)):
            covered[:, offset : offset + found.shape[1]] |= found
    return covered


def restriction_sites(names: Iterable[str]) -> dict[str, str]:
    """Look up the recognition sites of restriction enzymes in Biopython's table, which is that of REBASE.

    Parameters
    ----------
    names : iterable of str
        Names of enzymes, such as EcoRI, in any case.

    Returns
    -------
    dict of str to str
        The site of each, in letters of IUPAC, by ``NAME site``.

    Raises
    ------
    yeastpromoter.extras.MissingExtraError
        If Biopython is not installed.
    ValueError
        If there is no such enzyme.
    """
    require("design")
    from Bio.Restriction import AllEnzymes

    by_name = {str(enzyme).lower(): enzyme for enzyme in AllEnzymes}
    found = {}
    for name in names:
        if name.lower() not in by_name:
            near = [str(enzyme) for low, enzyme in by_name.items() if low.startswith(name.lower()[:3])]
            raise ValueError(
                f"there is no restriction enzyme {name!r} in Biopython's table"
                + (f"; like it are {', '.join(sorted(near)[:8])}" if near else "")
            )
        enzyme = by_name[name.lower()]
        found[f"{enzyme} site"] = enzyme.site
    return found


def preset(name: str) -> Constraints:
    """The limits of a vendor's product.

    Raises
    ------
    ValueError
        If there is no preset of that name.
    """
    presets = yaml.safe_load(read_text(PRESETS_FILE))
    if name not in presets:
        raise ValueError(f"there is no preset {name!r}; there are {', '.join(presets)}")
    limits = presets[name]
    return Constraints(
        gc=tuple(limits["gc"]), longest_run=limits["longest_run"], longest_repeat=limits["longest_repeat"]
    )


def positions_of(text: str, insert_length: int) -> np.ndarray:
    """Read positions of an insert of some length, such as ``1-20,35``.

    Returns
    -------
    numpy.ndarray
        Which positions they are, `bool` (L,).

    Raises
    ------
    ValueError
        If the text is something else, or a position is not in the insert.
    """
    chosen = np.zeros(insert_length, dtype=bool)
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:\s*-\s*(\d{1,6}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= insert_length:
            raise ValueError(
                f"{text!r} must be positions in the insert, 1 to {insert_length}, such as 1-20,35, but has {part!r}"
            )
        chosen[first - 1 : last] = True
    return chosen


def _count_inside(constructs: np.ndarray, motif: str, reporter: Reporter) -> np.ndarray:
    """How often a motif occurs in constructs as it is written, with at least one base in the insert, `int64` (N,)."""
    insert = reporter.insert
    return occurrences(constructs, motif)[:, max(0, insert.start - len(motif) + 1) : insert.stop].sum(axis=1)


def _repeats(inserts: np.ndarray, length: int) -> np.ndarray:
    """How many stretches of a length occur again later in their insert, or there or later on the other strand, (N,)."""

    def numbers(matrix: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(matrix, length, axis=1)
        return np.ascontiguousarray(windows).view(f"S{length}")[..., 0]

    forward = numbers(inserts)
    # The stretch that starts at a position reads on the other strand from the other end.
    other = numbers(reverse_complement(inserts))[:, ::-1]
    later = np.triu(np.ones((forward.shape[1],) * 2, dtype=bool), 1)
    found = np.empty(len(inserts), dtype=np.int64)
    for row in range(len(inserts)):
        same = (forward[row][:, np.newaxis] == forward[row]) & later
        # A palindrome stands on both strands in one place.
        same |= (forward[row][:, np.newaxis] == other[row]) & np.triu(np.ones(later.shape, dtype=bool))
        found[row] = same.any(axis=1).sum()
    return found


def joined(*some: Constraints) -> Constraints:
    """The constraints that several together are: the narrower of the limits, and all motifs."""
    runs: dict[str, int] = {}
    for constraints in some:
        for base, length in constraints.longest_run.items():
            runs[base] = min(length, runs.get(base, length))
    repeats = [constraints.longest_repeat for constraints in some if constraints.longest_repeat is not None]
    gc = max(constraints.gc[0] for constraints in some), min(constraints.gc[1] for constraints in some)
    if gc[0] > gc[1]:
        raise ValueError(f"no GC content is at least {gc[0]:g} and at most {gc[1]:g}")
    avoid = {name: motif for constraints in some for name, motif in constraints.avoid.items()}
    return Constraints(gc, avoid, runs, min(repeats, default=None))
