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

    host: bool
    """Whether it lies in host memory."""

    @abstractmethod
    def write(self, start: int, values: Tensor) -> None:
        """Put `values` [B, n, H, D] at tokens start..start+n."""

    @abstractmethod
    def read(self, start: int, stop: int) -> Tensor:
        """Tokens start..stop in the model's dtype, on its device. Not to be written to."""

    @abstractmethod
    def nbytes(self) -> int:
        """Bytes held."""


class _Buffer:
    """A tensor [B, N, ...] on the device, or in host memory from where runs of tokens are copied to the device.

    Copies to and from the host are given to the device's queue like all other work, so that they are in order with
    it and the host does not wait.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, *, host: bool
    ) -> None:
        self._device = device
        # Only pinned memory can be copied without the host waiting.
        pinned = host and device.type == "cuda"
        home = torch.device("cpu") if pinned else device
        self._values = torch.zeros(shape, dtype=dtype, device=home, pin_memory=pinned)

    def put(self, start: int, values: Tensor) -> None:
        self._values[:, start : start + values.shape[1]].copy_(values, non_blocking=True)

    def get(self, start: int, stop: int) -> Tensor:
        return self._values[:, start:stop].to(self._device, non_blocking=True)

    @property
    def nbytes(self) -> int:
        return self._values.nbytes


class PlainStore(Store):
    """In the model's dtype."""

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        dtype: torch.dtype,
        device: torch.device,
        *,
        host: bool = False,
    ) -> None:
        self.host = host
        self._values = _Buffer(shape, dtype, device, host=host)

    def write(self, start: int, values: Tensor) -> None:
        """See `Store.write`."""
        self._values.put(start, values)

    def read(self, start: int, stop: int) -> Tensor:
        """See `Store.read`."""
        return self._values.get(start, stop)

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

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        dtype: torch.dtype,
        device: torch.device,
        *,
        host: bool = False,
    ) -> None:
        self.host = host
        self._dtype = dtype
        self._values = _Buffer(shape, torch.float8_e4m3fn, device, host=host)
        self._scales = _Buffer((*shape[:-1], 1), torch.float32, device, host=host)

    def write(self, start: int, values: Tensor) -> None:
        """See `Store.write`."""
        quantised, scale = quantise_fp8(values)
        self._values.put(start, quantised)
        self._scales.put(start, scale)

    def read(self, start: int, stop: int) -> Tensor:
        """See `Store.read`."""
        wide = self._values.get(start, stop).float() * self._scales.get(start, stop)
        return wide.to(self._dtype)

    def nbytes(self) -> int:
        """See `Store.nbytes`."""
        return self._values.nbytes + self._scales.nbytes


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """How keys and values are kept."""

    fp8: bool = False
    """In 8 bits (e4m3) with a scale per token and head."""
    host: bool = False
    """In host memory instead of the device's."""

    def build(self, shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device) -> Store:
        """An empty store of that shape."""
        if self.fp8:
            return Fp8Store(shape, dtype, device, host=self.host)
        return PlainStore(shape, dtype, device, host=self.host)

    def bytes_per_value(self, head_dim: int, dtype: torch.dtype) -> float:
        """Bytes that one cached number takes."""
        return 1 + 4 / head_dim if self.fp8 else dtype.itemsize
