"""How clips are cut: picture size, rate, window and encoding, and the identity of a clip under such a recipe."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from fractions import Fraction

from liveact_eval.cards.protocol import Encoding, Protocol
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import ClipError, UserError

RULES_VERSION = 1
"""Raised whenever the same list and the same video would give another clip."""
WORST_CRF = 12
"""Constant rate factor above which a real clip is not near-lossless any more."""


@dataclass(frozen=True, kw_only=True)
class CutRecipe:
    """What every clip of a dataset has in common."""

    size: tuple[int, int] = (512, 512)
    """Width and height in pixels."""
    rate: Fraction = Fraction(25)
    """Frames per second, constant."""
    seconds: Fraction | None = Fraction(10)
    """Length of the window, from the clip's start; `None`: the whole clip."""
    encoding: Encoding = field(default_factory=Encoding)
    """How the pictures are written."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """What is cut out of a video."""

    start: Fraction
    """In seconds from the video's first frame."""
    frames: int
    """Number of frames at the recipe's rate."""
    samples: int
    """Number of samples at 16 kHz: as long as the frames, to the sample."""
    end: Fraction
    """In seconds from the video's first frame."""


def recipe_of(protocol: Protocol) -> CutRecipe:
    """The recipe behind a dataset's protocol.

    Raises:
        UserError: the protocol leaves size or rate open, or its encoding loses too much.
    """
    if protocol.size is None or protocol.rate is None:
        raise UserError(
            f"Protocol {protocol.name!r} leaves size or fps open (size {protocol.size}, fps {protocol.fps}); clips "
            "cannot be cut without both. Set them in the dataset's card"
        )
    if protocol.encoding.crf > WORST_CRF:
        raise UserError(
            f"Protocol {protocol.name!r}: encoding.crf is {protocol.encoding.crf}, expected at most {WORST_CRF} for "
            "real clips. Lower it in the dataset's card"
        )
    seconds = (
        None if protocol.clip_seconds is None else Fraction(protocol.clip_seconds).limit_denominator(1000)
    )
    return CutRecipe(size=protocol.size, rate=protocol.rate, seconds=seconds, encoding=protocol.encoding)


def window_of(clip: SourceClip, recipe: CutRecipe) -> Window:
    """The first seconds of a clip's interval, in whole frames that all lie inside it.

    Raises:
        ClipError: `no_interval`: the list states no times, or none that hold a frame.
    """
    if clip.start_s is None or clip.end_s is None:
        raise ClipError("no_interval", f"the list of {clip.dataset} states no times for {clip.id!r}")
    length = clip.end_s - clip.start_s
    if recipe.seconds is not None:
        length = min(length, recipe.seconds)
    frames = math.floor(length * recipe.rate)
    if frames < 1 or clip.start_s < 0:
        raise ClipError(
            "no_interval", f"{clip.id!r} is listed from {float(clip.start_s)} s to {float(clip.end_s)} s"
        )
    return Window(
        start=clip.start_s,
        frames=frames,
        samples=samples_of(frames, recipe.rate),
        end=clip.start_s + Fraction(frames) / recipe.rate,
    )


def samples_of(frames: int, rate: Fraction) -> int:
    """Samples at 16 kHz that last as long as so many frames."""
    return round(Fraction(frames * SOUND_RATE_HZ) / rate)


def identity(clip: SourceClip, recipe: CutRecipe) -> str:
    """SHA-256 (hex) of all that decides which pictures a clip holds, but for the video that was obtained.

    Raw files differ between users, since the site encodes anew; so a clip is known by video, interval and crop.
    """
    content = {
        "rules": RULES_VERSION,
        "clip": {
            "id": clip.id,
            "dataset": clip.dataset,
            "video": clip.video_id,
            "start_s": _exact(clip.start_s),
            "end_s": _exact(clip.end_s),
            "crop": None if clip.crop is None else asdict(clip.crop),
            "relative_box": None if clip.relative_box is None else asdict(clip.relative_box),
            "crop_ratio": clip.crop_ratio,
            "listed_height": clip.listed_height,
            "crop_rule": clip.crop_rule,
        },
        "recipe": {
            "size": list(recipe.size),
            "rate": _exact(recipe.rate),
            "seconds": _exact(recipe.seconds),
            "encoding": recipe.encoding.model_dump(mode="json"),
        },
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _exact(value: Fraction | None) -> str | None:
    return None if value is None else str(Fraction(value))
