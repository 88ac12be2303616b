"""A prepared split as a dataset: in order, with what lacks in its place."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.cards.load import load_dataset
from liveact_eval.datasets.open import ProtocolChanges, open_dataset
from liveact_eval.datasets.prepared import PreparedDataset, open_prepared
from liveact_eval.datasets.preparing.manifest import Manifest
from liveact_eval.datasets.preparing.rows import ClipFiles, ClipRow, FileFacts, Status
from liveact_eval.datasets.published.layout import DATA_VARIABLE, PreparedFolder
from liveact_eval.datasets.published.splits import read_split
from liveact_eval.datasets.published.state import state_of
from liveact_eval.errors import ClipError, UserError
from liveact_eval.files import sha256_of

NO_CHANGES = ProtocolChanges()
SPLIT = read_split(load_dataset("hdtf")[0], load_dataset("hdtf")[1].parent)
FIRST, SECOND, THIRD = SPLIT.clips[:3]


def facts(path: Path) -> FileFacts:
    """What a file is now."""
    return FileFacts(sha256=sha256_of(path), bytes=path.stat().st_size, mtime_ns=path.stat().st_mtime_ns)


def put(root: Path, clip: str, status: Status = "ready", *, folder: str = "hdtf", video: bool = True) -> None:
    """Prepare a clip: three files and a row."""
    prepared = PreparedFolder.of(folder, root)
    files = None
    if status == "ready":
        paths = [prepared.clip(clip), prepared.audio(clip), prepared.image(clip)]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{path.suffix} of {clip}", encoding="utf-8")
        files = ClipFiles(
            clip=facts(paths[0]) if video else None, audio=facts(paths[1]), image=facts(paths[2])
        )
    row = ClipRow(
        dataset=folder,
        clip_id=clip,
        video_id="v",
        video_name=clip.rpartition("_")[0],
        url="",
        speaker=f"speaker of {clip}",
        prompt="A person is talking.",
        identity=f"identity of {clip}",
        status=status,
        reason=None if status == "ready" else "removed",
        message=None if status == "ready" else "the site has it no more",
        files=files,
    )
    with Manifest(prepared.manifest) as manifest:
        manifest.put(row)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of prepared datasets with two clips of HDTF ready, and one dead."""
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    put(tmp_path, FIRST)
    put(tmp_path, SECOND, "dead")
    put(tmp_path, THIRD)
    return tmp_path


def opened(name: str = "hdtf", **changes: Any) -> PreparedDataset:
    """A prepared dataset by its name."""
    dataset = open_dataset(name, ProtocolChanges.model_validate(changes))
    assert isinstance(dataset, PreparedDataset)
    return dataset


def unread(path: Path) -> str:
    """No file is read while its date is what it was."""
    raise AssertionError(path)


def test_split_keeps_its_order_and_size(root: Path) -> None:
    dataset = opened()
    entries = dataset.entries(unread)
    assert [entry.id for entry in entries] == list(SPLIT.clips)
    assert {entry.id: entry.absent for entry in entries[:4]} == {
        FIRST: None,
        SECOND: "removed",
        THIRD: None,
        SPLIT.clips[3]: "not_prepared",
    }
    assert entries[0].speaker == f"speaker of {FIRST}"
    clip = dataset.materialise(entries[0])
    folder = PreparedFolder.of("hdtf", root)
    assert (clip.video, clip.audio, clip.image) == (
        folder.clip(FIRST),
        folder.audio(FIRST),
        folder.image(FIRST),
    )
    assert (clip.size, clip.seconds, clip.prompt, clip.paired) == (
        (512, 512),
        10,
        "A person is talking.",
        True,
    )
    assert dataset.protocol.split == "hdtf-50@1"
    assert dataset.estimate_bytes(50, 2) == 4 * sum(len(f".mp4 of {clip}") for clip in (FIRST, THIRD))


def test_what_lacks_says_why(root: Path) -> None:
    dataset = opened()
    entries = dataset.entries(unread)
    with pytest.raises(ClipError, match="removed: dead: the site has it no more"):
        dataset.materialise(entries[1])
    with pytest.raises(ClipError, match=r"not_prepared: .* is not in the manifest yet"):
        dataset.materialise(entries[3])


def test_changed_files_are_not_measured(root: Path) -> None:
    image = PreparedFolder.of("hdtf", root).image(FIRST)
    entry = opened().entries(unread)[0]
    # Touched, and the same: read once, and right.
    os.utime(image, ns=(1, 1))
    assert opened().entries(sha256_of)[0] == entry
    image.write_text("x" * image.stat().st_size, encoding="utf-8")
    dataset = opened()
    changed = dataset.entries(sha256_of)[0]
    assert changed.absent == "changed"
    with pytest.raises(ClipError, match="datasets verify hdtf"):
        dataset.materialise(changed)
    image.unlink()
    assert opened().entries(unread)[0].absent == "changed"


