from __future__ import annotations

import dataclasses

import pytest

from liveact_eval.datasets.talkers import ACTIONS, EMOTIONS, TalkerSpec, draw_specs
from liveact_eval.datasets.talkers.identity import draw_identity
from liveact_eval.datasets.talkers.seeds import random_stream, stream_name

SPEC = TalkerSpec(split="test", speaker=3, utterance=1, emotion="happy", action="nod")


def test_ids_and_lengths() -> None:
    assert SPEC.clip_id == "test-00003-01-happy-nod"
    assert SPEC.speaker_id == "test-00003"
    assert (SPEC.frames, SPEC.samples) == (125, 80_000)
    cut = dataclasses.replace(SPEC, seconds=3.3)
    assert (cut.frames, cut.samples) == (82, 82 * 640)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "valid"}, r"split is 'valid', expected one of train, test"),
        ({"emotion": "bored"}, r"emotion is 'bored', expected one of neutral, happy"),
        ({"action": "jump"}, r"action is 'jump', expected one of none, nod"),
        ({"speaker": -1}, r"speaker is -1, expected at least 0"),
        ({"utterance": 1.5}, r"utterance is 1.5, expected a whole number"),
        ({"size": 16}, r"size is 16, expected at least 32"),
        ({"seed": True}, r"seed is True, expected a whole number"),
        ({"seconds": 0.01}, r"seconds is 0.01, expected a finite length of at least one frame"),
        ({"seconds": float("inf")}, r"seconds is inf, expected a finite length"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SPEC, **change)  # type: ignore[arg-type]


def test_content_key_follows_every_field() -> None:
    changes: list[dict[str, object]] = [
        {"split": "train"}, {"speaker": 4}, {"utterance": 2}, {"emotion": "sad"}, {"action": "wave"},
        {"size": 65}, {"seconds": 6.0}, {"seed": 1},
    ]  # fmt: skip
    keys = {SPEC.content_key, *(dataclasses.replace(SPEC, **c).content_key for c in changes)}  # type: ignore[arg-type]
    assert len(keys) == 1 + len(changes) == 1 + len(dataclasses.fields(TalkerSpec))
    assert dataclasses.replace(SPEC, seconds=5).content_key == SPEC.content_key


def test_drawn_specs_cover_speakers_first_and_grow_by_appending() -> None:
    specs = draw_specs("train", 60, speakers=12)
    assert [spec.speaker for spec in specs[:24]] == [*range(12), *range(12)]
    assert specs[:25] == draw_specs("train", 25, speakers=12)
    assert len({spec.clip_id for spec in specs}) == 60
    assert {spec.emotion for spec in specs} == set(EMOTIONS)
    assert {spec.action for spec in specs} == set(ACTIONS)


def test_one_speaker_goes_through_all_pairs_of_emotion_and_action() -> None:
    specs = draw_specs("test", 20, speakers=1)
    assert len({(spec.emotion, spec.action) for spec in specs}) == 20


def test_splits_share_no_speaker() -> None:
    train = {spec.speaker_id for spec in draw_specs("train", 50, speakers=50)}
    test = {spec.speaker_id for spec in draw_specs("test", 50, speakers=50)}
    assert not train & test
    looks = [draw_identity(split, speaker) for split in ("train", "test") for speaker in range(50)]
    assert len({look.skin for look in looks}) == len({look.face_width for look in looks}) == 100
    assert draw_identity("train", 0, seed=1) != draw_identity("train", 0, seed=0)


def test_a_stream_is_known_by_its_name() -> None:
    assert stream_name("seed=0", "train", 3) == "talkers-v1/seed=0/train/3"
    assert random_stream("a", 1).randint(1 << 30) == random_stream("a", 1).randint(1 << 30)
    assert random_stream("a", 1).randint(1 << 30) != random_stream("a", 2).randint(1 << 30)
    # RandomState is frozen, so this number holds for every NumPy version.
    assert random_stream("pinned").randint(1 << 30) == PINNED


PINNED = 76043291


def test_prompt_says_what_is_drawn() -> None:
    for spec in draw_specs("train", 60, speakers=60):
        look, prompt = draw_identity(spec.split, spec.speaker), spec.prompt
        assert prompt.startswith("A person with ")
        assert prompt.endswith(".")
        assert (f"{look.hair_word} hair" in prompt) == (look.style != "bald")
        assert ("a bald head" in prompt) == (look.style == "bald")
        assert (f"{look.hair_word} beard" in prompt) == (look.beard != "none")
        assert ("glasses" in prompt) == (look.glasses != "none")
        assert f"{look.shirt_word} shirt" in prompt
        assert ("striped" in prompt) == look.striped
        assert f" {spec.emotion} face" in prompt
        for action, words in (("nod", "nods"), ("shake", "shakes the head"), ("wave", "waves a hand")):
            assert (words in prompt) == (spec.action == action)
        assert " a a" not in prompt
        assert " a o" not in prompt
