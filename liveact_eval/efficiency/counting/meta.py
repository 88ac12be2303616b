"""A native model on the meta device: every part runs as in a video, on shapes without numbers."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from liveact_eval.cards.model import NativeSpec
from liveact_eval.efficiency.operations import (
    AUDIO,
    CONTEXT,
    CROSS_PRODUCTS,
    CROSS_PROJECTIONS,
    EMBEDDINGS,
    FEED_FORWARD,
    IMAGE,
    MEMORY,
    SELF_PRODUCTS,
    SELF_PROJECTIONS,
    TEXT,
    VAE_ENCODE,
)
from liveact_eval.generators.recipe import NamedStrategy
from liveact_eval.liveact.compression import Compressor
from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.dit import CausalDiT, ForwardCall
from liveact_eval.liveact.encoders.image import ImageEncoder
from liveact_eval.liveact.encoders.speech import SpeechEncoder
from liveact_eval.liveact.models import blank_modules
from liveact_eval.liveact.reference import encode_condition
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.liveact.sampler import Noise
from liveact_eval.liveact.speech_input import EXTRA_FRAMES, SAMPLES_PER_FRAME
from liveact_eval.liveact.stream_decoder import StreamDecoder
from liveact_eval.liveact.vae import SPATIAL_STRIDE, WanVAE
from liveact_eval.rollouts.neighbor import NeighborForcing
from liveact_eval.rollouts.options import as_options
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.rollouts.shape import steady_block

META = torch.device("meta")
_MULTIPLY_ADD = 2

_PARTS = (
    (r"self_attn\.[qkvo]", SELF_PROJECTIONS),
    (r"cross_attn\.[qo]", CROSS_PROJECTIONS),
    (r"cross_attn\.[kv](_img)?", CONTEXT),
    (r"audio_cross_attn", AUDIO),
    (r"ffn", FEED_FORWARD),
)
"""Modules of a block, and the component that all of their operations belong to."""
_PRODUCTS = (("self_attn", SELF_PRODUCTS), ("cross_attn", CROSS_PRODUCTS))
"""Modules whose own operations, without those of the modules inside, are attention products."""


@dataclass(frozen=True, kw_only=True)
class SteadyBlock:
    """What the transformer did in one steady block."""

    components: dict[str, float]
    """Operations by component."""
    calls: int
    """Model calls."""
    frames: int
    """Video frames."""


class MetaModel:
    """The networks of a native model as shapes.

    Args:
        config: sizes of the networks.
        native: rollout, steps and way of decoding.
        size: width and height of the video in pixels.

    Raises:
        LiveActError: sizes that do not fit each other.
    """

    def __init__(self, config: LiveActConfig, native: NativeSpec, size: tuple[int, int]) -> None:
        modules = {role: module.to(META) for role, module in blank_modules(config).items()}
        dit = modules["dit"]
        assert isinstance(dit, CausalDiT)
        self._config, self._native, self._size = config, native, size
        self._dit = dit
        self._vae = WanVAE(modules["vae"], config.vae)
        self._text = modules["text"]
        self._image = ImageEncoder(modules["image"], config.image)
        self._speech = SpeechEncoder(modules["speech"], config.speech)
        chosen = as_options(native.rollout_options.items())
        named = NamedStrategy(native.steps, native.rollout, chosen)
        self._rollout = named(dit, GenerationOptions(memory=native.memory))
        published = PUBLISHED.get(native.rollout)
        strategy = None if published is None else published.strategy(chosen)
        self.steady = steady_block(strategy)
        """The block that is counted."""
        self.grows = strategy is not None and strategy.slots is None
        """Whether later blocks cost more and more."""
        self.period = 1 if strategy is None else strategy.period
        """Blocks after which costs repeat."""

    def steady_block(self, *, context_once: bool) -> SteadyBlock:
        """The model calls of one steady block.

        Args:
            context_once: keys and values of text and image are there already.
        """
        with torch.no_grad():
            return self._steady_block(context_once=context_once)

    def _steady_block(self, *, context_once: bool) -> SteadyBlock:
        dit, rollout = self._dit, self._rollout
        folded, calls = _Folds(), _Calls()
        if isinstance(rollout, NeighborForcing):
            # The other kinds fold nothing.
            rollout.policy = dataclasses.replace(
                rollout.policy, compressor=folded.counting(rollout.policy.compressor)
            )
        rollout.begin(self._latents(dit.config.in_dim - dit.config.out_dim, rollout.condition_latents))
        rows = torch.empty(dit.config.text_len, dit.config.text_dim, device=META)
        seen = torch.empty(dit.config.image_tokens, dit.config.image_dim, device=META)
        context, noise = dit.encode_context(rows, seen, cache=context_once), Noise(0)
        # Not carried out: the memory makes room for these blocks, and there are no numbers to remember.
        dit.executor = lambda _compute, call: call.x[:, : dit.config.out_dim]
        for n in range(self.steady):
            rollout.block(n, context, self._windows(n), noise)
        folded.operations = 0
        dit.executor = calls
        with FlopCounterMode(display=False) as counter:
            rollout.block(self.steady, context, self._windows(self.steady), noise)
        dit.executor = None
        components = by_component(counter.get_flop_counts(), counter.get_total_flops())
        return SteadyBlock(
            components=components | {MEMORY: float(folded.operations)},
            calls=calls.count,
            frames=rollout.block_latents(self.steady) * dit.config.temporal_stride,
        )

    def decode(self) -> float:
        """Operations of decoding one steady block, as a stream decodes it."""
        decoder = StreamDecoder(self._vae, mode=self._native.decode)
        channels = self._config.vae.z_dim
        # Of what came before, a block takes no more than these: to decode them again, or what was remembered of them.
        decoder.decode(self._latents(channels, decoder.overlap_latents))
        steady = self._latents(channels, self._rollout.block_latents(self.steady))
        return _operations(lambda: decoder.decode(steady))

    def speech(self) -> float:
        """Operations of encoding the sound of one steady block alone, as a live stream does."""
        frames = len(self._rollout.audio_span(self.steady)) + EXTRA_FRAMES
        # On the host: the encoder looks whether the samples are finite.
        sound = torch.zeros(frames * SAMPLES_PER_FRAME)
        return _operations(lambda: self._speech.encode(sound, frames))

    def once(self) -> dict[str, float]:
        """Operations of encoding the longest prompt, the reference picture and the condition made of it."""
        # A prompt without padding needs no mask; the library would look at the numbers of one.
        ids = torch.empty(1, self._config.text.length, dtype=torch.int64, device=META)
        width, height = self._size
        picture = torch.empty(3, height, width, device=META)
        latents = self._rollout.condition_latents
        return {
            TEXT: _operations(lambda: self._text(input_ids=ids)),
            IMAGE: _operations(lambda: self._image.encode(picture[None])),
            VAE_ENCODE: _operations(lambda: encode_condition(self._vae, picture, latents=latents)),
        }

    def _latents(self, channels: int, frames: int) -> Tensor:
        width, height = (side // SPATIAL_STRIDE for side in self._size)
        return torch.empty(1, channels, frames, height, width, device=META)

    def _windows(self, n: int) -> Tensor:
        dit = self._config.dit
        frames = len(self._rollout.audio_span(n))
        return torch.empty(1, frames, dit.audio_window, dit.audio_layers, dit.audio_channels, device=META)


def by_component(counts: Mapping[str, Mapping[Any, int]], total: int) -> dict[str, float]:
    """Operations of a transformer by component.

    Args:
        counts: operations by full name of the module, each with those of the modules inside it, by operator.
        total: all operations; what belongs to no other component is embeddings and head.
    """
    sums = {name: sum(operators.values()) for name, operators in counts.items()}
    found: defaultdict[str, float] = defaultdict(float)
    for name, operations in sums.items():
        if name == "AudioProjector" or name.endswith(".audio_proj"):
            found[AUDIO] += operations
        place = re.fullmatch(r".*\.blocks\.\d+\.(.+)", name)
        if place is None:
            continue
        for pattern, component in _PARTS:
            if re.fullmatch(pattern, place[1]):
                found[component] += operations
        for module, component in _PRODUCTS:
            if place[1] == module:
                found[component] += operations - _inside(sums, name)
    return {**found, EMBEDDINGS: total - sum(found.values())}


def _inside(sums: Mapping[str, int], name: str) -> int:
    """Operations of the modules directly inside one, where they ran as part of it."""
    # The keys and values of text and image are made outside the forward pass of their module.
    own = [inner for inner in "qkvo" if not (name.endswith(".cross_attn") and inner in "kv")]
    return sum(sums.get(f"{name}.{inner}", 0) for inner in own)


def _operations(work: Callable[[], object]) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


class _Folds:
    """Multiply-adds of memory compression. They are element-wise here, which the counter leaves out."""

    def __init__(self) -> None:
        self.operations = 0

    def counting(self, compressor: Compressor) -> Compressor:
        """A compressor that is counted: every number that goes in is weighted and added once."""

        def counted(frames: Tensor, kernel: Tensor | None) -> Tensor:
            self.operations += _MULTIPLY_ADD * frames.numel()
            return compressor(frames, kernel)

        return counted


class _Calls:
    """Counts model calls."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, compute: Callable[[ForwardCall], Tensor], call: ForwardCall) -> Tensor:
        self.count += 1
        return compute(call)
