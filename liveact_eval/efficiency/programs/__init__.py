"""Benchmarks of systems that are run as programs: what they print about their blocks, and what each video took."""
