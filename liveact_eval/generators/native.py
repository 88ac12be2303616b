"""Videos made inside this package by the native model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.errors import ClipError, UserError
from liveact_eval.files import atomic_path
from liveact_eval.generators.controls import count_frames
from liveact_eval.generators.driving import DrivingSound, MovieWriter, SoundInStep
from liveact_eval.generators.given import driving_sound, rate_of, reference_picture
from liveact_eval.generators.protocol import Generation
from liveact_eval.generators.recipe import Recipe, build_pipeline, check_recipe
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.prompts import DEFAULT_PROMPT
from liveact_eval.liveact.request import block_count, check_size, check_sound, frame_count

if TYPE_CHECKING:
    import torch

    from liveact_eval.liveact.stream import FrameBlock, LiveStream

_SMALL_BYTES = 2**28
"""Weights up to this size may lie in memory once per process."""
Told = Callable[["FrameBlock"], None]
"""Hears of every block as soon as its frames are there."""


@dataclass(frozen=True)
class NativeGenerator:
    """Makes videos of clips with a native model. Its networks are built with the first clip of a process."""

    recipe: Recipe
    encoding: Encoding

    @property
    def processes(self) -> int | None:
        """How many processes may run it at once; `None`: any number. Weights of full size are too large for several."""
        if self.recipe.weights is None or self.recipe.weights_bytes < _SMALL_BYTES:
            return None
        return 1

    def suffix(self, clip: Clip) -> str:
        """MP4."""
        return ".mp4"

    def generate(self, clip: Clip, out: Path, seed: int) -> Generation:
        """Make the video of a clip; see `Generator.generate`."""
        import torch

        started = time.monotonic()
        try:
            with _refused("not_generated"):
                return self._generate(clip, out, seed, started)
        except torch.cuda.OutOfMemoryError as error:
            raise ClipError(
                "out_of_memory", f"the GPU has not enough memory for this clip: {error}"
            ) from error

    def _generate(self, clip: Clip, out: Path, seed: int, started: float) -> Generation:
        rate = rate_of(clip)
        image = reference_picture(clip)
        size = clip.size or (image.shape[1], image.shape[0])
        with _refused("wrong_size"):
            check_size(size)
        sound = driving_sound(clip)
        with _refused("short_audio"):
            check_sound(sound.seconds, rate, self.recipe.block_latents.first)
        frames = count_frames(clip) if clip.video is not None else frame_count(sound.seconds, rate)
        try:
            if not build_pipeline.cache_info().currsize:
                check_recipe(self.recipe, size, block_count(frames, self.recipe.block_latents))
            pipeline = build_pipeline(self.recipe)
        except LiveActError as error:
            # It would be the same with every clip.
            raise UserError(str(error)) from error
        # Building the networks is no part of the time to the first frame: only the first clip of a process pays it.
        clock = BlockClock(time.monotonic())
        memory = _DeviceMemory(pipeline.models.device)
        stream = pipeline.stream(
            image, prompt=clip.prompt or DEFAULT_PROMPT, size=size, fps=rate, seed=seed, frames=frames
        )
        write_stream(stream, sound, out, size=size, encoding=self.encoding, told=clock.hear)
        return Generation(
            video=out,
            seconds=time.monotonic() - started,
            details=pipeline.describe()
            | {"memory_bytes": stream.memory_bytes(), "fps": float(rate)}
            | clock.details()
            | memory.details(),
        )


@contextlib.contextmanager
def _refused(reason: str) -> Iterator[None]:
    """What the model refuses is this clip's failure."""
    try:
        yield
    except LiveActError as error:
        raise ClipError(reason, str(error)) from error


def drive(stream: LiveStream, sound: DrivingSound) -> Iterator[FrameBlock]:
    """Feed a stream run by run, and give its blocks as soon as they can be made."""
    for run in sound.runs():
        stream.feed(run, sound.rate)
        yield from stream.blocks()
        if stream.done:
            return
    stream.close()
    yield from stream.blocks()


def write_stream(
    stream: LiveStream,
    sound: DrivingSound,
    out: Path,
    *,
    size: tuple[int, int],
    encoding: Encoding,
    told: Told,
) -> None:
    """Write a stream's video while it is made, whole or not at all, with the sound that drives it.

    Frame k is shown at k / fps, and the sound is heard at its own pace, cut at the end of the last frame.
    """
    with (
        atomic_path(out) as temporary,
        MovieWriter(
            temporary, size=size, rate=stream.fps, encoding=encoding, sound_rate=sound.rate
        ) as writer,
    ):
        heard = SoundInStep(sound, writer)
        for block in drive(stream, sound):
            told(block)
            for offset, rgb in enumerate(block.frames):
                writer.write(rgb, (block.first_frame + offset) / stream.fps)
            heard.write_until((block.first_frame + len(block.frames)) / stream.fps)


class BlockClock:
    """Seconds of all blocks by part, and when the first one was there.

    Args:
        started: `time.monotonic()` at the start.
        told: hears of every block too.
    """

    def __init__(self, started: float, told: Told | None = None) -> None:
        self._started = started
        self._told = told
        self.frames = 0
        self.first_frame_s = 0.0
        self.parts_s = {"condition": 0.0, "dit": 0.0, "vae": 0.0, "host": 0.0}

    def hear(self, block: FrameBlock) -> None:
        """Add a block."""
        if not self.frames:
            self.first_frame_s = time.monotonic() - self._started
        self.frames += len(block.frames)
        timings = block.timings
        seconds = (timings.condition_s, timings.dit_s, timings.vae_s, timings.host_s)
        for name, more in zip(self.parts_s, seconds, strict=True):
            self.parts_s[name] += more
        if self._told is not None:
            self._told(block)

    def details(self) -> dict[str, str | int | float]:
        """Numbers for `Generation.details`."""
        parts = {f"{name}_s": seconds for name, seconds in self.parts_s.items()}
        return {"frames": self.frames, "first_frame_s": self.first_frame_s, **parts}


class _DeviceMemory:
    """The most memory of a GPU in use at once from now on."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(device)

    def details(self) -> dict[str, str | int | float]:
        """Numbers for `Generation.details`; none without a GPU."""
        if self._device.type != "cuda":
            return {}
        import torch

        return {"peak_device_bytes": int(torch.cuda.max_memory_allocated(self._device))}
