"""Seeds of the talkers set: every random draw comes from a stream with a readable name."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

TALKERS_VERSION = 1
"""Raise it when any drawn pixel or sample changes; it is part of every seed and of every content key."""


def stream_name(*parts: object) -> str:
    """The readable name of a random stream, such as `talkers-v1/seed=0/train/12/voice`."""
    return "/".join([f"talkers-v{TALKERS_VERSION}", *(str(part) for part in parts)])


def random_stream(*parts: object) -> np.random.RandomState:
    """A generator for the stream called `parts`, independent of all streams with another name.

    `RandomState` is used because NumPy freezes its output across versions. All 256 bits of the SHA-256
    of the name go into the seed, so that two names do not share a stream.
    """
    digest = hashlib.sha256(stream_name(*parts).encode()).digest()
    return np.random.RandomState(np.frombuffer(digest, dtype="<u4").astype(np.uint32))


def pick(random: np.random.RandomState, options: dict[Any, float]) -> Any:
    """One key of `options`, drawn with probability proportional to its value."""
    keys = list(options)
    edges = np.cumsum([options[key] for key in keys])
    index = int(np.searchsorted(edges, random.uniform(0.0, edges[-1]), side="right"))
    return keys[min(index, len(keys) - 1)]
