"""The report of a run: one HTML page with its configuration, counts, scores, figures and versions.

Figures and captions are those of the workflow's report (``workflow/report/*.rst``, plain paragraphs), the numbers
those of the steps' own reports.
"""

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from training.config.loading import (
    ALL_SOURCES,
    default_settings,
    gc_correction_in_effect,
    load_config,
    studies_gc_correction,
)
from training.data.tables import PARTS
from training.evaluate.coverage import coverage_tables, effects_note
from training.evaluate.evaluation import LENGTH_NAMES, LENGTHS, shown_length, some_fewer_resamples
from training.evaluate.figures import epochs_cells, epochs_note, epochs_table, figure_file, kept_epoch, png_of
from training.evaluate.markdown import with_bounds, with_decimals, words
from training.evaluate.metrics import DECIMALS, MANY_GROUPS, MAPE_NOTE, RESAMPLES_OF_MANY
from training.evaluate.network import read_network, table_cells, totals
from training.evaluate.record import (
    differences,
    flat_settings,
    make_record,
    read_calibration,
    read_evaluation,
    read_json,
    shown,
)
from training.paths import HISTORY_FILE, NETWORK_FILE, SUMMARY_FILE, Layout, report_of
from training.run import Run
from training.studies.gc_study import read_runs, study_cells, study_figure
from training.versions import versions
from yeastpromoter.io.whole_files import write_whole
from yeastpromoter.plots.style import STYLE

FOLDER = Path(__file__).parents[1] / "workflow" / "report"
TITLES = {
    "network": "The network",
    "learning_curves": "Learning curves",
    "gc": "GC content before and after the correction",
    "buckets": "Occupancy of the buckets, and predictions by bucket",
    "scatter": "Predicted against measured expression",
    "residuals": "Residuals by bucket and by GC content",
    "gc_study": "The ways of GC correction compared",
}
#: What the step assemble counts of a source, in the order of its work.
ASSEMBLED = {
    "rows_in_file": "rows in the file",
    "rows": "rows of the source",
    "dropped_without_value": "left out: without a value",
    "dropped_repeated_design": "left out: a design that is there already",
    "dropped_without_barcodes": "left out: too few barcodes in every replicate",
    "dropped_without_reads": "left out: too few reads",
    "dropped_without_support": "left out: too few cells",
    "dropped_without_majority": "left out: no bucket with a clear majority",
    "dropped_for_length": "left out: of another length",
    "dropped_held_out_identical": "left out: identical to a held-out sequence",
    "dropped_held_out_near": "left out: within 3 substitutions of a held-out one",
    "dropped_held_out_shared_kmer": "left out: a 30-mer in common with a held-out one",
    "kept_measurements": "measurements kept",
    "of_construct_length": "rows with a value: of full length",
    "fitted": "rows with a value: fitted to full length",
    "clipped_to_scale": "rows with a value: clipped to the ends of the scale",
}
SYNTHETIC = {
    "made": "made",
    "left_out_near_held_out": "left out: near a held-out sequence",
    "left_out_shared_kmer_held_out": "left out: a 30-mer in common with one",
    "left_out_shared_kmer_test_or_validation": "left out: a 30-mer in common with test or validation",
    "left_out_unknown_base": "left out: unknown base",
}
#: What a report on GC content says of the training constructs.
CHOSEN = {
    "constructs": "constructs, each as often as it is drawn",
    "distinct_constructs": "different constructs",
    "effective_constructs": "effective number of constructs",
    "largest_weight": "largest weight (mean 1)",
}
PACKAGES = ("kipoi", "keras", "tensorflow", "numpy", "scipy", "pandas", "h5py", "matplotlib", "snakemake")


@dataclass(frozen=True)
class Table:
    """A table of the page: cells as text; the first `text_columns` columns align left."""

    kind: ClassVar[str] = "table"
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    text_columns: int = 1


