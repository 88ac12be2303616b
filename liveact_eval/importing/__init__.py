"""Numbers that other programs made, as a run: read, labelled, given intervals where there are values per video."""
