"""How long a made video should be: as long as what drives it."""

from __future__ import annotations

import wave
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.execution.tasks import prepare


@dataclass(frozen=True)
class One:
    """A dataset of one clip."""

    clip: Clip

    def materialise(self, entry: ClipEntry) -> Clip:
        """The clip."""
        return self.clip


@pytest.mark.parametrize(("paired", "seconds"), [(True, 5.0), (False, 0.5)])
def test_length_is_that_of_the_driving_audio(
    talker: Clip, tmp_path: Path, paired: bool, seconds: float
) -> None:
    with wave.open(str(tmp_path / "other.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(16_000))
    clip = replace(talker, audio=tmp_path / "other.wav", paired=paired)
    assert prepare(One(clip), clip.entry).expected_seconds == pytest.approx(seconds)  # type: ignore[arg-type]
