"""Every documented misbehaviour is a failed clip with its reason, never a video that is scored."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.errors import ClipError, UserError
from liveact_eval.generators.command.adapter import CommandGenerator, Order
from liveact_eval.generators.protocol import Generation
from tests.unit.generators.command.command_cases import driven_clip, generator, make_repository


def system(
    folder: Path, name: str = "stableavatar", misbehaviour: str = "", **changes: Any
) -> CommandGenerator:
    changes["variables"] = {"MISBEHAVE": misbehaviour, **changes.get("variables", {})}
    return generator(name, make_repository(folder / "repo", name), **changes)


def failure(made: CommandGenerator, folder: Path, *, seconds: float = 0.8) -> ClipError:
    """How a clip fails; nothing is left but the log."""
    clip = driven_clip(folder / "clip", seconds=seconds)
    with pytest.raises(ClipError) as caught:
        made.generate(clip, folder / "out" / "made.mp4", 7)
    left = {path.name for path in (folder / "out").iterdir()}
    assert left <= {"made.log"}
    return caught.value


@pytest.mark.parametrize(
    ("misbehaviour", "reason", "parts"),
    [
        ("truncated", "truncated", ("12 frames of 20",)),
        ("wrong_fps", "wrong_fps", ("16.000 frames per second", "card says 25")),
        ("no_output", "no_output", ("ended without a word", "no video at all")),
        (
            "crash",
            "command_failed",
            ("status 1", "RuntimeError: the kernel is not for this device", "made.log"),
        ),
        ("memory", "out_of_memory", ("Tried to allocate 20.00 GiB",)),
        ("kill", "killed", ("signal 9",)),
    ],
)
def test_misbehaviour(misbehaviour: str, reason: str, parts: tuple[str, ...], tmp_path: Path) -> None:
    error = failure(system(tmp_path, misbehaviour=misbehaviour), tmp_path)
    assert error.reason == reason
    for part in parts:
        assert part in error.message


def test_two_files(tmp_path: Path) -> None:
    error = failure(system(tmp_path, misbehaviour="two_files", output="out/*.mp4"), tmp_path)
    assert error.reason == "several_outputs"
    assert "'out/again_video_without_audio.mp4', 'out/video_without_audio.mp4'" in error.message


def test_frames_that_nobody_asked_for(tmp_path: Path) -> None:
    """Where the number of frames is known, more of them are frames of unknown place."""
    error = failure(system(tmp_path, "avatarforcing", "extra"), tmp_path)
    assert (error.reason, "42 frames, and 33 were asked for" in error.message) == ("extra_frames", True)


def test_a_short_sound_is_skipped_without_a_word(tmp_path: Path) -> None:
    """AvatarForcing drops a clip whose sound is shorter than it wants: without the card's padding that is seen."""
    skipped = system(tmp_path, "avatarforcing", sound={"min_frames": 0, "min_frames_per_unit": 0})
    assert failure(skipped, tmp_path).reason == "no_output"


def test_a_clip_beyond_the_systems_limit_is_refused_before_it_runs(tmp_path: Path) -> None:
    error = failure(system(tmp_path, "fantasytalking"), tmp_path, seconds=4)
    assert error.reason == "too_long"
    assert not (tmp_path / "out" / "made.log").exists()


def test_a_limit_that_the_card_does_not_know_is_seen_in_the_frames(tmp_path: Path) -> None:
    error = failure(system(tmp_path, "fantasytalking", length={"max_frames": None}), tmp_path, seconds=4)
    assert (error.reason, "81 frames of 92" in error.message) == ("truncated", True)


def test_a_hang_ends_with_all_that_was_started(tmp_path: Path) -> None:
    made = system(tmp_path, misbehaviour="hang", limits={"start_s": 60, "silent_s": 0.8})
    error = failure(made, tmp_path)
    assert error.reason == "hung"
    assert "its log stood still" in error.message
    assert "waiting for a lock" in error.message
    assert not running("sleep 61.25")


def test_a_time_limit(tmp_path: Path) -> None:
    made = system(tmp_path, misbehaviour="hang", limits={"start_s": 0.6, "per_second_s": 0.1})
    error = failure(made, tmp_path)
    assert (error.reason, "it took too long" in error.message) == ("timed_out", True)
    assert not running("sleep 61.25")


def running(words: str) -> bool:
    """Whether a program of these words runs; one that was just ended may take a moment to be gone."""
    for _ in range(100):
        found = False
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            found = found or (command == words and state != "Z")
        if not found:
            return False
        time.sleep(0.05)
    return True


def test_megabytes_of_log_do_not_block(tmp_path: Path) -> None:
    made = system(tmp_path, misbehaviour="megabytes")
    generation = made.generate(driven_clip(tmp_path / "clip"), tmp_path / "out" / "made.mp4", 7)
    assert generation.video.is_file()
    assert (tmp_path / "out" / "made.log").stat().st_size > 4_000_000


def test_what_is_the_same_with_every_clip_stops(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"(?s)not_installed.*No module named 'flash_attn'.*same with every clip"
    ):
        failure(system(tmp_path, misbehaviour="import"), tmp_path)
    wrong = system(tmp_path, arguments=["inference.py", "--no-such-flag"])
    with pytest.raises(UserError, match=r"(?s)wrong_call.*inference\.py: error: the following arguments"):
        failure(wrong, tmp_path)
    with pytest.raises(UserError, match="cannot be started"):
        failure(system(tmp_path, program="/no/such/program"), tmp_path)


def test_a_line_that_the_card_calls_a_failure_counts_beside_a_whole_video(tmp_path: Path) -> None:
    lines = [{"pattern": "sageattention is not there", "reason": "wrong_kernel"}]
    made = system(tmp_path, misbehaviour="fallback", failures=lines)
    assert failure(made, tmp_path).reason == "wrong_kernel"
    lines[0]["stops"] = True  # type: ignore[assignment]
    with pytest.raises(UserError, match="wrong_kernel"):
        failure(system(tmp_path, misbehaviour="fallback", failures=lines), tmp_path)


def test_one_bad_clip_of_a_batch_costs_only_itself(tmp_path: Path) -> None:
    made = system(tmp_path, "hunyuanvideo-avatar", "poison")
    clips = [driven_clip(tmp_path / name, name) for name in ("good", "bad", "late")]
    outcomes = made.generate_many([Order(c, tmp_path / "out" / f"{c.id}.mp4") for c in clips], 7)
    assert [type(one) for one in outcomes] == [Generation, ClipError, Generation]
    first, second, third = outcomes
    assert isinstance(second, ClipError) and "this face is not found" in second.message
    assert isinstance(first, Generation) and first.details["clips_in_process"] == 3
    assert isinstance(third, Generation) and third.details["clips_in_process"] == 1


def test_gpus_are_hidden_from_what_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    probe = tmp_path / "repo"
    made = system(tmp_path)
    (probe / "inference.py").write_text("import os, sys; sys.exit(os.environ['CUDA_VISIBLE_DEVICES'])\n")
    assert failure(made, tmp_path).reason == "command_failed"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert (tmp_path / "out" / "made.log").read_text().strip() == ""
