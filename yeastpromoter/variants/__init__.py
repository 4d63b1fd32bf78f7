"""Variants of a VCF file and their effects."""
