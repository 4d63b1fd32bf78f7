"""Training of the yeast promoter network, from measured sequences to the weights that are shipped.

Each step is a module with importable functions and a command, ``python -m training STEP``; the Snakemake
workflow in ``training/workflow`` chains the commands.
"""
