"""`datasets prepare|verify`, and a run over what was prepared."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.helpers import QUICK, call, refused, results, row
from tests.cli.published_small import RESERVE, SPLIT, VIDEOS, write_published, write_videos
from tests.unit.datasets.preparing.conftest import install
from tests.unit.weights.fake_hub import FakeHub

RUN = ("--model", "still", "--metrics", "psnr", *QUICK[2:])


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIVEACT_EVAL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "no weights"))
    return write_published(tmp_path / "cards")


def words(card: Path, *more: str | Path) -> tuple[str | Path, ...]:
    return ("datasets", "prepare", card, "--annotations", card.parent / "lists", "--workers", "1", *more)


def test_prepared_from_videos_at_hand_verified_and_run(card: Path, videos: Path, tmp_path: Path) -> None:
    refused(call("run", "--dataset", card, *RUN), "not prepared", f"liveact-eval datasets prepare {card}")
    refused(call("datasets", "verify", card), "not prepared", "liveact-eval datasets prepare")
    answer = call(*words(card, "--videos", videos))
    assert answer.code == 0, answer.err
    assert "Made for tests." in answer.err
    assert "3 of 3 clips are ready" in answer.err
    folder = tmp_path / "data" / "small"
    assert {path.stem for path in (folder / "clips").iterdir()} == set(SPLIT)
    verified = call("datasets", "verify", card, "--json")
    assert (verified.code, verified.json["whole"], verified.json["checked"]) == (0, True, 3)
    assert verified.json["statuses"] == {"ready": 3}
    assert call("run", "--dataset", card, *RUN, "--out", tmp_path / "run").code == 0
    assert results(tmp_path / "run")["clips"] == list(SPLIT)
    found = row(tmp_path / "run", "still", "psnr_db")
    assert (found["n"], found["n_total"]) == (3, 3)
    # The terms were shown, nothing is left to do, and the lists need not be given again.
    again = call("datasets", "prepare", card, "--videos", videos, "--json")
    assert again.code == 0, again.err
    assert "Made for tests." not in again.err
    assert again.json["counts"] == {"ready": 3}
    assert [clip["clip_id"] for clip in again.json["clips"]] == list(SPLIT)


def test_verify_names_what_is_damaged(card: Path, videos: Path, tmp_path: Path) -> None:
    assert call(*words(card, "--videos", videos)).code == 0
    folder = tmp_path / "data" / "small"
    shutil.copy(folder / "clips" / "Carl_0.mp4", folder / "clips" / "Anna1_0.mp4")
    (folder / "audio" / "Ben2_1.wav").unlink()
    (folder / "clips" / "Nobody_0.mp4").write_bytes(b"")
    answer = call("datasets", "verify", card)
    assert answer.code == 3
    for word in (
        "foreign_clip",
        "missing_file",
        "foreign_file",
        "audio/Ben2_1.wav",
        "3 ready clips looked at",
    ):
        assert word in answer.out
    assert f"liveact-eval datasets prepare {card}" in answer.err
    damages = call("datasets", "verify", card, "--json").json["damages"]
    assert {damage["code"] for damage in damages} >= {"foreign_clip", "missing_file", "foreign_file"}
    (folder / "clips" / "Nobody_0.mp4").unlink()
    assert call(*words(card, "--videos", videos)).code == 0
    assert call("datasets", "verify", card).code == 0


def test_missing_videos_leave_exit_code_3_and_a_run_over_the_rest(
    card: Path, videos: Path, tmp_path: Path
) -> None:
    some = Path(shutil.copytree(videos, tmp_path / "some"))
    (some / "Ben2.mkv").unlink()
    (some / "WDA_Carl.mp4").write_bytes(b"no video")
    answer = call(*words(card, "--videos", some, "--reserve", "1"))
    assert answer.code == 3
    assert "2 of 4 clips are ready" in answer.err
    for word in ("todo", "not_in_folder", "bad", "unreadable"):
        assert word in answer.out
    answer = call("run", "--dataset", card, *RUN, "--out", tmp_path / "run")
    assert answer.code == 3
    assert row(tmp_path / "run", "still", "psnr_db")["n"] == 1
    # Another video under the same name is looked at again.
    shutil.copy(videos / "WDA_Carl.mp4", some / "WDA_Carl.mp4")
    assert "3 of 4 clips are ready" in call(*words(card, "--videos", some, "--reserve", "1")).err
    assert (tmp_path / "data" / "small" / "clips" / f"{RESERVE[0]}.mp4").is_file()


def test_fetched_from_the_site(
    card: Path, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = FakeHub()
    try:
        for name, file in (("Anna1", f"{VIDEOS['Anna1']}.mp4"), ("Carl", "WDA_Carl.mp4")):
            hub.add("video/site", f"{VIDEOS[name]}.mp4", (videos / file).read_bytes())
        install(tmp_path / "bin")
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
        monkeypatch.setenv("STAND_IN_SITE", hub.url)
        monkeypatch.setenv("STAND_IN_LOG", str(tmp_path / "asked"))
        answer = call(*words(card, "--pause", "0"))
        assert answer.code == 3, answer.err
        assert "2 of 3 clips are ready" in answer.err
        assert "unavailable" in answer.out
        asked = len((tmp_path / "asked").read_text().splitlines())
        assert asked == 3
        assert call(*words(card, "--pause", "0")).code == 3
        assert len((tmp_path / "asked").read_text().splitlines()) == asked
        state = call("datasets", "show", card, "--json").json["state"]
        assert state["by_state"] == {"ready": 2, "dead": 1}
    finally:
        hub.close()


def test_lists_that_were_damaged_since_are_said(card: Path, videos: Path, tmp_path: Path) -> None:
    assert call(*words(card, "--videos", videos)).code == 0
    shutil.rmtree(tmp_path / "data" / "small" / "annotations")
    answer = call("datasets", "verify", card)
    assert (answer.code, "no_lists" in answer.out) == (3, True)
    assert f"To mend it, prepare it again: liveact-eval datasets prepare {card}" in answer.err


def test_another_root_is_named_in_every_command(card: Path, videos: Path, tmp_path: Path) -> None:
    root = tmp_path / "my data"
    refused(call("datasets", "verify", card, "--root", root), f"datasets prepare {card} --root '{root}'")
    answer = call(*words(card, "--videos", videos, "--root", root, "--limit", "1"))
    assert f"Use them with: LIVEACT_EVAL_DATA='{root}' liveact-eval run --dataset {card}" in answer.err
    (root / "small" / "clips" / "Nobody.mp4").write_bytes(b"")
    answer = call("datasets", "verify", card, "--root", root)
    assert "Remove the files named above in clips/, audio/, images/, then prepare it again" in answer.err
    assert f"--root '{root}'" in answer.err
    # Folders that cannot even be looked into.
    far = tmp_path / ("x" * 300)
    for words_ in (("verify", card), ("prepare", card, "--videos", videos)):
        answer = call("datasets", *words_, "--root", far)
        assert answer.code in {2, 4}
        assert "File name too long" in answer.err
    state = call("datasets", "show", card, "--root", far, "--json").json["state"]
    assert (state["ready"], "File name too long" in state["problem"]) == (0, True)


def test_plan_does_nothing(card: Path, videos: Path, tmp_path: Path) -> None:
    plan = call(*words(card, "--videos", videos, "--plan", "--json"))
    assert plan.code == 0, plan.err
    assert (plan.json["clips"], plan.json["ready"], plan.json["to_make"]) == (3, 0, list(SPLIT))
    assert plan.json["videos"] == [VIDEOS[name] for name in ("Anna1", "Ben2", "Carl")]
    assert plan.json["videos_here"] == plan.json["videos"]
    assert not (tmp_path / "data").exists()
    without = call("datasets", "prepare", card, "--videos", videos, "--plan", "--json").json
    assert (without["lists"], without["clips"]) == ("would be fetched", None)


def test_terms_must_be_accepted_where_the_card_says_so(tmp_path: Path, videos: Path, card: Path) -> None:
    strict = write_published(tmp_path / "strict", must_accept=True)
    refused(call(*words(strict, "--videos", videos)), "Made for tests.", "--accept-terms")
    assert not (tmp_path / "data" / "small").exists()
    assert call(*words(strict, "--videos", videos, "--plan")).code == 0
    assert call(*words(strict, "--videos", videos, "--limit", "1", "--accept-terms")).code == 0
    again = call(*words(strict, "--videos", videos, "--limit", "1"))
    assert (again.code, "Made for tests." in again.err) == (0, False)


def test_what_is_wrong_is_refused_before_anything_is_done(
    card: Path, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(call("datasets", "prepare", "talkers"), "nothing of it has to be prepared")
    refused(call("datasets", "verify", "talkers"), "nothing of it has to be prepared")
    refused(call("datasets", "prepare", "folder"), "liveact-eval run --dataset path/to/videos")
    refused(call(*words(card, "--videos", videos, "--root", card)), "is a file, expected a folder", "--root")
    refused(call("datasets", "prepare", "hdft"), "Did you mean 'hdtf'?")
    refused(call(*words(card, "--videos", tmp_path / "none")), "No folder of videos", "--videos")
    refused(call(*words(card, "--videos", card.parent / "lists")), "No video in")
    refused(call(*words(card, "--videos", videos, "--source", "https://a.example")), "Give one of them")
    refused(call(*words(card, "--source", "ftp://a.example")), "--source https://")
    refused(
        call("datasets", "prepare", card, "--videos", videos, "--annotations", tmp_path),
        "published lists",
        "missing",
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    refused(call(*words(card)), "yt-dlp and ffmpeg", "pip install", "--videos DIR")
    assert not list((tmp_path / "data").rglob("manifest.jsonl"))
