"""Decoding a stream block by block, in memory that does not grow with its length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import torch
from torch import Tensor

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.vae import DecoderCache, WanVAE

DecodeMode = Literal["overlap", "carried"]
"""How a block is joined to the one before it."""


class StreamDecoder:
    """Turns blocks of latents into blocks of frames; one decoder per stream.

    The first block of T latents gives 4T - 3 frames, every later one 4T.

    Args:
        vae: decodes.
        mode: `overlap` is the official recipe: each block is decoded afresh behind the last latents of the
            block before, whose frames are dropped. The decoder remembers far more latents than these, so
            the frames after each seam differ from those of a decode in one go. `carried` keeps what
            the decoder remembers: equal to a decode in one go, without a seam, and cheaper by the overlap.
        overlap_latents: latents that are decoded again in mode `overlap`; 3 drop 9 frames.

    Raises:
        LiveActError: unknown mode, or an overlap below 1.
    """

    def __init__(self, vae: WanVAE, mode: DecodeMode = "overlap", overlap_latents: int = 3) -> None:
        if mode not in get_args(DecodeMode):
            raise LiveActError(f"Decode mode {mode!r}; known: {', '.join(get_args(DecodeMode))}")
        if overlap_latents < 1:
            # Without one, the first latent of each block would be taken for a still and give one frame, not four.
            raise LiveActError(f"overlap_latents is {overlap_latents}; expected at least 1")
        self.mode = mode
        self.overlap_latents = overlap_latents
        self._vae = vae
        self._cache = DecoderCache()
        self._tail: Tensor | None = None
        self._size: tuple[int, ...] | None = None
        self._unfinished = False

    def reset(self) -> None:
        """Begin another stream."""
        self._cache = DecoderCache()
        self._tail = None
        self._size = None
        self._unfinished = False

    def decode(self, latents: Tensor) -> Tensor:
        """All frames of the next block.

        Args:
            latents: [1, 16, T, h, w], normalised, T at least 1.

        Returns:
            [1, 3, F, 8h, 8w] in [-1, 1]; F = 4T - 3 for the first block and 4T for the others.

        Raises:
            LiveActError: another shape, or the block before was not taken to its end.
        """
        return torch.cat(list(self.stream(latents)), dim=2)

    def stream(self, latents: Tensor) -> Iterator[Tensor]:
        """Frames of the next block, four by four as they are decoded; the first of all comes alone.

        The iterator must be taken to its end before the next block.

        Raises:
            LiveActError: as `decode`.
        """
        self._vae.check_latents(latents)
        if self._unfinished:
            raise LiveActError(
                "The block before was not decoded to its end; exhaust its iterator, or call reset()"
            )
        size = (latents.shape[0], *latents.shape[3:])
        if self._size not in (None, size):
            raise LiveActError(
                f"Block of shape {list(latents.shape)} after blocks with (batch, h, w) = {self._size}; a stream keeps "
                "its size. Call reset() to begin another."
            )
        self._size, self._unfinished = size, True
        return self._until_done(latents)

    def _until_done(self, latents: Tensor) -> Iterator[Tensor]:
        if self.mode == "carried":
            yield from self._vae.decode_steps(latents, self._cache)
        else:
            yield from self._behind_tail(latents)
        self._unfinished = False

    def _behind_tail(self, latents: Tensor) -> Iterator[Tensor]:
        known = 0 if self._tail is None else self._tail.shape[2]
        joined = latents if self._tail is None else torch.cat((self._tail, latents.to(self._tail)), dim=2)
        # A copy: a slice would keep the whole block alive.
        self._tail = joined[:, :, -self.overlap_latents :].clone()
        for index, frames in enumerate(self._vae.decode_steps(joined)):
            if index >= known:
                yield frames
