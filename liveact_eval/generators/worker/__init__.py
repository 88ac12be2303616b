"""Generators that stay loaded in a process of their own."""
