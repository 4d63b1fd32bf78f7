"""``yeastpromoter compare-contributions``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from tqdm import tqdm

from yeastpromoter.cli.files import TABLE
from yeastpromoter.cli.options import entry_folder, entry_option, random_insert_options
from yeastpromoter.extras import require
from yeastpromoter.interpret.agreement import MEASURES, rank_agreement
from yeastpromoter.interpret.contributions import STEPS, expression_gradient, gradient_x_input, integrated_gradients
from yeastpromoter.interpret.saturation import saturation_mutagenesis
from yeastpromoter.io.whole_files import frame_rows, whole_table
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network
from yeastpromoter.sequence.encoding import one_hot
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.statistics import mean_with_interval

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 32

_TITLES = {
    "uncorrected": "gradient × input, not corrected",
    "gradient_x_input": "gradient × input",
    "integrated_gradients": "integrated gradients",
}


@click.command()
@random_insert_options(500)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=STEPS,
    show_default=True,
    help="Points of the integral of integrated gradients.",
)
@click.option("--table", type=TABLE, help="Table to write (.tsv, or .tsv.gz): the correlations of each insert.")
@entry_option
def compare_contributions(count: int, gc: float, seed: int, steps: int, table: Path | None) -> None:
    """How well contributions agree with saturation mutagenesis on random inserts.

    Saturation mutagenesis predicts every substitution, so it is what the network says of single changes; contributions
    are faster, and approximate. The agreement is a Spearman correlation for each insert: over its 80 positions (the
    contribution of the base against minus the mean effect of its three substitutions), and over its 240 substitutions
    (the difference of hypothetical contributions against the effect, alt − ref). Their means over the inserts, with
    95 % intervals (normal), go to standard output as Markdown. Gradient × input without the correction for the simplex
    is there to see what the correction does; it differs by position only.
    """
    require("tensorflow")
    with ExitStack() as stack:
        # Entered first: what is wrong with the path shows at once, not after the work.
        file = None if table is None else stack.enter_context(whole_table(table))
        trained = load_trained_network(entry_folder())
        agreement = _compare(trained, random_inserts(count, seed, gc, trained.reporter.insert_length), steps)
        if file is not None:
            frame_rows(file, agreement)
    click.echo(_markdown(agreement))
    click.echo(
        f"\nSpearman correlation with saturation mutagenesis, mean over {count:,} random inserts (GC {gc:g}, seed "
        f"{seed}) with its 95 % interval, and the range of the middle 90 % of the inserts. Weights: "
        f"{trained.weights_version}."
    )


def _compare(trained: TrainedNetwork, inserts: np.ndarray, steps: int) -> pd.DataFrame:
    """Rank agreement of each method on each insert."""
    import pandas as pd

    sequences = [row.tobytes().decode() for row in inserts]
    constructs = trained.reporter.constructs(inserts)
    click.echo(f"Saturation mutagenesis of {len(inserts):,} inserts ...", err=True)
    effects = saturation_mutagenesis(trained, constructs, region="insert").effects
    tables = []
    for first in tqdm(range(0, len(inserts), _BLOCK), desc="Contributions", unit="block", disable=None):
        block = slice(first, first + _BLOCK)
        for method, agreement in _agreement(trained, constructs[block], effects[block], steps).items():
            identity = {"insert": range(len(inserts))[block], "sequence": sequences[block], "method": method}
            tables.append(pd.DataFrame(identity | agreement))
    return pd.concat(tables, ignore_index=True).sort_values(["insert", "method"])


def _agreement(
    trained: TrainedNetwork, constructs: np.ndarray, effects: np.ndarray, steps: int
) -> dict[str, dict[str, np.ndarray]]:
    """Rank agreement of each method, for each measure."""
    insert = trained.reporter.insert
    encoded = one_hot(constructs)
    hypothetical = {
        "uncorrected": expression_gradient(trained, encoded),
        "gradient_x_input": gradient_x_input(trained, encoded),
        "integrated_gradients": integrated_gradients(trained, encoded, steps=steps),
    }
    return {
        method: rank_agreement(values[:, insert], effects, encoded[:, insert])
        for method, values in hypothetical.items()
    }


def _markdown(agreement: pd.DataFrame) -> str:
    lines = ["| Method | By position | Middle 90 % | By substitution | Middle 90 % |", "|---|---:|---:|---:|---:|"]
    for method, title in _TITLES.items():
        rows = agreement[agreement["method"] == method]
        cells = [title]
        for measure in MEASURES:
            _, mean, _, low, high = mean_with_interval(rows[measure].to_numpy())
            cells.append(f"{mean:.3f} ({low:.3f} to {high:.3f})")
            cells.append("{:.2f} to {:.2f}".format(*rows[measure].quantile([0.05, 0.95])))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
