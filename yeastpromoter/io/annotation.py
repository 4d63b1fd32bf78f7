"""Promoters of a genome annotation: GTF, GFF3 or BED6, and which of them a variant lies in."""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from yeastpromoter.io.genome import ChromosomeNames
from yeastpromoter.io.text_files import id_problem, position, read_lines

#: Default size of a promoter: bases upstream of the coding start.
UPSTREAM = 500

#: Features that hold the first coding base of a gene.
_CODING = ("CDS", "start_codon")
#: What annotations are read for, in messages.
_GENES = "protein-coding genes (with CDS or start_codon lines)"
_PROTEIN_CODING = {"protein_coding", "mrna"}
#: Attributes with the type of a gene, and with that of a transcript, which counts where the gene has none.
_GENE_TYPES = ("gene_biotype", "gene_type")
_TRANSCRIPT_TYPES = ("transcript_biotype", "transcript_type")
#: Attributes with the name of a gene, the first one that it has.
_NAMES = ("gene_name", "gene", "Name")
#: Features whose genes are not ordinary protein-coding ones, whatever their attributes say.
_OTHER_GENES = {"pseudogene", "pseudogenic_transcript", "transposable_element_gene", "blocked_reading_frame"}

#: Coding lines of one gene with a wider gap (bp) between them are those of several: introns of yeast have up to 2,500.
_WIDEST_GAP = 20_000

#: CDS, transcript and gene, and more than any file has: one could make a feature its own ancestor.
_GENERATIONS = 10

_LIKE_A_NUMBER = re.compile(r"[-+]?\d[\d.,eE+]*")
_STARTS_AS = {"GFF3": re.compile(r'\s*[^\s=;"]+='), "GTF": re.compile(r'\s*[^\s=;"]+\s+[^\s=;]')}
#: A key and its value, quoted or not, or something else up to the next semicolon.
_GTF_ATTRIBUTE = re.compile(r'([^\s";=]+)\s+(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s";]+))\s*(?:;|$)|([^\s;][^;]*)')
_READ = re.compile(rf"\b(?:gene_id|gene_name|pseudo|biotype|{'|'.join((*_GENE_TYPES, *_TRANSCRIPT_TYPES))})\b")


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
        after = bisect_left(starts, stop)
        return [promoter for promoter in self._sorted[key][first:after] if promoter.stop > start]


def read_promoters(path: str | Path, lengths: Mapping[str, int], upstream: int = UPSTREAM) -> Promoters:
    """Read the promoters of the protein-coding genes of an annotation.

    The format is recognised from the content. In GTF and GFF3 the promoter of a gene is what lies up to `upstream`
    bases upstream of its coding start, which is the base of its CDS and start_codon features that is farthest
    upstream. Genes that say that they are of another type than protein-coding (pseudogenes), on any of their lines, are
    left out and counted. In BED6 the intervals are the promoters themselves, the name is the gene, and the coding
    start is the first base downstream of the interval.

    Parameters
    ----------
    path : str or Path
        GTF, GFF3 or BED6; plain, gzip or bgzip.
    lengths : mapping of str to int
        Length in bp of each chromosome of the genome; see `yeastpromoter.io.genome.ChromosomeNames` for how the names
        of the annotation are matched to them.
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
        If the file is none of the three formats, a line is wrong, the coding lines of a gene cannot be those of one,
        or no promoter lies on a chromosome of the genome; the message says where and how.
    """
    if isinstance(upstream, bool) or not isinstance(upstream, int) or upstream < 1:
        raise ValueError(f"upstream must be a number of bases, at least 1, but is {upstream!r}")
    annotation = _Annotation(path, lengths)
    path, names = annotation.path, annotation.names
    if annotation.kind == "BED6":
        if upstream != UPSTREAM:
            raise ValueError(
                f"{path} is BED, whose intervals are the promoters, so upstream must be left at {UPSTREAM} but is "
                f"{upstream}. Give the genes as GTF or GFF3, or other intervals"
            )
        promoters = list(annotation.intervals())
    else:
        promoters = [_upstream_of(gene, upstream, lengths) for gene in annotation.genes()]
    if not promoters:
        raise ValueError(annotation.nothing_found())
    notes = [names.note(path), annotation.left_out()]
    if names.unknown:
        notes.append(
            f"{path}: the FASTA does not have chromosome {', '.join(list(names.unknown)[:5])}, so "
            f"{sum(names.unknown.values()):,} lines there are left out"
        )
    return Promoters(promoters, annotation.kind, filter(None, notes))


