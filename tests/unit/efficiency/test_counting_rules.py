"""Operations by formula: every row that is known comes out of the figures of a card alone."""

from __future__ import annotations

from typing import Any

import pytest

from liveact_eval.cards.counting import CountingSpec
from liveact_eval.cards.load import list_cards, load_model, parse_typed
from liveact_eval.efficiency.counting.analytic import RULES, Rule, count_setting, per_frame
from liveact_eval.errors import UserError

FOUR = "four forwards, over"
KNOWN: list[tuple[str, str, Rule, float]] = [
    ("liveact", "three steps", "A", 27.4),
    ("liveact", "three steps", "B", 28.2),
    ("liveact", "three steps", "C", 30.3),
    ("liveact", "three steps, 416x720", "C", 36.1),
    ("liveact", "three steps, 480x832", "C", 53.3),
    ("liveact", "three steps with audio guidance", "C", 51),
    ("infinitetalk", f"{FOUR} all 81 frames", "A", 44.1),
    ("infinitetalk", f"{FOUR} all 81 frames", "B", 44.9),
    ("infinitetalk", f"{FOUR} all 81 frames", "C", 49.4),
    ("infinitetalk", f"{FOUR} 72 new frames", "A", 49.6),
    ("infinitetalk", f"{FOUR} 72 new frames", "B", 50.5),
    ("infinitetalk", f"{FOUR} 72 new frames", "C", 55.6),
    ("infinitetalk", "four-step LoRA as released", "A", 99.2),
    ("infinitetalk", "four-step LoRA as released", "B", 101.1),
    ("infinitetalk", "four-step LoRA as released", "C", 111.2),
    ("infinitetalk", "four-step LoRA as released, real size", "A", 192),
    ("infinitetalk", "four-step LoRA as released, real size", "C", 211),
    ("live-avatar", "one frame of condition", "A", 35.6),
    ("live-avatar", "one frame of condition", "B", 36.1),
    ("live-avatar", "one frame of condition", "C", 37.4),
    ("live-avatar", "reference and packed motion", "C", 38.66),
    ("live-avatar", "three frames of condition", "A", 37.4),
    ("live-avatar", "three frames of condition", "B", 37.8),
    ("live-avatar", "three frames of condition", "C", 39.1),
    ("live-avatar", "one frame of condition, wide", "A", 37.1),
    ("live-avatar", "two frames of condition, wide", "C", 39.8),
    ("avatarforcing", "B=4, L=4, N=1", "C", 14.4),
    ("rolling-forcing", "steady state", "C", 20.2),
    ("self-forcing", "context of twelve latent frames", "C", 11.8),
    ("longlive", "window of twelve latent frames", "C", 11.8),
    ("causvid", "context of twelve latent frames", "C", 9.4),
    ("causal-forcing", "frame by frame, context of eleven latent frames", "C", 11.2),
    ("omniavatar", "50 steps with guidance", "C", 3402),
]


def counting(name: str) -> CountingSpec:
    spec = load_model(name).counting
    assert spec is not None
    return spec


@pytest.mark.parametrize(("name", "setting", "rule", "expected"), KNOWN)
def test_known_rows(name: str, setting: str, rule: Rule, expected: float) -> None:
    spec = counting(name)
    (found,) = [one for one in spec.settings if one.name == setting]
    assert per_frame(spec, found)[rule] == pytest.approx(expected, rel=0.01)


def test_every_setting_of_every_card_is_known() -> None:
    cards = [load_model(name) for name in list_cards("models")]
    settings = {(card.name, one.name) for card in cards if card.counting for one in card.counting.settings}
    assert settings == {(name, setting) for name, setting, _, _ in KNOWN}


def test_rules_include_each_other() -> None:
    for name in {name for name, *_ in KNOWN}:
        spec = counting(name)
        for setting in spec.settings:
            a, b, c = per_frame(spec, setting).values()
            assert a < b <= c
            assert (b < c) == (spec.audio_layers > 0)
    assert list(RULES) == ["A", "B", "C"]


def test_one_layer_by_hand() -> None:
    content = FIGURES | {"layers": 2}
    spec = parse_typed(content, CountingSpec, where="card.yaml")
    found = count_setting(spec, spec.settings[0])
    # 2x2 tokens per latent frame: 4 queries, 8 + 3 keys, twice; width 10, inner width 30, 5 context tokens.
    assert found.dense * 1e12 == pytest.approx(2 * 2 * 2 * 4 * (6 * 100 + 2 * 10 * 30))
    assert found.self_attention * 1e12 == pytest.approx(2 * 2 * 4 * 10 * 4 * 11)
    assert found.cross_attention * 1e12 == pytest.approx(2 * 2 * 4 * 10 * 4 * 5)
    assert found.context * 1e12 == pytest.approx(2 * 2 * 4 * 100 * 5)
    # One layer of two hears, in one call of two: 7 audio tokens.
    assert found.audio * 1e12 == pytest.approx(4 * 100 * 4 + 4 * 10 * 4 * 7)
    assert found.per_frame("A") == pytest.approx((found.dense + found.self_attention) / 3)


FIGURES: dict[str, Any] = {
    "width": 10,
    "ffn_width": 30,
    "layers": 1,
    "context_tokens": 5,
    "context_recomputed": True,
    "audio_layers": 1,
    "audio_tokens": 7,
    "source": "a test",
    "settings": [
        {
            "name": "one",
            "size": [32, 32],
            "frames": 3,
            "calls": [
                {"calls": 2, "audio_calls": 1, "query_frames": 1, "key_frames": 2, "key_tokens": 3},
            ],
        }
    ],
}
CALL = FIGURES["settings"][0]["calls"][0]
SETTING = FIGURES["settings"][0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"audio_layers": 2}, "audio_layers 2 is more than layers 1"),
        ({"settings": [SETTING, SETTING]}, "two settings have one name"),
        ({"settings": [SETTING | {"size": [30, 32]}]}, "30x32 must be multiples of 16"),
        (
            {"settings": [SETTING | {"calls": [CALL | {"audio_calls": 3}]}]},
            "audio_calls 3 is more than calls 2",
        ),
        ({"settings": [SETTING | {"calls": [CALL | {"key_frames": 0}]}]}, "`settings.0.calls.0.key_frames`"),
        ({"settings": [SETTING | {"calls": [CALL | {"query_frames": 4}]}]}, "a block sees itself"),
        ({"settings": []}, "`settings`"),
        ({"widht": 3}, "Did you mean `width`?"),
    ],
)
def test_figures_that_do_not_fit(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_typed(FIGURES | change, CountingSpec, where="card.yaml")
    assert says in str(caught.value)
