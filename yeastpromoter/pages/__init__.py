"""Pages for people without a terminal: everything within one HTML file."""
