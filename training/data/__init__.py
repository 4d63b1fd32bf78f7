"""From measured sequences to what a run learns from."""
