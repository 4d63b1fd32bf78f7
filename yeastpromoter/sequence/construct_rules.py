"""From sequences to constructs: which are taken as they are, fitted, left out or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.sequence.adapters import forms, forms_of, hold_adapters, refusal
from yeastpromoter.sequence.reporter import MOST_FITTED, Reporter

SEQUENCE_TYPES = ("construct", "insert")
OTHER_LENGTHS = ("error", "drop", "fit")

#: An insert of which a larger share than this is unknown (N) is worth a note.
_FEW_UNKNOWN = 0.1

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
    reporter : Reporter
        The reporter of the constructs.
    sequence_type : {"construct", "insert"}
        Whether the sequences are whole constructs, with both adapters (110 bp for the public reporter), or bare inserts
        (80 bp), to which the adapters are added.
    other_lengths : {"error", "drop", "fit"}
        What happens to a sequence of another length: it is an error, it is left out, or it is made a construct, if it
        differs by at most `yeastpromoter.sequence.reporter.MOST_FITTED` bp: a construct by `Reporter.fit_construct`, an
        insert by `Reporter.fit_insert`. A reporter without flanks cannot fit.
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

    def __init__(self, reporter: Reporter, sequence_type: str, other_lengths: str, check_adapters: bool) -> None:
        self._reporter = reporter
        self._type = choice("sequence_type", sequence_type, SEQUENCE_TYPES)
        self._other_lengths = choice("other_lengths", other_lengths, OTHER_LENGTHS)
        self._check_adapters = choice("check_adapters", check_adapters, (True, False)) and reporter.has_adapters
        if self._other_lengths == "fit" and not reporter.has_flanks:
            raise ValueError(
                f"{argument('other_lengths', 'fit')} fills sequences from the plasmid beside the adapters, but the "
                f"reporter {reporter.name} has no flanks: take {argument('other_lengths', 'drop')}"
            )
        self._length = reporter.lengths[self._type]
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

    @property
    def _few_unknown(self) -> int:
        return int(_FEW_UNKNOWN * self._reporter.insert_length)

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
        reporter = self._reporter
        if not reporter.has_adapters:
            return
        other = reporter.lengths["insert" if self._type == "construct" else "construct"]
        looked_at = np.flatnonzero((fits & self._check_adapters) | (stops - starts == other))
        if not looked_at.size:
            return
        index = np.arange(reporter.end_length)
        first = upper_case(joined[starts[looked_at, np.newaxis] + index])
        last = upper_case(joined[stops[looked_at, np.newaxis] - reporter.end_length + index])
        fitting = fits[looked_at]
        if self._type == "construct":
            self._of_other_type[True] += int((~fitting).sum())
            looked_at, first, last = looked_at[fitting], first[fitting], last[fitting]
            if self._check_adapters and looked_at.size:
                found = forms_of(reporter, first, last)
                self._forms.update(found.tolist() if found.any() else {0: found.size})

                def with_form(row: int) -> str:
                    return f"{name(int(looked_at[row]))} ({forms(reporter)[found[row]].name})"

                self._strange.add(np.flatnonzero(found), with_form)
            return
        with_adapters = hold_adapters(reporter, first, last)
        self._of_other_type.update(with_adapters[~fitting].tolist())
        if self._check_adapters:
            self._adapted.add(looked_at[with_adapters & fitting], name)

    def _look_at_n(self, joined, starts, stops, fits, name) -> None:
        unknown = (joined | 0x20) == (_N | 0x20)
        if not unknown.any():
            return
        before = np.concatenate([[0], np.cumsum(unknown)])
        adapters = (self._reporter.left_adapter, self._reporter.right_adapter)
        left, right = map(len, adapters) if self._type == "construct" else (0, 0)
        first, last = np.minimum(starts + left, stops), np.maximum(stops - right, starts)
        counts = np.where(fits, before[np.maximum(last, first)] - before[first], 0)
        only = fits & (counts == last - first)
        self._only_n.add(np.flatnonzero(only), name)
        self._many_n.add(np.flatnonzero((counts > self._few_unknown) & ~only), name)

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
                f"{path}: "
                f"{refusal(self._reporter, self._forms, n, str(self._strange), argument('check_adapters', False))}"
            )
        if self._adapted.count:
            raise ValueError(
                f"{path}: {self._adapted.count:,} of {n:,} sequences have an adapter at an end, or both, but "
                f"{argument('sequence_type', self._type)} says that the adapters are to be added: "
                f"{self._adapted}. Take {self._adapters} off; for whole constructs of "
                f"{self._reporter.construct_length} bp {argument('sequence_type', 'construct')} is right. To add "
                f"adapters all the same: "
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
            message += f" {argument('other_lengths', 'drop')} would leave them out"
            if self._reporter.has_flanks:
                message += (
                    f", {argument('other_lengths', 'fit')} would fill or cut those of {length - MOST_FITTED} to "
                    f"{length + MOST_FITTED} bp to constructs of {self._reporter.construct_length} bp"
                )
            message += "."
        if count == n:
            message += hint
        return message + self._advice()

    def _advice(self) -> str:
        advice = self._other_type_advice()
        if advice or self._longest_loss <= MOST_FITTED:
            return advice
        return " To scan a longer promoter in tiles, run `yeastpromoter predict promoters.fa --scan`."

    @property
    def _adapters(self) -> str:
        return " and ".join(filter(None, (self._reporter.left_adapter, self._reporter.right_adapter)))

    def _other_type_advice(self) -> str:
        whole, bare = self._of_other_type[True], self._of_other_type[False]
        if 2 * (whole + bare) <= self._unfit.count:
            return ""
        adapters = f"the adapters {self._adapters}"
        insert, construct = self._reporter.insert_length, self._reporter.construct_length
        if self._type == "construct":
            return (
                f" {whole:,} of them have {insert} bp: if they lack {adapters}, "
                f"{argument('sequence_type', 'insert')} is right."
            )
        message = ""
        if whole:
            right = argument("sequence_type", "construct")
            message += f" {whole:,} of them are constructs, with {adapters}: {right} is right."
        if bare:
            message += (
                f" {bare:,} of them have {construct} bp but not {adapters}: an insert has {insert} bp, and a construct "
                f"{construct} bp with its adapters."
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
                f"constructs of {self._reporter.construct_length} bp"
            )
        if self._many_n.count:
            yield (
                f"{path}: {self._many_n.count:,} of {n:,} sequences hold more than {self._few_unknown} N, so their "
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
            `uint8` (N, length of a construct).

        Raises
        ------
        ValueError
            If a length is not one that is taken.
        """
        reporter = self._reporter
        if (lengths == self._length).all():
            return self._with_adapters(joined.reshape(lengths.size, self._length))
        if self._other_lengths != "fit" or (np.abs(lengths - self._length) > MOST_FITTED).any():
            raise ValueError("sequences have other lengths than when they were checked")
        constructs = np.empty((lengths.size, reporter.construct_length), dtype=np.uint8)
        starts = np.cumsum(lengths) - lengths
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            some = np.lib.stride_tricks.sliding_window_view(joined, length)[starts[rows]]
            if self._type == "insert" and length > reporter.insert_length:
                some = some[:, reporter.central_window(length, reporter.insert_length)]
            some = self._with_adapters(some)
            if some.shape[1] != reporter.construct_length:
                some = reporter.with_flanks(some)[:, reporter.fit_window(some.shape[1])]
            constructs[rows] = some
        return constructs

    def _with_adapters(self, rows: np.ndarray) -> np.ndarray:
        return rows if self._type == "construct" else self._reporter.constructs(rows)


class RulesByLength(ConstructRules):
    """`ConstructRules` whose sequence type is found from the first sequence: an insert if it has its length.

    Any other length is that of a construct, right or wrong, and sequences of another length than their type has are an
    error. So the type is never taken wrongly: a sequence has one of two lengths, and its adapters are checked.

    Parameters
    ----------
    reporter, check_adapters
        As for `ConstructRules`.
    """

    def __init__(self, reporter: Reporter, check_adapters: bool) -> None:
        super().__init__(reporter, "construct", "error", check_adapters)
        self._is_found = False

    def look_at(self, joined: np.ndarray, lengths: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
        """Look at some sequences, as `ConstructRules.look_at`."""
        if not self._is_found and lengths.size:
            self._is_found = True
            if lengths[0] == self._reporter.insert_length:
                self._type, self._length = "insert", self._reporter.insert_length
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