@dataclass(frozen=True)
class Figure:
    """A figure of the page, and the same for narrow screens, as PNG."""

    kind: ClassVar[str] = "figure"
    name: str
    wide: bytes
    narrow: bytes

    @property
    def title(self) -> str:
        """What the figure shows."""
        return TITLES[self.name]

    @property
    def addresses(self) -> list[str]:
        """The two pictures as addresses that hold them."""
        return ["data:image/png;base64," + base64.b64encode(png).decode("ascii") for png in (self.wide, self.narrow)]

    @property
    def pixels(self) -> int:
        """Width on a wide screen at which text has the size of the page's small print: 80 pixels an inch."""
        (width,) = struct.unpack(">I", self.wide[16:20])
        return round(width * 80 / STYLE["savefig.dpi"])

    @property
    def caption(self) -> list[str]:
        """Paragraphs of its caption."""
        return caption(self.name)


@dataclass(frozen=True)
class Text:
    """A text of the page that is folded away."""

    kind: ClassVar[str] = "text"
    title: str
    text: str


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    id: str
    title: str
    parts: Sequence[Table | Figure | Text]


def caption(name: str) -> list[str]:
    """Read the caption of a figure: paragraphs of plain text, the same for this page and for Snakemake's report."""
    text = (FOLDER / f"{name}.rst").read_text(encoding="utf-8")
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]


def _cell(value: Any, decimals: int = 3) -> str:
    if value is None or isinstance(value, float):
        return with_decimals(value, decimals)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _figure(folder: Path, name: str) -> Figure:
    files = [folder / figure_file(name, narrow) for narrow in (False, True)]
    for path in files:
        if not path.is_file():
            raise ValueError(
                f"{path} does not exist: run the step {'network' if name == 'network' else 'figures'} first"
            )
    return Figure(name, *(path.read_bytes() for path in files))


def _fewer_resamples(evaluation: Mapping[str, Any]) -> str:
    """What a note on intervals says where some of them are of fewer resamples than the others."""
    if not some_fewer_resamples(evaluation):
        return ""
    return (
        f" They come from {evaluation['bootstrap']['resamples']:,} resamples, of sets of more than {MANY_GROUPS:,} "
        f"groups from {RESAMPLES_OF_MANY}."
    )


def _summary(record: Mapping[str, Any], evaluation: Mapping[str, Any], part: str) -> Section:
    learned = record["settings"]["learn_from"]
    rows = [
        ["configuration", record["configuration"]],
        ["run", record["run"]],
        ["learned from", f"the {' and '.join(learned)} part, {record['training_constructs']:,} constructs"],
        ["epochs", _cell(record["epochs"])],
        ["weights kept", kept_epoch(record)],
        ["time of the training", f"{record['seconds'] / 60:,.1f} minutes"],
        ["weights, sha256", record["weights_sha256"]],
    ]
    length = shown_length(evaluation["parts"][part])
    for source, lengths in evaluation["parts"][part].items():
        if lengths[length] is not None and source != ALL_SOURCES:
            summary = lengths[length]
            said = (
                f"{with_bounds(summary['pearson'])}; {summary['constructs']:,} constructs, {summary['groups']:,} groups"
            )
            rows.append([f"Pearson, {words(source)}, {part} part", said])
    drawn = "groups of constructs that share a 30-mer" if record["split"]["method"] == "grouped" else "constructs"
    note = f"In brackets, here and below, 95 % intervals, by resampling {drawn}; a dash where there are too few."
    note += _fewer_resamples(evaluation)
    note += f" Figures are of the {part} part, {LENGTH_NAMES[length]}."
    if part in learned:
        note += f" The run learned from the {part} part: what is said of it tells how well the run remembers it."
    return Section("summary", "Summary", [Table("The run", ["", ""], rows, note, text_columns=2)])


def _warnings(reports: Mapping[str, Mapping[str, Any]]) -> list[Section]:
    """What the steps warned of, by the reports that they wrote."""
    rows = [[step, text] for step, found in reports.items() for text in found.get("warnings", [])]
    if not rows:
        return []
    return [Section("warnings", "Warnings", [Table("Of the steps", ["step", "warning"], rows, text_columns=2)])]


