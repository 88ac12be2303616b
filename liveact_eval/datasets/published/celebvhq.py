"""CelebV-HQ: its one JSON file as clips.

Written for CelebV-HQ/CelebV-HQ at d1b6cf3ace513de8c9af3f2b72860ac7533e81ef, from what its README and loader say of
the file; the file itself has not been read by this project.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from liveact_eval.datasets.published.lines import read_text, watch_url
from liveact_eval.datasets.published.source_clip import RelativeBox, SourceClip
from liveact_eval.errors import UserError

LIST = "celebvhq_info.json"
_CLIP = re.compile(r"(?P<video>[A-Za-z0-9_-]{11})_(?P<index>[0-9]{1,6})")
_HUNDREDTHS = 100

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, lt=10**6)]


class _Listed(BaseModel):
    # Attributes are in the file too; nothing here asks for them.
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Duration(_Listed):
    start_sec: Seconds
    end_sec: Seconds


class _Box(_Listed):
    top: Share
    bottom: Share
    left: Share
    right: Share


class _Clip(_Listed):
    ytb_id: str
    duration: _Duration
    bbox: _Box


class _File(_Listed):
    clips: dict[str, _Clip]


def read_celebvhq(folder: Path, prompt: str = "") -> list[SourceClip]:
    """All clips, in the order of the file.

    Args:
        folder: where the file lies.
        prompt: what text encoders are given for every clip.

    Raises:
        UserError: the file is missing, or a clip of it cannot be read.
    """
    path = folder / LIST
    try:
        listed = _File.model_validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(
            f"{path}: {where}: {first['msg']} ({error.error_count()} such in all). Expected clips with ytb_id, "
            "duration and bbox, as published. Fetch the file again."
        ) from error
    return [_clip(path, name, clip, prompt) for name, clip in listed.clips.items()]


def _clip(path: Path, name: str, listed: _Clip, prompt: str) -> SourceClip:
    # A video's id may hold underscores itself: the number is what stands behind the last one.
    match = _CLIP.fullmatch(name)
    if match is None or match["video"] != listed.ytb_id:
        raise UserError(
            f"{path}: the clip {name!r} of the video {listed.ytb_id!r}; expected the video's id, _ and a number."
        )
    # The authors' loader writes times with two digits and cuts the rest off.
    start, end = (
        Fraction(int(Fraction(str(seconds)) * _HUNDREDTHS), _HUNDREDTHS)
        for seconds in (listed.duration.start_sec, listed.duration.end_sec)
    )
    box = listed.bbox
    if end <= start or box.bottom <= box.top or box.right <= box.left:
        raise UserError(
            f"{path}: the clip {name!r} is empty: {listed.duration} {box}. Expected end after start."
        )
    return SourceClip(
        id=name,
        dataset="celebvhq",
        video_id=listed.ytb_id,
        video_name=listed.ytb_id,
        url=watch_url(listed.ytb_id),
        start_s=start,
        end_s=end,
        relative_box=RelativeBox(top=box.top, bottom=box.bottom, left=box.left, right=box.right),
        crop_rule="normalised",
        speaker=listed.ytb_id,
        prompt=prompt,
    )
