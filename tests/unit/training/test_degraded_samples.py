"""What is done to pictures and to time on purpose: by name, reproducibly, and more at greater strength."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.training.degradations import DEGRADATIONS, degrade
from liveact_eval.training.time_changes import TIME_CHANGES, change_time


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """Smooth forms with some detail."""
    coarse, fine = (torch.rand(6, 3, side, side, generator=generator(side)) for side in (8, 32))
    sizes = {"size": (64, 64), "mode": "bilinear"}
    large, small = (torch.nn.functional.interpolate(levels, **sizes) for levels in (coarse, fine))
    return 1.2 * large + 0.6 * small - 0.9


@pytest.fixture(scope="module")
def clip() -> Tensor:
    """A bright square that moves over a slope, 16 frames."""
    frames = torch.linspace(-0.8, 0, 64).expand(3, 16, 64, 64).clone()
    for n in range(16):
        frames[:, n, 20:40, 2 * n : 2 * n + 16] = 0.6
    return frames


@pytest.mark.parametrize("name", list(DEGRADATIONS))
def test_stronger_is_worse(name: str, pictures: Tensor) -> None:
    errors = []
    for strength in (0.0, 0.5, 1.0):
        made = DEGRADATIONS[name](pictures, torch.full((6,), strength), generator())
        assert made.shape == pictures.shape
        errors.append(float((made - pictures).square().mean()))
    assert errors[0] < errors[1] < errors[2]


def test_blur_takes_detail_and_noise_adds_it(pictures: Tensor) -> None:
    def detail(levels: Tensor) -> Tensor:
        return levels.diff(dim=3).square().mean()

    full = torch.ones(6)
    for name in ("blur", "resample"):
        made = DEGRADATIONS[name](pictures, full, generator())
        assert detail(made) < 0.5 * detail(pictures)
        torch.testing.assert_close(made.mean(), pictures.mean(), atol=0.01, rtol=0)
    assert detail(DEGRADATIONS["noise"](pictures, full, generator())) > 2 * detail(pictures)


def test_blocks_are_where_a_codec_has_them() -> None:
    flat = torch.full((1, 3, 16, 16), 0.3)
    flat[:, :, :8, :8] = -0.5
    made = DEGRADATIONS["blocks"](flat, torch.zeros(1), generator())
    # Each block is flat before and after: only its level is rounded.
    for rows in (slice(0, 8), slice(8, 16)):
        for columns in (slice(0, 8), slice(8, 16)):
            block = made[..., rows, columns]
            torch.testing.assert_close(block, flat[..., rows, columns], atol=0.01, rtol=0)
            assert float(block.max() - block.min()) < 1e-5


def test_each_picture_gets_what_is_asked_for(pictures: Tensor) -> None:
    kinds = torch.tensor([1, 0, 3, 1, 4, 2])
    made, same, strengths = degrade(pictures, generator(), kinds)
    assert same.equal(kinds) and made.abs().max() <= 1
    for index, kind in enumerate(kinds.tolist()):
        if list(DEGRADATIONS)[kind] in ("blur", "resample", "blocks"):
            change = list(DEGRADATIONS.values())[kind]
            alone = change(pictures[index : index + 1], strengths[index : index + 1], generator())
            torch.testing.assert_close(made[index], alone[0].clamp(-1, 1), atol=1e-5, rtol=1e-5)


def test_degrading_again_from_the_same_draws_is_the_same(pictures: Tensor, clip: Tensor) -> None:
    clips = clip.expand(12, -1, -1, -1, -1)
    for once, again, other in (
        (degrade(pictures, generator()), degrade(pictures, generator()), degrade(pictures, generator(1))),
        (change_time(clips, generator()), change_time(clips, generator()), change_time(clips, generator(1))),
    ):
        assert all(x.equal(y) for x, y in zip(once, again, strict=True))
        assert not once[0].equal(other[0])
    kinds = change_time(clip[..., :8, :8].expand(200, -1, -1, -1, -1), generator())[1]
    assert set(kinds.tolist()) == set(range(len(TIME_CHANGES)))


def changed(name: str, clip: Tensor, strength: float, seed: int = 0) -> Tensor:
    made = TIME_CHANGES[name](clip, torch.tensor(strength), generator(seed))
    assert made.shape == clip.shape
    return made


def steps(clip: Tensor) -> Tensor:
    """How much each frame differs from the one before."""
    return clip.diff(dim=1).abs().mean(dim=(0, 2, 3))


def test_held_frames_come_several_times(clip: Tensor) -> None:
    for strength, times in ((0.0, 2), (1.0, 5)):
        still = steps(changed("held", clip, strength)) == 0
        moves = (~still).nonzero()[:, 0]
        assert (moves.diff() == times).all() and len(moves) == pytest.approx(15 / times, abs=1)


def test_a_frozen_clip_stands_still_from_some_frame_on(clip: Tensor) -> None:
    moves = steps(changed("frozen", clip, 0.5)) > 0
    assert moves[:4].all() and not moves[4:].any()
    assert not (steps(changed("frozen", clip, 1.0)) > 0).any()


def test_blended_frames_are_means_of_neighbours(clip: Tensor) -> None:
    light, heavy = (changed("blended", clip, strength) for strength in (0.0, 1.0))
    assert steps(heavy).sum() < steps(light).sum() < steps(clip).sum()
    torch.testing.assert_close(light[:, 5], 0.25 * clip[:, 4] + 0.5 * clip[:, 5] + 0.25 * clip[:, 6])
    torch.testing.assert_close(heavy[:, 8], clip[:, 5:12].mean(dim=1))


def test_shuffled_frames_are_all_there(clip: Tensor) -> None:
    places = clip + torch.arange(16).view(1, 16, 1, 1)
    made = changed("shuffled", places, 1.0)
    order = (made - clip.mean()).mean(dim=(0, 2, 3)).round()
    assert not order.equal(order.sort().values)
    for frame in range(16):
        assert (made - places[:, frame : frame + 1]).abs().amax(dim=(0, 2, 3)).min() == 0
    assert (order.sort().indices - torch.arange(16)).abs().max() <= 5


def test_jumps_move_a_picture_that_stands_still(clip: Tensor) -> None:
    still = clip[:, 4:5].expand_as(clip)
    made = changed("jumping", still, 1.0)
    assert steps(made).mean() > 0
    # Three pixels at most: what is farther inside the square stays bright.
    assert (made[:, :, 24:36, 12:20] == still[:, :, 24:36, 12:20]).all()


def test_flicker_changes_levels_but_no_forms(clip: Tensor) -> None:
    still = clip[:, 4:5].expand_as(clip)
    made = changed("flickering", still, 1.0)
    assert made.mean(dim=(0, 2, 3)).std() > 0.02
    flat = made.transpose(0, 1).flatten(1)
    assert torch.corrcoef(flat).min() > 0.999


def test_grain_boils_and_softness_does_not(clip: Tensor) -> None:
    still = clip[:, 4:5].expand_as(clip)
    assert (steps(changed("grain", still, 0.5)) > 0).all()
    assert not (steps(changed("soft", still, 0.5)) > 0).any()
