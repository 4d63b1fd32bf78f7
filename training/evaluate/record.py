"""Records of finished runs: small JSON files to commit, and the ablation table that is made from them.

A record says what a run was (settings, hashes of the data) and how well it did. It holds neither sequences nor
paths of the machine it was made on.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.config.loading import ALL_SOURCES
from training.data.tables import read_json, sha256_of, write_report
from training.evaluate.evaluation import LENGTHS
from training.evaluate.markdown import markdown_table, replace_block
from training.evaluate.staleness import changed_settings, check_unchanged_since_training
from training.paths import EVALUATION_FILE, SUMMARY_FILE, report_of
from training.run import Run

#: Settings that make two runs repeats of one another when nothing else differs.
SEEDS = ("seed", "gc_sampling.seed")
REFERENCE = "baseline"
#: Values of a setting of a phase that does nothing.
_UNSET = (None, [])
_STATISTICS = ("pearson", "spearman", "mse", "mae", "mape", "gc_predicted", "gc_measured", "gc_excess")


def read_evaluation(run: Run) -> dict[str, Any]:
    """Read a run's evaluation and check that it is of the run's present weights.

    Raises
    ------
    ValueError
        If there is none, or it is of other weights.
    """
    path = run.layout.evaluation(run.name) / EVALUATION_FILE
    evaluation = read_json(path)
    found = sha256_of(run.weights)
    if evaluation["weights_sha256"] != found:
        raise ValueError(
            f"{path} is of weights with sha256 {evaluation['weights_sha256']} but run {run.name!r} has {found}: the "
            "run was trained again; rerun the step evaluate"
        )
    return evaluation


def without_folders(value: Any) -> Any:
    """Keep of every file its name alone, and of every other address only that of its origin."""
    if isinstance(value, Mapping):
        kept = {name: item for name, item in value.items() if name not in ("folder", "url")}
        kept |= {"url": value["url"]} if str(value.get("url", "")).startswith(("http://", "https://", "ftp://")) else {}
        return {
            name: Path(item).name if name == "file" and item else without_folders(item) for name, item in kept.items()
        }
    if isinstance(value, list | tuple):
        return [without_folders(item) for item in value]
    return value


def check_unchanged(
    record: Mapping[str, Any], path: str | Path, config: Mapping[str, Any], run: str, *further: str
) -> None:
    """Check that a record is of the settings that a configuration has now.

    Parameters
    ----------
    record : mapping
        What the file holds.
    path : str or Path
        The file, for messages.
    config : mapping
        A validated configuration.
    run : str
        One of its runs.
    *further : str
        Entries of the record with ``settings`` of their own, which the configuration has under the same key.

    Raises
    ------
    ValueError
        If it is of other settings.
    """
    changed = changed_settings(
        record["settings"] | {key: record[key]["settings"] for key in further},
        without_folders(config["runs"][run]) | {key: config[key] for key in further},
    )
    if changed:
        raise ValueError(
            f"{path} is of run {run} with other settings than configuration {config['name']} has now "
            f"({', '.join(changed)}): train the run again and record it, or put the settings back"
        )


def _rounded(value: float | None) -> float | None:
    # Finer than any document shows, so that what is made from a record is rounded once.
    return None if value is None else round(value, 6)


def _bounds(bounds: Mapping[str, Any]) -> list[float | None]:
    return [_rounded(bounds[key]) for key in ("value", "low", "high")]


def _short(summary: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    short = {"constructs": summary["constructs"], "groups": summary["groups"], "undefined": summary["undefined"]}
    short |= {"resamples": summary["resamples"]} if "resamples" in summary else {}
    there = [name for name in _STATISTICS if name in summary]  # evaluations of earlier versions have no MAPE
    short |= {name: _bounds(summary[name]) for name in there}
    undefined = {name: summary[name]["reason"] for name in there if "reason" in summary[name]}
    short |= {"reasons": undefined} if undefined else {}
    if "noise_ceiling" in summary:
        short["noise_ceiling"] = _rounded(summary["noise_ceiling"]["ceiling"])
        short["replicated_pearson"] = _rounded(summary["noise_ceiling"]["predicted_pearson"])
    return short


def _correction(run: Run) -> dict[str, Any] | None:
    """What the GC correction did to the training data, without its numbers by bucket; None without its report."""
    report = run.layout.sample(run.name).with_suffix(".json")
    if not report.is_file():
        return None
    sample = read_json(report)
    short = {
        when: {name: value for name, value in sample[when].items() if not isinstance(value, list)}
        for when in ("before", "after", "in_loss")
        if when in sample
    }
    if "calibration" in sample:
        short["not_calibrated"] = sample["calibration"]["not_calibrated"]
    return short


def _base_changes(run: Run, weights_sha256: str) -> dict[str, Any]:
    """Mean effects of single-base changes, each as value and 95 % interval."""
    path = run.layout.base_changes(run.name)
    found = read_json(path)
    if found["weights_sha256"] != weights_sha256:
        raise ValueError(f"{path} is of other weights than run {run.name!r} has: rerun the step base-changes")
    short = {"settings": found["settings"]}
    for group in ("mean_absolute_effect", "ratio", "mean_effect"):
        short[group] = {name: _bounds(bounds) for name, bounds in found[group].items()}
    return short


def read_calibration(run: Run, weights_sha256: str) -> dict[str, Any] | None:
    """Read what the step calibrate found, if it was run, and check that it is of the run's present weights.

    Raises
    ------
    ValueError
        If it is of other weights.
    """
    path = run.layout.calibration(run.name)
    if run.config.get("prediction_intervals") is None or not path.is_file():
        return None
    found = read_json(path)
    if found["weights_sha256"] != weights_sha256:
        raise ValueError(f"{path} is of other weights than run {run.name!r} has: rerun the step calibrate")
    return found


def _calibration(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a record keeps of a calibration: from what it was made, and how well it holds."""

    def rounded(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: rounded(item) for name, item in value.items()}
        return _rounded(value) if isinstance(value, float) else value

    left_out = ("configuration", "run", "weights_sha256", "calibration", "explanations", "warnings")
    return {name: rounded(value) for name, value in found.items() if name not in left_out}


