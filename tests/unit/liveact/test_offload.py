"""Blocks that come and go: equal results, few on the device, and nothing lost on the way."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.offload import BlockOffload
from liveact_eval.liveact.quantise import quantise_linears
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.neighbor import NeighborForcing
from tests.unit.liveact.models import CONFIG, condition, small_dit, speech, text_and_image

LAYERS = 5
DEEP = DiTConfig(**{**CONFIG.__dict__, "num_layers": LAYERS})


def video(dit: CausalDiT, blocks: int = 3) -> Tensor:
    rollout = NeighborForcing(dit)
    rollout.begin(condition())
    context, noise = dit.encode_context(*text_and_image()), Noise(3)
    made = []
    for n in range(blocks):
        span = rollout.audio_span(n)
        windows = audio_windows(speech(), span.start, len(span), CONFIG.audio_window)
        made.append(rollout.block(n, context, windows, noise))
    return torch.cat(made, dim=2)


@pytest.mark.parametrize("resident", [1, 2, 3, LAYERS - 1])
def test_results_are_the_same_to_the_last_bit(resident: int) -> None:
    expected = video(small_dit(DEEP))
    dit = small_dit(DEEP)
    dit.feed = BlockOffload(dit.blocks, "cpu", resident)

    assert torch.equal(video(dit), expected)


def test_results_in_8_bits_are_the_same_too() -> None:
    narrow = [small_dit(DEEP) for _ in range(2)]
    for dit in narrow:
        quantise_linears(dit, method="emulated")
    narrow[1].feed = BlockOffload(narrow[1].blocks, "cpu", 1)

    assert torch.equal(video(narrow[0]), video(narrow[1]))


@pytest.mark.parametrize("resident", [1, 2, 3, LAYERS - 1])
def test_at_most_one_more_than_asked_for_lies_on_the_device(resident: int) -> None:
    dit = small_dit(DEEP)
    feed = BlockOffload(dit.blocks, "cpu", resident)
    lying, using = [], []
    for _ in range(3):
        for block in feed(dit.blocks):
            lying.append(feed.on_device())
            using.append(buffer_of(block))

    assert max(lying) <= resident + 1
    # Counted by the memory that the blocks computed from, not by the object's own word.
    assert len(set(using)) <= resident + 1
    assert feed.device_bytes() == (resident + 1) * feed.block_bytes


def test_the_next_block_is_under_way_while_one_computes() -> None:
    dit = small_dit(DEEP)
    feed = BlockOffload(dit.blocks, "cpu", 1)
    copied = []
    for _ in feed(dit.blocks):
        copied.append(feed.copies)

    assert copied == [2, 3, 4, 5, 6]
    list(feed(dit.blocks))
    assert feed.copies == 11  # the first block of a pass was fetched by the pass before


def test_host_memory_holds_exactly_what_streams() -> None:
    dit = small_dit(DEEP)
    linears = [part for part in dit.blocks[0].modules() if isinstance(part, nn.Linear)]
    one = sum(p.nbytes for part in linears for p in part.parameters())
    feed = BlockOffload(dit.blocks, "cpu", 2)

    assert one <= feed.block_bytes < one + 256 * 2 * len(linears)
    assert feed.host_bytes() == (LAYERS - 1) * feed.block_bytes


def test_a_forward_that_fails_midway_leaves_the_weights_whole() -> None:
    expected = video(small_dit(DEEP))
    dit = small_dit(DEEP)
    dit.feed = BlockOffload(dit.blocks, "cpu", 1)
    for index, _ in enumerate(dit.feed(dit.blocks)):
        if index == 2:
            break

    assert torch.equal(video(dit), expected)


def test_between_calls_the_weights_are_all_there() -> None:
    before = {name: tensor.clone() for name, tensor in small_dit(DEEP).state_dict().items()}
    dit = small_dit(DEEP)
    dit.feed = BlockOffload(dit.blocks, "cpu", 2)
    video(dit)

    after = dit.state_dict()
    assert set(after) == set(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_what_cannot_be_offloaded_is_refused() -> None:
    dit = small_dit(DEEP)
    for resident in (0, LAYERS):
        with pytest.raises(LiveActError, match=f"{resident} of 5 blocks are to stay .* expected 1 to 4"):
            BlockOffload(dit.blocks, "cpu", resident)
    dit.blocks[1].ffn[0] = nn.Linear(CONFIG.dim, 7)
    with pytest.raises(LiveActError, match="blocks differ"):
        BlockOffload(dit.blocks, "cpu", 1)


def buffer_of(block: nn.Module) -> int:
    """Address of the memory that a block's matrices lie in."""
    pointer: int = block.self_attn.q.weight.untyped_storage().data_ptr()
    return pointer
