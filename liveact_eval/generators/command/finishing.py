"""From the file that a program wrote to the video that is scored: its frames at the clip's rate, size and sound."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from liveact_eval.cards.command_rules import LengthRule
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.encode import VideoWriter
from liveact_eval.clips.resample import ConstantRate
from liveact_eval.clips.video import SOUND_RATE_HZ, Frame, VideoFile
from liveact_eval.errors import ClipError
from liveact_eval.files import atomic_path
from liveact_eval.generators.command.geometry import Pixels
from liveact_eval.generators.command.lengths import check_count, check_rate
from liveact_eval.generators.command.staging import StagedClip
from liveact_eval.generators.driving import MovieWriter, SoundInStep

Details = dict[str, str | int | float]


@dataclass
class _Seen:
    """What the program's file really holds."""

    frames: int = 0
    last: Fraction = Fraction(0)
    size: str = ""

    @property
    def fps(self) -> float | None:
        """Frames per second by their times."""
        return float((self.frames - 1) / self.last) if self.frames > 1 and self.last > 0 else None


def finish_video(made: Path, out: Path, staged: StagedClip, rule: LengthRule, encoding: Encoding) -> Details:
    """Write the video that is scored, whole or not at all; returns what was seen and done.

    Frames that do not belong to the clip are dropped, the others come at the clip's rate by their times, at its size
    and for its length, with the sound that drove them as it was before it was padded.

    Args:
        made: the program's file.
        out: path to write, MP4.
        staged: the clip as the program was given it.
        rule: how its frames are to be counted.
        encoding: how videos are written.

    Raises:
        ClipError: `wrong_fps`, `truncated`, `extra_frames`, `wrong_size`, or the file cannot be read.
    """
    lengths = staged.lengths
    seen = _Seen()
    with contextlib.ExitStack() as stack:
        video = stack.enter_context(VideoFile(made))
        check_rate(rule, float(video.rate))
        temporary = stack.enter_context(atomic_path(out))
        writer: VideoWriter | None = None
        heard: SoundInStep | None = None
        written = 0
        for rgb in _at_rate(_counted(video, seen), staged):
            if written == lengths.frames:
                # The rest of the file is read, so that its frames are counted and its end is checked.
                continue
            frame = staged.geometry.restore(rgb)
            if writer is None:
                writer = stack.enter_context(_writer(temporary, frame, staged, encoding))
                if staged.sound is not None:
                    heard = SoundInStep(staged.sound, writer)
            writer.write(frame, written / lengths.rate)
            written += 1
            if heard is not None:
                heard.write_until(written / lengths.rate)
        if seen.fps is not None:
            check_rate(rule, seen.fps)
        check_count(rule, lengths, seen.frames)
        if not written:
            raise ClipError(
                "truncated", f"the program wrote {seen.frames} frames, all of them before the clip's first"
            )
    details: Details = {
        "program_frames": seen.frames,
        "program_fps": round(seen.fps if seen.fps is not None else rule.fps, 4),
        "program_size": seen.size,
        "frames": written,
        "dropped_frames": lengths.drop,
    }
    if staged.audio is not None:
        details["padded_s"] = round(float(lengths.sound_s - lengths.heard_s), 4)
    return details


def _counted(video: VideoFile, seen: _Seen) -> Iterator[Frame]:
    for item in video.read(sound=False):
        if isinstance(item, Frame):
            seen.frames += 1
            seen.last = item.time
            seen.size = seen.size or f"{item.rgb.shape[1]}x{item.rgb.shape[0]}"
            yield item


def _at_rate(frames: Iterator[Frame], staged: StagedClip) -> Iterator[Pixels]:
    """Frames from the clip's first on, at the clip's rate; where the first are missing, the next is held."""
    lengths = staged.lengths
    clock: ConstantRate[Pixels] = ConstantRate(lengths.rate)
    step = 1 / lengths.fps
    start: Fraction | None = None
    for number, frame in enumerate(frames):
        if number < lengths.drop:
            continue
        if start is None:
            late = max(0, -lengths.drop) * step
            start = frame.time - late
            if late:
                yield from (rgb for _, rgb in clock.push(Fraction(0), late, frame.rgb))
        yield from (rgb for _, rgb in clock.push(frame.time - start, step, frame.rgb))
    yield from (rgb for _, rgb in clock.finish())


def _writer(path: Path, frame: Pixels, staged: StagedClip, encoding: Encoding) -> VideoWriter:
    size = (frame.shape[1], frame.shape[0])
    rate = staged.lengths.rate
    if staged.sound is None:
        return VideoWriter(path, size=size, rate=rate, encoding=encoding, sound=False)
    return MovieWriter(path, size=size, rate=rate, encoding=encoding, sound_rate=SOUND_RATE_HZ)
