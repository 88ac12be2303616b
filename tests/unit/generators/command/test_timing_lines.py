"""Logs of programs: times, last lines."""

from __future__ import annotations

import json
from pathlib import Path

from liveact_eval.cards.command_rules import TimingLine
from liveact_eval.generators.command.logs import last_lines, log_lines, told
from liveact_eval.generators.command.timing_lines import read_timings

RULES = (
    TimingLine(pattern=r"^block (\d+).* (?P<ms>[\d.]+) ms", frames=32, skip=2),
    TimingLine(pattern=r"loaded in (?P<seconds>[\d.]+)s", kind="load"),
    TimingLine(pattern=r"first frame: (?P<seconds>\S+)", kind="first_frame"),
    TimingLine(pattern=r"total (?P<seconds>[\d,.]+) s", kind="total"),
)


def test_block_lines() -> None:
    """The SoulX-LiveAct program prints a line per block; the first ones compile."""
    lines = [
        "loaded in 71.5s",
        "noise",
        *(f"block {n} cost {ms} ms" for n, ms in enumerate((9000, 4000, 1600, 1600))),
    ]
    details = read_timings(lines, RULES).details()
    assert json.loads(str(details["blocks"])) == [[9.0, 32], [4.0, 32], [1.6, 32], [1.6, 32]]
    assert (details["load_s"], details["warm_up_blocks"], details["fps_sustained"]) == (71.5, 2, 20.0)
    assert "first_frame_s" not in details


def test_frames_of_a_line_go_before_those_of_the_card() -> None:
    rule = TimingLine(pattern=r"(?P<frames>\d+) frames in (?P<seconds>\S+) s", frames=99)
    assert read_timings(["21 frames in 2 s", "32 frames in 2 s"], [rule]).details()["fps_sustained"] == 13.25


def test_a_time_that_is_no_number_is_not_there() -> None:
    lines = ["first frame: nan", "first frame: soon", "first frame: inf"]
    assert read_timings(lines, RULES).details() == {}


def test_without_frames_there_is_no_rate() -> None:
    details = read_timings(["took 2 s"], [TimingLine(pattern=r"took (?P<seconds>\d+)")]).details()
    assert details == {"blocks": "[[2.0, null]]", "warm_up_blocks": 0}


def test_what_is_no_number_is_passed_over() -> None:
    assert read_timings(["first frame: soon", "first frame: 2.5", "total 1,200.5 s"], RULES).details() == {
        "first_frame_s": 2.5,
        "total_s": 1200.5,
    }
    assert read_timings([], RULES).details() == {}


def test_a_log_is_read_line_by_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\r 10%\r 20%\n\x1b[31mred\x1b[0m\n\n\xff\xfe bad\n" + b"x" * 10_000 + b"\nend")
    lines = list(log_lines(log))
    assert lines[:5] == ["one", "10%", "20%", "red", "\ufffd\ufffd bad"]
    assert lines[-1] == "end"
    assert all(len(line) <= 4096 for line in lines)


def test_last_lines_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {n} {'y' * 400}\n" for n in range(2000)) + "\n\nRuntimeError: no\n")
    lines = last_lines(log, count=2)
    assert lines[1] == "RuntimeError: no"
    assert lines[0].startswith("line 1999 ") and len(lines[0]) == 300
    assert f"(all in {log}):" in told(log)
    assert last_lines(tmp_path / "none") == []
    (tmp_path / "empty").touch()
    assert "printed nothing" in told(tmp_path / "empty")
