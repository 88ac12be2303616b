"""What has to be made: clips with pictures and sound, or long sound joined from many clips."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from liveact_eval.datasets.preparing.recipe import CutRecipe, identity, window_of
from liveact_eval.datasets.published.long_audio import LongAudio
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import ClipError


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One clip of the prepared dataset, and what it is made of."""

    id: str
    """Name of the clip."""
    parts: tuple[SourceClip, ...]
    """The clip itself; for long sound, what is joined, in order."""
    long_seconds: Fraction | None = None
    """Length of long sound; `None`: this is a clip with pictures."""

    @property
    def first(self) -> SourceClip:
        """The clip, or the first part: the reference image comes from it."""
        return self.parts[0]

    @property
    def videos(self) -> tuple[str, ...]:
        """Ids of the videos that are needed, each once."""
        return tuple(dict.fromkeys(part.video_id for part in self.parts))

    def recipe(self, recipe: CutRecipe) -> CutRecipe:
        """The recipe for its parts: long sound takes them whole."""
        if self.long_seconds is None:
            return recipe
        return CutRecipe(size=recipe.size, rate=recipe.rate, seconds=None, encoding=recipe.encoding)

    def identity(self, recipe: CutRecipe) -> str:
        """SHA-256 (hex) of what decides its content, but for the videos that were obtained."""
        parts = [identity(part, self.recipe(recipe)) for part in self.parts]
        if self.long_seconds is None:
            return parts[0]
        return hashlib.sha256("\n".join([self.id, str(self.long_seconds), *parts]).encode()).hexdigest()

    def end_in(self, video: str, recipe: CutRecipe) -> Fraction:
        """Up to where a video is needed, in seconds; 0 for parts without times, which fail when they are cut."""
        ends = [Fraction(0)]
        for part in self.parts:
            if part.video_id == video:
                try:
                    ends.append(window_of(part, self.recipe(recipe)).end)
                except ClipError:
                    continue
        return max(ends)


def wanted_clips(clips: Iterable[SourceClip]) -> list[Wanted]:
    """Each clip by itself."""
    return [Wanted(id=clip.id, parts=(clip,)) for clip in clips]


def wanted_long(long: Iterable[LongAudio]) -> list[Wanted]:
    """Long sounds."""
    return [Wanted(id=one.id, parts=one.parts, long_seconds=one.seconds) for one in long]
