"""Ablation of AvatarForcing's window: L blocks and N joint passes per slide (Table 3)."""

from __future__ import annotations

from liveact_eval.ablations.rollout_study import ZERO_SHOT, RolloutStudy, columns
from liveact_eval.ablations.study import Finding, Request, Setup, Variant

_TABLE_3 = "AvatarForcing, Table 3"
_SIDES = (1, 2, 4, 8)


class AvatarGridStudy(RolloutStudy):
    """Length of the window against passes."""

    name = "avatar-forcing"
    title = "AvatarForcing: window and passes"
    summary = (
        "B(L, N): a window of L blocks of four latent frames, moved on by N joint passes per slide. L blocks need "
        "L - 1 blocks of sound ahead; L times N levels lead from noise to a finished block."
    )
    source = _TABLE_3
    measures = columns(
        "identity",
        "identity_last",
        "mouth_correlation",
        "sync_c",
        "colour_drift",
        "sharpness",
        "seam_ratio",
        "cost_ms",
        "dit_ms",
        "lookahead_ms",
        "latency_ms",
        "kv_mib",
    )
    findings = (
        Finding(
            says="One pass over a window of four blocks keeps the speaker better than one pass without a look ahead.",
            source=_TABLE_3,
            measure="identity",
            variant="L4-N1",
            other="L1-N1",
            relation=">",
        ),
        Finding(
            says="Over as many levels, a look ahead is worth more than passes: (4, 1) against (1, 4).",
            source=_TABLE_3,
            measure="identity",
            variant="L4-N1",
            other="L1-N4",
            relation=">",
        ),
        Finding(
            says="A window of four blocks keeps the speaker better than one of two.",
            source=_TABLE_3,
            measure="identity",
            variant="L4-N1",
            other="L2-N1",
            relation=">",
        ),
        Finding(
            says="A window of eight blocks adds little (0.01 there; no more than 0.02).",
            source=_TABLE_3,
            measure="identity",
            variant="L8-N1",
            other="L4-N1",
            relation="<",
            bound=0.02,
        ),
        Finding(
            says="A window of eight blocks costs more per frame than one of four (1.75 times there).",
            source=_TABLE_3,
            measure="dit_ms",
            variant="L8-N1",
            other="L4-N1",
            form="ratio",
            relation=">",
            bound=1.0,
        ),
        Finding(
            says="Four passes cost more than twice as much as one (4.9 times there).",
            source=_TABLE_3,
            measure="dit_ms",
            variant="L4-N4",
            other="L4-N1",
            form="ratio",
            relation=">",
            bound=2.0,
        ),
    )
    notes = (
        ZERO_SHOT,
        "Four levels are those of the released model; other numbers are spaced evenly under the same shift.",
    )

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """The cells of the table, by rows of N."""
        return tuple(
            Variant(
                name=f"L{window}-N{passes}",
                title=f"L={window}, N={passes}",
                setup=Setup(
                    rollout="avatar-forcing", rollout_options=(("passes", passes), ("window", window))
                ),
            )
            for passes in _SIDES
            for window in _SIDES
        )
