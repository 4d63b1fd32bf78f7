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


#: Bases that `fit_construct` and `fit_insert` add or take off at most. They are for sequences that are nearly right, as
#: libraries have them: the public measurements hold constructs of 87 to 135 bp. A longer promoter is more than a
#: construct with a few extra bases: what its middle does says nothing about the whole.
MOST_FITTED = 25


def add_adapters(insert: str) -> str:
    """Put an insert between the two adapters.

    Parameters
    ----------
    insert : str
        The variable part of the promoter, of any length.

    Returns
    -------
    str
        `insert` with the 17-bp adapter before it and the 13-bp adapter after it: 110 bp for an 80-bp insert.
    """
    return LEFT_ADAPTER + insert + RIGHT_ADAPTER


def fit_construct(construct: str) -> str:
    """Bring a construct of nearly the right length to 110 bp.

    A short construct is filled with the plasmid's own bases on both sides, the left side getting the odd one; a long
    one is cut centrally: the same number of bases goes on both sides, and the left side loses the odd one. A
    construct of 110 bp is returned as it is.

    Parameters
    ----------
    construct : str
        A sequence with both adapters, 85 to 135 bp.

    Returns
    -------
    str
        110 bp.

    Raises
    ------
    ValueError
        If the length is another one.

    Notes
    -----
    The rule is that of the KircherLab model of the DREAM Challenge 2022 ("fit sequence"), whose code lost the first T
    of the right flank; it is present here. The bounds on the length are ours.
    """
    return (LEFT_FLANK + construct + RIGHT_FLANK)[fit_window(len(construct))]


def fit_insert(insert: str) -> str:
    """Make a construct of an insert of nearly the right length.

    A long insert is cut centrally to 80 bp, the left side losing the odd base, and then gets its adapters. A short one
    gets its adapters, and is then filled from the plasmid as `fit_construct` does it. So both adapters are always
    whole.

    Parameters
    ----------
    insert : str
        An insert without adapters, 55 to 105 bp.

    Returns
    -------
    str
        110 bp.

    Raises
    ------
    ValueError
        If the length is another one.
    """
    if len(insert) > INSERT_LENGTH:
        insert = insert[central_window(len(insert), INSERT_LENGTH)]
    return fit_construct(add_adapters(insert))


def central_window(length: int, kept: int) -> slice:
    """Find what stays of a sequence that is cut centrally, the left side losing the odd base.

    Parameters
    ----------
    length, kept : int
        Length of the sequence and of what stays of it, in bp.

    Returns
    -------
    slice
        Positions in the sequence, from 0.

    Raises
    ------
    ValueError
        If more than 25 bp would be lost.
    """
    if length - kept > MOST_FITTED:
        raise ValueError(
            f"a sequence of {length:,} bp cannot be cut to {kept} bp: {length - kept:,} bp would be lost, but at most "
            f"{MOST_FITTED} may be. Cut a longer promoter into inserts of {INSERT_LENGTH} bp and predict each of them"
        )
    start = (length - kept + 1) // 2
    return slice(start, start + kept)


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
        If `length` differs from 110 by more than 25.
    """
    if length > CONSTRUCT_LENGTH:
        start = central_window(length, CONSTRUCT_LENGTH).start
    elif length >= CONSTRUCT_LENGTH - MOST_FITTED:
        start = -((CONSTRUCT_LENGTH - length + 1) // 2)  # the left side gets the odd base
    else:
        raise ValueError(
            f"a construct of {length} bp cannot be filled to {CONSTRUCT_LENGTH} bp: at most {MOST_FITTED} bp of the "
            "plasmid are added"
        )
    return slice(len(LEFT_FLANK) + start, len(LEFT_FLANK) + start + CONSTRUCT_LENGTH)
