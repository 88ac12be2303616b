"""Rules of a system that is run as a program: its pictures, sounds, lengths, files, and what its log says."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from liveact_eval.cards.paths import stays_inside


class Section(BaseModel):
    """A part of a card: frozen, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Size = tuple[Annotated[int, Field(ge=16)], Annotated[int, Field(ge=16)]]
"""Width and height in pixels."""
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""Reason of a failed clip, as it is counted beside a mean."""


class InputFile(Section):
    """A file that is written for the program, from a template."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Name of the file."""
    placeholder: str = Field(default="input", pattern=r"^[a-z][a-z0-9_]*$")
    """What its path is called in arguments and in files that come after it."""
    format: Literal["json", "json_list", "yaml", "csv", "lines"]
    """`json`, `yaml`: one value for one clip; `json_list`: one value per clip; `csv`, `lines`: one row per clip."""
    content: JsonValue
    """The template: a value for JSON and YAML, a map from column to text for CSV, a list of parts for lines."""
    separator: str = " "
    """`lines`: what stands between the parts."""
    quoting: Literal["none", "shell"] = "none"
    """`lines`: `shell` for a reader that splits lines as a shell does, `none` for one that splits at the separator."""
    byte_order_mark: bool = False
    """Whether the file begins with the mark of UTF-8."""

    @property
    def holds_several(self) -> bool:
        """Whether several clips fit into it."""
        return self.format in {"json_list", "csv", "lines"}

    def model_post_init(self, _context: object) -> None:
        """The template has the form that its format needs."""
        content = self.content
        if self.format == "csv" and not (isinstance(content, dict) and content):
            raise ValueError("`content` of a CSV file must map columns to texts")
        if self.format == "lines" and not (isinstance(content, list) and content):
            raise ValueError("`content` of a file of lines must be a list of parts")
        cells = (
            content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
        )
        if self.format in {"csv", "lines"} and not all(isinstance(cell, str) for cell in cells):
            raise ValueError("`content` of a CSV file or of lines must hold texts; quote numbers")


class WorkFolder(Section):
    """The folder in which the program runs: a new one for each process, so that nothing of another clip is there."""

    linked: bool = True
    """Whether all that lies in the repository is linked into it, for programs that read paths relative to it."""
    own: tuple[str, ...] = ()
    """Names of the repository that are not linked, as the program writes there."""
    links: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Further links, name to template of a path; of several paths the contents are linked into one folder, and where
    they have the same name the later one counts."""

    @field_validator("links")
    @classmethod
    def _inside(cls, links: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
        for name in links:
            if not stays_inside(name):
                raise ValueError(f"`{name}` must be a path inside the folder, with `/` between folders")
            if name == "out":
                raise ValueError("`out` is the folder of results, and no link can have its name")
            if other := next((other for other in links if name.startswith(f"{other}/")), None):
                raise ValueError(
                    f"`{name}` lies inside the link `{other}`: it would be made where that leads to"
                )
        return links


class PictureRule(Section):
    """Sizes that the system can make, and how pictures are brought there and back."""

    sizes: tuple[Size, ...] = ()
    """Sizes that it is asked for; the one whose shape is nearest is taken. Empty: the clip's own size."""
    multiple: int = Field(default=1, ge=1)
    """Without `sizes`: width and height are rounded down to a multiple of this."""
    fit: Literal["as_is", "cover", "pad"] = "as_is"
    """How the reference image is brought to the size: not at all; scaled and cropped to fill it; or scaled into it with
    its border repeated, which is cut off again from the result."""
    result: Literal["same", "crop", "stretch"] = "same"
    """What is done where the result's shape is not the clip's: refuse, crop the middle, or stretch."""


class SoundRule(Section):
    """What is done to the driving sound before the system hears it."""

    pad_s: float = Field(default=0.0, ge=0)
    """Silence behind it, in seconds: systems that make whole blocks would end before it does."""
    lead_s: float = Field(default=0.0, ge=0)
    """Silence before it, in seconds, up to the next whole frame of the system; its frames are dropped again."""
    min_s: float = Field(default=0.0, ge=0)
    """Shortest sound in seconds that the system takes; shorter ones are padded."""
    min_frames: int = Field(default=0, ge=0)
    """The same in frames of the system, which is added to what the units need."""
    min_frames_per_unit: int = Field(default=0, ge=0)
    """Frames of sound that it wants for each of `{units}`."""


