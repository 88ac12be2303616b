"""The reference's lip sync while a video streams by: equal to its steps over the whole clip, and what has no score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from liveact_eval.clips.face_detect import detect
from liveact_eval.clips.face_tracking import TrackRules, track_faces
from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.metrics import _sync_exact, sync_exact
from liveact_eval.metrics._mfcc import mfcc, sound_windows
from liveact_eval.metrics._sync_codec import CROPS, VIDEO, Codec, Recompressor
from liveact_eval.metrics._sync_crops import crop_track
from liveact_eval.metrics._sync_curve import SyncScores, distances, scores, usable_windows
from liveact_eval.metrics._sync_exact import ExactSync
from liveact_eval.metrics._sync_recipes import EXACT, SyncRecipe
from liveact_eval.metrics._sync_tape import SoundTape
from liveact_eval.metrics.base import Batch, ClipContext, Missing
from liveact_eval.metrics.registry import select
from liveact_eval.metrics.sync_exact import SyncExact
from liveact_eval.networks.provider import Networks
from liveact_eval.networks.s3fd import STRIDES, HeadMaps
from tests.helpers import Pixels, Samples, clip_of, numbers, read_all, values, write_av

SIZE = (320, 256)
SMALL = 0
LARGE = 1
"""Maps whose anchors are 64 and 128 pixels wide in the frame."""
BRIEF = replace(EXACT, rules=TrackRules(min_detections=31))
"""The recipe with tracks from 31 frames on, so that clips can be short here."""


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sync_exact, "EXACT", BRIEF)
    monkeypatch.setattr(sync_exact, "EXACT", BRIEF)


class Corners(nn.Module):
    """S3FD that finds a face at the left where the upper left corner is bright, and one at the right likewise.

    The faces move with the brightness of the middle.
    """

    def __init__(self, level: int = LARGE, *, always: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.level, self.always = level, always

    def forward(self, pictures: torch.Tensor) -> HeadMaps:
        count, _, height, width = pictures.shape
        boxes, classes = [], []
        for index, stride in enumerate(STRIDES):
            rows, columns = -(-height // stride), -(-width // stride)
            boxes.append(torch.zeros(count, 4, rows, columns))
            classes.append(torch.full((count, 4 if index == 0 else 2, rows, columns), 9.0))
            classes[-1][:, -1] = -9.0
        scale = 4 // 2 ** (self.level + 1) or 1
        corners = pictures[:, :, :4, :4].mean(dim=(1, 2, 3)), pictures[:, :, :4, -4:].mean(dim=(1, 2, 3))
        for corner, column in zip(corners, (2 * scale, 8 * scale), strict=True):
            seen = (corner > 0) | (self.always and column == 2 * scale)
            classes[self.level][seen, -1, 4 * scale, column] = 30.0
            boxes[self.level][:, 0, 4 * scale, column] = pictures.mean(dim=(1, 2, 3)) / 20
        return HeadMaps(tuple(boxes), tuple(classes))


class Means(nn.Module):
    """SyncNet that costs nothing: means of the crops and coefficients of the sound."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)

    def embed_video(self, crops: torch.Tensor, at_once: int = 8) -> torch.Tensor:
        assert crops.shape[1:] == (224, 224, 3)
        levels = crops.float().mean(dim=(1, 2))
        rows = levels.unfold(0, 5, 1).flatten(1)[:, :13] / 50
        return torch.nn.functional.pad(rows, (0, 1024 - 13))

    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        assert windows.shape[1:] == (20, 13)
        return torch.nn.functional.pad(windows.float().mean(dim=1) / 10, (0, 1024 - 13))


@dataclass(frozen=True)
class Both(Networks):
    """Hands out the networks of this module."""

    detector: nn.Module | None = None

    def missing(self, name: str) -> str | None:
        return None

    def get(self, name: str) -> nn.Module:
        made = {"s3fd": self.detector or Corners(), "syncnet": Means()}
        return made[name]


def noise(frames: int) -> Samples:
    return np.random.RandomState(4).randint(-9000, 9000, frames * 640).astype(np.int16)


def pictures(frames: int, left: Sequence[slice] = (), right: Sequence[slice] = ()) -> Pixels:
    """A ground that brightens and darkens; corners are bright where faces are to be found."""
    made = np.zeros((frames, SIZE[1], SIZE[0], 3), np.float64)
    made[:] = (110 + 25 * np.sin(np.arange(frames) / 4))[:, None, None, None]
    made[:, 60:, :, 1] += 30 * np.sin(np.arange(SIZE[0]) / 9)
    made[:, :32, :48], made[:, :32, -48:] = 0, 0
    for span in left:
        made[span, :32, :48] = 255
    for span in right:
        made[span, :32, -48:] = 255
    return made.clip(0, 255).astype(np.uint8)


