"""What a run learns from and is validated on: its tables, read once."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.data.assay import Assay
from training.data.buckets import hard_labels, soft_labels
from training.data.tables import PARTS, in_parts, letters_of, read_attribute, read_table, rows_in
from training.evaluate.metrics import mape, pearson
from training.fit.batches import Examples
from training.fit.scores import BATCH_SIZE, predict_scores
from yeastpromoter.model.decoding import decode


class RunData:
    """Tables of one run.

    Parameters
    ----------
    run : mapping
        One entry of ``runs`` in a validated configuration.
    table, buckets, split, sample : str or Path
        Tables of the steps before.
    synthetic : sequence of str or Path, optional
        Synthetic constructs with the scores of the run's teachers.

    Raises
    ------
    ValueError
        If the sample holds constructs from outside the parts that the run learns from, or the validation part is empty.
    """

    def __init__(
        self,
        run: Mapping[str, Any],
        table: str | Path,
        buckets: str | Path,
        split: str | Path,
        sample: str | Path,
        synthetic: Sequence[str | Path] = (),
    ):
        self.assay = Assay.of_table(table)
        columns = read_table(table, "sequence", "expression", "weight", "source", "fitted")
        self.matrix = letters_of(columns["sequence"])
        self.expression, self.source = columns["expression"], columns["source"]
        self.weight, self.fitted = columns["weight"], columns["fitted"]
        self.sources = read_attribute(table, "sources")
        self.bucket = read_table(buckets, "bucket")["bucket"]
        part = read_table(split, "part")["part"]
        self.validation = np.flatnonzero(part == PARTS.index("validation"))
        chosen = read_table(sample)
        self.rows, self.sample_weight = chosen["row"], chosen.get("weight")
        if not in_parts(part[self.rows], run["learn_from"]).all():
            raise ValueError(
                f"{sample} holds constructs that are not in the {' or '.join(run['learn_from'])} part of {split}: "
                "rerun both steps"
            )
        if not len(self.validation):
            raise ValueError(
                f"{split} has no construct in the validation part, which decides between epochs: there are too few "
                "constructs, or split.fractions gives it too small a share"
            )
        self._synthetic = list(synthetic)
        self._run = run

    def labels_of(self, rows: np.ndarray) -> np.ndarray:
        """Labels of measured constructs, soft or hard as the run asks, `int` (B,) to `float32` (B, buckets)."""
        sd = self._run["soft_label_sd"]
        if sd:
            return soft_labels(self.expression[rows], sd, self.assay)
        return hard_labels(self.bucket[rows], self.assay.buckets)

    def count(self, phase: Mapping[str, Any]) -> int:
        """How many constructs a phase learns from, without reading them."""
        measured = 0 if phase["constructs"] == "synthetic" else len(self.rows)
        if phase["constructs"] == "measured":
            return measured
        return measured + (phase["use"] or sum(rows_in(path, "sequence") for path in self._synthetic))

    def examples(self, phase: Mapping[str, Any]) -> Examples:
        """What a phase learns from: measured constructs, synthetic ones, or both, the measured ones first.

        Raises
        ------
        ValueError
            If the phase uses more synthetic constructs than there are.
        """
        if phase["constructs"] == "measured":
            return self._measured(phase)
        if phase["constructs"] == "synthetic":
            return self._scored(phase)
        measured, synthetic = self._measured(phase), self._scored(phase)
        n = len(measured)

        def labels(rows: np.ndarray) -> np.ndarray:
            result = np.empty((len(rows), self.assay.buckets), dtype=np.float32)
            result[rows < n] = measured.labels(rows[rows < n])
            result[rows >= n] = synthetic.labels(rows[rows >= n] - n)
            return result

        return Examples(
            np.concatenate([measured.matrix, synthetic.matrix]),
            labels,
            np.concatenate([measured.weight, synthetic.weight]),
            phase["shift"],
            np.concatenate([measured.can_shift, synthetic.can_shift]),
            n_always=n,
            reporter=self.assay.reporter,
        )

    def _scored(self, phase: Mapping[str, Any]) -> Examples:
        """Synthetic constructs, with the scores of the ensemble as labels."""
        parts = [read_table(path, "sequence", "scores") for path in self._synthetic]
        matrix = np.concatenate([letters_of(part["sequence"]) for part in parts])
        scores = np.concatenate([part["scores"] for part in parts])
        if (phase["use"] or 0) > len(matrix):
            raise ValueError(
                f"{', '.join(map(str, self._synthetic))}: {len(matrix):,} synthetic constructs have scores but a phase "
                f"uses {phase['use']:,}: rerun the step distil"
            )
        matrix = matrix[: phase["use"]]
        # The scores are those of the construct as it stands, so it is never shifted.
        return Examples(
            matrix,
            lambda rows: scores[rows].astype(np.float32),
            np.ones(len(matrix), dtype=np.float32),
            can_shift=np.zeros(len(matrix), dtype=bool),
        )

    def _measured(self, phase: Mapping[str, Any]) -> Examples:
        """Measured constructs of the run's sample, with labels from their expression."""
        rows = self.rows
        weight = self.weight[rows] if self._run["source_weights"] else np.ones(len(rows), dtype=np.float32)
        if self.sample_weight is not None:
            weight = weight * self.sample_weight
        # Mean weight 1: a learning rate means the same with and without weights.
        return Examples(
            self.matrix[rows],
            lambda picked: self.labels_of(rows[picked]),
            (weight / weight.mean()).astype(np.float32),
            phase["shift"],
            ~self.fitted[rows],
            reporter=self.assay.reporter,
        )

    def validate(self, network: keras.Model, loss: keras.losses.Loss) -> dict[str, float | None]:
        """Score a network on the validation part.

        Returns
        -------
        dict of str to float or None
            ``val_loss``, ``val_mse`` and ``val_mae`` of the scores against the run's labels, all constructs alike;
            ``val_accuracy``, the share whose largest score is that of the measured bucket; ``val_mape`` of the
            expression (`training.evaluate.metrics.mape`; None where it is undefined); and for each source
            ``val_pearson_<source>`` of the expression of its constructs that were not fitted (None where it is
            undefined).
        """
        rows = self.validation
        # Few constructs are not filled up to a whole batch, and every device has as many.
        devices = self._run["devices"]
        batch_size = math.ceil(min(BATCH_SIZE, len(rows)) / devices) * devices
        scores = predict_scores(network, self.matrix[rows], batch_size)
        labels = self.labels_of(rows)
        expression = decode(scores, self.assay.bucket_values)
        values = {
            "val_loss": float(keras.ops.convert_to_numpy(loss(labels, scores))),
            "val_mse": float(np.mean((scores - labels) ** 2)),
            "val_mae": float(np.mean(np.abs(scores - labels))),
            "val_accuracy": float(np.mean(scores.argmax(axis=1) == self.bucket[rows])),
        }
        defined = np.isfinite(expression)
        values["val_mape"] = mape(self.expression[rows][defined], expression[defined])
        for number, source in enumerate(self.sources):
            of_source = (self.source[rows] == number) & ~self.fitted[rows] & defined
            values[f"val_pearson_{source}"] = pearson(expression[of_source], self.expression[rows][of_source])
        return values
