"""The dataset card: which clips, from where, under which protocol and terms."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from liveact_eval.cards.protocol import Protocol
from liveact_eval.cards.published import PreparedSpec


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TalkersSpec(_Card):
    """Clips drawn by this package from a seed."""

    split: Literal["train", "test"] = "test"
    """The splits never share a speaker."""
    clips: int = Field(gt=0)
    """Number of clips."""
    speakers: int = Field(gt=0)
    """Number of speakers that the clips are spread over."""
    size: int = Field(default=64, ge=32, le=512)
    """Side of the square picture in pixels."""
    seconds: float = Field(default=5.0, gt=0)
    """Length of a clip in seconds."""
    seed: int = 0
    """Seed of everything that is drawn."""


class FolderSpec(_Card):
    """Any videos in a folder, where a clip's id is its path without the suffix, or the clips of a list."""

    path: str | None = None
    """Folder, or list of clips (.csv, .jsonl), relative to the card; `null`: given on the command line."""
    pattern: str = "**/*"
    """Glob inside the folder; only files with a video suffix count."""
    speaker_pattern: str | None = None
    """Regular expression with one group that takes the speaker out of a clip's id; `null`: one per clip."""

    @field_validator("pattern")
    @classmethod
    def _inside(cls, pattern: str) -> str:
        if not pattern or pattern.startswith("/"):
            raise ValueError("expected a glob below the folder, such as **/*.mp4")
        return pattern

    @field_validator("speaker_pattern")
    @classmethod
    def _has_group(cls, pattern: str | None) -> str | None:
        try:
            if pattern is not None and re.compile(pattern).groups < 1:
                raise ValueError("expected a regular expression with one group that takes the speaker")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern


class DatasetCard(_Card):
    """One dataset: its clips and the protocol under which they are measured."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Name on the command line; equal to the name of the card's file."""
    title: str
    """Name in tables."""
    kind: Literal["talkers", "folder", "prepared"]
    """Where the clips come from."""
    tier: Literal["mini", "paper"]
    """`mini`: numbers are comparable with each other only, and labelled so everywhere."""
    summary: str
    """One or two sentences for people."""
    protocol: Protocol
    """Everything that changes a number."""
    paper: str | None = None
    """Title or arXiv id of the paper."""
    licence: str | None = None
    """Licence of the clips or of their list."""
    talkers: TalkersSpec | None = None
    """For `kind: talkers`."""
    folder: FolderSpec | None = None
    """For `kind: folder`."""
    prepared: PreparedSpec | None = None
    """For `kind: prepared`."""
    notes: tuple[str, ...] = ()
    """What a reader of its numbers should know."""

    def model_post_init(self, _context: object) -> None:
        """A card carries exactly the section of its kind."""
        for kind in ("talkers", "folder", "prepared"):
            if (getattr(self, kind) is not None) != (self.kind == kind):
                expected = "must be given" if self.kind == kind else "must be absent"
                raise ValueError(f"section `{kind}` {expected} in a card of kind `{self.kind}`")
