"""The id of a protocol changes with everything that changes a number."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from liveact_eval.cards.protocol import Encoding, Protocol, exact_rate

CLIPS = [("a", "1" * 64), ("b", "2" * 64)]
CHANGES = {
    "name": "other",
    "version": 2,
    "fps": 25,
    "size": (64, 64),
    "clip_seconds": 5,
    "reference_image": "image",
    "driving_audio": "permuted",
    "split": "made-50@1",
    "encoding": Encoding(crf=11),
}


def test_id_names_the_protocol() -> None:
    protocol = Protocol(name="base", version=3)
    assert re.fullmatch(r"base@3:[0-9a-f]{8}", protocol.identify(CLIPS))
    assert protocol.identify(CLIPS) == Protocol(name="base", version=3).identify(iter(CLIPS))


def test_ids_that_were_published_stay() -> None:
    """A field that came later says nothing in them."""
    assert Protocol(name="base", version=1).identify(CLIPS) == "base@1:b73209e7"


def test_every_field_is_part_of_the_id() -> None:
    base = Protocol(name="base", version=1)
    assert set(CHANGES) == set(Protocol.model_fields), "a new field belongs here"
    ids = {base.model_copy(update={field: value}).identify(CLIPS) for field, value in CHANGES.items()}
    ids.add(base.identify(CLIPS))
    hashes = {text.partition(":")[2] for text in ids}
    assert len(hashes) == len(CHANGES) + 1


@pytest.mark.parametrize("change", [{"crf": 20}, {"preset": "slow"}])
def test_encoding_is_part_of_the_id(change: dict[str, object]) -> None:
    base = Protocol(name="base", version=1)
    changed = base.model_copy(update={"encoding": base.encoding.model_copy(update=change)})
    assert changed.identify(CLIPS) != base.identify(CLIPS)


@pytest.mark.parametrize(
    "clips",
    [CLIPS[:1], CLIPS[::-1], [("a", "1" * 64), ("c", "2" * 64)], [("a", "1" * 64), ("b", "3" * 64)], []],
)
def test_clips_are_part_of_the_id(clips: list[tuple[str, str]]) -> None:
    base = Protocol(name="base", version=1)
    assert base.identify(clips) != base.identify(CLIPS)


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (25, Fraction(25)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (30.0, Fraction(30)),
        (12.5, Fraction(25, 2)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_exact_rate(fps: float, exact: Fraction) -> None:
    assert exact_rate(fps) == exact
    assert Protocol(name="x", version=1, fps=fps).rate == exact


def test_native_rate() -> None:
    assert Protocol(name="x", version=1).rate is None
