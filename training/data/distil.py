"""Distillation: an ensemble of finished runs scores synthetic constructs for another run to learn from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.data.assay import PUBLIC, Assay
from training.data.tables import letters_of, read_table, write_report, write_table
from training.fit.engine import engine_of
from yeastpromoter.model.decoding import decode


def label_synthetic(
    teachers: Sequence[str | Path],
    settings: Sequence[Mapping[str, Any]],
    synthetic: str | Path,
    output: str | Path,
    report: str | Path,
    use: int | None = None,
    assay: Assay = PUBLIC,
) -> None:
    """Score synthetic constructs by an ensemble.

    Parameters
    ----------
    teachers : sequence of str or Path
        Weights of the finished runs.
    settings : sequence of mapping
        Settings of each teacher.
    synthetic : str or Path
        Table of the synthesise step.
    output : str or Path
        Table to write: ``sequence`` S110 and ``scores`` float16 (N, buckets), the mean of the teachers' bucket scores.
    report : str or Path
        JSON file: number of constructs, mean and spread of the decoded expression, and the correlation between
        the teachers' expression where all of them define one, which tells how much they differ.
    use : int, optional
        Score only this many constructs, the first ones; all by default.
    assay : Assay, optional
        The assay of the configuration.
    """
    sequence = read_table(synthetic, "sequence")["sequence"][:use]
    matrix = letters_of(sequence)
    total, expressions = np.zeros((len(matrix), assay.buckets), dtype=np.float32), []
    for weights, run in zip(teachers, settings, strict=True):
        scores = engine_of(run, weights, assay).bucket_scores(matrix)
        total += scores
        expressions.append(decode(scores, assay.bucket_values))
    scores = total / len(teachers)
    defined = np.isfinite(expressions).all(axis=0)
    expression = decode(scores, assay.bucket_values)
    write_table(output, {"sequence": sequence, "scores": scores.astype(np.float16)})
    write_report(
        report,
        {
            "teachers": len(teachers),
            "constructs": len(matrix),
            "expression_mean": float(np.nanmean(expression)),
            "expression_sd": float(np.nanstd(expression)),
            "undefined": int(np.isnan(expression).sum()),
            "teacher_pearson": np.corrcoef(np.array(expressions)[:, defined]).tolist() if len(teachers) > 1 else None,
        },
    )
