"""The search of `yeastpromoter design` beside random mutation and selection, and how far a search leads astray.

    python benchmarks/design_search.py

Two tables, as Markdown. The first: inserts with a predicted expression of at least the 95th and the 99th percentile of
measured native promoters (the latter is 17, the end of the scale). The genetic algorithm, the usual way in the field, is given as many predictions
as the search took: a population of 200, tournaments of 3, crossover at one point, a mutation of each base with a chance
of 1 in 40, and the ten best kept. The second: what a search for the highest expression without bounds does to the
stated uncertainty, by the number of its substitutions. Both sides use the same engine, on all cores, in turn.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from yeastpromoter.design.constraints import Constraints
from yeastpromoter.design.designs import Request, design
from yeastpromoter.design.goals import HIGHEST, within
from yeastpromoter.design.search import Search
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.sequence.construct import INSERT_LENGTH, LEFT_ADAPTER, RIGHT_ADAPTER
from yeastpromoter.sequence.encoding import ALPHABET, enclose, letters
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.uncertainty.signals import signals_of

BASES = letters([ALPHABET])[0]
POPULATION, TOURNAMENT, MUTATION, KEPT = 200, 3, 1 / 40, 10
STEPS = (0, 2, 5, 10, 20, 40)


def constructs_of(inserts):
    return enclose(LEFT_ADAPTER, inserts, RIGHT_ADAPTER)


def distance(inserts):
    """Mean number of bases in which two of some inserts differ."""
    if len(inserts) < 2:
        return float("nan")
    pairs = (inserts[:, np.newaxis] != inserts).sum(axis=2)[np.triu_indices(len(inserts), 1)]
    return float(pairs.mean())


def genetic(trained, threshold, count, budget, seed):
    """Evolve inserts; what was found within a number of predictions, and when the first and the last one wanted was."""
    rng = np.random.default_rng(seed)
    population = random_inserts(POPULATION, seed)
    fitness = trained.expression(constructs_of(population))
    used, found, first, last = POPULATION, {}, None, None
    while True:
        for insert, value in zip(population, fitness, strict=True):
            if value >= threshold:
                found.setdefault(insert.tobytes(), value)
        first = first or (used if found else None)
        last = last or (used if len(found) >= count else None)
        if used >= budget:
            best = sorted(found, key=found.get, reverse=True)[:count]
            return first, last, np.array([np.frombuffer(key, np.uint8) for key in best]).reshape(-1, INSERT_LENGTH)
        entrants = rng.integers(POPULATION, size=(2, POPULATION - KEPT, TOURNAMENT))
        winners = np.take_along_axis(entrants, fitness[entrants].argmax(axis=2)[..., np.newaxis], axis=2)[..., 0]
        cut = rng.integers(1, INSERT_LENGTH, size=(POPULATION - KEPT, 1))
        children = np.where(np.arange(INSERT_LENGTH) < cut, population[winners[0]], population[winners[1]])
        mutated = rng.random(children.shape) < MUTATION
        children[mutated] = rng.choice(BASES, size=mutated.sum())
        kept = np.argsort(-fitness)[:KEPT]
        population = np.concatenate([population[kept], children])
        fitness = np.concatenate([fitness[kept], trained.expression(constructs_of(children))])
        used += len(children)


def compare(trained, thresholds, count, rounds):
    print(f"| At least | Method | Inserts of {count} | Predictions | Predictions to the first | Seconds | Distance | Flagged |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name, threshold in thresholds.items():
        rows = {"search": [], "genetic algorithm": []}
        for seed in range(1, rounds + 1):
            request = Request([within(threshold, 18)], count=count, any_uncertainty=True, seed=seed)
            began = time.perf_counter()
            found = design(trained, request)
            seconds = time.perf_counter() - began
            inserts = np.array([one.insert for one in found.found]).reshape(-1, INSERT_LENGTH)
            first = found.evaluations // max(1, len(inserts))
            rows["search"].append(row(trained, inserts, found.evaluations, first, seconds))
            began = time.perf_counter()
            first, _, inserts = genetic(trained, threshold, count, found.evaluations, seed)
            seconds = time.perf_counter() - began
            rows["genetic algorithm"].append(row(trained, inserts, found.evaluations, first or np.nan, seconds))
        for method, some in rows.items():
            number, predictions, first, seconds, apart, flagged = np.median(np.array(some, dtype=float), axis=0)
            start = "–" if np.isnan(first) else f"{first:,.0f}"
            print(
                f"| {name} ({threshold:.1f}) | {method} | {number:.0f} | {predictions:,.0f} | {start} | {seconds:.1f} | "
                f"{'–' if np.isnan(apart) else f'{apart:.0f}'} | {'–' if np.isnan(flagged) else f'{flagged:.0%}'} |"
            )


def row(trained, inserts, predictions, first, seconds):
    flagged = float("nan")
    if len(inserts):
        flagged = trained.calibration.flagged(signals(trained, inserts)).mean()
    return len(inserts), predictions, first, seconds, distance(inserts), flagged


def signals(trained, inserts):
    constructs = constructs_of(inserts)
    scores = trained.bucket_scores(constructs)
    return signals_of(constructs, scores, trained.decode(scores))


def astray(trained, starts):
    """Follow searches for the highest expression, and state how sure the predictions are after some substitutions."""
    inserts = random_inserts(starts, 1)
    search = Search(trained, Constraints(), None, max(STEPS), 1)
    paths = [states[0].path for states in search.run(inserts, [HIGHEST] * starts, np.ones(inserts.shape, dtype=bool))]
    print("\n| Substitutions | Expression | Width of the 90 % interval | Flagged |\n|---:|---:|---:|---:|")
    for steps in STEPS:
        after = inserts.copy()
        for number, path in enumerate(paths):
            for change in path[:steps]:
                after[number, change.position - 1] = ord(change.after)
        found = signals(trained, after)
        bounds = trained.calibration.bounds(found, 90)
        width = (bounds.upper - bounds.lower).mean()
        flagged = trained.calibration.flagged(found).mean()
        print(f"| {steps} | {found.expression.mean():.2f} | {width:.2f} | {flagged:.0%} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="inserts that are wanted")
    parser.add_argument("--rounds", type=int, default=5, help="seeds; medians are shown")
    arguments = parser.parse_args()
    trained = load_trained_network()
    native = trained.calibration.measured["native"]
    trained.expression(constructs_of(random_inserts(20_000, 0)))  # the tables of the look-up are made
    thresholds = {f"{percent}th percentile of native promoters": native[percent] for percent in (95, 99)}
    compare(trained, thresholds, arguments.count, arguments.rounds)
    astray(trained, 50)


if __name__ == "__main__":
    main()
