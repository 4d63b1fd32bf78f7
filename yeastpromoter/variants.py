"""Variants of a VCF file, one for each ALT allele."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pysam

from yeastpromoter.text_files import TextFile

#: What VCF writes for no value.
MISSING = "."

_BASES = frozenset("ACGT")


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
        If it is not VCF, a record cannot be read, or the file is truncated or damaged.
    """
    path = os.path.abspath(os.path.expanduser(os.fspath(path)))
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: there is no such file (looked for from {os.getcwd()})")
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(f"{path}: is a folder, a pipe or a device, but must be a regular file")
    number = 0
    # htslib warns of every chromosome and tag that the header does not declare, none of which matters here.
    with _quiet_htslib():
        file = _open(path)
    with file:
        while True:
            try:
                with _quiet_htslib():
                    record = next(file, None)
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"{path}: record {number} (counted from 0) cannot be read ({error}): VCF has at least eight "
                    "columns, separated by tabs. If the record looks right, the file is truncated or damaged"
                ) from None
            if record is None:
                return
            for alt in record.alts or (MISSING,):
                yield Variant(number, record.chrom, record.pos, record.id or MISSING, record.ref, alt)
            number += 1


@contextmanager
def _quiet_htslib() -> Iterator[None]:
    before = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(before)


def _open(path: str) -> pysam.VariantFile:
    with open(path, "rb") as file:
        head = file.read(16)
    decompressed = None
    if head[:2] == b"\x1f\x8b" and not (head[3] & 4 and head[12:14] == b"BC"):
        decompressed = TextFile(path)  # pysam reads gzip only if it is bgzip
    try:
        return pysam.VariantFile(decompressed or path, drop_samples=True)
    except (OSError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{path}: cannot be read as VCF ({error}): it must begin with ##fileformat=VCF and have a line that "
            "begins with #CHROM, and a compressed file must be whole"
        ) from None
    finally:
        if decompressed is not None:
            decompressed.close()  # pysam has a descriptor of its own


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
    "too_long": "the longer allele, without shared bases at its ends, is longer than the insert of 80 bp",
    "outside_promoters": "outside of the promoters",
    "window_off_chromosome": "a window reaches over the end of the chromosome",
    "n_in_window": "a window holds N or another letter than A, C, G and T",
}
