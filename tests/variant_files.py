"""Genomes, genes and variants for tests, as files."""

import numpy as np

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def random_text(count, seed):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), count))


def write_fasta(path, **chromosomes):
    path.write_text("".join(f">{name}\n{text}\n" for name, text in chromosomes.items()))
    return path


def write_vcf(path, records):
    """Write records of chromosome, position (from 1), REF and ALT; the id is the number."""
    lines = [f"{c}\t{position}\tv{n}\t{ref}\t{alt}\t.\t.\t.\n" for n, (c, position, ref, alt) in enumerate(records)]
    path.write_text(HEADER + "".join(lines))
    return path


def write_bed(path, *promoters):
    """Write promoters of chromosome, start, stop (0-based, half-open), gene and strand."""
    path.write_text("".join(f"{c}\t{start}\t{stop}\t{gene}\t0\t{s}\n" for c, start, stop, gene, s in promoters))
    return path
