"""The networks of one generator, built together: from weight files, or with random weights from a seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import ROLES, LiveActConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.encoders import image, speech, text
from liveact_eval.liveact.encoders.tokenizer import open_tokenizer
from liveact_eval.liveact.errors import WeightsError
from liveact_eval.liveact.random_weights import fill_random, materialise
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.liveact.rollout import Rollout
from liveact_eval.liveact.weights import load_into, open_state


@dataclass(frozen=True, kw_only=True)
class Models:
    """Everything that has weights."""

    config: LiveActConfig
    """Sizes."""
    dit: CausalDiT
    """Denoises latents."""
    vae: vae.WanVAE
    """Pictures to latents and back."""
    text: text.TextEncoder
    """Prompts to rows; may lie on another device."""
    image: image.ImageEncoder
    """Reference picture to rows."""
    speech: speech.SpeechEncoder
    """Sound to features."""

    @property
    def device(self) -> torch.device:
        """Where frames are made."""
        return self.dit.device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the DiT's weights."""
        return self.dit.dtype


RolloutFactory = Callable[[CausalDiT, GenerationOptions], Rollout]
"""Makes the forcing strategy of one video."""


def random_models(
    config: LiveActConfig,
    seed: int,
    *,
    device: torch.device,
    dtype: torch.dtype,
    dit_device: torch.device | None = None,
) -> Models:
    """Networks with seeded random weights: they run like real ones, and their pictures are noise.

    A tokenizer that needs files is replaced by one of bytes.
    """
    words = dataclasses.replace(config.text, tokenizer="bytes")
    modules = blank_modules(config)
    for role, module in modules.items():
        home = dit_device if role == "dit" and dit_device is not None else device
        materialise(module, home, torch.float32 if role == "speech" else dtype)
        fill_random(module, seed + ROLES.index(role))
    dit = modules["dit"]
    assert isinstance(dit, CausalDiT)
    return Models(
        config=config,
        dit=dit,
        vae=vae.WanVAE(modules["vae"], config.vae),
        text=text.TextEncoder(modules["text"], words, open_tokenizer(words, None)),
        image=image.ImageEncoder(modules["image"], config.image),
        speech=speech.SpeechEncoder(modules["speech"], config.speech),
    )


def load_models(
    config: LiveActConfig,
    paths: Mapping[str, Path],
    *,
    device: torch.device,
    dtype: torch.dtype,
    text_device: torch.device | None = None,
    dit_device: torch.device | None = None,
) -> Models:
    """Networks from weight files.

    Args:
        config: sizes, which the files must have.
        paths: file or folder by role: dit, vae, text, image, speech, and `tokenizer` where it is not beside `text`.
        device: where frames are made.
        dtype: of all weights but those of the speech encoder, which stay float32.
        text_device: where prompts are encoded; `None`: on `device`. The full text encoder takes 11 GB in bfloat16.
        dit_device: where the transformer is put; `None`: on `device`.

    Raises:
        WeightsError: a role is missing, or a file is missing, damaged, or of other sizes.
    """
    lacking = [role for role in ROLES if role not in paths]
    if lacking:
        raise WeightsError(f"No weights are given for {', '.join(lacking)}; expected {', '.join(ROLES)}")
    # The small ones first: what is wrong with them is said before minutes are spent on the largest.
    # Speech is encoded in float32: it is small, and a second of it is encoded once.
    spoken = speech.load(paths["speech"], config.speech, device=device, dtype=torch.float32)
    seen = image.load(paths["image"], config.image, device=device, dtype=dtype)
    drawn = vae.load(paths["vae"], config.vae, device=device, dtype=dtype)
    written = text.load(
        paths["text"],
        config.text,
        tokenizer=paths.get("tokenizer"),
        device=text_device or device,
        dtype=dtype,
    )
    with torch.device("meta"):
        dit = CausalDiT(config.dit).eval().requires_grad_(False)
    load_into(dit, open_state(paths["dit"]).tensors(), device=dit_device or device, dtype=dtype, what="DiT")
    return Models(config=config, dit=dit, vae=drawn, text=written, image=seen, speech=spoken)


def blank_modules(config: LiveActConfig) -> dict[str, nn.Module]:
    """All networks by role, on the meta device: sizes without numbers."""
    builders: dict[str, Callable[[], nn.Module]] = {
        "dit": lambda: CausalDiT(config.dit),
        "vae": lambda: vae.build(config.vae),
        "text": lambda: text.build(config.text),
        "image": lambda: image.build(config.image),
        "speech": lambda: speech.build(config.speech),
    }
    with torch.device("meta"):
        return {role: build().eval().requires_grad_(False) for role, build in builders.items()}
