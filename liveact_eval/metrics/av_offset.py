"""Audio-video offset of drawn clips, where the true script of mouth and sound is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from liveact_eval.measure.needs import FrameNeed, SoundNeed
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

MIN_SOUND_CORRELATION = 0.5
"""Below this the video does not carry the driving sound."""
ENVELOPE_HZ = 100
_HOP = 16_000 // ENVELOPE_HZ
SEARCH_FRAMES = 15
"""Largest offset that is searched for, in frames to either side (as SyncNet does)."""
MIN_CORRELATION = 0.3
"""Below this peak the mouth is not following the script, and there is no offset to speak of."""


def lag_outputs(prefix: str, title: str, tier: str = "") -> tuple[Output, Output]:
    """A lag in frames with its sign, and how large it is: PREFIX_frames, PREFIX_abs_frames; `tier` ends titles."""
    reach = float(SEARCH_FRAMES)
    return (
        Output(
            name=f"{prefix}_frames",
            title=f"{title}{tier}",
            direction="none",
            unit="frames",
            digits=2,
            best=0.0,
            range=(-reach, reach),
        ),
        Output(
            name=f"{prefix}_abs_frames",
            title=f"|{title}|{tier}",
            direction="down",
            unit="frames",
            digits=2,
            best=0.0,
            range=(0.0, reach),
        ),
    )


@register
class AvOffset(Metric):
    """How far the sound runs ahead of the mouth, in frames, and how well the mouth follows the script."""

    name = "av_offset"
    outputs = (
        *lag_outputs("av_offset", "AV offset"),
        Output(
            name="mouth_correlation",
            title="Mouth correlation",
            direction="up",
            digits=3,
            best=1.0,
            range=(-1.0, 1.0),
        ),
    )
    needs = {
        "mouth": FrameNeed(region="mouth", size=(64, 48)),
        "sound": SoundNeed(of="video", window=_HOP, hop=_HOP),
        "driving": SoundNeed(of="driving", window=_HOP, hop=_HOP),
    }
    recipe = "av-offset-truth-15frames@2"
    summary = (
        "Offset between mouth and sound against the known script; positive: the sound comes earlier than the "
        "mouth (the sign of SyncNet). The correlation is that of the visible mouth opening with the script at "
        "the best lag. Needs clips whose script is known (talkers)."
    )
    source = "this project; sign as in joonson/syncnet_python"
    truth = True

    def features(self, need: str, batch: Batch) -> Any:
        """Mouth: share of dark-red mouth interior, (N,). Sound: energy of 10 ms in dB, (N,)."""
        if need == "mouth":
            from liveact_eval.datasets.talkers import MOUTH_INTERIOR_RGB

            colour = batch.windows.new_tensor(MOUTH_INTERIOR_RGB).float()
            distance = (batch.windows[:, 0].float() - colour).abs().amax(dim=-1)
            # Soft edges: an interior of a few pixels is mostly edge.
            return (1 - distance / 48).clamp(min=0).flatten(1).mean(dim=1)
        samples = batch.windows.double()
        return 10 * (samples.square().mean(dim=1) + 1.0).log10()

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Lag of the mouth behind the script less lag of the sound behind the driving audio."""
        if clip.truth is None:
            raise ValueError("this metric is only asked where there is a truth")
        mouth = rows["mouth"][:, 0]
        names = [output.name for output in self.outputs]
        if not len(rows["sound"]):
            return ClipScore(values=dict.fromkeys(names, Missing("no_audio", "the video has no sound")))
        if mouth.std() < 1e-4:
            return ClipScore(
                values=dict.fromkeys(names, Missing("no_mouth_motion", "the mouth does not move"))
            )
        script = clip.truth.mouth_opening.astype(np.float64)
        seen, correlation = best_lag(mouth, script, SEARCH_FRAMES)
        reach = round(SEARCH_FRAMES / clip.fps * ENVELOPE_HZ)
        heard, match = best_lag(rows["sound"][:, 0], rows["driving"][:, 0], reach)
        values: dict[str, float | Missing] = {"mouth_correlation": correlation}
        # At the end of the search range the true lag may well lie outside.
        if correlation < MIN_CORRELATION or abs(seen) == SEARCH_FRAMES:
            missing = Missing("no_sync", f"the mouth follows the script by {correlation:.2f} at lag {seen}")
            values |= {"av_offset_frames": missing, "av_offset_abs_frames": missing}
        elif match < MIN_SOUND_CORRELATION or abs(heard) == reach:
            missing = Missing("no_sync", f"the sound follows the driving sound by {match:.2f} at lag {heard}")
            values |= {"av_offset_frames": missing, "av_offset_abs_frames": missing}
        else:
            offset = seen - heard * clip.fps / ENVELOPE_HZ
            values |= {"av_offset_frames": offset, "av_offset_abs_frames": abs(offset)}
        return ClipScore(values=values, curves={"mouth_opening_seen": mouth})


def best_lag(x: Rows, y: Rows, reach: int) -> tuple[int, float]:
    """The lag of x behind y, in -reach..reach, with the largest Pearson correlation, and that correlation."""
    best = (0, -1.0)
    # Small lags first: of two equal peaks the nearer one is meant.
    for lag in sorted(range(-reach, reach + 1), key=abs):
        later, earlier = (x[lag:], y) if lag >= 0 else (x, y[-lag:])
        length = min(len(later), len(earlier))
        if length < 3:
            continue
        a, b = later[:length], earlier[:length]
        if a.std() == 0 or b.std() == 0:
            continue
        value = float(np.corrcoef(a, b)[0, 1])
        if value > best[1] + 1e-12:
            best = (lag, value)
    return best
