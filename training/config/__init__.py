"""Configurations: the YAML files, and how they are read."""
