"""``yeastpromoter explain``: a page of each promoter, for people without a terminal."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

import yeastpromoter
from yeastpromoter.cli.files import InputFile
from yeastpromoter.cli.options import entry_folder, entry_option, interval_option, threads_option
from yeastpromoter.cli.sequence_input import open_promoters, reading_options
from yeastpromoter.extras import require
from yeastpromoter.interpret.saturation import BATCH_SIZE
from yeastpromoter.io.whole_files import same_file, write_whole
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.pages.promoter import explain as explain_promoters
from yeastpromoter.pages.promoter import page_of
from yeastpromoter.plots.style import file_name

_PAGE = (".html", ".htm")


@click.command()
@click.argument("promoters", type=InputFile())
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Page to write (.html) for a single promoter, or the folder for a page of each.",
)
@reading_options(None)
@interval_option("Level of the prediction intervals.  [default: 90]")
@entry_option
@threads_option
def explain(promoters: Path, output: Path, interval: int | None, threads: int | None, **reading) -> None:
    """Write a page about each promoter in the file PROMOTERS: its prediction, and what every base of it does.

    PROMOTERS is FASTA, a table or one sequence per line, plain, gzip or bgzip: inserts (80 bp) or constructs (110 bp),
    as the first one is unless --sequence-type says otherwise.

    \b
    Examples:
      yeastpromoter explain promoter.fa -o page.html
      yeastpromoter explain promoters.fa -o pages

    A page is one HTML file that needs no other file and no network. It shows the prediction with its interval and flag
    on the scale of measured promoters; a logo; a heat map of all substitutions, with the value of each field when it is
    pointed at, touched, or reached by the arrow keys; known binding sites; and the best single changes up and down.
    """  # noqa: D301 - the backspace is for click: it keeps the lines of the examples apart
    require("figures")
    is_page = output.suffix.lower() in _PAGE
    if is_page and output.is_dir():
        raise click.UsageError(f"{output} is a folder, but its name is that of a page")
    if not is_page and output.is_file():
        raise click.UsageError(f"{output} is a file: the name of a page must end in .html, and a folder is for many")
    if not is_page and output.suffix and not output.is_dir():
        raise click.UsageError(f"{output}: the name of a page must end in .html, and that of a folder in no ending")
    if str(output) == "-":
        raise click.UsageError("pages are written to files: give a name that ends in .html, or a folder")
    file = open_promoters(promoters, **reading)
    if is_page and len(file) != 1:
        raise ValueError(
            f"{promoters}: has {len(file):,} sequences, but {output} is a page of one: give a folder, such as -o pages"
        )
    trained = load_trained_network(entry_folder(), threads=threads)
    level = interval or (90 if trained.calibration else None)
    if level is not None:
        trained.need_calibration(level)
    if not is_page:
        output.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(file), unit=" pages", disable=None) as bar:
        for first in range(0, len(file), BATCH_SIZE):
            batch = file.read(np.arange(first, min(first + BATCH_SIZE, len(file))))
            explained = explain_promoters(trained, batch.ids.tolist(), batch.constructs, level)
            for record, promoter in zip(batch.records.tolist(), explained, strict=True):
                path = output if is_page else output / file_name(record, promoter.name, "html")
                if same_file(path, promoters):
                    raise ValueError(f"{path} is the file of PROMOTERS, too: it would be overwritten")
                write_whole(path, page_of(promoter, trained, yeastpromoter.__version__))
                bar.update()
    click.echo(
        f"{len(file):,} page{'s' * (len(file) != 1)} in {output}" if not is_page else f"Written: {output}", err=True
    )
