"""What a dataset card says of a dataset that others published as a list of links."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnnotationFile(_Section):
    """One of the authors' lists."""

    path: str
    """Path in their repository; a local copy may have it under this path or under its last part."""
    sha256: Sha256 | None = None
    """Of its content at the pinned commit; `null`: nobody has pinned it."""

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if not path or path.startswith("/") or "\\" in path or ".." in path.split("/"):
            raise ValueError("expected a path inside the repository, such as folder/list.txt")
        return path


class SplitRule(_Section):
    """How clips are drawn: sorted by SHA-256 of `key` + clip id, then taken in that order as far as allowed."""

    key: str = Field(min_length=1)
    """Text before each clip id under the hash, for example `liveact-eval/hdtf/v1/`."""
    clips: int = Field(gt=0)
    """Clips of the split; all that the rule takes beyond them are its reserve."""
    min_seconds: float = Field(default=0.0, ge=0)
    """Shorter clips are no candidates."""
    needs_box: bool = False
    """Whether clips without a box in the list are no candidates."""
    passes: int = Field(default=1, ge=1, le=10)
    """The n-th pass over the sorted clips takes what leaves no video and no speaker with more than n clips."""


class ConcatenateRule(_Section):
    """Clips that are only driving audio: all clips of one speaker, one after the other, over and over."""

    seconds: float = Field(gt=0)
    """Length of the audio."""
    min_own_seconds: float = Field(gt=0)
    """A speaker with less different speech than this is no candidate."""


class PreparedSpec(_Section):
    """A published dataset that has to be fetched and cut before use."""

    lists: str | None = None
    """YAML file, relative to the card, whose fields stand here unless the card gives them itself."""
    annotations: Literal["hdtf", "emtd", "celebvhq"]
    """Which lists these are, and so how they are read."""
    repository: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$")
    """GitHub repository of the lists."""
    commit: str = Field(pattern=r"^[0-9a-f]{40}$")
    """Its commit."""
    files: tuple[AnnotationFile, ...] = Field(min_length=1)
    """The lists that are read."""
    folder: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Name of the prepared folder; datasets whose clips are cut alike share one."""
    split: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*@[1-9][0-9]*$")
    """Name and version of the clip list: `hdtf-50@1` lies in `hdtf-50@1.txt` beside the card."""
    split_sha256: Sha256 | None = None
    """Of that file; `null`: no list is committed, it is drawn by the rule once the authors' lists are there."""
    reserve_sha256: Sha256 | None = None
    """Of `hdtf-50@1.reserve.txt`, the clips that may stand in, in order; `null`: there is no such file."""
    rule: SplitRule
    """How the list was drawn."""
    concatenate: ConcatenateRule | None = None
    """For long audio without a real video; then the rule orders speakers, and its `min_seconds` is about parts."""
    prompt: str = ""
    """What text encoders are given for every clip."""
    terms: str
    """What the source allows; shown once before anything is fetched."""
    must_accept: bool = False
    """Whether nothing is fetched before the user has accepted the terms."""
    url: str = Field(pattern=r"^https://")
    """Where the lists are published."""

    @property
    def reserve(self) -> str:
        """Name of the file of clips that may stand in, without its suffix."""
        return f"{self.split}.reserve"


_SUBSTITUTED = re.compile(r"^(?P<split>[^+]+)\+r(?P<count>[1-9][0-9]*)$")


def substituted(split: str, count: int) -> str:
    """Name of a split in which so many clips are replaced from its reserve: `hdtf-50@1+r3`."""
    return f"{split}+r{count}" if count else split


def count_substituted(split: str) -> int:
    """How many clips of a split of that name come from its reserve."""
    match = _SUBSTITUTED.match(split)
    return int(match["count"]) if match else 0
