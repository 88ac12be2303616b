"""CausVid's chain of clips: what every call looks at, a second clip made by hand, and the joint."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from liveact_eval.cards.load import load_model
from liveact_eval.efficiency.operations import count_steady_block
from liveact_eval.generators.rollout_choice import with_rollout
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.causal_forcing import CausVid
from liveact_eval.rollouts.chained import ChainedCausVid, ChainedConfig
from tests.unit.liveact.models import CONFIG, small_dit
from tests.unit.rollouts.rollout_cases import ByHand, looked_at, make

RAW = [1000.0, 757.0, 522.0]


def test_every_call_of_three_clips() -> None:
    made = make(ChainedCausVid(), 15)
    for block in range(15):
        calls = [call for call in made.calls if call.block == block]
        # The first clip has 7 blocks, each later one 6 and the one that it takes over.
        clip = 0 if block < 7 else 18 if block < 13 else 36
        own = tuple(range(3 * block, 3 * block + 3))
        if block in (7, 13):
            taken = calls.pop(0)
            assert (taken.purpose, taken.frames) == ("cache", tuple(range(clip, clip + 3)))
            assert taken.positions == (0, 1, 2) and taken.timesteps == (0.0,) * 3
            assert looked_at(taken) == [] and taken.written == taken.frames
        assert [call.purpose for call in calls] == ["denoise"] * 3 + ["cache"]
        assert [call.timesteps for call in calls] == [(level,) * 3 for level in [*RAW, 0.0]]
        for call in calls:
            assert call.frames == own and call.positions == tuple(f - clip for f in own)
            assert looked_at(call, "clean") == [(f, f - clip) for f in range(clip, own[0])]
        assert calls[-1].written == own and max(calls[-1].positions) <= 20
    assert made.latents.shape[2] == 45


def test_two_blocks_can_be_taken_over_one_behind_the_other() -> None:
    made = make(ChainedCausVid(ChainedConfig(clip_frames=12, overlap=6)), 6)
    calls = [call for call in made.calls if call.block == 4]
    assert [(call.purpose, call.frames, call.positions) for call in calls[:3]] == [
        ("cache", (6, 7, 8), (0, 1, 2)),
        ("cache", (9, 10, 11), (3, 4, 5)),
        ("denoise", (12, 13, 14), (6, 7, 8)),
    ]
    assert looked_at(calls[1]) == [(6, 0), (7, 1), (8, 2)]


def test_the_first_clip_is_causvid_and_the_second_is_one_more_from_its_last_frames() -> None:
    dit = small_dit(replace(CONFIG, num_layers=2))
    made = make(ChainedCausVid(), 8, dit=dit).latents
    torch.testing.assert_close(made[:, :, :21], make(CausVid(), 7, dit=dit).latents)
    hand = ByHand(dit, 24)
    past, own = [18, 19, 20], [21, 22, 23]
    hand.velocity(
        past,
        made[:, :, past],
        [0.0] * 3,
        positions=[0, 1, 2],
        beside=hand.beside([0, 1, 2]),
        keep=True,
    )
    x = torch.cat([hand.normal("begin", frame) for frame in own], dim=2)
    clean: Tensor = x
    for step, level in enumerate(RAW):
        velocity = hand.velocity(
            own,
            x,
            [level] * 3,
            [(18, 0), (19, 1), (20, 2)],
            positions=[3, 4, 5],
            beside=hand.beside([3, 4, 5]),
        )
        clean = x - level / 1000 * velocity
        if step < 2:
            fresh = torch.cat([hand.normal("between", frame) for frame in own], dim=2)
            share = RAW[step + 1] / 1000
            x = (1 - share) * clean + share * fresh
    torch.testing.assert_close(made[:, :, own], clean, atol=1e-5, rtol=1e-5)


def test_the_block_that_is_counted_is_named() -> None:
    rule = count_steady_block(with_rollout(load_model("liveact-tiny"), "causvid-chained"), (32, 32)).rule
    assert "costs repeat after 6 blocks: block 3 is of middle cost among them" in rule


@pytest.mark.parametrize("wrong", [{"overlap": 0}, {"overlap": 2}, {"clip_frames": 20}, {"overlap": 21}])
def test_clips_that_do_not_go_on_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(LiveActError, match="expected whole blocks, at least one of which is taken over"):
        ChainedConfig(**wrong)  # type: ignore[arg-type]
