"""``yeastpromoter shards``: the steps of the workflow that predicts many files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from yeastpromoter.cli.files import FOLDER, TABLE
from yeastpromoter.cli.options import entry_folder, entry_option
from yeastpromoter.genomewide.shards import MANIFEST, check_predictions, check_source, join, read_manifest, split
from yeastpromoter.model.shipped import shipped_reporter

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def shards() -> None:
    """Cut a sequence file into shards, check their predictions, and join them.

    These are the steps of the workflow in many_files/, which runs them for you. A shard is a file with some of the
    records of another one. The joined predictions are those of one `kipoi predict` on the whole file.

    Between `split` and `join` each shard is predicted with the arguments and the batch size that the file was split
    with, and with the first_record that shards.json has for it, so that its records keep their numbers.

    \b
    Example:
      kipoi predict . --source dir --keep_metadata --batch_size 1024 -o predictions/00001.tsv --dataloader_args \\
          '{"sequence_file": "shards/00001.txt", "first_record": 102400, "sequence_type": "insert"}'
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace


@shards.command("split")
@click.argument("sequence_file", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=FOLDER, help="Folder to make.")
@click.option(
    "--arguments",
    default="{}",
    show_default=True,
    help="How the file is read: arguments of the dataloader other than sequence_file, as JSON.",
)
@click.option("--batch-size", type=int, default=1024, show_default=True, help="Sequences that are predicted at once.")
@click.option(
    "--shard-size",
    type=int,
    default=102_400,
    show_default=True,
    help="Sequences of a shard, a multiple of the batch size.",
)
@entry_option
def split_command(sequence_file: Path, output: Path, arguments: str, batch_size: int, shard_size: int) -> None:
    """Cut SEQUENCE_FILE into shards: OUTPUT/NAME.txt for shard NAME, and OUTPUT/shards.json, which lists them.

    \b
    Example:
      yeastpromoter shards split inserts.csv.gz -o shards \\
          --arguments '{"sequence_column": "seq", "id_column": "name", "sequence_type": "insert"}'
    """  # noqa: D301 - click's mark for lines that stay as they are is a backspace
    try:
        read = json.loads(arguments)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"is not JSON ({error})", param_hint="--arguments") from None
    known = ("sequence_column", "id_column", "header", "sequence_type", "other_lengths", "check_adapters")
    unknown = [str(key) for key in read if key not in known] if isinstance(read, dict) else [arguments]
    if unknown:
        raise click.BadParameter(
            f"must be a JSON object with {', '.join(known)} but has {', '.join(unknown)}", param_hint="--arguments"
        )
    manifest = split(sequence_file, read, shard_size, batch_size, output, shipped_reporter(entry_folder()))
    for note in manifest["notes"]:
        click.echo(f"Note: {note}", err=True)
    click.echo(f"{manifest['rows']:,} sequences in {len(manifest['shards']):,} shards: {output / MANIFEST}", err=True)


@shards.command("check")
@click.argument("folder", type=_FOLDER)
@click.argument("name")
@click.argument("predictions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_command(folder: Path, name: str, predictions: Path) -> None:
    """Check that the table PREDICTIONS holds every row of shard NAME, once and in order, with finite numbers.

    FOLDER is the one that `split` made.

    \b
    Example:
      yeastpromoter shards check shards 00000 predictions/00000.tsv
    """  # noqa: D301
    found = {shard.name: shard for shard in read_manifest(folder)[1]}
    if name not in found:
        raise ValueError(f"{folder / MANIFEST} has no shard {name!r}")
    check_predictions(predictions, found[name])


@shards.command("join")
@click.argument("folder", type=_FOLDER)
@click.argument("predictions", type=_FOLDER)
@click.option("-o", "--output", required=True, type=TABLE, help="Table to write (.tsv, or .tsv.gz).")
def join_command(folder: Path, predictions: Path, output: Path) -> None:
    """Join the predictions of the shards, in the order of the input.

    FOLDER is the one that `split` made, and PREDICTIONS a folder with the table of each shard, NAME.tsv for shard NAME.
    Nothing is written unless every row of every shard is there, once and in order, with finite numbers, and the file
    is still the one that was split. A table that is not whole is renamed to damaged.NAME.tsv.

    \b
    Example:
      yeastpromoter shards join shards predictions -o predictions.tsv
    """  # noqa: D301
    manifest, found = read_manifest(folder)
    if Path(manifest["source"]).exists():
        check_source(manifest)
    else:
        click.echo(f"Note: {manifest['source']} is gone, so that no change of it since the split is seen", err=True)
    rows = join(found, [predictions / f"{shard.name}.tsv" for shard in found], output)
    click.echo(f"{rows:,} rows of {manifest['records']:,} records: {output}", err=True)
