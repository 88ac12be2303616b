"""`datasets list|show`: what is here, how it was chosen, what to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import call
from tests.cli.prepared_set import CLIPS, prepare, write_card
from tests.cli.test_help import commands, loaded


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_DATA", str(tmp_path / "data"))


def test_list() -> None:
    rows = {row["name"]: row for row in call("datasets", "list", "--json").json}
    assert {"hdtf", "hdtf-permuted", "hdtf-long", "hdtf-hour", "emtd", "celebvhq"} < set(rows)
    assert [(rows[n]["clips"], rows[n]["ready"]) for n in ("hdtf", "talkers", "folder")] == [
        *((50, 0), (16, 16), (None, None)),
    ]


def test_show_an_unprepared_set(tmp_path: Path) -> None:
    content = call("datasets", "show", "hdtf", "--json").json
    assert content["state"]["path"] == str(tmp_path / "data" / "hdtf")
    assert (content["state"]["ready"], content["state"]["by_state"]) == (0, {"todo": 50})
    assert content["commands"] == ["liveact-eval datasets prepare hdtf"]
    assert len(content["state"]["ids"]) == 50
    assert len(content["prepared"]["files"]) == 15
    shown = call("datasets", "show", "hdtf").out
    said = " ".join(shown.split())
    for part in ("CC BY 4.0", "SHA-256 of 'liveact-eval/hdtf/v1/' + clip id", "hdtf-50@1", "hdtf-512"):
        assert part in said
    assert "crop_ratio" not in shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("emtd", "one clip per video and per speaker first, then up to 2"),
        ("hdtf-hour", "speakers with less than 600 s of speech left out"),
        ("hdtf-long", "clips shorter than 60 s left out"),
        ("celebvhq", "liveact-eval datasets prepare celebvhq --accept-terms"),
    ],
)
def test_rules_in_words(name: str, words: str) -> None:
    assert words in " ".join(call("datasets", "show", name).out.split())


def test_show_a_prepared_set(tmp_path: Path) -> None:
    card = write_card(tmp_path)
    prepare(tmp_path / "other", CLIPS[:1], dead=CLIPS[1:2])
    other = tmp_path / "other"
    content = call("datasets", "show", card, "--root", other, "--json").json
    assert content["state"]["by_state"] == {"ready": 1, "dead": 1, "todo": 2}
    assert content["commands"] == [
        f"LIVEACT_EVAL_DATA={other} liveact-eval run --dataset {card}",
        f"liveact-eval datasets prepare {card} --root {other}",
        f"liveact-eval datasets verify {card} --root {other}",
    ]
    assert call("datasets", "show", card, "--json").json["state"]["ready"] == 0


def test_ready_is_what_a_run_can_use(tmp_path: Path) -> None:
    card = write_card(tmp_path, "permuted")
    prepare(tmp_path / "data", CLIPS[:2])
    state = call("datasets", "show", card, "--json").json["state"]
    # The audio of the second clip would be that of the third.
    assert (state["by_state"]["ready"], state["ready"]) == (2, 1)
    (tmp_path / "data" / "small" / "images" / f"{CLIPS[0]}.png").unlink()
    assert call("datasets", "show", card, "--json").json["state"]["ready"] == 0


def test_show_what_needs_no_preparing() -> None:
    assert call("datasets", "show", "talkers", "--json").json["commands"] == [
        "liveact-eval run --dataset talkers"
    ]
    content = call("datasets", "show", "folder", "--json").json
    assert content["commands"] == ["liveact-eval run --dataset path/to/videos"]


def test_damaged_manifest_is_said(tmp_path: Path) -> None:
    (tmp_path / "data" / "emtd").mkdir(parents=True)
    (tmp_path / "data" / "emtd" / "manifest.jsonl").write_text("x\n", encoding="utf-8")
    answer = call("datasets", "show", "emtd", "--json")
    assert "line 1: it is no row of a manifest" in answer.json["state"]["problem"]
    assert call("datasets", "list").code == 0


def test_listed_without_torch() -> None:
    listing = commands(("datasets", "list"), ("datasets", "show", "hdtf"))
    assert loaded(listing) & {"torch", "matplotlib", "pandas", "av"} == set()
