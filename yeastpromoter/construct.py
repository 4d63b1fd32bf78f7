"""The promoter construct: adapters, plasmid flanks and how a sequence is brought to 110 bp.

Every measured promoter is one *construct*: a 17-bp left adapter, a variable *insert* of 80 bp and a
13-bp right adapter, read 5' to 3' toward the reporter gene. What lies beyond an adapter on the plasmid
is the *flank*.

The adapters and the plasmid around them are those of the pTpA random promoter library (de Boer et al.
2020, Nat. Biotechnol. 38, 56-65, doi:10.1038/s41587-019-0315-8) that the DREAM Challenge 2022 measured.
"""

LEFT_ADAPTER = "TGCATTTTTTTCACATC"
RIGHT_ADAPTER = "GGTTACGGCTGTT"
LEFT_FLANK = "CACCCTAATCAAGTGCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAAC"
RIGHT_FLANK = "TCTTAATTAAAAAAAGATAGAAAACATTAGGAGTGTAACACAAGACTTTCGGATCC"

INSERT_LENGTH = 80
CONSTRUCT_LENGTH = len(LEFT_ADAPTER) + INSERT_LENGTH + len(RIGHT_ADAPTER)

#: The parts of a construct that can be asked for, as indices of its bases, from 0.
REGIONS = {
    "insert": slice(len(LEFT_ADAPTER), len(LEFT_ADAPTER) + INSERT_LENGTH),
    "construct": slice(0, CONSTRUCT_LENGTH),
}
INSERT = REGIONS["insert"]

#: The coordinate of tables and figures, in words.
COORDINATE = (
    f"position in the insert, from 1 at its first base: 1 to {INSERT_LENGTH} are the insert, "
    f"{1 - len(LEFT_ADAPTER)} to 0 the left adapter, "
    f"{INSERT_LENGTH + 1} to {INSERT_LENGTH + len(RIGHT_ADAPTER)} the right one"
)

COORDINATE_LABEL = "position in the insert (bp, 5′ to 3′; the reporter gene follows)"


def region_positions(region: str) -> range:
    """List the positions of a region, in the one coordinate of all tables and figures.

    Parameters
    ----------
    region : {"insert", "construct"}
        One of `REGIONS`.

    Returns
    -------
    range
        Positions in the insert, counted from 1 at its first base: 1 to 80, or -16 to 93 with the adapters.
    """
    bases = REGIONS[region]
    return range(bases.start - INSERT.start + 1, bases.stop - INSERT.start + 1)


#: Lengths that `fit_construct` can bring to a construct: shorter ones would need more plasmid than is known.
MIN_FIT_LENGTH = CONSTRUCT_LENGTH - 2 * min(len(LEFT_FLANK), len(RIGHT_FLANK))


def add_adapters(insert: str) -> str:
    """Put an insert between the two adapters.

    Parameters
    ----------
    insert : str
        The variable part of the promoter, of any length.

    Returns
    -------
    str
        `insert` with the 17-bp adapter before it and the 13-bp adapter behind it: 110 bp for an 80-bp insert.
    """
    return LEFT_ADAPTER + insert + RIGHT_ADAPTER


def fit_construct(construct: str) -> str:
    """Bring a construct of another length to 110 bp.

    A short construct is filled with the plasmid's own bases on both sides, the left side getting the odd
    one; a long one is cut centrally: the same number of bases goes on both sides, and the left side loses
    the odd one. A construct of 110 bp is returned as it is.

    Parameters
    ----------
    construct : str
        A sequence with both adapters.

    Returns
    -------
    str
        110 bp.

    Raises
    ------
    ValueError
        If the construct is so short (under 8 bp) that the known plasmid sequence does not reach.

    Notes
    -----
    The rule is that of the KircherLab model of the DREAM Challenge 2022 ("fit sequence"), whose code lost
    the first T of the right flank; it is present here.
    """
    return (LEFT_FLANK + construct + RIGHT_FLANK)[fit_window(len(construct))]


def fit_window(length: int) -> slice:
    """Find the 110 bp that `fit_construct` takes of a construct of some length with both flanks beside it.

    Parameters
    ----------
    length : int
        Length of the construct, in bp.

    Returns
    -------
    slice
        110 positions, counted from 0 at the first base of the left flank.

    Raises
    ------
    ValueError
        If `length` is under 8 bp.
    """
    if length < MIN_FIT_LENGTH:
        raise ValueError(
            f"a construct of {length} bp cannot be fitted to {CONSTRUCT_LENGTH} bp: the known plasmid sequence fills "
            f"constructs of at least {MIN_FIT_LENGTH} bp"
        )
    # The left side gets, or loses, the odd base.
    half = (abs(CONSTRUCT_LENGTH - length) + 1) // 2
    start = len(LEFT_FLANK) + (half if length > CONSTRUCT_LENGTH else -half)
    return slice(start, start + CONSTRUCT_LENGTH)
