"""What the entry's documents and model.yaml say of its weights, as text that follows from the record of their run."""

from collections.abc import Iterator, Mapping
from typing import Any

from training.config.loading import ALL_SOURCES, SHIPPED
from training.data.assay import PUBLIC, Assay
from training.evaluate.evaluation import some_fewer_resamples
from training.evaluate.markdown import listed, markdown_table, percent, with_bounds, with_decimals, words
from training.evaluate.metrics import DECIMALS, MANY_GROUPS, MAPE_NOTE, RESAMPLES_OF_MANY

RECORD_FILE = "model_files/training_run.json"
#: How a text begins that only a person can write; `training.evaluate.export.unwritten` looks for it.
TO_WRITE = "*To be written"
_ACTIVATIONS = {
    "relu": "ReLU, as in the code of the report's authors, where the report's Table 1 has softmax",
    "softmax": "softmax, as in the report's Table 1",
}


def _plain(text: str) -> str:
    """A text of the configuration, within a line or a cell of Markdown."""
    return " ".join(text.split()).replace("|", r"\|")


def _learned(record: Mapping[str, Any]) -> str:
    parts = record["settings"]["learn_from"]
    return f"{record['training_constructs']:,} constructs of the {listed(parts)} part{'s' * (len(parts) > 1)}"


def _teaching(record: Mapping[str, Any]) -> str:
    """What a run has from other runs: synthetic constructs and their labels, and the weights that it began with."""
    settings, said = record["settings"], ""
    if record["synthetic"]:
        parts = listed([f"{part['count']:,} {part['kind']}" for part in record["synthetic"]["parts"]])
        said += (
            f" It learned from synthetic constructs, too (recipe {settings['synthetic']}: up to {parts}), by the mean "
            f"scores of the runs {listed(settings['teachers'])}."
        )
    if settings.get("initial") == SHIPPED:
        sha256 = record["tables"]["initial"][:12]
        return f"{said} It began with shipped weights, whose sha256 begins with {sha256} (fine-tuning)."
    return said + (f" It began with the weights of the run {settings['initial']}." if settings.get("initial") else "")


def trained_on(record: Mapping[str, Any]) -> str:
    """The text of ``trained_on`` in model.yaml.

    Parameters
    ----------
    record : mapping
        What `training.evaluate.record.make_record` returns.

    Returns
    -------
    str
        One paragraph of plain text.
    """
    data = record["data"]
    sources = (f"{words(source['name'])} ({source.get('description') or source['file']})" for source in data["sources"])
    said = f"{data['description']} " if data.get("description") else ""
    said += f"Sources: {'; '.join(sources)}. Run {record['run']} learned from {_learned(record)}.{_teaching(record)}"
    if data["held_out"]:
        files = listed([file["file"] for file in data["held_out"]])
        said += f" Nothing that resembles a sequence of {files} was learned from."
    said += f" Origins and licences are in MODEL_CARD.md, hashes of all files in {RECORD_FILE}."
    return " ".join(said.split())


def weights_text(exported: Mapping[str, Any]) -> str:
    """Which weights these are: version, run, and first activation, in Markdown."""
    record = exported["run"]
    text = (
        f"The weights are `{exported['weights_version']}`: run `{record['run']}` of configuration "
        f"`{record['configuration']}`, everything recorded of which is in `{RECORD_FILE}`. The first convolution is "
        f"{_ACTIVATIONS[record['settings']['first_activation']]}."
    )
    if not exported["calibration_sha256"]:
        text += " These weights have no prediction intervals: the option `--interval` is an error with them."
    return text


def reporter_text(record: Mapping[str, Any]) -> str:
    """Which reporter the entry is for: adapters, lengths and buckets, in Markdown."""
    assay = Assay.of(record)
    reporter, (low, high) = assay.reporter, assay.ends
    adapters = " and ".join(f"`{adapter}`" for adapter in (reporter.left_adapter, reporter.right_adapter) if adapter)
    text = f"The reporter is {_plain(reporter.name)}: inserts of {reporter.insert_length} bp"
    text += f" between the adapters {adapters}" if adapters else " without adapters"
    text += (
        f", constructs of {reporter.construct_length} bp in all; {assay.buckets} buckets stand for an expression of "
        f"{low:g} to {high:g}."
    )
    if not reporter.has_flanks:
        text += " The plasmid beside the adapters is not known, so sequences of other lengths are not fitted."
    if assay != PUBLIC:
        text += (
            f" Where documents here speak of {PUBLIC.reporter.insert_length} and {PUBLIC.reporter.construct_length} "
            f"bp, "
            f"or of {PUBLIC.buckets} buckets, that is the reporter of the public measurements."
        )
    return text


