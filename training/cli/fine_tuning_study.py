"""``python -m training fine-tuning-study``."""

from training.cli.options import study_command
from training.studies.fine_tuning_study import fine_tuning_study as step

fine_tuning_study = study_command(
    "fine-tuning-study",
    step,
    """Show what starting from trained weights gains at each number of measurements: a table and a figure.

    They are made of the recorded runs of a configuration that learn from constructs set aside; runs without a record
    are named.
    """,
)
