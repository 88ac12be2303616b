"""The memory: which slots a block sees, what becomes of old ones, and how many bytes are held."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.compression import KernelPair, mean_over_tokens, over_time, over_tokens
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.memory import Frame, Memory, Positions
from liveact_eval.liveact.policies import POLICIES, memory_policy

TOKENS, HEADS, WIDTH = 10, 2, 4
FRAME = Frame(1, TOKENS, HEADS, WIDTH, torch.float32, torch.device("cpu"))
FIFTHS = KernelPair(torch.full((5, HEADS, WIDTH), 0.2), torch.full((5, HEADS, WIDTH), 0.2))
BOUNDED = [policy.name for policy in POLICIES if policy.layout is not None]


def run(memory: Memory, blocks: list[Tensor], kernels: KernelPair = FIFTHS) -> list[tuple[Positions, Tensor]]:
    """Append blocks [1, T, S, H, D] as keys and values; gives positions and the keys that each block saw."""
    seen = []
    for block in blocks:
        positions = memory.begin_block(block.shape[1], [kernels])
        keys, _ = memory.layers[0].append(block.flatten(1, 2), block.flatten(1, 2))
        seen.append((positions, keys.unflatten(1, (-1, TOKENS)).clone()))
    return seen


def frames(*values: float) -> Tensor:
    """A block whose latent frames are constant."""
    return torch.tensor(values).view(1, -1, 1, 1, 1).expand(1, len(values), TOKENS, HEADS, WIDTH).clone()


def per_frame(keys: Tensor) -> list[float]:
    """The mean of each slot."""
    return [round(value, 4) for value in keys.mean((0, 2, 3, 4)).tolist()]


def blocks_of(count: int) -> list[Tensor]:
    """Blocks whose frames are numbered 0, 1, 2, ..."""
    numbers = iter(range(6 + 8 * count))
    return [frames(*(float(next(numbers)) for _ in range(6 if n == 0 else 8))) for n in range(count)]


@pytest.mark.parametrize("name", BOUNDED)
def test_positions_are_those_of_the_slots_and_never_grow(name: str) -> None:
    seen = run(memory_policy(name).build(1, FRAME, StoreOptions()), blocks_of(5))

    assert seen[0][0] == Positions(tuple(range(6)), tuple(range(6)))
    assert [positions for positions, _ in seen[1:]] == [Positions(tuple(range(6, 14)), tuple(range(14)))] * 4


def test_convkv_folds_all_that_is_old_into_slot_2() -> None:
    keys = run(memory_policy("convkv").build(1, FRAME, StoreOptions()), blocks_of(4))

    assert per_frame(keys[1][1]) == [float(n) for n in range(14)]
    # mean(2, 3, 4, 5, 6) = 4, mean(7..11) = 9, then the last two frames and the new block.
    assert per_frame(keys[2][1]) == [0, 1, 4, 9, 12, 13, *range(14, 22)]
    assert per_frame(keys[3][1]) == [0, 1, (4 + 9 + 12 + 13 + 14) / 5, 17, 20, 21, *range(22, 30)]


def test_two_ranks_fold_other_frames() -> None:
    keys = run(memory_policy("convkv-sp2").build(1, FRAME, StoreOptions()), blocks_of(3))

    assert per_frame(keys[2][1])[:6] == [0, 1, (2 + 6 + 7 + 8 + 9) / 5, (3 + 4 + 5 + 10 + 11) / 5, 12, 13]


def test_window_keeps_the_sink_and_the_last_four_frames() -> None:
    keys = run(memory_policy("window").build(1, FRAME, StoreOptions()), blocks_of(3))

    assert per_frame(keys[2][1]) == [0, 1, 10, 11, 12, 13, *range(14, 22)]


def test_full_memory_keeps_everything_at_growing_positions() -> None:
    seen = run(memory_policy("full").build(1, FRAME, StoreOptions()), blocks_of(3))

    assert per_frame(seen[2][1]) == [float(n) for n in range(22)]
    assert seen[2][0] == Positions(tuple(range(14, 22)), tuple(range(22)))


def test_values_are_folded_by_the_key_kernel_only_where_that_is_the_rule() -> None:
    shares = {policy.name: policy.share_kernel for policy in POLICIES}

    assert shares["convkv"] and shares["convkv-sp2"] and not shares["convkv-paper"]


@pytest.mark.parametrize("name", [name for name in BOUNDED if name != "window"])
def test_a_constant_past_stays_that_constant(name: str) -> None:
    blocks = [frames(*[3.0] * (6 if n == 0 else 8)) for n in range(6)]

    keys = run(memory_policy(name).build(1, FRAME, StoreOptions()), blocks)[-1][1]

    assert torch.allclose(keys, torch.full_like(keys, 3.0))


def test_axes_of_compression_differ_where_tokens_differ() -> None:
    parts = torch.randn(1, 5, TOKENS, HEADS, WIDTH, generator=torch.Generator().manual_seed(0))
    kernel = FIFTHS.key

    assert torch.allclose(over_tokens(parts, kernel), mean_over_tokens(parts), atol=1e-6)
    assert torch.allclose(over_time(parts, kernel), parts.mean(1), atol=1e-6)
    assert (over_tokens(parts, kernel) - over_time(parts, kernel)).abs().max() > 0.1
    # The first fifth of the folded frame describes the first frame alone.
    changed = parts.clone()
    changed[:, 1:] = 0
    assert torch.equal(over_tokens(changed, kernel)[:, :2], over_tokens(parts, kernel)[:, :2])


def test_compression_equals_a_depthwise_convolution() -> None:
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(1, 5, TOKENS, HEADS, WIDTH, generator=generator)
    kernel = torch.randn(5, HEADS, WIDTH, generator=generator)
    sequence = parts.flatten(1, 2).flatten(2).transpose(1, 2)

    expected = torch.nn.functional.conv1d(
        sequence, kernel.flatten(1).t().unsqueeze(1), stride=5, groups=HEADS * WIDTH
    )

    assert torch.allclose(over_tokens(parts, kernel).flatten(2), expected.transpose(1, 2), atol=1e-6)


@pytest.mark.parametrize("store", [StoreOptions(), StoreOptions(fp8=True), StoreOptions(host=True)])
@pytest.mark.parametrize("name", BOUNDED)
def test_bytes_do_not_grow(name: str, store: StoreOptions) -> None:
    memory = memory_policy(name).build(1, FRAME, store)
    held = []
    for block in blocks_of(20):
        run(memory, [block])
        held.append(memory.nbytes())

    assert len(set(held)) == 1
    numbers = 2 * 14 * TOKENS * HEADS * WIDTH
    assert held[0] == (numbers + numbers // WIDTH * 4 if store.fp8 else numbers * 4)


def test_eight_bits_lose_little_and_read_in_the_dtype_of_the_model() -> None:
    values = torch.randn(1, TOKENS, HEADS, 64, generator=torch.Generator().manual_seed(0)).bfloat16()
    store = StoreOptions(fp8=True).build((1, TOKENS, HEADS, 64), torch.bfloat16, torch.device("cpu"))

    store.write(0, values)

    back = store.read(0, TOKENS)
    error = (back - values).abs() / values.abs().amax(-1, keepdim=True)
    assert back.dtype == torch.bfloat16
    assert 0 < error.max() < 2**-4


def test_a_block_of_the_wrong_length_is_refused() -> None:
    memory = memory_policy("convkv").build(1, FRAME, StoreOptions())

    with pytest.raises(LiveActError, match="Block 0 has 8 latent frames; this memory takes 6 there"):
        memory.begin_block(8, [FIFTHS])


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LiveActError, match="'convkv2'; known: convkv, convkv-sp2"):
        memory_policy("convkv2")


def test_a_kernel_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a kernel of 3 taps"):
        over_tokens(torch.zeros(1, 5, TOKENS, HEADS, WIDTH), torch.zeros(3, HEADS, WIDTH))
