"""YuNet's outputs to faces."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.networks.yunet import decode_faces, to_input

SIZE = (64, 96)


def empty(pictures: int) -> dict[str, Tensor]:
    outputs = {}
    for stride in (8, 16, 32):
        places = SIZE[0] * SIZE[1] // stride**2
        for part, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{part}_{stride}"] = torch.zeros(pictures, places, width)
    return outputs


def test_a_face_lies_where_its_place_and_offsets_say() -> None:
    outputs = empty(2)
    place = 2 * (SIZE[1] // 16) + 3
    outputs["cls_16"][1, place] = 0.81
    outputs["obj_16"][1, place] = 1.2
    outputs["bbox_16"][1, place] = torch.tensor([0.5, 0.25, 1.0, 0.0])
    outputs["kps_16"][1, place] = torch.arange(10) / 10
    none, faces = decode_faces(outputs, SIZE)
    assert len(none.scores) == 0
    assert faces.scores.tolist() == pytest.approx([0.9])
    width, height = 16 * 2.718282, 16.0
    x, y = 3.5 * 16, 2.25 * 16
    assert faces.boxes[0].tolist() == pytest.approx(
        [x - width / 2, y - height / 2, x + width / 2, y + height / 2], abs=1e-3
    )
    assert faces.landmarks[0, 0].tolist() == pytest.approx([48.0, 33.6])
    assert faces.landmarks[0, 4].tolist() == pytest.approx([60.8, 46.4])


def test_of_two_boxes_on_one_face_the_likelier_stays() -> None:
    outputs = empty(1)
    for place, score in ((9, 0.7), (10, 0.9)):
        outputs["cls_8"][0, place] = score
        outputs["obj_8"][0, place] = score
        outputs["bbox_8"][0, place, 2:] = 1.5
    (faces,) = decode_faces(outputs, SIZE)
    assert faces.scores.tolist() == pytest.approx([0.9])


def test_input_is_blue_first_and_filled_up() -> None:
    pictures = torch.zeros(1, 30, 40, 3, dtype=torch.uint8)
    pictures[..., 0] = 200
    made = to_input(pictures)
    assert made.shape == (1, 3, 32, 64)
    assert made[0, :, 0, 0].tolist() == [0.0, 0.0, 200.0]
    assert float(made[:, :, 30:].abs().sum() + made[..., 40:].abs().sum()) == 0
