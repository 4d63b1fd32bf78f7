"""``python -m training gc-study``."""

from training.cli.options import study_command
from training.studies.gc_study import gc_study as step

gc_study = study_command(
    "gc-study",
    step,
    """Compare the GC corrections of a configuration's recorded runs: a table and a figure.

    They are made of the records that exist; runs without one are named.
    """,
)
