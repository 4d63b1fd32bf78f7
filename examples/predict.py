"""Prediction from Python, cell by cell: run it as a script, or in an editor that knows ``# %%``."""

# %% Load the network, once
from pathlib import Path

import pandas as pd

import yeastpromoter

predictor = yeastpromoter.load()
print("weights", predictor.weights_version)

# %% A list of sequences: inserts of 80 bp, or constructs of 110 bp with their adapters
insert = "CTAAATTTCAATTACGAGGAGCTGGTACCTCCGCGTAAAAGCGCTTTGGCAGTGGTCCGTCATTGCGGACTTTGTATCAG"
with_tata_box = insert[:55] + "TATAAA" + insert[61:]
print(predictor.predict([insert, with_tata_box]))

# %% A table: its rows and its index stay, and a column is added
designs = pd.DataFrame({"name": ["plain", "TATA box"], "sequence": [insert, with_tata_box]})
print(predictor.predict(designs, sequence_column="sequence"))

# %% A file: FASTA, a table or a list
promoters = Path(__file__).resolve().parents[1] / "model_files" / "example" / "promoters.fa"
table = predictor.predict_file(promoters)
print(table.head())

# %% The scores of the 18 buckets, from which expression is decoded
print(predictor.bucket_scores([insert]).round(3))

# %% A longer promoter, tile by tile
longer = (insert + with_tata_box) * 2
print(predictor.scan(longer, step=40))
