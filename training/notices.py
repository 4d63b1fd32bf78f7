"""What a step says on the terminal: what it left out, and what it warns of."""

import os
import sys

#: A second place for warnings, beside the error output: a file descriptor of the terminal where the workflow was
#: started, since there the output of every step goes to a log.
terminal: int | None = None


def say(text: str) -> None:
    """Say what was done."""
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> str:
    """Warn of results that are made all the same but may be worth little; returns the text, for the step's report."""
    say(f"Warning: {text}")
    if terminal is not None:
        os.write(terminal, f"Warning: {text}\n".encode(errors="replace"))
    return text