def _configuration(record: Mapping[str, Any], assembled: Mapping[str, Any]) -> Section:
    settings = record["settings"]
    plain = {name: value for name, value in settings.items() if name != "phases"}
    plain |= {"gc_sampling": gc_correction_in_effect(settings["gc_sampling"])}
    rows = [[name, shown(value)] for name, value in flat_settings(plain).items()]
    differing = differences(settings, default_settings())
    phases = [flat_settings(phase) for phase in settings["phases"]]
    names = list(dict.fromkeys(name for phase in phases for name in phase))
    lines = {
        source["name"]: assembled["sources"].get(source["name"], {}).get("scale") or source.get("calibration", {})
        for source in record["data"]["sources"]
    }
    sources = [
        [
            source["name"],
            source.get("label") or source["name"],
            source["file"],
            source.get("origin") or source.get("url") or "–",
            (record["files"].get(source["file"]) or source.get("sha256") or "–")[:12],
            shown(source.get("weight", 1)),
            shown(lines[source["name"]].get("slope", 1)),
            shown(lines[source["name"]].get("intercept", 0)),
        ]
        for source in record["data"]["sources"]
    ]
    whole = {"name": record["configuration"], **{key: record[key] for key in ("data", "split", "buckets")}}
    whole |= {"synthetic": {settings["synthetic"]: record["synthetic"]}} if record["synthetic"] else {}
    whole |= {"runs": {record["run"]: settings}}
    return Section(
        "configuration",
        "Configuration",
        [
            Table(
                "Settings of the run",
                ["setting", "value"],
                rows,
                f"What differs from the defaults, seeds aside: {differing}.",
                text_columns=2,
            ),
            Table(
                "Phases of the training",
                ["setting", *(f"phase {number}" for number in range(1, len(phases) + 1))],
                [[name, *(shown(phase.get(name)) for phase in phases)] for name in names],
            ),
            Table(
                "Sources of measurements",
                ["source", "counts as", "file", "origin", "sha256 begins", "weight", "slope", "intercept"],
                sources,
                "Slope and intercept bring the values of a file to the common scale of expression.",
                text_columns=5,
            ),
            Text(
                "All settings of this run and its data, as a configuration",
                yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100),
            ),
        ],
    )


def _network(run: Run) -> list[Section]:
    """The layers of the network, where the step network was run."""
    folder = run.layout.network(run.name)
    if not (folder / NETWORK_FILE).is_file():
        return []
    layers = read_network(run, folder / NETWORK_FILE)
    table = Table("Layers", *table_cells(layers), totals(layers), text_columns=3)
    return [Section("network", "Network", [_figure(folder, "network"), table])]


def _counts_of_sources(assembled: Mapping[str, Any]) -> Table:
    sources = assembled["sources"]
    there = list(dict.fromkeys(name for counts in sources.values() for name, n in counts.items() if isinstance(n, int)))
    names = [name for name in ASSEMBLED if name in there] + [name for name in there if name not in ASSEMBLED]
    rows = []
    for name in names:
        counts = [counts.get(name, 0) for counts in sources.values()]
        # Two sources can be parts of one file, so its rows have no sum.
        rows.append(
            [ASSEMBLED.get(name, words(name)), *map(_cell, [*counts, None if name == "rows_in_file" else sum(counts)])]
        )
    return Table(
        "From the files to measurements",
        ["", *map(words, sources), "all"],
        rows,
        f"Held-out sequences: {assembled['held_out_sequences']:,}. What is left out and what is kept add up to the "
        "rows of the source. Fitted constructs and clipped values are kept.",
    )


