"""How much memory a generator takes, by arithmetic, so that a device too small is refused before anything is loaded.

Bytes of weights and caches are exact. Activations and decoder are formulas for what is alive at the same time in the
worst moment of an uncompiled block; attention kernels' own workspaces and fragmentation come on top of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import nn

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import DiTConfig, LiveActConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.encoders import image, speech, text
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fp8_linear import Fp8Linear
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.policies import memory_policy
from liveact_eval.liveact.quantise import quantise_linears

GIB = 2**30
_DECODER_TENSORS = 14
"""Tensors of the decoder's last level that are alive together, its carried features included (13.3 counted)."""
_LATENT_FRAMES_PER_STEP = 4
"""Video frames that the decoder makes at a time."""


@dataclass(frozen=True, kw_only=True)
class MemoryNeed:
    """GiB (2^30 bytes) on the device where frames are made, but for `host_gib`."""

    weights_gib: float
    """The DiT, as far as it lies on the device."""
    encoders_gib: float
    """Text, image and speech encoder, where they are on the device."""
    cache_gib: float
    """Keys and values of the past, as far as they lie on the device."""
    context_gib: float
    """Keys and values of one prompt and reference picture."""
    activations_gib: float
    """What is alive during a model call."""
    vae_gib: float
    """The VAE's weights, and what is alive while it decodes."""
    host_gib: float
    """Host memory: offloaded blocks and caches."""

    @property
    def total_gib(self) -> float:
        """All that must be on the device; PyTorch keeps what model calls freed apart from what decoding needs."""
        standing = self.weights_gib + self.encoders_gib + self.cache_gib + self.context_gib
        return standing + self.vae_gib + self.activations_gib


class RolloutNeed(Protocol):
    """What a rollout with a memory of its own holds and looks at, in latent frames."""

    @property
    def held(self) -> int:
        """Keys and values, over all steps and both branches of guidance."""
        ...

    @property
    def own(self) -> int:
        """Of the largest model call."""
        ...

    @property
    def seen(self) -> int:
        """That a model call looks at, own ones included."""
        ...


@dataclass(frozen=True, kw_only=True)
class NeedOptions:
    """What the need depends on, besides configuration and size."""

    dtype: torch.dtype = torch.bfloat16
    """Of weights and caches."""
    fp8_linear: bool = False
    """Linear layers of the blocks in 8 bits."""
    block_offload: int | None = None
    """Blocks that stay on the device; `None`: all."""
    fp8_cache: bool = False
    """Keys and values in 8 bits."""
    offload_cache: bool = False
    """Keys and values in host memory."""
    memory: str = "convkv"
    """Memory policy."""
    steps: int = 3
    """Denoising steps, each with a cache of its own."""
    guided_steps: int = 0
    """Steps with audio guidance, which have a second cache: 2 officially where guidance is on."""
    blocks: int = 1
    """Blocks of the video; counts only for the policy `full`, which never forgets."""
    ranks: int = 1
    """Processes that share the heads."""
    encoders_on_device: bool = True
    """Whether the encoders lie on the device too."""
    rollout: RolloutNeed | None = None
    """What a rollout with a memory of its own needs; `None`: as policy, steps and blocks say."""


def memory_need(config: LiveActConfig, *, size: tuple[int, int], options: NeedOptions) -> MemoryNeed:
    """What videos of a size need.

    Args:
        config: sizes of the networks.
        size: width and height in pixels.
        options: precision, caches and what is offloaded.
    """
    dit = config.dit
    parts = _block_parts(dit, options)
    moving = 0 if options.block_offload is None else dit.num_layers
    held = dit.num_layers if options.block_offload is None else options.block_offload + 1
    weights = parts.outside + dit.num_layers * parts.small + held * parts.linear
    cache = cache_bytes(dit, size=size, options=options)
    context = 2 * dit.num_layers * (dit.text_len + dit.image_tokens) * dit.dim * options.dtype.itemsize
    fixed = 0 if options.block_offload is None else max(options.block_offload - 1, 0)
    host = (moving - fixed) * parts.linear if moving else 0
    with torch.device("meta"):
        encoders = [text.build(config.text), image.build(config.image), speech.build(config.speech)]
        decoder = vae.build(config.vae)
    width, height = size
    decoding = _DECODER_TENSORS * config.vae.base_dim * _LATENT_FRAMES_PER_STEP * width * height
    return MemoryNeed(
        weights_gib=weights / GIB,
        encoders_gib=sum(_bytes(m, options.dtype) for m in encoders) / GIB
        if options.encoders_on_device
        else 0.0,
        cache_gib=0.0 if options.offload_cache else cache / GIB,
        context_gib=context / GIB,
        activations_gib=activation_bytes(dit, size=size, options=options) / GIB,
        vae_gib=(_bytes(decoder, options.dtype) + decoding * options.dtype.itemsize) / GIB,
        host_gib=(host + (cache if options.offload_cache else 0)) / GIB,
    )


