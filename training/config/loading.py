"""The configuration of a training: read, checked as a whole, and completed with the defaults.

``workflow/schemas/config.schema.yaml`` describes every key; what a JSON schema cannot say is checked here.
"""

import copy
import math
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import yaml

from training.data.assay import Assay
from training.fit.networks import KIRCHERLAB, LAYERS
from yeastpromoter.model.shipped import shipped_arguments
from yeastpromoter.sequence.reporter import Reporter

#: Why a run of another network cannot be exported.
NOT_EXPORTED = (
    f"the Kipoi entry runs the network {KIRCHERLAB}, not {{}}. Make the run a teacher of a run with this network, and "
    "export that one"
)
#: What `initial` of a run calls the weights of this entry.
SHIPPED = "shipped"
#: What results call all sources together.
ALL_SOURCES = "all_sources"
#: Sections that one configuration can take from another.
_DATA_SECTIONS = ("reporter", "data", "split", "buckets")
#: Settings of a GC correction that only the method sampling uses, beside the seed of its draw.
_SAMPLING_SETTINGS = ("weighting", "fraction", "cap", "replacement", "seed")

SCHEMA = Path(__file__).parents[1] / "workflow" / "schemas" / "config.schema.yaml"


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of a configuration."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def load_config(path: str | Path, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read a configuration file, check it and fill in the defaults.

    Parameters
    ----------
    path : str or Path
        YAML or JSON file.
    overrides : mapping, optional
        Settings that win over the file's, mappings key by key.

    Returns
    -------
    dict
        The configuration as `complete_config` returns it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not YAML in UTF-8, or the configuration is wrong; the message lists everything that is.
    """
    path = Path(path)
    config = _read(path)
    if overrides and isinstance(config, dict):
        config = _merge(config, overrides)
    if isinstance(config, dict) and isinstance(config.get("same_data_as"), str):
        other = _beside(path, config.pop("same_data_as"), "has the data of")
        theirs = _read(other)
        if not isinstance(theirs, dict) or "same_data_as" in theirs:
            raise ValueError(f"{path} has the data of {other}, but that configuration has none of its own")
        config = _merge({key: theirs[key] for key in _DATA_SECTIONS if key in theirs}, config)
    if isinstance(config, dict) and isinstance(config.get("gc_study"), str):
        config = config | {"gc_study": str(_beside(path, config["gc_study"], "has the GC study").resolve())}
    return complete_config(config, str(path))


def _beside(path: Path, name: str, has: str) -> Path:
    """Path of another configuration that one names."""
    other = path.parent / name
    if not other.is_file():
        raise ValueError(f"{path} {has} {other}, but that file is missing")
    return other


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not a YAML file: {error}") from None
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        raise ValueError(
            f"{path}, line {line}: the byte 0x{error.object[error.start]:02x} is not UTF-8, but a configuration "
            "must be: save the file in UTF-8"
        ) from None


def complete_config(config: Any, name: str = "the configuration") -> dict[str, Any]:
    """Check a configuration and fill in the defaults.

    Parameters
    ----------
    config : object
        What was read from a file. It is not changed.
    name : str, optional
        What messages call it.

    Returns
    -------
    dict
        A copy in which every key of the schema is present, each run has the settings of ``run_defaults`` that it
        does not override, and each source has a label. Completing a complete configuration changes nothing.

    Raises
    ------
    ValueError
        If the configuration is wrong; the message lists every mistake with the path of its key.
    """
    mistakes = [*_keys_of_no_text(config)]
    mistakes = mistakes or [*_not_finite(config), *(_describe(error) for error in _errors(config, schema()))]
    if not mistakes:
        config = copy.deepcopy(config)
        shared = config.pop("run_defaults", {})
        config["runs"] = {run: _with_shared(settings, shared) for run, settings in config["runs"].items()}
        _fill(config, schema())
        config["run_defaults"] = {}
        for source in config["data"]["sources"]:
            source["label"] = source["label"] or source["name"]
        config["data"]["folder"] = os.path.expanduser(config["data"]["folder"])
        for key in ("results", "records"):
            config[key] = os.path.expanduser(config[key])
        mistakes = list(_inconsistencies(config))
    if mistakes:
        raise ValueError("\n  - ".join([f"{name} is not a valid configuration:", *mistakes]))
    return config


def files_of(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every file of the data folder that a complete configuration names, once, with its url, sha256 and origin."""
    wanted = data_files_of(config["data"])
    wanted += [part["genome"] for recipe in config["synthetic"].values() for part in recipe["parts"]]
    wanted += [run["gc_sampling"]["genome"] for run in config["runs"].values()]
    files = {}
    for entry in wanted:
        if entry is not None:
            files.setdefault(entry["file"], {key: entry[key] for key in ("file", "url", "sha256", "origin")})
    return list(files.values())


