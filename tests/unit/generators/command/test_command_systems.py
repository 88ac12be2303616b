"""Systems of many shapes make a clip: staged, run, found, brought to the clip's rate, size, length and sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from liveact_eval.clips.sound import load_sound
from liveact_eval.generators.command.adapter import Order
from liveact_eval.generators.protocol import Generation
from tests.helpers import clip_of, read_all
from tests.unit.generators.command.command_cases import (
    ODD_NAMES,
    driven_clip,
    generator,
    make_repository,
    make_weights,
    numbers_of,
)

NAMED = [
    ("infinitetalk", 82, "80x80", ODD_NAMES[0]),
    ("multitalk", 82, "80x80", ODD_NAMES[1]),
    ("omniavatar", 21, "64x64", ODD_NAMES[3]),
    ("avatarforcing", 33, "160x96", ODD_NAMES[0]),
    ("hunyuanvideo-avatar", 129, "64x64", ODD_NAMES[2]),
    ("stableavatar", 25, "64x64", ODD_NAMES[1]),
    ("echomimic", 20, "64x64", ODD_NAMES[2]),
]


@pytest.fixture(autouse=True)
def _weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(make_weights(tmp_path / "weights")))


@pytest.mark.parametrize(("system", "frames", "size", "name"), NAMED)
def test_a_system_makes_a_clip(system: str, frames: int, size: str, name: str, tmp_path: Path) -> None:
    """Its frames come one to one, from the clip's first, in the folder of a run with a difficult name."""
    clip = driven_clip(tmp_path / "clip", name, prompt='says "it\'s" $(x)')
    out = tmp_path / "my run's; 1.2" / "made.mp4"
    repository = make_repository(tmp_path / "repo", system)
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    made = generator(system, repository).generate(clip, out, 7)
    shown, sound = read_all(made.video)
    first = 1 if system == "omniavatar" else 0
    assert numbers_of(shown) == list(range(first, first + 20))
    assert [frame.time * 25 for frame in shown] == list(range(20))
    assert shown[0].rgb.shape == (64, 64, 3)
    assert clip.audio is not None
    assert np.array_equal(sound, load_sound(clip.audio)), "the original sound, not the padded one"
    assert (made.details["program_frames"], made.details["program_size"]) == (frames, size)
    assert {path.name for path in out.parent.iterdir()} == {"made.mp4", "made.log"}
    kept = {path: path.stat().st_mtime_ns for path in repository.rglob("*") if "__pycache__" not in str(path)}
    assert {path.name for path in kept} == {path.name for path in before}, "the repository is as it was"
    assert not any(tmp_path.rglob("pwned"))


def test_23_frames_per_second_become_25_by_their_times(tmp_path: Path) -> None:
    fantasy = generator("fantasytalking", make_repository(tmp_path / "repo", "fantasytalking"))
    made = fantasy.generate(driven_clip(tmp_path, seconds=2), tmp_path / "made.mp4", 7)
    numbers = numbers_of(read_all(made.video)[0])
    # Each frame moves to the tick nearest to its time, and stays until the next one's.
    moved = [int(n * 25 / 23 + 0.5) for n in range(60)]
    assert numbers == [max(n for n in range(60) if moved[n] <= tick) for tick in range(50)]
    assert made.details["program_fps"] == 23


def test_a_system_that_knows_text_alone(tmp_path: Path) -> None:
    """Latents in blocks of three, 16 frames per second, no sound."""
    system = generator("self-forcing", make_repository(tmp_path / "repo", "self-forcing"))
    made = system.generate(clip_of(None, prompt="a cat\nsits"), tmp_path / "made.mp4", 7)
    shown, sound = read_all(made.video)
    assert (len(shown), len(sound), shown[0].rgb.shape) == (125, 0, (96, 160, 3))
    # 80 frames are needed; 9, 21, ... can be made.
    assert made.details["program_frames"] == 81
    assert numbers_of(shown)[:7] == [0, 0, 1, 2, 2, 3, 4]


