"""Errors of the native model. Each message says what, the value seen, the value expected, and what to do."""

from __future__ import annotations


class LiveActError(Exception):
    """The request cannot be met: wrong input, size, option or environment."""


class WeightsError(LiveActError):
    """A weight file is missing, truncated, foreign, or does not fit the model. Nothing was loaded."""
