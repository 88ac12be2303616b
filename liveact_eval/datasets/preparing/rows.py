"""What is known of one clip of a prepared dataset: a line of its manifest."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ROW_VERSION = 1
Status = Literal["todo", "downloaded", "ready", "dead", "error", "bad"]
"""`todo`: not tried, or there is no file for it; `downloaded`: its video is there; `ready`: its files are there;
`dead`: the site has its video no more, or not for us; `error`: worth another try; `bad`: the video is there and the
clip cannot be used."""
Way = Literal["yt-dlp", "mirror", "folder"]
"""How a video was obtained."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileFacts(_Part):
    """One file of a clip as it was written."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the whole file."""
    bytes: int = Field(ge=0)
    """Its size."""
    mtime_ns: int
    """Its date then: a file of this size and date is not read again."""


class SourceFacts(_Part):
    """The video that a clip was cut from, as it was obtained."""

    file: str
    """Its name."""
    way: Way
    """How it was obtained."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the raw file; differs between users, since the site encodes anew."""
    width: int
    """Pixels, upright."""
    height: int
    """Pixels, upright."""
    fps: float
    """Average frames per second as the container states it."""
    seconds: float
    """Length as the container states it."""
    codec: str
    """Video codec."""
    rotation: int = 0
    """Degrees by which its pictures had to be turned."""
    interlaced: bool = False
    """Whether its pictures came as fields."""


class Box(_Part):
    """The part of the upright source picture that became the clip, in its pixels."""

    x: int
    y: int
    width: int
    height: int
    method: Literal["listed", "scaled", "face", "upper_body", "normalised"]
    """`listed`: as published; `scaled`: published for another height; otherwise the rule that found it."""
    notes: tuple[str, ...] = ()
    """What had to be changed about it."""


class Judgement(_Part):
    """What was found when the clip was looked at and listened to."""

    one_face_share: float | None = None
    """Share of the frames with exactly one face, 0..1."""
    sync_offset_frames: float | None = None
    """SyncNet's shift between mouth and sound, in frames."""
    sync_confidence: float | None = None
    """How clearly that shift stands out (Sync-C)."""
    unchecked: tuple[str, ...] = ()
    """What could not be looked at, and why."""


class ClipFiles(_Part):
    """The files of a clip."""

    clip: FileFacts | None
    """Pictures and sound; `None` where there is only driving audio."""
    audio: FileFacts
    """Sound."""
    image: FileFacts
    """Reference image."""


class ClipRow(_Part):
    """One clip: where it comes from, how far it is, what was made of it."""

    row_version: int = ROW_VERSION
    """Version of these fields."""
    dataset: str
    """Dataset that the clip belongs to."""
    clip_id: str
    """Name of the clip."""
    video_id: str
    """Id of its video at the site."""
    video_name: str
    """Name of its video in the dataset."""
    url: str
    """Address of its video."""
    subset: str = ""
    """Part of the dataset."""
    speaker: str = ""
    """Who speaks."""
    prompt: str = ""
    """What the text encoder is given."""
    identity: str
    """SHA-256 over video, interval, crop and recipe: what the clip is."""
    status: Status
    """How far it is."""
    reason: str | None = None
    """Short code of what went wrong."""
    message: str | None = None
    """The same for people, with what the tool said."""
    way: Way | None = None
    """How its video was tried to be obtained."""
    start_s: float | None = None
    """Where its window begins in the video, in seconds."""
    end_s: float | None = None
    """Where its window ends in the video, in seconds."""
    frames: int | None = None
    """Pictures in it."""
    fps: float | None = None
    """Pictures per second."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    samples: int | None = None
    """Samples of its sound, at 16 kHz."""
    silent_samples: int | None = None
    """Those of them that the source does not have; they are silence."""
    box: Box | None = None
    """What was cut out of the picture."""
    parts: tuple[str, ...] = ()
    """For long sound: the clips that were joined, in order."""
    source: SourceFacts | None = None
    """The video that it, or its first part, was cut from."""
    files: ClipFiles | None = None
    """Its files; `None` until it is ready."""
    mean_luma: tuple[float, ...] = ()
    """Mean luma (0 to 255) of each second: tells a video that was edited or moved in time."""
    judgement: Judgement | None = None
    """What was found in it."""
    tools: dict[str, str] = {}
    """Versions of what was used."""
    notes: tuple[str, ...] = ()
    """What was irregular in the list."""
    finished_at: str | None = None
    """When this was written, UTC."""
    seal: str = ""
    """SHA-256 over all other fields: a row that was edited by hand does not fit it."""

    def sealed(self) -> ClipRow:
        """The row with the seal that fits it."""
        return self.model_copy(update={"seal": self._digest()})

    @property
    def is_sealed(self) -> bool:
        """Whether the row is as it was written."""
        return self.seal == self._digest()

    def _digest(self) -> str:
        content = self.model_dump(mode="json", exclude={"seal"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
