"""A folder of videos, and what a name on the command line means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from liveact_eval.cards.dataset import FolderSpec
from liveact_eval.cards.load import load_dataset
from liveact_eval.cards.protocol import Encoding, Protocol
from liveact_eval.datasets.folder import FolderDataset, find_sounds, find_videos, open_folder
from liveact_eval.datasets.open import ProtocolChanges, cache_root, changed, open_dataset
from liveact_eval.errors import UserError

NO_CHANGES = ProtocolChanges()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.mp4",
        "a.MKV",
        "sub/c.webm",
        "sub/d.txt",
        ".hidden.mp4",
        ".git/e.mp4",
        "twice.mp4",
        "twice.mov",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    (tmp_path / "folder.mp4").mkdir()
    return tmp_path


def test_ids_are_paths_without_suffix(folder: Path) -> None:
    found = find_videos(folder)
    assert list(found) == ["a", "b", "sub/c", "twice.mov", "twice.mp4"]
    assert found["sub/c"] == folder / "sub" / "c.webm"
    assert list(find_videos(folder, "*.mp4")) == ["b", "twice"]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"x\xff.mp4")).touch()
    assert list(find_videos(tmp_path)) == ["x\\xff"]


def test_accents_are_spelled_in_one_way(tmp_path: Path) -> None:
    apart = tmp_path / "cafe\u0301.mp4"
    apart.touch()
    assert find_videos(tmp_path) == {"caf\u00e9": apart}
    assert find_videos(apart) == {"caf\u00e9": apart}
    (tmp_path / "cafe\u0301.wav").touch()
    assert find_sounds(tmp_path, ("caf\u00e9",)) == (tmp_path / "cafe\u0301.wav",)
    (tmp_path / "caf\u00e9.mp4").touch()
    assert len(find_videos(tmp_path)) == len(list(tmp_path.glob("*.mp4")))


def test_what_runs_made_is_left_out(folder: Path) -> None:
    made = folder / "runs" / "x"
    (made / "videos" / "still").mkdir(parents=True)
    (made / "videos" / "still" / "b.mp4").touch()
    assert "runs/x/videos/still/b" in find_videos(folder)
    (made / "journal.sqlite").touch()
    assert list(find_videos(folder)) == ["a", "b", "sub/c", "twice.mov", "twice.mp4"]
    assert list(find_videos(made / "videos")) == ["still/b"]


def test_no_videos(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No video in .*0 entries seen.*\.mp4"):
        find_videos(tmp_path)
    with pytest.raises(UserError, match="No folder of videos"):
        find_videos(tmp_path / "none")


def test_content_hash_is_that_of_the_file(folder: Path) -> None:
    dataset = open_dataset(str(folder), NO_CHANGES)
    entries = dataset.entries(lambda path: path.read_text(encoding="utf-8"))
    assert [(entry.id, entry.content_hash) for entry in entries][:2] == [("a", "a.MKV"), ("b", "b.mp4")]
    assert [entry.speaker for entry in entries] == [entry.id for entry in entries]
    clip = dataset.materialise(entries[1])
    assert (clip.video, clip.audio, clip.image) == (folder / "b.mp4", None, None)


def test_speakers_from_names(tmp_path: Path) -> None:
    for name in ("anna_1.mp4", "anna_2.mp4", "ben_1.mp4"):
        (tmp_path / name).touch()
    card, _ = load_dataset("folder")
    dataset = open_folder(card, FolderSpec(speaker_pattern="^([a-z]+)_"), card.protocol, tmp_path)
    assert dataset.speakers == ("anna", "anna", "ben")
    with pytest.raises(UserError, match=r"finds no speaker in the clip id 'anna_1'"):
        open_folder(card, FolderSpec(speaker_pattern="^([0-9]+)"), card.protocol, tmp_path)


def test_sounds(tmp_path: Path) -> None:
    for name in ("a.wav", "b.mp3", "sub/c.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in find_sounds(tmp_path, ("a", "b", "sub/c"))] == ["a.wav", "b.mp3", "c.flac"]
    with pytest.raises(UserError, match=r"1 of 2 videos have no sound in .*: 'x'"):
        find_sounds(tmp_path, ("a", "x"))


def test_names_of_cards_win_over_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "talkers").mkdir()
    monkeypatch.chdir(tmp_path)
    assert open_dataset("talkers", NO_CHANGES).tier == "mini"
    assert not isinstance(open_dataset("talkers", NO_CHANGES), FolderDataset)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.csv", r"No list of clips at 'none\.csv'"),
        ("folder", r"needs a folder.*--dataset path/to/videos"),
        ("no/such/folder", r"Unknown dataset 'no/such/folder'"),
        ("none.yaml", r"No card at 'none\.yaml'"),
    ],
)
def test_datasets_that_cannot_be_opened(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_dataset(name, NO_CHANGES)


def test_changes_of_the_protocol() -> None:
    base = Protocol(name="x", version=1, fps=25, size=(64, 64), encoding=Encoding(crf=4, preset="slow"))
    assert changed(base, NO_CHANGES) == base
    assert changed(base, ProtocolChanges(fps=30)).model_dump() == base.model_dump() | {"fps": 30}
    assert changed(base, ProtocolChanges(size=None)).model_dump() == base.model_dump() | {"size": None}
    partly = ProtocolChanges.model_validate({"encoding": {"preset": "fast"}})
    assert changed(base, partly).encoding == Encoding(crf=4, preset="fast")
    with pytest.raises(UserError, match="protocol: field `size`: width and height"):
        changed(base, ProtocolChanges(size=(8, 8)))


def test_drawn_size_must_be_that_of_the_protocol() -> None:
    with pytest.raises(UserError, match=r"draws 64x64, its protocol asks for 32x32"):
        open_dataset("talkers", ProtocolChanges(size=(32, 32)))


def test_cache_is_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("LIVEACT_EVAL_CACHE")
    assert cache_root().name == "liveact-eval"
