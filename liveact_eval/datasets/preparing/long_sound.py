"""Sound of an hour: parts of one speaker one after the other, and again from the first until it is long enough."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from fractions import Fraction
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.image import save_png
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.datasets.preparing.boxes import face_box, listed_box, needs_faces, upper_body_box
from liveact_eval.datasets.preparing.cutting import LONGEST_SILENCE_S, CutClip, facts_of, resize
from liveact_eval.datasets.preparing.face_boxes import find_main_face
from liveact_eval.datasets.preparing.recipe import CutRecipe, Window, samples_of, window_of
from liveact_eval.datasets.preparing.rows import Box, ClipFiles
from liveact_eval.datasets.preparing.source_sound import read_window_sound
from liveact_eval.datasets.preparing.source_video import Seen, read_window
from liveact_eval.datasets.preparing.wanted import Wanted
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import ClipError
from liveact_eval.files import atomic_path
from liveact_eval.networks.provider import Networks


def join(
    wanted: Wanted, videos: dict[str, Path], recipe: CutRecipe, folder: PreparedFolder, networks: Networks
) -> CutClip:
    """Write long sound and its reference image, the first frame of the first part.

    Args:
        wanted: parts and length.
        videos: the file of each video, by id.
        recipe: gives size and rate of the picture that the sound will drive.
        folder: where the files go.
        networks: for boxes that are found by a face detector.

    Raises:
        ClipError: a part cannot be cut; nothing is left out, since the length of the speech would change.
    """
    if wanted.long_seconds is None:
        raise ValueError(f"{wanted.id} is no long sound")
    whole = wanted.recipe(recipe)
    runs: list[NDArray[np.int16]] = []
    silent = 0
    for part in wanted.parts:
        window = window_of(part, whole)
        sound = read_window_sound(videos[part.video_id], window.start, window.samples)
        if sound.silent > LONGEST_SILENCE_S * SOUND_RATE_HZ:
            raise ClipError(
                "sound_too_short", f"part {part.id!r} lacks {sound.silent / SOUND_RATE_HZ:.2f} s of its sound"
            )
        silent += sound.silent
        runs.append(sound.samples)
    frames = int(wanted.long_seconds * recipe.rate)
    samples = samples_of(frames, recipe.rate)
    write_repeated(folder.audio(wanted.id), runs, samples)
    first = wanted.first
    window = window_of(first, whole)
    seen = Seen()
    rgb = next(read_window(videos[first.video_id], window.start, 1, recipe.rate, seen))
    box = _box(first, videos[first.video_id], window, rgb, recipe.rate, networks)
    save_png(folder.image(wanted.id), resize(rgb, box, recipe.size))
    return CutClip(
        window=Window(start=Fraction(0), frames=frames, samples=samples, end=wanted.long_seconds),
        box=box,
        rotation=seen.rotation,
        interlaced=seen.interlaced,
        source_size=(rgb.shape[1], rgb.shape[0]),
        silent_samples=silent,
        mean_luma=(),
        files=ClipFiles(
            clip=None, audio=facts_of(folder.audio(wanted.id)), image=facts_of(folder.image(wanted.id))
        ),
    )


def write_repeated(path: Path, runs: Sequence[NDArray[np.int16]], samples: int) -> None:
    """Write runs of sound one after the other, over and over, until there are so many samples; whole or not at all."""
    if not any(run.size for run in runs):
        raise ClipError("no_audio", "there is no sound to repeat")
    left = samples
    with atomic_path(path) as temporary, wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SOUND_RATE_HZ)
        for run in cycle(runs):
            if left <= 0:
                break
            out.writeframes(run[:left].astype("<i2").tobytes())
            left -= run.size


def _box(
    clip: SourceClip,
    video: Path,
    window: Window,
    rgb: NDArray[np.uint8],
    rate: Fraction,
    networks: Networks,
) -> Box:
    if not needs_faces(clip):
        return listed_box(clip, (rgb.shape[1], rgb.shape[0]))
    faces, size = find_main_face(video, window, rate, networks)
    return upper_body_box(faces, size) if clip.crop_rule == "upper_body" else face_box(clip, faces, size)
