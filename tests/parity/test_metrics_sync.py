"""Lip sync and face detection against numbers of the official programs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liveact_eval.clips.face_tracking import TrackRules, track_faces
from liveact_eval.clips.video import Sound, VideoFile
from liveact_eval.metrics._sync_crops import crop_track
from liveact_eval.parity.metrics import _s3fd, sync
from liveact_eval.parity.vectors import FileResult, VectorFile

SALT = "lae-shared"
FILES = {
    "mfcc_cases.npz",
    "s3fd_manifest.json",
    "syncnet_audio.wav",
    "syncnet_bn.safetensors",
    "syncnet_crops_rgb.png",
    "syncnet_curve.npz",
    "syncnet_manifest.json",
    "syncnet_net.npz",
    "syncnet_track.npz",
}


@pytest.fixture(scope="module")
def vectors(shared: Path) -> Path:
    return shared / "parity" / "metrics"


def test_every_file_is_replayed_and_agrees(vectors: Path) -> None:
    results = list(sync.replay(vectors, SALT))
    assert {result.file for result in results} == FILES
    assert {result.file: result.problem or result.worst for result in results if not result.passed} == {}


def test_the_detector_agrees(vectors: Path) -> None:
    file = VectorFile(vectors, "networks.npz")
    _s3fd.replay_s3fd(file, SALT)
    result = file.result()
    assert all(difference.passed for difference in result.differences), result.worst
    assert not [key for key in result.unreplayed if key.startswith(("s3fd_", "nms_"))]
    assert result.checked == 18


def test_crops_of_decoded_frames_agree_to_a_level(shared: Path, vectors: Path) -> None:
    stored = np.load(vectors / "syncnet_track.npz")
    with VideoFile(shared / "clips" / "portrait_a.mp4") as video:
        frames = [item.rgb for item in video.read() if not isinstance(item, Sound)]
    start, count = int(stored["source_start_frame"]), len(stored["track_frames"])
    crops = crop_track(np.stack(frames[start : start + count]), stored["track_boxes"])
    with Image.open(vectors / "syncnet_crops_rgb.png") as picture:
        expected = np.array(picture).reshape(-1, 224, 224, 3)
    assert np.abs(crops.astype(int) - expected).max() <= 2


def damaged(
    folder: Path, target: Path, file: str, change: Callable[[dict[str, np.ndarray]], None]
) -> FileResult:
    """The verdict on one file of arrays after a change, its companions untouched."""
    for name in FILES:
        if not name.endswith("manifest.json"):
            shutil.copy(folder / name, target / name)
    with np.load(folder / file) as stored:
        arrays = {key: np.array(stored[key]) for key in stored.files}
    change(arrays)
    (target / file).unlink()
    np.savez(target / file, **arrays)  # type: ignore[arg-type]
    return next(result for result in sync.replay(target, SALT) if result.file == file)


def shifted(key: str, by: float) -> Callable[[dict[str, np.ndarray]], None]:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays[key] = arrays[key] + np.asarray(by, dtype=arrays[key].dtype)

    return change


@pytest.mark.parametrize(
    ("file", "key", "by"),
    [
        ("mfcc_cases.npz", "tone_out", 2e-6),
        ("syncnet_track.npz", "x", 1e-8),
        ("syncnet_curve.npz", "b_offset", 1),
        ("syncnet_curve.npz", "ident_mean_dist", 3e-5),
    ],
)
def test_a_damaged_array_fails(vectors: Path, tmp_path: Path, file: str, key: str, by: float) -> None:
    result = damaged(vectors, tmp_path, file, shifted(key, by))
    assert not result.passed
    assert result.worst_tensor == key


def test_an_array_that_nobody_knows_fails(vectors: Path, tmp_path: Path) -> None:
    result = damaged(vectors, tmp_path, "mfcc_cases.npz", lambda arrays: arrays.update(other=np.zeros(3)))
    assert not result.passed
    assert result.unreplayed == ("other",)


def test_other_cases_and_sizes_are_found_from_the_keys(vectors: Path, tmp_path: Path) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        for key in list(arrays):
            if key.startswith("c_"):
                arrays[f"again_{key[2:]}"] = arrays.pop(key)
        del arrays["ident_mean_dist"]

    result = damaged(vectors, tmp_path, "syncnet_curve.npz", change)
    assert result.passed
    assert "again_mean_dist" in {difference.key for difference in result.differences}


def test_another_salt_is_another_network(vectors: Path, tmp_path: Path) -> None:
    manifest = json.loads((vectors / "syncnet_manifest.json").read_text())
    del manifest["netcnnaud.0.bias"]
    (tmp_path / "syncnet_manifest.json").write_text(json.dumps(manifest))
    for salt, wrong in ((SALT, 1), ("other", 60)):
        (result,) = sync.replay(tmp_path, salt)
        assert sum(not difference.passed for difference in result.differences) == wrong


def test_the_outlier_and_the_second_face_leave_one_track(vectors: Path) -> None:
    stored = np.load(vectors / "syncnet_track.npz")
    found = [stored["det_boxes"][stored["det_frames"] == frame] for frame in range(50)]
    assert len(track_faces(found, TrackRules(min_detections=21))) == 1
    assert track_faces(found, TrackRules()) == []
