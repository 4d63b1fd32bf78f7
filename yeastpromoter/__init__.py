"""Yeast promoter expression: the science of this Kipoi entry, without Kipoi.

The package holds what prediction and training share: the promoter construct, one-hot encoding,
sequence-file readers, the network and the decoding of its bucket scores. Importing it imports neither
Kipoi nor TensorFlow; Keras is imported when a network is built.
"""
