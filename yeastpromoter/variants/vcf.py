"""Variants of a VCF file, one for each ALT allele."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from yeastpromoter.io.text_files import id_problem, position, read_lines

#: What VCF writes for no value.
MISSING = "."

_BASES = frozenset("ACGT")
_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")


class Variant(NamedTuple):
    """One ALT allele of one record of a VCF file.

    Attributes
    ----------
    record : int
        Number of the record, from 0.
    chromosome : str
        Chromosome, as the file names it.
    position : int
        Position of the first base of `ref`, from 1, as in the file.
    id : str
        Id of the record, ``.`` without one.
    ref, alt : str
        The alleles as in the file; `alt` is ``.`` in a record that has none.
    """

    record: int
    chromosome: str
    position: int
    id: str
    ref: str
    alt: str


def read_variants(path: str | Path) -> Iterator[Variant]:
    """Read the alleles of a VCF file, in its order.

    Parameters
    ----------
    path : str or Path
        VCF; plain, bgzip or gzip. No index is needed; genotypes are not read.

    Yields
    ------
    Variant
        One for each ALT allele, and one for a record without any.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not VCF, a line of it is wrong, or the file is truncated or damaged; the message names the line.
    """
    path = os.path.abspath(os.path.expanduser(os.fspath(path)))
    record = n_columns = 0
    for number, line in read_lines(path):
        try:
            if not n_columns:
                n_columns = _check_header(number, line)
                continue
            chromosome, position, identifier, ref, alts = _fields(line, n_columns)
        except ValueError as error:
            raise ValueError(f"{path}: line {number:,} {error}") from None
        for alt in alts.split(","):
            yield Variant(record, chromosome, position, identifier or MISSING, ref, alt)
        record += 1
    if not n_columns:
        raise ValueError(f"{path}: has no line that begins with #CHROM: it is not VCF, or cut off in its header")


def _check_header(number: int, line: str) -> int:
    """Check a line of the header; the number of columns if it is its last line, which names them, 0 otherwise."""
    if number == 1 and not line.startswith("##fileformat=VCF"):
        raise ValueError(f"must begin with ##fileformat=VCF but is {line[:80]!r}: is it a VCF file?")
    if line.startswith("##"):
        return 0
    names = line.split("\t")
    if line.startswith("#") and tuple(names[: len(_COLUMNS)]) == _COLUMNS:
        return len(names)
    wanted = "must name the columns, #CHROM, POS, ID, REF, ALT, QUAL, FILTER and INFO, separated by tabs, but"
    for found, name in zip(names, _COLUMNS, strict=False):
        if line.startswith("#CHROM") and found != name:
            raise ValueError(f"{wanted} has {found[:40]!r} in place of {name!r}")
    raise ValueError(f"{wanted} is {line[:80]!r}")


def _fields(line: str, n_columns: int) -> tuple[str, int, str, str, str]:
    """Chromosome, position, id, REF and ALT of a record."""
    if line.startswith("#"):
        raise ValueError("is a line of a header but stands among the records: were files joined? Use `bcftools concat`")
    if not line.strip():
        raise ValueError("is blank, which only the last lines may be" if not line else "holds nothing but blanks")
    if line.count("\t") + 1 != n_columns:
        columns = line.count("\t") + 1
        hint = "" if columns > 1 else ", which must be separated by tabs"
        raise ValueError(f"has {columns} columns{hint}, but the header names {n_columns}: is the line cut off?")
    chromosome, first, identifier, ref, alts, _ = line.split("\t", 5)
    if problem := id_problem(identifier):
        raise ValueError(problem)
    for name, field in (("CHROM", chromosome), ("REF", ref), *(("ALT", alt) for alt in alts.split(","))):
        if not field or field.isspace():
            raise ValueError(f"has no {name}: VCF writes . where there is no value")
    return chromosome, position(first, "POS"), identifier, ref, alts


def unreadable(variant: Variant) -> str | None:
    """Why an allele cannot be scored whatever the genome is, None if nothing stands against it.

    Parameters
    ----------
    variant : Variant
        The allele.

    Returns
    -------
    str or None
        A reason of `REASONS`, by its key.
    """
    alt = variant.alt.upper()
    if alt == MISSING:
        return "no_alt"
    if alt == "*":
        return "overlapping_deletion"
    if alt.startswith("<") or "[" in alt or "]" in alt or alt.startswith(MISSING) or alt.endswith(MISSING):
        return "symbolic_allele"
    if not _BASES.issuperset(alt):
        return "alt_letters"
    if alt == variant.ref.upper():
        return "alt_is_ref"
    if not _BASES.issuperset(variant.ref.upper()):
        return "n_in_ref"
    return None


#: Why an allele, or one of its genes, is not scored.
REASONS = {
    "no_alt": "the record has no ALT allele",
    "overlapping_deletion": "ALT is *: the bases are gone with a deletion of another record",
    "symbolic_allele": "ALT is symbolic or a breakend: its sequence is not given",
    "alt_letters": "ALT holds other letters than A, C, G and T",
    "alt_is_ref": "ALT equals REF",
    "unknown_chromosome": "the FASTA does not have the chromosome",
    "off_chromosome": "REF reaches over the end of the chromosome",
    "ref_differs": "REF differs from the FASTA",
    "n_in_ref": "REF holds N or another letter than A, C, G and T",
    "too_long": "the longer allele, without shared bases at its ends, is longer than the insert",
    "outside_promoters": "outside of the promoters",
    "window_off_chromosome": "a window reaches over the end of the chromosome",
    "n_in_window": "a window holds N or another letter than A, C, G and T",
}
