"""The variants of a VCF file as pairs of constructs: one row for each allele and gene, and an account of the rest."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.io.annotation import UPSTREAM, Promoter, Promoters, read_promoters
from yeastpromoter.io.genome import ChromosomeNames, read_genome, unknown_bases_before
from yeastpromoter.io.whole_files import same_file, whole_table
from yeastpromoter.sequence.reporter import PTPA, Reporter
from yeastpromoter.variants.vcf import MISSING, REASONS, Variant, read_variants, unreadable
from yeastpromoter.variants.windows import (
    STRANDS,
    Change,
    check_offsets,
    distance,
    smallest_change,
    span,
    windows,
)

SKIPPED_COLUMNS = ("record", "chromosome", "position", "id", "REF", "ALT", "gene", "strand", "reason")

#: Share of the compared alleles whose REF differs from the FASTA from which on another assembly is suspected.
_ANOTHER_ASSEMBLY = 0.1


@dataclass
class VariantBatch:
    """Some rows.

    Attributes
    ----------
    ref, alt : numpy.ndarray
        ASCII letters of the constructs with either allele, `uint8` (N, O, L), for O offsets.
    metadata : dict of str to numpy.ndarray
        What is known of each row, (N,) each: see `VariantRows.read`.
    """

    ref: np.ndarray
    alt: np.ndarray
    metadata: dict[str, np.ndarray]


class _Row(NamedTuple):
    variant: Variant
    chromosome: str
    change: Change
    strand: str
    promoter: Promoter | None


class VariantRows:
    """The alleles of a VCF file that can be scored, one row for each of them and each gene.

    Opening it reads all files and decides on every allele. What is not scored is counted by its reason and listed
    in a file. A VCF file without records, such as that of a chromosome without variants, has no rows, which is noted.

    Parameters
    ----------
    vcf_file : str or Path
        Variants; see `yeastpromoter.variants.vcf.read_variants`.
    fasta_file : str or Path
        Genome; see `yeastpromoter.io.genome.read_genome`.
    annotation_file : str or Path, optional
        Genes or promoters; see `yeastpromoter.io.annotation.read_promoters`. A variant in the promoters of several
        genes has a row for each, by the position of the promoter. Without it every allele has two rows, for a gene on
        the forward and for one on the reverse strand.
    upstream : int, optional
        Size of a promoter, in bp upstream of the coding start.
    offsets : sequence of int, optional
        Places of the variant in the insert: positions from 0 at the upstream end; see
        `yeastpromoter.variants.windows`. By default seven evenly spaced ones.
    skipped_file : str or Path or None or False, optional
        Table of what is not scored, overwritten if it is there. None: the name of the VCF file, with
        ``.skipped.tsv`` in place of ``.vcf`` or ``.vcf.gz``, in the working directory. False: none is written.
    reporter : Reporter, optional
        The reporter of the constructs.

    Attributes
    ----------
    offsets : tuple of int
        The offsets, O of them.
    n_records, n_alleles : int
        Number of records of the VCF file and of their alleles; a record without ALT counts as one.
    n_scored : int
        Number of alleles that have at least one row. ``len()`` is the number of rows.
    skipped : dict of str to int
        Number of alleles without a row, by reason (a key of `yeastpromoter.variants.vcf.REASONS`). With `n_scored` they
        add up to `n_alleles`.
    skipped_rows : dict of str to int
        Number of genes of scored alleles that have no row, by reason.
    skipped_path : str or None
        The table of what is not scored, absolute path.
    notes : tuple of str
        What a user should know of: the account first.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        If a file or an argument is wrong, if `skipped_file` cannot be written, or if there are alleles but none can be
        scored.
    """

    def __init__(
        self,
        vcf_file: str | Path,
        fasta_file: str | Path,
        annotation_file: str | Path | None = None,
        upstream: int = UPSTREAM,
        offsets: Sequence[int] | None = None,
        skipped_file: str | Path | bool | None = None,
        reporter: Reporter = PTPA,
    ) -> None:
        self._reporter = reporter
        self.offsets = check_offsets(offsets, reporter.insert_length)
        if skipped_file is True:
            raise ValueError("skipped_file must be a path, false for none, or left out, but is true")
        if annotation_file is None and upstream != UPSTREAM:
            raise ValueError(
                f"{argument('upstream')} is the size of promoters and needs {argument('annotation_file')}, but is "
                f"{upstream} without one"
            )
        self.vcf_path = os.path.abspath(os.path.expanduser(os.fspath(vcf_file)))
        self.genome = read_genome(fasta_file)
        self._names = ChromosomeNames(self.genome)
        self._promoters: Promoters | None = None
        if annotation_file is not None:
            lengths = {name: letters.size for name, letters in self.genome.items()}
            self._promoters = read_promoters(annotation_file, lengths, upstream)
        self._unknown = {name: unknown_bases_before(letters) for name, letters in self.genome.items()}
        self.n_records = self.n_alleles = self.n_scored = 0
        self.skipped: Counter[str] = Counter()
        self.skipped_rows: Counter[str] = Counter()
        self._rows: list[_Row] = []
        self.skipped_path = self._skipped_path(skipped_file)
        for read in (self.vcf_path, fasta_file, annotation_file):
            if self.skipped_path is not None and read is not None and same_file(self.skipped_path, read):
                raise ValueError(
                    f"{argument('skipped_file')} names {self.skipped_path}, which is read: it would be overwritten"
                )
        self._decide_and_list(named=skipped_file is not None)
        del self._unknown  # 4 bytes a base, and needed no more
        self.notes = tuple(self._notes())
        if self.n_records and not self._rows:
            raise ValueError(f"none of the alleles can be scored. {' '.join(self.notes)}")

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, indices: Sequence[int] | np.ndarray) -> VariantBatch:
        """Cut the constructs of some rows out.

        Parameters
        ----------
        indices : array_like of int
            (N,), which of the ``len()`` rows, in any order.

        Returns
        -------
        VariantBatch
            In the order of `indices`. Metadata: ``record`` (`int64`, number of the record in the VCF file, from 0),
            ``chromosome`` (`str`, as in the VCF file), ``position`` (`int64`, from 1, as in the VCF file), ``id``,
            ``REF`` and ``ALT`` (`str`, as in the VCF file), ``gene``, ``gene_name`` (`str`, ``.`` without annotation),
            ``strand`` (`str`) and ``distance`` (to the coding start; see `yeastpromoter.variants.windows.distance`;
            `int64`, without annotation NaN, `float64`).

        Raises
        ------
        IndexError
            If an index is negative or not below ``len()``.
        """
        indices = np.asarray(indices, dtype=np.int64)
        if indices.size and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"indices must be at least 0 and less than {len(self)}, the number of rows")
        rows = [self._rows[index] for index in indices.tolist()]
        length = self._reporter.insert_length
        inserts = np.empty((2, len(rows), len(self.offsets), length), dtype=np.uint8)
        for number, row in enumerate(rows):
            inserts[:, number] = windows(self.genome[row.chromosome], row.change, row.strand, self.offsets, length)
        constructs = self._reporter.constructs(inserts.reshape(-1, length))
        ref, alt = constructs.reshape(2, len(rows), len(self.offsets), self._reporter.construct_length)
        return VariantBatch(ref, alt, self._metadata(rows))

    def _metadata(self, rows: Sequence[_Row]) -> dict[str, np.ndarray]:
        def texts(values: list[str]) -> np.ndarray:
            return np.array(values, dtype=np.str_)

        variants = [row.variant for row in rows]
        if self._promoters is None:
            genes = names = [MISSING] * len(rows)
            distances = np.full(len(rows), np.nan)
        else:
            genes, names = [row.promoter.gene for row in rows], [row.promoter.name for row in rows]
            found = [distance(row.change, row.strand, row.promoter.coding_start) for row in rows]
            distances = np.array(found, dtype=np.int64)
        return {
            "record": np.array([variant.record for variant in variants], dtype=np.int64),
            "chromosome": texts([variant.chromosome for variant in variants]),
            "position": np.array([variant.position for variant in variants], dtype=np.int64),
            "id": texts([variant.id for variant in variants]),
            "REF": texts([variant.ref for variant in variants]),
            "ALT": texts([variant.alt for variant in variants]),
            "gene": texts(genes),
            "gene_name": texts(names),
            "strand": texts([row.strand for row in rows]),
            "distance": distances,
        }

    def _skipped_path(self, skipped_file: str | Path | bool | None) -> str | None:
        # In key=value pairs on the command line Kipoi knows Python's False only, and hands false on as text.
        if skipped_file is False or (isinstance(skipped_file, str) and skipped_file.lower() == "false"):
            return None
        if skipped_file is None:
            stem = re.sub(r"(\.vcf)?(\.b?gz)?$", "", os.path.basename(self.vcf_path), flags=re.IGNORECASE)
            skipped_file = f"{stem}.skipped.tsv"
        return os.path.abspath(os.path.expanduser(os.fspath(skipped_file)))

    def _decide_and_list(self, named: bool) -> None:
        if self.skipped_path is None:
            self._decide(None)
            return
        with ExitStack() as stack:
            try:
                table = stack.enter_context(whole_table(self.skipped_path))
            except PermissionError as error:
                raise PermissionError(
                    f"the list of what is not scored cannot be written to {self.skipped_path} ({error.strerror}): name "
                    f"another file with {argument('skipped_file')}" + ("" if named else ", or false for none")
                ) from None
            table.write("\t".join(SKIPPED_COLUMNS) + "\n")
            self._decide(table)

    def _decide(self, table: TextIO | None) -> None:
        """Make the rows, and count and list what has none."""

        def skip(variant: Variant, reason: str, gene: str = MISSING, strand: str = MISSING) -> None:
            if table is not None:
                fields = (*variant, gene, strand, REASONS[reason])
                table.write("\t".join(map(str, fields)) + "\n")

        for variant in read_variants(self.vcf_path):
            self.n_records = variant.record + 1
            self.n_alleles += 1
            reason, rows, refused = self._rows_of(variant)
            self._rows += rows
            if not rows:
                self.skipped[reason] += 1
                skip(variant, reason)
                continue
            self.n_scored += 1
            for row, reason in refused:
                self.skipped_rows[reason] += 1
                skip(variant, reason, row.promoter.gene if row.promoter else MISSING, row.strand)

    def _rows_of(self, variant: Variant) -> tuple[str, list[_Row], list[tuple[_Row, str]]]:
        """The rows of an allele; why it has none; and those of its genes that have none, with the reason."""
        reason = unreadable(variant)
        if reason:
            return reason, [], []
        try:
            name = self._names.find(variant.chromosome)
        except ValueError as error:
            raise ValueError(f"{self.vcf_path}: record {variant.record:,} (counted from 0): {error}") from None
        if name is None:
            return "unknown_chromosome", [], []
        letters, start, ref = self.genome[name], variant.position - 1, variant.ref.upper()
        if start < 0 or start + len(ref) > letters.size:
            return "off_chromosome", [], []
        if letters[start : start + len(ref)].tobytes() != ref.encode("utf-8"):
            return "ref_differs", [], []
        candidates = []
        for strand in STRANDS:
            change = smallest_change(letters, start, ref, variant.alt.upper(), strand)
            if change.length > self._reporter.insert_length:
                return "too_long", [], []
            promoters = [None]
            if self._promoters is not None:
                promoters = self._promoters.around(name, strand, change.start, change.stop)
            candidates += [_Row(variant, name, change, strand, promoter) for promoter in promoters]
        if not candidates:
            return "outside_promoters", [], []
        if self._promoters is not None:
            candidates.sort(key=lambda row: row.promoter)
        reasons = [self._reason(row) for row in candidates]
        rows = [row for row, reason in zip(candidates, reasons, strict=True) if not reason]
        refused = [(row, reason) for row, reason in zip(candidates, reasons, strict=True) if reason]
        return refused[0][1] if refused else "", rows, refused

    def _reason(self, row: _Row) -> str | None:
        first, after = span(row.change, row.strand, self.offsets, self._reporter.insert_length)
        unknown = self._unknown[row.chromosome]
        if first < 0 or after >= unknown.size:
            return "window_off_chromosome"
        return "n_in_window" if unknown[after] > unknown[first] else None

    def _notes(self) -> list[str]:
        def counted(counts: Counter) -> str:
            return "; ".join(f"{count:,}: {REASONS[reason]}" for reason, count in counts.most_common())

        per = "gene whose promoter it lies in" if self._promoters is not None else "strand"
        notes = [
            f"{self.vcf_path}: {self.n_records:,} records with {self.n_alleles:,} alleles, of which {self.n_scored:,} "
            f"are scored in {len(self):,} rows, one for each {per}"
        ]
        n_skipped = sum(self.skipped.values())
        if n_skipped:
            notes[0] += f", and {n_skipped:,} are not ({counted(self.skipped)})"
        if self.skipped_rows:
            notes[0] += f"; some genes of scored alleles have no row ({counted(self.skipped_rows)})"
        notes[0] += "."
        if not self.n_records:
            notes[0] += " The file has a header but no records: there is nothing to predict."
        if self.skipped_path is not None:
            notes[0] += f" What is not scored is listed in {self.skipped_path}."
        if self.skipped["ref_differs"] > _ANOTHER_ASSEMBLY * self.n_alleles:
            notes.append(
                f"{self.vcf_path}: REF differs from the FASTA in {self.skipped['ref_differs']:,} of "
                f"{self.n_alleles:,} alleles: is the FASTA the assembly that the variants were called on?"
            )
        if self._names.unknown:
            notes.append(
                f"{self.vcf_path}: the FASTA, with chromosomes {', '.join(list(self.genome)[:3])}, …, does not have "
                f"{', '.join(list(self._names.unknown)[:5])}"
            )
        notes.append(self._names.note(self.vcf_path))
        notes += self._promoters.notes if self._promoters is not None else ()
        return [note for note in notes if note]