def _counts_of_constructs(
    assembled: Mapping[str, Any], split: Mapping[str, Any], sample: Mapping[str, Any], evaluation: Mapping[str, Any]
) -> Table:
    labels = list(assembled["by_source"])

    def row(name: str, by_source: Mapping[str, int | None], total: int | None) -> list[str]:
        return [name, *(_cell(by_source.get(label)) for label in labels), _cell(total)]

    def column(name: str) -> dict[str, int]:
        return {label: counts[name] for label, counts in assembled["by_source"].items()}

    of_full_length = column("constructs_not_fitted")
    rows = [
        row("measurements kept", {}, assembled["measurements"]),
        row("merged: repeated measurements of a construct", {}, assembled["merged_away"]),
        row("constructs", column("constructs"), assembled["constructs"]),
        row("of these of full length as measured", of_full_length, sum(of_full_length.values())),
    ]
    for part in PARTS:
        by_source = {label: counts[part] for label, counts in split["by_source"].items()}
        rows.append(row(f"{part} part", by_source, split["constructs"][part]))
    method = sample["settings"]["method"]
    rows.append(row("to learn from", {}, sample["before"]["constructs"]))
    if method != "none":
        rows.append(row(f"after GC correction ({words(method)})", {}, sample["after"]["constructs"]))
    for part, sources in evaluation["parts"].items():
        for key, said in (("constructs", "scored"), ("undefined", "not scored: undefined prediction")):
            counts = {label: (lengths[LENGTHS[0]] or {}).get(key, 0) for label, lengths in sources.items()}
            if key == "constructs" or any(counts.values()):
                rows.append(row(f"{words(part)}, full length: {said}", counts, counts[ALL_SOURCES]))
    note = (
        f"Parts are split by the method {split['method']}: {split['groups']:,} groups of constructs, "
        f"{split['groups_of_several']:,} of them of several, the largest of {split['largest_group']:,}; a group stays "
        "together."
    )
    if given := split.get("given_parts"):
        note += (
            f" The data give the part of {sum(given['constructs'].values()):,} constructs, {given['with_relatives']:,} "
            f"are in that of their relatives, {given['at_random']:,} are split at random; "
            f"{given['validation_from_train']:,} of the train part are taken for validation. "
            "Groups to which the data give several parts are divided."
        )
    return Table("From measurements to the parts", ["", *map(words, labels), "all"], rows, note)


def _agreement(assembled: Mapping[str, Any]) -> list[Table]:
    rows = [
        [
            " and ".join(map(words, pair["sources"])),
            _cell(pair["sequences"]),
            _cell(pair["pearson"]),
            *(with_bounds(pair["line_second_to_first"][name]) for name in ("slope", "intercept")),
            pair["errors_from"],
        ]
        for pair in assembled["agreement"]
    ]
    header = ["sources", "sequences", "Pearson", "slope", "intercept", "replicates"]
    note = (
        "The line brings values of the second to those of the first, after the calibration above: Deming regression, "
        "with 95 % intervals in brackets, which noise in both does not flatten. How noisy they are is known from the "
        "replicates of both, the first or the second, or, with neither, taken for the same share of both."
    )
    return [Table("Sequences that two sources measured", header, rows, note)] if rows else []


def _synthetic(paths: Layout, record: Mapping[str, Any]) -> list[Table]:
    """What was made and scored for a run that has teachers."""
    recipe = record["settings"]["synthetic"]
    if not recipe:
        return []
    made = read_json(report_of(paths.synthetic(recipe)))["parts"]
    scored = read_json(report_of(paths.scores(record["run"])))
    return [
        Table(
            f"Synthetic constructs, recipe {recipe}",
            ["", *(part["kind"] for part in made), "all"],
            [
                [said, *(_cell(part[name]) for part in made), _cell(sum(part[name] for part in made))]
                for name, said in SYNTHETIC.items()
            ],
            f"{scored['constructs']:,} of them were scored by {scored['teachers']} runs "
            f"({', '.join(record['settings']['teachers'])}), {scored['undefined']:,} with an undefined expression.",
        )
    ]


def _gc(sample: Mapping[str, Any], evaluation: Mapping[str, Any], folder: Path) -> Section:
    columns = {"before": sample["before"], "after": sample["after"]}
    if "in_loss" in sample:
        columns["after, with the weights of the sources"] = sample["in_loss"]
    found = columns.values()
    rows = [
        [said, *(_cell(column.get(name), 1) for column in found)]
        for name, said in CHOSEN.items()
        if name in sample["before"]
    ]
    rows.append(["GC and expression, r, all", *(_cell(column["gc_expression_pearson"]) for column in found)])
    for source in sample["before"].get("gc_expression_pearson_by_source", {}):
        values = (column["gc_expression_pearson_by_source"][source] for column in found)
        rows.append([f"GC and expression, r, {words(source)}", *map(_cell, values)])
    settings = flat_settings(gc_correction_in_effect(sample["settings"]))
    settings = ", ".join(f"{name} {shown(value)}" for name, value in settings.items() if value is not None)
    note = f"Settings: {settings}."
    if sample["settings"]["method"] == "none":
        note += " Nothing is corrected in this run, so both are the same."
    for item in sample.get("calibration", {}).get("not_calibrated", []):
        place = f"bucket {item['bucket']}" + (f" of {words(item['source'])}" if "source" in item else "")
        note += f" Not calibrated: {place}, {item['constructs']:,} constructs."
    table = Table("Training constructs and their GC content", ["", *columns], rows, note)
    return Section("gc", "GC content", [table, _figure(folder, "gc"), _gc_correlations(evaluation)])


