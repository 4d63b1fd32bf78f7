"""The search of `yeastpromoter design` beside random mutation and selection, and how far a search leads astray.

    python benchmarks/design_search.py

Two tables, as Markdown. The first: inserts with a predicted expression of at least the 95th and the 99th percentile of
measured native promoters (the latter is 17, the end of the scale). The genetic algorithm, the usual way in the field,
has a population of 200, tournaments of 3, crossover at one point, a mutation of each base with a chance of 1 in 40, and
keeps the ten best. One run of it is given as many predictions as the search took, and its best inserts are looked at;
or it is run once for each insert, until there is one. The second table: what a search for the highest expression
without bounds does to the stated uncertainty, by the number of its substitutions. All use one engine, in turn.
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
from yeastpromoter.sequence.encoding import ALPHABET, enclose, letters
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA

BASES = letters([ALPHABET])[0]
POPULATION, TOURNAMENT, MUTATION, KEPT = 200, 3, 1 / 40, 10
STEPS = (0, 2, 5, 10, 20, 40)


def constructs_of(inserts):
    """Put inserts, (N, 80), between the adapters."""
    return enclose(PTPA.left_adapter, inserts, PTPA.right_adapter)


def distance(inserts):
    """Mean number of bases in which two of some inserts differ."""
    if len(inserts) < 2:
        return float("nan")
    pairs = (inserts[:, np.newaxis] != inserts).sum(axis=2)[np.triu_indices(len(inserts), 1)]
    return float(pairs.mean())


def genetic(trained, threshold, count, budget, seed):
    """Evolve inserts until a number of predictions; without one, until the first insert. Predictions, and the best."""
    rng = np.random.default_rng(seed)
    population = random_inserts(POPULATION, seed)
    fitness = trained.expression(constructs_of(population))
    used, found = POPULATION, {}
    while True:
        for insert, value in zip(population, fitness, strict=True):
            if value >= threshold:
                found.setdefault(insert.tobytes(), value)
        if found if budget is None else used >= budget:
            best = sorted(found, key=found.get, reverse=True)[:count]
            return used, np.array([np.frombuffer(key, np.uint8) for key in best]).reshape(-1, PTPA.insert_length)
        entrants = rng.integers(POPULATION, size=(2, POPULATION - KEPT, TOURNAMENT))
        winners = np.take_along_axis(entrants, fitness[entrants].argmax(axis=2)[..., np.newaxis], axis=2)[..., 0]
        cut = rng.integers(1, PTPA.insert_length, size=(POPULATION - KEPT, 1))
        children = np.where(np.arange(PTPA.insert_length) < cut, population[winners[0]], population[winners[1]])
        mutated = rng.random(children.shape) < MUTATION
        children[mutated] = rng.choice(BASES, size=mutated.sum())
        kept = np.argsort(-fitness)[:KEPT]
        population = np.concatenate([population[kept], children])
        fitness = np.concatenate([fitness[kept], trained.expression(constructs_of(children))])
        used += len(children)


def compare(trained, thresholds, count, rounds):
    """Print what each method finds, as medians of some seeds."""
    print(f"| At least | Method | Inserts of {count} | Predictions | Seconds | Distance | Flagged |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, threshold in thresholds.items():
        rows = {"search": [], "genetic algorithm, one run": [], "genetic algorithm, a run for each": []}
        for seed in range(1, rounds + 1):
            began = time.perf_counter()
            request = Request([within(threshold, 18)], count=count, any_uncertainty=True, seed=seed)
            found = design(trained, request)
            inserts = np.array([one.insert for one in found.found]).reshape(-1, PTPA.insert_length)
            rows["search"].append(row(trained, inserts, found.evaluations, began))
            began = time.perf_counter()
            used, inserts = genetic(trained, threshold, count, found.evaluations, seed)
            rows["genetic algorithm, one run"].append(row(trained, inserts, used, began))
            began = time.perf_counter()
            several = [genetic(trained, threshold, 1, None, count * seed + number) for number in range(count)]
            inserts = np.concatenate([inserts for _, inserts in several])
            used = sum(used for used, _ in several)
            rows["genetic algorithm, a run for each"].append(row(trained, inserts, used, began))
        for method, some in rows.items():
            number, predictions, seconds, apart, flagged = np.median(np.array(some, dtype=float), axis=0)
            print(
                f"| {name} ({threshold:.1f}) | {method} | {number:.0f} | {predictions:,.0f} | {seconds:.1f} | "
                f"{'–' if np.isnan(apart) else f'{apart:.0f}'} | {'–' if np.isnan(flagged) else f'{flagged:.0%}'} |"
            )


def row(trained, inserts, predictions, began):
    """Numbers of a row: inserts, predictions, seconds since the beginning, distance, share that is flagged."""
    seconds = time.perf_counter() - began
    flagged = (
        trained.calibration.flagged(trained.signals(constructs_of(inserts))).mean() if len(inserts) else float("nan")
    )
    return len(inserts), predictions, seconds, distance(inserts), flagged


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
        found = trained.signals(constructs_of(after))
        bounds = trained.calibration.bounds(found, 90)
        width = (bounds.upper - bounds.lower).mean()
        flagged = trained.calibration.flagged(found).mean()
        print(f"| {steps} | {found.expression.mean():.2f} | {width:.2f} | {flagged:.0%} |")


def main():
    """Measure and print."""
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
