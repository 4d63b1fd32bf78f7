"""What a run is worth, and what is said of it."""
