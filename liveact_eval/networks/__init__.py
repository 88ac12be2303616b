"""Feature networks behind metrics: their layers under the official parameter names, and their weights."""
