"""``python -m training start``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from training.config.first_configuration import as_text, configuration, look_at
from training.config.loading import complete_config
from training.data.assay import Assay
from training.data.assemble import assemble
from yeastpromoter.cli.files import InputFile
from yeastpromoter.io.whole_files import write_whole


@click.command()
@click.argument("table", type=InputFile())
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Configuration to write (.yaml).  [default: the name of TABLE, with .yaml, in this folder]",
)
def start(table: Path, output: Path | None) -> None:
    """Look at a TABLE of sequences and measurements, and write a first configuration for it.

    TABLE is separated by tabs, commas or semicolons, plain or gzip: a column of sequences, and one of values or a
    column of counts for each sorting bucket (count_0, count_1 and so on). What was seen and what will be done is said
    here and in the configuration, which is to be read and changed.

    \b
    Example:
      python -m training start my_table.csv
      snakemake --snakefile training/workflow/Snakefile --configfile my_table.yaml --cores 2
    """  # noqa: D301 - the backspace is for click: it keeps the lines of the example apart
    output = output or Path(f"{table.name.split('.')[0]}.yaml")
    if output.exists():
        raise ValueError(f"{output} exists already: name another file with --output, or remove it")
    found = look_at(table)
    config, said = configuration(found)
    for sentence in (*found.said, *said):
        click.echo(f"- {sentence}")
    # What the steps would refuse is refused now.
    complete = complete_config(config, str(output))
    with TemporaryDirectory() as folder:
        assemble(complete["data"], Path(folder, "constructs.h5"), Path(folder, "report.json"), None, Assay.of(complete))
    write_whole(output, as_text(config, found))
    click.echo(f"Written: {output}. Read it, then run:")
    click.echo(f"  snakemake --snakefile training/workflow/Snakefile --configfile {output} --cores 2")
