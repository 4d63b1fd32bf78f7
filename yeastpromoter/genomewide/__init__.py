"""Whole genomes: tiles, shards and tracks."""
