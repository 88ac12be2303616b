"""Which layers of the transformer are put into 8 bits, and doing it layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast, get_args

import torch
from torch import nn

from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fp8_linear import Fp8Linear, Fp8Method, require_scaled

KEPT = ("cross_attn.k*", "cross_attn.v*", "audio_cross_attn.kv_linear")
"""Linear layers of a block that stay as they are, as patterns of names: keys and values of text, image and speech.

They are 1 % of the work, are computed once per prompt, and an error in them would come back in every step and every
block. What lies outside the blocks (embeddings, modulation, head) is never quantised: it is smaller still, and its
error reaches all tokens at once."""

_MULTIPLE = 16
"""Widths that the tensor cores take are multiples of this."""


@dataclass(frozen=True, kw_only=True)
class Quantised:
    """What was quantised."""

    layers: tuple[str, ...]
    """Names of the layers that are now in 8 bits."""
    bytes_before: int
    """Bytes of these layers before."""
    bytes_after: int
    """Bytes of these layers now: weights, scales and biases."""


def quantise_linears(
    dit: CausalDiT,
    *,
    method: Fp8Method = "scaled",
    keep: tuple[str, ...] = KEPT,
    device: torch.device | str | None = None,
    home: torch.device | str | None = None,
) -> Quantised:
    """Put the linear layers of the blocks into 8 bits, in place, one after the other.

    The wide model need not fit on `device`: a layer is moved there, quantised, and its wide form let go.

    Args:
        dit: the transformer, anywhere.
        method: how products are computed.
        keep: layers that stay, as patterns of names within a block.
        device: where layers are quantised and will compute; `None`: where they are.
        home: where they lie afterwards; `None`: on `device`.

    Raises:
        LiveActError: the method cannot run there, or the layers are in 8 bits already.
    """
    if method not in get_args(Fp8Method):
        raise LiveActError(f"No FP8 method is named {method!r}; known: {', '.join(get_args(Fp8Method))}")
    place = None if device is None else torch.device(device)
    targets = quantised_layers(dit, keep)
    if not targets:
        raise LiveActError(
            "No linear layer is left to quantise: they are in 8 bits already, or `keep` names them all"
        )
    if method == "scaled":
        require_scaled(place or dit.device, dit.dtype)
        _check_widths({name: dit.get_submodule(name) for name in targets})
    before = after = 0
    for name in targets:
        linear = dit.get_submodule(name)
        before += sum(p.nbytes for p in linear.parameters())
        owner, _, leaf = name.rpartition(".")
        narrow = Fp8Linear.from_linear(linear, method, place)
        if home is not None:
            narrow = narrow.to(home)
        setattr(dit.get_submodule(owner), leaf, narrow)
        after += sum(b.nbytes for b in narrow.buffers())
    return Quantised(layers=targets, bytes_before=before, bytes_after=after)


def quantised_layers(dit: CausalDiT, keep: tuple[str, ...] = KEPT) -> tuple[str, ...]:
    """Names of the linear layers of the blocks that are not kept."""
    return tuple(
        f"blocks.{index}.{name}"
        for index, block in enumerate(dit.blocks)
        for name, part in block.named_modules()
        if isinstance(part, nn.Linear) and not any(fnmatchcase(name, pattern) for pattern in keep)
    )


def _check_widths(layers: dict[str, nn.Module]) -> None:
    for name, module in layers.items():
        linear = cast("nn.Linear", module)
        if linear.in_features % _MULTIPLE or linear.out_features % _MULTIPLE:
            raise LiveActError(
                f"{name} maps {linear.in_features} to {linear.out_features}; FP8 products take multiples of "
                f"{_MULTIPLE}. Leave FP8 off for this configuration"
            )
