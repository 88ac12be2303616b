"""Operations per frame by formula, from the figures of a model card alone.

One multiply-add is two operations; the transformer only. For q query and k key tokens, width d, feed-forward width m
and n context tokens, one layer of one model call costs

    dense            2 q (6 d^2 + 2 d m)     self-attention q, k, v, o; cross-attention q, o; feed-forward
    self-attention   4 d q k
    cross-attention  4 d q n                 text and image
    context          4 d^2 n                 their keys and values, where they are made in every call
    audio            4 d^2 q + 4 d q a       layers that look at a audio tokens, in calls that do

Embeddings, head, norms, keys and values of audio tokens and all encoders are left out: below 1 % together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from liveact_eval.cards.counting import CountedCall, CountedSetting, CountingSpec

Rule = Literal["A", "B", "C"]
"""What is included."""
RULES: dict[Rule, str] = {
    "A": "dense layers and self-attention",
    "B": "A and cross-attention to text and image",
    "C": "B and cross-attention to speech: everything in the transformer",
}
"""Each rule in words."""
_TERA = 1e12


@dataclass(frozen=True, kw_only=True)
class AnalyticCount:
    """TFLOP (1e12) of one steady block by part, and per frame by rule."""

    dense: float
    """Projections of both attentions and feed-forward."""
    self_attention: float
    """Products of self-attention."""
    cross_attention: float
    """Products with text and image."""
    context: float
    """Keys and values of text and image."""
    audio: float
    """Cross-attention to speech."""
    frames: int
    """Denominator."""

    def per_frame(self, rule: Rule) -> float:
        """TFLOP per video frame by one of `RULES`."""
        total = self.dense + self.self_attention
        if rule in ("B", "C"):
            total += self.cross_attention + self.context
        if rule == "C":
            total += self.audio
        return total / self.frames


def count_setting(spec: CountingSpec, setting: CountedSetting) -> AnalyticCount:
    """Operations of one setting of a system."""
    tokens = (setting.size[0] // spec.pixels_per_token) * (setting.size[1] // spec.pixels_per_token)
    parts = [_call(spec, call, tokens) for call in setting.calls]
    dense, self_attention, cross_attention, context, audio = (
        sum(column) / _TERA for column in zip(*parts, strict=True)
    )
    return AnalyticCount(
        dense=dense,
        self_attention=self_attention,
        cross_attention=cross_attention,
        context=context,
        audio=audio,
        frames=setting.frames,
    )


def per_frame(spec: CountingSpec, setting: CountedSetting) -> dict[Rule, float]:
    """TFLOP per video frame of one setting by every rule."""
    counted = count_setting(spec, setting)
    return {rule: counted.per_frame(rule) for rule in get_args(Rule)}


def _call(spec: CountingSpec, call: CountedCall, tokens: int) -> tuple[float, float, float, float, float]:
    """Operations of all calls of one shape: dense, self-attention, cross-attention, context, audio."""
    d, m, n = spec.width, spec.ffn_width, spec.context_tokens
    q = call.query_frames * tokens
    k = call.key_frames * tokens + call.key_tokens
    each = call.calls * spec.layers
    context = 4 * d * d * n * each if spec.context_recomputed else 0
    hearing = call.hearing_calls * spec.audio_layers
    audio = (4 * d * d * q + 4 * d * q * spec.audio_tokens) * hearing
    return 2 * q * (6 * d * d + 2 * d * m) * each, 4 * d * q * k * each, 4 * d * q * n * each, context, audio
