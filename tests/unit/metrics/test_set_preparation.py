"""Resizes of FID and clips of FVD: shapes, ranges, batching, agreement of both ways of the clean resize."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image

from liveact_eval.errors import UserError
from liveact_eval.metrics._fid_resize import RESIZES, Resize, bicubic_matrix, by_matrices, to_inception_levels
from liveact_eval.metrics._fvd_clips import FRAMINGS, Framing, recipe_name, to_i3d_clips, windows_in


def pictures(count: int, height: int, width: int) -> torch.Tensor:
    stream = np.random.RandomState(0)
    return torch.from_numpy(stream.randint(0, 256, (count, height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(512, 300), (64, 400), (299, 299), (33, 47)])
def test_clean_by_matrices_is_that_of_pillow(size: tuple[int, int]) -> None:
    frames = pictures(1, *size)
    by_pillow = to_inception_levels(frames, "clean")
    channel = Image.fromarray(frames[0, ..., 1].numpy().astype(np.float32)).resize(
        (299, 299), Image.Resampling.BICUBIC
    )
    assert np.array_equal(by_pillow[0, 1].numpy(), np.asarray(channel).clip(0, 255))
    assert (by_matrices(frames) - by_pillow).abs().max() < 2e-4


def test_clean_neither_rounds_nor_leaves_the_range() -> None:
    levels = to_inception_levels(pictures(1, 90, 70), "clean")
    assert (levels.min(), levels.max()) == (0, 255)
    assert (levels != levels.round()).float().mean() > 0.8


def test_weights_of_the_bicubic_add_up() -> None:
    weights = bicubic_matrix(512, 299)
    assert weights.shape == (299, 512)
    assert torch.allclose(weights.sum(dim=1), torch.ones(299))


@pytest.mark.parametrize("recipe", RESIZES)
def test_resizes_do_not_depend_on_the_batch(recipe: Resize) -> None:
    frames = pictures(3, 40, 50)
    together = to_inception_levels(frames, recipe)
    assert together.shape == (3, 3, 299, 299)
    assert together.dtype == torch.float32
    assert torch.equal(together[1:2], to_inception_levels(frames[1:2], recipe))


def test_unknown_recipes_name_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown resize of FID 'cleen'\. Did you mean 'clean'"):
        to_inception_levels(pictures(1, 8, 8), cast("Resize", "cleen"))
    with pytest.raises(UserError, match=r"Unknown framing of FVD 'strech'\. Did you mean 'stretch'"):
        to_i3d_clips(pictures(2, 8, 8)[None], cast("Framing", "strech"))


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [(30, 40), (40, 30), (25, 25)])
def test_clips_have_the_side_of_the_network(framing: Framing, size: tuple[int, int]) -> None:
    windows = torch.stack([pictures(2, *size), 255 - pictures(2, *size)])
    clips = to_i3d_clips(windows, framing)
    assert clips.shape == (2, 3, 2, 224, 224)
    assert -1 <= clips.min() < -0.9
    assert 0.9 < clips.max() <= 1
    assert torch.equal(clips[1:], to_i3d_clips(windows[1:], framing))
    assert torch.allclose(clips[0], -clips[1], atol=1e-6)


def test_the_shorter_side_fills_the_clip_and_the_longer_is_cut_in_the_middle() -> None:
    frame = torch.zeros(1, 1, 224, 448, 3, dtype=torch.uint8)
    frame[..., 112:336, :] = 255
    assert (to_i3d_clips(frame, "shorter_center") == 1).all()
    assert to_i3d_clips(frame, "stretch").mean().abs() < 0.01


def test_windows_do_not_overlap_and_the_rest_is_left_out() -> None:
    assert [windows_in(frames) for frames in (0, 15, 16, 31, 32, 125)] == [0, 0, 1, 1, 2, 7]


def test_the_recipe_says_framing_window_and_rate() -> None:
    assert recipe_name("stretch", 25) == "fvd-i3d-torchscript-stretch-16f-hop16-25fps@1"
    assert (
        recipe_name("shorter_center", 24000 / 1001)
        == "fvd-i3d-torchscript-shorter_center-16f-hop16-23.976fps@1"
    )
    with pytest.raises(UserError, match="FVD at 0 frames per second"):
        recipe_name("stretch", 0)