def video(folder: Path, frames: Pixels, sound: Samples | None = None) -> Path:
    return write_av(folder / "video.mp4", frames, sound=noise(len(frames)) if sound is None else sound)


def measured(path: Path, detector: nn.Module | None = None, seconds: float | None = None) -> Measurement:
    clip = clip_of(None, rate=Fraction(25), seconds=seconds)
    return measure(Job(clip=clip, video=path, metrics=[SyncExact()], networks=Both(detector=detector)))


def through(codecs: Sequence[Codec], frames: Pixels) -> Pixels:
    codec = Recompressor(codecs, (frames.shape[2], frames.shape[1]))
    return np.stack([*codec.push(frames), *codec.finish()])


def at_once(
    path: Path, detector: nn.Module, recipe: SyncRecipe = BRIEF, **options: float
) -> list[SyncScores]:
    """The steps of the reference one after the other, each over all of the clip."""
    found, samples = read_all(path, rate=Fraction(25), **options)
    frames = through(VIDEO, np.stack([frame.rgb for frame in found]))
    boxes = [faces.boxes for faces in detect(detector, torch.from_numpy(frames))]  # type: ignore[arg-type]
    made = []
    for track in track_faces(boxes, recipe.rules):
        span = slice(track.start, track.start + len(track))
        crops = through(CROPS, crop_track(frames[span], track.boxes))
        heard = samples[span.start * 640 : span.stop * 640]
        count = usable_windows(len(crops), len(heard))
        mouths = Means().embed_video(torch.from_numpy(crops))[:count]
        sounds = Means().embed_audio(torch.from_numpy(sound_windows(mfcc(heard), count)))
        made.append(scores(distances(mouths.numpy(), sounds.numpy())))
    return made


def same(made: dict[str, float], expected: list[SyncScores]) -> None:
    assert made["sync_exact_tracks"] == len(expected)
    assert made["sync_exact_c"] == pytest.approx(np.mean([one.confidence for one in expected]), abs=2e-6)
    assert made["sync_exact_d"] == pytest.approx(np.mean([one.distance for one in expected]), rel=1e-6)
    zero = np.mean([one.distance_at_zero for one in expected])
    assert made["sync_exact_d_zero"] == pytest.approx(zero, rel=1e-6)


@pytest.mark.usefixtures("brief")
def test_equals_the_steps_over_the_whole_clip_in_any_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A track that begins late, is lost for a while, and ends before the clip does.
    path = video(tmp_path, pictures(58, [slice(6, 30), slice(36, 55)]))
    made = measured(path)
    expected = at_once(path, Corners())
    assert [one.windows for one in expected] == [49 - 5]
    same(numbers(made), expected)
    assert numbers(made)["sync_exact_coverage"] == 44 / 53
    curve = made.scores["sync_exact"].curves["sync_exact_confidence"]
    assert len(curve) == 6 + 44 and np.isnan(curve[:6]).all() and np.isfinite(curve[6:]).all()
    monkeypatch.setattr(engine, "RUN_BYTES", 1)
    assert numbers(measured(path)) == numbers(made)


@pytest.mark.usefixtures("brief")
def test_tracks_of_one_video_are_averaged(tmp_path: Path) -> None:
    path = video(tmp_path, pictures(42, [slice(0, 35)], [slice(6, 42)]))
    expected = at_once(path, Corners())
    assert len(expected) == 2 and expected[0].distance != expected[1].distance
    made = numbers(measured(path))
    same(made, expected)
    assert made["sync_exact_coverage"] == 1.0


@pytest.mark.parametrize(
    ("frames", "shown", "level", "sound", "reason", "said"),
    [
        (40, slice(0), LARGE, 40, "no_face", "no face in any of 40 frames, searched at a quarter of 320x256"),
        (34, slice(4, 34), LARGE, 34, "too_short", "more than 30 frames of one track; the reference takes"),
        (34, slice(None), SMALL, 34, "too_small", "the faces are 100 pixels or less"),
        (34, slice(None), LARGE, 20, "too_short", "no track has sound beside 25 windows"),
        (34, slice(None), LARGE, 0, "no_audio", "has no sound"),
    ],
)
@pytest.mark.usefixtures("brief")
def test_what_has_no_score(
    tmp_path: Path, frames: int, shown: slice, level: int, sound: int, reason: str, said: str
) -> None:
    path = write_av(tmp_path / "video.mp4", pictures(frames, [shown]), sound=noise(sound) if sound else None)
    made = values(measured(path, Corners(level)))
    assert len(made) == len(SyncExact.outputs)
    for value in made.values():
        assert isinstance(value, Missing)
        assert value.reason == reason and said in value.detail


