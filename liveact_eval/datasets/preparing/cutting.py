"""One clip out of its video: pictures, sound, reference image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.encode import write_video
from liveact_eval.clips.image import save_png
from liveact_eval.clips.sound import write_wav
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.datasets.preparing.boxes import face_box, listed_box, needs_faces, upper_body_box
from liveact_eval.datasets.preparing.face_boxes import find_main_face
from liveact_eval.datasets.preparing.recipe import CutRecipe, Window, window_of
from liveact_eval.datasets.preparing.rows import Box, ClipFiles, FileFacts
from liveact_eval.datasets.preparing.source_sound import read_window_sound
from liveact_eval.datasets.preparing.source_video import Seen, read_window
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import ClipError
from liveact_eval.files import sha256_of
from liveact_eval.networks.provider import Networks

LONGEST_SILENCE_S = Fraction(1, 10)
"""Sound of a clip that its video may lack: streams of one file rarely end together."""
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, kw_only=True)
class CutClip:
    """A clip that was cut."""

    window: Window
    """What was cut out."""
    box: Box
    """Which part of the picture."""
    rotation: int
    """Degrees by which pictures were turned."""
    interlaced: bool
    """Whether pictures were woven from fields."""
    source_size: tuple[int, int]
    """Width and height of the upright source picture."""
    silent_samples: int
    """Samples that the source does not have."""
    mean_luma: tuple[float, ...]
    """Of each second, 0 to 255."""
    files: ClipFiles
    """What was written."""


def cut(
    clip: SourceClip, video: Path, recipe: CutRecipe, folder: PreparedFolder, networks: Networks
) -> CutClip:
    """Cut a clip and write its three files, each whole or not at all.

    Raises:
        ClipError: the clip cannot be made of this video; `reason` says why.
    """
    window = window_of(clip, recipe)
    sound = read_window_sound(video, window.start, window.samples)
    if sound.silent > LONGEST_SILENCE_S * SOUND_RATE_HZ:
        raise ClipError(
            "sound_too_short",
            f"{video.name!r} has no sound for {sound.silent / SOUND_RATE_HZ:.2f} s of the clip's "
            f"{window.samples / SOUND_RATE_HZ:.2f} s",
        )
    pictures = _Pictures(clip, video, window, recipe, networks)
    target = folder.clip(clip.id)
    write_video(
        target,
        pictures,
        size=recipe.size,
        rate=recipe.rate,
        encoding=recipe.encoding,
        samples=sound.samples,
    )
    write_wav(folder.audio(clip.id), sound.samples)
    if pictures.first is None or pictures.box is None or pictures.seen.size is None:
        raise ClipError("no_frames", f"{video.name!r} gave no picture")
    save_png(folder.image(clip.id), pictures.first)
    return CutClip(
        window=window,
        box=pictures.box,
        rotation=pictures.seen.rotation,
        interlaced=pictures.seen.interlaced,
        source_size=pictures.seen.size,
        silent_samples=sound.silent,
        mean_luma=luma_by_second(pictures.luma, recipe.rate),
        files=ClipFiles(
            clip=facts_of(target),
            audio=facts_of(folder.audio(clip.id)),
            image=facts_of(folder.image(clip.id)),
        ),
    )


def remove_files(folder: PreparedFolder, clip: str) -> None:
    """Take away the files of a clip that cannot be used."""
    for path in (folder.clip(clip), folder.audio(clip), folder.image(clip)):
        path.unlink(missing_ok=True)


def facts_of(path: Path) -> FileFacts:
    """What is kept of a file to know it again."""
    stat = path.stat()
    return FileFacts(sha256=sha256_of(path), bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)


def resize(rgb: NDArray[np.uint8], box: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A part of a picture (H, W, 3) at a size, by Pillow's Lanczos filter over three lobes."""
    from PIL import Image

    # Cut first: the filter would reach beyond the box.
    part = np.ascontiguousarray(rgb[box.y : box.y + box.height, box.x : box.x + box.width])
    if (part.shape[1], part.shape[0]) == size:
        return part
    return np.asarray(Image.fromarray(part).resize(size, Image.Resampling.LANCZOS), dtype=np.uint8)


def mean_luma(rgb: NDArray[np.uint8]) -> float:
    """Mean luma (BT.601, 0 to 255) of a picture."""
    return float(rgb.mean(axis=(0, 1)) @ _LUMA)


def luma_by_second(frames: list[float], rate: Fraction) -> tuple[float, ...]:
    """Means over each second of values per frame; the last second may be short."""
    seconds = [int(index / rate) for index in range(len(frames))]
    sums = np.bincount(seconds, weights=frames)
    return tuple(round(float(value), 2) for value in sums / np.bincount(seconds))


def library_versions() -> dict[str, str]:
    """Versions of what cuts, resizes and encodes."""
    import av

    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    own = {name: metadata.version(name) for name in ("liveact-eval", "av", "pillow")}
    wanted = ("libavcodec", "libavformat", "libavfilter", "libswscale", "libswresample")
    return own | {name: libraries[name] for name in wanted if name in libraries}


@dataclass
class _Pictures:
    """The finished pictures of a clip, in one pass over its window, and what was noted on the way."""

    clip: SourceClip
    video: Path
    window: Window
    recipe: CutRecipe
    networks: Networks
    seen: Seen = field(default_factory=Seen)
    box: Box | None = None
    first: NDArray[np.uint8] | None = None
    luma: list[float] = field(default_factory=list)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        if needs_faces(self.clip):
            self.box = self._searched()
        previous: NDArray[np.uint8] | None = None
        made: NDArray[np.uint8] | None = None
        for rgb in read_window(
            self.video, self.window.start, self.window.frames, self.recipe.rate, self.seen
        ):
            if self.box is None:
                self.box = listed_box(self.clip, (rgb.shape[1], rgb.shape[0]))
            if made is None or rgb is not previous:
                made, previous = resize(rgb, self.box, self.recipe.size), rgb
                level = mean_luma(made)
            if self.first is None:
                self.first = made
            self.luma.append(level)
            yield made

    def _searched(self) -> Box:
        faces, size = find_main_face(self.video, self.window, self.recipe.rate, self.networks)
        if self.clip.crop_rule == "upper_body":
            return upper_body_box(faces, size)
        return face_box(self.clip, faces, size)
