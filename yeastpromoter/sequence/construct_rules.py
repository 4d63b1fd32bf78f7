"""From sequences to constructs: which are taken as they are, fitted, left out or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.sequence.adapters import END_LENGTH, FORMS, forms_of, hold_adapters, refusal
from yeastpromoter.sequence.construct import (
    CONSTRUCT_LENGTH,
    INSERT_LENGTH,
    LEFT_ADAPTER,
    LEFT_FLANK,
    MOST_FITTED,
    RIGHT_ADAPTER,
    RIGHT_FLANK,
    central_window,
    fit_window,
)
from yeastpromoter.sequence.encoding import enclose

SEQUENCE_LENGTHS = {"construct": CONSTRUCT_LENGTH, "insert": INSERT_LENGTH}
OTHER_LENGTHS = ("error", "drop", "fit")

#: An insert with more unknown bases (N) than this is worth a note: a tenth of its 80 bp.
FEW_UNKNOWN = INSERT_LENGTH // 10

#: How many records a message names.
NAMED = 5

_N = ord("N")
_UPPER = np.frombuffer(bytes(range(256)).upper(), dtype=np.uint8)


def upper_case(codes: np.ndarray) -> np.ndarray:
    """Upper-case letters of ASCII codes, `uint8` of any shape."""
    return _UPPER[codes]


@dataclass
class Counted:
    """Records of one kind: how many, and the first of them."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, rows: np.ndarray, name: Callable[[int], str]) -> None:
        """Count some records, by their rows, and name the first ones."""
        self.count += rows.size
        self.named += [name(row) for row in rows[: NAMED - len(self.named)].tolist()]

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.named) else ""
        return ", ".join(self.named) + more


