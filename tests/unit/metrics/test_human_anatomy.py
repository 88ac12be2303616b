"""Human Anatomy: how pictures go to the detector and boxes come back, which crops are judged, and the counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from liveact_eval.measure.engine import Job, measure
from liveact_eval.metrics._human_detections import Detections, detect, letterboxed
from liveact_eval.metrics._human_judges import Crop, find_crops, judge_input, judged
from liveact_eval.metrics.base import Batch, ClipContext
from liveact_eval.metrics.human_anatomy import HumanAnatomy
from liveact_eval.networks.provider import Networks
from tests.helpers import clip_of, moving_square, values, write_av

Box = tuple[float, float, float, float]
Answer = Callable[[Tensor, bool], list[tuple[Box, int, float]]]


class Scripted(nn.Module):
    """Gives the boxes that a function of the picture names, in pixels of the square: (box, text, score) each."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.register_buffer("people", torch.zeros(2, 4))
        self.register_buffer("parts", torch.zeros(3, 4))
        self.answer = answer
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, pictures: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        self.sizes.append(tuple(pictures.shape))
        scores, boxes = torch.zeros(len(pictures), 20, len(texts)), torch.zeros(len(pictures), 20, 4)
        for n, picture in enumerate(pictures):
            for k, (box, text, score) in enumerate(self.answer(picture, len(texts) == 2)):
                scores[n, k, text], boxes[n, k] = score, torch.tensor(box)
        return scores, boxes


class Judge(nn.Module):
    """Says how likely a crop is abnormal: a function of its mean colours, (B, 3) in 0..1 as they come."""

    def __init__(self, opinion: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.opinion = opinion
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, pictures: Tensor) -> Tensor:
        self.shapes.append(tuple(pictures.shape))
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        share = self.opinion(pictures.mean(dim=(2, 3)) * deviation + mean)
        return torch.stack([share.log(), (1 - share).log()], dim=1)


def never(colours: Tensor) -> Tensor:
    return torch.full((len(colours),), 0.01)


def test_pictures_keep_their_shape_in_the_square() -> None:
    ramp = torch.arange(120, dtype=torch.uint8)[None, :, None].expand(60, -1, 3).contiguous()
    square, fit = letterboxed(ramp, 640)
    assert square.shape == (3, 640, 640)
    assert (fit.scale, fit.left, fit.top) == ((640 / 120, 320 / 60), 0, 160)
    assert (square[:, :160] * 255).unique().tolist() == [114.0]
    assert (square[:, 480:] * 255).unique().tolist() == [114.0]
    inside = square[0, 160:480] * 255
    assert torch.equal(inside, inside.round())
    assert (inside.diff(dim=1) >= 0).all() and float(inside[0, 0]) == 0.0 and float(inside[0, -1]) == 119.0
    # An odd margin has its larger part behind.
    assert letterboxed(torch.zeros(9, 640, 3, dtype=torch.uint8), 640)[1].top == 315


def test_larger_pictures_are_means_over_areas() -> None:
    random = torch.randint(0, 256, (1280, 1280, 3), generator=torch.Generator().manual_seed(0)).to(
        torch.uint8
    )
    square, _ = letterboxed(random, 640)
    means = random.permute(2, 0, 1).float().unflatten(2, (640, 2)).unflatten(1, (640, 2)).mean(dim=(2, 4))
    torch.testing.assert_close(square * 255, means.round())
    # By parts of pixels: of 5 pixels each of 4 holds 1.25.
    line = torch.zeros(800, 800, 3, dtype=torch.uint8)
    line[:, 0] = 200
    assert float(letterboxed(line, 640)[0][0, 0, 0] * 255) == 160.0


def test_boxes_come_back_in_pixels_of_the_picture_and_within_it() -> None:
    answer: Answer = lambda picture, people: [((-20, 170, 110, 320), 0, 0.9), ((320, 300, 320, 400), 1, 0.8)]  # noqa: E731
    (found,) = detect(Scripted(answer), torch.zeros(2, 4), [torch.zeros(60, 120, 3, dtype=torch.uint8)], 0.1)
    # The second has no area.
    assert found.labels.tolist() == [0]
    np.testing.assert_allclose(found.boxes, [[0, 10 / 320 * 60, 110 / 640 * 120, 160 / 320 * 60]], rtol=1e-5)


def test_threshold_and_overlap() -> None:
    same = (100.0, 100.0, 300.0, 300.0)
    near = (100.0, 100.0, 300.0, 310.0)
    half = (100.0, 100.0, 300.0, 420.0)
    answer: Answer = lambda picture, people: [  # noqa: E731
        (near, 0, 0.5),
        (same, 0, 0.6),
        (same, 1, 0.55),
        (half, 0, 0.4),
        ((0.0, 0.0, 50.0, 50.0), 0, 0.1),
    ]
    (found,) = detect(Scripted(answer), torch.zeros(2, 4), [torch.zeros(640, 640, 3, dtype=torch.uint8)], 0.1)
    # A box overlaps only boxes of its own text; of those the better stays; 0.1 itself is too little.
    assert found.boxes.tolist() == [list(same), list(same), list(half)]
    assert found.labels.tolist() == [0, 1, 0]
    assert detect(Scripted(answer), torch.zeros(2, 4), [], 0.1) == []
    assert isinstance(found, Detections)


