"""Videos made elsewhere: with and without the real ones, in part, under wrong names."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from liveact_eval.clips.sound import write_wav
from liveact_eval.clips.video import VideoFile
from tests.cli.helpers import QUICK, Answer, call, make_clip, refused, results, row, units

Fill = Callable[[Path], Path]


@pytest.fixture
def real(clips: Fill, tmp_path: Path) -> Path:
    return clips(tmp_path / "real")


@pytest.fixture
def mine(clips: Fill, tmp_path: Path) -> Path:
    return clips(tmp_path / "mine.v2")


def score(videos: Path, out: Path, *words: str | Path) -> Answer:
    return call("score", videos, *QUICK, "--out", out, *words)


def test_without_reference(mine: Path, tmp_path: Path) -> None:
    answer = score(mine, tmp_path / "run")
    assert answer.code == 0, answer.err
    stored = results(tmp_path / "run")
    assert [(model["name"], model["title"]) for model in stored["models"]] == [("mine.v2", "mine.v2")]
    assert row(tmp_path / "run", "mine.v2", "adjacent_ssim")["n"] == 3
    missing = row(tmp_path / "run", "mine.v2", "psnr_db")
    assert (missing["value"], missing["n"], missing["failures"]) == (None, 0, {"no_reference": 3})
    assert "Not measured (no_reference): psnr." in answer.out


def test_with_reference(mine: Path, real: Path, tmp_path: Path) -> None:
    shutil.copy(real / "b.mp4", mine / "a.mp4")
    answer = score(mine, tmp_path / "run", "--reference", real, "--name", "Mine 2.0")
    assert answer.code == 0, answer.err
    assert [model["title"] for model in results(tmp_path / "run")["models"]] == ["Real", "Mine 2.0"]
    slug = results(tmp_path / "run")["models"][1]["name"]
    assert slug.startswith("mine_2.0")
    assert 33 < row(tmp_path / "run", slug, "psnr_db")["value"] < 100
    assert row(tmp_path / "run", "real", "psnr_db")["value"] == 100


def test_replaced_video_is_measured_again(mine: Path, real: Path, tmp_path: Path) -> None:
    score(mine, tmp_path / "run", "--reference", real)
    before = units(tmp_path / "run")
    assert row(tmp_path / "run", "mine.v2", "psnr_db")["value"] == 100
    shutil.copy(real / "b.mp4", mine / "a.mp4")
    assert score(mine, tmp_path / "run", "--reference", real).code == 0
    assert row(tmp_path / "run", "mine.v2", "psnr_db")["value"] < 100
    new = [unit for key, unit in units(tmp_path / "run").items() if key not in before]
    assert {(unit.model, unit.clip) for unit in new} == {("mine.v2", "a")}


def test_missing_videos_are_counted(mine: Path, real: Path, tmp_path: Path) -> None:
    (mine / "b.mp4").unlink()
    make_clip(mine / "stranger.mp4")
    answer = score(mine, tmp_path / "run", "--reference", real)
    assert answer.code == 3
    assert "1 of 3 videos belong to no clip" in answer.err
    assert "1 of 3 clips have no video: counted as missing" in answer.err
    found = row(tmp_path / "run", "mine.v2", "psnr_db")
    assert (found["n"], found["n_total"], found["failures"]) == (2, 3, {"missing_video": 1})
    assert row(tmp_path / "run", "real", "psnr_db")["n"] == 3
    assert "n = 2/3 (missing_video 1)" in answer.out


def test_no_name_in_common(mine: Path, real: Path, tmp_path: Path) -> None:
    for path in list(mine.iterdir()):
        path.rename(mine / f"out_{path.name}")
    refused(score(mine, tmp_path / "run", "--reference", real), "'out_a'", "'a'", "None of the 3 videos")
    assert not (tmp_path / "run").exists()


def test_audio(mine: Path, tmp_path: Path) -> None:
    import numpy as np

    sounds = tmp_path / "sounds"
    for name in "ab":
        write_wav(sounds / f"{name}.wav", np.zeros(12_800, np.int16))
    refused(score(mine, tmp_path / "run", "--audio", sounds), "1 of 3 videos have no sound", "'c'")
    write_wav(sounds / "c.wav", np.zeros(48_000, np.int16))
    answer = score(mine, tmp_path / "run", "--audio", sounds)
    assert answer.code == 3
    # The third sound is three seconds long, its video less than one.
    assert row(tmp_path / "run", "mine.v2", "adjacent_ssim")["failures"] == {"wrong_length": 1}
    refused(score(mine, tmp_path / "run", "--audio", tmp_path / "none"), "No folder of sounds")
    refused(score(mine, tmp_path / "x", "--audio", sounds, "--reference", mine), "not both")


def test_single_file(mine: Path, real: Path, tmp_path: Path) -> None:
    assert score(mine / "a.mp4", tmp_path / "one", "--json").json["clips"] == ["a"]
    answer = score(mine / "a.mp4", tmp_path / "two", "--reference", real / "a.mp4")
    assert answer.code == 0, answer.err
    assert row(tmp_path / "two", "a", "psnr_db")["value"] == 100


def test_nothing_to_score(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(score(tmp_path / "empty", tmp_path / "run"), "No video in", ".mp4")
    refused(score(tmp_path / "none", tmp_path / "run"), "No folder of videos at")
    refused(score(tmp_path / "none.mp4", tmp_path / "run"), "none.mp4")
    refused(score(mine, tmp_path / "run", "--reference", "hdtf"), "'hdtf'")
    assert not (tmp_path / "run").exists()


def test_reference_from_a_file(mine: Path, real: Path, tmp_path: Path) -> None:
    file = tmp_path / "score.yaml"
    file.write_text(f"score: {{videos: nowhere, reference: {real}, name: Third}}\n", encoding="utf-8")
    said = call("score", mine, "--config", file, "--plan", "--json").json
    assert said["models"] == ["real", "third"]
    assert call("score", mine, "--config", file, "--name", "x", "--plan", "--json").json["models"] == [
        "real",
        "x",
    ]


def test_links_and_relative_paths_are_the_same_clips(
    clips: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips(tmp_path / "kept")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a.mp4").symlink_to(tmp_path / "kept" / "a.mp4")
    monkeypatch.chdir(tmp_path)
    words = ("run", "--dataset", "linked", "--model", "still", *QUICK, "--out", "run")
    assert call(*words).code == 0
    before = units(tmp_path / "run")
    decoded: list[str] = []
    original = VideoFile.__init__

    def opened(self: VideoFile, path: Path) -> None:
        decoded.append(path.parent.name)
        original(self, path)

    monkeypatch.setattr(VideoFile, "__init__", opened)
    assert call(*words, "--metrics", "ssim").code == 0
    # The real clip is its own reference and is opened once, the still one beside it.
    assert sorted(decoded) == ["linked", "linked", "still"]
    assert row(tmp_path / "run", "real", "ssim")["value"] == 1
    assert not [key for key in before if key not in units(tmp_path / "run")]


def test_videos_of_a_run_are_no_clips(clips: Fill, tmp_path: Path) -> None:
    folder = clips(tmp_path / "videos")
    for _ in range(2):
        answer = call("run", "--dataset", folder, "--model", "still", *QUICK, "--out", folder / "runs" / "x")
        assert answer.code == 0, answer.err
        assert results(folder / "runs" / "x")["clips"] == ["a", "b", "c"]
    assert call("score", folder / "runs" / "x" / "videos" / "still", "--plan", "--json").json["clips"] == [
        "a",
        "b",
        "c",
    ]


def test_other_videos_do_not_take_the_place_of_the_first(mine: Path, real: Path, tmp_path: Path) -> None:
    assert score(mine, tmp_path / "run", "--reference", real).code == 0
    before = (tmp_path / "run" / "results.json").read_bytes()
    shutil.copytree(mine, tmp_path / "others" / "mine.v2")
    answer = score(tmp_path / "others" / "mine.v2", tmp_path / "run", "--reference", real)
    assert answer.code == 2
    assert "Give another folder with --out" in answer.err
    assert (tmp_path / "run" / "results.json").read_bytes() == before


def test_the_folder_of_videos_is_no_run_folder(mine: Path) -> None:
    answer = score(mine, mine)
    assert answer.code == 2
    assert "is the folder of videos itself" in answer.err
    assert not (mine / "journal.sqlite").exists()
