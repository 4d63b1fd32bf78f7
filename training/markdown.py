"""Markdown that is made from recorded numbers: tables, and the marked blocks of a document that hold them."""

import re
from collections.abc import Sequence
from pathlib import Path

from yeastpromoter.whole_files import write_whole


def words(name: str) -> str:
    """A name of the configuration as words: underscores become spaces."""
    return name.replace("_", " ")


def percent(share: float, decimals: int) -> str:
    """A share of 1 as a percentage."""
    return f"{100 * share:.{decimals}f} %"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Lay cells out as a Markdown table; the first `text_columns` align left, the others right."""
    align = ["---" if number < text_columns else "---:" for number in range(len(header))]
    lines = ["| " + " | ".join(row) + " |" for row in [header, *rows]]
    return "\n".join([lines[0], "|" + "|".join(align) + "|", *lines[1:]])


def replace_block(path: str | Path, name: str, content: str) -> None:
    """Replace what stands between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->`` in a file.

    Parameters
    ----------
    path : str or Path
        A Markdown file; all else in it stays as it is.
    name : str
        Name of the block.
    content : str
        New content, without the markers.

    Raises
    ------
    ValueError
        If the file does not hold exactly one such block.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} is not there, but its block {name!r} has to be written")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    with path.open(newline="", encoding="utf-8") as file:
        text = file.read()
    blocks = re.findall(re.escape(begin) + ".*?" + re.escape(end), text, re.DOTALL)
    if len(blocks) != 1 or text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(
            f"{path} must hold exactly one block from {begin} to {end} but has {text.count(begin)} of the first and "
            f"{text.count(end)} of the second"
        )
    write_whole(path, text.replace(blocks[0], f"{begin}\n{content}\n{end}"))
