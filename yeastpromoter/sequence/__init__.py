"""Sequences: the construct, its adapters, one-hot encoding, random inserts."""
