"""`liveact-eval ablate`: what is listed, planned and refused, and one ablation from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liveact_eval.datasets.open import CACHE_VARIABLE
from tests.cli.helpers import call, refused


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))


def test_every_ablation_is_listed() -> None:
    answer = call("ablate", "--list", "--json")
    assert [row["name"] for row in answer.json] == [
        "avatar-forcing",
        "avatar-modules",
        "blocks",
        "editing",
        "forcing",
        "knot",
        "memory",
        "propositions",
        "steps",
        "strategies",
    ]
    assert "Example" in call("ablate", "--help").out


def test_a_name_is_asked_for_and_the_nearest_named() -> None:
    refused(call("ablate"), "Names: avatar-forcing, avatar-modules, blocks")
    refused(call("ablate", "memry"), "Unknown ablation 'memry'", "Did you mean 'memory'?")
    refused(call("ablate", "steps", "--model", "still"), "'still' is a card of kind control")


def test_a_plan_says_what_will_be_done_and_touches_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("ablate", "memory", "--model", "liveact-tiny", "--clips", "3", "--seconds", "20", "--out", out)
    answer = call(*words, "--plan", "--json")
    assert answer.json["variants"] == ["convkv", "convkv-paper", "mean", "window", "full"]
    assert (answer.json["units"], answer.json["done_before"]) == (45, 0)
    assert answer.json["frames_to_make"] == 45 * 500
    assert not out.exists()


def test_forcing_without_a_kit_says_which_command_makes_one() -> None:
    answer = call("ablate", "forcing", "--plan")
    refused(answer, "Nothing can be run", "liveact-eval train mini-bidirectional --kit")


def test_propositions_from_end_to_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = (
        "ablate",
        "propositions",
        "--model",
        "liveact-tiny",
        "--clips",
        "1",
        "--seeds",
        "1",
        "--out",
        out,
    )
    answer = call(*words, "--json")
    assert answer.code == 0, answer.err
    assert answer.json == json.loads((out / "ablation.json").read_text())
    rows = {(row["variant"], row["measure"]): row for row in answer.json["rows"]}
    assert rows["causal", "same_level_ratio"]["value"] == pytest.approx(1.0, abs=0.01)
    assert 0 < rows["causal", "neighbour_ratio"]["value"] < 1
    assert rows["causal", "bound_kept"]["value"] is None
    assert rows["causal", "bound_kept"]["reasons"] == {"no_bound": 1}
    assert {finding["found"] for finding in answer.json["findings"]} == {"cannot tell"}
    before = (out / "journal.jsonl").read_bytes()
    again = call(*words)
    assert again.code == 0
    assert (out / "journal.jsonl").read_bytes() == before
    assert "As found: cannot tell." in again.out
