"""Datasets that others published as lists of links: their lists read, and the splits that this project draws."""
