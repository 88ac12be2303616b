"""Aesthetic and imaging quality on small videos."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liveact_eval.metrics._network_batches import encode
from liveact_eval.metrics._vbench_transforms import clip_input, imaging_input
from liveact_eval.metrics.aesthetic_quality import AestheticQuality
from liveact_eval.metrics.base import Metric
from liveact_eval.metrics.imaging_quality import ImagingQuality
from liveact_eval.networks.aesthetic import aesthetic_score, build_aesthetic_head
from liveact_eval.networks.clip_visual import ClipVisual, ClipVisualSize
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.networks.seeded_networks import musiq
from tests.unit.metrics.vbench_cases import Shelf, blurred, forms, number, reasons, run


@pytest.fixture(scope="module")
def networks() -> Shelf:
    # Of the tower's width and patches, but with one block: 24 take ten seconds to fill.
    size = ClipVisualSize(patch=14, width=1024, depth=1, heads=16, features=768)
    tower, head = ClipVisual(size).eval().requires_grad_(False), build_aesthetic_head()
    fill_seeded(tower, "clip_vitl14_visual")
    fill_seeded(head, "aesthetic")
    return Shelf({"clip_vitl14": tower, "aesthetic": head, "musiq": musiq().eval().requires_grad_(False)})


def test_aesthetic_marks_are_the_mean_over_frames(networks: Shelf) -> None:
    frames = forms(9, 40, 64, step=4)
    with torch.inference_mode():
        features = networks.get("clip_vitl14")(clip_input(frames))
        head = networks.get("aesthetic")
        assert isinstance(head, torch.nn.Linear)
        expected = aesthetic_score(head, features).double().numpy()
    for cuts in [(), (1, 5)]:
        _same_in_runs(AestheticQuality(), frames, networks, expected, cuts)


def test_imaging_marks_are_the_mean_over_frames_by_100(networks: Shelf) -> None:
    frames = forms(2, 32, 96, step=4)
    with torch.inference_mode():
        expected = networks.get("musiq")(imaging_input(frames)).double().numpy() / 100
    _same_in_runs(ImagingQuality(), frames, networks, expected, (1,))


def _same_in_runs(
    metric: Metric, frames: torch.Tensor, networks: Shelf, expected: np.ndarray, cuts: tuple[int, ...]
) -> None:
    assert np.ptp(expected) > 1e-5
    score = run(metric, frames, networks, cuts=cuts)
    np.testing.assert_allclose(score.curves[metric.name], expected, atol=1e-6)
    assert number(score, metric.name) == pytest.approx(expected.mean(), abs=1e-6)
    assert not score.statistics


def test_pictures_go_through_a_network_in_parts() -> None:
    sizes = []

    def network(part: torch.Tensor) -> torch.Tensor:
        sizes.append(len(part))
        return part.double().mean(dim=1)

    pictures = torch.arange(14).view(7, 2)
    made = encode(network, pictures, size=3, device=torch.device("cpu"))
    assert (sizes, made.tolist()) == ([3, 3, 1], [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5])


@pytest.mark.parametrize("metric", [AestheticQuality(), ImagingQuality()])
def test_one_frame_is_enough_and_none_is_not(networks: Shelf, metric: Metric) -> None:
    one = forms(1, 32, 96)
    value = number(run(metric, one, networks), metric.name)
    assert abs(number(run(metric, blurred(one, 8), networks), metric.name) - value) > 1e-5
    assert reasons(run(metric, one[:0], networks)) == {"no_frames"}
