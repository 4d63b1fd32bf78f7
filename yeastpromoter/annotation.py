"""Promoters of a genome annotation: GTF, GFF3 or BED6, and which of them a variant lies in."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from yeastpromoter.genome import ChromosomeNames
from yeastpromoter.text_files import TextFile

#: Default size of a promoter: bases upstream of the coding start.
UPSTREAM = 500

#: Features that hold the first coding base of a gene.
_CODING = ("CDS", "start_codon")
_BIOTYPES = ("gene_biotype", "gene_type", "transcript_biotype", "transcript_type", "biotype")
#: What annotations are read for, in messages.
_GENES = "protein-coding genes (with CDS or start_codon lines)"
_PROTEIN_CODING = {"protein_coding", "mRNA"}
#: Features above a CDS in GFF3 whose genes are no ordinary protein-coding ones, biotype or not.
_OTHER_GENES = {"pseudogene", "pseudogenic_transcript", "transposable_element_gene", "blocked_reading_frame"}

#: CDS, transcript and gene, and more than any file has: one could make a feature its own ancestor.
_GENERATIONS = 10

_GTF_ATTRIBUTE = re.compile(r'\s*([^\s";]+)\s+(?:"([^"]*)"|([^";\s]+))\s*(?:;|$)')


class Promoter(NamedTuple):
    """The promoter of one gene.

    Attributes
    ----------
    chromosome : str
        Name of the chromosome in the genome.
    start, stop : int
        Positions on the forward strand, from 0, half-open.
    strand : {"+", "-"}
        Strand of the gene.
    coding_start : int
        Position of the first coding base, from 0.
    gene : str
        Id of the gene.
    name : str
        Name of the gene, its id where it has none.
    """

    chromosome: str
    start: int
    stop: int
    strand: str
    coding_start: int
    gene: str
    name: str


class Gene(NamedTuple):
    """The coding region of one gene.

    Attributes
    ----------
    chromosome : str
        Name of the chromosome in the genome.
    start, stop : int
        Positions on the forward strand, from 0, half-open, from the first to the last coding base; introns are inside.
    strand : {"+", "-"}
        Strand of the gene.
    gene : str
        Id of the gene.
    name : str
        Name of the gene, its id where it has none.
    """

    chromosome: str
    start: int
    stop: int
    strand: str
    gene: str
    name: str


class Promoters:
    """The promoters of an annotation.

    Parameters
    ----------
    promoters : iterable of Promoter
        The promoters, in any order.

    Attributes
    ----------
    kind : str or None
        Format that they were read from.
    notes : tuple of str
        What a user should know of.
    """

    def __init__(self, promoters: Iterable[Promoter], kind: str | None = None, notes: Iterable[str] = ()) -> None:
        self.kind = kind
        self.notes = tuple(notes)
        self._sorted: dict[tuple[str, str], list[Promoter]] = {}
        for promoter in sorted(promoters):
            self._sorted.setdefault((promoter.chromosome, promoter.strand), []).append(promoter)
        self._starts = {key: [promoter.start for promoter in found] for key, found in self._sorted.items()}
        self._longest = {key: max(p.stop - p.start for p in found) for key, found in self._sorted.items()}

    def __len__(self) -> int:
        return sum(map(len, self._sorted.values()))

    def __iter__(self) -> Iterator[Promoter]:
        for found in self._sorted.values():
            yield from found

    def around(self, chromosome: str, strand: str, start: int, stop: int) -> list[Promoter]:
        """Find the promoters of genes on one strand that a change touches.

        Parameters
        ----------
        chromosome : str
            Name of the chromosome in the genome.
        strand : {"+", "-"}
            Strand of the genes.
        start, stop : int
            The bases that change, from 0, half-open. For an insertion both are the position that it comes before,
            and it touches a promoter that holds the base directly upstream of it.

        Returns
        -------
        list of Promoter
            By their start, then their stop and the gene's id.
        """
        if start == stop:
            start, stop = (start - 1, stop) if strand == "+" else (start, stop + 1)
        key = chromosome, strand
        if key not in self._sorted:
            return []
        starts = self._starts[key]
        first = bisect_right(starts, start - self._longest[key])
        behind = bisect_left(starts, stop)
        return [promoter for promoter in self._sorted[key][first:behind] if promoter.stop > start]


def read_promoters(path: str | Path, chromosomes: Iterable[str], upstream: int = UPSTREAM) -> Promoters:
    """Read the promoters of the protein-coding genes of an annotation.

    The format is recognised from the content. In GTF and GFF3 the promoter of a gene is what lies up to `upstream`
    bases upstream of its coding start, which is the base of its CDS and start_codon features that is farthest
    upstream. Genes that say that they are of another type than protein-coding (pseudogenes) are left out. In BED6
    the intervals are the promoters themselves, the name is the gene, and the coding start is the first base
    downstream of the interval.

    Parameters
    ----------
    path : str or Path
        GTF, GFF3 or BED6; plain, gzip or bgzip.
    chromosomes : iterable of str
        Names of the genome's chromosomes; see `yeastpromoter.genome.ChromosomeNames` for how those of the annotation
        are matched to them.
    upstream : int, optional
        Size of the promoters in bp; with BED6 it has to be left at its default.

    Returns
    -------
    Promoters
        The promoters on chromosomes of the genome.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is none of the three formats, a line is wrong, or no promoter lies on a chromosome of the
        genome; the message says where and how.
    """
    if isinstance(upstream, bool) or not isinstance(upstream, int) or upstream < 1:
        raise ValueError(f"upstream must be a number of bases, at least 1, but is {upstream!r}")
    path, kind, lines = _read_lines(path)
    if kind == "BED6" and upstream != UPSTREAM:
        raise ValueError(
            f"{path} is BED, whose intervals are the promoters, so upstream must be left at {UPSTREAM} but is "
            f"{upstream}. Give the genes as GTF or GFF3, or other intervals"
        )
    names = ChromosomeNames(chromosomes)
    try:
        if kind == "BED6":
            promoters = list(_from_bed(lines, names))
        else:
            promoters = [_upstream_of(gene, upstream) for gene in _coding_regions(lines, names, kind)]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not promoters:
        raise ValueError(_nothing_found(path, "intervals" if kind == "BED6" else _GENES, names))
    notes = [names.note(path)]
    if names.unknown:
        notes.append(
            f"{path}: the FASTA does not have chromosome {', '.join(list(names.unknown)[:5])}, so "
            f"{sum(names.unknown.values()):,} lines there are left out"
        )
    return Promoters(promoters, kind, filter(None, notes))


def read_genes(path: str | Path, chromosomes: Iterable[str]) -> list[Gene]:
    """Read the coding regions of the protein-coding genes of an annotation.

    Parameters
    ----------
    path : str or Path
        GTF or GFF3, recognised from the content; plain, gzip or bgzip. Genes that say that they are of another type
        than protein-coding are left out.
    chromosomes : iterable of str
        Names of the genome's chromosomes, matched as by `read_promoters`; genes on others are left out.

    Returns
    -------
    list of Gene
        Sorted by chromosome name, start and stop.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is neither of the two formats, a line is wrong, or no gene lies on a chromosome of the genome.
    """
    path, kind, lines = _read_lines(path)
    if kind == "BED6":
        raise ValueError(f"{path}: is BED, which does not say what is coding: give the genes as GTF or GFF3")
    names = ChromosomeNames(chromosomes)
    try:
        genes = sorted(_coding_regions(lines, names, kind))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not genes:
        raise ValueError(_nothing_found(path, _GENES, names))
    return genes


def _read_lines(path: str | Path) -> tuple[str, str, list[tuple[int, str]]]:
    """Absolute path, format and data lines of an annotation."""
    with closing(TextFile(path)) as text:
        path = text.path
        lines = list(_data_lines(text.read(text.start, text.stop).decode("utf-8", "replace")))
    if not lines:
        raise ValueError(f"{path}: has no lines but comments")
    return path, _kind(lines[0][1], path), lines


def _nothing_found(path: str, what: str, names: ChromosomeNames) -> str:
    where = f"; its chromosomes are {', '.join(list(names.unknown)[:5])}" if names.unknown else ""
    return f"{path}: has no {what} on a chromosome of the FASTA{where}"


def _data_lines(text: str) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of the lines that hold data, up to the sequences that may end a GFF3 file."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("##FASTA", ">")):
            return
        if line.strip() and not line.startswith(("#", "track ", "track\t", "browser ", "browser\t")):
            yield number, line


def _kind(line: str, path: str) -> str:
    fields = line.split("\t")
    if len(fields) >= 3 and fields[1].isdigit() and fields[2].isdigit():
        return "BED6"
    if len(fields) == 9 and fields[3].isdigit() and fields[4].isdigit():
        return "GTF" if _GTF_ATTRIBUTE.match(fields[8]) and "=" not in fields[8].partition('"')[0] else "GFF3"
    raise ValueError(
        f"{path}: must be GTF, GFF3 or BED6, with columns separated by tabs, but has the line {line[:80]!r}"
    )


def _position(text: str, number: int, column: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"line {number} has {text!r} as {column} but must have a whole number")
    return int(text)


def _from_bed(lines: Iterable, names: ChromosomeNames) -> Iterator[Promoter]:
    for number, line in lines:
        fields = line.split("\t")
        if len(fields) < 6:
            raise ValueError(
                f"line {number} has {len(fields)} columns but BED6 has six: chromosome, start, end, name, score and "
                "the strand, without which nobody knows where the gene lies"
            )
        start, stop = (_position(fields[i], number, column) for i, column in ((1, "start"), (2, "end")))
        if stop <= start:
            raise ValueError(f"line {number} ends at {stop}, not behind its start at {start}")
        strand = fields[5].strip()
        if strand not in ("+", "-"):
            raise ValueError(f"line {number} has the strand {strand!r} but must have + or -, toward the gene")
        chromosome = names.find(fields[0])
        if chromosome is not None:
            coding_start = stop if strand == "+" else start - 1
            yield Promoter(chromosome, start, stop, strand, coding_start, fields[3], fields[3])


def _upstream_of(gene: Gene, upstream: int) -> Promoter:
    if gene.strand == "+":
        start, stop, coding_start = max(0, gene.start - upstream), gene.start, gene.start
    else:
        start, stop, coding_start = gene.stop, gene.stop + upstream, gene.stop - 1
    return Promoter(gene.chromosome, start, stop, gene.strand, coding_start, gene.gene, gene.name)


def _coding_regions(lines: Iterable, names: ChromosomeNames, kind: str) -> Iterator[Gene]:
    genes: dict[tuple[str, str, str], tuple[int, int, str | None]] = {}
    parents: dict[str, tuple[str, dict[str, str]]] = {}
    coding = []
    for number, line in lines:
        fields = line.split("\t")
        if len(fields) != 9:
            raise ValueError(f"line {number} has {len(fields)} columns, separated by tabs, but {kind} has nine")
        if fields[2] not in _CODING and (kind == "GTF" or "ID=" not in fields[8]):
            continue
        attributes = _attributes(fields[8], kind)
        if fields[2] not in _CODING:
            parents[attributes["ID"]] = fields[2], attributes
            continue
        start, stop = (_position(fields[i], number, column) for i, column in ((3, "start"), (4, "end")))
        strand = fields[6]
        if strand not in ("+", "-"):
            raise ValueError(f"line {number}, a {fields[2]}, has the strand {strand!r} but must have + or -")
        coding.append((number, fields[0], start - 1, stop, strand, attributes))

    for number, sequence, start, stop, strand, attributes in coding:
        found = _gene_of(attributes, parents, kind)
        if found is None:
            raise ValueError(
                f"line {number} does not say which gene it is of: {kind} needs "
                + ("gene_id" if kind == "GTF" else "the Parent of a CDS, up to the gene")
            )
        gene, name, is_protein_coding = found
        if not is_protein_coding:
            continue
        chromosome = names.find(sequence)
        if chromosome is None:
            continue
        key = gene, chromosome, strand
        if key in genes:
            before = genes[key]
            start, stop, name = min(start, before[0]), max(stop, before[1]), before[2] or name
        genes[key] = start, stop, name
    for (gene, chromosome, strand), (start, stop, name) in genes.items():
        yield Gene(chromosome, start, stop, strand, gene, name or gene)


def _attributes(text: str, kind: str) -> dict[str, str]:
    if kind == "GTF":
        return {key: quoted or plain for key, quoted, plain in _GTF_ATTRIBUTE.findall(text)}
    pairs = (pair.partition("=") for pair in text.strip().split(";"))
    return {key.strip(): unquote(value.strip()) for key, _, value in pairs if key.strip()}


def _gene_of(attributes: dict, parents: dict, kind: str) -> tuple[str, str | None, bool] | None:
    """Id and name of the gene that a CDS or start codon is of, and whether it is protein-coding."""
    if kind == "GTF":
        if not attributes.get("gene_id"):
            return None
        return attributes["gene_id"], attributes.get("gene_name"), _is_protein_coding([attributes])
    lineage, features = [attributes], set()
    while lineage[-1].get("Parent") and len(lineage) < _GENERATIONS:
        identifier = lineage[-1]["Parent"].split(",")[0]
        feature, found = parents.get(identifier, ("", {"ID": identifier}))
        lineage.append(found)
        features.add(feature)
    top = lineage[-1]
    gene = top.get("gene_id") or top.get("ID", "").removeprefix("gene:")
    if len(lineage) == 1 or not gene:
        return None
    return gene, top.get("gene") or top.get("Name"), _is_protein_coding(lineage) and not features & _OTHER_GENES


def _is_protein_coding(lineage: Iterable[dict]) -> bool:
    biotypes = {found[key] for found in lineage for key in _BIOTYPES if key in found}
    return not biotypes or bool(biotypes & _PROTEIN_CODING)
