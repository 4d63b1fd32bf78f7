"""The commands of ``python -m yeastpromoter``, one in each module."""
