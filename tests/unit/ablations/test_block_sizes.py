"""ConvKV memory for blocks of other sizes."""

from __future__ import annotations

import pytest
import torch

from liveact_eval.ablations.rollouts import rollout_of
from liveact_eval.ablations.study import Setup
from liveact_eval.errors import UserError
from liveact_eval.liveact.compression import KernelPair
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.memory import CONVKV, Frame, convkv_layout
from liveact_eval.liveact.policies import memory_policy
from liveact_eval.liveact.sampler import Schedule

TOKENS, HEADS, WIDTH = 10, 2, 4
FRAME = Frame(1, TOKENS, HEADS, WIDTH, torch.float32, torch.device("cpu"))
FIFTHS = KernelPair(torch.full((5, HEADS, WIDTH), 0.2), torch.full((5, HEADS, WIDTH), 0.2))


def slots_seen(name: str, blocks: int) -> list[float]:
    """The means of what the last block sees, where frame n of the video holds the number n."""
    policy = memory_policy(name)
    memory = policy.build(1, FRAME, StoreOptions())
    numbers = iter(range(1000))
    for n in range(blocks):
        count = policy.first if n == 0 else policy.current
        values = torch.tensor([float(next(numbers)) for _ in range(count)])
        block = values.repeat_interleave(TOKENS).view(1, -1, 1, 1).expand(1, -1, HEADS, WIDTH).clone()
        memory.begin_block(count, [FIFTHS])
        keys, _ = memory.layers[0].append(block, block)
    assert keys.shape[1] == (policy.first + policy.current) * TOKENS
    return [round(v, 3) for v in keys.unflatten(1, (-1, TOKENS)).mean((0, 2, 3, 4)).tolist()]


def test_six_and_eight_are_the_official_layout() -> None:
    assert convkv_layout(6, 8) == CONVKV
    assert slots_seen("convkv-6-8", 4) == slots_seen("convkv", 4)


def test_the_oldest_ten_are_folded_and_the_newest_are_kept() -> None:
    # 2..6 and 7..11 are folded; the four newest of 16 stay.
    assert slots_seen("convkv-8-8", 3) == [0, 1, 4, 9, 12, 13, 14, 15, *range(16, 24)]
    # Of 12 frames ten are folded and the two newest stay: they are folded too.
    assert slots_seen("convkv-6-6", 3) == [0, 1, 4, 9, 10, 11, *range(12, 18)]


@pytest.mark.parametrize("name", ["convkv-6-5", "convkv-6-9", "convkv-3-8"])
def test_sizes_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(LiveActError, match="Expected 4 or more, then 8 at most, and 12 or more together"):
        memory_policy(name)


def test_three_steps_are_the_official_schedule() -> None:
    assert Schedule.in_steps(3) == Schedule.shifted()
    assert [len(Schedule.in_steps(n)) for n in range(1, 9)] == list(range(1, 9))
    assert all(Schedule.in_steps(n).timesteps[0] == 1000 for n in range(1, 9))


def test_an_unknown_rollout_is_named() -> None:
    with pytest.raises(UserError, match=r"Unknown rollout 'neighbour'. Did you mean 'neighbor'\?"):
        rollout_of(Setup(rollout="neighbour"), 3)
