"""Edits: how they are written, which block has which prompt, what is refused."""

from __future__ import annotations

import pytest

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.prompts import Edit, PromptSchedule, parse_edit


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("8-12:waves a hand", Edit(8, 12, "waves a hand")),
        (" 0 - 3 : says: hello ", Edit(0, 3, "says: hello")),
        ("8:nods", Edit(8, 8, "nods")),
        ("8-:smiles", Edit(8, None, "smiles")),
    ],
)
def test_parse(text: str, edit: Edit) -> None:
    assert parse_edit(text) == edit
    assert parse_edit(f"{edit.blocks}:{edit.prompt}") == edit


@pytest.mark.parametrize("text", ["waves", "a-b:x", "-3:x", "3-2-1:x", "1.5:x", ""])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(LiveActError, match="expected BLOCKS:PROMPT"):
        parse_edit(text)


@pytest.mark.parametrize(("text", "message"), [("5-3:x", "FIRST <= LAST"), ("5: ", "prompt is empty")])
def test_edit_refuses(text: str, message: str) -> None:
    with pytest.raises(LiveActError, match=message):
        parse_edit(text)


def test_ranges_are_inclusive() -> None:
    schedule = PromptSchedule("talks", [Edit(5, None, "smiles"), Edit(1, 2, "waves")])
    assert [schedule.at(n) for n in range(7)] == [
        "talks", "waves", "waves", "talks", "talks", "smiles", "smiles",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "edits",
    [
        (Edit(3, 5, "a"), Edit(5, 8, "b")),
        (Edit(5, 8, "b"), Edit(3, 5, "a")),
        (Edit(0, 9, "a"), Edit(2, 3, "b")),
        (Edit(1, None, "a"), Edit(7, 7, "b")),
        (Edit(0, 9, "a"), Edit(10, 10, "c"), Edit(4, 4, "b")),
    ],
)
def test_overlaps_are_refused(edits: tuple[Edit, ...]) -> None:
    with pytest.raises(LiveActError, match=r"overlap: .*'a'.*'b'"):
        PromptSchedule("talks", edits)


def test_neighbours_do_not_overlap() -> None:
    PromptSchedule("talks", [Edit(0, 4, "a"), Edit(5, 5, "b"), Edit(6, None, "c")])


def test_prompts_ahead() -> None:
    schedule = PromptSchedule("talks", [Edit(1, 2, "waves"), Edit(4, None, "smiles")])
    assert schedule.ahead(0) == {"talks", "waves", "smiles"}
    assert schedule.ahead(3) == {"talks", "smiles"}
    assert schedule.ahead(4) == {"smiles"}


def test_edits_beyond_the_end() -> None:
    PromptSchedule("talks", [Edit(2, 4, "waves")]).check(5)
    PromptSchedule("talks", [Edit(4, None, "waves")]).check(5)
    for edit in (Edit(2, 5, "waves"), Edit(5, None, "waves")):
        with pytest.raises(LiveActError, match="the video has 5 blocks, 0 to 4"):
            PromptSchedule("talks", [edit]).check(5)