def _buckets(buckets: Mapping[str, Any], sample: Mapping[str, Any], folder: Path) -> Section:
    columns = [buckets["constructs"]]
    header = ["bucket", "all constructs"]
    for when in ("before", "after"):
        columns += [sample[when]["bucket_constructs"], sample[when]["bucket_distance_to_target"]]
        header += [f"training, {when} correction", f"GC distance, {when}"]
    rows = [[str(number), *map(_cell, values)] for number, values in enumerate(zip(*columns, strict=True))]
    note = (
        f"Values of expression become buckets by the method {buckets['method']}. GC distance: total variation distance "
        "of the GC contents of the bucket's training constructs to the target (0 the same, 1 nothing in common)."
    )
    return Section("buckets", "Buckets", [_figure(folder, "buckets"), Table("Occupancy", header, rows, note)])


def _scores(evaluation: Mapping[str, Any], title: str, columns: Mapping[str, str], note: str) -> Table:
    """Statistics of every part and source, each with its interval."""
    rows, without_full_length = [], []
    for part, sources in evaluation["parts"].items():
        length = shown_length(sources)
        without_full_length += [words(part)] if length != LENGTHS[0] else []
        for source, lengths in sources.items():
            summary = lengths[length]
            if summary is not None:
                # Evaluations of earlier versions have no MAPE.
                cells = [
                    with_bounds(summary[name], DECIMALS.get(name, 3)) if name in summary else with_decimals(None)
                    for name in columns
                ]
                ceiling = [_cell(summary.get("noise_ceiling", {}).get("ceiling"))] if "pearson" in columns else []
                counts = [_cell(summary[name]) for name in ("constructs", "groups")]
                rows.append([words(part), words(source), *counts, *cells, *ceiling])
    header = ["part", "source", "constructs", "groups", *columns.values()]
    header += ["noise ceiling"] if "pearson" in columns else []
    learned = " and ".join(evaluation["learned_from"])
    shown_of = LENGTH_NAMES[LENGTHS[0]]
    if without_full_length:
        shown_of += (
            f"; {LENGTH_NAMES[LENGTHS[1]]} in the parts without any of full length ({', '.join(without_full_length)})"
        )
    note = f"{shown_of}. {note} The run learned from the {learned} part: there it shows how well it remembers."
    return Table(title, header, rows, note, text_columns=2)


def _accuracy(evaluation: Mapping[str, Any]) -> Table:
    return _scores(
        evaluation,
        "Accuracy",
        {"pearson": "Pearson", "spearman": "Spearman", "mse": "MSE", "mae": "MAE", "mape": "MAPE, %"},
        f"Errors of the expression in its unit. {MAPE_NOTE} Noise ceiling: the correlation that perfect predictions "
        "would have, from replicates.",
    )


def _intervals(calibration: Mapping[str, Any] | None) -> list[Section]:
    """How sure predictions are, where the run was calibrated."""
    if not calibration or calibration["coverage"] is None:
        return []
    tables = [
        Table(cells.title, cells.header, cells.rows, cells.note, cells.text_columns)
        for cells in coverage_tables(calibration)
    ]
    last = tables[-1]
    note = f"{last.note} {effects_note(calibration)}"
    return [
        Section(
            "intervals", "How sure predictions are", [*tables[:-1], Table(last.title, last.header, last.rows, note)]
        )
    ]


def _gc_correlations(evaluation: Mapping[str, Any]) -> Table:
    return _scores(
        evaluation,
        "GC content and expression",
        {"gc_measured": "measured", "gc_predicted": "predicted", "gc_excess": "predicted less measured"},
        "Pearson correlation of expression with the GC content of the insert.",
    )


