"""A list of clips as a dataset, given by itself or by a card."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.datasets.listed import ListedDataset
from liveact_eval.datasets.open import ProtocolChanges, open_dataset
from liveact_eval.errors import UserError

NO_CHANGES = ProtocolChanges()
CARD = """\
name: own
title: Our clips
kind: folder
tier: paper
summary: Clips of our own.
protocol: {name: own, version: 1, fps: 25, reference_image: REFERENCE}
folder: {path: clips.csv, speaker_pattern: "^([a-z])"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of two clips."""
    for name in ("a1", "b1"):
        for suffix in ("png", "wav", "mp4"):
            (tmp_path / f"{name}.{suffix}").write_text(f"{name}.{suffix}", encoding="utf-8")
    return tmp_path


def content(path: Path) -> str:
    """What stands for a file's hash here."""
    return path.read_text(encoding="utf-8")


def listed(folder: Path, text: str) -> ListedDataset:
    """The dataset of a list."""
    (folder / "clips.csv").write_text(text, encoding="utf-8")
    dataset = open_dataset(str(folder / "clips.csv"), NO_CHANGES)
    assert isinstance(dataset, ListedDataset)
    return dataset


def test_portraits_and_sound(folder: Path) -> None:
    dataset = listed(folder, "image,audio,prompt,speaker\na1.png,a1.wav,hello,anna\nb1.png,b1.wav,,\n")
    assert (dataset.real, dataset.title, dataset.protocol.reference_image) == (False, "clips", "image")
    first, second = dataset.entries(content)
    assert [(e.id, e.speaker) for e in (first, second)] == [("a1", "anna"), ("b1", "b1")]
    clip = dataset.materialise(first)
    assert (clip.video, clip.audio, clip.image) == (None, folder / "a1.wav", folder / "a1.png")
    assert (clip.prompt, clip.paired, clip.rate) == ("hello", True, None)
    assert dataset.estimate_bytes(2, 3) > 0


def test_videos(folder: Path) -> None:
    dataset = listed(folder, "video,audio\na1.mp4,b1.wav\nb1.mp4,\n")
    assert (dataset.real, dataset.protocol.reference_image) == (True, "first_frame")
    first, second = (dataset.materialise(entry) for entry in dataset.entries(content))
    assert (first.video, first.audio, first.image) == (folder / "a1.mp4", folder / "b1.wav", None)
    assert second.audio is None
    assert dataset.estimate_bytes(1, 1) == 2 * len("a1.mp4")


@pytest.mark.parametrize("name", ["a1.png", "a1.wav", "prompt"])
def test_whatever_drives_a_clip_is_part_of_its_content(folder: Path, name: str) -> None:
    rows = "image,audio,prompt\na1.png,a1.wav,hello\nb1.png,b1.wav,\n"
    before = listed(folder, rows).entries(content)
    if name == "prompt":
        rows = rows.replace("hello", "goodbye")
    else:
        (folder / name).write_text("other", encoding="utf-8")
    after = listed(folder, rows).entries(content)
    assert before[0].content_hash != after[0].content_hash
    assert before[1] == after[1]


def test_list_in_a_card(folder: Path) -> None:
    (folder / "own.yaml").write_text(CARD.replace("REFERENCE", "image"), encoding="utf-8")
    listed(folder, "image,audio\na1.png,a1.wav\nb1.png,b1.wav\n")
    dataset = open_dataset(str(folder / "own.yaml"), NO_CHANGES)
    assert (dataset.name, dataset.title, dataset.protocol.fps) == ("own", "Our clips", 25)
    assert [entry.speaker for entry in dataset.entries(content)] == ["a", "b"]


@pytest.mark.parametrize(
    ("reference", "rows", "message"),
    [
        ("image", "video\na1.mp4\n", r"no images, while the protocol of 'own'.*`image` column"),
        ("first_frame", "image,audio\na1.png,a1.wav\n", r"no videos, while the protocol of 'own'"),
    ],
)
def test_list_without_what_its_card_asks_for(folder: Path, reference: str, rows: str, message: str) -> None:
    (folder / "own.yaml").write_text(CARD.replace("REFERENCE", reference), encoding="utf-8")
    listed(folder, rows)
    with pytest.raises(UserError, match=message):
        open_dataset(str(folder / "own.yaml"), NO_CHANGES)


def test_no_reserve(folder: Path) -> None:
    listed(folder, "video\na1.mp4\n")
    with pytest.raises(UserError, match=r"use_reserve: dataset '.*clips\.csv' has no reserve"):
        open_dataset(str(folder / "clips.csv"), ProtocolChanges(use_reserve=True))