def read_genes(path: str | Path, lengths: Mapping[str, int]) -> list[Gene]:
    """Read the coding regions of the protein-coding genes of an annotation.

    Parameters
    ----------
    path : str or Path
        GTF or GFF3, recognised from the content; plain, gzip or bgzip. Genes that say that they are of another type
        than protein-coding are left out.
    lengths : mapping of str to int
        Length in bp of each chromosome of the genome. Names are matched as by `read_promoters`; genes on other
        chromosomes are left out.

    Returns
    -------
    list of Gene
        Sorted by chromosome name, start and stop.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is neither of the two formats, a line is wrong, the coding lines of a gene cannot be those of one,
        or no gene lies on a chromosome of the genome.
    """
    annotation = _Annotation(path, lengths)
    if annotation.kind == "BED6":
        raise ValueError(f"{annotation.path}: is BED, which does not say what is coding: give the genes as GTF or GFF3")
    genes = sorted(annotation.genes())
    if not genes:
        raise ValueError(annotation.nothing_found())
    return genes


def _upstream_of(gene: Gene, upstream: int, lengths: Mapping[str, int]) -> Promoter:
    if gene.strand == "+":
        start, stop, coding_start = max(0, gene.start - upstream), gene.start, gene.start
    else:
        start, stop = gene.stop, min(lengths[gene.chromosome], gene.stop + upstream)
        coding_start = gene.stop - 1
    return Promoter(gene.chromosome, start, stop, gene.strand, coding_start, gene.gene, gene.name)


class _Feature:
    """What the lines of one id say besides their place."""

    def __init__(self) -> None:
        self.parents: dict[str, None] = {}
        self.names: dict[str, str] = {}
        self.gene_types: set[str] = set()
        self.transcript_types: set[str] = set()

    def add(self, feature: str, attributes: Mapping[str, str]) -> None:
        """Add a line."""
        parents = [_decoded(name) for name in attributes.get("Parent", "").split(",") if name]
        self.parents |= dict.fromkeys(parents)
        for name in ("gene_id", *_NAMES):
            if attributes.get(name):
                self.names.setdefault(name, _decoded(attributes[name]))
        for types, names in (
            (self.gene_types, _GENE_TYPES if parents else (*_GENE_TYPES, "biotype")),
            (self.transcript_types, (*_TRANSCRIPT_TYPES, "biotype") if parents else _TRANSCRIPT_TYPES),
        ):
            types.update(attributes[name].lower() for name in names if attributes.get(name))
        if feature in _OTHER_GENES:
            self.gene_types.add(feature)
        elif attributes.get("pseudo", "false").lower() != "false" or "pseudogene" in attributes:  # as NCBI writes
            self.gene_types.add("pseudogene")

    def under(self, other: _Feature) -> _Feature:
        """Join the types of this feature to those of one that it is part of, whose parents and names count."""
        both = _Feature()
        both.parents, both.names = other.parents, other.names
        both.gene_types = self.gene_types | other.gene_types
        both.transcript_types = self.transcript_types | other.transcript_types
        return both

    @property
    def other_type(self) -> str | None:
        """Type of a gene that is not protein-coding, None where nothing says so."""
        other = self.gene_types - _PROTEIN_CODING
        if not self.gene_types and not self.transcript_types & _PROTEIN_CODING:
            other = self.transcript_types
        return " and ".join(sorted(other)) or None


class _CodingLine(NamedTuple):
    number: int
    feature: str
    sequence: str
    start: int
    stop: int
    strand: str
    attributes: dict[str, str]


