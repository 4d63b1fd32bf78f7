"""Where the results of a configuration lie, the same for the commands and for the workflow."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config.loading import SHIPPED
from yeastpromoter.model.shipped import shipped_arguments
from yeastpromoter.model.weights import verify_weights

#: Folder of this project.
ROOT = Path(__file__).resolve().parents[1]

#: Files in the folder of a run, and in that of its evaluation.
HISTORY_FILE, SUMMARY_FILE = "history.json", "summary.json"
EVALUATION_FILE, PREDICTIONS_FILE = "evaluation.json", "predictions.tsv"
#: The layers of a run's network, in the folder of its table and drawing.
NETWORK_FILE = "network.json"


@dataclass(frozen=True)
class Layout:
    """Paths of one configuration's results.

    Parameters
    ----------
    root : Path
        Folder of the results, ``<results>/<name>``.
    records : Path
        Folder of the records, ``<records>/<name>``.
    """

    root: Path
    records: Path

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Layout":
        """The layout of a complete configuration."""
        return cls(Path(config["results"]) / config["name"], Path(config["records"]) / config["name"])

    @property
    def files(self) -> Path:
        """Report of the download step: the data files and their hashes."""
        return self.root / "data" / "files.json"

    @property
    def constructs(self) -> Path:
        """Table of the assemble step."""
        return self.root / "data" / "constructs.h5"

    @property
    def buckets(self) -> Path:
        """Table of the buckets step."""
        return self.root / "data" / "buckets.h5"

    @property
    def split(self) -> Path:
        """Table of the split step."""
        return self.root / "data" / "split.h5"

    @property
    def compared_sources(self) -> Path:
        """Folder of the proposed calibrations of the sources."""
        return self.root / "data" / "compared_sources"

    def synthetic(self, recipe: str) -> Path:
        """Table of synthetic constructs of a recipe."""
        return self.root / "data" / f"synthetic.{recipe}.h5"

    def run(self, run: str) -> Path:
        """Folder of a run."""
        return self.root / "runs" / run

    def sample(self, run: str) -> Path:
        """Table of the training constructs of a run."""
        return self.run(run) / "sample.h5"

    def scores(self, run: str) -> Path:
        """Table of synthetic constructs with the scores of a run's teachers."""
        return self.run(run) / "synthetic_scores.h5"

    def weights(self, run: str) -> Path:
        """Best weights of a run."""
        return self.run(run) / "best.weights.h5"

    def initial(self, settings: Mapping[str, Any]) -> Path | None:
        """Weights that a run starts from, by its settings; None for random ones.

        Raises
        ------
        ValueError
            If these are the shipped ones, and the file is not the one that model.yaml describes.
        """
        if settings["initial"] is None:
            return None
        if settings["initial"] == SHIPPED:
            shipped = shipped_arguments()
            verify_weights(shipped["weights"], shipped["weights_sha256"])
            return shipped["weights"]
        return self.weights(settings["initial"])

    def evaluation(self, run: str) -> Path:
        """Folder of the evaluation of a run."""
        return self.run(run) / "evaluation"

    def base_changes(self, run: str) -> Path:
        """Mean effects of single-base changes in a run, by class."""
        return self.run(run) / "base_changes.json"

    def calibration(self, run: str) -> Path:
        """Calibration of a run: what its prediction intervals are made of, and how well they hold."""
        return self.run(run) / "calibration.json"

    def figures(self, run: str) -> Path:
        """Folder of the figures of a run."""
        return self.run(run) / "figures"

    def network(self, run: str) -> Path:
        """Folder of the table of a run's network, and of its drawing."""
        return self.run(run) / "network"

    def page(self, run: str) -> Path:
        """Report of a run: one HTML page with everything."""
        return self.run(run) / "report.html"

    def record(self, run: str) -> Path:
        """Small record of a finished run."""
        return self.records / f"{run}.json"


def report_of(table: str | Path) -> Path:
    """The report beside a table: the same name with the suffix ``.json``."""
    return Path(table).with_suffix(".json")
