"""The reporter: adapters, insert length and plasmid flanks, and how a sequence becomes a construct.

Every measured promoter is one *construct*: a left adapter, a variable *insert* and a right adapter, read 5' to 3'
toward the reporter gene. What lies beyond an adapter on the plasmid is the *flank*. A network is for the constructs of
one reporter, which its entry names; `PTPA` is that of the public measurements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from yeastpromoter.sequence.encoding import ALPHABET, enclose

COORDINATE_LABEL = "position in the insert (bp, 5′ to 3′; the reporter gene follows)"

#: The parts of a construct that can be asked for.
REGIONS = ("insert", "construct")

#: Bases that `Reporter.fit_construct` and `Reporter.fit_insert` add or take off at most. They are for sequences that
#: are nearly right, as libraries have them: the public measurements hold constructs of 87 to 135 bp. A longer promoter
#: is more than a construct with a few extra bases: what its middle does says nothing about the whole.
MOST_FITTED = 25

#: Bases that each flank has at least, if there are flanks: as many as `fit_construct` may add at one side.
_SHORTEST_FLANK = MOST_FITTED // 2 + 1

#: Bases that a construct has at least: the network's last convolution sees 21, and fewer would leave it one position.
_SHORTEST_CONSTRUCT = 30


@dataclass(frozen=True)
class Reporter:
    """What all constructs of a reporter have in common.

    Parameters
    ----------
    name : str
        What it is called, for documents and messages.
    left_adapter, right_adapter : str
        What stands before and after the insert, A, C, G and T; empty where the network is to read inserts alone.
    insert_length : int
        Length of the insert in bp.
    left_flank, right_flank : str, optional
        The plasmid before the left adapter and after the right one, from which short constructs are filled and into
        which training moves constructs. Both or none.

    Raises
    ------
    ValueError
        If an argument is not one of those above.
    """

    name: str
    left_adapter: str
    right_adapter: str
    insert_length: int
    left_flank: str = ""
    right_flank: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"the reporter's name must be text but is {self.name!r}")
        for part in ("left_adapter", "right_adapter", "left_flank", "right_flank"):
            value = getattr(self, part)
            if not isinstance(value, str) or value.strip(ALPHABET):
                raise ValueError(f"the reporter's {part} must be text of {ALPHABET} in upper case but is {value!r}")
        length = self.insert_length
        if not isinstance(length, int) or isinstance(length, bool) or length < self.end_length or length < 1:
            raise ValueError(
                f"the reporter's insert_length must be a whole number, at least {max(self.end_length, 1)} (the longer "
                f"adapter), but is {length!r}"
            )
        if self.construct_length < _SHORTEST_CONSTRUCT:
            raise ValueError(
                f"a construct must have at least {_SHORTEST_CONSTRUCT} bp but the reporter's adapters and insert have "
                f"{self.construct_length}"
            )
        flanks = len(self.left_flank), len(self.right_flank)
        if max(flanks) and min(flanks) < _SHORTEST_FLANK:
            raise ValueError(
                f"the reporter's flanks must have at least {_SHORTEST_FLANK} bp each, or there must be none, but they "
                f"have {flanks[0]} and {flanks[1]}"
            )

    @classmethod
    def of(cls, description: Mapping[str, Any] | None) -> Reporter:
        """The reporter that a configuration or a model.yaml describes; None is that of the public measurements.

        Raises
        ------
        ValueError
            If there is another key, or one is missing or wrong.
        """
        if description is None:
            return PTPA
        known = [field.name for field in fields(cls)]
        if not isinstance(description, Mapping) or (set(description) - set(known)):
            raise ValueError(f"a reporter is described by {', '.join(known)}, but {description!r} is not")
        if missing := [name for name in known[:4] if name not in description]:
            raise ValueError(f"the description of the reporter lacks {', '.join(missing)}")
        return cls(**description)

    def description(self) -> dict[str, Any]:
        """What `of` takes."""
        return asdict(self)

    @cached_property
    def construct_length(self) -> int:
        """Length of a construct in bp."""
        return len(self.left_adapter) + self.insert_length + len(self.right_adapter)

    @cached_property
    def end_length(self) -> int:
        """Letters at each end of a sequence that can show an adapter."""
        return max(len(self.left_adapter), len(self.right_adapter))

    @cached_property
    def insert(self) -> slice:
        """Where the insert lies in a construct, from 0."""
        return slice(len(self.left_adapter), len(self.left_adapter) + self.insert_length)

    @cached_property
    def lengths(self) -> dict[str, int]:
        """Length of a construct and of an insert, in bp, by these words."""
        return {"construct": self.construct_length, "insert": self.insert_length}

    @property
    def has_adapters(self) -> bool:
        """Whether there is an adapter by which constructs can be recognised."""
        return bool(self.end_length)

    @property
    def has_flanks(self) -> bool:
        """Whether the plasmid beside the adapters is known."""
        return bool(self.left_flank)

    def bases(self, region: str) -> slice:
        """Where a region (one of `REGIONS`) lies in a construct, from 0."""
        return self.insert if region == "insert" else slice(0, self.construct_length)

    def positions(self, region: str) -> range:
        """List the positions of a region, in the one coordinate of all tables and figures.

        Parameters
        ----------
        region : {"insert", "construct"}
            One of `REGIONS`.

        Returns
        -------
        range
            Positions in the insert, counted from 1 at its first base: 1 to 80, or -16 to 93 with the adapters of
            `PTPA`.
        """
        bases = self.bases(region)
        return range(bases.start - self.insert.start + 1, bases.stop - self.insert.start + 1)

    @property
    def coordinate(self) -> str:
        """The coordinate of tables and figures, in words."""
        text = f"position in the insert, from 1 at its first base: 1 to {self.insert_length} are the insert"
        if self.left_adapter:
            text += f", {1 - len(self.left_adapter)} to 0 the left adapter"
        if self.right_adapter:
            text += f", {self.insert_length + 1} to {self.insert_length + len(self.right_adapter)} the right one"
        return text

    def add_adapters(self, insert: str) -> str:
        """Put an insert, of any length, between the two adapters."""
        return self.left_adapter + insert + self.right_adapter

    def constructs(self, inserts: np.ndarray) -> np.ndarray:
        """Put inserts between the two adapters.

        Parameters
        ----------
        inserts : numpy.ndarray
            ASCII letters, `uint8` (N, L).

        Returns
        -------
        numpy.ndarray
            `uint8` (N, L and the length of both adapters).
        """
        return enclose(self.left_adapter, inserts, self.right_adapter)

    def with_flanks(self, constructs: np.ndarray) -> np.ndarray:
        """Put constructs, `uint8` (N, L), between the two flanks."""
        return enclose(self.left_flank, constructs, self.right_flank)

    def fit_construct(self, construct: str) -> str:
        """Bring a construct of nearly the right length to it.

        A short construct is filled with the plasmid's own bases on both sides, the left side getting the odd one; a
        long one is cut centrally: the same number of bases goes on both sides, and the left side loses the odd one. A
        construct of the right length is returned as it is.

        Parameters
        ----------
        construct : str
            A sequence with both adapters, at most 25 bp from the length of a construct.

        Returns
        -------
        str
            A construct.

        Raises
        ------
        ValueError
            If the length is another one, or a short construct needs flanks and the reporter has none.

        Notes
        -----
        The rule is that of the KircherLab model of the DREAM Challenge 2022 ("fit sequence"), whose code lost the first
        T of the right flank; it is present here. The bounds on the length are ours.
        """
        return (self.left_flank + construct + self.right_flank)[self.fit_window(len(construct))]

    def fit_insert(self, insert: str) -> str:
        """Make a construct of an insert of nearly the right length.

        A long insert is cut centrally, the left side losing the odd base, and then gets its adapters. A short one gets
        its adapters, and is then filled from the plasmid as `fit_construct` does it. So both adapters are always whole.

        Parameters
        ----------
        insert : str
            An insert without adapters, at most 25 bp from the length of an insert.

        Returns
        -------
        str
            A construct.

        Raises
        ------
        ValueError
            As from `fit_construct`.
        """
        if len(insert) > self.insert_length:
            insert = insert[self.central_window(len(insert), self.insert_length)]
        return self.fit_construct(self.add_adapters(insert))

    def central_window(self, length: int, kept: int) -> slice:
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
                f"a sequence of {length:,} bp cannot be cut to {kept} bp: {length - kept:,} bp would be lost, but at "
                f"most {MOST_FITTED} may be. Cut a longer promoter into inserts of {self.insert_length} bp and predict "
                "each of them"
            )
        start = (length - kept + 1) // 2
        return slice(start, start + kept)

    def fit_window(self, length: int) -> slice:
        """Find the bases that `fit_construct` takes of a construct of some length with both flanks beside it.

        Parameters
        ----------
        length : int
            Length of the construct, in bp.

        Returns
        -------
        slice
            As many positions as a construct has, counted from 0 at the first base of the left flank.

        Raises
        ------
        ValueError
            If `length` differs from that of a construct by more than 25, or flanks are needed and there are none.
        """
        wanted = self.construct_length
        if length > wanted:
            start = self.central_window(length, wanted).start
        elif length >= wanted - MOST_FITTED:
            start = -((wanted - length + 1) // 2)  # the left side gets the odd base
        else:
            raise ValueError(
                f"a construct of {length} bp cannot be filled to {wanted} bp: at most {MOST_FITTED} bp of the plasmid "
                "are added"
            )
        if start < 0 and not self.has_flanks:
            raise ValueError(
                f"a construct of {length} bp cannot be filled to {wanted} bp: the reporter {self.name} has no flanks"
            )
        return slice(len(self.left_flank) + start, len(self.left_flank) + start + wanted)


#: The reporter of the public measurements: the adapters and the plasmid around them are those of the pTpA random
#: promoter library (de Boer et al. 2020, Nat. Biotechnol. 38, 56-65, doi:10.1038/s41587-019-0315-8) that the DREAM
#: Challenge 2022 measured.
PTPA = Reporter(
    name="pTpA",
    left_adapter="TGCATTTTTTTCACATC",
    right_adapter="GGTTACGGCTGTT",
    insert_length=80,
    left_flank="CACCCTAATCAAGTGCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAAC",
    right_flank="TCTTAATTAAAAAAAGATAGAAAACATTAGGAGTGTAACACAAGACTTTCGGATCC",
)
