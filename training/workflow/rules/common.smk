from shlex import quote

from snakemake.settings.types import DeploymentMethod

# Without --sdm conda the steps run in the environment that Snakemake itself runs in.
PYTHON = (
    "python"
    if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
    else sys.executable
)
shell.executable("bash")
shell.prefix(f"set -euo pipefail; export PYTHONPATH='{ROOT}'; ")

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

# The steps read the configuration as it is with what --config changed in it. It is written when steps are about to run,
# under Snakemake's lock: a dry run or a report with other settings must not change what running steps read.
EFFECTIVE = LAYOUT.root / "config.json"


onstart:
    text = json.dumps(CONFIG, indent=2) + "\n"
    if not EFFECTIVE.exists() or EFFECTIVE.read_text() != text:
        EFFECTIVE.parent.mkdir(parents=True, exist_ok=True)
        partial = EFFECTIVE.with_name(f"config.{os.getpid()}.partial")
        partial.write_text(text)
        os.replace(partial, EFFECTIVE)


STEP = f"'{PYTHON}' -m training"


def log_of(name):
    return LAYOUT.root / "logs" / f"{name}.log"


def settings(*keys):
    """Text of some settings: as a parameter of a rule it makes the rule run again when they change."""
    value = CONFIG
    for key in keys:
        value = value[key]
    return json.dumps(value, sort_keys=True)


def evaluation_of(run):
    return LAYOUT.evaluation(run) / "evaluation.json"


wildcard_constraints:
    run="|".join(map(re.escape, CONFIG["runs"])),
    recipe="|".join(map(re.escape, CONFIG["synthetic"])) or "none",
