"""The assay that measurements are of: its reporter, and what its sorting buckets stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data.tables import has_attribute, read_attribute
from yeastpromoter.model.decoding import BUCKET_VALUES, check_bucket_values
from yeastpromoter.sequence.reporter import PTPA, Reporter

#: The attribute of the assembled table; that of the public measurements has none.
_ATTRIBUTE = "assay"


@dataclass(frozen=True)
class Assay:
    """A reporter, and the scale of its expression.

    Parameters
    ----------
    reporter : Reporter, optional
        Adapters, insert length and flanks. Default: those of the public measurements.
    bucket_values : tuple of float, optional
        Expression that each sorting bucket stands for, ascending. Default: 0 to 17.

    Raises
    ------
    ValueError
        If `bucket_values` are not ascending numbers.
    """

    reporter: Reporter = PTPA
    bucket_values: tuple[float, ...] = BUCKET_VALUES

    def __post_init__(self) -> None:
        if len(set(check_bucket_values(self.bucket_values))) < len(self.bucket_values):
            raise ValueError(f"the values of the buckets must all differ but are {list(self.bucket_values)}")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Assay:
        """The assay of a complete configuration."""
        values = config["buckets"].get("values")
        return cls(Reporter.of(config.get("reporter")), BUCKET_VALUES if values is None else tuple(values))

    @classmethod
    def of_table(cls, table: str | Path) -> Assay:
        """The assay of an assembled table; a `ValueError` says if the table is missing."""
        if not has_attribute(table, _ATTRIBUTE):
            return cls()
        found = read_attribute(table, _ATTRIBUTE)
        return cls(Reporter.of(found["reporter"]), tuple(found["bucket_values"]))

    def attributes(self) -> dict[str, Any]:
        """What `of_table` reads, as attributes of the table: none for the public measurements."""
        if self == PUBLIC:
            return {}
        description = {"reporter": self.reporter.description(), "bucket_values": list(self.bucket_values)}
        return {_ATTRIBUTE: description}

    @property
    def buckets(self) -> int:
        """Number of buckets."""
        return len(self.bucket_values)

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest expression of the scale."""
        return self.bucket_values[0], self.bucket_values[-1]

    def clip(self, expression: np.ndarray) -> np.ndarray:
        """Bring values beyond the scale to its nearer end."""
        return np.clip(expression, *self.ends)

    def inserts(self, matrix: np.ndarray) -> np.ndarray:
        """The inserts in constructs, letters (N, L), as a view."""
        return matrix[:, self.reporter.insert]

    @property
    def network(self) -> dict[str, int]:
        """What of a network depends on the assay: arguments of `yeastpromoter.model.network.build_network`."""
        return {"length": self.reporter.construct_length, "buckets": self.buckets}


#: That of the public measurements.
PUBLIC = Assay()