def make_record(run: Run) -> dict[str, Any]:
    """Gather the record of a finished and evaluated run.

    Parameters
    ----------
    run : Run
        A run, finished.

    Returns
    -------
    dict
        ``settings``, ``data``, ``files`` (sha256 of each, as the step download found it), ``split``, ``buckets``,
        ``given_parts``, where sources give the parts of constructs,
        ``reporter`` (null for that of the public measurements) and, where the run used one, the ``synthetic`` recipe;
        ``tables`` (sha256 of the tables that it was trained on); ``gc_correction``, what that did to the training data;
        ``weights_sha256``; epochs, seconds, versions;
        ``warnings`` of the training and of the evaluation; for each evaluated part and source the statistics, as value
        and 95 % interval (with ``reasons`` why some are undefined, where the evaluation gives them); and, where the
        configuration asks for them, the mean effects of single-base changes, likewise; ``prediction_intervals``, the
        coverage of these, where the run was calibrated.

    Raises
    ------
    ValueError
        If the run has not finished or not been evaluated, or its settings or tables are no longer those that it was
        trained with.
    """
    paths = run.layout
    settings = run.settings
    summary = read_json(paths.run(run.name) / SUMMARY_FILE)
    tables = check_unchanged_since_training(run)
    evaluation = read_evaluation(run)
    recipe = settings["synthetic"]
    files = read_json(paths.files) if paths.files.is_file() else {}
    record = {
        "configuration": run.config["name"],
        "run": run.name,
        "settings": settings,
        "data": run.config["data"],
        "files": {name: file["sha256"] for name, file in files.items()},
        "split": run.config["split"],
        "buckets": run.config["buckets"],
        "reporter": run.config.get("reporter"),
        "synthetic": run.config["synthetic"][recipe] if recipe else None,
        "tables": tables,
        "gc_correction": _correction(run),
        "weights_sha256": evaluation["weights_sha256"],
        "training_constructs": summary["training_constructs"],
        "epochs": summary["epochs"],
        "seconds": summary["seconds"],
        "best": summary["best"],
        "warnings": [*summary.get("warnings", []), *evaluation.get("warnings", [])],
        "versions": {"keras": summary["keras"], "backend": summary["backend"], **summary.get("versions", {})},
        "bootstrap": evaluation["bootstrap"],
        "evaluation": {
            part: {
                source: {length: _short(lengths[length]) for length in LENGTHS} for source, lengths in sources.items()
            }
            for part, sources in evaluation["parts"].items()
        },
    }
    if (report := report_of(paths.split)).is_file() and (given := read_json(report).get("given_parts")):
        record["given_parts"] = given
    if run.config.get("base_changes"):
        record["base_changes"] = _base_changes(run, evaluation["weights_sha256"])
    calibration = read_calibration(run, evaluation["weights_sha256"])
    if calibration:
        record["prediction_intervals"] = _calibration(calibration)
        record["warnings"] += calibration["warnings"]
    return without_folders(record)


