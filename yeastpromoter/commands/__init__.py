"""The commands of ``python -m yeastpromoter``, one module each."""
