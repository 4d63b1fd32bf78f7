"""Yeast promoter expression: the science of this Kipoi entry, without Kipoi.

The package holds what prediction and training share, and what is asked of the trained network. Importing it imports
neither Kipoi nor TensorFlow; Keras is imported when a network is built. Where what is:

<<<<<<< HEAD
- `sequence`: the construct and its adapters, what becomes a construct, one-hot encoding, random inserts.
- `io`: reading sequences, intervals, tables, genomes and annotations; writing files whole or not at all.
- `model`: the network, its weights and its decoding; running it; gradients and outputs of layers.
- `interpret`: which bases matter: saturation mutagenesis, contributions, planted sites.
- `variants`: variants of a VCF file, their windows, effects and ranking.
- `genomewide`: tiles of a genome, shards of large files, tracks.
- `plots`: the figures. `cli`: the commands, ``python -m yeastpromoter``.
- `kipoi_layer`: what the files that Kipoi loads share.
- `statistics` (intervals over groups) and `argument_names` (how messages name arguments) serve all of them.
=======
- Sequences: `construct`, `adapters`, `construct_rules`, `encoding`, `inputs`, `random_inserts`; read from files:
  `text_files`, `record_formats`, `sequence_files`, `text_tables`; of a genome: `genome`, `interval_files`,
  `annotation`, `tiling`.
- The network: `network`, `weights`, `decoding`, `prediction`, `activations`, `gradients`; put together: `entry`.
- Variants: `variants`, `variant_windows`, `variant_rows`, `variant_scores`, `effect_tables`, `variant_ranking`,
  `variant_figures`.
- Which bases matter: `mutagenesis`, `partial_network`, `saturation_files`, `saturation_figure`, `contributions`,
  `contribution_figure`, `region_files`, `agreement`; known sites: `sites` (`sites.yaml`), `planting`,
  `planting_figure`.
- Many files, and tracks: `shards`, `tracks`, `tracks_figure`.
- For all of them: `whole_files`, `prediction_tables`, `argument_names`, `statistics`, `figure_style`, `startup`; for
  the files that Kipoi loads: `own_package`, `whole_batches`, `messages`; the commands,
  `python -m yeastpromoter`: `commands`.
>>>>>>> refs/heads/setup
"""
