"""The memory of a rollout as part of a loss: the slots of `SlotMemory`, kept as tensors that remember their history.

A rollout writes keys and values into one buffer in place, which a backward pass cannot follow. Here a slot is a tensor
of its own, writing replaces it, and reading concatenates. Folds, moves and positions are those of the rollout, since
they are the same code. So a block's loss reaches the ConvKV kernels that folded its past, and earlier blocks too.

Shapes: B batch, S tokens per latent frame, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from liveact_eval.liveact.attention import kernel_pair
from liveact_eval.liveact.compression import KernelPair
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import Store, StoreOptions
from liveact_eval.liveact.memory import Frame, Positions, SlotMemory
from liveact_eval.liveact.policies import MemoryPolicy


class SlotStore(Store):
    """One tensor [B, S, H, D] per slot.

    Args:
        tokens: tokens per slot (S); runs that are written and read are whole slots.
        detached: whether what is written loses its history, so that a backward pass stops at it.
    """

    def __init__(self, tokens: int, *, detached: bool = False) -> None:
        self.host = False
        self._tokens, self._detached = tokens, detached
        self._slots: dict[int, Tensor] = {}

    def write(self, start: int, values: Tensor) -> None:
        """See `Store.write`; the values keep their history, unless the store is a detached one."""
        kept = values.detach() if self._detached else values
        for number, part in enumerate(kept.split(self._tokens, dim=1)):
            self._slots[start // self._tokens + number] = part

    def read(self, start: int, stop: int) -> Tensor:
        """See `Store.read`.

        Raises:
            LiveActError: a slot was never written.
        """
        wanted = range(start // self._tokens, stop // self._tokens)
        empty = [slot for slot in wanted if slot not in self._slots]
        if empty:
            raise LiveActError(
                f"Slots {empty} are read, and nothing was written there; blocks must come in order"
            )
        return torch.cat([self._slots[slot] for slot in wanted], dim=1)

    def nbytes(self) -> int:
        """See `Store.nbytes`."""
        return sum(part.numel() * part.element_size() for part in self._slots.values())

    def copied(self) -> SlotStore:
        """The same slots; what is written to one of the two is not seen in the other."""
        copy = SlotStore(self._tokens, detached=self._detached)
        copy._slots = dict(self._slots)
        return copy

    def forget_history(self) -> None:
        """Keep the numbers; a backward pass stops at them."""
        self._slots = {slot: part.detach() for slot, part in self._slots.items()}


@dataclass(frozen=True, kw_only=True)
class SlotOptions(StoreOptions):
    """Keeps keys and values in a `SlotStore`."""

    tokens: int
    """Tokens per slot (S)."""
    detached: bool = False
    """See `SlotStore`."""

    def build(
        self,
        shape: tuple[int, int, int, int],
        dtype: torch.dtype,
        device: torch.device,
    ) -> SlotStore:
        """An empty store; what is written decides about type and device."""
        return SlotStore(self.tokens, detached=self.detached)


class TrainingMemory(SlotMemory):
    """The past of one noise level, for all layers, through which gradients flow.

    Args:
        policy: how the past is remembered; one with slots.
        layers: layers of the transformer.
        frame: size of the tokens.
        detach: whether a backward pass stops at earlier blocks; kernels that fold for a block learn from that block in
            any case.

    Raises:
        LiveActError: the policy keeps everything.
    """

    def __init__(self, policy: MemoryPolicy, layers: int, frame: Frame, *, detach: bool) -> None:
        if policy.layout is None:
            raise LiveActError(
                f"Memory policy {policy.name!r} grows without bound; expected one with slots, such as 'convkv'"
            )
        super().__init__(policy.layout, policy.compressor, layers, frame, SlotOptions(tokens=frame.tokens))
        self._detach = detach

    def begin_block(self, frames: int, kernels: Sequence[KernelPair]) -> Positions:
        """See `Memory.begin_block`."""
        if self._detach:
            for layer in self.layers:
                for store in (layer.keys, layer.values):
                    assert isinstance(store, SlotStore)
                    store.forget_history()
        return super().begin_block(frames, kernels)


def training_memory(dit: CausalDiT, policy: MemoryPolicy, latents: Tensor, *, detach: bool) -> TrainingMemory:
    """An empty memory for clips of the size of `latents` [B, C, T, h, w]."""
    rows, columns = dit.config.patch_size[1:]
    frame = Frame(
        batch=len(latents),
        tokens=(latents.shape[3] // rows) * (latents.shape[4] // columns),
        heads=dit.config.num_heads,
        head_dim=dit.config.head_dim,
        dtype=dit.dtype,
        device=dit.device,
    )
    return TrainingMemory(policy, dit.config.num_layers, frame, detach=detach)


def kernels_of(dit: CausalDiT, policy: MemoryPolicy) -> list[KernelPair]:
    """Each layer's ConvKV kernels as the policy applies them, with their history."""
    return [kernel_pair(block.self_attn.kernels(), share=policy.share_kernel) for block in dit.blocks]
