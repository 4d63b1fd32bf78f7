"""What single-base changes do to the predictions of a run, by class of change.

A model that leans on base composition moves its prediction wherever a strong base (G, C) takes the place of a weak one
(A, T) or the other way round, and hardly elsewhere. In evolution transitions (A and G, C and T) are tolerated more
often than transversions, though every transition changes the GC content (report of the KircherLab model, section 1).
So the mean absolute effects of the classes of changes in random sequences tell how much composition counts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import Assay
from training.data.tables import sha256_of, write_report
from training.evaluate.metrics import as_interval
from training.fit.engine import engine_of
from training.run import Run
from yeastpromoter.interpret.saturation import saturation_mutagenesis
from yeastpromoter.model.entry import TrainedNetwork
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.statistics import LEVEL, RESAMPLES, bootstrap, percentile_interval

DECODING = "weighted_mean"
#: What is said of a configuration, whose name is put in.
NO_BASE_CHANGES = (
    "configuration {} does not ask for the effects of single-base changes: add base_changes: {{}} to it, beside runs, "
    "for 1,000 random sequences, or base_changes: {{sequences: N}} for another number"
)


def _both_ways(*pairs: str) -> tuple[str, ...]:
    return tuple(change for pair in pairs for change in (pair, pair[::-1]))


#: Changes of each class, the base that is there followed by the new one. Strong: C and G; weak: A and T.
CLASSES = {
    "strong_weak": _both_ways("AC", "AG", "TC", "TG"),
    "strong_strong": _both_ways("CG"),
    "weak_weak": _both_ways("AT"),
    "gc_kept": _both_ways("CG", "AT"),
    "transitions": _both_ways("AG", "CT"),
    "transversions": _both_ways("AC", "AT", "CG", "GT"),
    "strong_weak_transversions": _both_ways("AC", "GT"),
}

#: Mean absolute effect of one class over that of another. The last one compares at the same change of GC content.
RATIOS = {
    "strong_weak_to_gc_kept": ("strong_weak", "gc_kept"),
    "transitions_to_transversions": ("transitions", "transversions"),
    "transitions_to_strong_weak_transversions": ("transitions", "strong_weak_transversions"),
}

#: Changes whose mean effect, with its sign, tells where composition pulls.
SIGNED = {"weak_to_strong": ("AC", "AG", "TC", "TG"), "strong_to_weak": ("CA", "GA", "CT", "GT")}


def _sums(effects: np.ndarray, bases: np.ndarray, changes: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    """For each sequence the number of changes of some kinds, and the sums of their effects, plain and absolute."""
    chosen = np.zeros(effects.shape, dtype=bool)
    for old, new in changes:
        chosen[..., ALPHABET.index(new)] |= bases == ord(old)
    picked = np.where(chosen, effects, 0)
    return chosen.sum(axis=(1, 2)).astype(np.float64), picked.sum(axis=(1, 2)), np.abs(picked).sum(axis=(1, 2))


def class_effects(
    effects: np.ndarray, bases: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Mean effects of the classes of single-base changes, with bootstrap intervals over the sequences.

    Parameters
    ----------
    effects : numpy.ndarray
        Effect (alt − ref) of putting each base at each position, (N, L, 4), in buckets.
    bases : numpy.ndarray
        ASCII letters that are there, `uint8` (N, L), of A, C, G and T.
    resamples, seed : int, optional
        Number of resamples of the sequences, and their seed.

    Returns
    -------
    dict
        ``mean_absolute_effect`` of each of `CLASSES`, ``ratio`` for each of `RATIOS` and ``mean_effect`` of each of
        `SIGNED`; each with ``value``, ``low`` and ``high``, the bounds of the 95 % percentile interval. All changes
        of a class count alike, whatever sequence they are in. None where it is undefined, and the bounds also for fewer
        sequences than `yeastpromoter.statistics.MIN_GROUPS`.
    """
    kinds = {
        "mean_absolute_effect": {name: (2, _sums(effects, bases, changes)) for name, changes in CLASSES.items()},
        "mean_effect": {name: (1, _sums(effects, bases, changes)) for name, changes in SIGNED.items()},
    }

    def statistics(weights: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        with np.errstate(invalid="ignore", divide="ignore"):
            found = {
                group: {name: (weights @ sums[kind]) / (weights @ sums[0]) for name, (kind, sums) in named.items()}
                for group, named in kinds.items()
            }
            mean = found["mean_absolute_effect"]
            found["ratio"] = {name: mean[above] / mean[below] for name, (above, below) in RATIOS.items()}
        return found

    def flat(found: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
        return np.column_stack([values for named in found.values() for values in named.values()])

    value = statistics(np.ones((1, len(bases))))
    draws = bootstrap(lambda weights: flat(statistics(weights)), len(bases), resamples, seed)
    bounds = zip(*percentile_interval(draws, len(bases)), strict=True)
    return {
        group: {name: as_interval(number, *next(bounds)) for name, (number,) in named.items()}
        for group, named in value.items()
    }


def base_changes(run: Run, output: str | Path | None = None) -> dict[str, Any]:
    """Measure the classes of single-base changes in a finished run.

    Every substitution in the insert of random sequences is scored (`yeastpromoter.interpret.saturation`). The sequences
    follow from the configuration alone, so that all runs answer for the same ones.

    Parameters
    ----------
    run : Run
        A run, finished.
    output : str or Path, optional
        JSON file; by default ``runs/<run>/base_changes.json``.

    Returns
    -------
    dict
        What the file holds: the sequences' settings, the weights' sha256 and the `class_effects`.

    Raises
    ------
    ValueError
        If the configuration has no ``base_changes``, there is no such run, or it has not finished.
    """
    wanted = run.config["base_changes"]
    if not wanted:
        raise ValueError(NO_BASE_CHANGES.format(run.config["name"]))
    settings = run.settings
    weights = run.weights
    digest = sha256_of(weights)
    assay = Assay.of(run.config)
    engine = engine_of(settings, weights, assay)
    trained = TrainedNetwork(engine, None, DECODING, assay.bucket_values, digest, reporter=assay.reporter)
    inserts = random_inserts(wanted["sequences"], wanted["seed"], wanted["gc"], assay.reporter.insert_length)
    constructs = assay.reporter.constructs(inserts)
    effects = saturation_mutagenesis(trained, constructs).effects
    found = {
        "configuration": run.config["name"],
        "run": run.name,
        "weights_sha256": digest,
        "settings": dict(wanted),
        "bootstrap": {"resamples": RESAMPLES, "seed": 0, "level": LEVEL},
        **class_effects(effects, inserts),
    }
    write_report(output if output is not None else run.layout.base_changes(run.name), found)
    return found
