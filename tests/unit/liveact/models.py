"""A small transformer and its inputs for tests: sizes as odd as they may be, weights and inputs from a seed."""

from __future__ import annotations

import torch
from torch import Tensor

from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.weights import fill_random

CONFIG = DiTConfig(
    dim=48,
    num_heads=4,
    num_layers=2,
    ffn_dim=96,
    freq_dim=32,
    text_dim=24,
    text_len=12,
    image_dim=20,
    image_tokens=7,
    audio_layers=2,
    audio_channels=10,
    audio_hidden=16,
    audio_dim=24,
    audio_tokens=3,
)


def small_dit(config: DiTConfig = CONFIG, seed: int = 0) -> CausalDiT:
    """A transformer with random weights, whose modulations are not zero."""
    dit = CausalDiT(config)
    dit.requires_grad_(False)
    fill_random(dit, seed)
    return dit


def gaussian(*shape: int, seed: int = 1) -> Tensor:
    """Normal numbers of their own seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def text_and_image(config: DiTConfig = CONFIG) -> tuple[Tensor, Tensor]:
    """Rows of the text and the image encoder."""
    return gaussian(9, config.text_dim, seed=2), gaussian(config.image_tokens, config.image_dim, seed=3)


def speech(frames: int = 120, config: DiTConfig = CONFIG) -> Tensor:
    """Features of speech, one row per video frame."""
    return gaussian(frames, config.audio_layers, config.audio_channels, seed=4)


def condition(height: int = 4, width: int = 6, latents: int = 14) -> Tensor:
    """Mask and latent of a reference image."""
    y = gaussian(1, 20, latents, height, width, seed=5)
    y[:, :4] = 0
    y[:, :4, 0] = 1
    return y
