"""Transformer blocks in host memory, brought to the device one ahead of the one that computes.

The large matrices of a block lie in one pinned host buffer and travel in one copy, on a stream of their own, while
the block before computes. Results are the same to the last bit: only the place of the weights changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fp8_linear import Fp8Linear

BlockFeed = Callable[[nn.ModuleList], Iterator[nn.Module]]
"""Gives the blocks in order; each may be used until the next one is asked for."""

_ALIGNMENT = 256
"""Bytes; kernels read whole lines, and fast ones refuse other addresses."""


def all_resident(blocks: nn.ModuleList) -> Iterator[nn.Module]:
    """All blocks lie on the device all the time."""
    return iter(blocks)


@dataclass(frozen=True)
class _Place:
    """Where a tensor of a block lies in the block's buffer."""

    owner: nn.Module
    name: str
    start: int
    shape: torch.Size
    dtype: torch.dtype

    @property
    def stop(self) -> int:
        return self.start + self.shape.numel() * self.dtype.itemsize

    def view(self, buffer: Tensor) -> Tensor:
        """The tensor in a buffer of bytes."""
        return buffer[self.start : self.stop].view(self.dtype).view(self.shape)


class BlockOffload:
    """A `BlockFeed` for devices that cannot hold all blocks.

    Of `resident` blocks on the device all but one stay for good; the others stream through two more places, one
    that computes and one that fills. So at most `resident` + 1 blocks lie on the device. Norms, modulations and
    ConvKV kernels stay there always, since they are small and are used between model calls too.

    Args:
        blocks: of the transformer; their linear layers are taken over. Everything else must be on `device`.
        device: where they compute.
        resident: blocks on the device, 1 to the number of blocks less 1.

    Raises:
        LiveActError: `resident` out of range, or blocks that differ in shape.
    """

    def __init__(self, blocks: nn.ModuleList, device: torch.device | str, resident: int = 1) -> None:
        if not 1 <= resident < len(blocks):
            raise LiveActError(
                f"{resident} of {len(blocks)} blocks are to stay on the device; expected 1 to {len(blocks) - 1}. "
                "Leave block offload off where all fit"
            )
        self.device = torch.device(device)
        self.resident = resident
        self._fixed = resident - 1
        self._layouts = [_layout(block) for block in blocks]
        self.block_bytes = self._layouts[0][-1].stop
        sizes = [[(p.start, p.shape, p.dtype) for p in layout] for layout in self._layouts]
        if any(size != sizes[0] for size in sizes):
            raise LiveActError("The blocks differ in their layers, so they cannot share places on the device")
        self._stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self._host: list[Tensor] = []
        for index in range(len(blocks)):
            self._host.append(self._take(index))
        self._slots = [self._device_buffer() for _ in range(2)]
        self._lying: list[int | None] = [None, None]
        """Which block each slot holds or is being filled with."""
        self._filled: list[torch.cuda.Event | None] = [None, None]
        self.copies = 0
        """Blocks that were copied to the device so far."""

    def __call__(self, blocks: nn.ModuleList) -> Iterator[nn.Module]:
        """See `BlockFeed`."""
        for index, block in enumerate(blocks):
            if index < self._fixed:
                yield block
                continue
            slot = self._fetch(index, into=0)
            # The other slot's block is done, or was never there: fill it while this one computes.
            self._fetch(index + 1 if index + 1 < len(blocks) else self._fixed, into=1 - slot)
            filled = self._filled[slot]
            if filled is not None:
                torch.cuda.current_stream(self.device).wait_event(filled)
            self._point(index, self._slots[slot])
            try:
                yield block
            finally:
                self._point(index, self._host[index])

    def on_device(self) -> int:
        """Blocks that lie on the device now, counting one that is being copied."""
        return self._fixed + sum(index is not None for index in self._lying)

    def host_bytes(self) -> int:
        """Bytes of pinned host memory."""
        return sum(buffer.nbytes for buffer in self._host[self._fixed :])

    def device_bytes(self) -> int:
        """Bytes of blocks on the device."""
        return (self._fixed + len(self._slots)) * self.block_bytes

    def _device_buffer(self) -> Tensor:
        return torch.empty(self.block_bytes, dtype=torch.uint8, device=self.device)

    def _take(self, index: int) -> Tensor:
        """Gather a block's matrices in one buffer, on the device if they stay there, and let the block use it."""
        if index < self._fixed:
            buffer = self._device_buffer()
        else:
            # Pinned: from pageable memory every copy would wait for the host.
            buffer = torch.empty(self.block_bytes, dtype=torch.uint8, pin_memory=self._stream is not None)
        for place in self._layouts[index]:
            place.view(buffer).copy_(getattr(place.owner, place.name).detach())
        self._point(index, buffer)
        return buffer

    def _point(self, index: int, buffer: Tensor) -> None:
        """Let a block use its matrices in that buffer."""
        for place in self._layouts[index]:
            getattr(place.owner, place.name).data = place.view(buffer)

    def _fetch(self, index: int, *, into: int) -> int:
        """Start to copy a block, unless it lies in a slot already; gives the slot."""
        if index in self._lying:
            return self._lying.index(index)
        self._lying[into] = index
        self.copies += 1
        if self._stream is None:
            self._slots[into].copy_(self._host[index])
            return into
        # What the compute stream was given so far may still read the slot.
        given = torch.cuda.current_stream(self.device).record_event()
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(given)
            self._slots[into].copy_(self._host[index], non_blocking=True)
            self._filled[into] = self._stream.record_event()
        return into


def _layout(block: nn.Module) -> list[_Place]:
    """The tensors of a block's linear layers, one after the other."""
    places: list[_Place] = []
    start = 0
    for part in block.modules():
        if not isinstance(part, (nn.Linear, Fp8Linear)):
            continue
        tensors = [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]
        for name, tensor in tensors:
            place = _Place(part, name, start, tensor.shape, tensor.dtype)
            places.append(place)
            start = -(-place.stop // _ALIGNMENT) * _ALIGNMENT
    return places
