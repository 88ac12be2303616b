"""The backend vbench-official: its worker around a stand-in for VBench, and VBench itself where it is built."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liveact_eval.environments.official_run import OfficialRun, Video
from liveact_eval.environments.store import BuiltEnvironment, environment
from liveact_eval.environments.tool_process import ToolError, ToolProcess
from liveact_eval.environments.vbench_official import ENVIRONMENT, WORKERS, Tool, chosen_dimensions
from liveact_eval.errors import UserError
from liveact_eval.importing.given import GivenValue
from liveact_eval.results.journal import Journal
from tests.unit.environments.test_environment_store import record

UTILS = "def init_submodules(names, local):\n    print('noise')\n    return {name: [] for name in names}\n"
FLICKERING = """
import os
def cal_score(video):
    print('more noise')
    name = os.path.basename(video)
    with open(os.environ['ASKED'], 'a') as log:
        log.write(name + '\\n')
    if name.startswith('bad'):
        raise AssertionError('no frames')
    if name.startswith('kill'):
        os._exit(7)
    return float('nan') if name.startswith('nan') else 0.25
"""
TORCH = "class device:\n    def __init__(self, name):\n        self.type = name\n"
"""Of PyTorch the worker itself wants this much."""
FLICKER = ("temporal_flickering",)


class Told:
    def __init__(self) -> None:
        self.failed: list[str] = []
        self.all: list[str] = []

    def advance(self, text: str, *, failed: bool = False) -> None:
        self.all.append(text)
        if failed:
            self.failed.append(text)


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """An environment whose `vbench` is a stand-in with the functions that the worker calls."""
    package = tmp_path / "site" / "vbench"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "utils.py").write_text(UTILS, encoding="utf-8")
    (package / "temporal_flickering.py").write_text(FLICKERING, encoding="utf-8")
    made = BuiltEnvironment(
        name=ENVIRONMENT,
        python=Path(sys.executable),
        repository=None,
        home=tmp_path / "home",
        variables={},
        record=record(packages=[{"name": "vbench", "version": "0.1.5"}]),
    )
    (tmp_path / "site" / "torch.py").write_text(TORCH, encoding="utf-8")
    variables = made.process_variables | {
        "PYTHONPATH": str(tmp_path / "site"),
        "ASKED": str(tmp_path / "asked"),
    }
    return Tool(made, tmp_path / "home", variables, seeded=False)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


def video(name: str, folder: Path) -> Video:
    return Video("m", name.partition(".")[0], folder / name, f"hash of {name}")


def run(
    tool: Tool, journal: Journal, folder: Path, videos: list[Video], names: tuple[str, ...] = FLICKER
) -> Told:
    told = Told()
    tools = dict.fromkeys(names, tool)
    official = OfficialRun(tools, journal, folder / "log" / "vbench.log", device="cpu", seconds=60)
    told.found = official.run(names, videos, told)  # type: ignore[attr-defined]
    return told


def test_one_bad_video_costs_no_other_and_nothing_is_asked_twice(
    tool: Tool, journal: Journal, tmp_path: Path
) -> None:
    names = ["a.mp4", "bad.mp4", "kill.mp4", "nan.mp4", "z.avi"]
    videos = [video(name, tmp_path) for name in names]
    videos.append(Video("m", "gone", None, "", GivenValue(None, reason="unreadable", detail="not a video")))
    told = run(tool, journal, tmp_path, videos)
    found = told.found["m", "temporal_flickering"]  # type: ignore[attr-defined]
    assert (found["a"].value, found["z"].value) == (0.25, 0.25)
    assert {clip: item.reason for clip, item in found.items() if item.value is None} == {
        "bad": "tool_failed",
        "kill": "tool_failed",
        "nan": "not_finite",
        "gone": "unreadable",
    }
    assert "AssertionError: no frames" in str(found["bad"].detail)
    assert "ended with status 7" in str(found["kill"].detail)
    assert len(told.all) == 6
    assert len(told.failed) == 2
    asked = (tmp_path / "asked").read_text(encoding="utf-8").split()
    assert asked == names
    again = run(tool, journal, tmp_path, videos)
    assert again.found == told.found  # type: ignore[attr-defined]
    # What failed is tried again, what has a value is not.
    assert (tmp_path / "asked").read_text(encoding="utf-8").split()[5:] == ["bad.mp4", "kill.mp4"]


def test_missing_weights_are_a_missing_value(tool: Tool, journal: Journal, tmp_path: Path) -> None:
    told = run(tool, journal, tmp_path, [video("a.mp4", tmp_path)], ("imaging_quality",))
    (value,) = told.found["m", "imaging_quality"].values()  # type: ignore[attr-defined]
    assert (value.value, value.reason) == (None, "no_weights")
    assert "musiq_spaq_ckpt-358bb6af.pth (liveact-eval metrics fetch musiq)" in str(value.detail)
    assert tool.recipe("imaging_quality").endswith("+musiq:none")
    place = tool.home / "vbench" / "pyiqa_model" / "musiq_spaq_ckpt-358bb6af.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"one")
    first = tool.recipe("imaging_quality")
    place.write_bytes(b"other")
    assert tool.lacking("imaging_quality") is None
    assert len({first, tool.recipe("imaging_quality")}) == 2


def test_a_tool_that_does_not_load_is_said_once_per_clip(
    tool: Tool, journal: Journal, tmp_path: Path
) -> None:
    (tmp_path / "site" / "vbench" / "utils.py").write_text("raise ImportError('broken')\n", encoding="utf-8")
    told = run(tool, journal, tmp_path, [video("a.mp4", tmp_path), video("b.mp4", tmp_path)])
    found = told.found["m", "temporal_flickering"]  # type: ignore[attr-defined]
    assert {item.reason for item in found.values()} == {"tool_failed"}
    assert "ImportError: broken" in str(found["b"].detail)


def test_other_suffixes_are_for_opencv_only(tool: Tool, journal: Journal, tmp_path: Path) -> None:
    place = tool.home / "vbench" / "amt_model" / "amt-s.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x")
    (tmp_path / "site" / "vbench" / "motion_smoothness.py").write_text(
        "class MotionSmoothness:\n    def __init__(self, *given):\n        pass\n", encoding="utf-8"
    )
    (tmp_path / "site" / "vbench" / "utils.py").write_text(
        "def init_submodules(names, local):\n    return {names[0]: {'config': '', 'ckpt': ''}}\n",
        encoding="utf-8",
    )
    told = run(tool, journal, tmp_path, [video("a.avi", tmp_path)], ("motion_smoothness",))
    assert told.found["m", "motion_smoothness"]["a"].reason == "not_mp4"  # type: ignore[attr-defined]


def test_a_silent_tool_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(ToolError, match="no answer within"):
        ToolProcess(command, variables={}, log=tmp_path / "log", seconds=0.05)


def test_dimensions_by_name() -> None:
    assert len(chosen_dimensions(("all-offline",))) == 7
    assert chosen_dimensions(("imaging_quality", "imaging_quality")) == ("imaging_quality",)
    assert chosen_dimensions(("human_identity", "imaging_quality")) == ("human_identity", "imaging_quality")
    with pytest.raises(UserError, match="has no ssim"):
        chosen_dimensions(("imaging_quality", "ssim"))


def test_the_worker_knows_nothing_of_this_package() -> None:
    for worker in WORKERS.values():
        lines = worker.read_text(encoding="utf-8").splitlines()
        ours = [number for number, line in enumerate(lines) if "import" in line and "liveact_eval" in line]
        # For a type checker only.
        assert [lines[number - 1] for number in ours] == ["if TYPE_CHECKING:"]


# The last clip states BT.709, and VBench reads by an OpenCV that takes every video for BT.601.
@pytest.mark.parametrize("clip", ["portrait_a", "portrait_b", "portrait_c", "halfbody_a"])
def test_flickering_equals_vbench_itself(clip: str, shared: Path, tmp_path: Path) -> None:
    from tests.unit.environments.native_flickering import native_flickering

    try:
        built = environment(ENVIRONMENT)
    except UserError:
        pytest.skip("no vbench environment is built: liveact-eval env build vbench")
    path = shared / "clips" / f"{clip}.mp4"
    command: list[str | Path] = [built.python, WORKERS[ENVIRONMENT], "temporal_flickering", "cpu"]
    with ToolProcess(
        command, variables=built.process_variables, log=tmp_path / "log", seconds=300
    ) as process:
        official = process.ask({"video": str(path)})
    assert official["value"] == pytest.approx(native_flickering(path), abs=1e-6)
