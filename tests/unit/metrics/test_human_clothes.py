"""Human Clothes: which frames are shown, what a model in another process answers, and what happens where it fails."""

from __future__ import annotations

import copy
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.execution.config import NetworksConfig
from liveact_eval.measure.engine import Job, measure
from liveact_eval.metrics._human_fidelity import CLOTHES_QUESTIONS, clothes_frames, clothes_prompt
from liveact_eval.metrics._human_frames import EvenFrames, given_frames
from liveact_eval.metrics.base import Missing
from liveact_eval.metrics.human_clothes import HumanClothes
from liveact_eval.metrics.human_fidelity import HumanFidelity
from liveact_eval.networks.answering import Answerer, AnswerError
from liveact_eval.networks.provider import Networks
from tests.helpers import clip_of, moving_square, values, write_av

WORKER = """
import json, math, sys, time
mode = sys.argv[1]
for line in sys.stdin.buffer:
    asked = json.loads(line)
    frames = sys.stdin.buffer.read(math.prod(asked["frames"]))
    assert len(frames) == math.prod(asked["frames"])
    answers = ["Yes, indeed." for _ in asked["questions"]]
    if mode == "several":
        answers[0] = "No."
    elif mode == "changed":
        answers[2] = "No, the jacket does not."
    elif mode == "crash":
        sys.exit(3)
    elif mode == "sleep":
        time.sleep(60)
    elif mode == "few":
        answers = answers[:1]
    elif mode == "mean":
        answers = [str(sum(frames) / len(frames))] * len(answers)
    if mode == "noise":
        print("loading ...", flush=True)
    elif mode == "refuse":
        print(json.dumps({"error": "out of memory"}), flush=True)
    else:
        print(json.dumps({"answers": answers}), flush=True)
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("worker") / "worker.py"
    path.write_text(WORKER, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_av(tmp_path_factory.mktemp("video") / "video.mp4", moving_square(12))


def command(worker: Path, mode: str) -> tuple[str, ...]:
    return (sys.executable, str(worker), mode)


def value(video: Path, networks: Networks) -> float | Missing:
    found = measure(Job(clip=clip_of(None), video=video, metrics=[HumanClothes()], networks=networks))
    assert not found.traces, found.traces
    for asked in networks._answerer:
        asked.close()
    return values(found)["human_clothes"]


def test_answers_become_one_nought_or_invalid(worker: Path, video: Path) -> None:
    assert value(video, Networks(answers_by=command(worker, "yes"))) == 1.0
    assert value(video, Networks(answers_by=command(worker, "changed"))) == 0.0
    invalid = value(video, Networks(answers_by=command(worker, "several")))
    assert isinstance(invalid, Missing) and invalid.reason == "several_people"


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("crash", "ended with status 3 before it answered"),
        ("noise", "expected one line of JSON"),
        ("few", "expected 3 answers"),
        ("refuse", "refused: out of memory"),
    ],
)
def test_a_program_that_fails_costs_this_number_alone(
    mode: str, said: str, worker: Path, video: Path
) -> None:
    missing = value(video, Networks(answers_by=command(worker, mode)))
    assert isinstance(missing, Missing) and missing.reason == "no_answer" and said in missing.detail


def test_the_program_of_the_page_works(video: Path, tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "human-fidelity.md"
    text = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "worker.py").write_text(text, encoding="utf-8")
    assert value(video, Networks(answers_by=(sys.executable, str(tmp_path / "worker.py")))) == 1.0


def test_no_program_and_none_that_starts(video: Path) -> None:
    none = value(video, Networks())
    assert isinstance(none, Missing) and none.reason == "no_answerer"
    assert "networks.answerer" in none.detail
    absent = value(video, Networks(answers_by=("/no/such/program",)))
    assert isinstance(absent, Missing) and absent.reason == "no_answer"
    assert "cannot be started" in absent.detail


def test_a_program_that_is_too_slow_is_ended(worker: Path) -> None:
    asked = Answerer(command(worker, "sleep"), 0.5)
    begun = time.monotonic()
    with pytest.raises(AnswerError, match=r"no answer within 0.5 s. Set networks.answer_seconds"):
        asked.answers(np.zeros((1, 2, 2, 3), np.uint8), ["?"])
    assert time.monotonic() - begun < 30
    assert asked._process is None


def test_one_process_answers_all_and_a_dead_one_is_replaced(worker: Path) -> None:
    asked = Answerer(command(worker, "mean"), 60)
    # More than a pipe holds.
    large = np.full((64, 64, 64, 3), 7, np.uint8)
    assert asked.answers(large, ["a", "b"]) == ["7.0", "7.0"]
    first = asked._process
    assert asked.answers(large + 1, ["a"]) == ["8.0"]
    assert asked._process is first and first is not None
    os.kill(first.pid, 9)
    first.wait()
    assert asked.answers(large, ["a"]) == ["7.0"]
    asked.close()
    asked.close()


def test_short_videos_show_the_official_frames_and_long_ones_their_neighbours() -> None:
    for frames in (1, 5, 64, 100, 128):
        assert given_frames(frames) == clothes_frames(frames)
    for frames in (129, 250, 1000, 9000):
        away = np.abs(np.array(given_frames(frames)) - clothes_frames(frames))
        assert away.max() <= frames / 128
        assert given_frames(frames)[-1] == frames - 1
        assert len(set(given_frames(frames))) == 64


@pytest.mark.parametrize("frames", [1, 7, 64, 128, 129, 300, 1025])
def test_frames_are_kept_in_bounded_memory_in_any_runs(frames: int) -> None:
    rows = np.stack([np.arange(frames) % 256, np.arange(frames) // 256], axis=1).astype(np.uint8)
    tables = []
    for run in (1, 8, frames):
        kept = EvenFrames()
        for start in range(0, frames, run):
            kept.append(rows[start : start + run])
            assert len(kept._kept) <= 128
        assert kept.frames == frames
        tables.append(kept.table)
    assert all(np.array_equal(table, rows[given_frames(frames)]) for table in tables)
    assert EvenFrames().table.shape == (0, 1)


def test_the_prompt_says_when() -> None:
    said = clothes_prompt(CLOTHES_QUESTIONS[0], [0, 12, 25], 50, 25.0)
    assert said.startswith("The video lasts for 2.00 seconds, and 3 frames are uniformly sampled from it.")
    assert "0.00s,0.48s,1.00s" in said and said.endswith(f"\n{CLOTHES_QUESTIONS[0]}")


def test_the_command_is_part_of_the_recipe_and_travels(worker: Path) -> None:
    networks = NetworksConfig(answerer=command(worker, "yes"), answer_seconds=5).provider()
    other = Networks(answers_by=command(worker, "changed"))
    assert networks.answers_identity != other.answers_identity
    assert Networks().answers_identity == "answerer:none"
    sent = copy.deepcopy(networks)
    assert sent.answers_by == networks.answers_by and sent.answer_seconds == 5
    assert networks.answerer() is networks.answerer()


def test_fidelity_is_the_mean_times_hundred() -> None:
    rows = np.array([[0.966, 1.0, 1.0], [0.5, 0.0, 1.0]])
    assert HumanFidelity().combine(rows) == pytest.approx([98.866667, 50.0])
    assert HumanFidelity().combine(rows[None]).shape == (1, 2)
