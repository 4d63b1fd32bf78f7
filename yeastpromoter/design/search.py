"""The search for designs: from starting inserts, by one substitution after another, toward their goals.

Every step predicts all substitutions of the inserts that it has, 240 of each, and goes on with the best that the
constraints allow. One substitution is therefore found exactly; of several, a beam keeps the best inserts after each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from yeastpromoter.design.constraints import Constraints
from yeastpromoter.design.goals import Goal
from yeastpromoter.interpret.saturation import saturation_mutagenesis
from yeastpromoter.model.entry import TrainedNetwork
from yeastpromoter.sequence.encoding import ALPHABET, letters
from yeastpromoter.sequence.reporter import Reporter

#: Substitutions of one search that are looked at together, best first.
_AT_ONCE = 16

#: Buckets by which a step has to come nearer to its goal: less is rounding.
_LEAST_STEP = 1e-4

_BASES = letters([ALPHABET])[0]


class Change(NamedTuple):
    """A substitution: its position in the insert, from 1, the base before and after, and the expression after."""

    position: int
    before: str
    after: str
    expression: float


@dataclass(frozen=True)
class State:
    """An insert that a search came to.

    Parameters
    ----------
    insert : numpy.ndarray
        ASCII letters, `uint8` (L,).
    expression : float
        Its predicted expression.
    violations : int
        How far it is from keeping to the constraints, and of a start one more where no search may go.
    start_expression : float
        Predicted expression of the start.
    repaired : bool
        Whether the start had violations.
    path : tuple of Change
        The substitutions that lead to it from the start.
    """

    insert: np.ndarray
    expression: float
    violations: int
    start_expression: float
    repaired: bool = False
    path: tuple[Change, ...] = ()

    def cost(self, goal: Goal) -> tuple[float, float]:
        """What is to be made small: first the violations, then the distance from the goal."""
        return self.violations, float(goal.distance(self.expression))


@dataclass(frozen=True)
class Known:
    """Which predictions a search may go to: those of inserts like the training data.

    Parameters
    ----------
    trained : TrainedNetwork
        Network with a calibration.
    widest : float
        Largest scale of the error, in buckets; infinite for any.
    """

    trained: TrainedNetwork
    widest: float

    def __call__(self, constructs: np.ndarray) -> np.ndarray:
        """Tell of each construct, `uint8` (N, L), whether it is one of them, `bool` (N,)."""
        signals, calibration = self.trained.signals(constructs), self.trained.calibration
        return ~calibration.flagged(signals) & (calibration.scales(signals) <= self.widest)


class Search:
    """Searches from several starts, all of which take each step together.

    Parameters
    ----------
    trained : TrainedNetwork
        Network and decoding.
    constraints : Constraints
        What the inserts must keep to. A start that does not is repaired first.
    known : callable or None
        From constructs, `uint8` (N, L), to whether a search may go there, `bool` (N,), see `Known`; None for
        anywhere. A start that is elsewhere is brought there first.
    most_changes : int
        Most substitutions of a start.
    beam : int
        Inserts that each search keeps after a step.
    wanted : int, optional
        Inserts that each search is to find, at most `beam`: it goes on until as many are at the goal, or no step
        betters one of them.
    """

    def __init__(
        self,
        trained: TrainedNetwork,
        constraints: Constraints,
        known: Callable[[np.ndarray], np.ndarray] | None,
        most_changes: int,
        beam: int,
        wanted: int = 1,
    ) -> None:
        self._wanted = wanted
        self._trained = trained
        self._constraints = constraints
        self._known = known
        self._most_changes = most_changes
        self._beam = beam
        #: Inserts whose expression was predicted.
        self.evaluations = 0

    def run(
        self,
        starts: np.ndarray,
        goals: Sequence[Goal],
        free: np.ndarray,
        advance: Callable[[int], object] = lambda done: None,
    ) -> list[list[State]]:
        """Search from each of some starts.

        Parameters
        ----------
        starts : numpy.ndarray
            Upper-case ASCII letters of inserts, `uint8` (N, L).
        goals : sequence of Goal
            Of each search.
        free : numpy.ndarray
            Which positions of each start may be changed, `bool` (N, L).
        advance : callable, optional
            Called with the number of searches that ended in a step.

        Returns
        -------
        list of list of State
            For each start what its search came to, the best first: at most `beam` inserts, all different.
        """
        reference = self._trained.expression(self._constructs(starts))
        self.evaluations += len(starts)
        violations = self._constraints.count(starts, self._trained.reporter)
        if self._known is not None:
            # Whatever is like the training data is better than a start that is not.
            violations = violations + ~self._known(self._constructs(starts))
        best = [
            [State(start, float(value), int(wrong), float(value), bool(wrong))]
            for start, value, wrong in zip(starts, reference, violations, strict=True)
        ]
        active = {n: list(states) for n, states in enumerate(best) if not _is_reached(states[0], goals[n])}
        advance(len(starts) - len(active))
        for _ in range(self._most_changes):
            if not active:
                break
            before = len(active)
            found = self._step(active, goals, free)
            active = {}
            for n, states in found.items():
                earlier = best[n]
                best[n] = _best(best[n] + states, goals[n], self._beam)
                reached = sum(_is_reached(state, goals[n]) for state in best[n])
                if reached < self._wanted and self._is_better(best[n], earlier, goals[n]):
                    active[n] = states
            advance(before - len(active))
        advance(len(active))
        return best

    def _constructs(self, inserts: np.ndarray) -> np.ndarray:
        return self._trained.reporter.constructs(inserts)

    def _is_better(self, now: list[State], before: list[State], goal: Goal) -> bool:
        """Whether one of the best inserts, as many as are wanted, is nearer to the goal than it was."""
        wanted = now[: self._wanted]
        if len(wanted) > len(before):
            return True
        return any(new.cost(goal) < _nearer(old.cost(goal)) for new, old in zip(wanted, before, strict=False))

    def _step(self, active: dict[int, list[State]], goals: Sequence[Goal], free: np.ndarray) -> dict[int, list[State]]:
        """The best inserts, at most `beam` for each search, that are one substitution away from those that it has."""
        owners = [n for n, states in active.items() for _ in states]
        states = [state for some in active.values() for state in some]
        inserts = np.array([state.insert for state in states])
        saturation = saturation_mutagenesis(self._trained, self._constructs(inserts))
        expression = saturation.reference[:, np.newaxis, np.newaxis] + saturation.effects
        allowed = free[owners][:, :, np.newaxis] & (inserts[:, :, np.newaxis] != _BASES)
        self.evaluations += int(allowed.sum())
        pools = {}
        rows = 0
        for n, some in active.items():
            pools[n] = _Pool(some, expression[rows : rows + len(some)], allowed[rows : rows + len(some)], goals[n])
            rows += len(some)
        found: dict[int, list[State]] = {n: [] for n in active}
        open_pools = dict(pools)
        # A search whose best substitutions are not allowed looks at the next ones.
        while open_pools:
            drawn = {n: pool.draw(self._constraints, self._trained.reporter) for n, pool in open_pools.items()}
            candidates = [(n, state) for n, some in drawn.items() for state in some]
            if candidates:
                fine = np.ones(len(candidates), dtype=bool)
                if self._known is not None:
                    fine = self._known(self._constructs(np.array([state.insert for _, state in candidates])))
                    # On the way to keeping the constraints an insert may be where a search may not go.
                    fine |= np.array([state.violations > 0 for _, state in candidates])
                for (n, state), is_fine in zip(candidates, fine, strict=True):
                    if is_fine and len(found[n]) < self._beam:
                        found[n].append(state)
            open_pools = {n: pool for n, pool in open_pools.items() if len(found[n]) < self._beam and pool.has_more}
        return {n: _best(some, goals[n], self._beam) for n, some in found.items()}


class _Pool:
    """The substitutions of the inserts of one search, best first.

    Parameters
    ----------
    states : list of State
        The S inserts that they are made from.
    expression : numpy.ndarray
        Of each of them with each substitution, (S, L, 4).
    allowed : numpy.ndarray
        Which of the substitutions are meant, `bool` (S, L, 4).
    goal : Goal
        Of the search.
    """

    def __init__(self, states: list[State], expression: np.ndarray, allowed: np.ndarray, goal: Goal) -> None:
        self._states, self._expression, self._goal = states, expression, goal
        self._flat = np.flatnonzero(allowed)
        self._repairs = any(state.violations for state in states)
        distance = goal.distance(expression).ravel()[self._flat]
        self._flat = self._flat[np.argsort(distance, kind="stable")]
        self._seen: set[bytes] = {state.insert.tobytes() for state in states}
        self._next = 0

    @property
    def has_more(self) -> bool:
        """Whether there are substitutions that were not drawn."""
        return self._next < len(self._flat)

    def draw(self, constraints: Constraints, reporter: Reporter) -> list[State]:
        """Take the next substitutions and return the inserts, those that violate the constraints left out.

        While an insert violates them all substitutions are taken at once, since those that repair it may be anywhere,
        and only those are returned that violate them least, and less than before.
        """
        count = len(self._flat) if self._repairs else _AT_ONCE
        flat = self._flat[self._next : self._next + count]
        self._next += len(flat)
        shape = self._expression.shape
        state, position, base = np.unravel_index(flat, shape)
        inserts = np.array([self._states[row].insert for row in state], dtype=np.uint8).reshape(-1, shape[1]).copy()
        inserts[np.arange(len(flat)), position] = _BASES[base]
        violations = constraints.count(inserts, reporter)
        most = 0
        if self._repairs and len(flat):
            most = min(int(violations.min()), max(some.violations for some in self._states) - 1)
        drawn = []
        for row in np.flatnonzero(violations <= most):
            key = inserts[row].tobytes()
            if key in self._seen:
                continue
            self._seen.add(key)
            parent = self._states[state[row]]
            value = float(self._expression[state[row], position[row], base[row]])
            change = Change(int(position[row]) + 1, chr(parent.insert[position[row]]), ALPHABET[base[row]], value)
            drawn.append(
                State(
                    inserts[row],
                    value,
                    int(violations[row]),
                    parent.start_expression,
                    parent.repaired,
                    (*parent.path, change),
                )
            )
        return drawn


def _is_reached(state: State, goal: Goal) -> bool:
    return not goal.is_extreme and not state.violations and not goal.distance(state.expression)


def _nearer(cost: tuple[float, float]) -> tuple[float, float]:
    return cost[0], cost[1] - _LEAST_STEP


def _best(states: list[State], goal: Goal, count: int) -> list[State]:
    """The best of some inserts, each once."""
    by_insert = {state.insert.tobytes(): state for state in sorted(states, key=lambda state: -len(state.path))}
    return sorted(by_insert.values(), key=lambda state: (*state.cost(goal), len(state.path)))[:count]
