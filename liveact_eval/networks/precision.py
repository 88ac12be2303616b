"""Networks in bfloat16: how they are called then, and which machines can do it.

Only what happens inside a network is in bfloat16, and there only what loses little by it: matrix products and
convolutions, as `torch.autocast` chooses. Weights stay as they were read. What goes in (resized pictures, crops,
MFCCs) and what is made of the features (cosines, distances, statistics) is in float32 or float64 as ever. Which
networks may run so, and why others may not, is said in the catalogue: `Network.float32_only`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from liveact_eval.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Precision = Literal["float32", "bfloat16"]
"""What networks compute in."""
MARK = "bf16"
"""What a recipe says behind the weights of a network that runs in bfloat16."""
CALLS = ("forward", "embed_video", "embed_audio")
"""The methods by which metrics run networks; each takes tensors by position and gives one."""

_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_CPU_INFO = Path("/proc/cpuinfo")


def lower(network: nn.Module, device: str) -> None:
    """Have a network compute in bfloat16 from now on; what it gives is float32.

    Args:
        network: its methods named in `CALLS` are replaced, on this object alone.
        device: where it runs: cpu, cuda or cuda:N.
    """
    from torch import nn

    kind = device.partition(":")[0]
    for module in network.modules():
        # Autocast has them in float32 on a GPU and not on a CPU, where they take twice as long in bfloat16.
        if isinstance(module, nn.GroupNorm):
            setattr(module, "forward", _in_float32(module.forward))  # noqa: B010 - not the method of the class
    for name in CALLS:
        call = getattr(network, name, None)
        if call is not None:
            setattr(network, name, _lowered(call, kind))


def _lowered(call: Callable[..., Any], kind: str) -> Callable[..., Tensor]:
    import torch

    @functools.wraps(call)
    def lowered(*tensors: Any) -> Tensor:
        with torch.autocast(kind, dtype=torch.bfloat16):
            made: Tensor = call(*tensors)
        return made.float()

    return lowered


def _in_float32(call: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: call(x.float())


def check_bfloat16(device: str) -> str | None:
    """Whether a device computes in bfloat16 fast; a sentence of warning where it does not.

    Args:
        device: cpu, cuda or cuda:N.

    Raises:
        UserError: it cannot compute in bfloat16 at all.
    """
    import torch

    asked = f"networks.precision is bfloat16 and networks.device {device}"
    kind, _, number = device.partition(":")
    if kind == "cpu":
        if native_on_cpu():
            return None
        return (
            f"{asked}, but this processor shows no instructions for it (avx512_bf16, amx_bf16 or Arm's bf16): it "
            "works, and is likely to be slower than float32. Leave networks.precision out for speed"
        )
    mend = "Leave networks.precision out, or set networks.device to one that can"
    if kind != "cuda":
        raise UserError(f"{asked}; cpu, cuda or cuda:N is expected. {mend}")
    if not torch.cuda.is_available():
        raise UserError(f"{asked}, but PyTorch {torch.__version__} finds no CUDA device. {mend}")
    count = torch.cuda.device_count()
    if number and not (number.isdigit() and int(number) < count):
        raise UserError(f"{asked}, but there are {count} CUDA devices, numbered from 0. {mend}")
    lacking = gpu_without_bfloat16(torch.device(device))
    if lacking is not None:
        raise UserError(f"{asked}, but {lacking}; bfloat16 needs 8.0 or more. {mend}")
    return None


def gpu_without_bfloat16(gpu: torch.device) -> str | None:
    """Name and compute capability of a GPU that has no units for bfloat16; `None` for one that has."""
    import torch

    major, minor = torch.cuda.get_device_capability(gpu)
    # Before compute capability 8.0 (Ampere) there are no such units.
    if torch.version.hip is not None or major >= 8:
        return None
    return f"{torch.cuda.get_device_name(gpu)} has compute capability {major}.{minor}"


def native_on_cpu(info: Path = _CPU_INFO) -> bool:
    """Whether the processor has instructions for bfloat16, as Linux lists them in `info`; elsewhere nobody says so."""
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    named = (line.partition(":") for line in lines)
    return any(
        name.strip() in {"flags", "Features"} and _FLAGS & set(words.split()) for name, _, words in named
    )
