"""Speed of programs through `run` and `bench`: what they print, and what is modelled from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import call, refused, results
from tests.unit.efficiency.printing_program import write_program_card

QUICK = ("--metrics", "psnr", "--set", "workers=1", "--set", "statistics.resamples=100")


def test_a_run_shows_what_a_program_printed(tmp_path: Path, tiny: Path) -> None:
    card = write_program_card(tmp_path)
    words = ("run", "--model", card, "--dataset", tiny, *QUICK, "--limit", "2", "--out", tmp_path / "run")
    answer = call(*words)
    assert answer.code == 0, answer.err
    assert "stalls, modelled" in answer.out
    assert "modelled from these times, with all sound there from the start" in answer.out
    content = json.loads((tmp_path / "run" / "tables" / "efficiency.json").read_text())
    told = {cost["model"]: cost["printed"] for cost in content["costs"]}
    assert told["real"] is None
    assert (told["printer"]["videos"], told["printer"]["stalls"]) == (2, 2)
    assert told["printer"]["lip_delay_p95_ms"] == pytest.approx(700)
    # Clips of 0.8 s have 20 frames, whatever the program claims.
    assert "the printed blocks hold 100 frames, and its files 40" in answer.out
    report = call("report", tmp_path / "run", "--out", tmp_path / "report")
    assert report.code == 0, report.err
    assert "lip delay p95, modelled [ms]" in (tmp_path / "report" / "index.html").read_text()
    archive = tmp_path / "run.zip"
    assert call("runs", "export", tmp_path / "run", "--out", archive).code == 0
    assert call("runs", "validate", archive, "--into", tmp_path / "theirs").code == 0
    assert (tmp_path / "theirs" / "tables" / "efficiency.json").is_file()


def test_a_benchmark_scores_the_videos_that_it_timed(tmp_path: Path, tiny: Path) -> None:
    card, out = write_program_card(tmp_path), tmp_path / "bench"
    words = ("bench", "--model", card, "--repeats", "2", "--dataset", tiny, "--metrics", "psnr", "--out", out)
    answer = call(*words)
    assert answer.code == 0, answer.err
    assert "no live call: playout modelled from the times of blocks that the program printed" in answer.out
    assert "stage" not in answer.out
    scored = [row for row in results(out / "quality")["rows"] if row["model"] == "printer"]
    assert [row["n"] for row in scored if row["metric"] == "psnr_db"] == [2]
    suffixes = sorted(path.suffix for path in (out / "videos").iterdir())
    assert suffixes == [".log", ".log", ".log", ".mp4", ".mp4"]


def test_operations_of_a_program_are_not_counted_here(tmp_path: Path) -> None:
    card = write_program_card(tmp_path)
    answer = call("bench", "--model", card, "--device", "meta")
    refused(answer, "is a program of its own", "liveact-eval models show printer")
