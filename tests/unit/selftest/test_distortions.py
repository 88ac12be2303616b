"""Distortions: graded, repeatable, and of the length and rate of the clip."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.clips.faces import FaceOrder, FaceTrack
from liveact_eval.errors import ClipError, UserError
from liveact_eval.execution.entrants import Entrant
from liveact_eval.generators.protocol import Generation
from liveact_eval.selftest.distorted import UNTOUCHED, entrants
from liveact_eval.selftest.distortions import Reordered, drop_order, fitted, warp_order
from liveact_eval.selftest.ladders import check_levels, chosen, ladders
from tests.helpers import Pixels, Samples, clip_of, moving_square, read_all, tone, write_av

LOSSLESS = Encoding(crf=0, preset="ultrafast")
PICTURES = [name for name in ladders() if not name.startswith("audio_")]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Two speakers; the second one's picture is larger and shorter."""
    folder = tmp_path_factory.mktemp("clips")
    sound = np.random.RandomState(0).randint(-9000, 9000, 16_000).astype(np.int16)
    first = write_av(folder / "a b ü.mp4", moving_square(25), options={"crf": "0"}, sound=sound)
    second = write_av(folder / "c.mp4", 255 - moving_square(9, (96, 64)), options={"crf": "0"}, sound=tone(1))
    made = []
    for number, path in enumerate((first, second)):
        entry = ClipEntry(id=f"clip {number}", speaker=f"speaker {number}", content_hash=str(number))
        made.append(clip_of(path, entry=entry))
    return made


def rows(clips: list[Clip], name: str, levels: int = 4) -> dict[str, Entrant]:
    dataset: Any = SimpleNamespace(materialise=lambda entry: next(c for c in clips if c.entry == entry))
    made = entrants(chosen([name]), levels, LOSSLESS, dataset, [clip.entry for clip in clips])
    return {entrant.name: entrant for entrant in made}


def make(entrant: Entrant, clip: Clip, folder: Path, seed: int = 0) -> Generation:
    out = folder / f"{entrant.name}{entrant.generator.suffix(clip)}"
    return entrant.generator.generate(clip, out, seed)


def content(made: Generation) -> tuple[Pixels, Samples, list[Any]]:
    frames, samples = read_all(made.video)
    return np.stack([frame.rgb for frame in frames]), samples, [frame.time for frame in frames]


@pytest.mark.parametrize("name", PICTURES)
def test_each_level_differs_more_and_all_else_stays(name: str, clips: list[Clip], tmp_path: Path) -> None:
    found = rows(clips, name)
    before, sound, times = content(make(found[UNTOUCHED], clips[0], tmp_path))
    assert len(before) == 25 and len(sound) == 16_000
    errors = [0.0]
    for level in range(1, 5):
        pictures, samples, at = content(make(found[f"{name}-{level}"], clips[0], tmp_path))
        assert pictures.shape == before.shape and at == times
        assert (samples == sound).all()
        errors.append(float(np.mean((pictures.astype(float) - before) ** 2)))
    assert all(a < b for a, b in itertools.pairwise(errors)), errors


@pytest.mark.parametrize(("name", "sign"), [("audio_early", 1), ("audio_late", -1)])
def test_sound_moves_by_whole_frames(name: str, sign: int, clips: list[Clip], tmp_path: Path) -> None:
    found = rows(clips, name)
    assert clips[0].video is not None
    frames, sound = read_all(clips[0].video)
    for level, strength in enumerate(ladders()[name].strengths(4), 1):
        pictures, samples, _ = content(make(found[f"{name}-{level}"], clips[0], tmp_path))
        assert (pictures == np.stack([frame.rgb for frame in frames])).all()
        moved = round(strength) * 640
        a, b = (sound[moved:], samples[:-moved]) if sign > 0 else (sound[:-moved], samples[moved:])
        assert (a == b).all() and len(samples) == len(sound)


@pytest.mark.parametrize("name", ["noise", "identity_swap", "drop"])
def test_the_same_seed_gives_the_same_bytes(name: str, clips: list[Clip], tmp_path: Path) -> None:
    entrant = rows(clips, name)[f"{name}-4"]
    made = []
    for number, seed in enumerate((0, 0, 1)):
        (tmp_path / str(number)).mkdir()
        made.append(make(entrant, clips[0], tmp_path / str(number), seed).video.read_bytes())
    assert made[0] == made[1]
    assert (made[0] == made[2]) == (name != "noise")


