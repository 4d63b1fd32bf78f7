"""What the commands of the training have in common: their configuration, and the paths that they take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from training.cli.backend import use_backend
from training.config.loading import load_config
from training.paths import Layout
from training.run import Run
from yeastpromoter.cli.files import JSON, InputFile

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class Settings:
    """A configuration, with the folders of the command line put in.

    Parameters
    ----------
    config : Path
        The configuration, YAML or JSON.
    data_folder, results : Path or None
        Folders in place of those of the configuration.

    Attributes
    ----------
    config : dict
        The complete configuration.
    layout : Layout
        Where its results lie.
    """

    def __init__(self, config: Path, data_folder: Path | None, results: Path | None):
        self.config = load_config(config)
        use_backend(self.config["backend"])
        if data_folder is not None:
            self.config["data"]["folder"] = str(data_folder)
        if results is not None:
            self.config["results"] = str(results)
        self.layout = Layout.of(self.config)

    def run(self, name: str) -> Run:
        """Return a run of the configuration; a `ValueError` says if there is none of that name."""
        return Run(self.config, name, self.layout)

    def recipe(self, name: str) -> dict[str, Any]:
        """Return the recipe of synthetic constructs of a name; a `ValueError` says if there is none."""
        recipes = self.config["synthetic"]
        if name not in recipes:
            raise ValueError(f"the configuration has no recipe {name!r}; it has {', '.join(recipes) or 'none'}")
        return recipes[name]


def settings_options(command):
    """Options that name the configuration, passed on as one argument ``settings``."""

    def wrapped(config, data_folder, results, **options):
        return command(Settings(config, data_folder, results), **options)

    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__click_params__ = getattr(command, "__click_params__", [])
    for option in (
        click.option("--results", type=FOLDER, help="Results folder instead of the configuration's."),
        click.option(
            "--data-folder",
            type=FOLDER,
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


def path_option(name: str, default: str, kind: click.Path | None = None):
    """Return the option of a file, or a folder, that has a default among the results."""
    return click.option(f"--{name}", type=kind or InputFile(), help=f"Default: {default} in the results.")


def study_command(name: str, step: Callable[..., list[str]], describe: str) -> click.Command:
    """Make the command of a study of recorded runs, which writes a table and a figure.

    Parameters
    ----------
    name : str
        Name of the command; the files have it with underscores, the block of a document as it is.
    step : callable
        What writes them, from configuration, folder of the records, output and document; returns the runs without a
        record.
    describe : str
        What the command says of itself.
    """
    files = "{0}.md, {0}.png".format(name.replace("-", "_"))

    @click.command(name, help=describe)
    @settings_options
    @click.option("--records", type=FOLDER, help="Folder with the records of the runs. Default: the configuration's.")
    @click.option("--output", type=FOLDER, help=f"Folder for {files}. Default: that of the records.")
    @click.option("--document", type=FILE, help=f"File whose block {name} is rewritten with the table, too.")
    def command(settings: Settings, records: Path | None, output: Path | None, document: Path | None) -> None:
        records = records or settings.layout.records
        missing = step(settings.config, records, output or records, document)
        click.echo(f"{output or records}: {files}")
        if missing:
            click.echo(f"without a record yet: {', '.join(missing)}", err=True)

    return command


run_option = click.option("--run", "run_name", required=True, help="Name of the run.")
table_option = path_option("table", "data/constructs.h5")
buckets_option = path_option("buckets", "data/buckets.h5")
split_option = path_option("split", "data/split.h5")
report_option = click.option("--report", type=JSON, help="Default: beside the output, as .json.")
