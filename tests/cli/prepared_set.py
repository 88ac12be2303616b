"""A published dataset in small, prepared: a card with its list, drawn clips, a manifest."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path

from liveact_eval.clips.image import save_png
from liveact_eval.clips.sound import load_sound
from liveact_eval.clips.video import Frame, VideoFile
from liveact_eval.datasets.preparing.manifest import Manifest
from liveact_eval.datasets.preparing.rows import ClipFiles, ClipRow, FileFacts
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.files import sha256_of
from tests.cli.helpers import make_clip

CLIPS = ("Anna0_0", "Ben0_1", "Carl_0", "Dora1_0")
RESERVE = ("Emma_0", "Fred_0")
CARD = """\
name: small
title: Small
kind: prepared
tier: paper
summary: Four drawn clips under the names of a published list.
protocol:
  {{name: small, version: 1, fps: 25, size: [32, 32], clip_seconds: 0.8, reference_image: image,
    driving_audio: {audio}}}
prepared:
  annotations: hdtf
  repository: nobody/nothing
  commit: "{commit}"
  url: https://example.org/small
  terms: Drawn.
  files: [{{path: list.txt}}]
  folder: small
  split: small-4@1
  split_sha256: {split}
  reserve_sha256: {reserve}
  rule: {{key: liveact-eval/small/v1/, clips: 4}}
"""


def write_card(folder: Path, audio: str = "self") -> Path:
    """The card, with its two lists beside it."""
    hashes = {}
    for name, ids in (("small-4@1", CLIPS), ("small-4@1.reserve", RESERVE)):
        content = "".join(f"{clip}\n" for clip in ids).encode()
        (folder / f"{name}.txt").write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    path = folder / f"{audio}.yaml"
    text = CARD.format(
        audio=audio, commit="0" * 40, split=hashes["small-4@1"], reserve=hashes["small-4@1.reserve"]
    )
    path.write_text(text, encoding="utf-8")
    return path


def prepare(root: Path, ready: tuple[str, ...], dead: tuple[str, ...] = ()) -> None:
    """Files and rows of some clips, as preparing leaves them."""
    folder = PreparedFolder.of("small", root)
    for number, clip in enumerate(ready):
        files = _files(folder, clip, number)
        _put(folder, clip, files)
    for clip in dead:
        _put(folder, clip, None)


def _files(folder: PreparedFolder, clip: str, speaker: int) -> ClipFiles:
    folder.clip(clip).parent.mkdir(parents=True, exist_ok=True)
    video = make_clip(folder.clip(clip), speaker=speaker)
    with VideoFile(video) as opened:
        first = next(item.rgb for item in opened.read() if isinstance(item, Frame))
    folder.image(clip).parent.mkdir(exist_ok=True)
    save_png(folder.image(clip), first)
    folder.audio(clip).parent.mkdir(exist_ok=True)
    with wave.open(str(folder.audio(clip)), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(load_sound(video).astype("<i2").tobytes())
    return ClipFiles(clip=_facts(video), audio=_facts(folder.audio(clip)), image=_facts(folder.image(clip)))


def _facts(path: Path) -> FileFacts:
    stat = path.stat()
    return FileFacts(sha256=sha256_of(path), bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)


def _put(folder: PreparedFolder, clip: str, files: ClipFiles | None) -> None:
    row = ClipRow(
        dataset="small",
        clip_id=clip,
        video_id=clip,
        video_name=clip,
        url="",
        speaker=clip.rstrip("0123456789_"),
        identity=f"identity of {clip}",
        status="dead" if files is None else "ready",
        reason="removed" if files is None else None,
        files=files,
    )
    with Manifest(folder.manifest) as manifest:
        manifest.put(row)