class LengthRule(Section):
    """Frames: how many there will be, which of them count, and what must not happen."""

    fps: float = Field(default=25.0, gt=0)
    """Frames per second of the files that the system writes; another rate in the file is a failure."""
    lead_in_frames: int = 0
    """Frames at the start of its file before the one that belongs to the start of the sound; they are dropped.
    Negative: so many of the first frames are missing, and the first that is there is held."""
    offset_frames: int = 0
    """Further frames by which its picture is known to be late; negative: early."""
    frames_first: int = Field(default=0, ge=0)
    """It makes `frames_first + n * frames_step` frames."""
    frames_step: int = Field(default=1, ge=1)
    """See `frames_first`."""
    units_first: int = Field(default=0, ge=0)
    """What it is asked for where it counts something else than frames: `{units}` is `units_first + n * units_step`."""
    units_step: int = Field(default=1, ge=1)
    """See `units_first`."""
    max_frames: int | None = Field(default=None, gt=0)
    """Most frames that it makes, whatever it is asked for; a longer clip is refused before it runs."""
    missing_frames: int = Field(default=0, ge=0)
    """So many frames at the end may be missing."""
    extra_frames: int | None = Field(default=None, ge=0)
    """More frames than so many beyond those that it was asked for are a failure; `null`: the rest is cut off."""
    default_seconds: float | None = Field(default=None, gt=0)
    """Length in seconds where neither sound nor a real video says one."""


class PromptRule(Section):
    """What the system reads as text."""

    default: str = "a person is talking"
    """Prompt of clips that have none."""
    forbidden: tuple[str, ...] = ()
    """Texts that would break the system's reader; each becomes a space."""


class GpuNeeds(Section):
    """What one process needs."""

    count: int = Field(default=1, ge=0)
    """GPUs per process; 0: it runs on the CPU."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Memory that each of them must have, in GiB."""


class WeightFolder(Section):
    """A folder of weights that the user fetches."""

    hub: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
    """Model-hub id, `owner/name`."""
    revision: str | None = None
    """Commit or reference of the hub."""
    folder: str | None = None
    """Where it lies; relative to the folder of all weights. `null`: under its hub id."""
    files: tuple[str, ...] = Field(min_length=1)
    """Files that must be in it; `*` stands for any part of a name."""

    def model_post_init(self, _context: object) -> None:
        """There is a place to look at."""
        if self.hub is None and self.folder is None:
            raise ValueError("`hub` or `folder` must be given")
        for file in self.files:
            if not stays_inside(file):
                raise ValueError(f"`{file}` must be a path inside the folder, with `/` between folders")


class LicenceTerms(Section):
    """Terms that a user has to accept before the system may be run."""

    name: str
    """Name of the licence."""
    text: str
    """What it asks for, in a sentence: territory, purpose, attribution."""


class TimeLimits(Section):
    """When a process is given up."""

    start_s: float = Field(default=1800.0, gt=0)
    """Seconds for starting: loading weights, compiling."""
    per_second_s: float = Field(default=1200.0, ge=0)
    """Further seconds for each second of video."""
    silent_s: float | None = Field(default=None, gt=0)
    """Seconds without a word in the log; `null`: any."""


class TimingLine(Section):
    """A line of the log that says how long something took."""

    pattern: str
    """Regular expression with the group `seconds` or `ms`, and for blocks perhaps `frames`."""
    kind: Literal["block", "load", "first_frame", "total"] = "block"
    """What it is about."""
    frames: int | None = Field(default=None, gt=0)
    """Frames of a block where the line does not say it."""
    skip: int = Field(default=0, ge=0)
    """First blocks that warm up: they are kept, and left out of the sustained rate."""

    @field_validator("pattern")
    @classmethod
    def _has_groups(cls, pattern: str) -> str:
        groups = set(compiled(pattern).groupindex)
        if len(groups & {"seconds", "ms"}) != 1 or groups - {"seconds", "ms", "frames"}:
            raise ValueError(f"expected one group `seconds` or `ms`, and perhaps `frames`, in `{pattern}`")
        return pattern


class FailureLine(Section):
    """A line of the log that means failure, even where the program ends well and has written a file."""

    pattern: str
    """Regular expression."""
    reason: Code
    """Reason of the clip's failure."""
    stops: bool = False
    """Whether it would be the same with every clip: the run stops."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        compiled(pattern)
        return pattern


class WorkerSpec(Section):
    """A system that stays loaded: a function in its environment, called clip after clip."""

    function: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """`module:function`. It is called once with `options`, and gives the function that makes a video."""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """What it is called with; texts may hold placeholders that no clip changes."""
    heartbeat_s: float = Field(default=120.0, gt=0)
    """Seconds without a sign of life after which the process is ended."""
    warm_up_blocks: int = Field(default=0, ge=0)
    """First blocks of a clip that are left out of the sustained rate, where the function states its blocks."""
    restarts: int = Field(default=3, ge=0)
    """How often in a row it is started anew after it has failed."""


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression; what is wrong with it is a `ValueError`."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"`{pattern}` is no regular expression: {error}") from error
