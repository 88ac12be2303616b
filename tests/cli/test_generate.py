"""`generate`: one video with its sound, and everything that is refused before a model is built."""

from __future__ import annotations

import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command

from liveact_eval.clips.image import save_png
from liveact_eval.clips.sound import write_wav
from liveact_eval.clips.video import VideoFile
from tests.cli.helpers import Answer, call, refused, results, row
from tests.helpers import click, moving_square, onset, read_all, tone

Generate = Callable[..., Answer]

CARD = """\
name: brief
title: Brief
kind: talkers
tier: mini
summary: Two clips that are as short as the model allows.
protocol: {name: brief, version: 1, fps: 25, size: [32, 32], reference_image: image, encoding: {crf: 4}}
talkers: {split: test, clips: 2, speakers: 2, size: 32, seconds: 1.0}
"""


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture and 3 seconds of sound with a click at 2 s, at an odd rate."""
    folder = tmp_path_factory.mktemp("material")
    save_png(folder / "face.png", moving_square(1, (60, 50))[0])
    with wave.open(str(folder / "speech.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(22_050)
        out.writeframes(click(2.0, 3.0, 22_050).tobytes())
    return folder


def test_two_ranks_make_the_video_of_one(material: Path, tmp_path: Path) -> None:
    def ask(*launcher: str, out: str) -> None:
        given = [
            "--model",
            "liveact-tiny",
            "--size",
            "32x32",
            "--seconds",
            "1.5",
            "--device",
            "cpu",
            "--quiet",
        ]
        files = ["--image", str(material / "face.png"), "--audio", str(material / "speech.wav"), "--out", out]
        command = [sys.executable, *launcher, "-m", "liveact_eval", "generate", *given, *files]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("made in") == 1

    ask(out="one.mp4")
    ask("-m", "torch.distributed.run", "--nproc_per_node=2", out="two.mp4")

    one, two = (
        np.stack([frame.rgb for frame in read_all(tmp_path / name)[0]]) for name in ("one.mp4", "two.mp4")
    )
    assert len(one) == 30
    assert np.array_equal(one, two)


@pytest.fixture
def generate(material: Path, tmp_path: Path) -> Generate:
    """Calls the command with what it needs, under other values where they are given."""

    def ask(*more: str | Path, **changed: Any) -> Answer:
        given: dict[str, str | Path] = {
            "--model": "liveact-tiny",
            "--image": material / "face.png",
            "--audio": material / "speech.wav",
            "--out": tmp_path / "out.mp4",
            "--size": "32x32",
            "--device": "cpu",
        }
        given.update({f"--{name}": value for name, value in changed.items()})
        return call("generate", *(part for pair in given.items() for part in pair), *more)

    return ask


def test_a_video_with_its_sound_in_step(generate: Generate, tmp_path: Path) -> None:
    # What a killed process had begun; no process has a number so high.
    (tmp_path / ".out.4999999.part.mp4").write_bytes(b"half a video")
    answer = generate("--edit", "1:waves a hand", fps="20")
    assert answer.code == 0, answer.err
    assert answer.out.startswith(f"{tmp_path / 'out.mp4'}: 60 frames, 3.00 s; made in ")
    assert "first frame after" in answer.out
    assert answer.out.count("\n") == 1
    assert "liveact-tiny: 60 frames, 32x32 at 20 per second" in answer.err
    frames, samples = read_all(tmp_path / "out.mp4")
    assert [float(frame.time) for frame in frames] == pytest.approx([n / 20 for n in range(60)])
    assert abs(onset(samples) - 32_000) <= 16
    with VideoFile(tmp_path / "out.mp4") as video:
        assert video.info.video_seconds == pytest.approx(3.0)
        assert video.info.sound_seconds == pytest.approx(3.0)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_json_and_options(generate: Generate, tmp_path: Path) -> None:
    given = ("speech=windowed", "decode=carried", "memory=window", "audio_guidance=2", "length=official")
    settings = [part for setting in given for part in ("--set", setting)]
    answer = generate(*settings, "--json", "--quiet", seconds="1.3", fps="25", size="32x48", dtype="bfloat16")
    assert (answer.code, answer.err) == (0, "")
    told = answer.json
    assert (told["frames"], told["video_fps"], told["size"], told["blocks"]) == (53, 25.0, [32, 48], 2)
    assert told["ran"]["audio_guidance"] == 2.0
    assert told["ran"]["speech"] == "windowed"
    assert told["ran"]["dtype"] == "bfloat16"
    assert 0 < told["first_frame_s"] < told["made_s"]
    assert told["made_fps"] == pytest.approx(53 / told["made_s"])
    assert told["memory_bytes"] > 0
    assert told["peak_bytes"] is None
    assert set(told["parts_s"]) == {"condition", "dit", "vae", "host"}
    assert len(read_all(tmp_path / "out.mp4")[0]) == 53


def test_the_seed_decides(generate: Generate, tmp_path: Path) -> None:
    contents = []
    for seed in ("0", "0", "1"):
        assert generate(seed=seed, seconds="0.9", fps="25").code == 0
        contents.append((tmp_path / "out.mp4").read_bytes())
    assert contents[0] == contents[1] != contents[2]


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing may be built."""
    monkeypatch.setattr("liveact_eval.generators.make_video.build_pipeline", None)
    yield


