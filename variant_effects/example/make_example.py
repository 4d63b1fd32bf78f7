"""Make the example: `python variant_effects/example/make_example.py` writes genome.fa, genes.gtf and variants.vcf.

All of it is synthetic: a chromosome of random bases with two protein-coding genes, one on each strand, binding sites of
known factors written into their promoters, and variants, some of which cannot be scored and say why in their id.
"""

import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED = 2022
LENGTH = 3_960
GC = 0.4
UPSTREAM = 500
COMPLEMENT = str.maketrans("ACGT", "TGCA")

#: Gene, name, strand, first and last base of the coding sequence (from 1, on the forward strand).
GENES = [("YXA001W", "FORWARD1", "+", 1_001, 1_600), ("YXA002C", "REVERSE1", "-", 2_801, 3_400)]

#: Sites in both promoters: sequence, and how far upstream of the coding start its last base lies.
SITES = {
    "reb1_site": ("TTACCCG", 260),
    "gcn4_site": ("TGACTCA", 215),
    "poly_a_tract": ("A" * 20, 160),
    "tata_box": ("TATAAA", 110),
}
#: Bases of unknown sequence, from 1.
UNKNOWN = (1_651, 1_700)


def reverse_complement(sequence: str) -> str:
    """Read a sequence on the other strand."""
    return sequence.translate(COMPLEMENT)[::-1]


def random_bases(generator: random.Random, count: int) -> str:
    """Draw bases with the GC content of the example."""
    return "".join(generator.choices("ACGT", [(1 - GC) / 2, GC / 2, GC / 2, (1 - GC) / 2], k=count))


def upstream_position(gene: tuple, distance: int) -> int:
    """Position, from 1, of the base so far upstream of the coding start of a gene."""
    _, _, strand, first, last = gene
    return first - distance if strand == "+" else last + distance


def chromosome(generator: random.Random) -> str:
    """Draw the chromosome and write coding sequences, sites and unknown bases into it."""
    letters = list(random_bases(generator, LENGTH))

    def write(position: int, sequence: str, strand: str) -> None:
        """Write a sequence so that its last base, as read on the strand, is at a position."""
        if strand == "+":
            letters[position - len(sequence) : position] = sequence
        else:
            letters[position - 1 : position - 1 + len(sequence)] = reverse_complement(sequence)

    for gene in GENES:
        _, _, strand, first, last = gene
        codons = ["ATG"]
        while len(codons) < (last - first + 1) // 3 - 1:
            codon = random_bases(generator, 3)
            codons += [codon] if codon not in ("TAA", "TAG", "TGA") else []
        write(last if strand == "+" else first, "".join([*codons, "TAA"]), strand)
        for site, distance in SITES.values():
            write(upstream_position(gene, distance), site, strand)
    letters[UNKNOWN[0] - 1 : UNKNOWN[1]] = "N" * (UNKNOWN[1] - UNKNOWN[0] + 1)
    return "".join(letters)


def annotation() -> list[str]:
    """Lines of the GTF file."""
    lines = []
    for gene, name, strand, first, last in GENES:
        start = (first, first + 2) if strand == "+" else (last - 2, last)
        features = [("gene", first, last, "."), ("transcript", first, last, "."), ("exon", first, last, ".")]
        for feature, begin, end, frame in [*features, ("CDS", first, last, "0"), ("start_codon", *start, "0")]:
            attributes = f'gene_id "{gene}"; gene_name "{name}"; gene_biotype "protein_coding";'
            if feature != "gene":
                attributes += f' transcript_id "{gene}_mRNA";'
            lines.append("\t".join(["I", "example", feature, str(begin), str(end), ".", strand, frame, attributes]))
    return lines


