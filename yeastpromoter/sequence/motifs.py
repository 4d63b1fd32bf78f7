"""Motifs in letters of IUPAC, and where they occur."""

from __future__ import annotations

import numpy as np

from yeastpromoter.sequence.encoding import ALPHABET

#: The letters of IUPAC (Cornish-Bowden 1985, Nucleic Acids Res. 13, 3021-3030), each with the bases it stands for.
IUPAC = {
    **{base: base for base in ALPHABET},
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}

_COMPLEMENT = dict(zip(IUPAC, "TGCAYRSWMKVHDBN", strict=True))

#: A bit for each base, by its ASCII code; another letter has none, so that nothing matches it.
_BITS = np.zeros(256, dtype=np.uint8)
for _place, _base in enumerate(ALPHABET):
    _BITS[[ord(_base), ord(_base.lower())]] = 1 << _place
_MASKS = {letter: sum(int(_BITS[ord(base)]) for base in bases) for letter, bases in IUPAC.items()}


def check_motif(motif: str, name: str) -> None:
    """Make sure that a motif can be looked for.

    Raises
    ------
    ValueError
        If it has other letters than those of IUPAC, is shorter than 3 bp, or is only N.
    """
    if not motif or set(motif) - set(IUPAC):
        raise ValueError(f"{name} is {motif!r} but must have letters of IUPAC, {''.join(IUPAC)}, in upper case")
    if len(motif) < 3 or set(motif) == {"N"}:
        raise ValueError(f"{name} has {len(motif)} bp but must have at least 3, not all of them N")


def strands(motif: str) -> tuple[str, ...]:
    """A motif as it reads on the given and on the other strand; once where that is the same."""
    other = "".join(_COMPLEMENT[letter] for letter in reversed(motif))
    return (motif,) if other == motif else (motif, other)


def occurrences(matrix: np.ndarray, motif: str) -> np.ndarray:
    """Find where a motif occurs as it is written.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII letters, `uint8` (N, L); an N matches nothing.
    motif : str
        M letters of IUPAC.

    Returns
    -------
    numpy.ndarray
        Whether it begins at each position, `bool` (N, L - M + 1).
    """
    bits = _BITS[matrix]
    starts = matrix.shape[1] - len(motif) + 1
    found = np.ones((len(matrix), max(0, starts)), dtype=bool)
    for offset, letter in enumerate(motif):
        found &= (bits[:, offset : offset + found.shape[1]] & _MASKS[letter]) > 0
    return found
