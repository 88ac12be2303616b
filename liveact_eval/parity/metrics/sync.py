"""Replays vectors of lip sync: sound features, tracks, SyncNet from crops and sound to scores, planted offsets."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from liveact_eval.clips.face_tracking import TrackRules, main_track, track_faces
from liveact_eval.errors import UserError
from liveact_eval.metrics._mfcc import RATE_HZ, mfcc, sound_windows
from liveact_eval.metrics._sync_crops import CROP, smoothed
from liveact_eval.metrics._sync_curve import (
    EPSILON,
    MAX_SHIFT,
    distances,
    framewise_confidence,
    mean_curve,
    scores,
    usable_windows,
)
from liveact_eval.networks.s3fd import build_s3fd
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.networks.syncnet import SyncNet, build_syncnet
from liveact_eval.parity.metrics import _s3fd
from liveact_eval.parity.metrics._seeded_manifest import check_seeded_manifest
from liveact_eval.parity.run import attempt
from liveact_eval.parity.vectors import Checks, FileResult, VectorFile

NETWORK = "syncnet"
"""Tag in the rule of seeded weights."""
CROPS, SOUND = "syncnet_crops_rgb.png", "syncnet_audio.wav"
MFCC, EMBEDDING, DISTANCE, SCORE = 1e-6, 2e-4, 3e-4, 1e-4
"""Tolerances from sound and crops to scores."""
CURVE, TRACK = 1e-5, 1e-9
"""Tolerances from given embeddings to scores, and of tracks."""
MIN_DETECTIONS = 21
"""The reference was told to keep tracks of more than 20."""


def replay(folder: Path, salt: str) -> Iterator[FileResult]:
    """Replay what the folder holds of lip sync and of the face detector's manifest, one result per file."""
    files: dict[str, Callable[[], FileResult]] = {
        "mfcc_cases.npz": lambda: _mfcc_cases(folder),
        "syncnet_track.npz": lambda: _track(folder),
        "syncnet_curve.npz": lambda: _curves(folder),
        "syncnet_net.npz": lambda: _network(folder, salt),
        "syncnet_bn.safetensors": lambda: _moments(folder)[1],
        "syncnet_manifest.json": lambda: check_seeded_manifest(
            folder, "syncnet_manifest.json", build_syncnet(), NETWORK, salt
        ),
        "s3fd_manifest.json": lambda: check_seeded_manifest(
            folder, "s3fd_manifest.json", build_s3fd(), _s3fd.NETWORK, salt
        ),
        CROPS: lambda: _given_crops(folder)[1],
        SOUND: lambda: _given_sound(folder)[1],
    }
    for file, check in files.items():
        if (folder / file).is_file():
            yield attempt(file, check)


def _mfcc_cases(folder: Path) -> FileResult:
    vectors = VectorFile(folder, "mfcc_cases.npz")
    for key in vectors:
        if key.endswith("_out"):
            samples = vectors.read(f"{key.removesuffix('_out')}_in").numpy()
            vectors.check(key, torch.from_numpy(mfcc(samples)), MFCC)
    return vectors.result()


def _track(folder: Path) -> FileResult:
    vectors = VectorFile(folder, "syncnet_track.npz")
    frames, boxes = vectors.read("det_frames").numpy(), vectors.read("det_boxes").numpy()
    # Where the clip began in its source changes nothing.
    vectors.read("source_start_frame")
    found = [boxes[frames == frame] for frame in range(int(frames.max()) + 1)]
    track = main_track(track_faces(found, TrackRules(min_detections=MIN_DETECTIONS)))
    if track is None:
        raise ValueError(f"{len(found)} frames with {len(boxes)} boxes gave no track")
    square = smoothed(track.boxes)
    vectors.check("track_frames", torch.arange(track.start, track.start + len(track)), 0.0)
    vectors.check("track_boxes", torch.from_numpy(track.boxes), TRACK)
    for key, values in (("s", square.half), ("x", square.x), ("y", square.y)):
        vectors.check(key, torch.from_numpy(values), TRACK)
    return vectors.result()


