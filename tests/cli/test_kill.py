"""Runs that are killed: nothing that was finished is done again, and the numbers are those of a quiet run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import MODELS, QUICK, call, command, numbers, units

Words = tuple[str | Path, ...]


@contextlib.contextmanager
def started(words: Words, out: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in a process group of its own, of which nothing is left at the end."""
    child = subprocess.Popen(
        command(*words),
        start_new_session=True,
        # A shell that starts the tests in the background has its children ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 (no threads)
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def wait_for(condition: Callable[[], bool], child: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert child is None or child.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def words(tiny: Path, tmp_path: Path) -> Words:
    return ("run", "--dataset", tiny, *MODELS, *QUICK, "--out", tmp_path / "run")


def test_killed_again_and_again(words: Words, tmp_path: Path, finished: Path) -> None:
    out = tmp_path / "run"
    for moment, workers in ((1, 1), (9, 2), (22, 1)):
        before = units(out)
        assert len(before) < moment
        with started((*words, "--set", f"workers={workers}"), out) as child:
            wait_for(lambda at=moment: len(units(out)) >= at, child)  # type: ignore[misc]
        after = units(out)
        assert {key: after[key] for key in before} == before
    before = units(out)
    made = {path: path.stat().st_mtime_ns for path in (out / "videos").rglob("*.mp4")}
    in_journal = {(unit.model, unit.clip) for unit in before.values() if unit.stage == "generate"}
    (out / "videos" / "still" / ".x.4711.part.mp4").touch()
    assert call(*words).code == 0
    after = units(out)
    assert {key: after[key] for key in before} == before
    for path, modified in made.items():
        if (path.parent.name, path.stem) in in_journal:
            assert path.stat().st_mtime_ns == modified
    assert not [path for path in out.rglob("*") if ".part" in path.name]
    assert numbers(out) == numbers(finished)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_workers_end_with_a_killed_parent(words: Words, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with started((*words, "--set", "workers=2"), out) as child:
        wait_for(lambda: len(units(out)) >= 1, child)
        workers = children(child.pid)
        assert len(workers) >= 2
        child.kill()
        wait_for(lambda: not any(alive(worker) for worker in workers))


def test_interrupted(words: Words, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with started(words, out) as child:
        wait_for(lambda: len(units(out)) >= 1, child)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "Everything finished is kept; the same command continues." in err
    assert "Traceback" not in err
    assert not (out / ".holder.json").exists()
