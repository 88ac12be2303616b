"""Where the square lies: the four rules, and boxes that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from liveact_eval.datasets.preparing.boxes import face_box, listed_box, needs_faces, upper_body_box
from liveact_eval.datasets.published.source_clip import PixelBox, RelativeBox
from liveact_eval.errors import ClipError
from tests.unit.datasets.preparing.barcodes import source_clip

WHOLE = RelativeBox(top=0, bottom=1, left=0, right=1)


def box(x: int, y: int, side: int, **fields: Any) -> tuple[int, int, int, int, str, tuple[str, ...]]:
    size = fields.pop("size", (1920, 1080))
    clip = source_clip(crop=PixelBox(x=x, y=y, width=side, height=side), **fields)
    found = listed_box(clip, size)
    return found.x, found.y, found.width, found.height, found.method, found.notes


def test_listed_box_is_taken_as_it_is() -> None:
    assert box(301, 55, 513, listed_height=1080) == (301, 55, 513, 513, "listed", ())


@pytest.mark.parametrize(("height", "expected"), [(720, (200, 36, 342, 342)), (2160, (602, 110, 1026, 1026))])
def test_box_is_scaled_with_the_height_to_even_numbers(
    height: int, expected: tuple[int, int, int, int]
) -> None:
    found = box(301, 55, 513, listed_height=1080, size=(height * 16 // 9, height))
    assert found[:5] == (*expected, "scaled")
    assert found[5] == (f"listed for a height of 1080, scaled to {height}",)


@pytest.mark.parametrize(
    ("given", "expected"),
    [((-20, 10, 400), (0, 10)), ((1700, 10, 400), (1520, 10)), ((100, 900, 400), (100, 680))],
)
def test_box_beyond_the_frame_is_shifted_and_says_so(
    given: tuple[int, int, int], expected: tuple[int, int]
) -> None:
    found = box(*given, listed_height=1080)
    assert found[:4] == (*expected, 400, 400)
    assert "shifted from" in found[5][0]


def test_box_larger_than_the_frame_is_made_smaller_and_stays_square() -> None:
    found = box(-10, -10, 1200, listed_height=1080)
    assert found[:4] == (0, 0, 1080, 1080)
    assert "made smaller" in found[5][0]


def test_relative_box_grows_and_becomes_the_largest_square_around_its_middle() -> None:
    clip = source_clip(
        crop=None,
        crop_rule="normalised",
        relative_box=RelativeBox(top=0.1, bottom=0.5, left=0.3, right=0.6),
    )
    # 0.08..0.52 of 1000 rows, 0.28..0.62 of 2000 columns: 440 x 680, half-side 220 around (900, 300).
    found = listed_box(clip, (2000, 1000))
    assert (found.x, found.y, found.width, found.height) == (680, 80, 440, 440)
    assert found.method == "normalised"


def test_relative_box_without_a_pixel_is_refused() -> None:
    clip = source_clip(
        crop=None, crop_rule="normalised", relative_box=RelativeBox(top=0.9, bottom=0.1, left=0.3, right=0.6)
    )
    with pytest.raises(ClipError, match="no_box"):
        listed_box(clip, (2000, 1000))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, False),
        ({"listed_height": None}, True),
        ({"listed_height": 0}, True),
        ({"crop": None}, True),
        ({"crop": None, "crop_rule": "face"}, True),
        ({"crop": None, "crop_rule": "upper_body"}, True),
        ({"crop": None, "crop_rule": "normalised", "relative_box": WHOLE}, False),
    ],
)  # fmt: skip
def test_which_clips_need_a_detector(fields: dict[str, Any], expected: bool) -> None:
    assert needs_faces(source_clip(**fields)) is expected


def test_face_box_is_the_union_times_the_factor() -> None:
    faces = np.array([[100, 100, 180, 200], [120, 90, 200, 190]], float)
    found = face_box(source_clip(crop_ratio=1.2), faces, (640, 480))
    # Union 100..200 x 90..200: side 110 * 1.2 = 132 around (150, 145).
    assert (found.x, found.y, found.width, found.height, found.method) == (84, 79, 132, 132, "face")


def test_upper_body_square_begins_above_the_head_and_is_centred_on_the_neck() -> None:
    faces = np.tile(np.array([600, 200, 700, 320], float), (9, 1))
    faces[4] = (0, 0, 10, 10)
    found = upper_body_box(faces, (1280, 720))
    assert (found.width, found.height) == (540, 540)
    assert (found.x + found.width / 2, found.y) == (650, 110)


def test_upper_body_square_is_never_higher_than_the_picture() -> None:
    found = upper_body_box(np.array([[600, 100, 800, 340]], float), (1280, 720))
    assert (found.x, found.y, found.width, found.height) == (340, 0, 720, 720)
