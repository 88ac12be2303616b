"""All rollouts as rows of a list."""

from __future__ import annotations

from typing import Any

from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.published import PUBLISHED

_CARD = "as the model card says"


def rollout_rows() -> list[dict[str, Any]]:
    """Name, sizes and cost of each; what a model card decides is said to be so."""
    rows: list[dict[str, Any]] = [
        {
            "name": rollout.name,
            "title": rollout.title,
            "block": "6, then 8",
            "steps": _CARD,
            "extra_calls": rollout.extra_calls,
            "memory_latents": _CARD,
            "source": "SoulX-LiveAct, 2026" if rollout.name == "neighbor" else "LiveAct's blocks and steps",
            "summary": rollout.summary,
        }
        for rollout in ROLLOUTS.values()
    ]
    rows += [
        {
            "name": rollout.name,
            "title": rollout.title,
            "block": str(rollout.block_latents),
            "steps": rollout.steps,
            "extra_calls": rollout.extra_calls,
            "memory_latents": "grows" if rollout.slots is None else rollout.slots,
            "source": rollout.source,
            "summary": rollout.summary,
        }
        for rollout in PUBLISHED.values()
    ]
    return rows
