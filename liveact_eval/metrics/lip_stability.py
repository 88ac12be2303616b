"""Lips in silence: a mouth that moves while nothing is heard is driven by something else than the sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liveact_eval.measure.needs import SoundNeed
from liveact_eval.metrics._drift_outputs import all_missing
from liveact_eval.metrics._face_motion import SilentLips, silent_frames, silent_lips
from liveact_eval.metrics._fan_landmarks import FINE_LANDMARKS, HEADS, NETWORK, SCHEME, landmarks_of
from liveact_eval.metrics._landmarks import mouth_opening
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

_STEPS_HZ = 100
_HOP = 16_000 // _STEPS_HZ
_FULL_SCALE = 32768.0
_FROM_ZERO = (0.0, None)


@register
class LipStability(Metric):
    """How much the opening of the mouth varies within each silence of the video's own sound."""

    name = "lip_stability"
    outputs = (
        Output(
            name="silent_lip_motion",
            title="Lip motion in silence",
            direction="down",
            digits=4,
            best=0.0,
            range=_FROM_ZERO,
        ),
        Output(
            name="silent_lip_opening",
            title="Lip opening in silence",
            direction="none",
            digits=4,
            range=_FROM_ZERO,
        ),
        Output(name="silence_s", title="Silence", direction="none", unit="s", digits=1, range=_FROM_ZERO),
    )
    needs = {"heads": HEADS, "sound": SoundNeed(window=_HOP, hop=_HOP, at_once=25)}
    networks = (NETWORK,)
    recipe = f"lip-stability-{FINE_LANDMARKS}-40db-inside0.2s@1"
    summary = (
        "Standard deviation of the opening of the inner lips within each silence, in shares of the eye distance, and "
        "the mean opening there. Silent is what lies 40 dB below the loud parts of the clip, or below -60 dB of full "
        "scale, without the first and last 0.2 s. Half a second of silence with a face is needed."
    )
    source = "this project; landmarks of face-alignment (Bulat and Tzimiropoulos, ICCV 2017)"

    def features(self, need: str, batch: Batch) -> Any:
        """Heads: opening of the mouth, (N,), NaN without a face. Sound: power of 10 ms to full scale, (N,)."""
        if need == "heads":
            return mouth_opening(landmarks_of(batch, fine=True), SCHEME)
        return (batch.windows.double() / _FULL_SCALE).square().mean(dim=1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Motion and opening over all silences."""
        opening, power = rows["heads"][:, 0], rows["sound"][:, 0]
        if not len(power):
            why = Missing("no_audio", "the video has less than 10 ms of sound")
            return ClipScore(values=all_missing(self.outputs, why))
        silent = silent_frames(power, _STEPS_HZ, clip.fps, len(opening))
        found: SilentLips = silent_lips(opening, silent, clip.fps)
        return ClipScore(
            values={
                "silent_lip_motion": found.deviation,
                "silent_lip_opening": found.opening,
                "silence_s": found.frames / clip.fps,
            },
            curves={"mouth_opening": opening},
        )