def test_parts_are_searched_in_each_person_and_placed_in_the_frame() -> None:
    def answer(picture: Tensor, people: bool) -> list[tuple[Box, int, float]]:
        if people:
            return [((64.0, 128.0, 320.0, 576.0), 0, 0.9)]
        return [
            ((320.0, 0.0, 384.0, 64.0), 0, 0.7),
            ((200.0, 320.0, 264.0, 384.0), 1, 0.6),
            ((0, 0, 640, 640), 2, 0.5),
        ]

    frames = torch.zeros(2, 320, 320, 3, dtype=torch.uint8)
    detector = Scripted(answer)
    crops = find_crops(detector, frames)
    assert [(crop.frame, crop.label) for crop in crops] == [
        (0, "human"), (1, "human"), (0, "face"), (0, "hand"), (1, "face"), (1, "hand")
    ]  # fmt: skip
    # The person is 128 wide and 224 high: the square around it is moved in from the left.
    assert crops[0].box == (0, 64, 224, 288)
    # Within, a pixel of the square is 0.35 pixels of the frame; the person begins 137 pixels in, at (32, 64).
    x, y = 32 + (320 - 137) * 0.35, 64.0
    left, top, right, bottom = crops[2].box
    assert (
        abs(left - x) <= 1.5
        and abs(top - y) <= 1.5
        and right - left in (22, 23, 24)
        and bottom - top in (22, 23, 24)
    )
    # Both frames at once, then both people at once.
    assert detector.sizes == [(2, 3, 640, 640), (2, 3, 640, 640)]


def test_crops_are_judged_blue_first_and_each_by_its_own_judge() -> None:
    frames = torch.zeros(1, 300, 300, 3, dtype=torch.uint8)
    frames[..., 0] = 255
    seen = Judge(lambda colours: colours[:, 2].clamp(0.01, 0.99))
    hands = Judge(never)
    crops = [
        Crop(0, 0, "hand", (0, 0, 50, 50)),
        Crop(0, 0, "human", (0, 0, 200, 200)),
        Crop(0, 1, "human", (5, 5, 20, 21)),
    ]
    parts = judged({"human": seen, "hand": hands}, frames, crops)
    # Red comes last.
    assert [(part.person, part.label, round(part.abnormal, 2)) for part in parts] == [
        (0, "hand", 0.01), (0, "human", 0.99), (1, "human", 0.99)
    ]  # fmt: skip
    assert seen.shapes == [(2, 3, 224, 224)] and hands.shapes == [(1, 3, 224, 224)]


def test_a_judge_sees_the_middle_of_256_pixels() -> None:
    random = np.random.RandomState(0).randint(0, 256, (100, 101, 3)).astype(np.uint8)
    found = judge_input(random)
    large = np.asarray(Image.fromarray(random).resize((258, 256), Image.Resampling.BICUBIC), np.float32)
    middle = large[16:240, 17:241] / 255
    expected = (middle - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(found.numpy(), expected.transpose(2, 0, 1), atol=1e-5)


def provider(detector: nn.Module, **judges: nn.Module) -> Networks:
    found = Networks(mode="seeded")
    found._loaded["yolo_world_xl"] = detector
    for label in ("human", "face", "hand"):
        found._loaded[f"anatomy_{label}"] = judges.get(label, Judge(never))
    return found


def test_counts_over_a_video_whatever_the_batches(tmp_path: Path) -> None:
    pictures = moving_square(9, (96, 64))
    # Brighter from frame 4 on, where the judge finds faces abnormal, and a second person is there.
    pictures[4:] = np.clip(pictures[4:].astype(int) + 90, 0, 255)

    def answer(picture: Tensor, people: bool) -> list[tuple[Box, int, float]]:
        bright = bool(picture.mean() > 0.5)
        if people:
            one: list[tuple[Box, int, float]] = [((40, 150, 240, 450), 0, 0.9)]
            return [*one, ((400, 150, 560, 450), 0, 0.8)] if bright else one
        return [((100, 100, 300, 300), 0, 0.9)]

    networks = provider(
        Scripted(answer), face=Judge(lambda colours: torch.where(colours.mean(dim=1) > 0.55, 0.9, 0.1))
    )
    path = write_av(tmp_path / "video.mp4", pictures, options={"crf": "4"})
    found = measure(Job(clip=clip_of(None), video=path, metrics=[HumanAnatomy()], networks=networks))
    assert not found.traces, found.traces
    got = values(found)
    people = 4 + 2 * 5
    assert got["human_anatomy_people"] == got["human_anatomy_faces"] == people
    assert got["human_anatomy_hands"] == 0.0
    abnormal = got["human_anatomy_abnormal"]
    assert isinstance(abnormal, float) and 5 <= abnormal <= 10
    assert got["human_anatomy"] == pytest.approx(1 - abnormal / people)
    curve = found.scores["human_anatomy"].curves["human_anatomy"]
    assert (curve[:4] == 1.0).all() and (curve[4:] < 1.0).all()
    frames = torch.from_numpy(pictures)[:, None]
    metric = HumanAnatomy()
    whole = metric.features("frames", Batch(windows=frames, networks=networks))
    parts = [metric.features("frames", Batch(windows=part, networks=networks)) for part in frames.split(2)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_nobody_is_perfect_and_no_frame_is_missing() -> None:
    context = ClipContext(fps=25.0, truth=None)
    got = HumanAnatomy().score({"frames": np.zeros((5, 4))}, context)
    assert got.values["human_anatomy"] == 1.0 and got.values["human_anatomy_people"] == 0.0
    assert np.isnan(got.curves["human_anatomy"]).all()
    empty = HumanAnatomy().score({"frames": np.zeros((0, 1))}, context).values
    assert {getattr(value, "reason", None) for value in empty.values()} == {"no_frames"}
