from shlex import quote

from snakemake.settings.types import DeploymentMethod

# Without --sdm conda the steps run in the environment that Snakemake itself runs in.
PYTHON = (
    "python"
    if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
    else sys.executable
)
shell.executable("bash")
shell.prefix("set -euo pipefail; unset PYTHONPATH; ")

if len(workflow.config_settings.configfiles) != 1:
    raise WorkflowError(
        "give one configuration with --configfile, for example training/config/public.yaml"
    )
try:
    CONFIG = load_config(
        workflow.config_settings.configfiles[0], workflow.config_settings.config
    )
except ValueError as error:
    raise WorkflowError(str(error)) from None
LAYOUT = Layout.of(CONFIG)
for key in ("results", "records"):
    if set("{}") & set(CONFIG[key]):
        raise WorkflowError(
            f"{key} is {CONFIG[key]!r}, but Snakemake takes what is between braces for a wildcard: name another folder"
        )

# The steps read the configuration as it is with what --config changed in it. It is written when steps are about to run,
# under Snakemake's lock: a dry run or a report with other settings must not change what running steps read.
EFFECTIVE = LAYOUT.root / "config.json"


# The report of the data files is never of other ones than those that the steps are about to read, either.
onstart:
    note_replaced(CONFIG["data"]["folder"], LAYOUT.files)
    text = json.dumps(CONFIG, indent=2) + "\n"
    if not EFFECTIVE.exists() or EFFECTIVE.read_text() != text:
        EFFECTIVE.parent.mkdir(parents=True, exist_ok=True)
        partial = EFFECTIVE.with_name(f"config.{os.getpid()}.partial")
        partial.write_text(text)
        os.replace(partial, EFFECTIVE)


# Warnings of a step go to the terminal, beside its log, by descriptor 3.
STEP = f"{quote(PYTHON)} -P {quote(str(ROOT / 'training' / 'workflow' / 'step.py'))}"


def environment(name):
    """File of a conda environment; braces in a path, which Snakemake formats, are doubled."""
    return re.sub("[{}]", r"\g<0>\g<0>", str(ROOT / "training" / "workflow" / "envs" / f"{name}.yaml"))


def log_of(name):
    return LAYOUT.root / "logs" / f"{name}.log"


def settings(*keys):
    """Text of some settings: as a parameter of a rule it makes the rule run again when they change."""
    value = CONFIG
    for key in keys:
        value = value[key]
    return json.dumps(value, sort_keys=True)


def content(*entries):
    """The hashes of data files: as a parameter of a rule they make it run again when a file is another one.

    Times would not do: a file that is moved to its place, or copied with its times, can be older than the results.
    """
    try:
        return json.dumps(hashes_now(CONFIG["data"]["folder"], entries, LAYOUT.files))
    except (ValueError, OSError) as error:
        raise WorkflowError(str(error)) from None


def genomes_of(recipe):
    return [part["genome"] for part in CONFIG["synthetic"][recipe]["parts"] if part["genome"]]


def evaluation_of(run):
    return LAYOUT.evaluation(run) / "evaluation.json"


wildcard_constraints:
    run="|".join(map(re.escape, CONFIG["runs"])),
    recipe="|".join(map(re.escape, CONFIG["synthetic"])) or "none",
