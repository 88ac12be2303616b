"""The gate bites what was done to liveact-mini, and nothing else: docs/ci.md states these strengths.

The shipped weights run for real, on eight speakers; a baseline of them is made first.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.cards.load import list_cards
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.sound import load_sound
from liveact_eval.generators.controls import blur, rewrite
from liveact_eval.generators.shift import remux_with_sound, shift_sound
from liveact_eval.networks.catalogue import SHIPPED
from tests.cli.helpers import Answer, call
from tests.helpers import clip_of

MODEL = "liveact-mini"
"""The card keeps its name whatever is changed in it, as in a repository that goes on."""
DATASET = """\
name: {name}
title: Teeth
kind: talkers
tier: mini
summary: One clip of each speaker.
protocol: {{name: {name}, version: 1, fps: 25, size: [64, 64], reference_image: image, encoding: {{crf: 4}}}}
talkers: {{split: test, clips: {clips}, speakers: {clips}, size: 64, seconds: {seconds}}}
"""
METRICS = "psnr,ssim,sharpness,repetition,mini_sync,mini_mouth"
ENCODING = Encoding(crf=4)
Pixels = NDArray[np.uint8]
Effect = Callable[[Pixels, int], Pixels]


def run(dataset: Path, out: Path, *words: str | Path, metrics: str = METRICS) -> Path:
    given = ("--metrics", metrics, "--set", "statistics.resamples=500", "--quiet")
    answer = call("run", "--dataset", dataset, *given, "--out", out, *(words or ("--model", MODEL)))
    assert answer.code == 0, answer.err
    return out


def baseline_of(made: Path, path: Path) -> Path:
    assert call("check", made, "--against", path, "--update").code == 0
    return path


def found(answer: Answer, verdict: str) -> set[str]:
    return {item["metric"] for item in answer.json["judgements"] if item["verdict"] == verdict}


def card(folder: Path, change: Callable[[str], str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{MODEL}.yaml"
    path.write_text(change(list_cards("models")[MODEL].read_text(encoding="utf-8")), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teeth") / "teeth.yaml"
    path.write_text(DATASET.format(name="teeth", clips=8, seconds=2.12), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shipped(dataset: Path) -> Path:
    """A run of what the package ships; not to be changed."""
    return run(dataset, dataset.parent / "shipped", "--model", MODEL, "--workers", "1")


@pytest.fixture(scope="module")
def baseline(shipped: Path) -> Path:
    return baseline_of(shipped, shipped.parent / "shipped.json")


def test_another_seed_on_other_processes_passes(dataset: Path, shipped: Path, baseline: Path) -> None:
    again = run(dataset, dataset.parent / "again", "--model", MODEL, "--seed", "1", "--workers", "2")
    answer = call("check", again, "--against", baseline, "--json")
    assert answer.code == 0, answer.out
    assert {item["verdict"] for item in answer.json["judgements"]} == {"PASS"}
    videos = [sorted((path / "videos" / MODEL).glob("*.mp4"))[0].read_bytes() for path in (shipped, again)]
    assert videos[0] != videos[1], "the seed changed nothing, so that nothing was tested"


def test_weights_with_two_percent_of_noise(dataset: Path, baseline: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import save_file

    folder, stream = dataset.parent / "noise", np.random.RandomState(0)
    own = card(folder, lambda text: text + "  folder: weights\n")
    (folder / "weights").mkdir()
    for path in sorted((SHIPPED / MODEL).glob("*.safetensors")):
        with safe_open(path, "np") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
            said = opened.metadata()
        for name, values in tensors.items():
            wide = values.astype(np.float32)
            noise = 0.02 * wide.std() * stream.standard_normal(wide.shape)
            tensors[name] = (wide + noise).astype(values.dtype)
        save_file(tensors, folder / "weights" / path.name, said)
    answer = call("check", run(dataset, folder / "run", "--model", own), "--against", baseline, "--json")
    assert answer.code == 1
    assert "ssim" in found(answer, "REGRESSION")
    assert "settings" in found(answer, "PASS")
    assert "Weights of liveact-mini are others than the baseline's: dit " in answer.json["notes"][0]


def shifted(frames: int) -> Callable[[Path, Path], None]:
    def change(video: Path, out: Path) -> None:
        remux_with_sound(video, out, shift_sound(load_sound(video), frames, Fraction(25)), ENCODING)

    return change


def redrawn(effect: Effect) -> Callable[[Path, Path], None]:
    def change(video: Path, out: Path) -> None:
        rewrite(clip_of(video), video, out, ENCODING, effect)

    return change


def held_from(frame: int) -> Effect:
    kept: list[Pixels] = []

    def effect(rgb: Pixels, n: int) -> Pixels:
        if n == frame:
            kept[:] = [rgb]
        return kept[0] if n >= frame else rgb

    return effect


@pytest.mark.parametrize(
    ("what", "change", "metric"),
    [
        ("three frames", shifted(3), "mini_sync_offset_abs_frames"),
        ("one frame", shifted(1), "mini_sync_offset_abs_frames"),
        ("blur", redrawn(lambda rgb, n: blur(rgb, 0.006 * 64)), "sharpness"),
        ("freeze", redrawn(held_from(40)), "frozen_share"),
    ],
)
def test_degradations(
    dataset: Path,
    shipped: Path,
    baseline: Path,
    tmp_path: Path,
    what: str,
    change: Callable[[Path, Path], None],
    metric: str,
) -> None:
    """The smallest strengths of docs/ci.md, and the sound moved by three frames."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for video in sorted((shipped / "videos" / MODEL).glob("*.mp4")):
        change(video, videos / video.name)
    metrics = {"sharpness": "sharpness", "frozen_share": "repetition"}.get(metric, "mini_sync")
    out = tmp_path / "run"
    words = ("--metrics", metrics, "--set", "statistics.resamples=500", "--workers", "1", "--quiet")
    scored = call("score", videos, "--reference", dataset, "--name", MODEL, "--out", out, *words)
    assert scored.code in (0, 3), scored.err
    answer = call("check", out, "--against", baseline, "--json")
    assert answer.code == 1
    assert metric in found(answer, "REGRESSION")
    if what == "three frames":
        (item,) = [j for j in answer.json["judgements"] if (j["model"], j["metric"]) == (MODEL, metric)]
        assert item["difference"] == pytest.approx(3, abs=0.5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("steps: 3", "steps: 2"), "steps 2, baseline 3"),
        (("decode: carried", "decode: carried\n  memory: window"), "memory window, baseline convkv"),
    ],
    ids=["a step left out", "memory without ConvKV"],
)
def test_what_numbers_cannot_tell_is_told_by_settings(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """Of two speakers and a single block nothing else can be worse: the memory is still empty."""
    (tmp_path / "short.yaml").write_text(
        DATASET.format(name="short", clips=2, seconds=0.84), encoding="utf-8"
    )
    short = tmp_path / "short.yaml"
    words = ("--workers", "1")
    before = run(short, tmp_path / "before", "--model", MODEL, *words, metrics="psnr")
    base = baseline_of(before, tmp_path / "base.json")
    own = card(tmp_path / "changed", lambda text: text.replace(*change))
    answer = call(
        "check",
        run(short, tmp_path / "after", "--model", own, *words, metrics="psnr"),
        "--against",
        base,
        "--json",
    )
    assert answer.code == 1
    assert found(answer, "REGRESSION") == {"settings"}
    (item,) = [j for j in answer.json["judgements"] if j["verdict"] == "REGRESSION"]
    assert item["detail"] == f"settings of {MODEL}: {said}. If that is meant, take it in with --update"