def record(run: Run, output: str | Path) -> dict[str, Any]:
    """Write the record of a finished and evaluated run; see `make_record`.

    Parameters
    ----------
    run : Run
        A run, finished.
    output : str or Path
        The file, by custom ``training/records/<configuration>/<run>.json``.

    Returns
    -------
    dict
        The record.
    """
    made = make_record(run)
    write_report(output, made)
    return made


def flat_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a run, one level deep: ``gc_sampling.fraction``, ``phase 1 epochs``."""
    flat = {}
    for name, value in settings.items():
        if name == "phases":
            for number, phase in enumerate(value, start=1):
                flat |= {f"phase {number} {key}": item for key, item in flat_settings(phase).items()}
        elif isinstance(value, Mapping):
            flat |= {f"{name}.{key}": item for key, item in flat_settings(value).items()}
        else:
            flat[name] = value
    return flat


def shown(value: Any) -> str:
    """A setting as text."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def differences(settings: Mapping[str, Any], reference: Mapping[str, Any]) -> str:
    """Say in words what one run's settings have other than another's; seeds aside."""
    own, other = flat_settings(settings), flat_settings(reference)
    phases, other_phases = settings.get("phases", []), reference.get("phases", [])
    said = []
    for name in [*own, *(name for name in other if name not in own)]:
        if name in SEEDS or own.get(name) == other.get(name):
            continue
        number = int(name.split()[1]) if name.startswith("phase ") else 0
        if number > min(len(phases), len(other_phases)):
            continue
        # A record from before a setting existed had what is its default now.
        if not number and name.split(".")[0] not in settings.keys() & reference.keys():
            continue
        if number and own.get(name) in _UNSET and other.get(name) in _UNSET:
            continue
        said.append(f"{name} {shown(own.get(name))}")
    for number, phase in enumerate(phases[len(other_phases) :], start=len(other_phases) + 1):
        said.append(
            f"phase {number}: {phase['constructs']}, {phase['epochs']} epochs, {phase['optimizer']} "
            f"{phase['learning_rate']:g} {phase['schedule']}"
        )
    said += [f"no phase {number}" for number in range(len(phases) + 1, len(other_phases) + 1)]
    return "; ".join(said) or "–"


