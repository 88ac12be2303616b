"""Cuts: colours as OpenCV has them, changes by hand, and cuts as PySceneDetect finds them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liveact_eval.metrics._shot_cuts import (
    SHORTEST,
    WIDTH,
    CutFinder,
    content_change,
    cuts,
    hue_saturation_value,
)
from liveact_eval.metrics.shot_cuts import ShotCuts
from tests.unit.metrics.vbench_cases import Shelf, forms, number, reasons, run

COLOURS = {
    (0, 0, 0): (0, 0, 0),
    (255, 255, 255): (0, 0, 255),
    (255, 0, 0): (0, 255, 255),
    (0, 255, 0): (60, 255, 255),
    (0, 0, 255): (120, 255, 255),
    (12, 200, 37): (64, 240, 200),
    (200, 12, 37): (176, 240, 200),
    (37, 12, 200): (124, 240, 200),
    (128, 127, 126): (15, 4, 128),
    (255, 254, 0): (30, 255, 255),
    (3, 1, 2): (165, 170, 3),
    (90, 60, 200): (126, 178, 200),
    (255, 0, 1): (0, 255, 255),
    (254, 127, 254): (150, 127, 254),
}
"""RGB, and the hue, saturation and value that OpenCV 5.0 makes of it."""
CUTS = [
    (60, [], []),
    (60, [20], [20]),
    (60, [14], []),
    (60, [15], [15]),
    (60, [10, 30], [30]),
    (60, [20, 30, 50], [20]),
    (80, [20, 34, 48, 50], [20, 50]),
    (80, [20, 25, 60], [20, 60]),
    (70, [20, 25, 60], [20]),
    (90, [20, 25, 30, 35, 40, 41], [20, 41]),
    (100, list(range(20, 60)), [20, 59]),
]
"""Frames of a video, those that differ much from the one before, and the cuts that PySceneDetect 0.7.2 finds."""


def flat(*colour: int, frames: int = 20, size: tuple[int, int] = (12, 16)) -> torch.Tensor:
    return torch.tensor(colour, dtype=torch.uint8).expand(frames, *size, 3)


def test_colours_are_those_of_opencv() -> None:
    made = hue_saturation_value(torch.tensor(list(COLOURS), dtype=torch.uint8))
    assert made.T.tolist() == [list(map(float, colour)) for colour in COLOURS.values()]


def test_all_colours_are_those_of_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    levels = torch.arange(256, dtype=torch.uint8)
    for red in range(0, 256, 5):
        plane = torch.stack(torch.meshgrid(levels[red : red + 1], levels, levels, indexing="ij"), dim=-1)[0]
        expected = cv2.cvtColor(plane.numpy(), cv2.COLOR_RGB2HSV)
        np.testing.assert_array_equal(hue_saturation_value(plane).permute(1, 2, 0).numpy(), expected)


def test_the_change_is_the_mean_over_the_picture_and_the_three() -> None:
    frames = torch.cat(
        [flat(12, 200, 37, frames=1), flat(12, 200, 37, frames=1), flat(90, 60, 200, frames=1)]
    )
    assert content_change(frames).tolist() == [0.0, ((126 - 64) + (240 - 178) + 0) / 3]
    half = frames.clone()
    half[2, :6] = half[1, :6]
    assert content_change(half)[1] == pytest.approx(124 / 6)
    assert content_change(frames[:1]).shape == (0,)


def test_wide_frames_are_brought_down() -> None:
    wide = forms(3, 150, 2 * WIDTH, step=6)
    # At half the width bilinear resizing is the mean of four.
    small = wide.unflatten(1, (75, 2)).unflatten(3, (WIDTH, 2)).float().mean(dim=(2, 4)).round().byte()
    np.testing.assert_allclose(content_change(wide), content_change(small), atol=0.05)
    # What alternates from pixel to pixel is even grey at half the size: it does not differ from its negative.
    checks = torch.zeros(2, 64, 2 * WIDTH, 3, dtype=torch.uint8)
    checks[0, ::2, ::2] = checks[0, 1::2, 1::2] = 255
    checks[1] = 255 - checks[0]
    assert content_change(checks).tolist() == [0.0]
    assert content_change(checks[:, :, :WIDTH]).tolist() == [85.0]


@pytest.mark.parametrize(("frames", "large", "expected"), CUTS)
def test_cuts_are_those_of_pyscenedetect(frames: int, large: list[int], expected: list[int]) -> None:
    changes = [27.0 if n in large else 26.99 for n in range(1, frames)]
    assert cuts(changes) == expected
    assert cuts(changes, threshold=27.1) == []


def test_a_cut_is_known_at_once_or_a_shot_later() -> None:
    stream = np.random.RandomState(0)
    for _ in range(20):
        finder = CutFinder()
        for frame in range(1, 400):
            cut = finder.push(40.0 if stream.uniform() < 0.15 else 0.0)
            assert cut in (None, frame, frame - SHORTEST)


def test_one_take_has_no_cut_and_a_jump_is_one() -> None:
    take = forms(40, 48, 80, step=1)
    still = run(ShotCuts(), take, Shelf({}))
    assert number(still, "shot_cuts") == 0
    assert still.curves["content_change"].shape == (39,)
    jump = torch.cat([take[:20], 255 - take[20:]])
    whole = run(ShotCuts(), jump, Shelf({}))
    assert number(whole, "shot_cuts") == 1
    assert int(whole.curves["content_change"].argmax()) == 19
    pieces = run(ShotCuts(), jump, Shelf({}), cuts=(1, 7, 20, 21))
    np.testing.assert_array_equal(pieces.curves["content_change"], whole.curves["content_change"])
    assert reasons(run(ShotCuts(), take[:1], Shelf({}))) == {"too_short"}
