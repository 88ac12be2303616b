"""One variant of the LiveAct benchmark, in a process of its own: build, warm up, measure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from _resident import peak_rss_mib
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from liveact_eval.liveact import vae
from liveact_eval.liveact.acceleration import SpeedOptions, apply
from liveact_eval.liveact.clock import LapClock
from liveact_eval.liveact.compiled import graphs_compiled
from liveact_eval.liveact.config import LiveActConfig, named_config
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.graphs import GraphedForward
from liveact_eval.liveact.sampler import Noise
from liveact_eval.liveact.stream import to_uint8
from liveact_eval.liveact.stream_decoder import DecodeMode, StreamDecoder
from liveact_eval.liveact.weights import fill_random, materialise
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions

SETTLING = 3
"""Blocks of a new stream before its steady state: the first, one more, and the one that CUDA graphs are recorded in."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to measure."""

    config: str
    device: str
    size: tuple[int, int]
    speed: SpeedOptions
    rollout: NeighborOptions
    decode: DecodeMode
    blocks: int
    """Steady blocks that are measured."""


class Generator:
    """DiT, VAE and random conditions: all that a frame is made with, but for the encoders."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.device = torch.device(task.device)
        config, dtype = named_config(task.config), task.speed.torch_dtype
        task.speed.check_device(self.device, config.dit.head_dim)
        dit, module = blank(config)
        for part, seed in ((dit, 0), (module, 1)):
            materialise(part, self.device, dtype)
            fill_random(part, seed)
        self.dit, self.vae = dit, vae.WanVAE(module, config.vae)
        self.settings = apply(dit, task.speed, self.device, vae=self.vae)
        if self.device.type == "cuda":
            # The wide weights of a quantised model were here for a moment; that is not what it needs.
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
        sizes = config.dit
        draw = torch.Generator(self.device).manual_seed(2)
        shape = (1, 53, sizes.audio_window, sizes.audio_layers, sizes.audio_channels)
        self.windows = torch.randn(shape, generator=draw, device=self.device, dtype=dtype)
        self.condition = torch.randn(
            1,
            sizes.in_dim - sizes.out_dim,
            14,
            task.size[1] // vae.SPATIAL_STRIDE,
            task.size[0] // vae.SPATIAL_STRIDE,
            generator=draw,
            device=self.device,
            dtype=dtype,
        )
        with torch.no_grad():
            self.context = dit.encode_context(
                torch.randn(20, sizes.text_dim, generator=draw, device=self.device, dtype=dtype),
                torch.randn(
                    sizes.image_tokens, sizes.image_dim, generator=draw, device=self.device, dtype=dtype
                ),
            )

    @torch.no_grad()
    def stream(self, blocks: int) -> tuple[list[dict[str, float]], int]:
        """Seconds of each block of a new stream by part, and the bytes of its memory."""
        rollout = NeighborForcing(self.dit, self.task.rollout)
        rollout.begin(self.condition)
        decoder, noise = StreamDecoder(self.vae, mode=self.task.decode), Noise(3)
        made = []
        for n in range(blocks):
            clock = LapClock(self.device)
            latents = rollout.block(n, self.context, self.windows, noise)
            dit_s = clock.lap()
            pixels = decoder.decode(latents)
            vae_s = clock.lap()
            frames = to_uint8(pixels).cpu()
            host_s = clock.lap()
            if not torch.isfinite(latents).all():
                raise SystemExit(f"block {n}: latents are not finite; nothing of this run may be published")
            parts = {"dit_s": dit_s, "vae_s": vae_s, "host_s": host_s}
            made.append(parts | {"total_s": dit_s + vae_s + host_s, "frames": float(len(frames))})
        return made, rollout.memory_bytes()


def blank(config: LiveActConfig) -> tuple[CausalDiT, torch.nn.Module]:
    """DiT and VAE without numbers."""
    with torch.device("meta"):
        dit = CausalDiT(config.dit).eval().requires_grad_(False)
        return dit, vae.build(config.vae)


def measure(task: Task) -> dict[str, Any]:
    """Everything that was measured of one variant."""
    started = time.perf_counter()
    generator = Generator(task)
    building = time.perf_counter() - started
    cold, _ = generator.stream(SETTLING + 1)
    compiled = graphs_compiled()
    warm, memory = generator.stream(SETTLING + task.blocks)
    executor = generator.dit.executor
    return {
        "settings": generator.settings,
        "build_s": building,
        "cold": cold,
        "start": warm[:SETTLING],
        "steady": warm[SETTLING:],
        "graphs_compiled": compiled,
        "graphs_compiled_while_measuring": graphs_compiled() - compiled,
        "cuda_graph_replays": executor.replayed if isinstance(executor, GraphedForward) else 0,
        "cache_bytes": memory,
        "peak_memory_gib": _peak_gib(generator.device),
        "gpu": torch.cuda.get_device_name(generator.device) if generator.device.type == "cuda" else None,
    }


def _peak_gib(device: torch.device) -> dict[str, float]:
    if device.type == "cuda":
        return {
            "allocated": torch.cuda.max_memory_allocated(device) / 2**30,
            "reserved": torch.cuda.max_memory_reserved(device) / 2**30,
        }
    return {"resident": peak_rss_mib() / 1024}


def flops_per_block(task: Task) -> dict[str, int]:
    """Floating-point operations of a steady block, counted on the meta device: nothing is computed.

    Matrix products, attention products and convolutions count, a multiply-add as two; all else does not. Keys and
    values of the prompt are counted once per prompt, so not here.
    """
    config = named_config(task.config)
    dit, module = blank(config)
    dit, module = dit.bfloat16(), module.bfloat16()
    sizes, (width, height) = config.dit, (side // vae.SPATIAL_STRIDE for side in task.size)
    with torch.device("meta"):
        condition = torch.zeros(1, sizes.in_dim - sizes.out_dim, 14, height, width)
        windows = torch.zeros(1, 53, sizes.audio_window, sizes.audio_layers, sizes.audio_channels)
        context = dit.encode_context(
            torch.zeros(20, sizes.text_dim), torch.zeros(sizes.image_tokens, sizes.image_dim)
        )
        latents = torch.zeros(1, sizes.out_dim, 8, height, width, dtype=torch.bfloat16)
    rollout = NeighborForcing(dit, task.rollout)
    rollout.begin(condition)
    decoder = StreamDecoder(vae.WanVAE(module, config.vae), mode=task.decode)
    with torch.no_grad():
        for n in range(2):
            rollout.block(n, context, windows, _Nothing())
            decoder.decode(latents)
        with FlopCounterMode(display=False) as dit_count:
            rollout.block(2, context, windows, _Nothing())
        with FlopCounterMode(display=False) as vae_count:
            decoder.decode(latents)
    return {"dit": dit_count.get_total_flops(), "vae": vae_count.get_total_flops()}


class _Nothing(Noise):
    def __init__(self) -> None:
        pass

    def draw(self, shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, device=device, dtype=dtype)
