from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.compression import KernelPair
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.memory import Frame
from liveact_eval.liveact.policies import POLICIES, memory_policy
from liveact_eval.training.training_memory import SlotStore, TrainingMemory

FRAME = Frame(batch=2, tokens=4, heads=2, head_dim=6, dtype=torch.float32, device=torch.device("cpu"))
SIZES = (6, 8, 8, 8, 8)
LAYERS = 2
BOUNDED = [policy.name for policy in POLICIES if policy.layout is not None]


def _tokens(count: int, draws: torch.Generator, *, grad: bool = False) -> Tensor:
    return torch.randn(2, count * FRAME.tokens, 2, 6, generator=draws).requires_grad_(grad)


def _kernels(draws: torch.Generator, *, share: bool, grad: bool = False) -> list[KernelPair]:
    made = []
    for _ in range(LAYERS):
        key, value = (torch.randn(5, 2, 6, generator=draws).requires_grad_(grad) for _ in range(2))
        made.append(KernelPair(key, key if share else value))
    return made


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("detach", [False, True])
def test_training_sees_the_very_past_that_a_rollout_sees(name: str, detach: bool) -> None:
    draws, policy = torch.Generator().manual_seed(0), memory_policy(name)
    kernels = _kernels(draws, share=policy.share_kernel)
    rollout = policy.build(LAYERS, FRAME, StoreOptions())
    training = TrainingMemory(policy, LAYERS, FRAME, detach=detach)
    for size in SIZES:
        assert training.begin_block(size, kernels) == rollout.begin_block(size, kernels)
        for ours, theirs in zip(training.layers, rollout.layers, strict=True):
            k, v = _tokens(size, draws), _tokens(size, draws)
            for got, expected in zip(ours.append(k, v), theirs.append(k, v), strict=True):
                assert got.equal(expected)


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("name", ["convkv", "convkv-paper", "convkv-sp2"])
def test_kernels_learn_from_the_third_block_on(name: str, detach: bool) -> None:
    draws, policy = torch.Generator().manual_seed(0), memory_policy(name)
    kernels = _kernels(draws, share=policy.share_kernel, grad=True)
    memory = TrainingMemory(policy, LAYERS, FRAME, detach=detach)
    applied = {id(kernel): kernel for pair in kernels for kernel in pair if kernel is not None}.values()
    assert len(applied) == LAYERS * (1 if policy.share_kernel else 2)
    written: list[Tensor] = []
    for number, size in enumerate(SIZES):
        memory.begin_block(size, kernels)
        keys, values = _tokens(size, draws, grad=True), _tokens(size, draws, grad=True)
        written.append(keys)
        seen = [part for layer in memory.layers for part in layer.append(keys, values)]
        torch.stack([part.square().sum() for part in seen]).sum().backward(retain_graph=True)
        for kernel in applied:
            assert (kernel.grad is not None and bool(kernel.grad.any())) == (number >= 2)
            kernel.grad = None
        earlier = [part.grad is not None for part in written[:-1]]
        assert earlier == [not detach] * number
        assert keys.grad is not None
        for part in written:
            part.grad = None


def test_a_memory_without_bounds_is_refused() -> None:
    with pytest.raises(LiveActError, match="'full' grows without bound"):
        TrainingMemory(memory_policy("full"), LAYERS, FRAME, detach=False)


def test_reading_what_was_never_written_is_refused() -> None:
    store = SlotStore(4)
    store.write(0, torch.zeros(1, 8, 2, 6))
    assert store.read(4, 8).shape == (1, 4, 2, 6) and store.nbytes() == 8 * 12 * 4
    with pytest.raises(LiveActError, match=r"Slots \[2\]"):
        store.read(0, 12)
