"""Yeast promoter expression: the science of this Kipoi entry, without Kipoi.

The package holds what prediction and training share, and what is asked of the trained network. Importing it imports
neither Kipoi nor TensorFlow; Keras is imported when a network is built. Where what is:

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
"""
