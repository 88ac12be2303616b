"""Memory policies by name: which past a block sees, and how what is old is folded."""

from __future__ import annotations

import re
from dataclasses import dataclass

from liveact_eval.liveact.compression import Compressor, mean_over_tokens, over_time, over_tokens
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.memory import (
    CONVKV,
    CONVKV_TWO_RANKS,
    WINDOW,
    Frame,
    FullMemory,
    Memory,
    MemoryLayout,
    SlotMemory,
    convkv_layout,
)


@dataclass(frozen=True, kw_only=True)
class MemoryPolicy:
    """A named way to remember."""

    name: str
    """Name in options and results."""
    summary: str
    """One line for people."""
    layout: MemoryLayout | None = None
    """Slots; `None` keeps everything."""
    compressor: Compressor = mean_over_tokens
    """How slots are folded."""
    share_kernel: bool = True
    """Whether values are folded by the key kernel."""
    first: int = CONVKV.first
    """Latent frames of the first block."""
    current: int = CONVKV.current
    """Latent frames of every later block."""

    def build(self, layers: int, frame: Frame, store: StoreOptions) -> Memory:
        """An empty memory of one denoising step."""
        if self.layout is None:
            return FullMemory(layers, frame, store)
        return SlotMemory(self.layout, self.compressor, layers, frame, store)


POLICIES = (
    MemoryPolicy(
        name="convkv",
        summary="the official program on one device: filters over the token sequence, key kernel for values too",
        layout=CONVKV,
        compressor=over_tokens,
    ),
    MemoryPolicy(
        name="convkv-sp2",
        summary="the official program on two devices, which groups what it folds in another way",
        layout=CONVKV_TWO_RANKS,
        compressor=over_tokens,
    ),
    MemoryPolicy(
        name="convkv-paper",
        summary="the paper's text: filters along time, with the value kernel for values",
        layout=CONVKV,
        compressor=over_time,
        share_kernel=False,
    ),
    MemoryPolicy(
        name="mean", summary="the mean of the same groups as convkv, without kernels", layout=CONVKV
    ),
    MemoryPolicy(name="window", summary="two sink frames and the last four, nothing folded", layout=WINDOW),
    MemoryPolicy(name="full", summary="everything, growing without bound: for short clips and comparisons"),
)


_SIZED = re.compile(r"convkv-(\d{1,2})-(\d{1,2})")


def memory_policy(name: str) -> MemoryPolicy:
    """The policy of that name; `convkv-8-6` is `convkv` for a first block of 8 latent frames, then blocks of 6.

    Raises:
        LiveActError: there is none.
    """
    sized = _SIZED.fullmatch(name)
    if sized is not None:
        first, current = (int(size) for size in sized.groups())
        return MemoryPolicy(
            name=name,
            summary=f"convkv for a first block of {first} latent frames, then blocks of {current}",
            layout=convkv_layout(first, current),
            compressor=over_tokens,
            first=first,
            current=current,
        )
    for policy in POLICIES:
        if policy.name == name:
            return policy
    raise LiveActError(f"No memory policy is named {name!r}; known: {', '.join(p.name for p in POLICIES)}")