class _Annotation:
    """The lines of an annotation, and what they say of genes or promoters."""

    def __init__(self, path: str | Path, lengths: Mapping[str, int]) -> None:
        self.path = os.path.abspath(os.path.expanduser(os.fspath(path)))
        self.kind = ""
        self.names = ChromosomeNames(lengths)
        self._lengths = lengths
        self._lines = list(self._data_lines())
        self._other_types: Counter[str] = Counter()
        if not self._lines:
            raise ValueError(f"{self.path}: has no lines but comments")

    def _error(self, number: int, problem: str) -> ValueError:
        return ValueError(f"{self.path}: line {number:,}{problem}")

    def _data_lines(self) -> Iterator[tuple[int, list[str]]]:
        """Number and columns of the lines that hold data, up to the sequences that may end a GFF3 file."""
        sequences = False
        for number, line in read_lines(self.path):
            sequences = sequences or line.startswith(("##FASTA", ">"))
            if sequences or not line.strip() or line.startswith(("#", "track ", "track\t", "browser ", "browser\t")):
                continue
            columns = line.split("\t")
            kind = _kind(columns)
            if kind is None and not self.kind and len(columns) != 9:
                raise self._error(
                    number,
                    f" must be GTF, GFF3 or BED6, with columns separated by tabs, but is {line[:80]!r}. (A line "
                    "of column names must begin with #)",
                )
            if kind and self.kind and kind != self.kind:
                raise self._error(number, f" is {kind} but those before it are {self.kind}: were two files joined?")
            self.kind = self.kind or kind or ""
            yield number, columns

    def _interval(self, number: int, what: str, start: str, stop: str, first: int) -> tuple[int, int]:
        """An interval, its positions counted from `first`, as positions from 0, half-open."""
        found = []
        for name, text in (("start", start), ("end", stop)):
            try:
                found.append(position(text, name))
            except ValueError as error:
                raise self._error(number, f"{what} {error}") from None
        if found[0] < first:
            raise self._error(number, f"{what} starts at 0, but {self.kind} counts from 1: was it made from BED?")
        if found[0] - first >= found[1]:
            lower = (
                "is half-open, so that its end is larger" if first == 0 else "has the lower one first on both strands"
            )
            raise self._error(number, f"{what} has the start {start} and the end {stop}, but {self.kind} {lower}")
        return found[0] - first, found[1]

    def _chromosome(self, number: int, what: str, sequence: str, stop: int) -> str | None:
        """The genome's name of a chromosome that something lies on, None if it has none."""
        try:
            chromosome = self.names.find(sequence)
        except ValueError as error:
            raise self._error(number, f": {error}") from None
        if chromosome is not None and stop > self._lengths[chromosome]:
            raise self._error(
                number,
                f"{what} ends at {stop:,}, after the end of chromosome {chromosome} at {self._lengths[chromosome]:,}: "
                "is the annotation of another assembly than the FASTA?",
            )
        return chromosome

    def intervals(self) -> Iterator[Promoter]:
        """The promoters of BED6."""
        seen: dict[Promoter, int] = {}
        for number, columns in self._lines:
            if len(columns) < 6:
                raise self._error(
                    number,
                    f" has {len(columns)} columns but BED6 has six: chromosome, start, end, name, score and strand, "
                    "which says on which side the gene lies",
                )
            if len(columns) == 12:
                raise self._error(
                    number,
                    " has 12 columns, as BED has for genes, but the intervals must be promoters: if they are, keep the "
                    "first six (`cut -f 1-6`)",
                )
            start, stop = self._interval(number, "", columns[1], columns[2], first=0)
            strand, gene = columns[5].strip(), columns[3]
            if strand not in ("+", "-"):
                raise self._error(number, f" has the strand {strand!r} but must have + or -, toward the gene")
            if not gene.strip():
                raise self._error(number, " has no name, the fourth column, which says the gene")
            if problem := id_problem(gene):
                raise self._error(number, f" {problem}")
            chromosome = self._chromosome(number, "", columns[0], stop)
            if chromosome is None:
                continue
            promoter = Promoter(chromosome, start, stop, strand, stop if strand == "+" else start - 1, gene, gene)
            if seen.setdefault(promoter, number) != number:
                raise self._error(number, f" is the promoter of line {seen[promoter]:,} again: each must be there once")
            yield promoter

    def genes(self) -> Iterator[Gene]:
        """The protein-coding genes of GTF or GFF3 that have a coding line on a chromosome of the genome."""
        kind = self.kind or "GFF3"
        features: dict[str, _Feature] = {}
        coding: list[_CodingLine] = []
        for number, columns in self._lines:
            if len(columns) != 9:
                raise self._error(number, f" has {len(columns)} columns, separated by tabs, but {kind} has nine")
            feature, strand = columns[2], columns[6]
            start, stop = self._interval(number, f", a {feature},", columns[3], columns[4], first=1)
            attributes = self._attributes(number, columns[8])
            identifier = attributes.get("gene_id", "") if kind == "GTF" else _decoded(attributes.get("ID", ""))
            if identifier:
                if problem := id_problem(identifier):
                    raise self._error(number, f", a {feature}, {problem}")
                if identifier not in features:
                    features[identifier] = _Feature()
                features[identifier].add(feature, attributes)
            if feature not in _CODING:
                continue
            if strand not in ("+", "-"):
                raise self._error(number, f", a {feature}, has the strand {strand!r} but must have + or -")
            coding.append(_CodingLine(number, feature, columns[0], start, stop, strand, attributes))

        of_gene: dict[str, list[_CodingLine]] = {}
        genes: dict[str, _Feature] = {}
        for line in coding:
            found = self._genes_of(line, features)
            if not found:
                needs = "gene_id" if kind == "GTF" else "the Parent of a CDS, up to the gene"
                raise self._error(line.number, f" does not say which gene it is of: {kind} needs {needs}")
            for identifier, gene in found.items():
                of_gene.setdefault(identifier, []).append(line)
                genes[identifier] = gene.under(genes.get(identifier, gene))
        for identifier, gene in genes.items():
            if gene.other_type:
                self._other_types[gene.other_type] += 1
                continue
            region = self._region(identifier, of_gene[identifier])
            if region is not None:
                name = next((gene.names[name] for name in _NAMES if name in gene.names), identifier)
                yield Gene(*region, identifier, name)

    def _attributes(self, number: int, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        if self.kind == "GTF":
            for name, quoted, plain, rest in _GTF_ATTRIBUTE.findall(text):
                if not rest:
                    found.setdefault(name, quoted or plain)
                elif _READ.search(rest):
                    raise self._error(
                        number,
                        f' has {rest[:80]!r} among its attributes, but GTF has a key and a value, such as gene_id "A", '
                        "with a semicolon after each",
                    )
            return found
        for pair in text.split(";"):
            name, equals, value = pair.partition("=")
            if equals:
                found.setdefault(name.strip(), value.strip())
        return found

    def _genes_of(self, line: _CodingLine, features: Mapping[str, _Feature]) -> dict[str, _Feature]:
        """The genes that a coding line is of, by their ids."""
        if self.kind == "GTF":
            identifier = line.attributes.get("gene_id")
            return {identifier: features[identifier]} if identifier else {}
        own = _Feature()
        own.add(line.feature, line.attributes)
        found: dict[str, _Feature] = {}
        reached = [(own, 0)]
        while reached:
            lower, generation = reached.pop()
            if generation > _GENERATIONS:
                raise self._error(line.number, f", a {line.feature}, has a Parent that is its own ancestor")
            for parent in lower.parents:
                feature = lower.under(features.get(parent, _Feature()))
                if feature.parents:
                    reached.append((feature, generation + 1))
                    continue
                identifier = feature.names.get("gene_id") or parent.removeprefix("gene:")
                if identifier:
                    found[identifier] = feature.under(found.get(identifier, feature))
        return found

    def _region(self, identifier: str, lines: list[_CodingLine]) -> tuple[str, int, int, str] | None:
        """Chromosome, start, stop and strand of a gene; None if its chromosome is not in the genome."""
        lines = sorted(lines, key=lambda line: line.start)
        first, stop = lines[0], lines[0].stop
        for line in lines:
            what = f", a {line.feature} of gene {identifier},"
            chromosome = self._chromosome(line.number, what, line.sequence, line.stop)
            if (line.sequence, line.strand) != (first.sequence, first.strand):
                problem = (
                    f"lies on {line.sequence} {line.strand}, but line {first.number:,} on {first.sequence} "
                    f"{first.strand}"
                )
            elif line.start - stop > _WIDEST_GAP:
                problem = f"starts {line.start - stop:,} bp after the end of the one before it"
            else:
                stop = max(stop, line.stop)
                continue
            raise self._error(
                line.number, f"{what} {problem}: these cannot be one gene. Do several genes have the same id?"
            )
        return None if chromosome is None else (chromosome, first.start, stop, first.strand)

    def left_out(self) -> str | None:
        """Say how many genes of which types are left out, None if there are none."""
        if not self._other_types:
            return None
        types = ", ".join(f"{count:,} {name}" for name, count in self._other_types.most_common())
        return f"{self.path}: genes left out because they are not protein-coding: {types}"

    def nothing_found(self) -> str:
        """Say that there is nothing on the chromosomes of the genome."""
        what = "intervals" if self.kind == "BED6" else _GENES
        message = f"{self.path}: has no {what} on a chromosome of the FASTA"
        if self.names.unknown:
            message += f"; its chromosomes are {', '.join(list(self.names.unknown)[:5])}"
        left_out = self.left_out()
        return message + (f"; {left_out.removeprefix(self.path + ': ')}" if left_out else "")


def _decoded(text: str) -> str:
    """A value of GFF3 without percent-encoding, unless that hides a tab or a line end, which would break tables."""
    decoded = unquote(text)
    return decoded if decoded.isprintable() else text


def _kind(columns: list[str]) -> str | None:
    """Format that a line shows by itself."""
    if len(columns) >= 3 and all(_LIKE_A_NUMBER.fullmatch(text) for text in columns[1:3]):
        return "BED6"
    if len(columns) == 9:
        return next((kind for kind, start in _STARTS_AS.items() if start.match(columns[8])), None)
    return None