def data_files_of(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What names a file in the data section of a complete configuration: sources, their tables, held-out files."""
    sources = []
    for source in data["sources"]:
        sources += [source, *(source["mpra"]["tables"] if source.get("mpra") else [])]
    return [*sources, *data["held_out"]]


def studies_gc_correction(config: Mapping[str, Any]) -> bool:
    """Whether the runs of a complete configuration differ in the GC correction and in the seeds, and in nothing else.

    Their mean effects of single-base changes have to be measured, too: then they are a study of GC correction.
    """
    runs = list(config["runs"].values())
    same = [{key: value for key, value in run.items() if key not in ("seed", "gc_sampling")} for run in runs]
    corrections = [{key: value for key, value in run["gc_sampling"].items() if key != "seed"} for run in runs]
    differ = any(correction != corrections[0] for correction in corrections)
    return config.get("base_changes") is not None and differ and all(settings == same[0] for settings in same)


def default_settings() -> dict[str, Any]:
    """The settings of a run that sets nothing."""
    run: dict[str, Any] = {}
    _fill(run, schema()["$defs"]["run"])
    return run


def network_settings(config: Mapping[str, Any], run: str) -> dict[str, Any]:
    """What the network of a run depends on, as `yeastpromoter.model.network.build_network` takes it."""
    settings = config["runs"][run]
    own = {name: settings[name] for name in ("network", "first_activation", "dropout_scale") if name in settings}
    return own | Assay.of(config).network


def synthetic_use(run: Mapping[str, Any]) -> int | None:
    """How many synthetic constructs the phases of a run with teachers use; None for all of its recipe."""
    uses = [phase["use"] for phase in run["phases"] if phase["constructs"] != "measured"]
    return None if None in uses else max(uses)


class _Loader(yaml.SafeLoader):
    """YAML without two of its traps: 1e-3 is a number, and a key given twice is an error."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _is_whole(_: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


#: JSON Schema takes 1.0 for a whole number, but NumPy and Keras do not.
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)


def _errors(config: Any, rules: Mapping[str, Any]) -> Iterator[jsonschema.ValidationError]:
    """All mistakes, down to the ones that matter within a choice of null or something else."""
    pending = list(_Validator(rules).iter_errors(config))
    while pending:
        error = pending.pop(0)
        # A choice of schemas here always is: null, or this. What is not null is meant to be the other.
        inner = [cause for cause in error.context or () if not _wants_null(cause)]
        if error.validator == "anyOf" and isinstance(error.instance, dict) and inner:
            pending[:0] = inner
        else:
            yield error


def _not_finite(value: Any, *place: Any) -> Iterator[str]:
    """Numbers that are none: YAML's .nan and .inf, and what is too large, which a schema takes for numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{_path(place)} is {value} but must be a finite number"
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_finite(inner, *place, key)


def _keys_of_no_text(value: Any, *place: Any) -> Iterator[str]:
    """Keys that YAML reads as numbers, dates or truth values, which no key of a configuration is."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                yield f"{_path(place)} has the key {key!r}, but keys are text: put a name into quotation marks"
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _keys_of_no_text(inner, *place, key)


def _wants_null(error: jsonschema.ValidationError) -> bool:
    return error.validator == "type" and error.validator_value == "null"


def _path(parts) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the top level"


