"""From a spec to pictures and sound: the whole clip at once, or block by block in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from liveact_eval.datasets.talkers.face import draw_frames
from liveact_eval.datasets.talkers.geometry import MouthState, locate
from liveact_eval.datasets.talkers.identity import draw_identity
from liveact_eval.datasets.talkers.motion import block_motion
from liveact_eval.datasets.talkers.script import BLOCK_SECONDS, draw_script
from liveact_eval.datasets.talkers.seeds import random_stream
from liveact_eval.datasets.talkers.spec import FPS, SAMPLE_RATE, TalkerSpec
from liveact_eval.datasets.talkers.speech import block_speech, draw_voice
from liveact_eval.datasets.talkers.truth import Truth, measure

BLOCK_FRAMES = round(BLOCK_SECONDS * FPS)
"""Frames in a whole block."""


@dataclass(frozen=True)
class Block:
    """Up to 5 s of a clip: frames uint8 [n, size, size, 3], samples int16 [m] at 16 kHz, and the truth."""

    frames: npt.NDArray[np.uint8]
    samples: npt.NDArray[np.int16]
    truth: Truth


@dataclass(frozen=True)
class Talker:
    """A whole clip: frames uint8 [T, size, size, 3] at 25 fps, samples int16 at 16 kHz, and the truth."""

    frames: npt.NDArray[np.uint8]
    samples: npt.NDArray[np.int16]
    truth: Truth


def blocks(spec: TalkerSpec) -> int:
    """Number of blocks of a clip; the last one may be cut."""
    return -(-spec.frames // BLOCK_FRAMES)


def render_block(spec: TalkerSpec, number: int) -> Block:
    """Block `number` of a clip, equal to what `stream` gives at that place; no other block is made."""
    if not 0 <= number < blocks(spec):
        raise ValueError(f"block {number} of {spec.clip_id}: expected 0 to {blocks(spec) - 1}")
    count = min(BLOCK_FRAMES, spec.frames - number * BLOCK_FRAMES)
    return _render(spec, number, count, range(count), sound=True)


def render_window(spec: TalkerSpec, window: range, *, pictures: bool = True, sound: bool = True) -> Block:
    """Consecutive frames of the whole clip, which may cross blocks; only these are drawn.

    The samples are those of the same stretch of time, and so is the truth. Without `pictures` there are no frames,
    without `sound` no samples: each takes its time.

    Raises:
        ValueError: the window is empty or leaves the clip.
    """
    if not 0 <= window.start < window.stop <= spec.frames or window.step != 1:
        raise ValueError(f"frames {window} of {spec.clip_id}, which has {spec.frames}")
    parts = []
    for number in range(window.start // BLOCK_FRAMES, (window.stop - 1) // BLOCK_FRAMES + 1):
        start = number * BLOCK_FRAMES
        count = min(BLOCK_FRAMES, spec.frames - start)
        shown = range(max(window.start - start, 0), min(window.stop - start, count))
        whole = _render(spec, number, count, shown if pictures else range(0), sound=sound)
        heard = slice(shown.start * (SAMPLE_RATE // FPS), shown.stop * (SAMPLE_RATE // FPS))
        truth = whole.truth.cut(shown.start, shown.stop, start_s=number * BLOCK_SECONDS)
        parts.append(Block(whole.frames, whole.samples[heard], truth))
    return Block(
        frames=np.concatenate([part.frames for part in parts]),
        samples=np.concatenate([part.samples for part in parts]),
        truth=Truth.concatenate([part.truth for part in parts]),
    )


def _render(spec: TalkerSpec, number: int, count: int, shown: range, *, sound: bool) -> Block:
    """Sound and truth of the first `count` frames of a block, and the pictures of those that are `shown`."""
    speaker = (f"seed={spec.seed}", spec.split, spec.speaker)
    utterance = (*speaker, "utterance", spec.utterance)
    identity = draw_identity(spec.split, spec.speaker, spec.seed)
    script = draw_script(random_stream(*utterance, "block", number, "script"))

    samples = np.zeros(0, np.int16)
    if sound:
        voice = draw_voice(random_stream(*speaker, "voice"), low=identity.beard != "none")
        noise = random_stream(*utterance, "block", number, "noise")
        samples = block_speech(script, voice, spec.emotion, noise)[: count * (SAMPLE_RATE // FPS)]

    # A frame is shown from n / 25 s to (n + 1) / 25 s; it is drawn for the middle of that time, so that it
    # belongs to the samples that sound while it is shown.
    t = (np.arange(count) + 0.5) / FPS
    start = number * BLOCK_SECONDS
    motion = block_motion(
        start,
        t,
        spec.emotion,
        spec.action,
        slow=random_stream(*utterance, "motion"),
        block=random_stream(*utterance, "block", number, "motion"),
    )
    mouth = MouthState.of_script(script, t)
    heard = script.starts < count / FPS
    truth = Truth(
        **measure(identity, locate(identity, motion, mouth), motion, mouth, spec.size),
        phoneme=script.phoneme_at(t),
        segment_starts=script.starts[heard] + start,
        segment_ends=np.minimum(script.ends[heard], count / FPS) + start,
        segment_phonemes=script.index[heard],
        fps=FPS,
        speaker_id=spec.speaker_id,
        emotion=spec.emotion,
        action=spec.action,
    )
    if not shown:
        return Block(np.zeros((0, spec.size, spec.size, 3), np.uint8), samples, truth)
    if len(shown) < count:
        # Pictures are most of the work.
        motion = motion.cut(shown.start, shown.stop)
        mouth = mouth.cut(shown.start, shown.stop)
    return Block(draw_frames(identity, motion, mouth, spec.size), samples, truth)


def stream(spec: TalkerSpec) -> Iterator[Block]:
    """The blocks of a clip in order. Memory does not grow with the length of the clip."""
    for number in range(blocks(spec)):
        yield render_block(spec, number)


def render(spec: TalkerSpec) -> Talker:
    """The whole clip in memory (12 KiB per frame at 64 x 64); for long clips use `stream`."""
    parts = list(stream(spec))
    return Talker(
        frames=np.concatenate([part.frames for part in parts]),
        samples=np.concatenate([part.samples for part in parts]),
        truth=Truth.concatenate([part.truth for part in parts]),
    )


def reference_image(spec: TalkerSpec) -> npt.NDArray[np.uint8]:
    """The first frame of the clip, [size, size, 3]; only this frame is drawn."""
    first: npt.NDArray[np.uint8] = render_block(replace(spec, seconds=1 / FPS), 0).frames[0]
    return first
