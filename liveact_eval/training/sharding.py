"""Weights, gradients and moments in shares over the processes (FSDP): none holds a whole model while it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from liveact_eval.liveact.dit import Block


def shard(loss: nn.Module, player: nn.Module, ranks: int, device: torch.device) -> None:
    """Split a player's weights over the processes, in place; each transformer block is gathered when it is needed.

    The weights of rank 0 become those of all. Names of weights stay as they are. A block goes to the device, is split
    there, and leaves its share: no GPU has to hold the whole.

    Args:
        loss: module that holds the player, and whose call is a training pass.
        player: whose weights are split; on the CPU, or on the device already.
        ranks: number of processes.
        device: where this process computes.
    """
    for tensor in (*player.parameters(), *player.buffers()):
        dist.broadcast(tensor.detach(), 0)
    mesh = init_device_mesh(device.type, (ranks,))
    for block in [part for part in player.modules() if isinstance(part, Block)]:
        # Keys and values of text and image are computed before the blocks run: that part is gathered by itself.
        for part in (block.cross_attn, block):
            part.register_forward_hook(_touch)
            fully_shard(part, mesh=mesh)
        register_fsdp_forward_method(block.cross_attn, "keys_and_values")
    loss.register_forward_hook(_touch)
    fully_shard(loss, mesh=mesh)


def _touch(module: nn.Module, _inputs: object, output: Any) -> Any:
    """Give every weight of a gathered part a gradient, if only zero.

    Speech is left out of some batches. What one rank's pass leaves out would be missing from its gradients, and ranks
    would wait for one another with messages of different lengths.
    """
    if not torch.is_grad_enabled():
        return output
    nothing = torch.stack([weight.sum().float() for weight in _own_weights(module)]).sum() * 0.0
    if isinstance(output, Tensor):
        return output + nothing.to(output.dtype)
    first, *others = output
    return (first + nothing.to(first.dtype), *others)


def _own_weights(module: nn.Module) -> Iterator[nn.Parameter]:
    """Weights that are gathered with a part: not those of parts within it that are gathered by themselves."""
    yield from module.parameters(recurse=False)
    for child in module.children():
        if not isinstance(child, FSDPModule):
            yield from _own_weights(child)


def whole(tensor: Tensor) -> Tensor:
    """A weight as it is without sharding; where it is in shares, every rank has to ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def wholes(state: Any, *, kept: bool = True) -> Any:
    """The same nested state with whole tensors on the CPU: its file depends neither on processes nor on devices.

    Tensors are gathered one by one, so that a GPU never holds more than one whole one.

    Args:
        state: nested mappings and lists; where tensors are in shares, every rank has to ask.
        kept: whether this process wants them; otherwise `None` stands in the place of each.
    """
    if isinstance(state, Tensor):
        gathered = whole(state.detach())
        return gathered.cpu() if kept else None
    if isinstance(state, Mapping):
        return {key: wholes(value, kept=kept) for key, value in state.items()}
    if isinstance(state, list):
        return [wholes(value, kept=kept) for value in state]
    return state


def like(tensor: Tensor, example: Tensor) -> Tensor:
    """A whole tensor in the shares that another one lies in."""
    if not isinstance(example, DTensor):
        return tensor
    # Every rank has read the same file: nothing has to be sent.
    return distribute_tensor(
        tensor.to(example.device), example.device_mesh, example.placements, src_data_rank=None
    )