def spread(values: list[float | None], decimals: int = 3) -> str:
    """Mean of several runs' values, then their smallest and largest; a dash where none is defined."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return "–"
    mean, low, high = (f"{value:,.{decimals}f}" for value in (np.mean(numbers), min(numbers), max(numbers)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _table_of(records: list[dict[str, Any]], reference: str | None) -> str:
    names = [item["run"] for item in records]
    if reference is None:
        reference = REFERENCE if REFERENCE in names else names[0]
    if reference not in names:
        raise ValueError(f"there is no record of a run {reference!r}; there are {', '.join(names)}")
    base = records[names.index(reference)]["settings"]
    repeats: dict[str, list[dict[str, Any]]] = {}
    for item in sorted(records, key=lambda item: (item["run"] != reference, item["run"])):
        flat = {name: value for name, value in flat_settings(item["settings"]).items() if name not in SEEDS}
        repeats.setdefault(json.dumps(flat, sort_keys=True), []).append(item)
    scored = [source for item in records for source in item["evaluation"]["validation"]]
    sources = [source for source in dict.fromkeys(scored) if source != ALL_SOURCES]
    header = ["Run", f"What differs from {reference}"]
    header += [f"Pearson, {source}" for source in sources]
    header += [f"GC excess, {source}" for source in sources]
    header += ["Epochs", "Minutes"]
    rows = []
    for items in repeats.values():

        def values(source, statistic, items=items):
            found = [item["evaluation"]["validation"].get(source, {}).get("full_length") for item in items]
            return [None if summary is None else summary[statistic][0] for summary in found]

        rows.append(
            [
                ", ".join(item["run"] for item in items),
                differences(items[0]["settings"], base),
                *(spread(values(source, "pearson")) for source in sources),
                *(spread(values(source, "gc_excess"), 2) for source in sources),
                spread([item["epochs"] for item in items], 0),
                spread([item["seconds"] / 60 for item in items], 0),
            ]
        )
    return markdown_table(header, rows, text_columns=2)


def ablation_table(records_folder: str | Path, reference: str | None = None, configuration: str | None = None) -> str:
    """Make the ablation table from the records of a folder.

    Runs that differ in nothing but their seeds share a row: mean, and smallest to largest value. A run that learned
    from the validation part, too, has no place there.

    Parameters
    ----------
    records_folder : str or Path
        Folder with ``<configuration>/<run>.json``.
    reference : str, optional
        Run that the others are compared with; by default ``baseline``, or else the first by name. With several
        configurations each has a table of its own.
    configuration : str, optional
        Only the records of this configuration.

    Returns
    -------
    str
        Markdown. All numbers are of the validation part, full-length constructs.

    Raises
    ------
    ValueError
        If there are no records, or none of the reference.
    """
    by_configuration: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(Path(records_folder).glob(f"{configuration or '*'}/*.json")):
        item = read_json(path)
        if "validation" in item.get("settings", {}).get("learn_from", []):
            continue
        if "validation" not in item.get("evaluation", {}):
            raise ValueError(f"{path} is not a record of a run with an evaluation of the validation part")
        by_configuration.setdefault(item["configuration"], []).append(item)
    if not by_configuration:
        raise ValueError(
            f"{records_folder} holds no records ({configuration or '<configuration>'}/<run>.json): run the step record "
            "first"
        )
    tables = [
        f"Configuration `{name}`:\n\n{_table_of(records, reference)}" for name, records in by_configuration.items()
    ]
    return "\n\n".join(tables)


def write_ablation_table(
    records_folder: str | Path, document: str | Path, reference: str | None = None, configuration: str | None = None
) -> None:
    """Put the ablation table into a Markdown file, between ``<!-- ablation: begin -->`` and ``<!-- ablation: end -->``.

    Parameters
    ----------
    records_folder, reference, configuration
        As for `ablation_table`.
    document : str or Path
        The file, by custom ``training/README.md``.

    Raises
    ------
    ValueError
        If there are no records, or the file does not hold exactly one such block.
    """
    replace_block(document, "ablation", ablation_table(records_folder, reference, configuration))
