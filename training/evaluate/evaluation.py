"""Evaluate a finished run: how well it predicts each source in each part of the split.

All numbers are of decoded expression, in its unit, unless said.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.config.loading import ALL_SOURCES
from training.data.assay import Assay
from training.data.buckets import hard_labels
from training.data.tables import PARTS, in_parts, letters_of, read_attribute, read_table, sha256_of, write_report
from training.evaluate.metrics import (
    LEAST_MEASURED,
    affordable,
    noise_ceiling,
    pearson,
    varies,
    with_intervals,
)
from training.evaluate.staleness import check_unchanged_since_training
from training.fit.engine import engine_of
from training.notices import say, warn
from training.paths import EVALUATION_FILE, PREDICTIONS_FILE
from training.run import Run
from yeastpromoter.io.whole_files import write_frame
from yeastpromoter.model.decoding import decode
from yeastpromoter.sequence.encoding import gc_content
from yeastpromoter.statistics import LEVEL, MIN_GROUPS, RESAMPLES

DEFAULT_PARTS = ("train", "validation")
#: The constructs whose insert was as long as the reporter's when measured, and those with the ones fitted to that.
LENGTHS = ("full_length", "all_lengths")
LENGTH_NAMES = dict(zip(LENGTHS, ("full-length constructs", "constructs of all lengths"), strict=True))

_COLUMNS = ["row", "source", "part", "group", "fitted", "bucket", "gc", "measured", "predicted"]
EXPLANATIONS = {
    "parts": "train_sampled is the training part as the run's GC correction (sampling) drew it, train the whole of it",
    "learned_from": "parts that the run learned from: their figures tell how well it remembers",
    "full_length": "constructs that had the length of the reporter's, 110 bp for the public one, as measured",
    "all_lengths": "those and the ones that were fitted to that length",
    "undefined": "constructs whose prediction is undefined (bucket scores that cancel out); left out of the rest",
    "pearson, spearman, mse, mae": "predicted against measured expression; errors in its unit",
    "mape": "mean absolute error in percent of the measured expression, of the constructs measured at "
    f"{LEAST_MEASURED:g} or above: near 0 a percentage says more of the measurement than of the error; null where no "
    "construct is; not given of the bucket scores, since most of their labels are 0",
    "mape_left_out": f"constructs measured below {LEAST_MEASURED:g}, which mape leaves out",
    "gc_predicted, gc_measured": "Pearson correlation of expression with the GC content of the insert",
    "gc_excess": "gc_predicted less gc_measured",
    "bucket_scores": "mse and mae of the scores against the measured bucket as one-hot labels; accuracy is the "
    "share of constructs whose largest score is that of the measured bucket",
    "reason": "why a statistic has no value: what does not vary by more than rounding correlates with nothing, and "
    "near 0 there are no percentages",
    "low, high": "bounds of the 95 % percentile interval, by resampling groups of constructs that share a 30-mer "
    f"(single constructs where the split is random); null for fewer than {MIN_GROUPS} groups",
    "resamples": "how many resamples these bounds are of, where a set has too many groups for those of bootstrap",
    "noise_ceiling": "among the constructs with two replicates: their correlation r, the reliability of their mean "
    "2r/(1+r) (Spearman-Brown), its square root, which is the correlation that perfect predictions would have with "
    "that mean, and the Pearson correlation that the predictions have there",
}


def shown_length(sources: Mapping[str, Mapping[str, Any]]) -> str:
    """Which of `LENGTHS` figures and tables show of an evaluated part: all of them where none has full length."""
    return LENGTHS[0] if any(lengths[LENGTHS[0]] for lengths in sources.values()) else LENGTHS[1]


def summarise(
    constructs: pd.DataFrame, scores: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any] | None:
    """Agreement of predictions with measurements for one set of constructs.

    Parameters
    ----------
    constructs : pandas.DataFrame
        N constructs: ``measured``, ``predicted``, ``gc``, ``group``, ``bucket``, ``replicate_1``, ``replicate_2``.
    scores : numpy.ndarray
        Their bucket scores, `float32` (N, buckets).
    resamples, seed : int, optional
        Number of bootstrap resamples (`affordable` ones of many groups) and their seed.

    Returns
    -------
    dict or None
        Counts, the resamples where these are fewer, statistics with intervals, metrics of the bucket scores and, where
        there are replicates, the noise ceiling; see `EXPLANATIONS`. None if no construct has a prediction.
    """
    defined = np.isfinite(constructs["predicted"].to_numpy())
    undefined = int((~defined).sum())
    constructs, scores = constructs[defined], scores[defined]
    if not len(constructs):
        return None
    group, bucket = constructs["group"].to_numpy(), constructs["bucket"].to_numpy()
    columns = [constructs[name].to_numpy(dtype=np.float64) for name in ("measured", "predicted", "gc")]
    error = scores - hard_labels(bucket, scores.shape[1])
    groups = len(np.unique(group))
    drawn = affordable(resamples, groups)
    summary = {
        "constructs": len(constructs),
        "groups": groups,
        "undefined": undefined,
        **({"resamples": drawn} if drawn < resamples else {}),
        **with_intervals(*columns, group, drawn, seed),
        "mape_left_out": int((columns[0] < LEAST_MEASURED).sum()),
        "bucket_scores": {
            "mse": float(np.mean(error**2, dtype=np.float64)),
            "mae": float(np.mean(np.abs(error), dtype=np.float64)),
            "accuracy": float(np.mean(scores.argmax(axis=1) == bucket)),
        },
    }
    replicated = constructs[constructs[["replicate_1", "replicate_2"]].notna().all(axis=1)]
    if len(replicated) > 2:
        summary["noise_ceiling"] = {
            "constructs": len(replicated),
            **noise_ceiling(replicated["replicate_1"], replicated["replicate_2"]),
            "predicted_pearson": pearson(replicated["measured"], replicated["predicted"]),
        }
    return summary


def some_fewer_resamples(evaluation: Mapping[str, Any]) -> bool:
    """Whether some intervals of an evaluation are of fewer resamples than the others, for the number of groups."""
    return any(
        summary and "resamples" in summary
        for sources in evaluation["parts"].values()
        for lengths in sources.values()
        for summary in lengths.values()
    )


def by_source(
    constructs: pd.DataFrame, scores: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """`summarise` for each source and all of them, for those of full length and for all lengths."""
    sources = list(dict.fromkeys(constructs["source"]))
    result, summaries = {}, {}
    for source in [*sources, ALL_SOURCES]:
        of_source = np.ones(len(constructs), bool) if source == ALL_SOURCES else (constructs["source"] == source)
        of_source = np.asarray(of_source)
        result[source] = {}
        for length, rows in zip(LENGTHS, (of_source & ~constructs["fitted"].to_numpy(), of_source), strict=True):
            # A single source is all sources, and without fitted constructs both lengths are one.
            key = rows.tobytes()
            if key not in summaries:
                summaries[key] = summarise(constructs[rows], scores[rows], resamples, seed)
            result[source][length] = summaries[key]
    return result


def _constant(predicted: np.ndarray) -> float | None:
    """The value that several predictions have in common, up to rounding; None where they vary."""
    predicted = predicted[np.isfinite(predicted)]
    return None if len(predicted) < 2 or varies(predicted) else float(predicted.mean())


def evaluate(
    run: Run,
    parts: Sequence[str] = DEFAULT_PARTS,
    output: str | Path | None = None,
    sample: str | Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Evaluate a run.

    Parameters
    ----------
    run : Run
        A run, finished.
    parts : sequence of str, optional
        Parts of the split. The default leaves ``test`` out: it is for the chosen run alone, once.
    output : str or Path, optional
        Folder for ``evaluation.json`` and ``predictions.tsv``; by default ``runs/<run>/evaluation``.
        The table has a row for each construct: its row in ``constructs.h5``, source, part, group, whether it was
        fitted to full length, bucket, GC content of the insert, measured and predicted expression.
    sample : str or Path, optional
        The run's training constructs, of the step sample; by default ``runs/<run>/sample.h5``. Read only for
        a run that samples.
    resamples, seed : int, optional
        Number of bootstrap resamples (`affordable` ones of many groups) and their seed.

    Returns
    -------
    dict
        What ``evaluation.json`` holds.

    Raises
    ------
    ValueError
        If there is no such part, or the run has not finished or was trained with other settings or tables.
    """
    paths = run.layout
    settings = run.settings
    wrong = [part for part in parts if part not in PARTS]
    if wrong or not parts:
        raise ValueError(f"parts must be some of {', '.join(PARTS)} but are {', '.join(parts) or 'none'}")
    weights = run.weights
    check_unchanged_since_training(run)
    output = Path(output) if output is not None else paths.evaluation(run.name)

    columns = read_table(paths.constructs)
    sources = np.array(read_attribute(paths.constructs, "sources"), dtype=object)
    split = read_table(paths.split, "part", "group")
    wanted = np.flatnonzero(in_parts(split["part"], parts))
    assay = Assay.of_table(paths.constructs)
    matrix = letters_of(columns["sequence"])[wanted]
    scores = engine_of(settings, weights, assay).bucket_scores(matrix)
    constructs = pd.DataFrame(
        {
            "row": wanted,
            "source": sources[columns["source"][wanted]],
            "part": np.array(PARTS, dtype=object)[split["part"][wanted]],
            "group": split["group"][wanted],
            "fitted": columns["fitted"][wanted],
            "bucket": read_table(paths.buckets, "bucket")["bucket"][wanted],
            "gc": gc_content(assay.inserts(matrix)),
            "measured": columns["expression"][wanted],
            "predicted": decode(scores, assay.bucket_values),
            "replicate_1": columns["replicate_1"][wanted],
            "replicate_2": columns["replicate_2"][wanted],
        }
    )

    found = {}
    for part in parts:
        of_part = (constructs["part"] == part).to_numpy()
        found[part] = by_source(constructs[of_part], scores[of_part], resamples, seed)
    if "train" in parts and settings["gc_sampling"]["method"] == "sampling":
        sample = Path(sample) if sample is not None else paths.sample(run.name)
        if not sample.is_file():
            raise ValueError(f"{sample} is missing: run {run.name!r} samples by GC (step sample)")
        rows = read_table(sample, "row")["row"]
        if not in_parts(split["part"][rows], settings["learn_from"]).all():
            raise ValueError(
                f"{sample} holds constructs outside the {' and '.join(settings['learn_from'])} part of the split: "
                "rerun both steps"
            )
        drawn = np.searchsorted(wanted, rows[in_parts(split["part"][rows], ["train"])])
        found["train_sampled"] = by_source(constructs.iloc[drawn], scores[drawn], resamples, seed)

    warnings = [
        warn(
            f"the predictions for the {part} part do not vary (all are about {said:.5g}): the network has learned "
            "nothing that tells constructs apart"
        )
        for part in parts
        if (said := _constant(constructs["predicted"][constructs["part"] == part].to_numpy())) is not None
    ]
    for part, scores_of_part in found.items():
        for source, lengths in scores_of_part.items():
            if (summary := lengths["all_lengths"]) and (r := summary["pearson"]["value"]) is not None:
                number = summary["constructs"]
                errors = f"Pearson {r:.3f}, MAE {summary['mae']['value']:.3g}"
                say(f"run {run.name}, {part}, {source}: {errors}, {number:,} constructs")
    evaluation = {
        "configuration": run.config["name"],
        "run": run.name,
        "weights_sha256": sha256_of(weights),
        "split": {name: run.config["split"][name] for name in ("method", "seed")},
        "gc_sampling": settings["gc_sampling"]["method"],
        "learned_from": list(settings["learn_from"]),
        "bootstrap": {"resamples": resamples, "seed": seed, "level": LEVEL},
        "explanations": EXPLANATIONS,
        "parts": found,
        "warnings": warnings,
    }
    output.mkdir(parents=True, exist_ok=True)
    write_frame(output / PREDICTIONS_FILE, constructs[_COLUMNS])
    write_report(output / EVALUATION_FILE, evaluation)
    return evaluation