def _describe(error: jsonschema.ValidationError) -> str:
    place, found = _path(error.absolute_path), error.instance
    if "propertyNames" in error.absolute_schema_path:
        place = f"a name under {place}"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        extra = ", ".join(sorted(str(key) for key in found if key not in known))
        return f"{place} has the unknown key {extra}; known are {', '.join(known)}"
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in found]
        if len(missing) > 1:
            return f"{place} lacks {error.message.split(' is a required')[0]}"
        return f"{place} lacks the key {missing[0]}"
    wanted = {
        "type": lambda value: "of type " + " or ".join([value] if isinstance(value, str) else value),
        "enum": lambda value: "one of " + ", ".join(map(str, value)),
        "pattern": lambda value: f"text like {value}",
        "minimum": lambda value: f"at least {value}",
        "maximum": lambda value: f"at most {value}",
        "exclusiveMinimum": lambda value: f"more than {value}",
        "exclusiveMaximum": lambda value: f"less than {value}",
        "minItems": lambda value: f"a list of at least {value}",
        "maxItems": lambda value: f"a list of at most {value}",
        "minProperties": lambda value: f"a mapping with at least {value} key",
        "uniqueItems": lambda value: "a list in which nothing is there twice",
        "anyOf": lambda value: "null or a mapping",
        "oneOf": lambda value: f"a list of no or {value[-1]['maxItems']} columns",
    }.get(error.validator)
    if wanted is None:
        return f"{place}: {error.message}"
    text = f"{place} is {found!r} but must be {wanted(error.validator_value)}"
    description = error.schema.get("description")
    return f"{text} ({description.strip().rstrip('.')})" if description else text


