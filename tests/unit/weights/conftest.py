"""A hub with one model on it, and the model's card."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from liveact_eval.cards.load import parse_typed
from liveact_eval.cards.model import ModelCard
from tests.unit.weights.fake_hub import FakeHub

PIN = "a" * 40
BIG, CONFIG = "vae.pth", "config.json"
SHARDS = ("dit-00001-of-00002.safetensors", "dit-00002-of-00002.safetensors")


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def fields(hub: FakeHub) -> dict[str, Any]:
    """A card: shards of unknown names, a pinned file, two files of one part."""
    big = hub.repositories["wan/base"][BIG].content
    pinned = {"revision": PIN, "sha256": hashlib.sha256(big).hexdigest(), "bytes": len(big)}
    return {
        "name": "tiny",
        "title": "Tiny",
        "kind": "native",
        "summary": "A model of a few bytes.",
        "native": {"config": "x", "rollout": "y", "steps": 1},
        "weights": [
            {"role": "dit", "hub": "lab/Tiny", "file": "dit*.safetensors"},
            {"role": "dit", "hub": "lab/Tiny", "file": "dit*.index.json", "optional": True},
            {"role": "vae", "hub": "wan/base", "file": BIG, **pinned},
            {"role": "speech", "hub": "lab/speech", "file": "pytorch_model.bin"},
            {"role": "speech", "hub": "lab/speech", "file": CONFIG},
        ],
    }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("liveact_eval.weights.hub._FIRST_WAIT_S", 0.0)
    made = FakeHub()
    for seed, name in enumerate(SHARDS):
        made.add("lab/Tiny", name, noise(30_000, seed))
    made.add("lab/Tiny", "README.md", b"read me", large=False)
    made.add("wan/base", BIG, noise(100_000, 7))
    made.add("lab/speech", "pytorch_model.bin", noise(20_000, 8))
    made.add("lab/speech", CONFIG, b'{"a": 1}', large=False)
    yield made
    made.close()


@pytest.fixture
def card(hub: FakeHub) -> ModelCard:
    return parse_typed(fields(hub), ModelCard, where="card")


@pytest.fixture
def card_path(hub: FakeHub, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(fields(hub)), encoding="utf-8")
    return path


@dataclass
class Heard:
    """What a fetch told."""

    begun: list[tuple[str, str]]
    done: dict[str, int]
    notes: list[str]

    def begin(self, doing: str, name: str, total: int) -> None:
        self.begun.append((doing, name))
        self.done[name] = -total

    def advance(self, count: int) -> None:
        self.done[self.begun[-1][1]] += count

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def heard() -> Heard:
    return Heard([], {}, [])
