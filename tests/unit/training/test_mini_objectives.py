"""The frame and the clip network in training: what is learnt, what a head is, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from liveact_eval.errors import UserError
from liveact_eval.networks.mini_clip import build_mini_clip, to_mini_clips
from liveact_eval.networks.mini_frame import build_mini_frame, to_mini_frames
from liveact_eval.training.objectives import clip_network, frame_network
from liveact_eval.training.objectives.base import Objective
from liveact_eval.training.objectives.clip_network import ClipNetworkObjective, played
from liveact_eval.training.objectives.configs import ClipNetworkChoice, FrameNetworkChoice
from liveact_eval.training.objectives.frame_network import (
    FrameNetworkObjective,
    head_masks,
    in_front_of_others,
    same_speaker_loss,
)
from liveact_eval.training.objectives.frame_validation import told_apart
from liveact_eval.training.recipe import DataConfig, load_recipe
from liveact_eval.training.talker_samples import TalkerSamples

Batch = dict[str, Tensor]


def drawn(count: int, **changes: object) -> Batch:
    samples = TalkerSamples(DataConfig.model_validate({"frames": 1} | changes), count)
    made = [samples[index] for index in range(count)]
    return {name: torch.stack([sample[name] for sample in made]) for name in made[0]}


@pytest.fixture(scope="module")
def pairs() -> Batch:
    return drawn(4, views=2)


@pytest.fixture(scope="module")
def windows() -> Batch:
    return drawn(3, frames=16)


def learnt(
    objective: Objective, batch: Mapping[str, Tensor], *, steps: int, lr: float
) -> tuple[float, float]:
    """Mean loss on one batch in the first and in the last four updates."""
    ((name, module),) = objective.players().items()
    optimiser = torch.optim.Adam(module.parameters(), lr=lr)
    seen = []
    for step in range(steps):
        total = objective.loss(name, batch, torch.Generator().manual_seed(step % 4)).total
        seen.append(float(total.detach()))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    return sum(seen[:4]) / 4, sum(seen[-4:]) / 4


def test_the_frame_network_learns_a_batch(pairs: Batch) -> None:
    torch.manual_seed(0)
    objective = FrameNetworkObjective(FrameNetworkChoice(kind="frame_network"), views=2)
    before, after = learnt(objective, pairs, steps=14, lr=3e-3)
    assert after < 0.7 * before
    assert all(parameter.grad is not None for parameter in objective.network.parameters())


def test_the_clip_network_learns_a_batch(windows: Batch) -> None:
    torch.manual_seed(0)
    objective = ClipNetworkObjective(ClipNetworkChoice(kind="clip_network"))
    before, after = learnt(objective, windows, steps=10, lr=3e-3)
    assert after < 0.8 * before
    assert all(parameter.grad is not None for parameter in objective.network.parameters())


def test_what_is_kept_fits_the_network_and_has_standard_features(
    monkeypatch: pytest.MonkeyPatch, pairs: Batch, windows: Batch
) -> None:
    for module in (frame_network, clip_network):
        monkeypatch.setattr(module, "_STANDARD", 8)
    frames = FrameNetworkObjective(FrameNetworkChoice(kind="frame_network"), views=2).results()["frame"]
    clips = ClipNetworkObjective(ClipNetworkChoice(kind="clip_network")).results()["clip"]
    build_mini_frame().load_state_dict(frames.state_dict(), strict=True)
    build_mini_clip().load_state_dict(clips.state_dict(), strict=True)
    with torch.no_grad():
        seen = frames(to_mini_frames(pairs["frames"].flatten(0, 1))).features
        moved = clips(to_mini_clips(windows["frames"]))
    # Of like pictures, not of the very ones: about 0 and 1, far from what means of maps are.
    for features in (seen, moved):
        assert features.mean().abs() < 0.5 and 0.3 < features.std() < 2


def test_one_view_tells_nothing_about_a_speaker() -> None:
    with pytest.raises(UserError, match=r"data\.views is 1.*Set data\.views to 2"):
        FrameNetworkObjective(FrameNetworkChoice(kind="frame_network"), views=1)


def test_speakers_are_near_themselves_and_far_from_others() -> None:
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    speakers = torch.tensor([7, 7, 3, 3])
    together = same_speaker_loss(torch.stack([a, a, b, b]), speakers, 0.5)
    # Of three others one is the same speaker, at cosine 1; two are at cosine 0.
    assert float(together) == pytest.approx(-math.log(math.e**2 / (math.e**2 + 2)))
    assert same_speaker_loss(torch.stack([a, b, a, b]), speakers, 0.5) > together


def test_a_head_stays_in_front_of_another_background(pairs: Batch) -> None:
    pictures = to_mini_frames(pairs["frames"].flatten(0, 1))
    masks = head_masks(pairs)
    assert masks.shape == (8, 1, 64, 64) and 0.2 < masks.mean() < 0.8
    for mask, box in zip(masks[:, 0], pairs["face_box"].flatten(0, 1), strict=True):
        left, top, right, bottom = box.round().int().tolist()
        assert mask[top:bottom, left:right].all()
        assert not mask[-1].any() or bottom > 58
    moved = in_front_of_others(pictures, masks, torch.Generator().manual_seed(0), 1.0)
    heads = masks.expand_as(pictures) > 0
    assert moved[heads].equal(pictures[heads])
    assert (moved != pictures).flatten(1).any(dim=1).sum() >= 4
    assert in_front_of_others(pictures, masks, torch.Generator().manual_seed(0), 0.0).equal(pictures)


def test_boxes_of_larger_pictures_are_scaled() -> None:
    small, large = (drawn(1, views=2, size=size) for size in (64, 128))
    assert (head_masks(small) != head_masks(large)).float().mean() < 0.01


def test_pairs_are_told_apart_by_their_cosines() -> None:
    first = torch.eye(3)
    assert told_apart(first, first) == {"same": 1.0, "different": 0.0, "auc": 1.0}
    swapped = told_apart(first, first[[1, 0, 2]])
    assert swapped["same"] == pytest.approx(1 / 3) and swapped["auc"] < 0.5


def test_backwards_turns_the_way_and_not_the_speed(windows: Batch) -> None:
    count = len(windows["frames"])
    forwards = played(windows, torch.zeros(count, dtype=torch.bool))
    backwards = played(windows, torch.ones(count, dtype=torch.bool))
    assert backwards.clips.equal(forwards.clips.flip(2))
    assert forwards.clips.equal(to_mini_clips(windows["frames"]))
    torch.testing.assert_close(backwards.motion[:, 2:7], -forwards.motion[:, 2:7])
    for kept in (slice(0, 2), slice(7, 12)):
        torch.testing.assert_close(backwards.motion[:, kept], forwards.motion[:, kept])
    mouth = windows["mouth"][:, :, 0]
    torch.testing.assert_close(forwards.opening, mouth.mean(dim=1))
    torch.testing.assert_close(0.1 * forwards.motion[:, 0], mouth.diff(dim=1).abs().mean(dim=1))


def test_the_recipes_fit() -> None:
    frame, clip = load_recipe("mini-frame"), load_recipe("mini-clip")
    assert frame.data.views >= 2 and frame.objective.kind == "frame_network"
    assert clip.objective.kind == "clip_network"
    with pytest.raises(ValueError, match="samples of 17 frames; expected 16"):
        clip.objective.check(17)
