"""Forcing strategies: what is propagated from block to block, and at which noise level."""
