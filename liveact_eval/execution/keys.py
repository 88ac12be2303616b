"""Content keys: what each unit of work depends on, so that a resumed run redoes nothing and trusts nothing stale."""

from __future__ import annotations

import hashlib
import json

from liveact_eval.cards.protocol import Protocol
from liveact_eval.clips.clip import ClipEntry
from liveact_eval.clips.sanity import SanityLimits

# Raised when the way videos are made or read changes so that finished units are no longer right.
GENERATION_VERSION = 1
MEASURE_VERSION = 1


def generation_key(entrant: str, entrant_key: str, entry: ClipEntry, protocol: Protocol, seed: int) -> str:
    """What a made video depends on: card, clip, protocol, seed."""
    return _hash(
        "generate",
        GENERATION_VERSION,
        entrant,
        entrant_key,
        entry.id,
        entry.content_hash,
        _fields(protocol),
        seed,
    )


def survey_key(generation: str, video_sha256: str, limits: SanityLimits) -> str:
    """What the sanity findings depend on."""
    return _hash("survey", MEASURE_VERSION, generation, video_sha256, limits.model_dump(mode="json"))


def metric_key(survey: str, name: str, recipe: str) -> str:
    """What a metric's value depends on: all of the above, and its recipe with the weights of its networks."""
    return _hash("metric", survey, name, recipe)


def _fields(protocol: Protocol) -> object:
    return protocol.content()


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
