"""Grey face crops: to the byte as OpenCV 5.0 gives them."""

from __future__ import annotations

import zlib

import pytest
import torch

from liveact_eval.metrics._face_crops import grey_faces, whole_pixels


@pytest.fixture
def picture() -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(90), torch.arange(150), indexing="ij")
    return torch.stack([x * 7 + y * 13, x * x + 3 * y, x * y], dim=-1).remainder(256).to(torch.uint8)


# Checksums of cv2.cvtColor(cv2.resize(crop, (128, 128)), cv2.COLOR_RGB2GRAY), with cv2.rectangle(..., 2) before where
# the box is drawn; opencv-python-headless 5.0.0.
@pytest.mark.parametrize(
    ("box", "drawn", "checksum"),
    [
        ((10, 5, 140, 83), False, 2998122675),
        ((10, 5, 140, 83), True, 3726341304),
        ((30, 20, 47, 80), False, 2644704339),
        ((30, 20, 47, 80), True, 3664285028),
    ],
)
def test_crops_are_those_of_opencv(
    picture: torch.Tensor, box: tuple[int, ...], drawn: bool, checksum: int
) -> None:
    found = grey_faces(picture[None], torch.tensor([box]), drawn_box=drawn)
    assert zlib.crc32(found[0].contiguous().numpy().tobytes()) == checksum


def test_weights_are_rounded_where_the_side_is_no_power_of_two(picture: torch.Tensor) -> None:
    found = grey_faces(picture[None], torch.tensor([[10, 5, 140, 83]]), side=100)
    assert zlib.crc32(found[0].contiguous().numpy().tobytes()) == 1664569617


def test_many_boxes_at_once_are_the_same(picture: torch.Tensor) -> None:
    boxes = torch.tensor([[0, 0, 150, 90], [149, 0, 150, 90], [3, 4, 70, 77]])
    together = grey_faces(picture.expand(3, -1, -1, -1), boxes)
    for box, found in zip(boxes, together, strict=True):
        assert torch.equal(grey_faces(picture[None], box[None])[0], found)


def test_boxes_are_cut_to_the_picture_and_empty_ones_refused(picture: torch.Tensor) -> None:
    boxes = whole_pixels(torch.tensor([[-3.7, 1.9, 20.9, 200.0], [150.5, 0, 160, 9]]), (150, 90))
    assert boxes.tolist() == [[0, 1, 20, 90], [150, 0, 150, 9]]
    with pytest.raises(ValueError, match="holds no pixel"):
        grey_faces(picture[None], boxes[1:])