def _curves(folder: Path) -> FileResult:
    vectors = VectorFile(folder, "syncnet_curve.npz")
    for key in vectors:
        case = key.removesuffix("_video")
        if case != key:
            table = distances(vectors.read(key).numpy(), vectors.read(f"{case}_audio").numpy())
            _check_scores(vectors, f"{case}_", table, curve=CURVE, score=CURVE)
    if "ident_mean_dist" in vectors:
        ones = _ones_of(vectors.peek("ident_mean_dist"))
        table = distances(ones, ones)
        vectors.check("ident_mean_dist", torch.from_numpy(mean_curve(table)), CURVE)
    return vectors.result()


def _network(folder: Path, salt: str) -> FileResult:
    vectors = VectorFile(folder, "syncnet_net.npz")
    crops, samples = _given_crops(folder)[0], _given_sound(folder)[0]
    network = _seeded(folder, salt)
    steps = mfcc(samples)
    count = usable_windows(len(crops), len(samples))
    with torch.inference_mode():
        video = network.embed_video(torch.from_numpy(crops))[:count]
        audio = network.embed_audio(torch.from_numpy(sound_windows(steps, count)))
    table = distances(video.numpy(), audio.numpy())
    vectors.check("mfcc", torch.from_numpy(steps), MFCC)
    vectors.check("video_emb", video, EMBEDDING)
    vectors.check("audio_emb", audio, EMBEDDING)
    vectors.check("dists", torch.from_numpy(table), DISTANCE)
    vectors.check("framewise_conf", torch.from_numpy(framewise_confidence(table)), DISTANCE)
    _check_scores(vectors, "", table, curve=DISTANCE, score=SCORE)
    return vectors.result()


def _check_scores(
    vectors: VectorFile, prefix: str, table: NDArray[np.float32], *, curve: float, score: float
) -> None:
    made = scores(table)
    vectors.check(f"{prefix}mean_dist", torch.from_numpy(mean_curve(table)), curve)
    vectors.check(f"{prefix}offset", torch.tensor(made.offset), 0.0)
    vectors.check(f"{prefix}min_dist", torch.tensor(made.distance), score)
    vectors.check(f"{prefix}confidence", torch.tensor(made.confidence), score)


def _ones_of(curve: Tensor) -> NDArray[np.float32]:
    """All-ones embeddings (W, d) whose curve against themselves this is: the file does not hold them.

    At shift 0 only the epsilon is left, d times; one shift on, one of the W windows meets padding.
    """
    width = round((float(curve[MAX_SHIFT]) / EPSILON) ** 2)
    windows = round(width**0.5 / float(curve[MAX_SHIFT - 1]))
    return np.ones((windows, width), np.float32)


def _seeded(folder: Path, salt: str) -> SyncNet:
    network = build_syncnet()
    fill_seeded(network, NETWORK, salt=salt, batch_norm=_moments(folder)[0])
    return network


def _moments(folder: Path) -> tuple[dict[str, Tensor], FileResult]:
    """Running means and variances; every one of the network's and no other."""
    vectors = VectorFile(folder, "syncnet_bn.safetensors")
    moments = vectors.use_all()
    expected = {
        key: value.shape
        for key, value in build_syncnet().state_dict().items()
        if key.endswith(("running_mean", "running_var"))
    }
    given = {key: value.shape for key, value in moments.items()}
    if given != expected:
        wrong = ", ".join(
            sorted(key for key in given.keys() | expected if given.get(key) != expected.get(key))
        )
        raise UserError(f"{vectors.file} is not made for this network; wrong, missing or left over: {wrong}.")
    return moments, vectors.result()


def _given_crops(folder: Path) -> tuple[NDArray[np.uint8], FileResult]:
    """The crops (T, 224, 224, 3), one below the other in the file."""
    with Image.open(folder / CROPS) as picture:
        pixels = np.array(picture.convert("RGB"))
    checks = Checks(CROPS)
    checks.equal("width", pixels.shape[1], CROP)
    checks.equal("rows beyond whole crops", pixels.shape[0] % CROP, 0)
    return pixels.reshape(-1, CROP, CROP, 3), checks.result()


def _given_sound(folder: Path) -> tuple[NDArray[np.int16], FileResult]:
    with wave.open(str(folder / SOUND)) as sound:
        form = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    checks = Checks(SOUND)
    checks.equal("channels, bytes per sample, rate", form, (1, 2, RATE_HZ))
    return samples.astype(np.int16), checks.result()
