"""The files that a SyncNet evaluation of one clip goes through, steps 1 to 11, without its two networks."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import imageio_ffmpeg
import numpy as np
from scenedetect import ContentDetector, SceneManager, open_video

FACE_SHARE = 0.4
"""Side of the stand-in face box as a share of the picture's shorter side."""
BORDER = 0.4
"""Margin of the crop as a share of the face box, the tool's default."""
CROP = 224
DETECTOR_SCALE = 0.25
RATE = 25


def crop_box(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the crop around a face in the middle of a picture of `size` (width, height)."""
    half = FACE_SHARE * min(size) / 2
    x, y = size[0] / 2, size[1] / 2
    return x - half * (1 + BORDER), y - half, x + half * (1 + BORDER), y + half * (1 + 2 * BORDER)


class SyncNetStep(NamedTuple):
    """One step; its work returns the number of frames it took, or 0 for sound."""

    name: str
    full: bool
    """Whether those are frames of the full size."""
    run: Callable[[], int]


class SyncNetChain:
    """The steps over one clip; each reads what an earlier one wrote into `scratch`."""

    def __init__(self, video: Path, scratch: Path) -> None:
        self._video, self._scratch = video, scratch
        self._ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()

    def steps(self) -> list[SyncNetStep]:
        """All steps in order."""
        at = self._at
        pictures, crops = at("frames"), at("crops")
        for folder in (pictures, crops):
            folder.mkdir()
        wav = ("-ac", "1", "-vn", "-acodec", "pcm_s16le", "-ar", "16000")
        return [
            SyncNetStep("1 re-encode to 25 fps MPEG-4", True, self._reencode),
            SyncNetStep(
                "2 to JPEG, one thread", True, lambda: self._jpeg("video.avi", pictures, "-q:v", "2")
            ),
            SyncNetStep(
                "3 sound to WAV", False, lambda: self._run("-i", at("video.avi"), *wav, at("audio.wav"))
            ),
            SyncNetStep("4 read JPEGs, detector copy", True, lambda: _read(pictures)),
            SyncNetStep("5 scene detection", True, lambda: _scenes(at("video.avi"))),
            SyncNetStep("6 read, pad, crop, XVID", True, lambda: _crop(pictures, at("crop_silent.avi"))),
            SyncNetStep("7 cut sound", False, self._cut_sound),
            SyncNetStep("8 mux", False, self._mux),
            SyncNetStep("9 crop to JPEG", False, lambda: self._jpeg("crop.avi", crops)),
            SyncNetStep(
                "10 sound to WAV", False, lambda: self._run("-i", at("crop.avi"), *wav, at("crop.wav"))
            ),
            SyncNetStep("11 read crop JPEGs, WAV", False, lambda: _read_crop(crops, at("crop.wav"))),
        ]

    def _at(self, name: str) -> Path:
        return self._scratch / name

    def _run(self, *arguments: str | Path) -> int:
        """Run ffmpeg; return the number of frames it says it wrote."""
        command = [self._ffmpeg, "-y", "-nostdin", "-progress", "pipe:1", *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"ffmpeg ended with {done.returncode}: {done.stderr[-800:]}")
        counts = [line for line in done.stdout.splitlines() if line.startswith("frame=")]
        return int(counts[-1].removeprefix("frame=")) if counts else 0

    def _reencode(self) -> int:
        # `aresample=async=1` is what the tool's `-async 1` meant before ffmpeg dropped that option.
        sound = ("-af", "aresample=async=1")
        return self._run("-i", self._video, "-qscale:v", "2", *sound, "-r", str(RATE), self._at("video.avi"))

    def _jpeg(self, video: str, folder: Path, *options: str) -> int:
        return self._run(
            "-i", self._at(video), *options, "-threads", "1", "-f", "image2", folder / "%06d.jpg"
        )

    def _cut_sound(self) -> int:
        seconds = len(list(self._at("frames").iterdir())) / RATE
        span = ("-ss", "0.000", "-to", f"{seconds:.3f}")
        return self._run("-i", self._at("audio.wav"), *span, self._at("cut.wav"))

    def _mux(self) -> int:
        inputs = ("-i", self._at("crop_silent.avi"), "-i", self._at("cut.wav"))
        return self._run(*inputs, "-c:v", "copy", "-c:a", "copy", self._at("crop.avi"))


def _read(folder: Path) -> int:
    """Read each picture and scale it for the detector."""
    paths = sorted(folder.iterdir())
    for path in paths:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        cv2.resize(picture, None, fx=DETECTOR_SCALE, fy=DETECTOR_SCALE)
    return len(paths)


def _scenes(video: Path) -> int:
    source = open_video(str(video))
    manager = SceneManager()
    manager.add_detector(ContentDetector())
    return manager.detect_scenes(source)


def _crop(folder: Path, out: Path) -> int:
    """Pad each picture by the border, cut the face, scale it and encode it."""
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"XVID"), RATE, (CROP, CROP))
    if not writer.isOpened():
        raise RuntimeError("this OpenCV cannot encode XVID")
    paths = sorted(folder.iterdir())
    for path in paths:
        picture = cv2.imread(str(path))
        height, width = picture.shape[:2]
        pad = int(FACE_SHARE * min(width, height) / 2 * (1 + 2 * BORDER))
        wide = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), constant_values=110)
        x0, y0, x1, y1 = (int(edge + pad) for edge in crop_box((width, height)))
        writer.write(cv2.resize(wide[y0:y1, x0:x1], (CROP, CROP)))
    writer.release()
    return len(paths)


def _read_crop(folder: Path, sound: Path) -> int:
    """The crops as one array, and the samples."""
    crops = np.stack([cv2.imread(str(path)) for path in sorted(folder.iterdir())])
    with wave.open(str(sound)) as file:
        np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
    return len(crops)
