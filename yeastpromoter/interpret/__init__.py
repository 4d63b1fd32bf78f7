"""Which bases matter: saturation mutagenesis, contributions, planted sites."""
