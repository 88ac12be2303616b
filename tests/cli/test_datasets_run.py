"""Runs over a published dataset that is prepared in part, and over lists of clips of the user's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liveact_eval.clips.image import save_png
from liveact_eval.clips.video import Frame, VideoFile
from tests.cli.helpers import QUICK, call, make_clip, refused, results, row
from tests.cli.prepared_set import CLIPS, RESERVE, prepare, write_card

STILL = ("--model", "still")
FAST = ("--metrics", "psnr", *QUICK[2:])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of prepared datasets: three of four clips, one of them of the reserve; another is dead."""
    folder = tmp_path_factory.mktemp("data")
    prepare(folder, (CLIPS[0], CLIPS[1], CLIPS[3], RESERVE[1]), dead=(CLIPS[2],))
    return folder


@pytest.fixture(autouse=True)
def _data(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_DATA", str(root))


@pytest.fixture(scope="module")
def here(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the card, and a finished run over what is here."""
    folder = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVEACT_EVAL_DATA", str(root))
        answer = call("run", "--dataset", write_card(folder), *STILL, *FAST, "--out", folder / "run")
    assert answer.code == 3, answer.err
    return folder


def test_missing_clips_lessen_n_and_nothing_else(here: Path) -> None:
    found = row(here / "run", "still", "psnr_db")
    assert (found["n"], found["n_total"], found["failures"]) == (3, 4, {"removed": 1})
    assert row(here / "run", "real", "psnr_db")["n"] == 3
    assert results(here / "run")["clips"] == list(CLIPS)
    plan = call("run", "--dataset", here / "self.yaml", *STILL, "--plan", "--json").json
    assert plan["protocol"] == found["protocol"]
    assert plan["protocol_fields"]["split"] == "small-4@1"


def test_clips_that_are_not_here_are_named_in_one_line(root: Path, tmp_path: Path) -> None:
    card, out = write_card(tmp_path), tmp_path / "run"
    answer = call("run", "--dataset", card, *STILL, "--metrics", "psnr", *QUICK[2:], "--out", out)
    assert answer.code == 3
    (line,) = [line for line in answer.err.splitlines() if CLIPS[2] in line]
    said = "1 of 4 clips of 'small' are not here and will have no number (removed 1): Carl_0. Prepare what can be had"
    assert line == f"warning: {said} with: liveact-eval datasets prepare {card}"
    # Two rows lack it, which the end of the run says.
    assert "failed: removed 2" in answer.err
    (warning,) = call("run", "--dataset", card, *STILL, "--plan", "--json").json["warnings"]
    assert warning.startswith(said)


def test_comparison_runs_on_what_both_have(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another machine all clips could be had."""
    prepare(tmp_path / "data", CLIPS)
    monkeypatch.setenv("LIVEACT_EVAL_DATA", str(tmp_path / "data"))
    there = tmp_path / "run"
    answer = call("run", "--dataset", write_card(tmp_path), *STILL, *FAST, "--out", there)
    assert answer.code == 0, answer.err
    assert results(there)["protocol"] != results(here / "run")["protocol"]
    for first, second in ((there, here / "run"), (here / "run", there)):
        answer = call("compare", first, second, "--format", "json")
        assert answer.code == 0, answer.err
        assert answer.json["clips"] == [CLIPS[0], CLIPS[1], CLIPS[3]]
        # The id over the clips that both have is that of the run that has no others.
        assert answer.json["protocol"] == results(here / "run")["protocol"]


def test_reserve_is_another_split(tmp_path: Path) -> None:
    words = ("run", "--dataset", write_card(tmp_path), *STILL, *FAST, "--plan", "--json")
    plain = call(*words).json
    filled = call(*words, "--use-reserve").json
    assert plain["clips"] == list(CLIPS)
    assert filled["clips"] == [CLIPS[0], CLIPS[1], RESERVE[1], CLIPS[3]]
    assert filled["protocol_fields"]["split"] == "small-4@1+r1"
    assert filled["protocol"] != plain["protocol"]
    refused(call("run", "--dataset", "talkers", "--use-reserve"), "'talkers' has no reserve")
    refused(call("score", tmp_path, "--use-reserve"), "--reference, which is not given")


def test_permuted_compares_nothing_frame_by_frame(tmp_path: Path) -> None:
    out = tmp_path / "run"
    metrics = ("--metrics", "psnr,adjacent", *FAST[2:])
    answer = call("run", "--dataset", write_card(tmp_path, "permuted"), *STILL, *metrics, "--out", out)
    assert answer.code == 3
    assert "psnr will be missing: no_reference" in answer.err
    found = row(out, "still", "psnr_db")
    assert (found["value"], found["n"], found["failures"]["no_reference"]) == (None, 0, 2)
    # The second is driven by the third, which is dead.
    assert found["failures"]["no_driving_audio"] == 1
    assert row(out, "still", "adjacent_ssim")["n"] == 2


def test_score_against_a_prepared_set(tmp_path: Path) -> None:
    make_clip(tmp_path / f"{CLIPS[0]}.mp4", speaker=7)
    answer = call("score", tmp_path, "--reference", write_card(tmp_path), *FAST, "--plan", "--json")
    assert answer.json["clips"] == list(CLIPS)
    assert answer.json["models"][0] == "real"
    assert any("3 of 4 clips have no video" in warning for warning in answer.json["warnings"])


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Two videos, and their first pictures."""
    for number, name in enumerate("ab"):
        video = make_clip(tmp_path / f"{name}.mp4", speaker=number, size=64, seconds=1.0)
        with VideoFile(video) as opened:
            first = next(item.rgb for item in opened.read() if isinstance(item, Frame))
        save_png(tmp_path / f"{name}.png", first)
    return tmp_path


def test_list_with_videos(media: Path) -> None:
    (media / "clips.csv").write_text("id,video,speaker\none,a.mp4,x\ntwo,b.mp4,y\n", encoding="utf-8")
    out = media / "run"
    answer = call("run", "--dataset", media / "clips.csv", *STILL, *FAST, "--out", out)
    assert answer.code == 0, answer.err
    assert results(out)["clips"] == ["one", "two"]
    assert row(out, "still", "psnr_db")["n"] == 2
    answer = call("score", media / "a.mp4", "--reference", media / "clips.csv", *FAST, "--plan")
    refused(answer, "is named like one of the 2 clips")


def test_list_of_portraits_and_sound(media: Path) -> None:
    """Nothing real: no row of it, and every clip is made by a real model."""
    rows = [{"id": name, "image": f"{name}.png", "audio": f"{name}.mp4"} for name in "ab"]
    path = media / "clips.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    out = media / "run"
    answer = call("run", "--dataset", path, "--model", "liveact-mini", *QUICK, "--limit", "1", "--out", out)
    assert answer.code == 0, answer.err
    assert [model["name"] for model in results(out)["models"]] == ["liveact-mini"]
    assert "psnr will be missing: no_reference" in answer.err
    assert row(out, "liveact-mini", "adjacent_ssim")["n"] == 1


def test_list_with_mistakes(media: Path) -> None:
    path = media / "clips.csv"
    path.write_text("image,audio\na.png,a.wav\n", encoding="utf-8")
    refused(call("run", "--dataset", path), f"{path}: line 2: audio: no file at", "a.wav")
