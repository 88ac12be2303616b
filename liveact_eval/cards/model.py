"""The model card: what a system is, where its weights lie, and how it is run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = int | float | str | bool


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class WeightFile(_Card):
    """One weight file that the user fetches, and what it must be."""

    hub: str
    """Model-hub id, `owner/name`."""
    file: str
    """Path of the file inside the repository."""
    revision: str | None = None
    """Commit of the repository; `null` while nobody has pinned one."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the file; `null` while nobody has measured it."""
    bytes: int | None = Field(default=None, gt=0)
    """Size in bytes."""


class Reported(_Card):
    """A figure that the authors report. It never takes the place of a measurement."""

    name: str
    """What was reported, for example `fps`."""
    value: float
    """The figure as printed."""
    unit: str = ""
    """Its unit."""
    conditions: str
    """Hardware, resolution and whatever else the authors say about it."""
    source: str
    """Where it is printed."""


class ControlSpec(_Card):
    """A control: made from the real clip, so that it is known what each metric must say about it."""

    effect: Literal["real", "still", "shift", "noise", "blur", "freeze"]
    """What is done to the real clip."""
    frames: int = 0
    """`shift`: video frames by which the audio is moved; positive plays it earlier (offset rises)."""
    sigma: float = Field(default=0.0, ge=0)
    """`noise`: standard deviation in 8-bit levels; `blur`: of the Gaussian, in pixels per 100 of height."""
    start: float = Field(default=0.0, ge=0, le=1)
    """`freeze`: share of the clip after which the picture stands still."""


class NativeSpec(_Card):
    """A model that runs inside this package."""

    config: str
    """Name of the network configuration."""
    rollout: str
    """Name of the forcing strategy."""
    steps: int = Field(gt=0)
    """Denoising steps per block (NFE without guidance)."""


class ModelCard(_Card):
    """One row of a comparison: title, paper, licence, and how its videos are made."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Name on the command line; equal to the name of the card's file."""
    title: str
    """Name in tables."""
    kind: Literal["control", "native"]
    """How it runs: made from the real clip, or generated inside this package."""
    summary: str
    """One or two sentences for people."""
    paper: str | None = None
    """Title or arXiv id of the paper."""
    repository: str | None = None
    """Repository of the authors."""
    licence: str | None = None
    """Licence of weights or code; `null` if there is none."""
    hardware: str | None = None
    """What it needs."""
    weights: tuple[WeightFile, ...] = ()
    """Files to fetch."""
    reported: tuple[Reported, ...] = ()
    """Figures of the authors."""
    control: ControlSpec | None = None
    """For `kind: control`."""
    native: NativeSpec | None = None
    """For `kind: native`."""
    notes: Annotated[tuple[str, ...], Field(default=())]
    """What a reader of its numbers should know."""

    def model_post_init(self, _context: object) -> None:
        """A card carries exactly the section of its kind."""
        for kind in ("control", "native"):
            if (getattr(self, kind) is not None) != (self.kind == kind):
                expected = "must be given" if self.kind == kind else "must be absent"
                raise ValueError(f"section `{kind}` {expected} in a card of kind `{self.kind}`")
