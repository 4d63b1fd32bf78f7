"""How often 95 % intervals over few groups hold the true value: what `yeastpromoter.statistics.MIN_GROUPS` rests on.

    python benchmarks/interval_coverage.py

Groups of one to nine values each are drawn from a distribution whose mean is known, with values of a group alike, and
the 95 % interval of the mean of all values is taken by the bootstrap over groups and by the normal distribution (of the
means of the groups). A row for each number of groups: the share of the simulations, in percent, whose interval holds
the true mean.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from yeastpromoter import statistics

#: Distributions of the groups, all with mean 1.
GROUPS = {
    "normal": lambda rng, size: rng.normal(1, 1, size),
    "exponential": lambda rng, size: rng.exponential(1, size),
    "log-normal": lambda rng, size: rng.lognormal(-0.5, 1, size),
}
NUMBERS = (2, 3, 5, 7, 10, 15, 20, 25, 30, 40)


def coverage(draw, groups: int, simulations: int, resamples: int, seed: int) -> tuple[float, float]:
    """Share of the simulations whose interval holds the mean, by the bootstrap and by the normal distribution."""
    rng = np.random.default_rng(seed)
    held = np.zeros(2)
    for number in range(simulations):
        sizes = rng.integers(1, 10, groups)
        means = draw(rng, groups)
        # Values of a group spread around its mean half as much as the groups do.
        sums = sizes * means + rng.normal(0, 0.5 * np.sqrt(sizes))
        draws = statistics.bootstrap(
            lambda w, sums=sums, sizes=sizes: ((w @ sums) / (w @ sizes))[:, np.newaxis], groups, resamples, number
        )
        (low,), (high,) = statistics.percentile_interval(draws, groups)
        _, _, _, *normal = statistics.mean_with_interval(sums / sizes)
        held += [low <= 1 <= high, normal[0] <= 1 <= normal[1]]
    return tuple(held / simulations)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    statistics.MIN_GROUPS = 2  # also those that are not given
    ways = ("bootstrap", "normal")
    print("| Groups | " + " | ".join(f"{name}, {way}" for name in GROUPS for way in ways) + " |")
    print("|---:|" + "---:|" * len(GROUPS) * len(ways))
    for groups in NUMBERS:
        shares = [
            share
            for draw in GROUPS.values()
            for share in coverage(draw, groups, options.simulations, options.resamples, options.seed)
        ]
        print(f"| {groups} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + " |", flush=True)


if __name__ == "__main__":
    main()