@pytest.mark.usefixtures("no_models")
@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"size": "70x64"}, ["70x64", "multiples of 16", "nearest is 64x64"]),
        ({"size": "big"}, ["--size 'big'", "512x512"]),
        ({"size": "²x64"}, ["--size '²x64'", "512x512"]),
        ({"fps": "1"}, ["1 frames per second", "5 to 120"]),
        ({"fps": "nan"}, ["--fps nan"]),
        ({"fps": "inf"}, ["--fps inf"]),
        ({"seconds": "nan"}, ["--seconds nan", "expected more than 0"]),
        ({"seconds": "inf"}, ["--seconds inf", "finite"]),
        ({"seed": "9223372036854775808"}, ["--seed 9223372036854775808", "expected 0 to"]),
        ({"seconds": "9"}, ["--seconds 9", "lasts 3.00 s"]),
        ({"seconds": "-1"}, ["expected more than 0"]),
        ({"seconds": "0.5"}, ["lasts 0.50 s", "21 frames", "needs 1.05 s"]),
        (
            {"seconds": "0.4", "set": "rollout=rolling-forcing"},
            ["lasts 0.40 s", "first block of 9 frames", "needs 0.45 s"],
        ),
        ({"edit": "waves"}, ["Edit 'waves'", "8-12:waves a hand"]),
        ({"edit": "2-9:waves"}, ["blocks 2-9", "3 blocks, 0 to 2"]),
        ({"set": "memori=mean"}, ["Did you mean 'memory'", "text_device"]),
        ({"set": "memory=huge"}, ["'huge'", "convkv-paper"]),
        ({"set": "memory"}, ["expected KEY=VALUE"]),
        ({"set": "fp8_cache=3"}, ["expected true or false, found '3'"]),
        ({"set": "audio_guidance=[1"}, ["not valid YAML"]),
        ({"set": "audio_guidance=.nan"}, ["audio_guidance nan", "1 is off"]),
        ({"set": "audio_guidance=.inf"}, ["audio_guidance inf", "finite"]),
        ({"set": "audio_guidance=-1"}, ["audio_guidance -1", "1 is off"]),
        ({"set": "decode=half"}, ["decode is 'half'", "overlap or carried"]),
        ({"set": "text_device=toaster"}, ["'toaster'"]),
        ({"device": "cuda:99"}, ["cuda:99", "is not there"]),
        ({"dtype": "int8"}, ["'int8'", "bfloat16"]),
        ({"model": "liveact-tinny"}, ["Did you mean 'liveact-tiny'"]),
        ({"model": "still"}, ["kind control", "liveact-eval run --model still"]),
        (
            {"model": "liveact-mini", "weights": "nowhere"},
            ["dit.safetensors", "missing in 'nowhere'", "train --list"],
        ),
        ({"model": "liveact"}, ["missing", "liveact-eval models fetch liveact"]),
        ({"model": "liveact", "weights": "nowhere"}, ["'nowhere'", "--dir 'nowhere'"]),
        ({"weights": "nowhere"}, ["random weights", "Leave --weights out"]),
        ({"out": "out.avi"}, ["ends in .mp4"]),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_refused_before_a_model_is_built(
    generate: Generate,
    changed: dict[str, str],
    parts: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "weights"))
    refused(generate(**changed), *parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_models")
def test_overlapping_edits_are_both_named(generate: Generate) -> None:
    refused(generate("--edit", "0-1:a", "--edit", "1-2:b"), "0-1 ('a')", "1-2 ('b')")


@pytest.mark.usefixtures("no_models")
def test_files_that_cannot_be_read(generate: Generate, material: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"x")
    write_wav(tmp_path / "empty.wav", tone(0))
    refused(generate(image=tmp_path / "none.png"), "no image at", "--image")
    refused(generate(image=broken), "'broken' is not an image")
    refused(generate(audio=tmp_path / "none.wav"), "no file 'none.wav'")
    refused(generate(audio=broken), "'broken' is not sound")
    refused(generate(audio=material / "face.png"), "audio")
    refused(generate(audio=tmp_path / "empty.wav"), "empty.wav")


@pytest.mark.usefixtures("no_models")
def test_places_that_cannot_be_written(generate: Generate, material: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    refused(generate(out=tmp_path / "folder.mp4"), "is a folder")
    refused(generate(out=material / "face.png" / "out.mp4"), "cannot be written to")


@pytest.mark.usefixtures("no_models")
def test_too_little_memory(generate: Generate) -> None:
    refused(generate(size="65536x65536"), "Not enough memory on cpu", "GiB needed", "GiB free")


def test_an_interrupted_video_is_not_there(
    generate: Generate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("liveact_eval.cli.frame_progress.FrameProgress.advance", interrupt)
    answer = generate()
    assert answer.code == 130
    assert "No video was written" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_help() -> None:
    answer = call("generate", "--help")
    assert answer.code == 0
    shown = " ".join(answer.out.split())
    for part in ("liveact-eval generate --model liveact-mini", "8-12:waves a hand", "speech=windowed"):
        assert part in shown


def test_options_stay_few() -> None:
    """Rarer options go into --set."""
    from liveact_eval.cli.app import app

    assert len(get_command(app).commands["generate"].params) == 16  # type: ignore[attr-defined]


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom liveact_eval.cli import main\nsys.argv = ['liveact-eval', 'generate', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join({'torch', 'numpy', 'av', 'transformers'} & sys.modules.keys()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stderr == ""


def test_a_run_with_the_native_model_ends_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "brief.yaml").write_text(CARD, encoding="utf-8")
    out = tmp_path / "run"
    answer = call(
        "run", "--model", "liveact-tiny", "--dataset", tmp_path / "brief.yaml", "--metrics", "psnr",
        "--set", "workers=2", "--set", "statistics.resamples=200", "--out", out,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "LiveAct tiny" in answer.out
    assert row(out, "liveact-tiny", "psnr_db")["n"] == 2
    assert np.isfinite(row(out, "liveact-tiny", "psnr_db")["value"])
    assert results(out)["failed"] == []
