"""What a step warns of: results that it makes all the same, but that may be worth little."""

import os
import sys

#: A second place for warnings, beside the error output: a file descriptor of the terminal where the workflow was
#: started, since there the output of every step goes to a log.
terminal: int | None = None


def warn(text: str) -> str:
    """Show a warning; returns its text, for the report of the step."""
    line = f"Warning: {text}\n"
    print(line, end="", file=sys.stderr, flush=True)
    if terminal is not None:
        os.write(terminal, line.encode(errors="replace"))
    return text
