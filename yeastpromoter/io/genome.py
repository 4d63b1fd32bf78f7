"""A genome as letters, and the names that its chromosomes have in different files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np

from yeastpromoter.io.text_files import TextFile

_HEADER = re.compile(rb"^>[^\S\n]*(\S*)[^\n]*\n?", re.MULTILINE)
_LINE_ENDS = b"\r\n"
_NEWLINE = b"\n"
#: IUPAC's codes for bases of DNA. All but A, C, G and T are unknown bases here.
_CODES = b"ACGTNRYSWKMBDHV"
_UPPER = bytes.maketrans(_CODES.lower(), _CODES)
_NO_CODE = re.compile(rb"[^" + _CODES + _CODES.lower() + _LINE_ENDS + rb"]")
_IS_BASE = np.isin(np.arange(256), list(b"ACGT"))

#: What a letter that stands for no base of DNA is a sign of.
_CAUSES = (
    dict.fromkeys("0123456789", "are the lines numbered, as in a GenBank file? Save it as FASTA")
    | {
        ";": "a comment line is not part of FASTA: take it out",
        "#": "a comment line is not part of FASTA: take it out",
        ">": "a header needs a line of its own",
        " ": "take the spaces out",
        "\t": "take the tabs out",
        "-": "is it an alignment? Take the gaps out",
        ".": "is it an alignment? Take the gaps out",
        "U": "is it RNA? Replace U by T",
        "X": "write N for masked bases",
    }
    | dict.fromkeys("*EFILPQJOZ", "is it a protein, or a line of text?")
)

#: Chromosomes of S. cerevisiae, as Ensembl names them.
NUCLEAR = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI")
MITOCHONDRIAL = "Mito"

_STANDARD = {name: name for name in NUCLEAR} | dict.fromkeys(
    ("M", "MT", "MITO", "MTDNA", "MITOCHONDRION", "MITOCHONDRIAL"), MITOCHONDRIAL
)

#: How many names a note lists.
_NAMED = 20


def read_genome(fasta: str | Path) -> dict[str, np.ndarray]:
    """Read a genome.

    Parameters
    ----------
    fasta : str or Path
        FASTA, plain, gzip or bgzip; no index is needed or written.

    Returns
    -------
    dict of str to numpy.ndarray
        Upper-case letters of each sequence, `uint8` (length,), by its name, the first word of its header.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not FASTA, a name is missing or occurs twice, a sequence is empty or holds anything but
        IUPAC's codes for bases of DNA and line ends, or the file is damaged (see
        `yeastpromoter.io.text_files.TextFile`).
    """
    with closing(TextFile(fasta)) as text_file:
        text = text_file.whole()
        path = text_file.path

    def place(position: int) -> str:
        return f"{path}: line {text.count(_NEWLINE, 0, position) + 1:,}"

    headers = list(_HEADER.finditer(text))
    if not headers or text[: headers[0].start()].strip():
        raise ValueError(
            f"{path}: is not FASTA: it must begin with '>' and a name but begins with "
            f"{text[:40].decode('utf-8', 'replace')!r}"
        )
    genome = {}
    for header, stop in zip(headers, [*(header.start() for header in headers[1:]), len(text)], strict=True):
        name = header[1].decode("utf-8")
        if not name or name in genome:
            problem = "occurs twice" if name else "is missing"
            raise ValueError(f"{place(header.start())}: the name of sequence {len(genome) + 1} ({name!r}) {problem}")
        letters = text[header.end() : stop].translate(_UPPER, _LINE_ENDS)
        if not letters:
            raise ValueError(f"{place(header.start())}: the sequence {name!r} is empty: is the file whole?")
        if letters.translate(None, _CODES):
            wrong = _NO_CODE.search(text, header.end(), stop).start()
            letter = text[wrong : wrong + 4].decode("utf-8", "replace")[0]
            cause = _CAUSES.get(letter.upper(), "is it a line of text?")
            raise ValueError(
                f"{place(wrong)} has {letter!r} in the sequence {name!r}, but a genome has A, C, G, T, N and IUPAC's "
                f"other codes for bases; {cause}"
            )
        genome[name] = np.frombuffer(letters, dtype=np.uint8)
    return genome


def standard_name(name: str) -> str | None:
    """Name that Ensembl gives to a chromosome of S. cerevisiae.

    Parameters
    ----------
    name : str
        A name with or without ``chr`` before it, in either case: I or chrI to XVI or chrXVI, and for the
        mitochondrial one Mito, MT, M, mtDNA or mitochondrion.

    Returns
    -------
    str or None
        ``I`` to ``XVI`` or ``Mito``; None if the name is none of those.
    """
    return _STANDARD.get(re.sub(r"^CHR_?", "", name.upper()))


class ChromosomeNames:
    """Chromosome names of other files, looked up among those of a genome.

    A name that the genome has is that chromosome. Any other is matched by `standard_name`, so that chrIV is IV, and
    the other way round.

    Parameters
    ----------
    names : iterable of str
        Names of the genome's chromosomes.

    Attributes
    ----------
    matched : dict of str to str
        The names that were looked up and found under another one, with that one.
    unknown : dict of str to int
        The names that were looked up in vain, with how often they were.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._found: dict[str, str | None] = {name: name for name in names}
        self._by_standard: dict[str, list[str]] = {}
        for name in self._found:
            self._by_standard.setdefault(standard_name(name) or "", []).append(name)
        self._by_standard.pop("", None)
        self.matched: dict[str, str] = {}
        self.unknown: dict[str, int] = {}

    def find(self, name: str) -> str | None:
        """Look a name up.

        Returns
        -------
        str or None
            The genome's name for the chromosome, None if it has none.

        Raises
        ------
        ValueError
            If the genome has several chromosomes that it could be.
        """
        if name not in self._found:
            candidates = self._by_standard.get(standard_name(name) or "", [])
            if len(candidates) > 1:
                raise ValueError(
                    f"chromosome {name!r} could be any of {', '.join(candidates)}, which the FASTA has side by side"
                )
            self._found[name] = candidates[0] if candidates else None
            if candidates:
                self.matched[name] = candidates[0]
        found = self._found[name]
        if found is None:
            self.unknown[name] = self.unknown.get(name, 0) + 1
        return found

    def note(self, file: str | os.PathLike) -> str | None:
        """Say which names of a file were matched to other names, None if none were."""
        if not self.matched:
            return None
        pairs = [f"{name} = {other}" for name, other in self.matched.items()]
        more = f", … ({len(pairs)} names)" if len(pairs) > _NAMED else ""
        listed = ", ".join(pairs[:_NAMED]) + more
        return f"{os.fspath(file)}: chromosome names are matched to those of the FASTA: {listed}"


def unknown_bases_before(letters: np.ndarray) -> np.ndarray:
    """Count the letters other than A, C, G and T before each position.

    Parameters
    ----------
    letters : numpy.ndarray
        Upper-case ASCII codes, `uint8` (length,).

    Returns
    -------
    numpy.ndarray
        `int32` (length + 1,): positions a to before b hold ``counts[b] - counts[a]`` of them.
    """
    counts = np.zeros(letters.size + 1, dtype=np.int32)
    np.cumsum(~_IS_BASE[letters], out=counts[1:])
    return counts
