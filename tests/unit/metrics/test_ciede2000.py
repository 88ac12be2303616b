"""CIEDE2000 in torch against scikit-image, and at the places where hues are special."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab

from liveact_eval.metrics._ciede2000 import ciede2000, drift_rows, mean_colour, pixel_mean, rgb_to_lab


def colours(count: int, seed: int) -> torch.Tensor:
    values = np.random.default_rng(seed).uniform([0, -120, -120], [100, 120, 120], (count, 3))
    return torch.from_numpy(values)


@pytest.mark.parametrize("distance", [0.0, 1e-6, 0.01, 3.0, 80.0])
def test_differences_are_those_of_scikit_image(distance: float) -> None:
    a = colours(5000, 0)
    b = a + distance * torch.from_numpy(np.random.default_rng(1).standard_normal((5000, 3)))
    # Greys have no hue, on either side or on both.
    a[::7, 1:] = 0
    b[::5, 1:] = 0
    expected = torch.from_numpy(deltaE_ciede2000(a.numpy(), b.numpy()))
    torch.testing.assert_close(ciede2000(a, b), expected, atol=1e-9, rtol=0)


def test_opposite_hues_take_the_published_branch() -> None:
    # 180 degrees apart exactly: the mean of both angles, and a positive difference where the second is the larger.
    for a, b in (((50.0, 3.0, 0.0), (50.0, -3.0, 0.0)), ((60.0, 0.0, -8.0), (55.0, 0.0, 8.0))):
        one, two = torch.tensor([a]), torch.tensor([b])
        for first, second in ((one, two), (two, one)):
            expected = deltaE_ciede2000(first.double().numpy(), second.double().numpy())
            assert float(ciede2000(first, second)) == pytest.approx(float(expected[0]), abs=1e-9)


def test_every_level_becomes_the_lab_of_scikit_image_as_byte_and_as_float() -> None:
    levels = torch.stack([torch.arange(256), torch.arange(256).flip(0), torch.arange(256) * 7 % 256], dim=-1)
    expected = torch.from_numpy(rgb2lab(levels.double().numpy() / 255))
    for given in (levels.to(torch.uint8), levels.float()):
        torch.testing.assert_close(rgb_to_lab(given), expected, atol=1e-9, rtol=0)


def test_rows_are_both_reductions_one_picture_or_many() -> None:
    crops = torch.randint(0, 256, (5, 16, 20, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    lab = rgb_to_lab(crops)
    rows = drift_rows(crops, crops[0])
    assert rows[0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(rows[:, 0], pixel_mean(lab, lab[0]))
    torch.testing.assert_close(rows[:, 1], mean_colour(lab, lab[0]))
    torch.testing.assert_close(torch.cat([drift_rows(crop[None], crops[0]) for crop in crops]), rows)
    assert float(rows[1:, 0].min()) > 10 > 8 > float(rows[1:, 1].max())
