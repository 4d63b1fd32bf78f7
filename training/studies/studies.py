"""What the studies of recorded runs share: a statistic of a record, and writing the table and the figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.config.loading import ALL_SOURCES
from training.data.tables import read_json
from training.evaluate.evaluation import LENGTHS
from training.evaluate.markdown import replace_block
from yeastpromoter.io.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The part that studies are scored on.
PART = "validation"


def sources_of(record: Mapping[str, Any]) -> list[str]:
    """The sources that a record has scores of, without all of them together."""
    return [source for source in record["evaluation"][PART] if source != ALL_SOURCES]


def read_records(
    config: Mapping[str, Any], names: Iterable[str], folder: str | Path
) -> tuple[dict[str, Any], list[str]]:
    """Read the records of some runs.

    Parameters
    ----------
    config : mapping
        A validated configuration.
    names : iterable of str
        Its runs.
    folder : str or Path
        Folder with ``<run>.json``.

    Returns
    -------
    records : dict of str to (Path, dict)
        File and record of each run that has one.
    missing : list of str
        Runs without a record.

    Raises
    ------
    ValueError
        If no run has a record.
    """
    paths = {name: Path(folder) / f"{name}.json" for name in names}
    records = {name: (path, read_json(path)) for name, path in paths.items() if path.is_file()}
    if not records:
        raise ValueError(f"{folder} holds no record of the runs of {config['name']}: run the step record first")
    return records, [name for name in paths if name not in records]


def scored(record: Mapping[str, Any], source: str, statistic: str) -> list[float | None]:
    """Value and bounds of a statistic of the full-length constructs of a source, each None where it has none."""
    summary = record["evaluation"][PART][source][LENGTHS[0]]
    return [None, None, None] if summary is None else summary[statistic]


def write_study(
    name: str, table: str, draw: Callable[[], Figure], output: str | Path, document: str | Path | None
) -> None:
    """Write a study.

    Parameters
    ----------
    name : str
        What the files are called, such as ``gc_study``.
    table : str
        Its table, Markdown.
    draw : callable
        Draws its figure, in the style that is set meanwhile.
    output : str or Path
        Folder for the table, ``.md``, and the figure, ``.png``.
    document : str or Path or None
        Markdown file whose block of that name, with hyphens, is replaced by the table.

    Raises
    ------
    ValueError
        If the document does not hold exactly one such block.
    """
    import matplotlib

    from training.evaluate.figures import png_of
    from yeastpromoter.plots.style import STYLE

    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    write_whole(output / f"{name}.md", table + "\n")
    with matplotlib.rc_context(STYLE):
        write_whole(output / f"{name}.png", png_of(draw()))
    if document is not None:
        replace_block(document, name.replace("_", "-"), table)
