"""Crops: geometry, the border, smoothing, and the streaming form against the whole."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import medfilt

from liveact_eval.clips.face_tracking import TrackRules, filled
from liveact_eval.metrics._sync_codec import CROPS, VIDEO, Recompressor
from liveact_eval.metrics._sync_crops import Square, crop_faces, crop_track, smoothed, whole_pictures
from liveact_eval.metrics._sync_recipes import DIRECT, EXACT, LSE
from liveact_eval.metrics._sync_stream import CropStream, SyncCropper, VideoEmbedder
from liveact_eval.networks.syncnet import build_syncnet
from tests.helpers import Pixels

Boxes = NDArray[np.float64]
RULES = TrackRules(min_detections=10, min_side=10.0)


def square(half: float, x: float, y: float) -> Square:
    return Square(np.array([half]), np.array([x]), np.array([y]))


@pytest.fixture(scope="module")
def frames() -> Pixels:
    return np.random.RandomState(0).randint(0, 256, (60, 48, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def boxes() -> Boxes:
    random = np.random.RandomState(1)
    middle = np.array([30.0, 22.0]) + random.standard_normal((60, 2)).cumsum(axis=0) * 0.3
    half = 9 + random.standard_normal((60, 2)) * 0.4
    return np.concatenate([middle - half, middle + half], axis=1)


def test_a_crop_reaches_farther_down_than_up() -> None:
    rows, columns = np.mgrid[:200, :200]
    picture = np.stack([rows, columns, rows], axis=-1).astype(np.uint8)[None]
    # The square of half side 40 around (100, 90): rows 50 to 162, columns 44 to 156; half a pixel per step.
    crop = crop_faces(picture, square(40.0, 100.0, 90.0))[0].astype(int)
    assert crop.shape == (224, 224, 3)
    assert (crop[0, 0, 0], crop[-1, 0, 0]) == (50, 161)
    assert (crop[0, 0, 1], crop[0, -1, 1]) == (44, 155)
    assert crop[112, 0, 0] in (105, 106)


def test_fractions_are_cut_off_in_the_bordered_picture() -> None:
    # Border 1.8 * 10.7 = 19.26 -> 19; top 50.9 + 19 - 10.7 = 59.2 -> 59, that is row 40; bottom 89.16 -> 89, row 70.
    picture = np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None, None], (100, 100, 3))[None]
    crop = crop_faces(np.ascontiguousarray(picture), square(10.7, 50.0, 50.9))[0]
    assert (crop[0, 0, 0], crop[-1, 0, 0]) == (40, 69)


def test_beyond_the_picture_it_is_grey() -> None:
    picture = np.zeros((1, 40, 40, 3), np.uint8)
    crop = crop_faces(picture, square(20.0, 0.0, 20.0))[0]
    assert (crop[0, :100] == 110).all()
    assert (crop[100, 130:] == 0).all()
    assert (crop[-40:] == 110).all()


def test_series_are_smoothed_as_scipy_does_with_zeros_beyond_the_ends(boxes: Boxes) -> None:
    made = smoothed(boxes)
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) / 2
    assert np.array_equal(made.half, medfilt(half, 13))
    assert np.array_equal(made.y, medfilt((boxes[:, 1] + boxes[:, 3]) / 2, 13))


def test_six_frames_shrink_to_nothing(frames: Pixels, boxes: Boxes) -> None:
    assert smoothed(boxes[:6]).half.max() == 0
    with pytest.raises(ValueError, match="at least seven frames"):
        crop_track(frames[:6], boxes[:6])
    assert len(crop_track(frames[:7], boxes[:7])) == 7


def test_whole_pictures_are_resized_without_keeping_their_shape() -> None:
    pictures = np.zeros((2, 10, 30, 3), np.uint8)
    pictures[:, :5] = 200
    made = whole_pictures(pictures)
    assert made.shape == (2, 224, 224, 3)
    assert (made[:, :100] == 200).all()
    assert (made[:, 124:] == 0).all()


def test_frame_by_frame_gives_the_crops_of_the_whole_track(frames: Pixels, boxes: Boxes) -> None:
    missed = {3, 4, 20, *range(25, 49), 58, 59}
    found = [index for index in range(2, 60) if index not in missed]
    cropper, made, delay = SyncCropper(), [], 0
    for index, frame in enumerate(frames):
        made.append(cropper.push(frame, boxes[index] if index in found else None))
        delay = max(delay, len(cropper._waiting))
    made.append(cropper.finish())
    track = filled(found, [boxes[index] for index in found])
    whole = crop_track(frames[2 : 2 + len(track)], track.boxes)
    assert np.array_equal(np.concatenate(made), whole)
    assert delay <= 31
    assert (cropper.detections, cropper.length) == (track.detections, len(track))
    assert cropper.side == pytest.approx(track.side)


def test_a_gap_that_is_too_long_is_an_error_and_holds_no_more_frames(frames: Pixels, boxes: Boxes) -> None:
    cropper = SyncCropper(max_gap=5)
    cropper.push(frames[0], boxes[0])
    for frame in frames[1:30]:
        cropper.push(frame, None)
    assert len(cropper._waiting) == 5
    with pytest.raises(ValueError, match="30 frames lie between"):
        cropper.push(frames[30], boxes[30])


def test_a_stream_gives_the_crops_of_every_face(frames: Pixels, boxes: Boxes) -> None:
    other = boxes[:, [0, 1, 2, 3]] + np.array([300.0, 0, 300, 0])
    stream, made = CropStream(RULES), []
    for index, frame in enumerate(frames):
        seen = [boxes[index]] if index % 3 == 0 else []
        seen += [other[index]] if 8 <= index < 12 else []
        made += stream.push(frame, np.reshape(seen, (-1, 4)) if index % 2 == 0 or seen else None)
    made += stream.finish()
    ended = {item.track: item for item in made if item.ended}
    assert {track: item.counts for track, item in ended.items()} == {0: True, 1: False}
    crops = np.concatenate([item.crops for item in made if item.track == 0])
    track = filled(range(0, 58, 3), [boxes[index] for index in range(0, 58, 3)])
    assert np.array_equal(crops, crop_track(frames[:58], track.boxes))
    assert sum(len(item.crops) for item in made if item.track == 1) == 0
    assert ended[1].start == 8


def test_embeddings_do_not_depend_on_the_runs_of_crops() -> None:
    crops = np.random.RandomState(2).randint(0, 256, (9, 224, 224, 3), np.uint8)
    network = build_syncnet()
    made = []
    for sizes in ([9], [1, 4, 3, 1]):
        embedder, rows = VideoEmbedder(network, at_once=2), []
        for part in np.split(crops, np.cumsum(sizes)[:-1]):
            rows.append(embedder.push(part))
        made.append(np.concatenate([*rows, embedder.finish()]))
    assert made[0].shape == (5, 1024)
    assert np.array_equal(made[0], made[1])


@pytest.mark.parametrize("codecs", [VIDEO, CROPS])
def test_compression_changes_every_picture_a_little(codecs: tuple[object, ...]) -> None:
    rows, columns = np.mgrid[:64, :96]
    base = np.stack([rows * 2, columns * 2, rows + columns], axis=-1)
    pictures = [np.clip(base + 3 * index, 0, 255).astype(np.uint8) for index in range(15)]
    chosen = VIDEO if codecs is VIDEO else CROPS
    whole, stream = Recompressor(chosen, (96, 64)), Recompressor(chosen, (96, 64))
    made = whole.push(pictures) + whole.finish()
    parts = [out for picture in pictures for out in stream.push([picture])] + stream.finish()
    assert len(made) == 15
    assert np.array_equal(np.stack(made), np.stack(parts))
    gaps = [float(np.abs(a.astype(int) - b).mean()) for a, b in zip(made, pictures, strict=True)]
    assert min(gaps) > 0
    assert max(gaps) < 8


def test_compression_refuses_odd_sizes() -> None:
    with pytest.raises(ValueError, match="even width and height"):
        Recompressor(VIDEO, (97, 64))


def test_recipes_say_what_they_do() -> None:
    assert (EXACT.rules.min_detections, EXACT.rules.min_side, EXACT.detect_every) == (101, 100.0, 1)
    assert EXACT.lossy
    assert not DIRECT.lossy
    assert not LSE.tracked
    assert EXACT.scale_for(256, 256) == 0.25
    assert DIRECT.scale_for(512, 512) == 0.25
    assert DIRECT.scale_for(256, 400) == 0.5
    assert DIRECT.scale_for(64, 64) == 1.0
