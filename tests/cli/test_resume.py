"""The same command again: what is done stays, what changed is done anew, what does not fit is refused."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from filelock import FileLock

from tests.cli.helpers import MODELS, QUICK, Answer, call, fresh, numbers, refused, results, row, units

FOLDER_OF_A_RUN = ("journal.sqlite", "results.json", "results.parquet", "run.json", "tables/results.md")


def again(out: Path, tiny: Path, *words: str | Path, models: tuple[str, ...] = MODELS) -> Answer:
    return call("run", "--dataset", tiny, *models, *QUICK, "--out", out, *words)


def redone(
    out: Path, tiny: Path, *words: str | Path, models: tuple[str, ...] = MODELS
) -> set[tuple[str, str]]:
    """(model, stage) of all units that a repeated command writes."""
    before = units(out)
    answer = again(out, tiny, *words, models=models)
    assert answer.code == 0, answer.err
    return {(unit.model, unit.stage) for unit in fresh(before, units(out))}


def test_finished_run_is_left_as_it_is(run: Path, tiny: Path) -> None:
    again(run, tiny)
    before = {name: (run / name).read_bytes() for name in FOLDER_OF_A_RUN}
    assert redone(run, tiny) == set()
    assert {name: (run / name).read_bytes() for name in FOLDER_OF_A_RUN} == before


def test_new_model_costs_only_itself(run: Path, tiny: Path) -> None:
    done = redone(run, tiny, models=(*MODELS, "--model", "blur"))
    assert {model for model, _ in done} == {"blur"}
    assert row(run, "blur", "psnr_db")["n"] == 4


def test_new_metric_costs_only_itself(run: Path, tiny: Path) -> None:
    before = row(run, "still", "psnr_db")
    done = redone(run, tiny, "--metrics", "psnr,adjacent,sharpness")
    assert done == {
        (model, stage) for model in ("real", "still", "shift") for stage in ("survey", "measure:sharpness")
    }
    assert row(run, "still", "psnr_db") == before
    assert row(run, "still", "sharpness")["n"] == 4


def test_more_clips_cost_only_themselves(tiny: Path, tmp_path: Path, finished: Path) -> None:
    out = tmp_path / "run"
    again(out, tiny, "--limit", "3")
    before = units(out)
    assert again(out, tiny).code == 0
    assert {unit.clip for unit in fresh(before, units(out))} == {results(finished)["clips"][3]}
    assert numbers(out) == numbers(finished)


@pytest.mark.parametrize("harm", ["delete", "touch", "change"])
def test_video_that_is_not_as_it_was_is_made_again(harm: str, run: Path, tiny: Path) -> None:
    video = sorted((run / "videos" / "still").iterdir())[0]
    before, content = numbers(run), video.read_bytes()
    if harm == "delete":
        video.unlink()
    elif harm == "touch":
        os.utime(video)
    else:
        video.write_bytes(b"something else")
    done = redone(run, tiny)
    assert ("still", "generate") in done
    assert {model for model, _ in done} == {"still"}
    assert video.read_bytes() == content, "the same clip gives the same bytes"
    assert numbers(run) == before


def card(path: Path, sigma: float, title: str = "Soft") -> Path:
    path.write_text(
        f"name: soft\ntitle: {title}\nkind: control\nsummary: Soft.\ncontrol: {{effect: blur, sigma: {sigma}}}\n",
        encoding="utf-8",
    )
    return path


def test_changed_card_redoes_that_model_only(run: Path, tiny: Path, tmp_path: Path) -> None:
    soft = card(tmp_path / "soft.yaml", 1)
    models = (*MODELS, "--model", str(soft))
    redone(run, tiny, models=models)
    first = row(run, "soft", "psnr_db")
    card(soft, 4)
    assert {model for model, _ in redone(run, tiny, models=models)} == {"soft"}
    assert row(run, "soft", "psnr_db")["value"] < first["value"]
    card(soft, 1, title="Softer")
    redone(run, tiny, models=models)
    assert row(run, "soft", "psnr_db") == first, "the numbers of the card as it is now"
    assert "Softer" in (run / "tables" / "results.md").read_text(encoding="utf-8")


def test_seed_of_the_results_is_that_of_the_command(tiny: Path, tmp_path: Path) -> None:
    found = []
    for seed in ("0", "1", "0"):
        words = ("--limit", "1", "--seed", seed)
        assert again(tmp_path, tiny, *words, models=("--model", "noise")).code == 0
        found.append((row(tmp_path, "noise", "psnr_db")["value"], results(tmp_path)["provenance"]["seed"]))
    assert found[0] == found[2] != found[1]


def test_limits_of_the_results_are_those_of_the_command(tiny: Path, tmp_path: Path) -> None:
    found = []
    for reject in ("[frozen]", "[]", "[frozen]"):
        answer = again(
            tmp_path, tiny, "--limit", "1", "--set", f"sanity.reject={reject}", models=("--model", "still")
        )
        found.append((answer.code, row(tmp_path, "still", "psnr_db")["failures"]))
    assert found == [(3, {"frozen": 1}), (0, {}), (3, {"frozen": 1})]


def test_damaged_or_lost_results_are_written_anew(run: Path, tiny: Path) -> None:
    before = numbers(run)
    for name, content in (("results.json", b"{"), ("results.json", None), ("tables/results.md", None)):
        path = run / name
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        assert redone(run, tiny) == set()
        assert path.stat().st_size > 100
        assert numbers(run) == before


def test_another_dataset_in_the_same_folder_is_refused(run: Path, tiny: Path) -> None:
    before = (run / "run.json").read_bytes()
    refused(call("run", *QUICK, "--out", run), repr(str(tiny.resolve())), "'talkers'", "--out")
    assert (run / "run.json").read_bytes() == before


def test_dataset_is_known_by_its_name_wherever_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "talkers").mkdir()
    monkeypatch.chdir(tmp_path)
    words = (
        "run",
        "--limit",
        "1",
        "--model",
        "real",
        "--metrics",
        "adjacent",
        "--set",
        "workers=1",
        "--out",
        "x",
    )
    assert call(*words).code == 0
    assert json.loads((tmp_path / "x" / "run.json").read_text("utf-8"))["source"] == "talkers"


def test_folder_in_use_is_refused(run: Path, tiny: Path) -> None:
    (run / ".holder.json").write_text('{"pid": 4711, "since": "2026-01-01T00:00:00+00:00"}', encoding="utf-8")
    with FileLock(run / ".lock"):
        refused(again(run, tiny), "is in use", "process 4711", "--out")
    assert again(run, tiny).code == 0
    assert not (run / ".holder.json").exists()


def test_files_of_a_newer_version_are_left_alone(run: Path, tiny: Path) -> None:
    for name, field in (("run.json", "run_version"), ("results.json", "schema_version")):
        text = (run / name).read_text(encoding="utf-8")
        (run / name).write_text(json.dumps(json.loads(text) | {field: 2}), encoding="utf-8")
        refused(again(run, tiny), name, "pip install -U liveact-eval")
        assert json.loads((run / name).read_text(encoding="utf-8"))[field] == 2
        (run / name).write_text(text, encoding="utf-8")
    with sqlite3.connect(run / "journal.sqlite") as db:
        db.execute("PRAGMA user_version=2")
    refused(again(run, tiny), "journal version 2", "pip install -U liveact-eval")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"run_version": "x"}'])
def test_damaged_run_json_is_refused(content: bytes, run: Path, tiny: Path) -> None:
    (run / "run.json").write_bytes(content)
    refused(again(run, tiny), "run.json" if content[:2] != b'{"' else "holds a run over")


def test_damaged_journal_says_so(run: Path, tiny: Path) -> None:
    journal = run / "journal.sqlite"
    whole = journal.read_bytes()
    page = 4096
    for damaged in (b"not a database" * 1000, whole[:page] + os.urandom(len(whole) - page)):
        journal.write_bytes(damaged)
        answer = again(run, tiny)
        assert answer.code == 4
        assert "journal cannot be used" in answer.err
        assert "Traceback" not in answer.err


def test_empty_journal_is_a_new_one(run: Path, tiny: Path) -> None:
    before = numbers(run)
    (run / "journal.sqlite").write_bytes(b"")
    assert again(run, tiny).code == 0
    assert numbers(run) == before


def test_half_written_files_are_removed(run: Path, tiny: Path) -> None:
    left = [run / "videos" / "still" / ".clip.4711.part.mp4", run / "..results-key.4711.part"]
    kept = [run / "videos" / "still" / "clip.part.mp4", run / ".notes"]
    for path in left + kept:
        path.touch()
    again(run, tiny)
    assert [path.exists() for path in left + kept] == [False, False, True, True]
