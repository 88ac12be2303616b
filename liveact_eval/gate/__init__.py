"""The gate: a run against a committed baseline, with an interval and a minimum delta for each metric."""