def test_swap_shows_the_other_speaker_at_the_end(clips: list[Clip], tmp_path: Path) -> None:
    found = rows(clips, "identity_swap")
    pictures, _, _ = content(make(found["identity_swap-2"], clips[0], tmp_path))
    before, _, _ = content(make(found[UNTOUCHED], clips[0], tmp_path))
    assert clips[1].video is not None
    other = np.stack([fitted(frame.rgb, (64, 64)) for frame in read_all(clips[1].video)[0]])
    since = round((1 - ladders()["identity_swap"].strengths(4)[1]) * 25)
    assert (pictures[:since] == before[:since]).all()
    # The other clip is shorter, and starts anew.
    expected = np.concatenate([other, other, other])[since:25]
    assert np.abs(pictures[since:].astype(float) - expected).mean() < 3


@pytest.mark.parametrize("levels", [4, 5, 9])
def test_a_swapped_clip_keeps_its_first_frames(levels: int) -> None:
    # What compares with the first frame must have one of its own.
    strongest = ladders()["identity_swap"].strengths(levels)[-1]
    assert round((1 - strongest) * 25) >= 1


def test_a_single_speaker_cannot_be_swapped(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="no clip of another speaker"):
        make(rows(clips[:1], "identity_swap")["identity_swap-1"], clips[0], tmp_path)


def test_swap_depends_on_the_clips_around(clips: list[Clip]) -> None:
    def identity(of: list[Clip], name: str) -> str:
        return rows(of, name)[f"{name}-1"].identity

    assert identity(clips, "identity_swap") != identity(clips[::-1], "identity_swap")
    assert identity(clips, "blur") == identity(clips[::-1], "blur") != identity(clips, "noise")


def test_faces_follow_the_frames(clips: list[Clip], tmp_path: Path) -> None:
    made = make(rows(clips, "warp")["warp-4"], clips[0], tmp_path)
    boxes = np.arange(25, dtype=np.float32)[:, None].repeat(4, axis=1)
    track = FaceTrack(boxes=boxes, mouth_boxes=boxes, landmarks=np.zeros((25, 5, 2), np.float32), source="t")
    assert made.faces is not None
    shown = made.faces.apply(track, 25).boxes[:, 0]
    assert shown.tolist() == [warp_order(12, 25)(n) for n in range(25)]
    assert FaceOrder(shown=(0, 0, 1)).apply(track, 5).boxes[:, 0].tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("share", [0.1, 0.275, 0.5, 0.8])
def test_so_many_frames_are_dropped(share: float) -> None:
    order = drop_order(share)
    shown = [order(n) for n in range(400)]
    assert shown[0] == 0 and all(a <= n for n, a in enumerate(shown))
    assert 1 - len(set(shown)) / 400 == pytest.approx(share, abs=0.01)
    assert all(order(n) == n for n in set(shown))


@pytest.mark.parametrize("frames", [1, 5, 12, 100])
def test_time_never_runs_backwards(frames: int) -> None:
    order = warp_order(frames, 25)
    shown = [order(n) for n in range(200)]
    assert all(a <= b for a, b in itertools.pairwise(shown))
    assert max(n - a for n, a in enumerate(shown)) == min(frames, 16)
    assert shown[50] == 50


def test_looking_back_too_far_is_a_bug() -> None:
    effect = Reordered(lambda n: 0, 2)
    with pytest.raises(ValueError, match="frame 3 shows frame 0"):
        for n in range(4):
            effect(np.zeros((2, 2, 3), np.uint8), n)


@pytest.mark.parametrize("levels", [4, 5, 9])
@pytest.mark.parametrize("name", ladders())
def test_strengths_grow(name: str, levels: int) -> None:
    ladder = ladders()[name]
    strengths = ladder.strengths(levels)
    assert strengths[0] == ladder.weakest and len(set(strengths)) == levels
    assert strengths == sorted(strengths, reverse=ladder.strongest < ladder.weakest)
    assert not ladder.whole or all(strength == int(strength) for strength in strengths)
    assert strengths[-1] == pytest.approx(ladder.strongest, abs=0 if levels == 5 else 1)


def test_refusals() -> None:
    with pytest.raises(UserError, match="Unknown distortion 'blurr'"):
        chosen(["blurr"])
    for levels in (3, 10):
        with pytest.raises(UserError, match=f"--levels is {levels}; expected 4 to 9"):
            check_levels(levels)
