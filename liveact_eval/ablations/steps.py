"""Ablation of denoising steps: from one to eight model calls per block."""

from __future__ import annotations

from liveact_eval.ablations.study import Finding, Request, Setup, Variant
from liveact_eval.ablations.video_study import MEASURES, VideoStudy

_STEPS = range(1, 9)
_SOURCE = "SoulX-LiveAct, section 2.1: step distillation to three steps"


class StepStudy(VideoStudy):
    """Numbers of denoising steps."""

    name = "steps"
    title = "Denoising steps"
    summary = (
        "One to eight model calls per block, at the first nodes of a grid of one more under the model's shift: mouth, "
        "sharpness, and what it costs."
    )
    source = _SOURCE
    measures = tuple(
        MEASURES[name]
        for name in (
            "mouth_correlation",
            "sharpness",
            "identity",
            "colour_drift",
            "cost_ms",
            "dit_ms",
            "fps",
            "kv_mib",
        )
    )
    findings = (
        Finding(
            says="Three steps suffice: the mouth follows the sound no worse than with eight (within 0.02).",
            source=_SOURCE,
            measure="mouth_correlation",
            variant="3",
            other="8",
            relation=">",
            bound=-0.02,
        ),
        Finding(
            says="Three steps show the mouth better than one.",
            source=_SOURCE,
            measure="mouth_correlation",
            variant="3",
            other="1",
            relation=">",
        ),
        Finding(
            says="Each step costs alike: the transformer takes more than twice as long for eight as for three.",
            source="SoulX-LiveAct, section 2.3: one cache per step, no other calls",
            measure="dit_ms",
            variant="8",
            other="3",
            form="ratio",
            relation=">",
            bound=2.0,
        ),
    )
    notes = (
        "Weights have learnt the levels of three steps, or all levels before distillation; which, the recipe says.",
        "The first step leaves speech out, but where it is the only one.",
    )
    seconds = 8.0

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """One per number of steps."""
        return tuple(
            Variant(name=str(n), title=f"{n} step{'s' if n > 1 else ''}", setup=Setup(steps=n))
            for n in _STEPS
        )
