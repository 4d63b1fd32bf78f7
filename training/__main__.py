"""Commands of the training: ``python -m training STEP --config FILE``.

Every path has a default under the results folder of the configuration, so that the commands can be given one
after another by hand; the workflow runs the same commands. Imports stand within the commands: each needs only what
its step needs.
"""

from pathlib import Path
from typing import Any

import click

from training.config.loading import load_config, synthetic_use
from training.paths import Layout, report_of
from yeastpromoter.cli.errors import MessageGroup
from yeastpromoter.cli.files import HDF5, JSON, TABLE, InputFile

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


class _Settings:
    """A configuration, with the data folder of the command line put in, and its layout."""

    def __init__(self, config: Path, data_folder: Path | None, results: Path | None):
        self.config = load_config(config)
        if data_folder is not None:
            self.config["data"]["folder"] = str(data_folder)
        if results is not None:
            self.config["results"] = str(results)
        self.layout = Layout.of(self.config)

    def run(self, name: str) -> dict[str, Any]:
        runs = self.config["runs"]
        if name not in runs:
            raise ValueError(f"the configuration has no run {name!r}; its runs are {', '.join(runs)}")
        return runs[name]

    def recipe(self, name: str) -> dict[str, Any]:
        recipes = self.config["synthetic"]
        if name not in recipes:
            raise ValueError(
                f"the configuration has no recipe {name!r}; its recipes are {', '.join(recipes) or 'none'}"
            )
        return recipes[name]


