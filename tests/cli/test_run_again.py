"""A number that could not be had for a reason that is not the clip's is tried again by the same command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.cli.helpers import call, fresh, row, units

WORKER = """
import json, math, pathlib, sys
for line in sys.stdin.buffer:
    asked = json.loads(line)
    sys.stdin.buffer.read(math.prod(asked["frames"]))
    ready = pathlib.Path(__file__).with_name("ready").exists()
    answer = {"answers": ["Yes"] * len(asked["questions"])} if ready else {"error": "out of memory"}
    print(json.dumps(answer), flush=True)
"""


def test_a_question_without_an_answer_is_asked_again(clips: Callable[[Path], Path], tmp_path: Path) -> None:
    real, out, worker = clips(tmp_path / "real"), tmp_path / "run", tmp_path / "worker.py"
    worker.write_text(WORKER, encoding="utf-8")
    words = (
        *(
            "run",
            "--dataset",
            real,
            "--model",
            "still",
            "--limit",
            "1",
            "--metrics",
            "human_clothes,adjacent",
        ),
        *("--set", "workers=1", "--set", f"networks.answerer=[{sys.executable}, {worker}]", "--out", out),
    )

    answer = call(*words)

    assert answer.code == 3, answer.err
    lacking = row(out, "real", "human_clothes")
    assert (lacking["value"], lacking["failures"]) == (None, {"no_answer": 1})
    assert row(out, "real", "adjacent_ssim")["n"] == 1
    before = units(out)

    (tmp_path / "ready").touch()
    assert call(*words).code == 0
    assert row(out, "real", "human_clothes")["value"] == 1.0
    news = {unit.stage for unit in fresh(before, units(out))}
    assert news == {"survey", "measure:human_clothes"}, "no other metric is measured anew"
