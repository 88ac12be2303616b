"""A native model as a generator that streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.efficiency.streaming import MadeBlock
from liveact_eval.generators.recipe import Recipe, rollout_need
from liveact_eval.liveact.config import named_config
from liveact_eval.rollouts.shape import settling_of

if TYPE_CHECKING:
    import torch

    from liveact_eval.liveact.pipeline import LiveActPipeline
    from liveact_eval.liveact.stream import LiveStream


@dataclass(frozen=True, kw_only=True)
class VideoInputs:
    """What a video is made of, but for its sound."""

    image: NDArray[np.uint8]
    """Reference picture [H, W, 3]."""
    prompt: str
    """What happens."""
    size: tuple[int, int]
    """Width and height in pixels."""
    fps: Fraction
    """Frames per second."""
    frames: int
    """Length of the video."""


class NativeStreaming:
    """Opens streams of a pipeline, and counts the calls of its transformer. Use as a context manager.

    Args:
        pipeline: the networks.
        inputs: what is made.
    """

    def __init__(self, pipeline: LiveActPipeline, inputs: VideoInputs) -> None:
        self._pipeline = pipeline
        self._inputs = inputs
        self.calls = 0
        """Calls of the transformer while the context is open."""

    def __enter__(self) -> NativeStreaming:
        self._hook = self._pipeline.models.dit.register_forward_pre_hook(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    @property
    def settling(self) -> int:
        """See `StreamingGenerator.settling`."""
        return self._pipeline.rollout().settling + self._pipeline.options.cuda_graphs

    def open(self, seed: int) -> NativeStream:
        """See `StreamingGenerator.open`."""
        given = self._inputs
        stream = self._pipeline.stream(
            given.image, prompt=given.prompt, size=given.size, fps=given.fps, seed=seed, frames=given.frames
        )
        return NativeStream(stream, self)

    def _called(self, *_: object) -> None:
        self.calls += 1


class NativeStream:
    """A `LiveStream` as a `BlockStream`."""

    def __init__(self, stream: LiveStream, generator: NativeStreaming) -> None:
        self._stream = stream
        self._generator = generator
        self._before = generator.calls

    @property
    def fps(self) -> Fraction:
        """See `BlockStream.fps`."""
        return self._stream.fps

    @property
    def done(self) -> bool:
        """See `BlockStream.done`."""
        return self._stream.done

    def feed(self, samples: NDArray[np.int16], rate: int) -> None:
        """See `BlockStream.feed`."""
        self._stream.feed(samples, rate)

    def close(self) -> None:
        """See `BlockStream.close`."""
        self._stream.close()

    def blocks(self, *, wait: bool = False) -> Iterator[MadeBlock]:
        """See `BlockStream.blocks`."""
        for block in self._stream.blocks(wait=wait):
            yield MadeBlock(block.frames, block.timings.stages)

    def kv_bytes(self) -> int:
        """See `BlockStream.kv_bytes`."""
        return self._stream.memory_bytes()

    def model_calls(self) -> int:
        """See `BlockStream.model_calls`."""
        return self._generator.calls - self._before


def settling_blocks(recipe: Recipe) -> int:
    """Leading blocks that are not steady yet; CUDA graphs are recorded in one block more."""
    return settling_of(recipe.strategy) + recipe.options.cuda_graphs


def counted_kv_bytes(recipe: Recipe, size: tuple[int, int], dtype: torch.dtype) -> int | str:
    """Bytes of keys and values by arithmetic: layers, slots, tokens, heads, width, bytes; or why there is no count.

    Args:
        recipe: what runs.
        size: width and height of the video.
        dtype: of the memory, where it is not kept in 8 bits.
    """
    from liveact_eval.liveact.memory_need import NeedOptions, cache_bytes

    options, strategy = recipe.options, recipe.strategy
    if strategy is None and options.memory == "full":
        return "the memory `full` grows with the video"
    if strategy is not None and strategy.slots is None:
        return f"the memory of {recipe.rollout} grows with the video"
    need = NeedOptions(
        dtype=dtype,
        fp8_cache=options.fp8_cache,
        memory=options.memory,
        steps=recipe.steps,
        guided_steps=0 if options.audio_guidance == 1.0 else recipe.steps - 1,
        rollout=rollout_need(recipe, blocks=2),
    )
    return cache_bytes(named_config(recipe.config).dit, size=size, options=need)
