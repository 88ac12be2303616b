"""Plan and loop of a run."""
