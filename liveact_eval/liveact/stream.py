"""Speech in, frames out, block by block: one object makes one video, from a file or from a live source.

    stream.feed(samples, rate)
    for block in stream.blocks():
        show(block.frames)

`blocks` gives every block whose sound is there and returns; feed again and call it again. With `wait` it sleeps
instead, while another thread feeds. A file fed at once is the same code. What is held does not grow with the
length of the video, except for the sound and its features in the mode `whole`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liveact_eval.liveact.clock import BlockTimings, StageClock, stage
from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.models import Models
from liveact_eval.liveact.prompts import PromptSchedule
from liveact_eval.liveact.reference import encode_condition
from liveact_eval.liveact.request import TEMPORAL_STRIDE, LengthRule, check_sound, frame_count
from liveact_eval.liveact.rollout import Rollout
from liveact_eval.liveact.sampler import Noise
from liveact_eval.liveact.speech_input import SpeechInput
from liveact_eval.liveact.stream_decoder import StreamDecoder


@dataclass(frozen=True, kw_only=True)
class FrameBlock:
    """Frames that were made together."""

    block: int
    """Index of the block, from 0."""
    first_frame: int
    """Index of its first frame in the video."""
    frames: NDArray[np.uint8]
    """[F, H, W, 3] RGB."""
    timings: BlockTimings
    """Where its time went."""


class LiveStream:
    """Makes one video. `LiveActPipeline.stream` builds it.

    Args:
        models: the networks.
        rollout: makes latents; one per stream.
        decoder: latents to frames; one per stream.
        speech: takes the sound; one per stream.
        image: reference picture [3, H, W] in [-1, 1], of the video's size.
        prompts: the prompt of every block.
        fps: frames per second.
        seed: seed of all noise.
        frames: length of the video; `None`: that of the sound, by `length`.
        length: how the length follows from that of the sound.
    """

    def __init__(
        self,
        models: Models,
        rollout: Rollout,
        decoder: StreamDecoder,
        speech: SpeechInput,
        *,
        image: Tensor,
        prompts: PromptSchedule,
        fps: Fraction,
        seed: int,
        frames: int | None = None,
        length: LengthRule = "audio",
    ) -> None:
        self.fps = fps
        self._models, self._rollout, self._decoder, self._speech = models, rollout, decoder, speech
        self._image, self._prompts, self._length = image, prompts, length
        self._total = frames
        self._noise = Noise(seed)
        self._image_rows: Tensor | None = None
        self._contexts: dict[str, Context] = {}
        self._next = 0
        self._emitted = 0

    def feed(self, samples: NDArray[np.float32] | NDArray[np.int16], rate: int) -> None:
        """Append driving sound; see `SpeechInput.feed`."""
        self._speech.feed(samples, rate)

    def close(self) -> None:
        """Say that no more sound will come. Call it also when the source fails, or a waiting reader never wakes.

        Raises:
            LiveActError: the sound is shorter than the first block.
        """
        self._speech.close()
        check_sound(self._speech.seconds, self.fps, self._rollout.block_latents(0))

    @property
    def total(self) -> int | None:
        """Frames of the whole video; `None` until the sound is closed, where no length was asked for."""
        if self._total is None and self._speech.closed:
            return frame_count(self._speech.seconds, self.fps, self._length)
        return self._total

    @property
    def done(self) -> bool:
        """Whether every frame was given."""
        return self.total is not None and self._emitted >= self.total

    def blocks(self, *, wait: bool = False) -> Iterator[FrameBlock]:
        """Blocks whose sound is there, in order.

        Args:
            wait: sleep where sound lacks, until another thread feeds it or closes the stream.

        Raises:
            LiveActError: the sound is shorter than the first block, or the model gave numbers that are not finite.
        """
        while True:
            span = self._rollout.audio_span(self._next)
            if wait and not self.done:
                self._speech.wait(span)
            if self._speech.closed:
                check_sound(self._speech.seconds, self.fps, self._rollout.block_latents(0))
            if self.done:
                return
            clock = StageClock.on(self._models.device)
            with clock.stage("speech"):
                windows = self._speech.windows(span)
            if windows is None:
                return
            with clock.listening():
                made = self._make(self._next, windows, clock)
            yield made

    def memory_bytes(self) -> int:
        """Bytes of keys and values held."""
        return self._rollout.memory_bytes()

    @torch.no_grad()
    def _make(self, n: int, windows: Tensor, clock: StageClock) -> FrameBlock:
        if n == 0:
            self._begin()
        context = self._context(n)
        with stage("rollout"):
            latents = self._rollout.block(n, context, windows, self._noise)
            if not torch.isfinite(latents).all():
                raise LiveActError(
                    f"Block {n}: {int((~torch.isfinite(latents)).sum())} of {latents.numel()} latents are not finite. "
                    "Run in float32 or bfloat16, and check the weights."
                )
        # Latents behind the last frame that was asked for need no decoding: the decoder is causal.
        wanted = self._wanted(n, latents.shape[2])
        with stage("vae"):
            pixels = self._decoder.decode(latents[:, :, : -(-(wanted + _lost(n)) // TEMPORAL_STRIDE)])
        with stage("host"):
            frames = to_uint8(pixels)[:wanted].cpu().numpy()
        block = FrameBlock(block=n, first_frame=self._emitted, frames=frames, timings=clock.finish())
        self._next, self._emitted = n + 1, self._emitted + len(frames)
        return block

    def _begin(self) -> None:
        vae = self._models.vae
        with stage("reference"):
            condition = encode_condition(vae, self._image, latents=self._rollout.condition_latents)
            # The first latent frame shows one video frame, every later one four.
            latents = None if self.total is None else 1 - (1 - self.total) // TEMPORAL_STRIDE
            self._rollout.begin(condition, latents=latents)
        with stage("image"):
            self._image_rows = self._models.image.encode(self._image[None].to(self._models.device))[0]

    def _context(self, n: int) -> Context:
        """The conditions of block n, made once per prompt; those of prompts that do not come again are let go."""
        prompt = self._prompts.at(n)
        ahead = self._prompts.ahead(n)
        self._contexts = {text: kept for text, kept in self._contexts.items() if text in ahead}
        if prompt not in self._contexts:
            assert self._image_rows is not None
            with stage("text"):
                rows = self._models.text.encode([prompt])[0]
                self._contexts[prompt] = self._models.dit.encode_context(rows, self._image_rows)
        return self._contexts[prompt]

    def _wanted(self, n: int, latents: int) -> int:
        """Frames of block n that are asked for."""
        made = latents * TEMPORAL_STRIDE - _lost(n)
        return made if self.total is None else min(made, self.total - self._emitted)


def _lost(n: int) -> int:
    """Frames by which a block is shorter than its latents times 4: the very first latent shows one."""
    return TEMPORAL_STRIDE - 1 if n == 0 else 0


def to_uint8(pixels: Tensor) -> Tensor:
    """Pixels [1, 3, F, H, W] in [-1, 1] as 8-bit levels [F, H, W, 3]: round((x + 1) * 127.5), cut to 0..255."""
    levels = pixels[0].float().add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(1, 2, 3, 0).contiguous()