def training_data(record: Mapping[str, Any]) -> str:
    """What a run learned from, in Markdown: sources, what was held out, synthetic constructs, GC correction."""
    data, settings = record["data"], record["settings"]
    rows = []
    for source in data["sources"]:
        label = source.get("label") or source["name"]
        link = f"[`{source['file']}`]({source['url']})" if source.get("url") else f"`{source['file']}`"
        link += ", {column} {value}".format(**source["select"]) if source.get("select") else ""
        link += "".join(f", measured in `{table['file']}`" for table in (source.get("mpra") or {}).get("tables", []))
        sha256 = record["files"].get(source["file"]) or source.get("sha256")
        rows.append(
            [
                words(source["name"]) + (f", counts as {words(label)}" if label != source["name"] else ""),
                _plain(source.get("description") or f"{TO_WRITE}: description of the source in the configuration.*"),
                _plain(link),
                _plain(source.get("origin") or "–"),
                f"`{sha256[:12]}`" if sha256 else "–",
                _plain(source.get("licence") or f"{TO_WRITE}: licence of the source in the configuration.*"),
            ]
        )
    header = ["Source", "What", "File", "Origin", "sha256 begins", "Licence of the file or its repository"]
    described = data.get("description") or f"{TO_WRITE}: description of the data in the configuration.*"
    held_out = "No file of sequences was held out."
    if data["held_out"]:
        files = (f"`{file['file']}` ({_plain(file.get('origin') or 'of unknown origin')})" for file in data["held_out"])
        held_out = (
            f"Left out is every sequence that is identical to one of {listed(list(files))}, within 3 substitutions of "
            "one, or shares a 30-mer of the insert with one on either strand."
        )
    correction = f"GC correction: {words(settings['gc_sampling']['method'])}."
    if record["gc_correction"] and settings["gc_sampling"]["method"] != "none":
        before, after = (
            with_decimals(record["gc_correction"][when]["gc_expression_pearson"]) for when in ("before", "after")
        )
        correction += (
            f" It takes the correlation of GC content and expression in what is learned from {before} to {after}."
        )
    return "\n\n".join(
        [
            " ".join(described.split()),
            markdown_table(header, rows, len(header)),
            held_out,
            f"The run learned from {_learned(record)}.{_teaching(record)} {correction}",
        ]
    )


def evaluation_text(record: Mapping[str, Any]) -> str:
    """How a run was evaluated, in Markdown: the split, and what of it the run learned from."""
    split, learned = record["split"], record["settings"]["learn_from"]
    names = ("train", "test", "validation")
    shares = "/".join(percent(split["fractions"][name], 0).removesuffix(" %") for name in names)
    said, given = "", record.get("given_parts")
    if given:
        numbers = listed([f"{given['constructs'][name]:,} in {name}" for name in names if given["constructs"][name]])
        said = f"Constructs have the part that the data give them: {numbers}. "
        if given["with_relatives"]:
            said += f"{given['with_relatives']:,} others are in the part of their relatives. "
        if given["validation_from_train"]:
            said += f"{given['validation_from_train']:,} of those in train are taken for validation, by seed "
            said += f"{split['seed']}. "
    whole = [name for name in names[1:] if given and given["constructs"][name]]
    if not given or given["at_random"]:
        measured = f"The other {given['at_random']:,}" if given else "The measurements"
        into = listed([name for name in names if name not in whole])
        said += f"{measured} are split {shares if not whole else 'in proportion'} into {into}, by seed "
        said += f"{split['seed']}, stratified by source and bucket. "
    if given and any(given["train_related_to"].values()):
        related = listed([f"{number:,} to {name}" for name, number in given["train_related_to"].items() if number])
        said += f"Of the given training constructs {related} are related by common 30-mers: figures are too good. "
    elif split["method"] == "grouped":
        said += (
            "Sequences that share a 30-mer of the insert on either strand are always in one part, since figures of a "
            "part that has relatives of what was learned would be too good. "
        )
    else:
        said += "Each sequence is drawn separately: where sequences resemble each other, figures are too good. "
    said += f"The run learned from the {listed(learned)} part{'s' * (len(learned) > 1)}"
    if len(learned) > 1:
        said += ", so its figures for these parts, marked as learned, say how well it remembers"
    said += "." if "test" in record["evaluation"] else ". The test part has not been scored for it."
    return "\n\n".join([said, *(f"Warning: {_plain(text)}." for text in record.get("warnings", []))])


def scored_part(record: Mapping[str, Any]) -> str:
    """The part whose figures count: test where it was scored, else validation.

    Raises
    ------
    ValueError
        If neither was evaluated, or the run learned from the only one that was.
    """
    for part in ("test", "validation"):
        if part in record["evaluation"] and part not in record["settings"]["learn_from"]:
            return part
    raise ValueError(
        f"the evaluation of run {record['run']!r} has neither the test nor the validation part, or the run learned "
        "from it: rerun evaluate, for the chosen run with --parts train,validation,test"
    )