def _epochs(history: list[Mapping[str, Any]], record: Mapping[str, Any]) -> Table:
    return Table("Epochs", *epochs_cells(epochs_table(history, record["best"])), epochs_note(record))


def _study(config: Mapping[str, Any], records: Path) -> list[Section]:
    """The study of GC correction that the configuration is, or else names, as far as its runs have records."""
    if config.get("gc_study") and not studies_gc_correction(config):
        config = load_config(config["gc_study"])
        records = Layout.of(config).records
    if not studies_gc_correction(config) or not any((records / f"{run}.json").is_file() for run in config["runs"]):
        return []
    import matplotlib

    runs, missing = read_runs(config, records)
    header, rows, note = study_cells(runs, missing)
    drawn = []
    with matplotlib.rc_context(STYLE):
        for narrow in (False, True):
            drawn.append(png_of(study_figure(runs, missing, narrow)))
    note = f"Runs of configuration {config['name']}. {note}"
    parts = [Figure("gc_study", *drawn), Table("The study in numbers", header, rows, note)]
    return [Section("gc-study", "Study of GC correction", parts)]


def _software(record: Mapping[str, Any], backend: str) -> Section:
    trained = {name: value for name, value in record["versions"].items() if name != "backend"}
    here = versions(*dict.fromkeys([*PACKAGES, backend]))
    rows = [[name, trained.get(name, "–"), here.get(name, "–")] for name in dict.fromkeys([*here, *trained])]
    note = f"The training ran on Keras with the backend {backend}. This page was made with what the last column says."
    return Section("software", "Software", [Table("Versions", ["package", "training", "this page"], rows, note, 1)])


def report(
    run: Run,
    output: str | Path | None = None,
    part: str = "validation",
    records: str | Path | None = None,
) -> Path:
    """Write the report of a trained, evaluated and drawn run.

    Parameters
    ----------
    run : Run
        A run, finished.
    output : str or Path, optional
        The HTML file; by default ``runs/<run>/report.html``. It needs no other file and no network.
    part : str, optional
        Part of the split that the figures were drawn of.
    records : str or Path, optional
        Folder with the records of the configuration's runs: where these differ in the GC correction alone, the page
        compares those that are there. By default that of the configuration.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If a step before has not been run, or the run was trained with other settings or tables than there are now.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    paths = run.layout
    record = make_record(run)
    evaluation = read_evaluation(run)
    if part not in evaluation["parts"]:
        raise ValueError(
            f"run {run.name!r} has no evaluation of the part {part!r}, only of {', '.join(evaluation['parts'])}"
        )
    calibration = read_calibration(run, evaluation["weights_sha256"])
    assembled, buckets, split, sample = (
        read_json(report_of(table)) for table in (paths.constructs, paths.buckets, paths.split, paths.sample(run.name))
    )
    drawn = paths.figures(run.name)
    sections = [
        _summary(record, evaluation, part),
        *_warnings(
            {
                "assemble": assembled,
                "buckets": buckets,
                "split": split,
                "train": read_json(paths.run(run.name) / SUMMARY_FILE),
                "evaluate": evaluation,
                "calibrate": calibration or {},
            }
        ),
        _configuration(record, assembled),
        *_network(run),
        Section(
            "data",
            "Data, step by step",
            [
                _counts_of_sources(assembled),
                _counts_of_constructs(assembled, split, sample, evaluation),
                *_agreement(assembled),
                *_synthetic(paths, record),
            ],
        ),
        Section(
            "training",
            "Training",
            [_figure(drawn, "learning_curves"), _epochs(read_json(paths.run(run.name) / HISTORY_FILE), record)],
        ),
        _gc(sample, evaluation, drawn),
        _buckets(buckets, sample, drawn),
        Section(
            "predictions",
            "Predictions",
            [_figure(drawn, "scatter"), _accuracy(evaluation), _figure(drawn, "residuals")],
        ),
        *_intervals(calibration),
        *_study(run.config, Path(records) if records is not None else Layout.of(run.config).records),
        _software(record, record["versions"]["backend"]),
    ]
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html").render(
        title=f"{run.config['name']}: run {run.name}", introduction=" ".join(caption("page")), sections=sections
    )
    output = Path(output) if output is not None else paths.page(run.name)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, page)
    return output
