"""``yeastpromoter COMMAND``: the command `yeastpromoter`, where the package is not installed."""

from yeastpromoter.cli.main import main

if __name__ == "__main__":
    main(prog_name="python -m yeastpromoter")
