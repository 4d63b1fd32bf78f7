"""What the files that Kipoi loads share."""