def test_timing_lines_become_details(tmp_path: Path) -> None:
    talk = generator("infinitetalk", make_repository(tmp_path / "repo", "infinitetalk"))
    details = talk.generate(driven_clip(tmp_path), tmp_path / "made.mp4", 7).details
    assert details["blocks"] == "[[0.9, 24], [0.8, 24], [0.7, 24]]"
    assert details["warm_up_blocks"] == 1
    assert details["fps_sustained"] == pytest.approx(48 / 1.5)


def test_known_offsets_are_removed(tmp_path: Path) -> None:
    """Live-Avatar's first three frames are missing: they are held, or silence before the sound makes up for them."""
    repository = make_repository(tmp_path / "repo", "stableavatar")
    clip = driven_clip(tmp_path / "clip")
    late = generator(
        "stableavatar", repository, length={"lead_in_frames": 1, "offset_frames": 2}, sound={"pad_s": 0.4}
    )
    shown = read_all(late.generate(clip, tmp_path / "late.mp4", 7).video)[0]
    assert numbers_of(shown) == list(range(3, 23))
    early = generator("stableavatar", repository, length={"lead_in_frames": -3})
    shown = read_all(early.generate(clip, tmp_path / "early.mp4", 7).video)[0]
    assert numbers_of(shown) == [0, 0, 0, *range(17)]
    led = generator(
        "stableavatar", repository, length={"lead_in_frames": -3}, sound={"lead_s": 0.12, "pad_s": 0.2}
    )
    shown = read_all(led.generate(clip, tmp_path / "led.mp4", 7).video)[0]
    assert numbers_of(shown) == list(range(20))


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    system = generator("omniavatar", make_repository(tmp_path / "repo", "omniavatar"))
    clip = driven_clip(tmp_path / "clip")
    one, other = (system.generate(clip, tmp_path / f"{n}.mp4", 7).video.read_bytes() for n in (1, 2))
    assert one == other


def test_several_clips_in_one_process(tmp_path: Path) -> None:
    """Where order changes nothing: one process, each video under its own clip."""
    system = generator(
        "soulx-liveact", make_repository(tmp_path / "repo", "soulx-liveact"), clips_per_process=3
    )
    clips = [
        driven_clip(tmp_path / name, name, seconds=s) for name, s in (("a", 0.8), ("b", 1.2), ("c", 0.4))
    ]
    orders = [Order(clip, tmp_path / "out" / f"{clip.id}.mp4") for clip in clips]
    made = system.generate_many(orders, 7)
    lengths = []
    for one in made:
        assert isinstance(one, Generation)
        lengths.append(len(read_all(one.video)[0]))
        assert one.details["clips_in_process"] == 3
        assert one.details["program_fps"] == 20
    assert lengths == [20, 30, 10]
    assert {path.name for path in (tmp_path / "out").glob("*.log")} == {"a.log", "b.log", "c.log"}


def test_unseeded_draws_of_a_program_are_seeded(tmp_path: Path) -> None:
    """Live-Avatar draws positions from Python's own generator, which none of its flags reaches."""
    repository = make_repository(tmp_path / "repo", "stableavatar")
    script = repository / "inference.py"
    drawn = "import random\nimport sys\nsys.stdout.write(f'drew {random.random()} for {sys.argv[1]}\\n')\n"
    script.write_text(drawn + script.read_text(encoding="utf-8"), encoding="utf-8")
    plain = generator("stableavatar", repository).spec.arguments
    clip = driven_clip(tmp_path / "clip")
    logs: list[str] = []
    for arguments in (plain, ("{seeded}", "{seed}", *plain), ("{seeded}", "{seed}", *plain)):
        out = tmp_path / f"{len(logs)}.mp4"
        generator("stableavatar", repository, arguments=list(arguments)).generate(clip, out, 7)
        logs.append(out.with_suffix(".log").read_text(encoding="utf-8"))
    assert logs[0] != logs[1] == logs[2]
    assert "drew 0.32383276483316237 for --validation_reference_path" in logs[1]
