"""The network without a deep-learning framework: tables, small matrix products, threads."""
