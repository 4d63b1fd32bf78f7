"""``python -m training``: see `training.cli.main`."""

import sys

try:
    from training.cli.main import main
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] in ("training", "yeastpromoter"):
        raise
    sys.exit(
        f"Error: {error.name} is not installed here, but the training needs it: python3.11 start.py test installs all "
        'of it into .venv, and pip install ".[training]" what is not there yet into this environment'
    )

if __name__ == "__main__":
    main(prog_name="python -m training")
