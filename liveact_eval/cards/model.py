"""The model card: what a system is, where its weights lie, and how it is run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.counting import CountingSpec
from liveact_eval.cards.paths import stays_inside

Scalar = int | float | str | bool


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


Role = Literal["dit", "vae", "text", "tokenizer", "image", "speech"]
"""Part of a model that a file belongs to: transformer, video VAE, text encoder and its tokenizer, image and
speech encoder."""


class WeightFile(_Card):
    """One weight file that the user fetches, and what it must be."""

    role: Role
    """Part of the model that reads it."""
    hub: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
    """Model-hub id, `owner/name`."""
    file: str
    """Path of the file inside the repository. `*` in it stands for any part of a name, where the names of
    shards are not known."""
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    """Commit of the repository; `null` while nobody has pinned one: the newest is taken."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the file; `null` while nobody has measured it: what the hub states is checked."""
    bytes: int | None = Field(default=None, gt=0)
    """Size in bytes."""
    optional: bool = False
    """Fetched where the repository has it; nothing is missing without it."""

    @property
    def is_pattern(self) -> bool:
        """Whether `file` stands for several files."""
        return "*" in self.file

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, file: str) -> str:
        if not is_inside(file):
            raise ValueError("must be a path inside the repository, with `/` between folders")
        if "*" in file.rpartition("/")[0]:
            raise ValueError("`*` may stand in the name of the file only, not in that of its folder")
        return file

    def model_post_init(self, _context: object) -> None:
        """A hash and a size belong to one file."""
        if self.is_pattern and (self.sha256 is not None or self.bytes is not None):
            raise ValueError(
                f"file `{self.file}` stands for several files: it has no `sha256` and no `bytes`"
            )


def is_inside(file: str) -> bool:
    """Whether a path, with `/` between folders, stays inside the folder that it is joined to."""
    return stays_inside(file)


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
    size: tuple[int, int] = (512, 512)
    """Width and height that `generate` makes where none are asked for, in pixels."""
    fps: float = Field(default=20.0, gt=0)
    """Frames per second, likewise."""
    decode: Literal["overlap", "carried"] = "overlap"
    """How decoded blocks are joined: `overlap` as the official program does, `carried` without a seam and cheaper."""
    memory: str = "convkv"
    """Memory policy, by name: what a block sees of its past."""
    rollout_options: dict[str, Scalar | tuple[float, ...] | None] = Field(default_factory=dict)
    """Options of the forcing strategy that are not as its paper publishes them, by name."""
    folder: str | None = None
    """Folder of weight files of one's own training, from the card's place; `null`: those that come with the package."""


class PublishedSpec(_Card):
    """A system of which this package knows what its authors publish, and which it cannot run."""

    code: bool
    """Whether they publish a program."""
    weights: bool
    """Whether they publish weights."""
    drives: tuple[Literal["image", "audio", "text"], ...] = Field(min_length=1)
    """What a video is made from."""
    commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    """Commit of the repository that was read; `null` without one."""


class ModelCard(_Card):
    """One row of a comparison: title, paper, licence, and how its videos are made."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Name on the command line; equal to the name of the card's file."""
    title: str
    """Name in tables."""
    aliases: tuple[str, ...] = ()
    """Other names under which papers list it, where these differ from its name in more than dashes and dots."""
    kind: Literal["control", "native", "command", "published"]
    """How it runs: made from the real clip, generated inside this package, by a program of its own, or not at all:
    published figures only."""
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
    command: CommandSpec | None = None
    """For `kind: command`."""
    published: PublishedSpec | None = None
    """For `kind: published`."""
    counting: CountingSpec | None = None
    """Figures from which operations per frame follow by formula."""
    notes: Annotated[tuple[str, ...], Field(default=())]
    """What a reader of its numbers should know."""

    def model_post_init(self, _context: object) -> None:
        """A card carries exactly the section of its kind."""
        for kind in ("control", "native", "command", "published"):
            if (getattr(self, kind) is not None) != (self.kind == kind):
                expected = "must be given" if self.kind == kind else "must be absent"
                raise ValueError(f"section `{kind}` {expected} in a card of kind `{self.kind}`")
