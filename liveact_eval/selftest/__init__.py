"""Proof by known truth: every metric against distortions of known strength."""
