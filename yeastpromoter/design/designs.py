"""Designs: inserts of a wanted strength, from nothing or from given promoters, chosen, checked and put into a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.design.constraints import Constraints, joined, motif_positions
from yeastpromoter.design.goals import Goal
from yeastpromoter.design.search import Change, Known, Search, State
from yeastpromoter.model.entry import TrainedNetwork
from yeastpromoter.sequence.construct_rules import upper_case
from yeastpromoter.sequence.encoding import ALPHABET, check_rows, gc_content, letters
from yeastpromoter.sequence.motifs import check_motif
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import Reporter

if TYPE_CHECKING:
    import pandas as pd

#: Substitutions of a given promoter, unless it is said otherwise; and those of a random start, which is not kept.
MOST_CHANGES = 5
_MOST_STEPS = 60

#: Inserts that the search from a given promoter keeps after each substitution, at least.
BEAM = 10

#: Searches from random starts that go on together, and rounds of them for one goal: a goal that is not reached from any
#: start of so many will not be.
_STARTS, _ROUNDS = 32, 12

_N = ord("N")

#: Draws of a random start that keeps to the constraints.
_DRAWS = 50


@dataclass(frozen=True)
class Design:
    """A designed insert.

    Parameters
    ----------
    id : str
        Its name.
    goal : Goal
        What it is for.
    start_id : str
        The promoter that it was made from; empty for a random start.
    start : numpy.ndarray
        Insert that the search started from, ASCII letters, `uint8` (L,).
    start_expression : float
        Its predicted expression.
    insert : numpy.ndarray
        The design, likewise.
    expression : float
        Its predicted expression.
    path : tuple of Change
        The substitutions in the order in which the search made them; a position can come twice.
    nearest : int or None
        Bases in which it differs from the nearest of the other designs and of the inserts that it was to keep away
        from; None if there are none.
    """

    id: str
    goal: Goal
    start_id: str
    start: np.ndarray
    start_expression: float
    insert: np.ndarray
    expression: float
    path: tuple[Change, ...]
    nearest: int | None = None

    @property
    def changes(self) -> list[str]:
        """What differs between start and design, such as ``A12G``: base, position from 1, base."""
        places = np.flatnonzero(self.start != self.insert)
        return [f"{chr(self.start[place])}{place + 1}{chr(self.insert[place])}" for place in places]


@dataclass(frozen=True)
class Request:
    """What designs are asked for.

    Parameters
    ----------
    goals : sequence of Goal
        What to reach.
    count : int
        Designs for each goal, and for each promoter if there are any.
    constraints : Constraints
        What they keep to.
    promoters : numpy.ndarray or None
        Inserts to change, ASCII letters, `uint8` (P, L); None for designs from nothing.
    ids : sequence of str
        Their ids, none of them empty; their numbers, from 0, if there are none.
    most_changes : int or None
        Most substitutions of a promoter; `MOST_CHANGES` if it is None.
    template : str or None
        For designs from nothing, as many letters as an insert has: A, C, G and T, which are kept, and N where any base
        may stand.
    only : numpy.ndarray or None
        The positions that may be changed, `bool` (L,); all if it is None.
    keep_motifs : sequence of str
        Motifs, in letters of IUPAC, whose occurrences on either strand are not changed.
    apart : int
        Least number of bases in which designs differ from one another, and from the inserts of `apart_from`.
    apart_from : numpy.ndarray or None
        Inserts to keep away from, `uint8` (A, L).
    any_uncertainty : bool
        Whether designs may be unlike the training data, or less sure than nine tenths of the constructs that the
        calibration was made on.
    seed : int
        Seed of the random starts.
    """

    goals: Sequence[Goal]
    count: int = 1
    constraints: Constraints = field(default_factory=Constraints)
    promoters: np.ndarray | None = None
    ids: Sequence[str] = ()
    most_changes: int | None = None
    template: str | None = None
    only: np.ndarray | None = None
    keep_motifs: Sequence[str] = ()
    apart: int = 1
    apart_from: np.ndarray | None = None
    any_uncertainty: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"the number of designs must be at least 1 but is {self.count}")
        if self.most_changes is not None and self.most_changes < 1:
            raise ValueError(f"the number of changes must be at least 1 but is {self.most_changes}")
        if self.apart < 1:
            raise ValueError(f"designs must differ in at least 1 base but apart is {self.apart}")
        if self.promoters is not None and self.template is not None:
            raise ValueError("a template is for designs from nothing, but promoters are given")
        if self.promoters is None and self.most_changes is not None:
            raise ValueError("a number of changes is for given promoters, but there are none")
        for motif in self.keep_motifs:
            check_motif(motif, f"motif {motif!r}")
        if self.promoters is not None and not len(self.ids):
            object.__setattr__(self, "ids", [str(number) for number in range(len(self.promoters))])
        if len(self.ids) != (0 if self.promoters is None else len(self.promoters)) or not all(self.ids):
            raise ValueError(f"there must be an id for each promoter, and none empty, but there are {len(self.ids)}")

    def of_reporter(self, reporter: Reporter) -> Request:
        """The request with its inserts in upper case, once all in it is as long as an insert of the reporter.

        Raises
        ------
        ValueError
            If something is not.
        """
        length = reporter.insert_length
        if self.apart > length:
            raise ValueError(f"designs must differ in 1 to {length} bases but apart is {self.apart}")
        if self.template is not None:
            wrong = set(self.template) - set(f"{ALPHABET}N")
            if wrong or len(self.template) != length:
                raise ValueError(
                    f"the template has {len(self.template)} letters"
                    + (f", among them {min(wrong)!r}," if wrong else "")
                    + f" but must have {length}: A, C, G and T, and N where any base may stand"
                )
        if self.only is not None and (np.asarray(self.only).dtype != bool or np.shape(self.only) != (length,)):
            raise ValueError(f"only must be bool ({length},), which positions may be changed")
        inserts = {
            name: upper_case(check_rows(some, length))
            for name, some in (("promoters", self.promoters), ("apart_from", self.apart_from))
            if some is not None
        }
        return replace(self, **inserts)


@dataclass
class Designs:
    """What a request came to.

    Attributes
    ----------
    found : list of Design
        By goal, and by promoter if there were any; the best first.
    missing : Counter
        What was asked for and not found, with the reason, in words, and how often.
    evaluations : int
        Inserts whose expression was predicted by the search.
    """

    found: list[Design] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    evaluations: int = 0

    def table(self, trained: TrainedNetwork, interval: int | None = None) -> pd.DataFrame:
        """Put them into a table.

        Parameters
        ----------
        trained : TrainedNetwork
            Network and decoding.
        interval : int, optional
            Level of a prediction interval, in percent.

        Returns
        -------
        pandas.DataFrame
            A row for each design: ``id``, ``goal``, ``reached`` (``yes``, ``no``, or empty for an extreme),
            ``insert``, ``expression``; with `interval` ``lower``, ``upper`` and ``flag``; ``gc``; of designs from
            promoters ``start_id``, ``start_expression``, ``substitutions`` (their number) and ``changes`` (such as
            ``A12G``); and, where there are several, ``nearest``, the number of bases in which it differs from the
            nearest of the others and of the inserts that it was to keep away from.
        """
        import pandas as pd

        rows = [
            {
                "id": design.id,
                "goal": design.goal.name,
                "reached": "" if design.goal.is_extreme else _yes(not design.goal.distance(design.expression)),
                "insert": _text(design.insert),
                "expression": design.expression,
                "gc": float(gc_content(design.insert[np.newaxis])[0]),
                "start_id": design.start_id,
                "start_expression": design.start_expression,
                "substitutions": len(design.changes),
                "changes": " ".join(design.changes),
                "nearest": design.nearest,
            }
            for design in self.found
        ]
        columns = ["id", "goal", "reached", "insert", "expression", "gc"]
        if any(design.start_id for design in self.found):
            columns += ["start_id", "start_expression", "substitutions", "changes"]
        columns += ["nearest"] if all(design.nearest is not None for design in self.found) else []
        table = pd.DataFrame(rows, columns=columns)
        if interval is not None:
            inserts = np.array([one.insert for one in self.found], dtype=np.uint8)
            constructs = trained.reporter.constructs(inserts.reshape(-1, trained.reporter.insert_length))
            bounds = trained.need_calibration(interval).bounds(trained.signals(constructs), interval)
            for place, (name, values) in enumerate(zip(("lower", "upper", "flag"), bounds, strict=True), start=5):
                table.insert(place, name, values)
        return table


def design(trained: TrainedNetwork, request: Request, advance: Callable[[int], object] = lambda done: None) -> Designs:
    """Search for designs.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    request : Request
        What is asked for.
    advance : callable, optional
        Called with the number of designs, or of searches from promoters, that are done.

    Returns
    -------
    Designs
        What was found.

    Raises
    ------
    ValueError
        If a goal is not on the scale of expression, something in the request is not as long as an insert, or designs
        have to be like the training data, but there is no
        calibration.
    """
    request = request.of_reporter(trained.reporter)
    lowest, highest = min(trained.bucket_values), max(trained.bucket_values)
    for goal in request.goals:
        if not goal.is_extreme and (goal.high < lowest or goal.low > highest):
            raise ValueError(
                f"the goal {goal.name} is not on the scale of expression, {lowest:g} to {highest:g} (mean bucket)"
            )
    known = None
    if not request.any_uncertainty:
        calibration = trained.need_calibration(90)
        known = Known(trained, calibration.scale_deciles[9])
        # As constraints these limits say how far an insert is from them, so that a promoter beyond can be brought back.
        low, high = (end if end is not None else float(side) for side, end in enumerate(calibration.limits["gc"]))
        longest = calibration.limits["longest_run"][1]
        runs = {} if longest is None else dict.fromkeys(ALPHABET, int(longest))
        request = replace(request, constraints=joined(request.constraints, Constraints((low, high), longest_run=runs)))
    # From given promoters, exact for one change.
    beam = 1 if request.promoters is None else max(BEAM, request.count)
    changes = _MOST_STEPS if request.promoters is None else request.most_changes or MOST_CHANGES
    search = Search(trained, request.constraints, known, changes, beam, request.count if beam > 1 else 1)
    chosen = _Chosen(request, known, trained.reporter)
    if request.promoters is None:
        for goal in request.goals:
            _from_nothing(search, goal, request, chosen, trained.reporter, advance)
    else:
        _from_promoters(search, request, chosen, advance)
    return Designs(chosen.with_distances(), chosen.missing, search.evaluations)


def _from_nothing(
    search: Search,
    goal: Goal,
    request: Request,
    chosen: _Chosen,
    reporter: Reporter,
    advance: Callable[[int], object],
) -> None:
    fixed = np.zeros(reporter.insert_length, dtype=bool)
    if request.template is not None:
        fixed = np.array([letter in ALPHABET for letter in request.template])
    reasons: Counter[str] = Counter()
    number = in_vain = 0
    while (missing := request.count - chosen.count(goal)) and in_vain < _ROUNDS:
        seed = [request.seed, request.goals.index(goal), number]
        starts = _random_starts(request, min(_STARTS, missing + 2), seed, reporter)
        free = np.broadcast_to(~fixed if request.only is None else ~fixed & request.only, starts.shape) & ~_kept(
            starts, request.keep_motifs
        )
        for start, states in zip(starts, search.run(starts, [goal] * len(starts), free), strict=True):
            if chosen.count(goal) < request.count:
                advance(chosen.take(goal, "", start, states, 1, reasons))
        in_vain = 0 if chosen.count(goal) > request.count - missing else in_vain + 1
        number += 1
    if missing:
        found = f"goal {goal.name}: {missing:,} of {request.count:,} designs were not found"
        chosen.missing[f"{found}, mostly because {reasons.most_common(1)[0][0]}"] += 1


def _from_promoters(search: Search, request: Request, chosen: _Chosen, advance: Callable[[int], object]) -> None:
    promoters = upper_case(request.promoters)
    free = np.ones(promoters.shape, dtype=bool) if request.only is None else np.tile(request.only, (len(promoters), 1))
    free &= ~_kept(promoters, request.keep_motifs)
    for goal in request.goals:
        for first in range(0, len(promoters), _STARTS):
            rows = slice(first, first + _STARTS)
            starts = promoters[rows]
            found = search.run(starts, [goal] * len(starts), free[rows], advance)
            for name, start, states in zip(request.ids[rows], starts, found, strict=True):
                reasons: Counter[str] = Counter()
                if chosen.take(goal, name, start, states, request.count, reasons) < request.count:
                    why = reasons.most_common(1)[0][0] if reasons else "the search kept no others"
                    chosen.missing[f"goal {goal.name}: fewer designs than asked for, mostly because {why}"] += 1


class _Chosen:
    """The designs so far, and what was left out."""

    def __init__(self, request: Request, known: Known | None, reporter: Reporter) -> None:
        self._request, self._known, self._reporter = request, known, reporter
        self._designs: list[Design] = []
        nothing = np.empty((0, reporter.insert_length), np.uint8)
        self._others = request.apart_from if request.apart_from is not None else nothing
        self.missing: Counter[str] = Counter()

    def count(self, goal: Goal) -> int:
        return sum(design.goal == goal for design in self._designs)

    def take(
        self, goal: Goal, name: str, start: np.ndarray, states: list[State], count: int, reasons: Counter[str]
    ) -> int:
        """Take the best of what a search came to, at most a number of them; count why others are left out."""
        taken = 0
        for state in states:
            if taken == count:
                break
            reason = self._against(goal, state, from_promoter=bool(name))
            if reason:
                reasons[reason] += 1
                continue
            taken += 1
            label = re.sub(r"[^A-Za-z0-9.-]+", "_", goal.name)
            number = self.count(goal) + 1 if not name else taken
            self._designs.append(
                Design(
                    f"{re.sub(r'[^!-~]+', '_', name) or 'design'}_{label}_{number}",
                    goal,
                    name,
                    start,
                    float(state.start_expression),
                    state.insert,
                    state.expression,
                    state.path,
                )
            )
        return taken

    def _against(self, goal: Goal, state: State, from_promoter: bool) -> str:
        """Why an insert is not a design; empty if it is one."""
        if state.violations:
            found = self._request.constraints.violations(state.insert[np.newaxis], self._reporter)
            violated = [name for name, counts in found.items() if counts[0]]
            if not violated:
                return "the start is unlike the training data or too unsure, and no change allowed helps"
            where = "" if self._known is None else " where predictions are like the training data's and sure enough"
            return f"the constraints could not be kept{where} ({', '.join(violated)})"
        before = goal.distance(state.start_expression)
        if from_promoter and not state.repaired and goal.distance(state.expression) >= before:
            if not goal.is_extreme and not before:
                return "the promoter is at the goal already"
            return "the promoter comes no nearer by other changes allowed"
        if not from_promoter and not goal.is_extreme and goal.distance(state.expression):
            return "the goal was not reached"
        if self._known is not None and not self._known(self._reporter.constructs(state.insert[np.newaxis]))[0]:
            return "the prediction is unlike the training data or too unsure"
        if self._nearest(state.insert) < self._request.apart:
            return f"it differs in fewer than {self._request.apart} bases from another design or given insert"
        return ""

    def _nearest(self, insert: np.ndarray, leave_out: int | None = None) -> int:
        others = [design.insert for number, design in enumerate(self._designs) if number != leave_out]
        every = np.concatenate([self._others, np.array(others, dtype=np.uint8).reshape(-1, insert.size)])
        return int((every != insert).sum(axis=1).min()) if len(every) else insert.size + 1

    def with_distances(self) -> list[Design]:
        """The designs, with their distances from the nearest of the others."""
        found = []
        for number, one in enumerate(self._designs):
            nearest = self._nearest(one.insert, number)
            found.append(Design(**(vars(one) | {"nearest": nearest if nearest <= one.insert.size else None})))
        return found


def _random_starts(request: Request, count: int, seed: list[int], reporter: Reporter) -> np.ndarray:
    """Random inserts, within the template, that keep to the constraints where that comes by chance."""
    low, high = request.constraints.gc
    rng = np.random.default_rng(seed)
    gc = min(max(0.5, low), high)
    starts = np.empty((count, reporter.insert_length), dtype=np.uint8)
    left = np.arange(count)
    for _ in range(_DRAWS):
        drawn = random_inserts(len(left), int(rng.integers(2**32)), gc, reporter.insert_length)
        if request.template is not None:
            template = letters([request.template])
            drawn = np.where(template == _N, drawn, template)
        starts[left] = drawn
        left = left[request.constraints.count(drawn, reporter) > 0]
        if not len(left):
            break
    return starts


def _kept(inserts: np.ndarray, motifs: Sequence[str]) -> np.ndarray:
    """Positions of inserts that belong to motifs, `bool` (N, L)."""
    kept = np.zeros(inserts.shape, dtype=bool)
    for motif in motifs:
        kept |= motif_positions(inserts, motif)
    return kept


def fasta(found: Sequence[Design]) -> Iterator[str]:
    """Records of a FASTA file of designs: the inserts, with goal and expression in the header."""
    for one in found:
        yield f">{one.id} goal={one.goal.name.replace(' ', '_')} expression={one.expression:.3f}\n{_text(one.insert)}\n"


def _text(insert: np.ndarray) -> str:
    return insert.tobytes().decode("ascii")


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
