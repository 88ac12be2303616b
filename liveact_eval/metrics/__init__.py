"""One file per metric: features, statistics, merge, result."""
