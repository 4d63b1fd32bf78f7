"""Markdown that is made from recorded numbers: tables, and the marked blocks of a document that hold them."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yeastpromoter.io.whole_files import write_whole


def words(name: str) -> str:
    """A name of the configuration as words: underscores become spaces."""
    return name.replace("_", " ")


def listed(items: Sequence[str]) -> str:
    """Items as a list in a sentence: "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def percent(share: float, decimals: int) -> str:
    """A share of 1 as a percentage."""
    return f"{100 * share:.{decimals}f} %"


def with_decimals(value: float | None, decimals: int = 3) -> str:
    """A number as text; a dash where it is undefined (None or NaN)."""
    return "–" if value is None or math.isnan(value) else f"{value:,.{decimals}f}"


def with_bounds(bounds: Mapping[str, Any], decimals: int = 3) -> str:
    """A statistic and its 95 % interval as text.

    Parameters
    ----------
    bounds : mapping
        ``value``, ``low`` and ``high``, and ``reason`` where there is one for an undefined value.
    decimals : int, optional
        Decimals to show.

    Returns
    -------
    str
        ``0.912 (0.900 to 0.923)``; with a dash in the brackets where there is no interval; a dash, and the reason in
        the brackets, where the value is undefined.
    """
    value, low, high = (with_decimals(bounds[name], decimals) for name in ("value", "low", "high"))
    if value == "–":
        return f"– ({bounds['reason']})" if bounds.get("reason") else value
    return f"{value} (–)" if low == "–" else f"{value} ({low} to {high})"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Lay cells out as a Markdown table; the first `text_columns` align left, the others right."""
    align = ["---" if column < text_columns else "---:" for column in range(len(header))]
    lines = ["| " + " | ".join(row) + " |" for row in [header, *rows]]
    return "\n".join([lines[0], "|" + "|".join(align) + "|", *lines[1:]])


def read_document(path: str | Path) -> str:
    """Read a document without touching its line ends.

    Raises
    ------
    ValueError
        If it does not exist.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} does not exist, but a part of it has to be written")
    with path.open(newline="", encoding="utf-8") as file:
        return file.read()


def with_block(text: str, name: str, content: str, path: str | Path) -> str:
    """Replace what stands between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->`` in the text of a document.

    Parameters
    ----------
    text : str
        Markdown; all else in it stays as it is.
    name : str
        Name of the block.
    content : str
        New content, without the markers.
    path : str or Path
        The document, for messages.

    Raises
    ------
    ValueError
        If the text does not hold exactly one such block.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    blocks = re.findall(re.escape(begin) + ".*?" + re.escape(end), text, re.DOTALL)
    if len(blocks) != 1 or text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(
            f"{path} must hold exactly one block from {begin} to {end} but has {text.count(begin)} of the first and "
            f"{text.count(end)} of the second"
        )
    return text.replace(blocks[0], f"{begin}\n{content}\n{end}")


def replace_block(path: str | Path, name: str, content: str) -> None:
    """`with_block` for a file.

    Raises
    ------
    ValueError
        If the file does not exist or does not hold exactly one such block.
    """
    write_whole(path, with_block(read_document(path), name, content, path))
