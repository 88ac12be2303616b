"""What a talkers clip is: a small frozen record from which every pixel and sample follows."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from liveact_eval.datasets.talkers.identity import draw_identity
from liveact_eval.datasets.talkers.seeds import TALKERS_VERSION, random_stream

Split = Literal["train", "test"]
Emotion = Literal["neutral", "happy", "sad", "angry", "surprised"]
Action = Literal["none", "nod", "shake", "wave"]

SPLITS: tuple[Split, ...] = get_args(Split)
EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)
ACTIONS: tuple[Action, ...] = get_args(Action)

FPS = 25
"""Frames per second of every clip."""
SAMPLE_RATE = 16_000
"""Audio samples per second of every clip."""
MIN_SIZE = 32
"""The smallest picture side in pixels; below it a mouth is thinner than a pixel."""

_ACTION_WORDS: dict[Action, str] = {
    "none": "",
    "nod": " and nods",
    "shake": " and shakes the head",
    "wave": " and waves a hand",
}


@dataclass(frozen=True, kw_only=True)
class TalkerSpec:
    """One clip of the talkers set.

    Speech, blinks and head motion depend on split, speaker, utterance and seed, so that two specs which
    differ in emotion, action or size alone say the same words.

        >>> TalkerSpec(split="test", speaker=3, utterance=1, emotion="happy", action="nod").clip_id
        'test-00003-01-happy-nod'
    """

    split: Split
    """`train` or `test`: part of the name of every random stream, so that the two never share a speaker."""
    speaker: int
    """Number of the speaker within the split, from 0."""
    utterance: int
    """Number of the utterance of this speaker, from 0."""
    emotion: Emotion = "neutral"
    """What brows, eyes and mouth corners express."""
    action: Action = "none"
    """What the speaker does while talking."""
    size: int = 64
    """Height and width of the picture in pixels, at least 32."""
    seconds: float = 5.0
    """Length of the clip in seconds, at least one frame (0.04)."""
    seed: int = 0
    """Seed of the whole set: another seed gives other speakers and other words under the same ids."""

    def __post_init__(self) -> None:
        _one_of("split", self.split, SPLITS)
        _one_of("emotion", self.emotion, EMOTIONS)
        _one_of("action", self.action, ACTIONS)
        _at_least("speaker", self.speaker, 0)
        _at_least("utterance", self.utterance, 0)
        _at_least("size", self.size, MIN_SIZE)
        _at_least("seed", self.seed, 0)
        if not (math.isfinite(self.seconds) and self.seconds * FPS >= 1):
            raise ValueError(
                f"seconds is {self.seconds!r}, expected a finite length of at least one frame ({1 / FPS} s)"
            )

    @property
    def speaker_id(self) -> str:
        """Name of the speaker, such as `train-00012`."""
        return f"{self.split}-{self.speaker:05d}"

    @property
    def clip_id(self) -> str:
        """Name of the clip, such as `test-00003-01-happy-nod`; unique within one size, length and seed."""
        return f"{self.speaker_id}-{self.utterance:02d}-{self.emotion}-{self.action}"

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.seconds * FPS)

    @property
    def samples(self) -> int:
        """Number of audio samples: exactly as long as the frames."""
        return self.frames * (SAMPLE_RATE // FPS)

    @property
    def prompt(self) -> str:
        """A sentence that describes the clip, made of the attributes it is drawn with."""
        person = draw_identity(self.split, self.speaker, self.seed).description
        return (
            f"A person with {person} talks to the camera with {_article(self.emotion)} {self.emotion} face"
            f"{_ACTION_WORDS[self.action]}."
        )

    @property
    def content_key(self) -> str:
        """SHA-256 (hex) of the version of the drawing and of all fields: equal keys mean equal clips."""
        fields = {**asdict(self), "seconds": float(self.seconds)}
        text = ";".join(f"{name}={value!r}" for name, value in sorted(fields.items()))
        return hashlib.sha256(f"talkers-v{TALKERS_VERSION};{text}".encode()).hexdigest()


def draw_specs(
    split: Split, count: int, *, speakers: int = 8, seconds: float = 5.0, size: int = 64, seed: int = 0
) -> list[TalkerSpec]:
    """`count` different specs in a fixed order.

    Speakers take turns, so that any prefix of the list covers as many of the `speakers` as it can, and a
    longer list begins with the shorter one. Emotions and actions go through all their pairs in an order
    drawn for each speaker.

    Args:
        split: `train` or `test`.
        count: Number of specs, at least 0.
        speakers: Number of different speakers, at least 1.
        seconds: Length of each clip in seconds.
        size: Picture side in pixels.
        seed: Seed of the set.
    """
    _one_of("split", split, SPLITS)
    _at_least("count", count, 0)
    _at_least("speakers", speakers, 1)
    pairs = [(emotion, action) for emotion in EMOTIONS for action in ACTIONS]
    orders: dict[int, list[int]] = {}
    specs = []
    for index in range(count):
        utterance, speaker = divmod(index, speakers)
        if speaker not in orders:
            orders[speaker] = random_stream(f"seed={seed}", split, speaker, "order").permutation(20).tolist()
        emotion, action = pairs[orders[speaker][utterance % len(pairs)]]
        specs.append(
            TalkerSpec(
                split=split,
                speaker=speaker,
                utterance=utterance,
                emotion=emotion,
                action=action,
                size=size,
                seconds=seconds,
                seed=seed,
            )
        )
    return specs


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(known)}")


def _at_least(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}, expected a whole number")
    if value < least:
        raise ValueError(f"{name} is {value}, expected at least {least}")
