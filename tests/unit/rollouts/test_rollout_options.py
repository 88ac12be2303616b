"""Options of a published strategy: what is there, what it may be, and that it is what runs."""

from __future__ import annotations

import pytest

from liveact_eval.errors import UserError
from liveact_eval.rollouts.options import OptionValue, RolloutOptions, as_options, in_words
from liveact_eval.rollouts.published import PUBLISHED
from tests.unit.rollouts.rollout_cases import make


def test_options_change_the_strategy_and_nothing_else() -> None:
    options: RolloutOptions = (("passes", 2), ("window", 2))
    strategy = PUBLISHED["avatar-forcing"].strategy(options)
    calls = make(strategy, 4).of("denoise")
    assert [len(call.frames) for call in calls if call.block == 3] == [8, 8]
    published = PUBLISHED["avatar-forcing"].strategy()
    assert [len(part.frames) for part in published.levels(6)] == [16, 4]
    # Variants of one strategy begin with options of their own.
    relative = PUBLISHED["longlive-relative"].strategy((("cache_frames", 15),))
    assert relative.slots == 15 and relative.context(9, 0).positions == (12, 13, 14)


@pytest.mark.parametrize(
    ("rollout", "option", "value", "message"),
    [
        ("avatar-forcing", "windows", 2, r"Unknown option of rollout avatar-forcing 'windows'.*'window'"),
        (
            "avatar-forcing",
            "window",
            "two",
            r"Option window of rollout avatar-forcing is 'two'.*Published is 4",
        ),
        ("avatar-forcing", "window", True, "valid integer"),
        ("avatar-forcing", "window", 0, "window 0, passes 1"),
        ("avatar-forcing", "anchor_audio", "loud", "'silence' or 'heard'"),
        ("avatar-forcing", "levels", (1000.0, 500.0), "2 levels for a window of 4 blocks"),
        ("self-forcing", "levels", (500.0, 800.0), "levels go from 500 to 800"),
        ("self-forcing", "levels", (1200.0,), "levels go from 1200 to 0"),
        ("self-forcing", "levels", (), "0 levels: expected a block of 1"),
        ("self-forcing", "block", 0, "block 0, sink_frames 0"),
        ("knot-forcing", "stride", 2, "the video overtakes the reference"),
        ("overlapping-windows", "overlap", 30, "overlap shorter than the window"),
    ],
)
def test_what_no_video_can_be_made_with_is_refused(
    rollout: str, option: str, value: OptionValue, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        PUBLISHED[rollout].strategy(((option, value),))


def test_options_are_plain_values_in_one_order() -> None:
    given = {"window": 2, "levels": [1000, 500.0], "reindex": False, "replace_after": None}
    made = as_options(given.items())
    assert list(made) == [
        ("levels", (1000, 500.0)),
        ("reindex", False),
        ("replace_after", None),
        ("window", 2),
    ]
    assert hash(made) is not None
    assert in_words((("passes", 2), ("window", 2))) == "passes=2, window=2"
    for wrong in ({"levels": ["a"]}, {"window": {"of": 2}}):
        with pytest.raises(UserError, match="expected a number, a word, true, false or numbers"):
            as_options(wrong.items())
