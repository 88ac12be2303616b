"""Keys and values of latent frames by name: order, room, writing behind reading, growth."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.frame_memory import FrameMemory
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.memory import Frame

TOKENS = 2


def memory(slots: int | None) -> FrameMemory:
    frame = Frame(
        batch=1, tokens=TOKENS, heads=1, head_dim=2, dtype=torch.float32, device=torch.device("cpu")
    )
    return FrameMemory(slots, 2, frame, StoreOptions())


def frames(*numbers: float) -> Tensor:
    """One value per latent frame, over its tokens and channels."""
    return torch.tensor(numbers).repeat_interleave(TOKENS)[None, :, None, None].expand(1, -1, 1, 2)


def call(past: FrameMemory, seen: list[str], own: dict[str, float], keep: list[str]) -> list[float]:
    """Values that a call sees in each layer, the same in both."""
    past.begin_call(seen, [(list(own).index(name), name) for name in keep])
    values = frames(*own.values())
    found = []
    for layer in past.layers:
        k, v = layer.append(values, -values)
        assert torch.equal(k, -v)
        found.append(k[0, ::TOKENS, 0, 0].tolist())
    assert found[0] == found[1]
    return list(found[0])


def test_what_is_seen_comes_in_the_order_asked_for_and_before_the_own_frames() -> None:
    past = memory(4)
    assert call(past, [], {"a": 1, "b": 2, "c": 3}, ["a", "c"]) == [1, 2, 3]
    assert call(past, ["c", "a"], {"d": 4}, ["d"]) == [3, 1, 4]
    assert call(past, ["a", "c", "d"], {"e": 5}, []) == [1, 3, 4, 5]
    assert past.names == ("a", "c", "d")


def test_a_name_that_is_written_again_is_seen_as_it_was_until_then() -> None:
    past = memory(2)
    call(past, [], {"a": 1}, ["a"])
    assert call(past, ["a"], {"a": 7}, ["a"]) == [1, 7]
    assert call(past, ["a"], {"b": 2}, []) == [7, 2]


def test_room_is_given_back_and_its_lack_is_an_error() -> None:
    past = memory(2)
    call(past, [], {"a": 1, "b": 2}, ["a", "b"])
    with pytest.raises(
        LiveActError, match=r"has 2 slots and holds \['a', 'b'\]: there is no room for 1 more"
    ):
        past.begin_call([], [(0, "c")])
    past.keep({"b"})
    assert call(past, ["b"], {"c": 3}, ["c"]) == [2, 3]
    with pytest.raises(LiveActError, match=r"does not hold a; it holds \['b', 'c'\]"):
        past.begin_call(["a"], [])


def test_without_a_bound_it_grows_by_what_is_kept() -> None:
    past = memory(None)
    assert past.nbytes() == 0
    call(past, [], {"a": 1, "b": 2}, ["a", "b"])
    # Two layers, keys and values, two tokens of two float32 numbers per frame.
    assert past.nbytes() == 2 * 2 * 2 * TOKENS * 2 * 4
    call(past, ["a"], {"c": 3}, ["c"])
    assert past.nbytes() == 3 * 2 * 2 * TOKENS * 2 * 4
    assert call(past, ["a", "b", "c"], {"d": 4}, []) == [1, 2, 3, 4]
