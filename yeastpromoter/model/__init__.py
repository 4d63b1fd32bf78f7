"""The network, its weights, and running them."""
