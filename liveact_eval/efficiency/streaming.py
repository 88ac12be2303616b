"""What is needed of a generator to measure it as it streams: sound goes in bit by bit, blocks of frames come out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class MadeBlock(NamedTuple):
    """Frames that were made together, on the host."""

    frames: NDArray[np.uint8]
    """[F, H, W, 3] RGB."""
    stages: tuple[tuple[str, float], ...]
    """(stage, seconds) of its making, where the generator times itself."""


class BlockStream(Protocol):
    """One video in the making."""

    @property
    def fps(self) -> Fraction:
        """Frames per second at which it is played."""
        ...

    @property
    def done(self) -> bool:
        """Whether every frame was given."""
        ...

    def feed(self, samples: NDArray[np.int16], rate: int) -> None:
        """Append driving sound."""
        ...

    def close(self) -> None:
        """No more sound will come."""
        ...

    def blocks(self, *, wait: bool = False) -> Iterator[MadeBlock]:
        """Blocks whose sound is there; with `wait` all blocks, sleeping until another thread has fed their sound."""
        ...

    def kv_bytes(self) -> int | None:
        """Bytes of keys and values held; `None`: not known."""
        ...

    def model_calls(self) -> int | None:
        """Calls of the denoising network so far; `None`: not known."""
        ...


class StreamingGenerator(Protocol):
    """Makes videos that can be watched while they are made."""

    @property
    def settling(self) -> int:
        """Leading blocks of a video that are not steady yet."""
        ...

    def open(self, seed: int) -> BlockStream:
        """Begin a video; nothing is read from a cache."""
        ...
