"""A program cannot outlive who started it, and cannot hold up who waits for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liveact_eval.generators.command.guarded import GuardedProcess, run_to_end

ROOT = Path(__file__).resolve().parents[4]


def run(folder: Path, *words: str, **limits: float) -> tuple[int, str | None, str]:
    log = folder / "log"
    ended = run_to_end(
        words, folder=folder, variables=dict(os.environ), log=log, limit_s=limits.get("limit_s", 60)
    )
    return ended.status, ended.given_up, log.read_text(encoding="utf-8")


def test_status_and_words(tmp_path: Path) -> None:
    odd = "a b'c;$(touch pwned)"
    code = "import sys; sys.stdout.write(repr(sys.argv[1:]) + repr(sys.stdin.read())); sys.exit(3)"
    assert run(tmp_path, sys.executable, "-c", code, odd, "-x") == (3, None, repr([odd, "-x"]) + "''")
    assert not (tmp_path / "pwned").exists()


def test_signals_and_programs_that_are_not_there(tmp_path: Path) -> None:
    assert run(tmp_path, "sh", "-c", "kill -SEGV $$")[0] == 128 + signal.SIGSEGV
    status, _, said = run(tmp_path, "/no/such/program")
    assert (status, "'/no/such/program' cannot be started" in said) == (127, True)


def test_what_is_left_in_the_background_ends_with_the_program(tmp_path: Path) -> None:
    status, _, _ = run(tmp_path, "sh", "-c", "sleep 62.5 & echo $! > child")
    assert status == 0
    assert is_gone(int((tmp_path / "child").read_text()))


def test_closing_ends_it(tmp_path: Path) -> None:
    words = ["sh", "-c", "echo $$ > self; sleep 62.5"]
    with GuardedProcess(words, folder=tmp_path, variables=dict(os.environ), log=tmp_path / "log"):
        child = number_in(tmp_path / "self")
    assert is_gone(child)


def test_a_killed_parent_leaves_nothing_running(tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from liveact_eval.generators.command.guarded import run_to_end
here = Path({str(tmp_path)!r})
run_to_end(["sh", "-c", "echo $$ > self; sleep 62.5"], folder=here, variables=dict(os.environ), log=here / "log",
    limit_s=100)
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    child = number_in(tmp_path / "self")
    parent.kill()
    parent.wait()
    assert is_gone(child)


def test_an_interrupt_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> int:
        number_in(tmp_path / "self")
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        try:
            run(tmp_path, "sh", "-c", "echo $$ > self; sleep 62.5")
        finally:
            monkeypatch.undo()
    assert is_gone(number_in(tmp_path / "self"))


def number_in(path: Path) -> int:
    """The number in a file, as soon as it is there."""
    for _ in range(600):
        if path.is_file() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.05)
    raise AssertionError("the program never started")


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
