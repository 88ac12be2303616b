"""Ablation of the memory: what is kept of the past, over long rollouts (SoulX-LiveAct, Figures 5 and 6)."""

from __future__ import annotations

from liveact_eval.ablations.study import Finding, Request, Setup, Variant
from liveact_eval.ablations.video_study import CURVES, MEASURES, VideoStudy

_TITLES = {
    "convkv": "ConvKV",
    "convkv-paper": "ConvKV (paper)",
    "mean": "Mean",
    "window": "Window",
    "full": "Full",
}
_FIGURE_5, _FIGURE_6 = "SoulX-LiveAct, Figure 5", "SoulX-LiveAct, Figure 6 and section 3.3"
_OVERHEAD = 1.019


class MemoryStudy(VideoStudy):
    """Memory policies over a minute and more."""

    name = "memory"
    title = "Memory over long rollouts"
    summary = (
        "What a block sees of its past, over long videos: ConvKV as the official program and as the paper has it, the "
        "mean without kernels, a window without compression, and everything."
    )
    source = "SoulX-LiveAct, section 2.3, Figures 5 and 6"
    measures = tuple(
        MEASURES[name]
        for name in (
            "identity",
            "identity_last",
            "identity_slope_per_min",
            "colour_drift_last",
            "colour_slope_per_min",
            "background_change",
            "background_change_last",
            "mouth_correlation",
            "fps",
            "cost_ms",
            "dit_ms",
            "kv_mib",
        )
    )
    curves = tuple(CURVES.values())
    findings = (
        Finding(
            says="With ConvKV the speaker at the end is more like the portrait than with a window of the same size.",
            source=_FIGURE_6,
            measure="identity_last",
            variant="convkv",
            other="window",
            relation=">",
        ),
        Finding(
            says="With ConvKV details such as the background change less by the end than with a window.",
            source=_FIGURE_6,
            measure="background_change_last",
            variant="convkv",
            other="window",
            relation="<",
        ),
        Finding(
            says="Identity is stable: likeness to the portrait falls by less than 0.02 per minute.",
            source=_FIGURE_5,
            measure="identity_slope_per_min",
            variant="convkv",
            form="value",
            relation=">",
            bound=-0.02,
        ),
        Finding(
            says="Colours do not drift away: ΔE from the first frame grows by less than 0.5 per minute.",
            source=_FIGURE_5,
            measure="colour_slope_per_min",
            variant="convkv",
            form="value",
            relation="<",
            bound=0.5,
        ),
        Finding(
            says="ConvKV costs at most 1.9 % more time than a window.",
            source="SoulX-LiveAct, section 1",
            measure="cost_ms",
            variant="convkv",
            other="window",
            form="ratio",
            relation="<",
            bound=_OVERHEAD,
        ),
        Finding(
            says="ConvKV holds fewer keys and values than a memory that grows.",
            source="SoulX-LiveAct, section 2.3",
            measure="kv_mib",
            variant="convkv",
            other="full",
            relation="<",
        ),
    )
    notes = (
        "Weights have learnt one policy; the others are put in their place without training.",
        "The last window is 10 s, or the last quarter of a clip under 40 s.",
    )
    clips = 4
    seconds = 60.0

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """One per policy."""
        return tuple(
            Variant(name=name, title=title, setup=Setup(memory=name)) for name, title in _TITLES.items()
        )
