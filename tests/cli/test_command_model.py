"""Systems that are run as programs, through the whole of `run`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.helpers import Answer, call, fresh, refused, results, row, units
from tests.unit.generators.command.command_cases import make_repository, section

SMALL = {"sizes": [[32, 32]]}


def write_card(folder: Path, system: str, *, name: str = "", **changes: Any) -> Path:
    """A card over a stand-in repository, and the repository."""
    repository = make_repository(folder / f"{system}-repo", system)
    path = folder / f"{name or system}.yaml"
    content = {"name": name or system, "title": system.title(), "kind": "command", "summary": "A stand-in."}
    command = section(system, repository, picture=SMALL, **changes)
    path.write_text(yaml.safe_dump(content | {"command": command}), encoding="utf-8")
    return path


def run(card: Path, tiny: Path, out: Path, *more: str) -> Answer:
    quick = ("--metrics", "psnr", "--set", "workers=1", "--set", "statistics.resamples=100")
    return call("run", "--model", card, "--dataset", tiny, *quick, "--out", out, "--quiet", *more)


def details(out: Path, model: str) -> list[dict[str, Any]]:
    """What ran, of each clip."""
    query = (
        "SELECT payload FROM units WHERE stage = 'generate' AND model = ? AND state = 'done' ORDER BY rowid"
    )
    with sqlite3.connect(out / "journal.sqlite") as db:
        return [json.loads(payload)["details"] for (payload,) in db.execute(query, (model,))]


def test_a_run_and_the_same_command_again(tmp_path: Path, tiny: Path) -> None:
    card, out = write_card(tmp_path, "stableavatar"), tmp_path / "run"
    answer = run(card, tiny, out)
    assert answer.code == 0, answer.err
    measured = row(out, "stableavatar", "psnr_db")
    assert (measured["n"], measured["n_total"]) == (4, 4)
    assert measured["value"] < 40
    videos = sorted(path.name for path in (out / "videos" / "stableavatar").iterdir())
    assert [Path(name).suffix for name in videos] == 4 * [".log", ".mp4"]
    assert {d["clips_in_process"] for d in details(out, "stableavatar")} == {1}
    before = units(out)
    assert run(card, tiny, out).code == 0
    assert fresh(before, units(out)) == []


def test_several_clips_in_one_process(tmp_path: Path, tiny: Path) -> None:
    card, out = write_card(tmp_path, "hunyuanvideo-avatar"), tmp_path / "run"
    answer = run(card, tiny, out)
    assert answer.code == 0, answer.err
    assert [d["clips_in_process"] for d in details(out, "hunyuanvideo-avatar")] == [3, 3, 3, 1]
    assert row(out, "hunyuanvideo-avatar", "psnr_db")["n"] == 4


def test_misbehaviour_is_counted_and_not_scored(tmp_path: Path, tiny: Path) -> None:
    card = write_card(tmp_path, "stableavatar", variables={"MISBEHAVE": "truncated"})
    answer = run(card, tiny, tmp_path / "run")
    assert answer.code == 3
    assert "truncated 4" in answer.err
    assert row(tmp_path / "run", "stableavatar", "psnr_db")["value"] is None
    assert {failure["reason"] for failure in results(tmp_path / "run")["failed"]} == {"truncated"}


def test_what_stops_every_clip_stops_the_run(tmp_path: Path, tiny: Path) -> None:
    card = write_card(tmp_path, "stableavatar", variables={"MISBEHAVE": "import"})
    refused(run(card, tiny, tmp_path / "run"), "flash_attn", "same with every clip")


def test_all_that_is_missing_is_said_before_anything_starts(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "none"))
    one = write_card(tmp_path, "multitalk", licence={"name": "Community", "text": "not in the EU"})
    two = write_card(tmp_path, "stableavatar", python="/no/such/python")
    for more in ((), ("--plan",)):
        answer = run(one, tiny, tmp_path / "run", "--model", str(two), *more)
        refused(
            answer,
            "5 things are missing. Nothing was started.",
            "Multitalk: its licence (Community) was not accepted: not in the EU",
            "Multitalk: weights `multitalk`: multitalk.safetensors not in",
            "Stableavatar: there is no interpreter at '/no/such/python'",
        )
        assert not (tmp_path / "run").exists()


def test_an_unknown_placeholder_is_an_error_of_the_card(tmp_path: Path, tiny: Path) -> None:
    card = write_card(tmp_path, "stableavatar")
    card.write_text(card.read_text().replace("{image}", "{imgae}"), encoding="utf-8")
    refused(
        run(card, tiny, tmp_path / "run"),
        str(card),
        "unknown placeholder `{imgae}`",
        "Did you mean `{image}`",
    )