class ConstructRules:
    """What becomes a construct, for the sequences of one file.

    Parameters
    ----------
    sequence_type : {"construct", "insert"}
        Whether the sequences are whole constructs (110 bp, with both adapters) or bare inserts (80 bp), to which the
        adapters are added.
    other_lengths : {"error", "drop", "fit"}
        What happens to a sequence of another length: it is an error, it is left out, or it is brought to 110 bp, if
        it differs by at most `yeastpromoter.sequence.construct.MOST_FITTED` bp: a construct by
        `yeastpromoter.sequence.construct.fit_construct`, an insert by `yeastpromoter.sequence.construct.fit_insert`.
    check_adapters : bool
        Whether a construct without its adapters (`yeastpromoter.sequence.adapters`), or an insert that is a whole
        construct, is an error.

    Attributes
    ----------
    n_dropped, n_fitted : int
        Number of records that are left out and that are fitted, so far.

    Raises
    ------
    ValueError
        If an argument is not one of those above.
    """

    def __init__(self, sequence_type: str, other_lengths: str, check_adapters: bool) -> None:
        self._type = choice("sequence_type", sequence_type, tuple(SEQUENCE_LENGTHS))
        self._other_lengths = choice("other_lengths", other_lengths, OTHER_LENGTHS)
        self._check_adapters = choice("check_adapters", check_adapters, (True, False))
        self._length = SEQUENCE_LENGTHS[self._type]
        self.n_fitted = 0
        self._unfit = Counted()  # of a length that is not taken
        self._of_other_type = Counter()  # how many of those have the length of the other type, by whether they are it
        self._longest_loss = 0
        self._forms: Counter[int] = Counter()
        self._strange = Counted()  # without the adapters of a construct
        self._adapted = Counted()  # with an adapter, where inserts are wanted
        self._only_n = Counted()
        self._many_n = Counted()

    @property
    def n_dropped(self) -> int:
        """Number of records that are left out so far."""
        return self._unfit.count if self._other_lengths == "drop" else 0

    @property
    def drops(self) -> bool:
        """Whether records can be left out."""
        return self._other_lengths == "drop"

    def look_at(self, joined: np.ndarray, lengths: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
        """Look at some sequences; what is wrong with any of them is raised by `finish`.

        Parameters
        ----------
        joined : numpy.ndarray
            Letters A, C, G, T and N in either case of all sequences, one after the other, `uint8`.
        lengths : numpy.ndarray
            Their lengths, none 0, `int64` (N,).
        name : callable
            From the row of a sequence to what messages call it, with its length.

        Returns
        -------
        numpy.ndarray
            Which are of a length that is taken, `bool` (N,).
        """
        fits = lengths == self._length
        if self._other_lengths == "fit":
            fits = np.abs(lengths - self._length) <= MOST_FITTED
            self.n_fitted += int((fits & (lengths != self._length)).sum())
        stops = np.cumsum(lengths)
        starts = stops - lengths
        self._look_at_ends(joined, starts, stops, fits, name)
        self._look_at_n(joined, starts, stops, fits, name)
        if not fits.all():
            self._unfit.add(np.flatnonzero(~fits), name)
            self._longest_loss = max(self._longest_loss, int(lengths.max()) - self._length)
        return fits

    def _look_at_ends(self, joined, starts, stops, fits, name) -> None:
        other = SEQUENCE_LENGTHS["insert" if self._type == "construct" else "construct"]
        looked_at = np.flatnonzero((fits & self._check_adapters) | (stops - starts == other))
        if not looked_at.size:
            return
        index = np.arange(END_LENGTH)
        first = upper_case(joined[starts[looked_at, np.newaxis] + index])
        last = upper_case(joined[stops[looked_at, np.newaxis] - END_LENGTH + index])
        fitting = fits[looked_at]
        if self._type == "construct":
            self._of_other_type[True] += int((~fitting).sum())
            looked_at, first, last = looked_at[fitting], first[fitting], last[fitting]
            if self._check_adapters and looked_at.size:
                forms = forms_of(first, last)
                self._forms.update(forms.tolist() if forms.any() else {0: forms.size})

                def with_form(row: int) -> str:
                    return f"{name(int(looked_at[row]))} ({FORMS[forms[row]].name})"

                self._strange.add(np.flatnonzero(forms), with_form)
            return
        with_adapters = hold_adapters(first, last)
        self._of_other_type.update(with_adapters[~fitting].tolist())
        if self._check_adapters:
            self._adapted.add(looked_at[with_adapters & fitting], name)

    def _look_at_n(self, joined, starts, stops, fits, name) -> None:
        unknown = (joined | 0x20) == (_N | 0x20)
        if not unknown.any():
            return
        before = np.concatenate([[0], np.cumsum(unknown)])
        left, right = (len(LEFT_ADAPTER), len(RIGHT_ADAPTER)) if self._type == "construct" else (0, 0)
        first, last = np.minimum(starts + left, stops), np.maximum(stops - right, starts)
        counts = np.where(fits, before[np.maximum(last, first)] - before[first], 0)
        only = fits & (counts == last - first)
        self._only_n.add(np.flatnonzero(only), name)
        self._many_n.add(np.flatnonzero((counts > FEW_UNKNOWN) & ~only), name)

    def finish(self, path: str, n: int, hint: str = "") -> None:
        """Refuse the file if anything in it is wrong.

        Parameters
        ----------
        path : str
            The file.
        n : int
            Number of its records.
        hint : str, optional
            A sentence for where no sequence has the right length.

        Raises
        ------
        ValueError
            If sequences have a length that is not taken, or no record is left, if sequences are not what
            `sequence_type` says, or if one holds nothing but N.
        """
        if self._unfit.count and (not self.drops or self._unfit.count == n):
            raise ValueError(self._length_error(path, n, hint))
        if self._only_n.count:
            raise ValueError(
                f"{path}: {self._only_n.count:,} of {n:,} sequences hold nothing but N, which cannot be predicted: "
                f"{self._only_n}. Were they masked, or cut out where the genome is unknown? Leave them out"
            )
        if self._strange.count:
            raise ValueError(
                f"{path}: {refusal(self._forms, n, str(self._strange), argument('check_adapters', False))}"
            )
        if self._adapted.count:
            raise ValueError(
                f"{path}: {self._adapted.count:,} of {n:,} sequences have an adapter at an end, or both, but "
                f"{argument('sequence_type', self._type)} says that the adapters are to be added: "
                f"{self._adapted}. Take {LEFT_ADAPTER} and {RIGHT_ADAPTER} off; for whole constructs of 110 bp "
                f"{argument('sequence_type', 'construct')} is right. To add adapters all the same: "
                f"{argument('check_adapters', False)}"
            )

    def _length_error(self, path: str, n: int, hint: str) -> str:
        count, length = self._unfit.count, self._length
        if self._other_lengths == "fit":
            message = (
                f"{path}: {count:,} of {n:,} sequences differ by more than {MOST_FITTED} bp from {length} bp: "
                f"{self._unfit}. {argument('other_lengths', 'fit')} is for sequences that are nearly right: those of "
                f"{length - MOST_FITTED} to {length + MOST_FITTED} bp."
            )
            if self._longest_loss > MOST_FITTED:
                message += f" Up to {self._longest_loss:,} bp of a sequence would have been lost."
            message += f" {argument('other_lengths', 'drop')} leaves out all that are not {length} bp long."
            return message + self._advice()
        message = (
            f"{path}: {count:,} of {n:,} sequences are not {length} bp long, as "
            f"{argument('sequence_type', self._type)} says: {self._unfit}."
        )
        if self.drops:
            message += f" {argument('other_lengths', 'drop')} leaves none."
        else:
            message += (
                f" {argument('other_lengths', 'drop')} would leave them out, {argument('other_lengths', 'fit')} would "
                f"fill or cut those of {length - MOST_FITTED} to {length + MOST_FITTED} bp to constructs of "
                f"{CONSTRUCT_LENGTH} bp."
            )
        if count == n:
            message += hint
        return message + self._advice()

    def _advice(self) -> str:
        advice = self._other_type_advice()
        if advice or self._longest_loss <= MOST_FITTED:
            return advice
        return " To scan a longer promoter in tiles, run `yeastpromoter predict promoters.fa --scan`."

    def _other_type_advice(self) -> str:
        whole, bare = self._of_other_type[True], self._of_other_type[False]
        if 2 * (whole + bare) <= self._unfit.count:
            return ""
        adapters = f"the adapters {LEFT_ADAPTER} and {RIGHT_ADAPTER}"
        if self._type == "construct":
            return (
                f" {whole:,} of them have {INSERT_LENGTH} bp: if they lack {adapters}, "
                f"{argument('sequence_type', 'insert')} is right."
            )
        message = ""
        if whole:
            construct = argument("sequence_type", "construct")
            message += f" {whole:,} of them are constructs, with {adapters}: {construct} is right."
        if bare:
            message += (
                f" {bare:,} of them have {CONSTRUCT_LENGTH} bp but not {adapters}: an insert has {INSERT_LENGTH} bp, "
                f"and a construct {CONSTRUCT_LENGTH} bp with its adapters."
            )
        return message

    def notes(self, path: str, n: int) -> Iterator[str]:
        """Say what a user should know of the sequences.

        Parameters
        ----------
        path : str
            The file.
        n : int
            Number of its records.

        Yields
        ------
        str
            A sentence each on records that are left out, are fitted, or hold many N.
        """
        if self.n_dropped:
            yield (
                f"{path}: {self.n_dropped:,} of {n:,} sequences are left out because they are not {self._length} bp "
                f"long: {self._unfit}"
            )
        if self.n_fitted:
            yield (
                f"{path}: {self.n_fitted:,} of {n:,} sequences are not {self._length} bp long and are fitted to "
                f"constructs of {CONSTRUCT_LENGTH} bp"
            )
        if self._many_n.count:
            yield (
                f"{path}: {self._many_n.count:,} of {n:,} sequences hold more than {FEW_UNKNOWN} N, so their "
                f"predictions are of little worth: {self._many_n}"
            )

    def constructs(self, joined: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Make constructs of sequences that were looked at.

        Parameters
        ----------
        joined, lengths : numpy.ndarray
            As for `look_at`, of lengths that are taken.

        Returns
        -------
        numpy.ndarray
            `uint8` (N, 110).

        Raises
        ------
        ValueError
            If a length is not one that is taken.
        """
        if (lengths == self._length).all():
            return self._with_adapters(joined.reshape(lengths.size, self._length))
        if self._other_lengths != "fit" or (np.abs(lengths - self._length) > MOST_FITTED).any():
            raise ValueError("sequences have other lengths than when they were checked")
        constructs = np.empty((lengths.size, CONSTRUCT_LENGTH), dtype=np.uint8)
        starts = np.cumsum(lengths) - lengths
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            some = np.lib.stride_tricks.sliding_window_view(joined, length)[starts[rows]]
            if self._type == "insert" and length > INSERT_LENGTH:
                some = some[:, central_window(length, INSERT_LENGTH)]
            some = self._with_adapters(some)
            if some.shape[1] != CONSTRUCT_LENGTH:
                some = enclose(LEFT_FLANK, some, RIGHT_FLANK)[:, fit_window(some.shape[1])]
            constructs[rows] = some
        return constructs

    def _with_adapters(self, rows: np.ndarray) -> np.ndarray:
        return rows if self._type == "construct" else enclose(LEFT_ADAPTER, rows, RIGHT_ADAPTER)


class RulesByLength(ConstructRules):
    """`ConstructRules` whose sequence type is found from the first sequence: an insert if it has 80 bp.

    Any other length is that of a construct, right or wrong, and sequences of another length than their type has are an
    error. So the type is never taken wrongly: a sequence has one of two lengths, and its adapters are checked.

    Parameters
    ----------
    check_adapters : bool
        As for `ConstructRules`.
    """

    def __init__(self, check_adapters: bool) -> None:
        super().__init__("construct", "error", check_adapters)
        self._is_found = False

    def look_at(self, joined: np.ndarray, lengths: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
        """Look at some sequences, as `ConstructRules.look_at`."""
        if not self._is_found and lengths.size:
            self._is_found = True
            if lengths[0] == INSERT_LENGTH:
                self._type, self._length = "insert", INSERT_LENGTH
        return super().look_at(joined, lengths, name)


def choice(name: str, value: object, choices: tuple) -> object:
    """Check an argument that has a few values.

    Parameters
    ----------
    name : str
        The argument.
    value : object
        Its value.
    choices : tuple
        What it may be. True and False may also be given as text, as command lines do.

    Returns
    -------
    object
        The choice.

    Raises
    ------
    ValueError
        If the value is none of them.
    """
    text = value.lower() if isinstance(value, str) else None
    # 1 == True, but an argument of 1 is more likely a column number that went astray.
    for known in choices:
        if (type(value) is type(known) and value == known) or (isinstance(known, bool) and text == str(known).lower()):
            return known
    raise ValueError(f"{argument(name)} must be one of {', '.join(map(repr, choices))} but is {value!r}")
