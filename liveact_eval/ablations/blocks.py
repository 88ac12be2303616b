"""Ablation of block sizes: latent frames of memory and of the current block (SoulX-LiveAct, Table 5)."""

from __future__ import annotations

from liveact_eval.ablations.study import Finding, Request, Setup, Variant
from liveact_eval.ablations.video_study import MEASURES, VideoStudy

_SIZES = ((6, 6), (8, 8), (6, 8))
_TABLE_5 = "SoulX-LiveAct, Table 5"


class BlockStudy(VideoStudy):
    """Block sizes that the paper compares."""

    name = "blocks"
    title = "Block sizes"
    summary = (
        "Latent frames of the first block, which are the slots of the past, and of every later block: cost per frame, "
        "mouth, and how far the sound must be ahead."
    )
    source = _TABLE_5
    measures = tuple(
        MEASURES[name]
        for name in (
            "cost_ms",
            "dit_ms",
            "fps",
            "mouth_correlation",
            "identity",
            "lookahead_ms",
            "latency_ms",
            "kv_mib",
        )
    )
    findings = (
        Finding(
            says="A frame costs less with 6 and 8 than with 6 and 6 (49 against 52 ms).",
            source=_TABLE_5,
            measure="cost_ms",
            variant="6-8",
            other="6-6",
            relation="<",
        ),
        Finding(
            says="A frame costs less with 6 and 8 than with 8 and 8 (49 against 60 ms).",
            source=_TABLE_5,
            measure="cost_ms",
            variant="6-8",
            other="8-8",
            relation="<",
        ),
        Finding(
            says="6 and 8 meets 50 ms per frame.",
            source=_TABLE_5,
            measure="cost_ms",
            variant="6-8",
            form="value",
            relation="<",
            bound=50.0,
        ),
        Finding(
            says="The mouth follows the sound no worse with 6 and 8 than with 6 and 6 (within 0.02).",
            source="SoulX-LiveAct, section 2.2: 6 and 8 performs best",
            measure="mouth_correlation",
            variant="6-8",
            other="6-6",
            relation=">",
            bound=-0.02,
        ),
    )
    notes = (
        "Weights have learnt 6 and 8; other sizes are run with them as they are.",
        "Times are of this machine and this model; the paper's are of two H100 and 18.9 B parameters.",
        "Look-ahead: how far the sound must be ahead of a block's first frame, at 25 frames per second. Latency adds "
        "the time in which the block is made.",
    )
    seconds = 12.0
    least_seconds = 6.0

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """One per pair of sizes."""
        return tuple(
            Variant(
                name=f"{first}-{current}",
                title=f"{first} and {current}",
                setup=Setup(memory="convkv" if (first, current) == (6, 8) else f"convkv-{first}-{current}"),
            )
            for first, current in _SIZES
        )
