"""The commands of the training, ``python -m training COMMAND``, one module each."""
