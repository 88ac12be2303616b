"""A loaded generator: what it prints, how it dies, and that one clip at most suffers for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liveact_eval.errors import ClipError, UserError
from liveact_eval.generators.worker.supervisor import Answer, Supervisor
from tests.unit.generators.worker.worker_cases import launch

ROOT = Path(__file__).resolve().parents[4]


def ask(worker: Supervisor, what: str = "", limit_s: float = 60.0) -> Answer:
    return worker.make({"what": what}, limit_s)


def reason_of(worker: Supervisor, what: str, limit_s: float = 60.0) -> str:
    with pytest.raises(ClipError) as caught:
        ask(worker, what, limit_s)
    return caught.value.reason


def test_it_is_loaded_once(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path, options={"name": "ä {x}"})) as worker:
        first, second = ask(worker), ask(worker)
        assert (first.details["count"], second.details["count"]) == (1, 2)
        assert first.details["pid"] == second.details["pid"]
        assert first.details["name"] == "ä {x}"
        assert first.blocks == [(0.5, 8), (0.25, None)]
        assert worker.starts == 1 and worker.load_s > 0
    assert is_gone(int(first.details["pid"]))


def test_what_it_prints_is_no_answer(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path)) as worker:
        assert ask(worker, "stray").details["count"] == 1
        assert ask(worker).details["count"] == 2
    log = (tmp_path / "worker.log").read_text(encoding="utf-8")
    assert "stray words" in log and "from a child" in log and '"made"' in log


def test_big_logs_do_not_block(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path)) as worker:
        assert ask(worker, "megabytes").details["count"] == 1
    assert (tmp_path / "worker.log").stat().st_size > 8_000_000


def test_an_exception_is_one_failed_clip(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path)) as worker:
        with pytest.raises(
            ClipError, match=r"(?s)not_generated: My avatar: RuntimeError: face not found.*worker\.log"
        ):
            ask(worker, "raise")
        assert reason_of(worker, "exit") == "not_generated"
        assert reason_of(worker, "memory") == "out_of_memory"
        assert reason_of(worker, "text") == "not_generated"
        assert reason_of(worker, "odd") == "not_generated"
        assert ask(worker).details["count"] == 6
        assert worker.starts == 1
    assert "Traceback" in (tmp_path / "worker.log").read_text()


def test_a_crash_is_one_failed_clip_and_a_restart(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path)) as worker:
        before = ask(worker)
        with pytest.raises(
            ClipError, match=r"(?s)crashed: My avatar ended with status 139.*illegal instruction"
        ):
            ask(worker, "die")
        after = ask(worker)
        assert (after.details["count"], worker.starts) == (1, 2)
        assert after.details["pid"] != before.details["pid"]


def test_a_stopped_process_gives_no_sign_of_life(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path, heartbeat_s=4.0)) as worker:
        with pytest.raises(ClipError, match="hung: My avatar gave no sign of life for 4 s"):
            ask(worker, "stop")
        assert ask(worker).details["count"] == 1


def test_a_clip_that_takes_too_long(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path)) as worker:
        ask(worker)
        assert reason_of(worker, "sleep", limit_s=0.5) == "timed_out"
        assert is_gone(int((tmp_path / "asleep").read_text()))
        assert ask(worker).details["count"] == 1


def test_garbage_is_one_failed_clip(tmp_path: Path) -> None:
    """Another program than the worker, or one that got hold of its channel."""
    with Supervisor(launch(tmp_path)) as worker:
        assert reason_of(worker, "nested") == "garbage"
        assert ask(worker).details["count"] == 1
    for said in ("'hello'", repr('{"id": 1, "made": {}}'), "'x' * 3_000_000"):
        words = [sys.executable, "-c", f"import time; print({said}, flush=True); time.sleep(60)"]
        with Supervisor(launch(tmp_path, words=words)) as worker:
            assert reason_of(worker, "") == "garbage"


def test_restarts_are_bounded(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path, restarts=1)) as worker:
        assert reason_of(worker, "die") == "crashed"
        assert ask(worker).details["count"] == 1
        assert [reason_of(worker, "die") for _ in range(3)] == ["crashed", "crashed", "worker_down"]
        assert worker.starts == 3
        with pytest.raises(ClipError, match="failed 2 times in a row and is not started again"):
            ask(worker)


def test_what_cannot_be_loaded_stops(tmp_path: Path) -> None:
    for options, function, message in (
        ({"load": "raise"}, "my_avatar:load", r"ValueError: no weights at /w"),
        ({"load": "nothing"}, "my_avatar:load", "gave NoneType, expected a function"),
        ({}, "my_avatar:lod", "has no attribute 'lod'"),
        ({}, "no_such_module:load", "No module named 'no_such_module'"),
    ):
        with (
            Supervisor(launch(tmp_path, options=options, function=function)) as worker,
            pytest.raises(
                UserError, match=rf"(?s)My avatar cannot be loaded: .*{message}.*same with every clip"
            ),
        ):
            ask(worker)


def test_dying_or_staying_while_loading(tmp_path: Path) -> None:
    with Supervisor(launch(tmp_path, options={"load": "die"})) as worker:
        assert reason_of(worker, "") == "crashed"
    with Supervisor(launch(tmp_path, options={"load": "sleep"}, start_s=1.0)) as worker:
        assert reason_of(worker, "") == "timed_out"
    with Supervisor(launch(tmp_path, words=["/no/such/python"])) as worker:
        assert reason_of(worker, "") == "crashed"


def test_a_killed_parent_leaves_no_worker(tmp_path: Path) -> None:
    launch(tmp_path)
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from liveact_eval.generators.worker.supervisor import Supervisor
from tests.unit.generators.worker.worker_cases import launch
Supervisor(launch(Path({str(tmp_path)!r}))).make({{"what": "sleep"}}, 60.0)
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    asleep = tmp_path / "asleep"
    for _ in range(1200):
        if asleep.is_file() and asleep.read_text():
            break
        time.sleep(0.05)
    worker = int(asleep.read_text())
    os.kill(worker, 0)
    parent.kill()
    parent.wait()
    assert is_gone(worker)


def test_a_forgotten_worker_ends(tmp_path: Path) -> None:
    worker = Supervisor(launch(tmp_path))
    process = int(ask(worker).details["pid"])
    del worker
    assert is_gone(process)


def is_gone(process: int) -> bool:
    """Whether a process has ended, at last."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
