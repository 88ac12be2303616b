"""`datasets prepare` in a process of its own that is killed: the next one continues."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from liveact_eval.datasets.preparing.manifest import read_lines
from tests.cli.helpers import call, command
from tests.cli.published_small import SPLIT, write_published, write_videos


def test_killed_process_is_continued(tmp_path: Path) -> None:
    card = write_published(tmp_path / "cards")
    videos = write_videos(tmp_path / "videos")
    root = tmp_path / "data"
    words = (
        "datasets",
        "prepare",
        card,
        "--annotations",
        card.parent / "lists",
        "--videos",
        videos,
        "--root",
        root,
    )
    clips = root / "small" / "clips"
    child = subprocess.Popen(
        command(*words, "--workers", "1"), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(clips.glob("[!.]*.mp4")):
        assert child.poll() is None, child.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    rows = [line.row for line in read_lines(root / "small" / "manifest.jsonl") if line.row is not None]
    last = {row.clip_id: row.status for row in rows}
    done = {clip: (clips / f"{clip}.mp4").stat().st_mtime_ns for clip in SPLIT if last.get(clip) == "ready"}
    answer = call(*words, "--workers", "1", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["counts"] == {"ready": 3}
    assert {clip: (clips / f"{clip}.mp4").stat().st_mtime_ns for clip in done} == done
    assert call("datasets", "verify", card, "--root", root).code == 0
