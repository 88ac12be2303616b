"""The face detector: suppression against a plain walk, batches, boxes in pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from liveact_eval.clips.face_detect import detect, reduced
from liveact_eval.errors import UserError
from liveact_eval.networks.files import load_s3fd
from liveact_eval.networks.s3fd import (
    S3FD,
    HeadMaps,
    anchors,
    build_s3fd,
    face_scores,
    intersection_over_union,
    normalise,
    suppress,
)

GREY = 117


def walked(boxes: Tensor, scores: Tensor, overlap: float) -> list[int]:
    """Best first, one at a time."""
    kept: list[int] = []
    for index in sorted(range(len(scores)), key=lambda i: (-float(scores[i]), -i)):
        rivals = [float(intersection_over_union(boxes[[index]], boxes[[other]])) for other in kept]
        if all(rival <= overlap for rival in rivals):
            kept.append(index)
    return kept


@pytest.mark.parametrize("overlap", [0.1, 0.3, 0.7])
def test_suppression_gives_what_the_walk_gives(overlap: float) -> None:
    generator = torch.Generator().manual_seed(3)
    for count in (0, 1, 40, 90):
        corner = torch.rand(count, 2, generator=generator) * 60
        boxes = torch.cat([corner, corner + 5 + torch.rand(count, 2, generator=generator) * 30], dim=1)
        scores = (torch.rand(count, generator=generator) * 20).round() / 20
        assert suppress(boxes, scores, overlap).tolist() == walked(boxes, scores, overlap)


def test_a_box_in_a_chain_stays_when_its_rival_goes() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [4.0, 0, 14, 10], [8.0, 0, 18, 10]])
    assert suppress(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


def test_an_overlap_of_just_the_limit_is_allowed() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0.0, 0, 10, 5]])
    assert suppress(boxes, torch.tensor([0.9, 0.8]), 0.5).tolist() == [0, 1]


def test_anchors_are_centred_on_their_cells() -> None:
    priors = anchors((64, 128), [(16, 32), (8, 16), (4, 8), (2, 4), (1, 2), (1, 1)])
    assert priors.shape == (16 * 32 + 8 * 16 + 4 * 8 + 2 * 4 + 2 + 1, 4)
    assert priors[33].tolist() == pytest.approx([1.5 * 4 / 128, 1.5 * 4 / 64, 16 / 128, 16 / 64])


def test_the_first_map_has_three_backgrounds() -> None:
    first = torch.tensor([1.0, 3.0, 2.0, 3.0]).view(1, 4, 1, 1)
    second = torch.tensor([0.0, 2.0]).view(1, 2, 1, 1)
    assert face_scores((first, second))[0].tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-2.0))])


def test_the_mean_is_subtracted_in_the_order_of_the_colours() -> None:
    black = normalise(torch.zeros(1, 1, 1, 3, dtype=torch.uint8))
    assert black.flatten().tolist() == [-123.0, -117.0, -104.0]


def test_a_quarter_is_the_mean_of_the_four_inner_pixels() -> None:
    pictures = torch.from_numpy(np.random.RandomState(0).randint(0, 256, (2, 16, 11, 3), np.uint8))
    small = reduced(pictures, 0.25)
    inner = pictures[:, 1:3, 1:3].float().mean(dim=(1, 2))
    # 11 columns are 2.75 at a quarter: three, as OpenCV rounds, the last of them at the border.
    assert small.shape == (2, 4, 3, 3)
    assert torch.equal(small[:, 0, 0], (inner + 0.5).floor())
    assert torch.equal(small[:, 0, 2], (pictures[:, 1:3, 9:11].float().mean(dim=(1, 2)) + 0.5).floor())


class OneFace(S3FD):
    """Finds a face at one anchor of the map of stride 16 in pictures whose first pixel is bright."""

    def forward(self, pictures: Tensor) -> HeadMaps:
        height, width = pictures.shape[2:]
        sizes = [(-(-height // stride), -(-width // stride)) for stride in (4, 8, 16, 32, 64, 128)]
        boxes = tuple(torch.zeros(len(pictures), 4, *size) for size in sizes)
        classes = tuple(torch.zeros(len(pictures), 4 if i == 0 else 2, *size) for i, size in enumerate(sizes))
        classes[2][:, 1, 2, 3] = torch.where(pictures[:, 0, 0, 0] > 0, 9.0, 0.0)
        classes[2][:, 1, 2, 4] = torch.where(pictures[:, 0, 0, 0] > 0, 8.0, 0.0)
        return HeadMaps(boxes, classes)


def bright(which: list[bool], height: int = 256, width: int = 320) -> Tensor:
    pictures = torch.full((len(which), height, width, 3), GREY, dtype=torch.uint8)
    pictures[:, :4, :4] = torch.tensor([255 if item else 0 for item in which], dtype=torch.uint8)[
        :, None, None, None
    ]
    return pictures


def test_boxes_are_in_pixels_of_the_picture() -> None:
    found = detect(OneFace(), bright([True, False, True]), 0.5)
    assert [len(faces) for faces in found] == [1, 0, 1]
    # The anchor of 64 pixels in the middle of cell (2, 3), at half the scale.
    assert found[0].boxes[0].tolist() == pytest.approx([48.0, 16.0, 176.0, 144.0])
    assert found[0].scores[0] == pytest.approx(1 / (1 + np.exp(-9.0)))


def test_the_threshold_is_exclusive_and_a_parameter() -> None:
    assert len(detect(OneFace(), bright([True]), 0.5, min_score=0.99999)[0]) == 0


def test_faces_do_not_depend_on_the_batch() -> None:
    torch.manual_seed(0)
    network = build_s3fd()
    pictures = torch.randint(0, 256, (5, 48, 64, 3), dtype=torch.uint8)
    whole = detect(network, pictures, 1.0, min_score=0.45)
    assert sum(len(faces) for faces in whole) > 0
    for count in (1, 3):
        split = pictures.split(count)
        parts = [faces for part in split for faces in detect(network, part, 1.0, min_score=0.45)]
        for ours, other in zip(whole, parts, strict=True):
            assert_same(ours.boxes, other.boxes)
            assert_same(ours.scores, other.scores)


def assert_same(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    assert a.shape == b.shape
    assert np.array_equal(a, b)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"vgg.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="is not the file of S3FD: Missing key"):
        load_s3fd(tmp_path / "other.pth")


def test_the_official_state_is_taken_whole(tmp_path: Path) -> None:
    state = {key: torch.full_like(value, 0.5) for key, value in build_s3fd().state_dict().items()}
    torch.save(state, tmp_path / "sfd_face.pth")
    loaded = load_s3fd(tmp_path / "sfd_face.pth")
    assert all(torch.equal(value, state[key]) for key, value in loaded.state_dict().items())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
