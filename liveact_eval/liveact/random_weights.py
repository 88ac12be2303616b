"""Seeded weights for a module that has none: for trying the machinery, not for pictures.

Scales are such that a signal keeps its size through deep networks: matrices and kernels N(0, 1/fan_in), gains
near 1, biases near 0, the ConvKV kernels near the mean of their taps.
"""

from __future__ import annotations

import hashlib
import re

import torch
from torch import Tensor, nn

from liveact_eval.liveact._assign import assign, tied_names

_SMALL = 0.02
"""Standard deviation of what lies near its neutral value."""
_MEMORY = re.compile(r"(^|\.)memory_proj_[kv]\.weight$")
_GAIN = re.compile(r"(^|\.)(gamma|original0|weight_g)$")


def fill_random(module: nn.Module, seed: int) -> None:
    """Fill all floating-point parameters, in place. Buffers stay as they are.

    A parameter's numbers depend on the seed, its name and its shape, not on the order of the parameters. They
    are drawn on its device: CPU and GPU give different numbers, and the same device the same ones.

    Args:
        module: on a real device; see `materialise` for one on the meta device.
        seed: any integer.

    Raises:
        ValueError: a parameter is on the meta device.
    """
    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    for name, parameter in module.named_parameters():
        if parameter.is_meta:
            raise ValueError(f"{name} is on the meta device: call materialise(module, device, dtype) first")
        if parameter.is_floating_point():
            mean, std = (0.0, 1.0) if id(parameter) in tables else _scale(name, parameter)
            with torch.no_grad():
                parameter.normal_(mean, std, generator=_generator(name, seed, parameter.device))


def materialise(module: nn.Module, device: torch.device | str, dtype: torch.dtype | None) -> None:
    """Give a module on the meta device memory on a device; its parameters hold anything until they are filled.

    Args:
        module: its buffers must not be on the meta device: nothing would fill them. They move to `device` and
            keep their dtype; parameters that are one tensor stay one.
        device: where to.
        dtype: of floating-point parameters; `None` leaves theirs.

    Raises:
        ValueError: a buffer is on the meta device.
    """
    lost = [name for name, buffer in module.named_buffers() if buffer.is_meta]
    if lost:
        raise ValueError(f"buffers on the meta device have lost their values: {', '.join(lost[:3])}")
    for names in tied_names(dict(module.named_parameters(remove_duplicate=False))):
        parameter = module.get_parameter(names[0])
        wanted = dtype if dtype is not None and parameter.is_floating_point() else parameter.dtype
        if parameter.is_meta:
            assign(module, names, torch.empty_like(parameter, device=device, dtype=wanted))
        else:
            assign(module, names, parameter.detach().to(device=device, dtype=wanted))
    for names in tied_names(dict(module.named_buffers(remove_duplicate=False))):
        assign(module, names, module.get_buffer(names[0]).to(device))


def _generator(name: str, seed: int, device: torch.device) -> torch.Generator:
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def _scale(name: str, parameter: Tensor) -> tuple[float, float]:
    """Mean and standard deviation."""
    leaf = name.rpartition(".")[2]
    if _MEMORY.search(name):
        # 1/taps: what is folded into a memory slot keeps its size.
        return 1.0 / parameter.shape[-1], _SMALL
    if _GAIN.search(name) or (leaf == "weight" and parameter.ndim == 1):
        return 1.0, _SMALL
    if leaf == "weight":
        return 0.0, float(parameter[0].numel()) ** -0.5
    # Biases, modulation, tokens: added to a signal of size 1.
    return 0.0, _SMALL
