"""Linear layers in 8 bits: e4m3 weights with a scale per output channel, activations quantised per token as they come.

The paper speaks of "adaptive FP8" without saying more. Here the scale of every token is taken from that token at run
time, so nothing is calibrated and nothing can overflow; that is this project's reading, not a published recipe.

Shapes: M tokens, K input width, N output width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import quantise_fp8

Fp8Method = Literal["scaled", "emulated"]
"""`scaled`: PyTorch's scaled matrix product, on tensor cores. `emulated`: the same numbers widened to float32 and
multiplied there; slow, for tests and for machines without FP8."""


class Fp8Linear(nn.Module):
    """Takes the place of a linear layer. Bias and result are in the dtype of the input."""

    weight: Tensor
    """e4m3 [N, K]."""
    scale: Tensor
    """float32 [N, 1]; the weight is `weight * scale`."""
    bias: Tensor | None
    """[N]."""

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None, method: Fp8Method) -> None:
        super().__init__()
        self.method = method
        self._product = _emulated if method == "emulated" else _scaled_product()
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    @classmethod
    def from_linear(
        cls, linear: nn.Linear, method: Fp8Method, device: torch.device | None = None
    ) -> Fp8Linear:
        """Quantise a layer; its weight is brought to `device` first, where quantising is fast."""
        with torch.no_grad():
            wide = linear.weight.detach().to(device or linear.weight.device)
            weight, scale = quantise_fp8(wide)
            bias = None if linear.bias is None else linear.bias.detach().to(wide.device)
        return cls(weight, scale, bias, method)

    def forward(self, x: Tensor) -> Tensor:
        """[..., N] of x [..., K]."""
        flat = x.flatten(0, -2)
        values, scale = quantise_fp8(flat)
        out = self._product(values, scale, self.weight, self.scale, x.dtype)
        if self.bias is not None:
            out = out + self.bias
        return out.unflatten(0, x.shape[:-1])

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Fp8Linear:
        """Move, but never cast: `module.to(dtype)` would widen the 8-bit values."""
        if fn(self.weight).dtype != self.weight.dtype:
            raise LiveActError(
                "A transformer in 8 bits was cast to another dtype. Cast it before it is quantised, and only move it "
                "afterwards"
            )
        applied: Fp8Linear = super()._apply(fn, recurse)
        return applied

    def extra_repr(self) -> str:
        """Sizes and method, for `print(module)`."""
        return (
            f"in_features={self.weight.shape[1]}, out_features={self.weight.shape[0]}, method={self.method}"
        )


Product = Callable[[Tensor, Tensor, Tensor, Tensor, torch.dtype], Tensor]
"""From e4m3 a [M, K] and scale [M, 1], e4m3 b [N, K] and scale [N, 1], and a dtype: (a * scale) @ (b * scale)^T."""


def _emulated(a: Tensor, a_scale: Tensor, b: Tensor, b_scale: Tensor, dtype: torch.dtype) -> Tensor:
    return ((a.float() * a_scale) @ (b.float() * b_scale).t()).to(dtype)


def _scaled_product() -> Product:
    """PyTorch's public product where it has one (from 2.10), else its older name."""
    return _scaled_public if hasattr(F, "scaled_mm") else _scaled_older


def _scaled_public(a: Tensor, a_scale: Tensor, b: Tensor, b_scale: Tensor, dtype: torch.dtype) -> Tensor:
    by_row = F.ScalingType.RowWise
    product: Tensor = F.scaled_mm(
        a, b.t(), a_scale, by_row, b_scale.t(), by_row, output_dtype=dtype, use_fast_accum=True
    )
    return product


def _scaled_older(a: Tensor, a_scale: Tensor, b: Tensor, b_scale: Tensor, dtype: torch.dtype) -> Tensor:
    product: Tensor = torch._scaled_mm(a, b.t(), a_scale, b_scale.t(), out_dtype=dtype, use_fast_accum=True)
    return product


def require_scaled(device: torch.device, dtype: torch.dtype) -> None:
    """Refuse where PyTorch's scaled product does not run, found out by a small one.

    Raises:
        LiveActError: says what is needed.
    """
    if device.type == "meta":
        return
    seen = f"{device} with {str(dtype).removeprefix('torch.')}"
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        seen = f"{torch.cuda.get_device_name(device)} (compute capability {major}.{minor}) with {dtype}"
    try:
        weight = torch.arange(256 * 256, device=device).view(256, 256).sin().add(1).div(16).to(dtype)
        x = torch.ones(32, 256, device=device, dtype=dtype)
        exact = x @ weight.t()
        narrow = Fp8Linear(*quantise_fp8(weight), None, "scaled")(x)
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LiveActError(
            f"FP8 products do not run on {seen}: {reason}. They need a GPU of compute capability 8.9 (Ada) or 9.0 "
            "(Hopper) and newer, bfloat16, and a PyTorch that scales by row there. Leave FP8 off, or take the method "
            "emulated, which is slow"
        ) from error
    if not torch.allclose(exact.float(), narrow.float(), rtol=0.03, atol=0):
        raise LiveActError(
            f"FP8 products give wrong values on {seen}: off by {(exact - narrow).abs().max():g} in products of "
            f"{exact.mean():g}. Leave FP8 off, and check the driver and the build of PyTorch"
        )
