"""Colour drift as a metric: equal to scikit-image on the whole clip, its slope and its change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab

from liveact_eval.metrics.base import Batch, ClipContext, Missing
from liveact_eval.metrics.delta_e import DeltaEFace, DeltaEFrame

CONTEXT = ClipContext(fps=25.0, truth=None)


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_rows_are_those_of_scikit_image_in_any_batching(kind: torch.dtype) -> None:
    crops = torch.rand(7, 20, 24, 3, generator=torch.Generator().manual_seed(0)).mul(255).to(kind)
    metric = DeltaEFace()
    together = metric.features("crops", Batch(windows=crops[:, None], anchor=crops[0]))
    one_by_one = [metric.features("crops", Batch(windows=c[None, None], anchor=crops[0])) for c in crops]
    assert torch.equal(together, torch.cat(one_by_one))
    lab = rgb2lab(crops.double().numpy() / 255)
    pixel = deltaE_ciede2000(lab, lab[:1]).mean(axis=(1, 2))
    colour = deltaE_ciede2000(lab.mean(axis=(1, 2)), lab[:1].mean(axis=(1, 2)))
    assert together.numpy() == pytest.approx(np.stack([pixel, colour], axis=1), abs=1e-9)


def test_total_last_slope_and_change() -> None:
    step = np.repeat([1.0, 5.0], 100)
    step += 0.01 * np.random.RandomState(0).standard_normal(200)
    rows = np.stack([np.zeros(200), step], axis=1)
    rows = np.concatenate([np.zeros((1, 2)), rows])
    made = DeltaEFrame().score({"crops": rows}, CONTEXT)
    assert set(made.values) == {output.name for output in DeltaEFrame.outputs}
    assert made.values["delta_e_frame_colour_total"] == pytest.approx(3.0, abs=0.01)
    assert made.values["delta_e_frame_colour_last"] == pytest.approx(5.0, abs=0.01)
    assert made.values["delta_e_frame_colour_change"] == pytest.approx(4.0, abs=0.1)
    # The line through a step of 4 in the middle of 8 s rises by 6 in that time.
    assert made.values["delta_e_frame_colour_slope_per_min"] == pytest.approx(6 * 60 / 8, rel=0.01)
    assert len(made.curves["delta_e_frame_colour_total"]) == 200


def test_a_change_that_chance_explains_is_none() -> None:
    rows = np.random.RandomState(1).standard_normal((126, 2))
    made = DeltaEFrame().score({"crops": rows}, CONTEXT).values
    assert made["delta_e_frame_colour_change"] == 0.0


def test_frames_without_a_face_are_left_out_and_so_is_the_reference() -> None:
    rows = np.full((60, 2), 2.0)
    rows[:3] = rows[40] = np.nan
    # The first frame with a face is what the others are compared with.
    rows[3] = 0.0
    made = DeltaEFace().score({"crops": rows}, CONTEXT)
    assert made.values["delta_e_face_pixel_total"] == 2.0
    assert made.values["delta_e_face_colour_last"] == 2.0
    assert np.isnan(made.curves["delta_e_face_pixel_total"]).sum() == 4
    nobody = DeltaEFace().score({"crops": np.full((5, 2), np.nan)}, CONTEXT).values
    assert {value.reason for value in nobody.values() if isinstance(value, Missing)} == {"no_face"}


def test_short_clips_have_no_slope_and_no_change() -> None:
    made = DeltaEFrame().score({"crops": np.ones((6, 2))}, CONTEXT).values
    assert made["delta_e_frame_pixel_total"] == 1.0
    reasons = {name: value.reason for name, value in made.items() if isinstance(value, Missing)}
    assert reasons == {
        "delta_e_frame_colour_slope_per_min": "too_short",
        "delta_e_frame_colour_change": "too_short",
    }
