"""Simulated data, and questions that were answered once."""