def _summaries(sources: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Source, lengths and summary of a part; all lengths only where they are more than those of full length."""
    for source, lengths in sources.items():
        full = lengths["full_length"]
        for length, summary in lengths.items():
            if summary and (summary is full or not full or summary["constructs"] > full["constructs"]):
                yield source, length, summary


def _with_bounds(summary: Mapping[str, Any], name: str, decimals: int = 3) -> str:
    bounds = dict(zip(("value", "low", "high"), summary[name], strict=True))
    return with_bounds(bounds | {"reason": summary.get("reasons", {}).get(name)}, decimals)


def _has_mape(record: Mapping[str, Any]) -> bool:
    """Whether a record has MAPE: evaluations of earlier versions have none."""
    return any("mape" in item for sources in record["evaluation"].values() for *_, item in _summaries(sources))


def _mape(summary: Mapping[str, Any]) -> str:
    return with_decimals(summary.get("mape", [None])[0], DECIMALS["mape"])


def short_figures(record: Mapping[str, Any]) -> str:
    """Markdown for a README: Pearson and Spearman of each source in the part that counts, full-length constructs."""
    part, mape = scored_part(record), _has_mape(record)
    rows = [
        [
            words(source),
            f"{summary['constructs']:,}",
            f"{summary['groups']:,}",
            _with_bounds(summary, "pearson"),
            _with_bounds(summary, "spearman"),
            with_decimals(summary["mae"][0], 2),
            *([_mape(summary)] if mape else []),
            with_decimals(summary.get("noise_ceiling")),
        ]
        for source, length, summary in _summaries(record["evaluation"][part])
        if length == "full_length" and source != ALL_SOURCES
    ]
    header = ["Measurements", "Constructs", "Groups", "Pearson (95 % interval)", "Spearman (95 % interval)", "MAE"]
    header += ["MAPE, %"] if mape else []
    unseen = (
        "the test part, by which the training chooses nothing"
        if part == "test"
        else "the validation part, which chose epochs and runs"
    )
    kept, groups = " of a random split", "single constructs"
    if record["split"]["method"] == "grouped":
        related = record.get("given_parts", {}).get("train_related_to", {}).get(part)
        kept = ", none of whose inserts shares a 30-mer with a training one"
        if related:
            kept = f", to which {related:,} training constructs are related by common 30-mers: figures are too good"
        groups = "groups of constructs whose inserts share a 30-mer"
    length = Assay.of(record).reporter.construct_length
    note = (
        f"Constructs of full length ({length} bp as measured) of {unseen}{kept}. Intervals resample {groups}; a dash: "
        f"too few of them. MAE in the unit of expression. {f'{MAPE_NOTE} ' if mape else ''}Ceiling: what perfect "
        "predictions would reach, estimated from the replicates."
    )
    return f"{markdown_table([*header, 'Ceiling'], rows)}\n\n{note}"


def long_figures(record: Mapping[str, Any]) -> str:
    """Markdown for the model card: every part and source, what counts first, full-length constructs and all lengths."""
    mape = _has_mape(record)
    header = ["Part", "Measurements", "Lengths", "Constructs", "Groups", "Pearson", "Spearman", "MSE", "MAE"]
    header += ["MAPE, %"] if mape else []
    header += ["GC, predicted", "GC, measured", "GC excess", "Ceiling", "Predicted, same constructs"]
    learned = record["settings"]["learn_from"]
    parts = sorted(
        record["evaluation"],
        key=lambda part: (part.removesuffix("_sampled") in learned, part.startswith("train"), part != "test"),
    )
    rows = [
        [
            words(part) + (" (learned)" if part.removesuffix("_sampled") in learned else ""),
            words(source),
            words(length),
            f"{summary['constructs']:,}",
            f"{summary['groups']:,}",
            _with_bounds(summary, "pearson"),
            _with_bounds(summary, "spearman"),
            *(with_decimals(summary[name][0], 2) for name in ("mse", "mae")),
            *([_mape(summary)] if mape else []),
            *(with_decimals(summary[name][0], 2) for name in ("gc_predicted", "gc_measured")),
            _with_bounds(summary, "gc_excess", 2),
            *(with_decimals(summary.get(name)) for name in ("noise_ceiling", "replicated_pearson")),
        ]
        for part in parts
        for source, length, summary in _summaries(record["evaluation"][part])
    ]
    groups = (
        "groups of constructs whose inserts share a 30-mer, as intervals of single constructs would be too narrow"
        if record["split"]["method"] == "grouped"
        else "single constructs"
    )
    if some_fewer_resamples({"parts": record["evaluation"]}):
        groups += f"; {RESAMPLES_OF_MANY} of more than {MANY_GROUPS:,}"
    note = (
        f"Weights with sha256 `{record['weights_sha256']}` before export. In brackets: 95 % bootstrap intervals "
        f"({record['bootstrap']['resamples']:,} resamples of {groups}), a dash where there are too few. MSE and MAE in "
        f"the unit of expression and its square. {f'{MAPE_NOTE} ' if mape else ''}"
        "GC: Pearson correlation of predicted and of measured expression with the GC content of the insert; "
        "excess: their difference. Ceiling: the correlation that perfect predictions would have with the mean of two "
        "replicates, beside the one that the predictions have on the same constructs."
    )
    return f"{markdown_table(header, rows, text_columns=3)}\n\n{note}"
