"""Ablation of Knot Forcing's parts: sliding window, temporal knot, reference running ahead (Figure 9)."""

from __future__ import annotations

from liveact_eval.ablations.rollout_study import QUALITY, ZERO_SHOT, RolloutStudy, columns
from liveact_eval.ablations.study import Finding, Request, Setup, Variant
from liveact_eval.rollouts.options import RolloutOptions

_FIGURE_9 = "Knot Forcing, Figure 9 and section 4.5"
_ROWS: tuple[tuple[str, str, RolloutOptions], ...] = (
    ("window", "(a) sliding window with global context", (("knot", 0), ("running", False))),
    ("knot", "(b) with temporal knot", (("running", False),)),
    ("full", "(c) with reference running ahead", ()),
    ("no-knot", "(c) without temporal knot", (("knot", 0),)),
)


class KnotStudy(RolloutStudy):
    """The three parts one after the other, as the figure adds them."""

    name = "knot"
    title = "Knot Forcing: parts"
    summary = (
        "Chunks of three latent frames behind three finished ones and the picture: alone, sharing a frame with the "
        "next chunk, and with the picture moving ahead of the video."
    )
    source = _FIGURE_9
    measures = columns(*QUALITY, "identity_slope_per_min", "cost_ms", "dit_ms", "kv_mib")
    findings = (
        Finding(
            says="The knot makes chunks join: the picture jumps less at their seams.",
            source=_FIGURE_9,
            measure="seam_ratio",
            variant="knot",
            other="window",
            relation="<",
        ),
        Finding(
            says="With the reference running ahead the speaker stays to the end.",
            source=_FIGURE_9,
            measure="identity_last",
            variant="full",
            other="knot",
            relation=">",
        ),
        Finding(
            says="With the reference running ahead colours stay to the end.",
            source=_FIGURE_9,
            measure="colour_drift_last",
            variant="full",
            other="knot",
            relation="<",
        ),
        Finding(
            says="A frame more per chunk costs a third more at most, and the reference hardly anything.",
            source="Knot Forcing, algorithm 1: four calls of 4 instead of 3 latent frames",
            measure="dit_ms",
            variant="full",
            other="window",
            form="ratio",
            relation="<",
            bound=4 / 3,
        ),
    )
    notes = (
        ZERO_SHOT,
        "The figure shows pictures only: the inequalities, and what is measured for them, are ours. Without running "
        "ahead the picture stays at position 20, which the video passes after 3 s.",
    )

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """The rows of the figure, and the one that it leaves out."""
        return tuple(
            Variant(name=name, title=title, setup=Setup(rollout="knot-forcing", rollout_options=options))
            for name, title, options in _ROWS
        )
