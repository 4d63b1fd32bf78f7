"""Yeast promoter expression: the science of this Kipoi entry, without Kipoi.

The package holds what prediction and training share, and what is asked of the trained network. Importing it imports
neither Kipoi nor TensorFlow; Keras is imported when a network is built, and prediction by look-up needs none. Where what is:

- `sequence`: the construct and its adapters, what becomes a construct, one-hot encoding, random inserts.
- `io`: reading sequences, intervals, tables, genomes and annotations; writing files whole or not at all.
- `model`: the network, its weights and its decoding; running it, in Keras or by look-up in NumPy; gradients and outputs of layers.
- `interpret`: which bases matter: saturation mutagenesis, contributions, planted sites.
- `variants`: variants of a VCF file, their windows, effects and ranking.
- `genomewide`: tiles of a genome, shards of large files, tracks.
- `plots`: the figures. `cli`: the commands, ``python -m yeastpromoter``.
- `kipoi_layer`: what the files that Kipoi loads share.
- `statistics` (intervals over groups) and `argument_names` (how messages name arguments) serve all of them.
"""