def _merge(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Some settings over the shared ones, mappings key by key."""
    merged = copy.deepcopy(dict(shared))
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def _with_shared(own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A run's own settings over the shared ones, less the shared ones that its method of GC correction does not use."""
    run = _merge(shared, own)
    if "gc_sampling" in run:
        sampling = run["gc_sampling"]
        unused = set(_without_effect(sampling)) - set(own.get("gc_sampling", {}))
        run["gc_sampling"] = {key: value for key, value in sampling.items() if key not in unused}
    return run


def _without_effect(sampling: Mapping[str, Any]) -> dict[str, str]:
    """Which settings of a GC correction do nothing beside its method and target, and why."""
    method, target = sampling.get("method", "none"), sampling.get("target", "all")
    found = {}
    if method != "sampling":
        found = dict.fromkeys(_SAMPLING_SETTINGS, f"is for the method sampling, but the method is {method}")
    if method == "none":
        found["target"] = f"is {target}, but the method is none, which neither draws nor weights"
    if method == "none" or target != "genome":
        what = "the method is none" if method == "none" else f"the target is {target}"
        found["genome"] = f"is for the target genome, but {what}"
    return found


def _fill(value: Any, rules: Mapping[str, Any]) -> None:
    """Put the schema's defaults into a valid value, in place."""
    while "$ref" in rules:
        name = rules["$ref"].removeprefix("#/$defs/")
        rules = schema()["$defs"][name]
    if value is not None and "anyOf" in rules:
        rules = rules["anyOf"][-1]
    if isinstance(value, dict):
        for key, inner in rules.get("properties", {}).items():
            if key not in value and "default" in inner:
                value[key] = copy.deepcopy(inner["default"])
        for key, entry in value.items():
            inner = rules.get("properties", {}).get(key, rules.get("additionalProperties"))
            if isinstance(inner, dict) and key != "run_defaults":
                _fill(entry, inner)
    elif isinstance(value, list) and "items" in rules:
        for entry in value:
            _fill(entry, rules["items"])


def _inconsistencies(config: Mapping[str, Any]) -> Iterator[str]:
    """What a schema cannot say, for a complete configuration."""
    try:
        assay = Assay.of(config)
    except ValueError as error:
        yield str(error)
        return
    reporter = assay.reporter
    if config["data"]["other_lengths"] == "fit" and not reporter.has_flanks:
        yield f"data.other_lengths is fit, but the reporter {reporter.name} has no flanks to fill constructs from"
    total = sum(config["split"]["fractions"].values())
    if abs(total - 1) > 1e-9:
        yield f"split.fractions sum to {total:g} but must sum to 1"

    sources = config["data"]["sources"]
    names = [source["name"] for source in sources]
    for number, source in enumerate(sources):
        if source["label"] == ALL_SOURCES:
            yield f"data.sources[{number}] is called {ALL_SOURCES!r}, which is what results call all of them together"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"data.sources has {names.count(name)} sources named {name!r}, but each needs a name of its own"
    for number, source in enumerate(sources):
        counts, expression = source["columns"]["counts"], source["columns"]["expression"]
        name, mpra = source["columns"]["name"], source["mpra"]
        if bool(counts) == (expression is not None) and not mpra:
            found = "both" if counts else "neither"
            yield f"data.sources[{number}].columns has {found} of expression and counts, but one of them is needed"
        yield from _reads_inconsistencies(f"data.sources[{number}].reads", source["reads"], counts)
        yield from _mpra_inconsistencies(f"data.sources[{number}]", source)
        if counts and len(counts) != assay.buckets:
            yield (
                f"data.sources[{number}].columns.counts has {len(counts)} columns, but there are {assay.buckets} "
                f"buckets "
                "(buckets.values)"
            )
        yield from _part_inconsistencies(f"data.sources[{number}]", source)
        if source["majority"] and not counts:
            yield f"data.sources[{number}].majority is for columns.counts, but there are none"
        if counts and source["calibration"] != {"slope": 1, "intercept": 0}:
            yield f"data.sources[{number}].calibration is for measured values, but columns.counts are of the buckets"
        for key in ("counts", "replicates"):
            several = source["columns"][key]
            for column in dict.fromkeys(column for column in several if several.count(column) > 1):
                yield f"data.sources[{number}].columns.{key} has {column!r} more than once, but its columns must differ"
        columns = {"columns.sequence": source["columns"]["sequence"]}
        columns |= {"columns.expression": expression} if expression is not None else {}
        columns |= {
            f"columns.{key}": source["columns"][key] for key in ("name", "split") if source["columns"][key] is not None
        }
        columns |= {f"columns.counts[{i}]": column for i, column in enumerate(counts)}
        columns |= {f"columns.replicates[{i}]": column for i, column in enumerate(source["columns"]["replicates"])}
        if source["select"]:
            columns["select.column"] = source["select"]["column"]
        kind, word = (str, "name") if source["header"] else (int, "number")
        for key, column in columns.items():
            if not isinstance(column, kind):
                yield (
                    f"data.sources[{number}].{key} is {column!r} but must be a column's {word}, since header is "
                    f"{str(source['header']).lower()}"
                )
    for entry in _all_entries(config):
        path = PurePosixPath(entry["file"])
        if entry["url"] is not None and (path.is_absolute() or ".." in path.parts or not path.name):
            yield (
                f"the file {entry['file']!r} has a url, but would not be put into data.folder: name it by a path "
                "within that folder, without '..'"
            )
    hashes: dict[str, str | None] = {}
    for entry in _all_entries(config):
        if hashes.setdefault(entry["file"], entry["sha256"]) != entry["sha256"]:
            yield f"the file {entry['file']} is there with two values of sha256, but one file has one hash"

    for name, recipe in config["synthetic"].items():
        for number, part in enumerate(recipe["parts"]):
            if part["kind"] == "genome" and part["genome"] is None:
                yield f"synthetic.{name}.parts[{number}] is of kind genome but has no genome"

    for name, run in config["runs"].items():
        yield from _run_inconsistencies(f"runs.{name}", name, run, config, assay)
    yield from _cycles(config["runs"])
    exported = config["runs"].get(config["export"]["run"]) if config["export"] else None
    if exported and exported["network"] != KIRCHERLAB:
        yield f"export.run is {config['export']['run']!r}, but {NOT_EXPORTED.format(exported['network'])}"
    if config["export"] and config["export"]["run"] not in config["runs"]:
        yield f"export.run is {config['export']['run']!r} but must be one of {', '.join(config['runs'])}"


def _reads_inconsistencies(place: str, reads: Mapping[str, Any] | None, counts: list[Any]) -> Iterator[str]:
    if reads is None:
        return
    if not counts:
        yield f"{place} is for columns.counts, but there are none"
    elif len(reads["sorted_cells"]) != len(counts):
        yield (
            f"{place}.sorted_cells has {len(reads['sorted_cells'])} numbers, but columns.counts has {len(counts)} "
            "columns: it needs one for each"
        )


def _mpra_inconsistencies(place: str, source: Mapping[str, Any]) -> Iterator[str]:
    mpra = source["mpra"]
    if mpra is None:
        if source["columns"]["name"] is not None:
            yield f"{place}.columns.name is for an mpra, but there is none"
        return
    for key in ("expression", "counts", "replicates"):
        if source["columns"][key] not in (None, []):
            yield f"{place}.columns has {key}, but with mpra the values are in its tables"
    if source["calibration"] != {"slope": 1, "intercept": 0}:
        yield f"{place}.calibration is for measured values, but an mpra has its mpra.scale"
    if mpra["level"] == "barcode" and not mpra["normalised"]:
        yield f"{place}.mpra.normalised is for the level oligo: at the level barcode counts never are"
    scale = mpra["scale"]
    for key in ("from", "quantiles", "to"):
        if scale[key] is not None and not scale[key][0] < scale[key][1]:
            yield f"{place}.mpra.scale.{key} is {scale[key]}, but its first number must be the smaller one"


def _all_entries(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from data_files_of(config["data"])
    for recipe in config["synthetic"].values():
        yield from (part["genome"] for part in recipe["parts"] if part["genome"])
    for run in config["runs"].values():
        if run["gc_sampling"]["genome"]:
            yield run["gc_sampling"]["genome"]


def gc_correction_in_effect(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a GC correction (`gc_sampling` of a run) without those that its method does not use."""
    unused = () if settings["method"] == "sampling" else _SAMPLING_SETTINGS
    return {name: value for name, value in settings.items() if name not in unused}


def _part_inconsistencies(place: str, source: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with how a source gives parts."""
    if source["part"] is not None and source["columns"]["split"] is not None:
        yield f"{place} has part and columns.split, but one of them gives the part of a row"
    rules = schema()["$defs"]["source"]["properties"]["split_values"]["properties"]
    own = any(values != rules[part]["default"] for part, values in source["split_values"].items())
    if own and source["columns"]["split"] is None:
        yield f"{place}.split_values is for columns.split, but there is none"
    words = [word.casefold().strip() for values in source["split_values"].values() for word in values]
    for word in sorted({word for word in words if words.count(word) > 1}):
        yield f"{place}.split_values has {word!r} more than once, but a word stands for one part"


def _run_inconsistencies(
    place: str, name: str, run: Mapping[str, Any], config: Mapping[str, Any], assay: Assay
) -> Iterator[str]:
    sampling = run["gc_sampling"]
    if sampling["target"] == "genome" and sampling["genome"] is None:
        yield f"{place}.gc_sampling.target is genome but there is no {place}.gc_sampling.genome"
    if sampling["method"] == "sampling" and sampling["fraction"] > 1 and not sampling["replacement"]:
        yield f"{place}.gc_sampling.fraction is {sampling['fraction']:g}, but over 1 needs replacement: true"
    defaults = schema()["$defs"]["gc_sampling"]["properties"]
    for key, why in _without_effect(sampling).items():
        if sampling[key] != defaults[key]["default"]:
            yield f"{place}.gc_sampling.{key} {why}"
    for teacher in run["teachers"]:
        if teacher == name:
            yield f"{place}.teachers holds the run itself"
        elif teacher not in config["runs"]:
            yield f"{place}.teachers holds {teacher!r}, but the runs are {', '.join(config['runs'])}"
    if run["synthetic"] is not None and run["synthetic"] not in config["synthetic"]:
        known = ", ".join(config["synthetic"]) or "none"
        yield f"{place}.synthetic is {run['synthetic']!r}, but the recipes under synthetic are: {known}"
    if bool(run["teachers"]) != (run["synthetic"] is not None):
        yield f"{place} has only one of teachers and synthetic, but needs both or neither"
    uses = any(phase["constructs"] != "measured" for phase in run["phases"])
    if uses and not (run["teachers"] and run["synthetic"]):
        yield f"{place}.phases has a phase on synthetic constructs, so the run needs teachers and synthetic"
    if (aside := run["set_aside"]) is not None:
        if uses:
            yield f"{place}.set_aside is for runs without synthetic constructs, which are made of all training ones"
        if aside["use"] is not None and aside["learn_from"] == "others":
            yield f"{place}.set_aside.use is for learn_from: set_aside, but the run learns from the others"
        if (aside["use"] or 0) > aside["constructs"]:
            yield f"{place}.set_aside.use is {aside['use']}, but only {aside['constructs']} are set aside"
    if aside is not None and run["initial"] in config["runs"] and run["initial"] != name:
        theirs = config["runs"][run["initial"]]["set_aside"]
        if theirs is None or any(theirs[key] != aside[key] for key in ("constructs", "seed")):
            yield (
                f"{place}.initial is {run['initial']!r}, which learned from constructs that {place}.set_aside sets "
                "aside: its set_aside must have the same constructs and seed"
            )
    if run["initial"] == SHIPPED:
        shipped = shipped_arguments()
        theirs = shipped["first_activation"]
        size = Assay(Reporter.of(shipped.get("reporter")), tuple(shipped["bucket_values"])).network
        if SHIPPED in config["runs"]:
            yield f"runs has a run {SHIPPED!r}, but this is what {place}.initial calls the weights of this entry"
        elif size != assay.network:
            yield (
                f"{place}.initial is {SHIPPED}, a network for constructs of {size['length']} bp and {size['buckets']} "
                f"buckets, but here constructs have {assay.network['length']} bp and there are {assay.buckets} buckets"
            )
        elif run["network"] != KIRCHERLAB:
            yield f"{place}.initial is {SHIPPED}, a network {KIRCHERLAB}, but its own is {run['network']}"
        elif theirs != run["first_activation"]:
            yield f"{place}.initial starts from a network with {theirs}, but its first_activation differs"
    elif run["initial"] == name:
        yield f"{place}.initial is the run itself"
    elif run["initial"] is not None and run["initial"] not in config["runs"]:
        yield f"{place}.initial is {run['initial']!r}, but the runs are {', '.join(config['runs'])}"
    elif run["initial"] is not None:
        theirs = config["runs"][run["initial"]]["first_activation"]
        network = config["runs"][run["initial"]]["network"]
        if network != run["network"]:
            yield f"{place}.initial starts from a network {network}, but its own is {run['network']}"
        elif theirs != run["first_activation"]:
            yield f"{place}.initial starts from a network with {theirs}, but its first_activation differs"
    if run["teachers"] and not uses:
        yield f"{place} has teachers, but none of its phases is on synthetic constructs"
    if run["network"] != KIRCHERLAB and run["first_activation"] != "relu":
        yield f"{place}.first_activation is for the network {KIRCHERLAB}, but the network is {run['network']}"
    reporter = assay.reporter
    for number, phase in enumerate(run["phases"]):
        where = f"{place}.phases[{number}]"
        if phase["batch_size"] % run["devices"]:
            yield f"{where}.batch_size is {phase['batch_size']}, but must be a multiple of devices, {run['devices']}"
        if phase["use"] is not None and phase["constructs"] == "measured":
            yield f"{where}.use is for synthetic constructs, but the phase is on measured ones"
        elif phase["use"] is not None and run["synthetic"] in config["synthetic"]:
            made = sum(part["count"] for part in config["synthetic"][run["synthetic"]]["parts"])
            if phase["use"] > made:
                yield f"{where}.use is {phase['use']}, but the recipe {run['synthetic']} makes {made} constructs"
        for key in ("patience", "average_last"):
            if phase[key] and run["learn_from"] != ["train"]:
                yield f"{where}.{key} chooses by the validation part, but the run learns from it: {key} must be null"
        layers = LAYERS[run["network"]]
        for layer in phase["frozen"]:
            if layer not in layers:
                yield f"{where}.frozen has {layer!r}, but the network {run['network']} has {', '.join(layers)}"
        if set(phase["frozen"]) >= set(layers):
            yield f"{where}.frozen has all layers: nothing would be learned"
        flank = min(len(reporter.left_flank), len(reporter.right_flank))
        if phase["shift"] and phase["shift"]["max_bp"] > flank:
            yield (
                f"{where}.shift.max_bp is {phase['shift']['max_bp']}, but the flanks of the reporter {reporter.name} "
                f"have "
                f"{flank} bp"
            )
        if phase["shift"] and phase["constructs"] == "synthetic":
            yield f"{where}.shift is for measured constructs, but the phase is on synthetic ones"
        if phase["average_last"] and phase["patience"]:
            yield f"{where}.average_last is for phases that train all their epochs: it needs patience: null"
        if (phase["average_last"] or 0) > phase["epochs"]:
            yield f"{where}.average_last is {phase['average_last']}, but the phase has {phase['epochs']} epochs"
        if phase["weight_decay"] and phase["optimizer"] != "adamw":
            yield f"{where}.weight_decay is for adamw, but the optimizer is {phase['optimizer']}"
        if phase["warmup"] and phase["schedule"] != "cosine":
            yield f"{where}.warmup is for the cosine schedule, but the schedule is {phase['schedule']}"


def _cycles(runs: Mapping[str, Any]) -> Iterator[str]:
    finished: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> Iterator[str]:
        if name in above:
            yield f"runs wait for each other in a circle: {' <- '.join([*above[above.index(name) :], name])}"
        elif name not in finished:
            for needed in dict.fromkeys([*runs[name]["teachers"], runs[name]["initial"]]):
                if needed in runs and needed != name:
                    yield from visit(needed, (*above, name))
            finished.add(name)

    for name in runs:
        yield from visit(name, ())
