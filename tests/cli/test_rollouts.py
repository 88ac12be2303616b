"""`rollouts list|show`: names, trace, picture, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from liveact_eval.rollouts.published import rollout_names
from tests.cli.helpers import call, refused


def test_all_rollouts_are_listed() -> None:
    rows = call("rollouts", "list", "--json").json
    assert [row["name"] for row in rows] == list(rollout_names())
    assert all(row["summary"] and row["title"] and row["source"] for row in rows)
    by_name = {row["name"]: row for row in rows}
    assert by_name["rolling-forcing"]["memory_latents"] == 24
    assert by_name["self-forcing"]["memory_latents"] == "grows"
    answer = call("rollouts", "list")
    assert (answer.code, answer.err) == (0, "")
    assert all(name in answer.out for name in rollout_names())


def test_help_shows_examples() -> None:
    for words in (("rollouts",), ("rollouts", "list"), ("rollouts", "show")):
        answer = call(*words, "--help")
        assert answer.code == 0
        assert "liveact-eval rollouts" in " ".join(answer.out.split("Example", 1)[1].split())


def test_a_trace_as_table_json_and_picture(tmp_path: Path) -> None:
    out = tmp_path / "knot.png"
    shown = call("rollouts", "show", "knot-forcing", "--blocks", "3", "--out", out, "--json")
    assert shown.code == 0 and "drawn" in shown.err
    calls = shown.json["calls"]
    assert [c["purpose"] for c in calls].count("reference") == 1 and len(calls) == 1 + 3 * 5
    assert calls[1]["keys"][0] == {"frames": [-1], "position": 20, "kind": "reference", "timestep": 0.0}
    with Image.open(out) as picture:
        assert picture.format == "PNG" and min(picture.size) > 200
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 20)
    assert colours is not None and {(0x56, 0xB4, 0xE9), (0x00, 0x9E, 0x73)} <= {c for _, c in colours}

    table = call("rollouts", "show", "knot-forcing", "--blocks", "3")
    assert (table.code, table.err) == (0, "")
    assert "reference picture @ 20; clean 3-5" in table.out


def test_a_change_of_prompt_is_shown() -> None:
    calls = call("rollouts", "show", "longlive", "--blocks", "3", "--switch-at", "2", "--json").json["calls"]
    assert [c["block"] for c in calls if c["purpose"] == "recache"] == [2]


def test_rollouts_over_the_official_memory_are_traced_too() -> None:
    answer = call("rollouts", "show", "neighbor", "--blocks", "4")
    assert "folded 2-14 @ 2, 15-19 @ 3; noisy 20-21 @ 4-5" in answer.out


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("roling-forcing",), ("Did you mean 'rolling-forcing'?", "liveact-eval rollouts list")),
        (("longlive", "--blocks", "0"), ("--blocks 0", "1 to 200")),
        (("longlive", "--blocks", "4", "--switch-at", "4"), ("--switch-at 4", "below --blocks 4")),
        (("longlive", "--out", "here.jpg"), (".png", "Give --out here.png")),
        (("longlive", "--out", "nowhere/here.png"), ("folder that exists",)),
    ],
)
def test_what_cannot_be_shown_is_refused(words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    refused(call("rollouts", "show", *words), *parts)
