"""Where the keys and values of one denoising step lie: plain, in 8 bits, or in host memory.

Shapes: B batch, N tokens of the cache, H heads, D head width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

FP8_MAX = 448.0
"""Largest finite value of float8 e4m3fn."""
SMALLEST_SCALE = 1e-12


class Store(ABC):
    """A tensor [B, N, H, D] that is written and read by runs of tokens."""

    @abstractmethod
    def write(self, start: int, values: Tensor) -> None:
        """Put `values` [B, n, H, D] at tokens start..start+n."""

    @abstractmethod
    def read(self, start: int, stop: int) -> Tensor:
        """Tokens start..stop in the model's dtype, on its device. Not to be written to."""

    @abstractmethod
    def nbytes(self) -> int:
        """Bytes held."""


class PlainStore(Store):
    """In the model's dtype, on its device."""

    def __init__(self, shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device) -> None:
        self._values = torch.zeros(shape, dtype=dtype, device=device)

    def write(self, start: int, values: Tensor) -> None:
        """See `Store.write`."""
        self._values[:, start : start + values.shape[1]].copy_(values)

    def read(self, start: int, stop: int) -> Tensor:
        """See `Store.read`."""
        return self._values[:, start:stop]

    def nbytes(self) -> int:
        """See `Store.nbytes`."""
        return self._values.nbytes


def quantise_fp8(values: Tensor) -> tuple[Tensor, Tensor]:
    """e4m3 values and their float32 scales [..., 1], one per token and head: largest magnitude / 448."""
    wide = values.float()
    scale = (wide.abs().amax(-1, keepdim=True) / FP8_MAX).clamp(min=SMALLEST_SCALE)
    return (wide / scale).to(torch.float8_e4m3fn), scale


class Fp8Store(Store):
    """In 8 bits with a scale per token and head: about half of bf16. Reading widens what is read.

    What is compressed is read wide and quantised again, so errors add up from block to block, as they do in
    the official program.
    """

    def __init__(self, shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device) -> None:
        self._dtype = dtype
        self._values = torch.zeros(shape, dtype=torch.float8_e4m3fn, device=device)
        self._scales = torch.zeros((*shape[:-1], 1), dtype=torch.float32, device=device)

    def write(self, start: int, values: Tensor) -> None:
        """See `Store.write`."""
        stop = start + values.shape[1]
        quantised, scale = quantise_fp8(values)
        self._values[:, start:stop].copy_(quantised)
        self._scales[:, start:stop].copy_(scale)

    def read(self, start: int, stop: int) -> Tensor:
        """See `Store.read`."""
        return (self._values[:, start:stop].float() * self._scales[:, start:stop]).to(self._dtype)

    def nbytes(self) -> int:
        """See `Store.nbytes`."""
        return self._values.nbytes + self._scales.nbytes


class HostStore(Store):
    """Another store kept in host memory; what is read is copied to the device, and freed after use."""

    def __init__(self, inner: Store, device: torch.device) -> None:
        self._inner = inner
        self._device = device

    def write(self, start: int, values: Tensor) -> None:
        """See `Store.write`."""
        self._inner.write(start, values.cpu())

    def read(self, start: int, stop: int) -> Tensor:
        """See `Store.read`."""
        return self._inner.read(start, stop).to(self._device)

    def nbytes(self) -> int:
        """See `Store.nbytes`."""
        return self._inner.nbytes()


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """How keys and values are kept."""

    fp8: bool = False
    """In 8 bits (e4m3) with a scale per token and head."""
    host: bool = False
    """In host memory instead of the device's."""

    def build(self, shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device) -> Store:
        """An empty store of that shape."""
        home = torch.device("cpu") if self.host else device
        inner: Store = (Fp8Store if self.fp8 else PlainStore)(shape, dtype, home)
        return HostStore(inner, device) if self.host else inner

    def bytes_per_value(self, head_dim: int, dtype: torch.dtype) -> float:
        """Bytes that one cached number takes."""
        return 1 + 4 / head_dim if self.fp8 else dtype.itemsize
