"""Typed cards of models, datasets and published tables, and reading them."""
