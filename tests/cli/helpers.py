"""Calling the command line, in this process or in one of its own, and looking into what it leaves."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--metrics", "psnr,adjacent", "--set", "workers=1", "--set", "statistics.resamples=200")
MODELS = ("--model", "still", "--model", "shift")


@dataclass(frozen=True)
class Answer:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def call(*arguments: str | Path) -> Answer:
    """Run a command in this process. An exception that the command line does not explain comes through."""
    from liveact_eval.cli import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    argv = ["liveact-eval", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", argv),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


def command(*arguments: str | Path) -> list[str]:
    """A command line for a process of its own."""
    return [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)]


def process(*arguments: str | Path, **options: Any) -> Answer:
    """Run a command in a process of its own."""
    ended = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=120, check=False, **options
    )
    return Answer(ended.returncode, ended.stdout, ended.stderr)


def refused(answer: Answer, *parts: str) -> None:
    """The request was turned down with one message that holds these parts."""
    assert answer.code == 2, answer.err
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err
    for part in parts:
        assert part in answer.err


def results(out: Path) -> dict[str, Any]:
    """The content of results.json."""
    content: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return content


def numbers(out: Path) -> dict[str, Any]:
    """All of results.json that must not depend on how the run went."""
    own = ("name", "provenance", "models")
    return {name: value for name, value in results(out).items() if name not in own}


def row(out: Path, model: str, metric: str) -> dict[str, Any]:
    """One row of results.json."""
    (found,) = [r for r in results(out)["rows"] if (r["model"], r["metric"]) == (model, metric)]
    assert isinstance(found, dict)
    return found


@dataclass(frozen=True)
class Row:
    """A unit in the journal; a unit that is written again gets another number."""

    number: int
    model: str
    clip: str
    stage: str
    state: str
    finished_at: str


def units(out: Path) -> dict[str, Row]:
    """All units in a journal by key, read beside whoever writes it."""
    path = out / "journal.sqlite"
    if not path.is_file():
        return {}
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        try:
            rows = db.execute("SELECT key, rowid, model, clip, stage, state, finished_at FROM units")
            return {key: Row(*rest) for key, *rest in rows}
        except sqlite3.OperationalError:
            return {}


def fresh(before: dict[str, Row], after: dict[str, Row]) -> list[Row]:
    """Units that were written between two looks, first or again."""
    return [unit for key, unit in after.items() if before.get(key) != unit]


def make_clip(path: Path | bytes, *, speaker: int = 0, seconds: float = 0.8, size: int = 32) -> Path:
    """Draw a short talker and write it under a name."""
    from liveact_eval.cards.protocol import Encoding
    from liveact_eval.clips.encode import write_video
    from liveact_eval.datasets.talkers import TalkerSpec, render

    target = Path(os.fsdecode(path))
    talker = render(TalkerSpec(split="test", speaker=speaker, utterance=0, seconds=seconds, size=size))
    write_video(
        target,
        talker.frames,
        size=(size, size),
        rate=Fraction(25),
        encoding=Encoding(preset="ultrafast"),
        samples=talker.samples,
    )
    return target