def test_odd_sizes_are_refused_with_the_reason() -> None:
    clip = ExactSync()
    clip.look(Batch(windows=torch.zeros(2, 1, 65, 64, 3, dtype=torch.uint8), networks=Both()))
    clip.listen(np.ones(6400, np.int16))
    assert clip._tape.end == 0, "sound that nobody will ask for is not held"
    rows = {"frames": clip.frames.table, "sound": clip.sound.table}
    value = SyncExact().score(rows, ClipContext(fps=25.0, truth=None)).values["sync_exact_c"]
    assert isinstance(value, Missing) and value.reason == "wrong_size" and "64x65" in value.detail


def test_a_shift_at_the_end_of_the_search_is_no_sync() -> None:
    table = np.full((40, 33), 9.0, np.float32)
    table[:, 0], table[:, 1], table[:, 2 + 1] = 0, 3, 5.0
    counts = np.array([[60.0, 60, 60, 60, 64, 64]])
    made = SyncExact().score({"frames": table, "sound": counts}, ClipContext(fps=25.0, truth=None)).values
    offset = made["sync_exact_offset_frames"]
    assert isinstance(offset, Missing) and offset.reason == "no_sync"
    assert (made["sync_exact_c"], made["sync_exact_d"]) == (4.0, 5.0)
    other = table.copy()
    other[:, 0], other[:, 3], other[:, 2 + 12] = 1, 9.0, 7.0
    both = {"frames": np.concatenate([table, other]), "sound": counts}
    made = SyncExact().score(both, ClipContext(fps=25.0, truth=None)).values
    assert (made["sync_exact_offset_frames"], made["sync_exact_d"]) == (3.0, 6.0)


@pytest.mark.usefixtures("brief")
def test_sound_may_come_before_or_after_and_little_is_held() -> None:
    frames, samples = torch.from_numpy(pictures(70, [slice(None)]))[:, None], noise(70)
    steps = [slice(start, start + 10) for start in range(0, 70, 10)]
    together = ExactSync()
    for span in steps:
        together.look(Batch(windows=frames[span], networks=Both()))
        together.listen(samples[span.start * 640 : span.stop * 640])
        # Frames wait for their crops no longer than 6, sound no longer than its track.
        assert len(together._tape._kept) <= 52 * 640
    assert len(together.frames.table) == 65
    for sound_first in (False, True):
        apart = ExactSync()
        if sound_first:
            apart.listen(samples)
        apart.look(Batch(windows=frames, networks=Both()))
        if not sound_first:
            apart.listen(samples)
        assert np.array_equal(together.frames.table, apart.frames.table)
        assert together.counts == apart.counts


def test_what_the_tape_forgets_is_gone() -> None:
    tape = SoundTape()
    tape.push(np.arange(10, dtype=np.int16))
    tape.forget(4)
    assert tape.read(4, 20).tolist() == [4, 5, 6, 7, 8, 9] and tape.end == 10
    assert tape.read(9, 7).tolist() == []
    with pytest.raises(ValueError, match="samples from 3 on are asked for; those before 4 are gone"):
        tape.read(3, 5)


def test_the_reference_wants_more_than_a_hundred_frames() -> None:
    rows = {"frames": np.zeros((0, 33), np.float32), "sound": np.array([[100.0, 100, 100, 100, 64, 64]])}
    value = SyncExact().score(rows, ClipContext(fps=25.0, truth=None)).values["sync_exact_c"]
    assert isinstance(value, Missing) and value.reason == "too_short"
    assert (
        "more than 100 frames of one track; the reference takes tracks of more than 100 (4 s)" in value.detail
    )


def test_it_runs_only_by_name() -> None:
    assert "sync_exact" not in {metric.name for metric in select(["all"])}
    assert [metric.name for metric in select(["sync_exact"])] == ["sync_exact"]


@pytest.mark.slow
def test_a_real_clip(shared: Path) -> None:
    detector = Corners(always=True)
    path = shared / "clips" / "portrait_a.mp4"
    made = measured(path, detector, seconds=4.2)
    expected = at_once(path, detector, EXACT, seconds=4.2)
    assert expected[0].windows == 100
    same(numbers(made), expected)
