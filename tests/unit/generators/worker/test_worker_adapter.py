"""Clips made by a function that stays loaded."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.command_rules import GpuNeeds
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.sound import load_sound
from liveact_eval.errors import ClipError
from liveact_eval.generators.command import devices
from liveact_eval.generators.worker.adapter import WorkerGenerator
from tests.helpers import read_all
from tests.unit.generators.command.command_cases import PROGRAMS, NoWaiting, driven_clip, numbers_of

MODULE = """
import os
import stand_in_video

def load(options):
    assert os.path.isfile("config.json"), "the repository is linked into the working directory"
    assert options == {"repo": REPO, "steps": 3}

    def make(job):
        assert set(job) == {"audio", "fps", "frames", "height", "image", "output", "prompt", "seconds", "seed", "stem",
                            "units", "width"}
        assert job["seed"] == 7 and job["fps"] == 25
        if job["prompt"] == "crash":
            os._exit(1)
        if job["prompt"] != "nothing":
            frames = round(25 * stand_in_video.sound_seconds(job["audio"]))
            stand_in_video.write(stand_in_video.Path(job["output"]), frames, fps=25,
                                 size=(job["width"], job["height"]), image=job["image"])
        return {"pid": os.getpid(), "blocks": [[2.0, 10], [0.5, 10]]}

    return make
"""


@pytest.fixture
def system(tmp_path: Path) -> WorkerGenerator:
    repository = tmp_path / "repo"
    repository.mkdir()
    shutil.copy(PROGRAMS / "stand_in_video.py", repository)
    (repository / "config.json").write_text("{}")
    (repository / "own_avatar.py").write_text(MODULE.replace("REPO", repr(str(repository))))
    content: dict[str, Any] = {
        "python": sys.executable,
        "repository": str(repository),
        "worker": {"function": "own_avatar:load", "options": {"repo": "{repo}", "steps": 3}},
        "gpu": {"count": 0},
        "sound": {"pad_s": 0.4},
    }
    return WorkerGenerator(
        "own", "Own", CommandSpec.model_validate(content), Encoding(crf=4, preset="ultrafast")
    )


def test_clips_are_made_one_after_the_other(system: WorkerGenerator, tmp_path: Path) -> None:
    first, crash, nothing, last = (
        driven_clip(tmp_path / name, name, prompt=name) for name in ("first", "crash", "nothing", "last")
    )
    out = tmp_path / "videos"
    assert system.lacking() == []
    made = system.generate(first, out / "first.mp4", 7)
    frames, sound = read_all(made.video)
    assert numbers_of(frames) == list(range(20))
    assert first.audio is not None
    assert np.array_equal(sound, load_sound(first.audio))
    assert made.details["program_frames"] == 30
    assert json.loads(str(made.details["blocks"])) == [[2.0, 10], [0.5, 10]]
    assert made.details["starts"] == 1
    with pytest.raises(ClipError, match="crashed"):
        system.generate(crash, out / "crash.mp4", 7)
    with pytest.raises(ClipError, match=r"no_output: .*job\['output'\]"):
        system.generate(nothing, out / "nothing.mp4", 7)
    again = system.generate(last, out / "last.mp4", 7)
    assert again.details["starts"] == 2
    assert again.details["pid"] != made.details["pid"]
    assert {path.name for path in out.glob("*.mp4")} == {"first.mp4", "last.mp4"}
    assert len(list(out.glob("worker-*.log"))) == 1


def test_equal_systems_share_their_worker(system: WorkerGenerator, tmp_path: Path) -> None:
    """A generator travels to each task as a copy: it is loaded once all the same."""
    clip = driven_clip(tmp_path / "clip")
    copy = WorkerGenerator(system.name, system.title, system.spec.model_copy(), system.encoding)
    pids = {made.generate(clip, tmp_path / "v" / "x.mp4", 7).details["pid"] for made in (system, copy)}
    assert len(pids) == 1


def test_a_gpu_is_given_back_when_another_system_needs_it(
    system: WorkerGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that keeps its GPU between clips would wait for itself for ever."""
    monkeypatch.setattr(devices, "visible_devices", lambda: [devices.Device("0", "GPU-aa", 80.0)])
    monkeypatch.setattr(devices, "lock_folder", lambda: tmp_path)
    monkeypatch.setattr(devices, "time", NoWaiting)
    spec = system.spec.model_copy(update={"gpu": GpuNeeds(count=1)})
    clip, out = driven_clip(tmp_path / "clip"), tmp_path / "v" / "x.mp4"
    one, two = (WorkerGenerator(name, name, spec, system.encoding) for name in ("one", "two"))
    made = [each.generate(clip, out, 7).details["pid"] for each in (one, one, two)]
    assert made[0] == made[1] != made[2]
    with devices.lease(1) as held:
        assert held == ("GPU-aa",)
    # What was ended is loaded anew.
    assert two.generate(clip, out, 7).details["pid"] not in made
    with devices.lease(1):
        pass
