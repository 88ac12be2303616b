"""Every kind of damage to a prepared dataset is found, by name; an undamaged one is whole."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.clips.encode import write_video
from liveact_eval.clips.image import save_png
from liveact_eval.clips.sound import load_sound, write_wav
from liveact_eval.datasets.preparing.local_videos import look_into
from liveact_eval.datasets.preparing.manifest import Manifest
from liveact_eval.datasets.preparing.obtaining import Source
from liveact_eval.datasets.preparing.outlook import files_of
from liveact_eval.datasets.preparing.rows import ClipFiles, ClipRow, FileFacts
from liveact_eval.datasets.preparing.verify import Expectation, Verdict, verify
from liveact_eval.datasets.preparing.wanted import wanted_clips
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.files import sha256_of
from tests.helpers import read_all
from tests.unit.datasets.preparing.barcodes import source_clip
from tests.unit.datasets.preparing.conftest import RECIPE
from tests.unit.datasets.preparing.test_prepare_driver import prepare, workshop

CLIPS = [source_clip("talk_0"), source_clip("talk_1", start_s=Fraction(1))]
IDS = ("talk_0", "talk_1")
EXPECTED = Expectation(
    recipe=RECIPE,
    split=(*IDS, "later_0"),
    known=frozenset((*IDS, "later_0")),
    identities={one.id: one.identity(RECIPE) for one in wanted_clips(CLIPS)},
)
Harm = Callable[[PreparedFolder], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, talk: Path) -> Path:
    """A prepared dataset; not to be changed."""
    root = tmp_path_factory.mktemp("whole")
    prepare(workshop(root, Source(way="folder", local=look_into(talk.parent))), CLIPS)
    return root / "hdtf"


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> PreparedFolder:
    return PreparedFolder(Path(shutil.copytree(whole, tmp_path / "hdtf")))


def found(folder: PreparedFolder, expected: Expectation = EXPECTED) -> Verdict:
    return verify(folder, expected, lambda clip, of: None)


def codes(verdict: Verdict) -> set[tuple[str | None, str]]:
    return {(damage.clip, damage.code) for damage in verdict.damages}


def rewrite(folder: PreparedFolder, clip: str, change: Callable[[ClipRow], ClipRow]) -> None:
    """Change a row and give it a seal that fits, as somebody would who knows how."""
    with Manifest(folder.manifest) as manifest:
        row = manifest.get(clip)
        assert row is not None
        manifest.put(change(row))
        manifest.tidy(IDS)


def facts_as_they_are(row: ClipRow, folder: PreparedFolder) -> ClipRow:
    """A row that knows the files as they are now."""
    facts = [
        FileFacts(sha256=sha256_of(path), bytes=path.stat().st_size, mtime_ns=path.stat().st_mtime_ns)
        for path, _ in files_of(row, folder)
    ]
    return row.model_copy(update={"files": ClipFiles(clip=facts[0], audio=facts[1], image=facts[2])})


def test_undamaged_set_is_whole(folder: PreparedFolder) -> None:
    told: list[tuple[str, int]] = []
    verdict = verify(folder, EXPECTED, lambda clip, of: told.append((clip, of)))
    assert verdict == Verdict(damages=(), checked=2, statuses={"ready": 2, "todo": 1})
    assert told == [(clip, len(IDS)) for clip in IDS]


def test_dates_do_not_matter(folder: PreparedFolder) -> None:
    for path in folder.path.rglob("*"):
        path.touch()
    assert not found(folder).damages


@pytest.mark.parametrize("kind", ["clip", "audio", "image"])
def test_missing_changed_and_swapped_files(folder: PreparedFolder, kind: str) -> None:
    place: Callable[[str], Path] = getattr(folder, kind)
    path, other = place("talk_0"), place("talk_1")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert ("talk_0", "changed_file") in codes(found(folder))
    path.write_bytes(content[: len(content) // 2])
    assert ("talk_0", "changed_file") in codes(found(folder))
    path.write_bytes(other.read_bytes())
    verdict = found(folder)
    assert ("talk_0", "foreign_clip") in codes(verdict)
    assert any("'talk_1'" in damage.message for damage in verdict.damages)
    path.unlink()
    assert codes(found(folder)) == {("talk_0", "missing_file")}


def test_foreign_files_are_named(folder: PreparedFolder) -> None:
    shutil.copy(folder.clip("talk_0"), folder.clip("stranger_0"))
    folder.audio("stranger_0").write_bytes(b"")
    (folder.path / "clips" / ".talk_0.123.part.mp4").write_bytes(b"")
    assert sorted((damage.file, damage.code) for damage in found(folder).damages) == [
        ("audio/stranger_0.wav", "foreign_file"),
        ("clips/stranger_0.mp4", "foreign_file"),
    ]


def video(folder: PreparedFolder, **fields: object) -> None:
    """Write the video of a clip anew, otherwise than was promised."""
    frames, samples = read_all(folder.clip("talk_0"))
    pictures = [frame.rgb for frame in frames]
    given: dict[str, object] = {
        "size": RECIPE.size,
        "rate": RECIPE.rate,
        "samples": samples,
        "frames": pictures,
    }
    given |= fields
    write_video(folder.clip("talk_0"), encoding=RECIPE.encoding, **given)  # type: ignore[arg-type]


def wav_at(folder: PreparedFolder, rate: int, channels: int) -> None:
    with wave.open(str(folder.audio("talk_0")), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(16_000 * 2 * channels))


def pictures(folder: PreparedFolder) -> list[np.ndarray]:  # type: ignore[type-arg]
    return [frame.rgb for frame in read_all(folder.clip("talk_0"))[0]]


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda f: video(f, frames=pictures(f)[:20]), "wrong_length"),
        (lambda f: video(f, rate=Fraction(24)), "wrong_rate"),
        (lambda f: video(f, size=(32, 32), frames=[rgb[:32, :32] for rgb in pictures(f)]), "wrong_size"),
        (lambda f: video(f, samples=np.zeros(15_000, np.int16)), "wrong_sound"),
        (lambda f: video(f, samples=None), "wrong_sound"),
        (lambda f: video(f, frames=[rgb // 2 for rgb in pictures(f)]), "other_picture"),
        (lambda f: wav_at(f, 44_100, 1), "wrong_sound_rate"),
        (lambda f: wav_at(f, 16_000, 2), "wrong_sound_rate"),
        (lambda f: write_wav(f.audio("talk_0"), np.zeros(15_999, np.int16)), "wrong_length"),
        (lambda f: write_wav(f.audio("talk_0"), np.roll(load_sound(f.audio("talk_0")), 16)), "other_sound"),
        (lambda f: save_png(f.image("talk_0"), np.zeros((47, 48, 3), np.uint8)), "wrong_size"),
        (lambda f: f.clip("talk_0").write_bytes(b"no video"), "unreadable"),
        (lambda f: f.audio("talk_0").write_bytes(b"no sound"), "unreadable"),
        (lambda f: f.image("talk_0").write_bytes(b"no image"), "unreadable"),
    ],
)
def test_file_that_is_not_what_was_promised_is_found_even_if_the_manifest_agrees(
    folder: PreparedFolder, harm: Harm, code: str
) -> None:
    harm(folder)
    rewrite(folder, "talk_0", lambda row: facts_as_they_are(row, folder))
    assert ("talk_0", code) in codes(found(folder))
    assert {clip for clip, _ in codes(found(folder))} == {"talk_0"}


def test_edited_row_is_found(folder: PreparedFolder) -> None:
    text = folder.manifest.read_text()
    folder.manifest.write_text(text.replace('"speaker": "talk"', '"speaker": "other"', 1))
    assert codes(found(folder)) == {("talk_0", "edited_row")}


def test_damaged_line_is_found_and_its_files_are_nobodys(folder: PreparedFolder) -> None:
    lines = folder.manifest.read_text().splitlines()
    folder.manifest.write_text("\n".join([lines[0][:100], lines[1]]) + "\n")
    verdict = found(folder)
    assert codes(verdict) == {(None, "damaged_line"), (None, "foreign_file")}
    assert verdict.statuses == {"todo": 2, "ready": 1}


def test_row_of_another_dataset_is_foreign(folder: PreparedFolder) -> None:
    assert codes(found(folder, replace(EXPECTED, known=frozenset({"talk_0"})))) == {
        ("talk_1", "foreign_clip")
    }
    assert not found(folder, replace(EXPECTED, known=None)).damages


def test_clip_cut_by_another_interval_is_found(folder: PreparedFolder) -> None:
    moved = wanted_clips([source_clip("talk_0", end_s=Fraction(1, 2))])[0]
    expected = replace(EXPECTED, identities={"talk_0": moved.identity(RECIPE)})
    assert codes(found(folder, expected)) == {("talk_0", "other_recipe")}


def test_row_with_wrong_numbers_is_found_even_if_sealed_anew(folder: PreparedFolder) -> None:
    rewrite(folder, "talk_0", lambda row: row.model_copy(update={"frames": 26, "samples": 16_640}))
    assert {code for _, code in codes(found(folder))} == {"wrong_length", "wrong_sound"}
    rewrite(folder, "talk_0", lambda row: row.model_copy(update={"files": None}))
    assert ("talk_0", "edited_row") in codes(found(folder))


def test_damages_can_be_written_as_json(folder: PreparedFolder) -> None:
    folder.image("talk_1").unlink()
    (damage,) = found(folder).damages
    assert json.loads(json.dumps(vars(damage))) == {
        "clip": "talk_1",
        "file": "images/talk_1.png",
        "code": "missing_file",
        "message": "it is not there",
    }
