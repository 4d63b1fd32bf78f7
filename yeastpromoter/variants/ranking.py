"""Variants ranked by the size of their predicted effects, and the windows around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.io.genome import ChromosomeNames
from yeastpromoter.variants.effects import COLUMNS as PREDICTED
from yeastpromoter.variants.effects import INTERVAL_COLUMNS
from yeastpromoter.variants.vcf import MISSING
from yeastpromoter.variants.windows import smallest_change, span, windows

if TYPE_CHECKING:
    import pandas as pd

#: Columns of the ranked table, with their names among the predictions.
COLUMNS = {
    "rank": "rank",
    "chromosome": "chromosome",
    "position": "position",
    "id": "id",
    "REF": "REF",
    "ALT": "ALT",
    "gene": "gene",
    "gene_name": "gene_name",
    "strand": "strand",
    "distance": "distance",
    **PREDICTED,
}


def rank(effects: pd.DataFrame) -> pd.DataFrame:
    """Sort variants by the absolute value of their effects, largest first.

    Parameters
    ----------
    effects : pandas.DataFrame
        What `yeastpromoter.variants.summaries.read_effects` reads.

    Returns
    -------
    pandas.DataFrame
        The columns `COLUMNS`, and those of prediction intervals that there are, a row for each row of `effects`:
        ``rank`` from 1, the other columns as they are. Rows of equal size stay in their order; those whose effect is
        undefined come last and have no rank.
    """
    size = effects["effect"].abs().to_numpy()
    order = np.argsort(-size, kind="stable")  # NaN is sorted to the end
    ranked = effects.iloc[order].reset_index(drop=True)
    ranked["rank"] = (ranked.index + 1).to_series(index=ranked.index).astype("Int64").where(ranked["effect"].notna())
    ranked["distance"] = ranked["distance"].astype("Int64")
    names = COLUMNS | {name: name for name in INTERVAL_COLUMNS if name in ranked}
    return ranked[list(names.values())].set_axis(list(names), axis=1)


def reference_inserts(
    ranked: pd.DataFrame, genome: Mapping[str, np.ndarray], insert_length: int
) -> list[tuple[str, str] | None]:
    """Cut out the inserts with the REF alleles of variants, each with its variant in the middle.

    Parameters
    ----------
    ranked : pandas.DataFrame
        Rows of what `rank` returns.
    genome : mapping of str to numpy.ndarray
        Upper-case letters of each chromosome, `uint8` (length,), as of `yeastpromoter.io.genome.read_genome`.
    insert_length : int
        Length of an insert in bp.

    Returns
    -------
    list of tuple of str or None
        For each row a name, unique by the rank, and the insert, 5' to 3' toward the gene: the window of
        `yeastpromoter.variants.windows` whose offset is half its length. None where it would reach over the end of the
        chromosome.

    Raises
    ------
    ValueError
        If the genome does not have a chromosome, or does not have REF at its place.
    """
    names = ChromosomeNames(genome)
    inserts = []
    middle = [insert_length // 2]
    for row in ranked.itertuples(index=False):
        place = f"{row.chromosome}:{row.position}"
        name = names.find(row.chromosome)
        if name is None:
            raise ValueError(f"the FASTA, with chromosomes {', '.join(list(genome)[:3])}, …, does not have {place}")
        chromosome, start, ref = genome[name], int(row.position) - 1, row.REF.upper()
        found = chromosome[start : start + len(ref)].tobytes().decode("ascii", "replace")
        if found != ref:
            raise ValueError(
                f"REF of {place} is {ref} but the FASTA has {found or 'nothing'} there: is it the FASTA that the "
                "effects were predicted with?"
            )
        change = smallest_change(chromosome, start, ref, row.ALT.upper(), row.strand)
        first, after = span(change, row.strand, middle, insert_length)
        if first < 0 or after > chromosome.size:
            inserts.append(None)
            continue
        insert, _ = windows(chromosome, change, row.strand, middle, insert_length)
        toward = row.strand if row.gene_name == MISSING else row.gene_name
        inserts.append((f"top{row.rank}_{place}_{toward}", insert[0].tobytes().decode("ascii")))
    return inserts