def _settings(command):
    """Options that name the configuration, passed on as one argument ``settings``."""

    def wrapped(config, data_folder, results, **options):
        return command(_Settings(config, data_folder, results), **options)

    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__click_params__ = getattr(command, "__click_params__", [])
    for option in (
        click.option("--results", type=_FOLDER, help="Results folder instead of the configuration's."),
        click.option(
            "--data-folder",
            type=_FOLDER,
            envvar="YEASTPROMOTER_DATA",
            show_envvar=True,
            help="Folder with the data files instead of the configuration's.",
        ),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            required=True,
            help="Configuration, YAML or JSON.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped


def _path(name: str, default: str, kind: click.Path | None = None):
    return click.option(f"--{name}", type=kind or InputFile(), help=f"Default: {default} in the results.")


_run = click.option("--run", "run_name", required=True, help="Name of the run.")
_table = _path("table", "data/constructs.h5")
_buckets = _path("buckets", "data/buckets.h5")
_split = _path("split", "data/split.h5")
_report = click.option("--report", type=JSON, help="Default: beside the output, as .json.")


@click.group(cls=MessageGroup, context_settings={"max_content_width": 120})
def main() -> None:
    """Train the yeast promoter network, step by step."""


@main.command()
@_settings
@_path("report", "data/files.json", JSON)
def download(settings: _Settings, report: Path | None) -> None:
    """Get the data files that are not in the data folder yet; check those that are."""
    from training.data.download import download as step

    step(settings.config, settings.config["data"]["folder"], report or settings.layout.files)


@main.command()
@_settings
@_path("output", "data/constructs.h5", HDF5)
@_report
def assemble(settings: _Settings, output: Path | None, report: Path | None) -> None:
    """Bring all sources into one table of 110-bp constructs, without what resembles a held-out sequence."""
    from training.data.assemble import assemble as step

    output = output or settings.layout.constructs
    step(settings.config["data"], output, report or report_of(output), settings.layout.files)


@main.command()
@_settings
@_table
@_path("output", "data/buckets.h5", HDF5)
@_report
def buckets(settings: _Settings, table: Path | None, output: Path | None, report: Path | None) -> None:
    """Assign a bucket to every construct."""
    from training.data.buckets import buckets as step

    output = output or settings.layout.buckets
    step(settings.config["buckets"], table or settings.layout.constructs, output, report or report_of(output))


@main.command()
@_settings
@_table
@_buckets
@_path("output", "data/split.h5", HDF5)
@_report
def split(
    settings: _Settings, table: Path | None, buckets: Path | None, output: Path | None, report: Path | None
) -> None:
    """Split the constructs into train, test and validation."""
    from training.data.split import split as step

    layout = settings.layout
    output = output or layout.split
    step(
        settings.config["split"],
        table or layout.constructs,
        buckets or layout.buckets,
        output,
        report or report_of(output),
    )


@main.command()
@_settings
@_run
@_table
@_buckets
@_split
@_path("output", "runs/RUN/sample.h5", HDF5)
@_report
def sample(settings: _Settings, run_name: str, **paths: Path | None) -> None:
    """Choose a run's training constructs (GC correction, where the run asks for it)."""
    from training.data.gc_sampling import gc_sampling as step

    run, layout = settings.run(run_name), settings.layout
    output = paths["output"] or layout.sample(run_name)
    step(
        run["gc_sampling"],
        settings.config["data"]["folder"],
        paths["table"] or layout.constructs,
        paths["buckets"] or layout.buckets,
        paths["split"] or layout.split,
        output,
        paths["report"] or report_of(output),
        run["learn_from"],
        run["source_weights"],
        layout.files,
    )


@main.command()
@_settings
@click.option("--recipe", required=True, help="Name of the recipe, one of those under synthetic.")
@_table
@_split
@_path("output", "data/synthetic.RECIPE.h5", HDF5)
@_report
def synthesise(settings: _Settings, recipe: str, **paths: Path | None) -> None:
    """Make the synthetic constructs of a recipe."""
    from training.data.synthesise import synthesise as step

    layout = settings.layout
    output = paths["output"] or layout.synthetic(recipe)
    step(
        settings.recipe(recipe),
        settings.config["data"],
        paths["table"] or layout.constructs,
        paths["split"] or layout.split,
        output,
        paths["report"] or report_of(output),
        layout.files,
    )


@main.command()
@_settings
@_run
@click.option(
    "--weights",
    type=InputFile(),
    multiple=True,
    help="Weights of each teacher, in the order of the run's teachers. Default: those in the results.",
)
@_path("synthetic", "data/synthetic.RECIPE.h5")
@_path("output", "runs/RUN/synthetic_scores.h5", HDF5)
@_report
@click.option("--precision", type=click.Choice(["bfloat16", "float32"]), default="bfloat16", show_default=True)
def distil(settings: _Settings, run_name: str, weights: tuple[Path, ...], precision: str, **paths: Path | None) -> None:
    """Score synthetic constructs by the run's teachers."""
    run, layout = settings.run(run_name), settings.layout
    if not run["teachers"]:
        raise ValueError(f"runs.{run_name} has no teachers: there is nothing to distil")
    weights = weights or tuple(layout.weights(teacher) for teacher in run["teachers"])
    if len(weights) != len(run["teachers"]):
        raise ValueError(
            f"--weights is there {len(weights)} times, but runs.{run_name} has {len(run['teachers'])} teachers"
        )
    with _quiet():
        from training.data.distil import label_synthetic as step

    output = paths["output"] or layout.scores(run_name)
    step(
        weights,
        [settings.run(teacher)["first_activation"] for teacher in run["teachers"]],
        paths["synthetic"] or layout.synthetic(run["synthetic"]),
        output,
        paths["report"] or report_of(output),
        precision,
        use=synthetic_use(run),
    )


@main.command()
@_settings
@_run
@_table
@_buckets
@_split
@_path("sample", "runs/RUN/sample.h5")
@_path("synthetic", "runs/RUN/synthetic_scores.h5")
@_path("initial", "runs/INITIAL/best.weights.h5 of the run to start from, if there is one,")
@_path("output", "runs/RUN", _FOLDER)
@click.option(
    "--progress",
    type=click.Choice(["bar", "line", "none"]),
    default="bar",
    show_default=True,
    help="What to show of each epoch.",
)
@click.option("--restart", is_flag=True, help="Train anew if the checkpoint is of other settings or data.")
def train(settings: _Settings, run_name: str, progress: str, restart: bool, **paths: Path | None) -> None:
    """Train a run, or go on where it was interrupted. Needs neither TensorFlow nor Kipoi nor Snakemake.

    The backend of Keras is chosen by the environment variable KERAS_BACKEND: tensorflow, jax or torch. The run's
    devices says among how many GPUs its batches are divided.
    """
    run, layout = settings.run(run_name), settings.layout
    with _quiet():
        from training.fit.train import train as step

    synthetic = paths["synthetic"] or layout.scores(run_name)
    initial = paths["initial"] or (layout.weights(run["initial"]) if run["initial"] else None)
    step(
        run,
        paths["table"] or layout.constructs,
        paths["buckets"] or layout.buckets,
        paths["split"] or layout.split,
        paths["sample"] or layout.sample(run_name),
        paths["output"] or layout.run(run_name),
        synthetic=[synthetic] if run["synthetic"] else [],
        initial=initial,
        verbose={"bar": 1, "line": 2, "none": 0}[progress],
        restart=restart,
    )


@main.command()
@_settings
@_run
@click.option(
    "--parts",
    default="train,validation",
    show_default=True,
    help="Parts to score, separated by commas. The test part is for the chosen run, once.",
)
@_path("output", "runs/RUN/evaluation", _FOLDER)
def evaluate(settings: _Settings, run_name: str, parts: str, output: Path | None) -> None:
    """Score a run against the measurements."""
    settings.run(run_name)
    with _quiet():
        from training.evaluate.evaluation import evaluate as step

    layout = settings.layout
    parts = [part.strip() for part in parts.split(",")]
    step(settings.config, run_name, layout.root, parts, output or layout.evaluation(run_name))


@main.command("base-changes")
@_settings
@_run
@_path("output", "runs/RUN/base_changes.json", JSON)
def base_changes(settings: _Settings, run_name: str, output: Path | None) -> None:
    """Measure a run's mean effects (alt − ref, buckets) of single-base changes, by class, in random sequences."""
    settings.run(run_name)
    with _quiet():
        from training.studies.base_changes import base_changes as step

    step(settings.config, run_name, settings.layout.root, output or settings.layout.base_changes(run_name))


@main.command()
@_settings
@_run
@click.option("--part", default="validation", show_default=True, help="Part of the split to draw predictions of.")
@_path("output", "runs/RUN/figures", _FOLDER)
def figures(settings: _Settings, run_name: str, part: str, output: Path | None) -> None:
    """Draw the figures of an evaluated run, and a table of its epochs."""
    settings.run(run_name)
    with _quiet():
        from training.evaluate.figures import figures as step

    layout = settings.layout
    step(settings.config, run_name, layout.root, output or layout.figures(run_name), part)


@main.command()
@_settings
@_run
@click.option("--output", type=JSON, help="Default: NAME/RUN.json in the folder of the records.")
def record(settings: _Settings, run_name: str, output: Path | None) -> None:
    """Write the small record of a finished run: its configuration, the hashes of its data, its scores."""
    settings.run(run_name)
    with _quiet():
        from training.evaluate.record import record as step

    step(settings.config, run_name, settings.layout.root, output or settings.layout.record(run_name))


@main.command()
@_settings
@click.option("--run", "run_name", help="Name of the run. Default: export.run of the configuration.")
@click.option("--entry", type=_FOLDER, help="Folder of the Kipoi entry. Default: export.entry of the configuration.")
def export(settings: _Settings, run_name: str | None, entry: Path | None) -> None:
    """Write a run's weights, and what belongs to them, into the Kipoi entry."""
    chosen = settings.config["export"] or {"run": None, "entry": "."}
    run_name = run_name or chosen["run"]
    if run_name is None:
        raise ValueError("the configuration has no export: name the run with --run")
    settings.run(run_name)
    with _quiet():
        from training.evaluate.export import export as step
        from training.evaluate.export import unwritten

    entry = entry or Path(chosen["entry"])
    exported = step(settings.config, run_name, settings.layout.root, entry)
    click.echo(f"{entry} has the weights {exported['weights_version']} now")
    for place in unwritten(entry):
        click.echo(f"to be written by hand: {place}")


@main.command()
@_settings
@_run
@click.option("--part", default="validation", show_default=True, help="Part of the split that the figures are of.")
@_path("output", "runs/RUN/report.html", _FILE)
@click.option("--records", type=_FOLDER, help="Folder with the records of the runs. Default: the configuration's.")
def report(settings: _Settings, run_name: str, part: str, output: Path | None, records: Path | None) -> None:
    """Write the report of a run whose figures are drawn: one HTML page that needs no other file and no network."""
    settings.run(run_name)
    with _quiet():
        from training.evaluate.report import report as step

    layout = settings.layout
    written = step(settings.config, run_name, layout.root, output, part, records or layout.records)
    click.echo(str(written))


@main.command()
@_settings
@_run
@click.option(
    "--sequences", type=InputFile(), required=True, help="FASTA, table, or one sequence a line; plain or gzip."
)
@click.option("--weights", type=InputFile(), help="Default: those of the run.")
@click.option("--output", type=TABLE, required=True, help="Table to write: id, sequence, expression, bucket scores.")
@click.option(
    "--rows", type=InputFile(), help="Row numbers for the leaderboard: a sample submission, or one number a line."
)
@click.option("--leaderboard", type=JSON, help="JSON to write: row number to expression, for --rows.")
@click.option("--decoding", type=click.Choice(["weighted_mean", "argmax"]), default="weighted_mean", show_default=True)
@click.option("--sequence-type", type=click.Choice(["construct", "insert"]), default="construct", show_default=True)
@click.option("--other-lengths", type=click.Choice(["error", "drop", "fit"]), default="error", show_default=True)
def predict(
    settings: _Settings,
    run_name: str,
    sequences: Path,
    weights: Path | None,
    output: Path,
    rows: Path | None,
    leaderboard: Path | None,
    decoding: str,
    sequence_type: str,
    other_lengths: str,
) -> None:
    """Predict a list of sequences: the full table, and the challenge's leaderboard JSON."""
    run = settings.run(run_name)
    with _quiet():
        from training.evaluate.predict import predict as step

    number = step(
        sequences,
        weights or settings.layout.weights(run_name),
        run["first_activation"],
        output,
        rows,
        leaderboard,
        decoding,
        {"sequence_type": sequence_type, "other_lengths": other_lengths},
    )
    click.echo(f"{number:,} sequences predicted: {output}")


@main.command("score-challenge")
@click.argument("predictions", type=InputFile())
@click.option("--labels", type=InputFile(), required=True, help="Sequence and expression, tabs, no header.")
@click.option("--subsets", type=_FOLDER, help="The challenge's folder test_subset_ids.")
@click.option("--leaderboard", type=_FOLDER, help="The challenge's folder public_leaderboard_ids.")
@click.option(
    "--rows",
    type=click.Choice(["all", "public", "private"]),
    help="Score all test sequences, those of the public leaderboard, or all others, as the final evaluation did. "
    "Default: private with --leaderboard, all without.",
)
@click.option(
    "--snvs", type=InputFile(), help="SNV pairs in place of those in --subsets: CSV, or the leaderboard's JSON."
)
@click.option("-o", "--output", type=JSON, help="JSON to write, too.")
def score_challenge(
    predictions: Path,
    labels: Path,
    subsets: Path | None,
    leaderboard: Path | None,
    rows: str | None,
    snvs: Path | None,
    output: Path | None,
) -> None:
    """Score PREDICTIONS of the test sequences of the DREAM Challenge 2022 as the challenge did.

    PREDICTIONS is a table that `yeastpromoter predict`, `kipoi predict` or the command predict wrote, or the
    challenge's JSON of row numbers and expression: all test sequences in the challenge's order. Prints a Markdown
    table.
    """
    from training.data.tables import write_report
    from training.evaluate.challenge import score_challenge as score
    from training.evaluate.challenge import score_text

    result = score(predictions, labels, subsets, leaderboard, rows, snvs)
    click.echo(score_text(result))
    if output is not None:
        write_report(output, result)


@main.command()
@click.option("--output", type=_FOLDER, required=True, help="Folder to write the data files to.")
@click.option("--constructs", type=click.IntRange(min=50), default=400, show_default=True, help="Rows of the largest.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def simulate(output: Path, constructs: int, seed: int) -> None:
    """Write simulated measurements in the forms of the public data, for trying out the workflow.

    A file that is there already is not replaced.
    """
    from training.studies.simulate import simulate as step

    step(output, constructs, seed)


@main.command("simulate-sorting")
@click.option("--output", type=_FOLDER, required=True, help="Folder to write the data files to.")
@click.option(
    "--sequences",
    type=click.IntRange(min=1),
    default=6_739_258,
    show_default=True,
    help="Lines of train_sequences.txt.",
)
@click.option("--held-out", type=click.IntRange(min=0), default=71_103, show_default=True, help="Held-out sequences.")
@click.option(
    "--cells",
    type=click.FloatRange(min=1),
    default=2.8,
    show_default=True,
    help="Mean number of cells of a sequence; the number is geometrically distributed.",
)
@click.option(
    "--counts", type=TABLE, help="Also write the true expression and the cells in each of the 18 buckets to this table."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def simulate_sorting(output: Path, sequences: int, held_out: int, cells: float, counts: Path | None, seed: int) -> None:
    r"""Write a simulated data set in the form and size of the challenge's, with a known true expression.

    Random promoters, whose expression (mean bucket, 0 to 17) follows from planted motifs and GC content, and whose
    cells are sorted with noise into 18 buckets: train_sequences.txt has the sequence and the mean bucket of its cells
    in each line, held_out_sequences.txt.gz the sequences to keep out. A file that is there already is not replaced.
    For example, and then with report.yaml:

    \b
        python -m training simulate-sorting --output simulated --counts simulated/counts.tsv
        python -m training assemble --config training/config/report.yaml --data-folder simulated
    """
    from training.studies.simulate_sorting import simulate_sorting as step

    step(output, sequences, held_out, cells, seed, counts)


@main.command("compare-labels")
@click.option(
    "--counts",
    type=InputFile(),
    required=True,
    help="Table of simulated sorting (tabs; plain or gzip), with the true expression and count_0 to count_17.",
)
@click.option("--truth", default="true_expression", show_default=True, help="Column with the true expression.")
@click.option(
    "--support", type=click.FloatRange(min=1), default=10, show_default=True, help="Cells a sequence must have."
)
@click.option(
    "--share",
    "shares",
    type=click.FloatRange(min=0.5, max=1, min_open=True),
    multiple=True,
    default=(0.75,),
    show_default=True,
    help="Share of them that must be in the largest bucket; may be given several times.",
)
@click.option("--document", type=_FILE, help="File whose block labels is rewritten with the table, too.")
def compare_labels(counts: Path, truth: str, support: float, shares: tuple[float, ...], document: Path | None) -> None:
    """Compare majority labels with the rounded mean bucket, on sequences whose true expression is known."""
    from training.data.votes import compare_labels_of as compare
    from training.evaluate.markdown import replace_block

    table = compare(counts, support, shares, truth)
    click.echo(table)
    if document is not None:
        replace_block(document, "labels", table)


@main.command("ablation-table")
@click.option(
    "--records",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(__file__).parent / "records",
    help="Folder of the records. Default: training/records.",
)
@click.option("--reference", help="Run to compare the others with. Default: baseline, or else the first by name.")
@click.option("--configuration", help="Only the runs of this configuration. Default: a table for each.")
@click.option("--document", type=_FILE, help="File whose block is rewritten, instead of printing the table.")
def ablation_table(records: Path, reference: str | None, configuration: str | None, document: Path | None) -> None:
    """Make the table of all recorded runs, scored on the validation part."""
    with _quiet():
        from training.evaluate.record import ablation_table as table
        from training.evaluate.record import write_ablation_table

    if document is None:
        click.echo(table(records, reference, configuration))
    else:
        write_ablation_table(records, document, reference, configuration)


@main.command("gc-study")
@_settings
@click.option("--records", type=_FOLDER, help="Folder with the records of the runs. Default: the configuration's.")
@click.option("--output", type=_FOLDER, help="Folder for gc_study.md and gc_study.png. Default: that of the records.")
@click.option("--document", type=_FILE, help="File whose block gc-study is rewritten with the table, too.")
def gc_study(settings: _Settings, records: Path | None, output: Path | None, document: Path | None) -> None:
    """Compare the GC corrections of a configuration's recorded runs: a table and a figure.

    They are made of the records that are there; runs without one are named.
    """
    with _quiet():
        from training.studies.gc_study import gc_study as step

    records = records or settings.layout.records
    missing = step(settings.config, records, output or records, document)
    click.echo(f"{output or records}: gc_study.md, gc_study.png")
    if missing:
        click.echo(f"without a record yet: {', '.join(missing)}", err=True)


def _quiet():
    from yeastpromoter.model.startup import quiet_startup

    return quiet_startup()


if __name__ == "__main__":
    main(prog_name="python -m training")