def variants(generator: random.Random, genome: str) -> list[tuple[str, int, str, str, str]]:
    """Chromosome, position (from 1), id, REF and ALT of each variant, in order."""

    def base(position: int) -> str:
        return genome[position - 1]

    def other(position: int, turn: int = 1) -> str:
        return "ACGT"[("ACGT".index(base(position)) + turn) % 4]

    made = []
    for gene in GENES:
        _, name, strand, _, _ = gene
        name = name.lower()
        for site, (sequence, distance) in SITES.items():
            middle = upstream_position(gene, distance + len(sequence) // 2)
            made.append(("I", middle, f"{name}_{site}", base(middle), other(middle)))
        for number, distance in enumerate(generator.sample([*range(20, 100), *range(290, 480)], 5), 1):
            position = upstream_position(gene, distance)
            made.append(("I", position, f"{name}_snv_{number}", base(position), other(position, number % 3 + 1)))
        two = upstream_position(gene, 490)
        alleles = ",".join(other(two, turn) for turn in (1, 2))
        made.append(("I", two, f"{name}_two_alleles", base(two), alleles))
        several = upstream_position(gene, 130)
        replaced = genome[several - 1 : several + 2]
        changed = "".join(other(several + i) for i in range(3))
        made.append(("I", several, f"{name}_three_bases", replaced, changed))
        # The forward strand has the site's last or first base farthest left; VCF begins with the base before it.
        first = upstream_position(gene, SITES["tata_box"][1] + 5 if strand == "+" else SITES["tata_box"][1])
        made.append(("I", first - 1, f"{name}_tata_box_deleted", genome[first - 2 : first + 5], base(first - 1)))
        tract = upstream_position(gene, SITES["poly_a_tract"][1] + 19 if strand == "+" else SITES["poly_a_tract"][1])
        longer = base(tract - 1) + base(tract) * 5
        made.append(("I", tract - 1, f"{name}_poly_a_tract_longer", base(tract - 1), longer))
        inserted = upstream_position(gene, 340)
        site = SITES["reb1_site"][0] if strand == "+" else reverse_complement(SITES["reb1_site"][0])
        made.append(("I", inserted, f"{name}_reb1_site_inserted", base(inserted), base(inserted) + site))
    forward, reverse = GENES
    near = upstream_position(reverse, 495)
    away = upstream_position(forward, 450)
    long = upstream_position(forward, 400)
    coding = forward[3] + 300
    made += [
        ("I", near, "too_near_the_end_of_the_chromosome", base(near), other(near)),
        ("I", away, "ref_differs_from_the_genome", other(away, 2), other(away, 3)),
        ("I", away + 10, "symbolic", base(away + 10), "<DEL>"),
        ("I", away + 20, "one_allele_and_a_star", base(away + 20), f"{other(away + 20)},*"),
        ("I", away + 30, "no_alternative", base(away + 30), "."),
        ("I", long, "longer_than_the_insert", genome[long - 1 : long + 90], base(long)),
        ("I", coding, "within_the_coding_sequence", base(coding), other(coding)),
        ("I", UNKNOWN[0] + 5, "within_unknown_bases", "N", "A"),
        ("2-micron", 100, "unknown_chromosome", "A", "C"),
    ]
    return sorted(made, key=lambda variant: (variant[0] != "I", variant[1]))


def files() -> dict[str, str]:
    """Name and text of each file of the example."""
    generator = random.Random(SEED)
    genome = chromosome(generator)
    fasta = [">I synthetic"] + [genome[start : start + 60] for start in range(0, LENGTH, 60)]
    vcf = ["##fileformat=VCFv4.2", f"##contig=<ID=I,length={LENGTH}>", "##contig=<ID=2-micron>"]
    vcf += ['##ALT=<ID=DEL,Description="Deletion">', "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for name, position, identifier, ref, alt in variants(generator, genome):
        vcf.append(f"{name}\t{position}\t{identifier}\t{ref}\t{alt}\t.\t.\t.")
    texts = {"genome.fa": fasta, "genes.gtf": annotation(), "variants.vcf": vcf}
    return {name: "".join(f"{line}\n" for line in lines) for name, lines in texts.items()}


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="ascii", newline="\n")