def cache_bytes(config: DiTConfig, *, size: tuple[int, int], options: NeedOptions) -> int:
    """Bytes of keys and values of all denoising steps on one rank."""
    heads = config.num_heads // options.ranks
    numbers = 2 * config.num_layers * _held_latents(options) * _tokens(config, size) * heads * config.head_dim
    per_number = StoreOptions(fp8=options.fp8_cache).bytes_per_value(config.head_dim, options.dtype)
    return round(numbers * per_number)


def _held_latents(options: NeedOptions) -> int:
    """Latent frames whose keys and values are held, over all memories."""
    if options.rollout is not None:
        return options.rollout.held
    policy = memory_policy(options.memory)
    later = policy.current * (options.blocks - 1 if policy.layout is None else 1)
    return (options.steps + options.guided_steps) * (policy.first + later)


def _call_latents(options: NeedOptions) -> tuple[int, int]:
    """Latent frames of a steady model call, and those that it looks at."""
    if options.rollout is not None:
        return options.rollout.own, options.rollout.seen
    policy = memory_policy(options.memory)
    later = policy.current * max(1, options.blocks - 1 if policy.layout is None else 1)
    return policy.current, policy.first + later


def activation_bytes(config: DiTConfig, *, size: tuple[int, int], options: NeedOptions) -> int:
    """Bytes that are alive at the worst moment of a steady model call: rotating the keys, or the feed-forward."""
    own, seen = _call_latents(options)
    tokens, item = _tokens(config, size), options.dtype.itemsize
    queries, keys = own * tokens // options.ranks, seen * tokens // options.ranks
    # Rotation in float32: the keys, two products of half of them, and two results of half of them.
    rotation = 12 * keys * config.dim
    # Single frames that lie apart are copied to stand side by side, as are those that come from elsewhere.
    if options.fp8_cache or options.offload_cache or options.rollout is not None:
        rotation += 2 * keys * config.dim * item
    # Before and after the activation; in 8 bits, two float32 copies of its result and the 8-bit one.
    feed_forward = queries * config.ffn_dim * (9 + item if options.fp8_linear else 2 * item)
    return 6 * queries * config.dim * item + max(rotation, feed_forward)


def too_small(need: MemoryNeed, free_gib: float, where: str) -> LiveActError:
    """The error for a device that is too small: what is needed and what is free, by part, and what lowers it."""
    parts = ", ".join(
        f"{part.name.removesuffix('_gib')} {getattr(need, part.name):.1f}"
        for part in fields(need)
        if part.name != "host_gib" and getattr(need, part.name) >= 0.05
    )
    return LiveActError(
        f"Not enough memory on {where}: {need.total_gib:.1f} GiB needed ({parts}), {free_gib:.1f} GiB free. What "
        "lowers it: fp8_cache halves the cache and offload_cache moves it to the host; fp8_linear takes a third "
        "off the weights and block_offload moves them to the host; a text encoder on the CPU; a smaller size"
    )


@dataclass(frozen=True)
class _BlockParts:
    """Bytes of the DiT's weights."""

    outside: int
    """All that is not a block."""
    linear: int
    """Linear layers of one block."""
    small: int
    """The rest of one block."""


def _block_parts(config: DiTConfig, options: NeedOptions) -> _BlockParts:
    one = DiTConfig(**{**{f.name: getattr(config, f.name) for f in fields(config)}, "num_layers": 1})
    with torch.device("meta"):
        dit = CausalDiT(one).to(options.dtype)
    total = _bytes(dit, None)
    block = _bytes(dit.blocks[0], None)
    if options.fp8_linear:
        quantise_linears(dit, method="scaled")
    layers = [part for part in dit.blocks[0].modules() if isinstance(part, (nn.Linear, Fp8Linear))]
    whole = _bytes(dit.blocks[0], None)
    linear = sum(_bytes(part, None) for part in layers)
    return _BlockParts(outside=total - block, linear=linear, small=whole - linear)


def _bytes(module: nn.Module, dtype: torch.dtype | None) -> int:
    """Bytes of parameters and saved buffers, in a dtype or in their own."""
    tensors = module.state_dict(keep_vars=True).values()
    distinct = {id(t): t for t in tensors}.values()
    return sum(t.numel() * (dtype or t.dtype).itemsize for t in distinct)


def _tokens(config: DiTConfig, size: tuple[int, int]) -> int:
    """Tokens per latent frame."""
    width, height = (side // vae.SPATIAL_STRIDE for side in size)
    return (height // config.patch_size[1]) * (width // config.patch_size[2])