def test_identity_is_that_of_the_clip_and_not_of_the_file(root: Path) -> None:
    before = opened().entries(unread)[0]
    video = PreparedFolder.of("hdtf", root).clip(FIRST)
    video.write_text("the site encoded it anew", encoding="utf-8")
    row = ClipRow.model_validate(
        {
            "dataset": "hdtf",
            "clip_id": FIRST,
            "video_id": "v",
            "video_name": "",
            "url": "",
            "prompt": "A person is talking.",
            "identity": f"identity of {FIRST}",
            "status": "ready",
            "files": {
                "clip": facts(video),
                "audio": facts(PreparedFolder.of("hdtf", root).audio(FIRST)),
                "image": facts(PreparedFolder.of("hdtf", root).image(FIRST)),
            },
        }
    )
    with Manifest(PreparedFolder.of("hdtf", root).manifest) as manifest:
        manifest.put(row)
    after = opened().entries(unread)[0]
    assert after.known_by == before.known_by
    # What was measured on the old file is measured again.
    assert after.content_hash != before.content_hash


def test_permuted_takes_the_sound_of_the_next(root: Path) -> None:
    put(root, SPLIT.clips[-1])
    dataset = opened("hdtf-permuted")
    entries = dataset.entries(unread)
    absent = {entry.id: entry.absent for entry in entries}
    # The first is driven by the second, which is dead; the last by the first.
    assert absent[FIRST] == "no_driving_audio"
    assert absent[SPLIT.clips[-1]] is None
    clip = dataset.materialise(entries[-1])
    folder = PreparedFolder.of("hdtf", root)
    assert (clip.video, clip.audio) == (folder.clip(SPLIT.clips[-1]), folder.audio(FIRST))
    assert (clip.paired, dataset.real) == (False, True)
    assert entries[-1].known_by != opened().entries(unread)[-1].known_by
    with pytest.raises(ClipError, match=f"its audio is that of '{SECOND}', which is not here: dead"):
        dataset.materialise(entries[0])


def test_reserve_makes_another_split(root: Path) -> None:
    for clip in SPLIT.reserve[1:3]:
        put(root, clip)
    dataset = opened(use_reserve=True)
    # Places 1 and 3 are the first that lack.
    assert [entry.id for entry in dataset.entries(unread)][:5] == [
        *(FIRST, SPLIT.reserve[1], THIRD, SPLIT.reserve[2], SPLIT.clips[4]),
    ]
    assert dataset.protocol.split == "hdtf-50@1+r2"
    clips = [("a", "1")]
    assert dataset.protocol.identify(clips) != opened().protocol.identify(clips)
    # A clip that lost any of its files lacks too.
    PreparedFolder.of("hdtf", root).image(FIRST).unlink()
    assert opened(use_reserve=True).split.clips[0] == SPLIT.reserve[1]


def test_long_audio_has_no_real_video(root: Path) -> None:
    put(root, "JeffFlake_long", folder="hdtf-hour", video=False)
    dataset = opened("hdtf-hour")
    entry = dataset.entries(unread)[0]
    clip = dataset.materialise(entry)
    assert (entry.id, dataset.real, clip.video, clip.paired) == ("JeffFlake_long", False, None, False)
    assert clip.audio == PreparedFolder.of("hdtf-hour", root).audio("JeffFlake_long")
    # Sound alone is no clip of a dataset with videos.
    put(root, FIRST, video=False)
    assert opened().entries(unread)[0].absent == "no_video"


def test_it_travels_to_workers(root: Path) -> None:
    dataset = opened()
    assert len(pickle.dumps(dataset)) < 40_000


@pytest.mark.parametrize("name", ["hdtf", "hdtf-permuted", "hdtf-long", "hdtf-hour", "emtd"])
def test_unprepared_says_what_to_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=rf"not prepared.*{tmp_path}.*datasets prepare {name}$"):
        open_dataset(name, NO_CHANGES)


def test_unprepared_with_terms_or_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=r"datasets prepare celebvhq --accept-terms$"):
        open_dataset("celebvhq", NO_CHANGES)
    card, path = load_dataset("emtd")
    with pytest.raises(UserError, match=r"datasets prepare my/emtd\.yaml$"):
        open_prepared(card, card.protocol, given="my/emtd.yaml", beside=path.parent, root=tmp_path)


def test_nothing_ready_is_unprepared(tmp_path: Path) -> None:
    put(tmp_path, FIRST, "dead")
    card, path = load_dataset("hdtf")
    with pytest.raises(
        UserError,
        match=r"is ready in .* \(its manifest says: 49 todo, 1 dead\)\. Prepare it with: .*prepare hdtf$",
    ):
        open_prepared(card, card.protocol, given="hdtf", beside=path.parent, root=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"size": (256, 256)},
            r"protocol\.size is \(256, 256\), the clips of 'hdtf' are cut to \(512, 512\)",
        ),
        ({"clip_seconds": 20}, r"protocol\.clip_seconds is 20, the clips of 'hdtf' last at most 10 s"),
    ],
)
def test_clips_are_what_they_were_cut_to(root: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        opened(**changes)
    assert opened(clip_seconds=5, fps=24).protocol.clip_seconds == 5


def test_state(root: Path) -> None:
    card, path = load_dataset("hdtf")
    state = state_of(card, "hdtf", path.parent)
    assert (state.clips, state.ready, state.states) == (50, 2, {"ready": 2, "dead": 1, "todo": 47})
    assert (state.folder, state.problem, len(state.ids)) == (root / "hdtf", None, 50)
    (root / "hdtf" / "manifest.jsonl").write_text("x\n", encoding="utf-8")
    state = state_of(card, "hdtf", path.parent)
    assert state.ready == 0
    assert state.problem is not None
    assert "line 1" in state.problem
