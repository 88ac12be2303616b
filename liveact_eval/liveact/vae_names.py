"""Names of the VAE's tensors: the official file's to those of diffusers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from liveact_eval.liveact.config import VAEConfig

Value = TypeVar("Value")

_PLACES = {
    "conv1": "conv_in",
    "head.0": "norm_out",
    "head.2": "conv_out",
    "middle.0": "mid_block.resnets.0",
    "middle.1": "mid_block.attentions.0",
    "middle.2": "mid_block.resnets.1",
}
"""Parts of the encoder and of the decoder that have a place of their own."""

_RESIDUAL = {
    "residual.0": "norm1",
    "residual.2": "conv1",
    "residual.3": "norm2",
    "residual.6": "conv2",
    "shortcut": "conv_shortcut",
}
"""Inside a residual block."""

_TOP = {"conv1": "quant_conv", "conv2": "post_quant_conv"}


def diffusers_names(tensors: Mapping[str, Value], config: VAEConfig) -> dict[str, Value]:
    """The same tensors under the names of `AutoencoderKLWan`.

    Names that are so already stay; a name of neither kind stays too, and the loader reports it.
    """
    if "encoder.conv_in.weight" in tensors:
        return dict(tensors)
    return {_renamed(name, config): tensor for name, tensor in tensors.items()}


def _renamed(name: str, config: VAEConfig) -> str:
    top = name.partition(".")
    if top[0] in _TOP:
        return f"{_TOP[top[0]]}.{top[2]}"
    part, _, inner = name.partition(".")
    if part not in ("encoder", "decoder"):
        return name
    flat = re.fullmatch(r"(downsamples|upsamples)\.(\d+)\.(.+)", inner)
    if flat is not None:
        stack, index, rest = flat[1], int(flat[2]), _inside(flat[3])
        if stack == "downsamples":
            return f"{part}.down_blocks.{index}.{rest}"
        # Each level of the decoder is its residual blocks, one more than in the encoder, and an upsampler.
        level, place = divmod(index, config.num_res_blocks + 2)
        kind = f"resnets.{place}" if place <= config.num_res_blocks else "upsamplers.0"
        return f"{part}.up_blocks.{level}.{kind}.{rest}"
    for official, ours in _PLACES.items():
        if inner.startswith(f"{official}."):
            return f"{part}.{ours}.{_inside(inner[len(official) + 1 :])}"
    return name


def _inside(rest: str) -> str:
    """What follows the place: parts of a residual block are renamed, `norm`, `to_qkv` and the like stay."""
    for official, ours in _RESIDUAL.items():
        if rest.startswith(f"{official}."):
            return ours + rest[len(official) :]
    return rest
