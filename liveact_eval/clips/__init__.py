"""What is evaluated: clips, decoding and encoding, face tracks, sanity checks."""
