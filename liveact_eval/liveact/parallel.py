"""Sequence parallelism: the tokens of each latent frame are shared out, and attention runs on whole heads.

Ulysses exchange (Jacobs et al. 2023): before self-attention every rank gives its tokens of the other ranks'
heads away and gets all tokens of its own heads; afterwards the reverse. As the KV memory then holds whole
sequences of some heads, and ConvKV works channel by channel, N ranks compute exactly what one rank does.

Shapes: B batch, T latent frames, S tokens per latent frame, C channels, H heads, D head width, R ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.launch import launched_ranks


class TokenExchange(Protocol):
    """How the tokens of a block lie on the ranks."""

    ranks: int

    def split(self, x: Tensor) -> Tensor:
        """This rank's tokens [B, T, S', C] of all tokens [B, T, S, C]."""
        ...

    def join(self, x: Tensor, tokens: int) -> Tensor:
        """All `tokens` tokens per frame [B, T, S, C] from each rank's [B, T, S', C]."""
        ...

    def to_heads(self, x: Tensor, tokens: int) -> Tensor:
        """All tokens of this rank's heads [B, T, S, H/R, D] from this rank's tokens of all heads [B, T, S', H, D]."""
        ...

    def to_tokens(self, x: Tensor) -> Tensor:
        """The reverse of `to_heads`."""
        ...

    def own_heads(self, x: Tensor) -> Tensor:
        """This rank's heads of a tensor [K, H, D] that every rank holds whole."""
        ...


class OneRank:
    """A single process: nothing is exchanged."""

    ranks = 1

    def split(self, x: Tensor) -> Tensor:
        """All tokens."""
        return x

    def join(self, x: Tensor, tokens: int) -> Tensor:
        """All tokens."""
        return x

    def to_heads(self, x: Tensor, tokens: int) -> Tensor:
        """All heads."""
        return x

    def to_tokens(self, x: Tensor) -> Tensor:
        """All tokens."""
        return x

    def own_heads(self, x: Tensor) -> Tensor:
        """All heads."""
        return x


class UlyssesExchange:
    """Tokens and heads shared out over the ranks of a process group (gloo on CPU, NCCL on GPUs).

    A frame whose tokens do not divide by the ranks is padded; padding never reaches attention.
    """

    def __init__(self, heads: int, group: dist.ProcessGroup | None = None) -> None:
        self._group = group
        self.ranks = dist.get_world_size(group)
        self._rank = dist.get_rank(group)
        if heads % self.ranks:
            raise _uneven(heads, self.ranks)

    def split(self, x: Tensor) -> Tensor:
        """See `TokenExchange.split`."""
        padded = F.pad(x, (0, 0, 0, -x.shape[2] % self.ranks))
        return padded.chunk(self.ranks, dim=2)[self._rank].contiguous()

    def join(self, x: Tensor, tokens: int) -> Tensor:
        """See `TokenExchange.join`."""
        parts = [torch.empty_like(x) for _ in range(self.ranks)]
        dist.all_gather(parts, x.contiguous(), group=self._group)
        return torch.cat(parts, dim=2)[:, :, :tokens]

    def to_heads(self, x: Tensor, tokens: int) -> Tensor:
        """See `TokenExchange.to_heads`."""
        # [R, B, T, S', H/R, D]: part r goes to rank r.
        received = self._swap(x.unflatten(3, (self.ranks, -1)).movedim(3, 0))
        return received.movedim(0, 2).flatten(2, 3)[:, :, :tokens]

    def to_tokens(self, x: Tensor) -> Tensor:
        """See `TokenExchange.to_tokens`."""
        padded = F.pad(x, (0, 0, 0, 0, 0, -x.shape[2] % self.ranks))
        received = self._swap(padded.unflatten(2, (self.ranks, -1)).movedim(2, 0))
        return received.movedim(0, 3).flatten(3, 4)

    def own_heads(self, x: Tensor) -> Tensor:
        """See `TokenExchange.own_heads`."""
        return x.chunk(self.ranks, dim=1)[self._rank]

    def _swap(self, parts: Tensor) -> Tensor:
        """Part r of the first axis goes to rank r; what comes from rank r lands in part r."""
        sent = parts.contiguous()
        received = torch.empty_like(sent)
        dist.all_to_all_single(received, sent, group=self._group)
        return received


@contextmanager
def launched_exchange(heads: int, device: torch.device) -> Iterator[TokenExchange]:
    """The exchange among the processes that a launcher started, joined for the time of the block.

    Args:
        heads: attention heads of the model.
        device: where this process computes: NCCL on a GPU, gloo elsewhere.

    Raises:
        LiveActError: the ranks do not divide the heads.
    """
    if launched_ranks() == 1:
        yield OneRank()
        return
    if heads % launched_ranks():
        raise _uneven(heads, launched_ranks())
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield UlyssesExchange(heads)
    finally:
        dist.destroy_process_group()


def _uneven(heads: int, ranks: int) -> LiveActError:
    return LiveActError(
        f"{heads} attention heads cannot be shared by {ranks} ranks; start a number that divides {heads}"
    )
